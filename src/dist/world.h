/* Communication among ranks: everything the other modules need of MPI, without its types.

   All functions are collective over the world unless said otherwise, and called from the thread that opened it. A rank
   that dies takes the job with it (mpirun ends the others); an MPI call that fails aborts the job with MPI's message,
   so none of these returns an error of its own, except where memory is taken. `shards` is always a plan for this
   world's ranks and this rank. */
#ifndef GAN_DIST_WORLD_INTERNAL_H
#define GAN_DIST_WORLD_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/shards.h"
#include "gan_dist/world.h"

enum { GAN_HOST_NAME = 256 };

/* Host name of this rank, shorter than GAN_HOST_NAME; ranks on this host and this rank's number among them; hosts of
 * the world. Not collective. */
const char *gan_world_host(const gan_world *world);
int gan_world_host_size(const gan_world *world);
int gan_world_host_rank(const gan_world *world);
int gan_world_host_count(const gan_world *world);
/* "Open MPI v4.1.4, ..." in one line. Not collective. */
const char *gan_world_library(void);

/* The cores that the ranks of this host may use, all together, and how many ranks that are; tests that pretend to have
   more hosts (GAN_PRETEND_HOSTS) pretend nothing here. Not collective. */
typedef struct gan_host_cores {
  int ranks, cores;
} gan_host_cores;
gan_host_cores gan_world_cores(const gan_world *world);

/* Seconds that this rank has waited for others, in all; and in how many of them it looked around instead of sleeping,
   which takes a core. Not collective. */
typedef struct gan_waited {
  double seconds, spinning;
} gan_waited;
gan_waited gan_world_waited(const gan_world *world);

/* gan_world_open in two parts. Joins, also where a foreign launcher made each process a world of its own: for what does
   no harm when many do it. Collective. */
gan_status gan_world_join(int *argc, char ***argv, gan_world **world) GAN_CHECKED;
/* A world of this process alone, without MPI, for what one process does by itself; all functions of this page work in
   it. Closed by gan_world_close. Not collective. */
gan_status gan_world_alone(gan_world **world) GAN_CHECKED;
/* GAN_BAD_USAGE, naming the launcher and the MPI library, when the launcher says that it started more processes than
   the one that this world has. Not collective. */
gan_status gan_world_check_launcher(const gan_world *world) GAN_CHECKED;
/* Whether this process is the one that tells errors: rank 0; of many that are each alone, the launcher's first. Not
   collective. */
bool gan_world_speaks(const gan_world *world);

/* Rank 0's bytes to everybody. */
void gan_world_broadcast(gan_world *world, void *data, size_t bytes);
/* Largest value of any rank, on every rank; NaN when any rank's is NaN. */
double gan_world_maximum(gan_world *world, double value);
void gan_world_barrier(gan_world *world);

/* Ends the whole job at once with `status` as its exit status; for errors that cannot be agreed on. Not collective. */
_Noreturn void gan_world_abort(gan_world *world, int status);

/* Two ranks that differ in what should be the same everywhere. */
typedef struct gan_difference {
  int rank;      /* the lowest whose hash is not the commonest */
  int reference; /* the lowest that has the commonest hash; of equally common ones it is the lowest rank's */
  bool certain;  /* more than half of all have it, so `rank` is the odd one; otherwise either may be */
  char host[GAN_HOST_NAME], reference_host[GAN_HOST_NAME];
} gan_difference;

/* Compares a hash over ranks. True when all are equal; otherwise *difference tells, the same on every rank, who
   differs. Each rank has a vote; but where the ranks of each host agree among themselves, each host has one, however
   many ranks it has: what was hashed may be one copy that they share. */
bool gan_world_same_hash(gan_world *world, uint64_t hash, gan_difference *difference);

/* gan_shards_plan for this world and rank, on all ranks or on none: then there is nothing to release. */
gan_status gan_world_plan_shards(gan_world *world, int count, int64_t batch, gan_shards *shards) GAN_CHECKED;

/* Rows of the local shards' samples (gan_shards_samples(shards), row_floats) to rank 0 as all (batch, row_floats) in
   order of the global batch. `all` matters on rank 0 only. */
void gan_world_gather(gan_world *world, const gan_shards *shards, size_t row_floats, const float *mine, float *all);

/* per_shard (local shards, count) -> total (count): sums along the shard tree in double, the same bits on every rank
   and for any number of ranks. */
void gan_world_sum(gan_world *world, const gan_shards *shards, const double *per_shard, size_t count, double *total);

/* Memory that all ranks of a host see, aligned to 64 bytes, taken once per host; `fill` is called on one rank of each
   host, the others wait. Where a host cannot share that much (/dev/shm is too small, as in a container with its default
   of 64 MB), each of its ranks takes memory of its own and `fill` is called on each of them: the same content, at the
   price of one copy per rank. So `fill` must not communicate, and must write the same on every rank. The block is owned
   by the world until gan_world_unshare (an address that is not a block's is ignored) or gan_world_close; nobody writes
   to it afterwards. Collective over the world; the errors of all ranks are agreed on, and leave nothing behind. */
typedef gan_status (*gan_fill)(void *context, void *memory, size_t bytes);
gan_status gan_world_share(gan_world *world, size_t bytes, gan_fill fill, void *context, void **memory) GAN_CHECKED;
void gan_world_unshare(gan_world *world, void *memory);

#endif
