/* What concerns the whole global batch: sums over its shards in double, and its rows collected on rank 0. */
#include <assert.h>
#include <mpi.h>
#include <stdint.h>
#include <string.h>

#include "base/shards.h"
#include "dist/exchange.h"
#include "dist/wait.h"
#include "dist/world.h"
#include "dist/world_state.h"

/* Sums take no memory, so that they cannot fail: long vectors go through this much of the stack piece by piece. */
enum {
  SCRATCH = 8192,   /* doubles */
  LARGEST_ROWS = 95 /* for 31 levels */
};

/* Rows of scratch for any rank, so that all cut the vector alike: a rank's forest has at most two trees to a level of
   the shard tree, it works on one tree with as many partial sums as levels and the one that comes in, and one row is
   for arrivals. */
static int scratch_rows(const gan_shards *shards) {
  int levels = 0;
  while ((INT64_C(1) << levels) < shards->count) levels++;
  return 3 * levels + 2;
}

/* Takes the exchange's steps for `count` values of each slot; `arrival` has room for `count` more. */
static void exchange_sums(const gan_world *world, const gan_exchange *exchange, double *const *slots, double *arrival,
                          size_t count) {
  for (int i = 0; i < exchange->count; i++) {
    const gan_exchange_step *step = &exchange->steps[i];
    double *sum = slots[step->slot];
    const double *addend = step->kind == GAN_EXCHANGE_ADD ? slots[step->other] : arrival;
    MPI_Request request = MPI_REQUEST_NULL;
    if (step->kind == GAN_EXCHANGE_SEND)
      MPI_Isend(sum, (int)count, MPI_DOUBLE, step->peer, step->tag, world->ranks, &request);
    else if (step->kind == GAN_EXCHANGE_RECEIVE)
      MPI_Irecv(arrival, (int)count, MPI_DOUBLE, step->peer, step->tag, world->ranks, &request);
    gan_wait(world, 1, &request);
    if (step->kind == GAN_EXCHANGE_SEND) continue;
    for (size_t j = 0; j < count; j++) sum[j] += addend[j];
  }
}

void gan_world_sum(gan_world *world, const gan_shards *shards, const double *per_shard, size_t count, double *total) {
  assert(shards->ranks == world->size && shards->rank == world->rank);
  double scratch[SCRATCH], *slots[LARGEST_ROWS];
  const int rows = scratch_rows(shards);
  assert(shards->slot_count < rows && rows <= LARGEST_ROWS);
  const size_t largest = SCRATCH / (size_t)rows;
  for (int row = 0; row < rows; row++) slots[row] = scratch + (size_t)row * largest;
  gan_exchange exchange;
  gan_exchange_plan(shards, &exchange);

  for (size_t offset = 0; offset < count; offset += largest) {
    const size_t piece = count - offset < largest ? count - offset : largest;
    for (int i = 0; i < shards->local; i++) {
      memcpy(slots[shards->slot[i]], per_shard + (size_t)i * count + offset, piece * sizeof *total);
      gan_shards_fold_double(shards, i, slots, piece);
    }
    exchange_sums(world, &exchange, slots, slots[rows - 1], piece);
    memcpy(total + offset, slots[0], piece * sizeof *total);
    gan_world_broadcast(world, total + offset, piece * sizeof *total);
  }
}

/* Tag 0 is never an exchange's. MPI counts in int; a large block goes in pieces. */
enum { GATHER_TAG = 0, LARGEST_PIECE = 1 << 30 };

static void receive_floats(const gan_world *world, int from, size_t count, float *values) {
  for (size_t offset = 0; offset < count; offset += LARGEST_PIECE) {
    const size_t piece = count - offset < LARGEST_PIECE ? count - offset : LARGEST_PIECE;
    MPI_Request request;
    MPI_Irecv(values + offset, (int)piece, MPI_FLOAT, from, GATHER_TAG, world->ranks, &request);
    gan_wait(world, 1, &request);
  }
}

static void send_floats(const gan_world *world, int to, size_t count, const float *values) {
  for (size_t offset = 0; offset < count; offset += LARGEST_PIECE) {
    const size_t piece = count - offset < LARGEST_PIECE ? count - offset : LARGEST_PIECE;
    MPI_Request request;
    MPI_Isend(values + offset, (int)piece, MPI_FLOAT, to, GATHER_TAG, world->ranks, &request);
    gan_wait(world, 1, &request);
  }
}

void gan_world_gather(gan_world *world, const gan_shards *shards, size_t row_floats, const float *mine, float *all) {
  assert(shards->ranks == world->size && shards->rank == world->rank);
  const size_t count = (size_t)gan_shards_samples(shards) * row_floats;
  if (world->rank != 0) {
    send_floats(world, 0, count, mine);
    return;
  }
  memcpy(all, mine, count * sizeof *all);
  for (int rank = 1; rank < world->size; rank++) {
    const int64_t begin = gan_shard_begin(shards, gan_shards_first(shards, rank));
    const int64_t end = gan_shard_begin(shards, gan_shards_first(shards, rank + 1));
    receive_floats(world, rank, (size_t)(end - begin) * row_floats, all + (size_t)begin * row_floats);
  }
}
