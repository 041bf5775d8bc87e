/* What concerns the whole global batch: sums over its shards in double, and its rows collected on rank 0. */
#include <assert.h>
#include <mpi.h>
#include <stdint.h>
#include <string.h>

#include "base/shards.h"
#include "dist/barrier.h"
#include "dist/board.h"
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
static void exchange_sums(gan_world *world, const gan_exchange *exchange, double *const *slots, double *arrival,
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
    if (step->kind != GAN_EXCHANGE_ADD) gan_wait(world, 1, &request);
    if (step->kind == GAN_EXCHANGE_SEND) continue;
    for (size_t j = 0; j < count; j++) sum[j] += addend[j];
  }
}

/* Cuts memory into rows; returns how long they are. */
static size_t cut_rows(double *memory, size_t size, int rows, double **row) {
  const size_t length = size / (size_t)rows;
  for (int i = 0; i < rows; i++) row[i] = memory + (size_t)i * length;
  return length;
}

/* The sums of this rank's forest, of values [offset, offset+piece) of `count`, into the first slots. */
static void sum_forest(const gan_shards *shards, const double *per_shard, size_t count, size_t offset, size_t piece,
                       double *const *slots) {
  for (int i = 0; i < shards->local; i++) {
    memcpy(slots[shards->slot[i]], per_shard + (size_t)i * count + offset, piece * sizeof **slots);
    gan_shards_fold_double(shards, i, slots, piece);
  }
}

/* By messages: up the tree to rank 0, and back. */
static void sum_by_messages(gan_world *world, const gan_shards *shards, const double *per_shard, size_t count,
                            double *total) {
  double scratch[SCRATCH], *slots[LARGEST_ROWS];
  const int rows = scratch_rows(shards);
  const size_t largest = cut_rows(scratch, SCRATCH, rows, slots);
  gan_exchange exchange;
  gan_exchange_plan(shards, &exchange);
  for (size_t offset = 0; offset < count; offset += largest) {
    const size_t piece = count - offset < largest ? count - offset : largest;
    sum_forest(shards, per_shard, count, offset, piece, slots);
    exchange_sums(world, &exchange, slots, slots[rows - 1], piece);
    memcpy(total + offset, slots[0], piece * sizeof *total);
    gan_world_broadcast(world, total + offset, piece * sizeof *total);
  }
}

/* The sum of all ranks' forests, which lie on the board in rows of `length`. */
static void sum_board(const gan_world *world, const gan_shards *shards, size_t length, size_t piece,
                      double *const *slots) {
  int rank = -1, tree = 0;
  for (int low = 0; low < shards->count;) {
    const int owner = gan_shards_owner(shards, low);
    const gan_shard_piece next =
        gan_shards_piece((gan_shard_node){0, shards->count}, low, gan_shards_first(shards, owner + 1));
    tree = owner == rank ? tree + 1 : 0;
    rank = owner;
    low = next.node.high;
    const double *forest = gan_board_place(world, rank, world->rounds) + (size_t)tree * length;
    memcpy(slots[next.height], forest, piece * sizeof *forest);
    for (int top = next.height; top > next.height - next.folds; top--)
      for (size_t i = 0; i < piece; i++) slots[top - 1][i] += slots[top][i];
  }
}

/* Through shared memory, where all ranks are on one host: every rank puts up its forest, and adds up all of them. */
static void sum_by_board(gan_world *world, const gan_shards *shards, const double *per_shard, size_t count,
                         double *total) {
  double scratch[GAN_BOARD_ROOM], *slots[LARGEST_ROWS], *mine[LARGEST_ROWS];
  const int rows = scratch_rows(shards);
  const size_t largest = cut_rows(scratch, GAN_BOARD_ROOM, rows, slots);
  for (size_t offset = 0; offset < count; offset += largest) {
    const size_t piece = count - offset < largest ? count - offset : largest;
    world->rounds++;
    cut_rows(gan_board_place(world, world->rank, world->rounds), GAN_BOARD_ROOM, rows, mine);
    sum_forest(shards, per_shard, count, offset, piece, mine);
    gan_host_barrier(world);
    sum_board(world, shards, largest, piece, slots);
    memcpy(total + offset, slots[0], piece * sizeof *total);
  }
}

void gan_world_sum(gan_world *world, const gan_shards *shards, const double *per_shard, size_t count, double *total) {
  assert(shards->ranks == world->size && shards->rank == world->rank);
  assert(shards->slot_count < scratch_rows(shards) && scratch_rows(shards) <= LARGEST_ROWS);
  if (world->barrier.barrier && world->host_count == 1) {
    sum_by_board(world, shards, per_shard, count, total);
  } else {
    sum_by_messages(world, shards, per_shard, count, total);
    world->rounds++;
  }
}

gan_status gan_world_plan_shards(gan_world *world, int count, int64_t batch, gan_shards *shards) {
  const gan_status status = gan_world_agree(world, gan_shards_plan(count, batch, world->size, world->rank, shards));
  if (status != GAN_OK) gan_shards_release(shards);
  return status;
}

/* Tag 0 is never an exchange's. MPI counts in int; a large block goes in pieces. */
enum { GATHER_TAG = 0, LARGEST_PIECE = 1 << 30 };

static void receive_floats(gan_world *world, int from, size_t count, float *values) {
  for (size_t offset = 0; offset < count; offset += LARGEST_PIECE) {
    const size_t piece = count - offset < LARGEST_PIECE ? count - offset : LARGEST_PIECE;
    MPI_Request request;
    MPI_Irecv(values + offset, (int)piece, MPI_FLOAT, from, GATHER_TAG, world->ranks, &request);
    gan_wait(world, 1, &request);
  }
}

static void send_floats(gan_world *world, int to, size_t count, const float *values) {
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
