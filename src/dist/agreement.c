/* Small exchanges that leave all ranks with the same knowledge: errors, hashes, rank 0's data, the largest value. */
#include <math.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/hash.h"
#include "dist/wait.h"
#include "dist/world.h"
#include "dist/world_state.h"

/* MPI counts in int; a large block goes in pieces. */
static const size_t LARGEST_PIECE = (size_t)1 << 30;

void gan_world_broadcast_from(gan_world *world, int root, void *data, size_t bytes) {
  if (world->size == 1) return;
  for (size_t offset = 0; offset < bytes; offset += LARGEST_PIECE) {
    const size_t piece = bytes - offset < LARGEST_PIECE ? bytes - offset : LARGEST_PIECE;
    MPI_Request request;
    MPI_Ibcast((char *)data + offset, (int)piece, MPI_BYTE, root, world->ranks, &request);
    gan_wait(world, 1, &request);
  }
}

void gan_world_broadcast(gan_world *world, void *data, size_t bytes) {
  gan_world_broadcast_from(world, 0, data, bytes);
}

double gan_world_maximum(gan_world *world, double value) {
  if (world->size == 1) return value;
  /* MPI_MAX may lose a NaN, or give it to some ranks only, so its presence travels beside the values. */
  const double mine[2] = {isnan(value), isnan(value) ? -INFINITY : value};
  double largest[2];
  MPI_Request request;
  MPI_Iallreduce(mine, largest, 2, MPI_DOUBLE, MPI_MAX, world->ranks, &request);
  gan_wait(world, 1, &request);
  return largest[0] > 0 ? (double)NAN : largest[1];
}

void gan_world_barrier(gan_world *world) {
  if (world->size == 1) return;
  MPI_Request request;
  MPI_Ibarrier(world->ranks, &request);
  gan_wait(world, 1, &request);
}

/* Whether every rank has the same error: one that is nobody's in particular, such as a mistyped option. */
static bool failed_alike(gan_world *world, gan_status mine) {
  const char *message = mine == GAN_OK ? "" : gan_error_message();
  const uint64_t hash = gan_hash(message, strlen(message), (uint64_t)mine);
  const uint64_t both[2] = {hash, ~hash}; /* the smallest complement is that of the largest */
  uint64_t least[2];
  MPI_Request request;
  MPI_Iallreduce(both, least, 2, MPI_UINT64_T, MPI_MIN, world->ranks, &request);
  gan_wait(world, 1, &request);
  return least[0] == ~least[1];
}

typedef struct failure {
  gan_status status;
  char message[1024];
} failure;

/* This rank's error, with the place where it was met; a message that was agreed on before names it already. */
static void describe(const gan_world *world, gan_status status, failure *mine) {
  int named = 0;
  const char *message = gan_error_message();
  (void)sscanf(message, "rank %*d (host %n", &named);
  if (!named) gan_fail_prefix(status, "rank %d (host %s): ", world->rank, world->host_name);
  mine->status = status;
  snprintf(mine->message, sizeof mine->message, "%s", gan_error_message());
}

gan_status gan_world_agree(gan_world *world, gan_status mine) {
  if (gan_fault_strikes(GAN_FAULT_STOP)) raise(SIGSTOP);
  if (world->size == 1) return mine;
  const int failing = mine == GAN_OK ? world->size : world->rank;
  int lowest = world->size;
  MPI_Request request;
  MPI_Iallreduce(&failing, &lowest, 1, MPI_INT, MPI_MIN, world->ranks, &request);
  gan_wait(world, 1, &request);
  if (lowest == world->size) return GAN_OK;
  if (failed_alike(world, mine)) return mine;

  failure agreed = {.status = GAN_FAILED};
  if (world->rank == lowest) describe(world, mine, &agreed);
  gan_world_broadcast_from(world, lowest, &agreed, sizeof agreed);
  gan_error_set(agreed.message);
  return agreed.status;
}

/* The rank that speaks for voter i: voters are the ranks, or the hosts. */
static int speaker(const gan_world *world, bool by_host, int i) { return by_host ? world->first_on_host[i] : i; }

static bool hosts_agree_within(const gan_world *world) {
  for (int host = 0; host < world->host_count; host++)
    for (int rank = world->first_on_host[host]; rank < world->first_on_host[host + 1]; rank++)
      if (world->hashes[rank] != world->hashes[world->first_on_host[host]]) return false;
  return true;
}

static int votes_for(const gan_world *world, bool by_host, int voters, uint64_t hash) {
  int count = 0;
  for (int i = 0; i < voters; i++) count += world->hashes[speaker(world, by_host, i)] == hash;
  return count;
}

/* Finds the commonest hash, and the lowest ranks with and without it. */
static void judge(const gan_world *world, gan_difference *difference) {
  const bool by_host = hosts_agree_within(world);
  const int voters = by_host ? world->host_count : world->size;
  int most = 0, reference = 0, odd = 0;
  for (int i = 0; i < voters; i++) {
    const int rank = speaker(world, by_host, i), votes = votes_for(world, by_host, voters, world->hashes[rank]);
    if (votes <= most) continue;
    most = votes;
    reference = rank;
  }
  while (world->hashes[odd] == world->hashes[reference]) odd++;
  *difference = (gan_difference){.rank = odd, .reference = reference, .certain = 2 * most > voters};
}

/* Every rank is to name the same hosts. */
static void fetch_host_name(gan_world *world, int rank, char *name) {
  if (world->rank == rank) snprintf(name, GAN_HOST_NAME, "%s", world->host_name);
  gan_world_broadcast_from(world, rank, name, GAN_HOST_NAME);
}

bool gan_world_same_hash(gan_world *world, uint64_t hash, gan_difference *difference) {
  if (world->size == 1) return true;
  MPI_Request request;
  MPI_Iallgather(&hash, 1, MPI_UINT64_T, world->hashes, 1, MPI_UINT64_T, world->ranks, &request);
  gan_wait(world, 1, &request);
  if (votes_for(world, false, world->size, world->hashes[0]) == world->size) return true;
  judge(world, difference);
  fetch_host_name(world, difference->rank, difference->host);
  fetch_host_name(world, difference->reference, difference->reference_host);
  return false;
}
