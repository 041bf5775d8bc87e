/* The sliced reduction, for the ranks of one host (`shared`) and of several (`hierarchical`).

   The vector is cut into one slice per rank. All ranks of a host share one copy of parameters and states, and see each
   other's gradient slots. A rank adds up its slice along the shard tree, straight from where the gradients lie, and
   updates it in the shared copy; nothing is moved at all. The sum goes where the first of its own slots was, of which
   nobody else reads this slice.

   Hosts hold sums of their own forest only. So for each slice that belongs elsewhere, one rank of the host (the
   slice's courier) adds up the host's forest and sends it to the slice's rank; after the update that rank sends the new
   parameters to one courier of each other host. States stay with the slice's rank. Each rank thus exchanges a fair
   share of the vector with each host, whatever the number of ranks on it.

   The ranks of a host meet three times in an update: when all slots are filled (unless they have met anyway since);
   when all slices are summed, so that the norm is known and nobody reads parameters or slots any longer; and when all
   slices are updated. Of the last they say that they are there, and do not wait before they need the parameters.

   Between two hosts the same holds by the messages: who updates has received a sum from each host, which was sent
   after all of its ranks had filled their slots. */
#include "dist/sliced.h"

#include <assert.h>
#include <string.h>

#include "dist/barrier.h"
#include "dist/wait.h"
#include "kernels/kernels.h"

/* One tag will do: between any two ranks, messages are sent and received in the same order. No exchange along the
   shard tree uses it. */
enum { TAG = 0 };

static void await(gan_reduction *reduction) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  if (sliced->settled) return;
  gan_barrier_await(reduction->world, &sliced->ready);
  sliced->settled = true;
}

static void filled(gan_reduction *reduction) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  sliced->filled = true;
  sliced->filled_at = reduction->world->rounds;
}

static void send(gan_sliced *sliced, int to, const void *values, size_t count, MPI_Datatype type) {
  if (count == 0) return;
  assert(sliced->request_count < sliced->request_room);
  MPI_Isend(values, (int)count, type, to, TAG, sliced->base.world->ranks, &sliced->requests[sliced->request_count++]);
}

static void receive(gan_sliced *sliced, int from, void *values, size_t count, MPI_Datatype type) {
  if (count == 0) return;
  assert(sliced->request_count < sliced->request_room);
  MPI_Irecv(values, (int)count, type, from, TAG, sliced->base.world->ranks, &sliced->requests[sliced->request_count++]);
}

static void finish_messages(gan_sliced *sliced) {
  gan_wait(sliced->base.world, sliced->request_count, sliced->requests);
  sliced->request_count = 0;
}

static size_t slice_length(const gan_sliced *sliced, int rank) {
  return gan_sliced_begin(sliced, rank + 1) - gan_sliced_begin(sliced, rank);
}

/* Whether `slice` belongs to a rank of another host, and this rank is its courier here. */
static bool is_errand(const gan_world *world, int slice) {
  const bool here =
      slice >= world->first_on_host[world->host_number] && slice < world->first_on_host[world->host_number + 1];
  return !here && gan_sliced_courier(world, world->host_number, slice) == world->rank;
}

/* sum = the terms' sum over [offset, offset + count), at most a row. `sum` may be one of the terms' own places. */
static void add_row(const gan_terms *terms, size_t offset, size_t count, float *partial, float *sum) {
  const float *stack[32];
  for (int i = 0; i < terms->count; i++) {
    const gan_term *term = &terms->term[i];
    stack[term->height] = term->values + (offset - term->origin);
    for (int top = term->height; top > term->height - term->folds; top--) {
      float *place = top == 1 && i == terms->count - 1 ? sum : partial + (size_t)(top - 1) * GAN_SLICED_ROW;
      gan_add_two(count, stack[top - 1], stack[top], place);
      stack[top - 1] = place;
    }
  }
  if (stack[0] != sum) memcpy(sum, stack[0], count * sizeof *sum);
}

static void add_terms(const gan_sliced *sliced, const gan_terms *terms, size_t begin, size_t end, float *sum) {
  for (size_t offset = begin; offset < end; offset += GAN_SLICED_ROW) {
    const size_t count = end - offset < GAN_SLICED_ROW ? end - offset : GAN_SLICED_ROW;
    add_row(terms, offset, count, sliced->partial, sum + offset);
  }
}

/* Asks for the other hosts' sums of this rank's slice; they come in order of the shards. */
static void expect_sums(gan_sliced *sliced) {
  const int rank = sliced->base.world->rank;
  const size_t length = slice_length(sliced, rank);
  for (int i = 0; i < sliced->arrival_count; i++)
    receive(sliced, sliced->senders[i], sliced->arrivals + (size_t)i * length, length, MPI_FLOAT);
}

/* Adds up this host's forest for the slices of other hosts, each tree in the place of its first term, and sends it. */
static void send_sums(gan_sliced *sliced) {
  const gan_world *world = sliced->base.world;
  for (int slice = 0; slice < world->size; slice++) {
    if (!is_errand(world, slice)) continue;
    const size_t begin = gan_sliced_begin(sliced, slice), end = gan_sliced_begin(sliced, slice + 1);
    for (int i = 0; i < sliced->tree_count; i++) {
      float *sum = sliced->trees[i].term[0].values;
      add_terms(sliced, &sliced->trees[i], begin, end, sum);
      send(sliced, slice, sum + begin, end - begin, MPI_FLOAT);
    }
  }
}

/* Adds up this rank's slice, with each block's squares. */
static void sum_slice(gan_sliced *sliced) {
  const gan_reduction *reduction = &sliced->base;
  const size_t blocks = reduction->blocks, ranks = (size_t)reduction->world->size,
               rank = (size_t)reduction->world->rank;
  for (size_t block = blocks * rank / ranks; block < blocks * (rank + 1) / ranks; block++) {
    const size_t begin = gan_reduction_block_begin(reduction, block),
                 end = gan_reduction_block_begin(reduction, block + 1);
    add_terms(sliced, &sliced->total, begin, end, reduction->slots[0]);
    sliced->squares[block] = gan_square_sum(end - begin, reduction->slots[0] + begin);
  }
}

/* Each rank's part of a vector, `parts` [0 .. ranks] being where they begin, to one rank of each other host. */
static void exchange(gan_sliced *sliced, void *vector, size_t (*begin)(const gan_sliced *, int), size_t size,
                     MPI_Datatype type) {
  const gan_world *world = sliced->base.world;
  for (int host = 0; host < world->host_count; host++)
    if (host != world->host_number)
      send(sliced, gan_sliced_courier(world, host, world->rank), (char *)vector + begin(sliced, world->rank) * size,
           begin(sliced, world->rank + 1) - begin(sliced, world->rank), type);
  for (int slice = 0; slice < world->size; slice++)
    if (is_errand(world, slice))
      receive(sliced, slice, (char *)vector + begin(sliced, slice) * size,
              begin(sliced, slice + 1) - begin(sliced, slice), type);
}

static size_t first_block(const gan_sliced *sliced, int rank) {
  return sliced->base.blocks * (size_t)rank / (size_t)sliced->base.world->size;
}

static double sum(gan_reduction *reduction) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  gan_world *world = reduction->world;
  const bool met = sliced->filled && world->rounds > sliced->filled_at;
  sliced->filled = false;
  await(reduction);
  if (!met) gan_host_barrier(world);

  expect_sums(sliced);
  const int arrivals = sliced->request_count;
  send_sums(sliced);
  gan_wait(world, arrivals, sliced->requests);
  sum_slice(sliced);
  exchange(sliced, sliced->squares, first_block, sizeof(double), MPI_DOUBLE);
  finish_messages(sliced);
  gan_host_barrier(world);

  double squares = 0;
  for (size_t block = 0; block < reduction->blocks; block++) squares += sliced->squares[block];
  return squares;
}

static void apply(gan_reduction *reduction, gan_update update, void *context) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  const int rank = reduction->world->rank;
  gan_reduction_update_range(gan_sliced_begin(sliced, rank), gan_sliced_begin(sliced, rank + 1), reduction->slots[0],
                             update, context);
  exchange(sliced, reduction->parameters, gan_sliced_begin, sizeof(float), MPI_FLOAT);
  finish_messages(sliced);
  gan_barrier_arrive(reduction->world, &sliced->ready);
  sliced->settled = false;
}

/* Every rank's slice of a vector to rank 0, from the hosts that rank 0 does not share memory with. Each rank has a
   vector of its own, or the host's. */
static void fetch(gan_sliced *sliced, float *vector) {
  gan_world *world = sliced->base.world;
  for (int rank = world->first_on_host[1]; rank < world->size; rank++) {
    float *slice = vector + gan_sliced_begin(sliced, rank);
    if (rank == world->rank) send(sliced, 0, slice, slice_length(sliced, rank), MPI_FLOAT);
    if (world->rank == 0) receive(sliced, rank, slice, slice_length(sliced, rank), MPI_FLOAT);
    finish_messages(sliced);
  }
}

/* The slices lie in the first slot of each rank; of rank 0's, the rest is of no more use. */
static const float *gradient(gan_reduction *reduction) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  float *whole = reduction->slots[0];
  fetch(sliced, whole);
  for (int rank = 1; reduction->world->rank == 0 && rank < reduction->world->host_size; rank++) {
    const size_t begin = gan_sliced_begin(sliced, rank);
    memcpy(whole + begin, gan_sliced_slot(sliced, rank, 0) + begin, slice_length(sliced, rank) * sizeof *whole);
  }
  gan_host_barrier(reduction->world);
  return whole;
}

static void collect(gan_reduction *reduction) {
  for (int i = 0; i < reduction->state_count; i++) fetch((gan_sliced *)reduction, reduction->states[i]);
}

/* A vector of rank 0 to each other host. */
static void spread(gan_sliced *sliced, float *vector) {
  gan_world *world = sliced->base.world;
  for (int host = 1; host < world->host_count; host++) {
    const int leader = world->first_on_host[host];
    if (world->rank == 0) send(sliced, leader, vector, sliced->base.count, MPI_FLOAT);
    if (world->rank == leader) receive(sliced, 0, vector, sliced->base.count, MPI_FLOAT);
    finish_messages(sliced);
  }
}

static void distribute(gan_reduction *reduction) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  spread(sliced, reduction->parameters);
  for (int i = 0; i < reduction->state_count; i++) spread(sliced, reduction->states[i]);
  gan_host_barrier(reduction->world);
}

const gan_reduction_variant gan_reduction_shared = {
    .name = "shared",
    .help = "one host: in memory that all ranks share, each sums and updates its slice",
    .size = sizeof(gan_sliced),
    .one_host = true,
    .allocate = gan_sliced_allocate,
    .share = gan_sliced_share,
    .release = gan_sliced_release,
    .await = await,
    .filled = filled,
    .sum = sum,
    .apply = apply,
    .gradient = gradient,
    .collect = collect,
    .distribute = distribute,
};

const gan_reduction_variant gan_reduction_hierarchical = {
    .name = "hierarchical",
    .help = "several hosts: shared on each of them, and slices of sums and parameters exchanged between them",
    .size = sizeof(gan_sliced),
    .allocate = gan_sliced_allocate,
    .share = gan_sliced_share,
    .release = gan_sliced_release,
    .await = await,
    .filled = filled,
    .sum = sum,
    .apply = apply,
    .gradient = gradient,
    .collect = collect,
    .distribute = distribute,
};
