/* Checks of the MPI tests: each rank judges by itself, rank 0 tells the common verdict, one line per check. */
#ifndef TESTS_MPI_SUPPORT_H
#define TESTS_MPI_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "dist/world.h"
#include "gan_dist/world.h"

#ifdef __SANITIZE_THREAD__
/* For the sanitizer's library to find: others that are not instrumented, as Open MPI, seem to be full of errors. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "ignore_noninstrumented_modules=1"; }
#endif

/* Notes this rank's verdict in *failures and prints "ok NAME" or "not ok NAME" on rank 0. Collective. A rank for which
   the check failed says so itself, and leaves with an error in the end, whatever the communication under test does. */
static inline void check(gan_world *world, const char *name, bool passed, int *failures) {
  if (!passed) {
    fprintf(stderr, "rank %d: failed: %s\n", gan_world_rank(world), name);
    ++*failures;
  }
  const bool failed_somewhere = gan_world_maximum(world, passed ? 0 : 1) > 0;
  if (gan_world_rank(world) == 0) printf("%s %s\n", failed_somewhere ? "not ok" : "ok", name);
  fflush(stdout);
}

/* Opens the world or ends the program. */
static inline gan_world *open_world(int *argc, char ***argv) {
  gan_world *world = NULL;
  if (gan_world_open(argc, argv, &world) == GAN_OK) return world;
  fprintf(stderr, "cannot open the world: %s\n", gan_error_message());
  exit(1);
}

/* Plans this rank's part or ends the program. */
static inline gan_shards plan_shards(const gan_world *world, int count, int64_t batch) {
  gan_shards shards;
  if (gan_shards_plan(count, batch, gan_world_size(world), gan_world_rank(world), &shards) == GAN_OK) return shards;
  fprintf(stderr, "cannot plan the shards: %s\n", gan_error_message());
  exit(1);
}

/* A value in [-1, 1) times a power of two between 2^-12 and 2^12, made of its place: such values cannot be summed in
   another order without a change of the last bits. */
static inline double wild_value(int shard, size_t place) {
  uint64_t bits = ((uint64_t)shard + 1) * 0x9e3779b97f4a7c15u + ((uint64_t)place + 1) * 0xd1b54a32d192ed03u;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
  bits ^= bits >> 31;
  const double fraction = (double)(int64_t)(bits & ~UINT64_C(0x1f)) * 0x1p-63;
  const int exponent = (int)(bits % 25) - 12;
  return exponent < 0 ? fraction / (double)(1 << -exponent) : fraction * (double)(1 << exponent);
}

#endif
