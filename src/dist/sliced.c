/* The sliced reduction, for the ranks of one host (`shared`) and of several (`hierarchical`).

   The vector is cut into one slice per rank. All ranks of a host share one copy of parameters and states, and see each
   other's gradient slots. A rank adds up its slice along the shard tree, straight from where the gradients lie, and
   updates it in the shared copy, row by row: a gradient is read once from memory, the sum never leaves the cache.

   Hosts hold sums of their own forest only. So for each slice that belongs elsewhere, one rank of the host (the
   slice's courier) adds up the host's forest and sends it to the slice's rank; after the update that rank sends the new
   parameters to one courier of each other host. States stay with the slice's rank. Each rank thus exchanges a fair
   share of the vector with each host, whatever the number of ranks on it.

   Between hosts the vector is first cut into a few buckets, and each bucket into slices. The backward pass fills a
   vector from its end to its beginning, and while it goes on, the couriers send the sums of the buckets that all ranks
   of the host have filled: they look whenever they have filled more themselves, and never wait. What is not sent by the
   end of the pass follows then. Updates of one bucket run while sums of the next arrive and parameters of the one
   before leave. On a single host there is nothing to send, and one bucket.

   The ranks of a host meet twice in an update: when all slots are filled (unless they have met anyway since), after
   which nobody reads the parameters of old or writes to a slot; and when all slices are updated. Of the second they say
   that they are there, and do not wait before they need the parameters.

   Where the gradient's norm has a bound, they meet a third time between the two, when all slices are summed and
   squared, which then is a walk of its own.

   Between two hosts the same holds by the messages: who updates has received a sum from each host, which was sent
   after all of its ranks had filled their slots. */
#include "dist/sliced.h"

#include <assert.h>
#include <string.h>

#include "dist/barrier.h"
#include "dist/wait.h"
#include "kernels/kernels.h"

/* One tag will do: between any two ranks, messages of one reduction are sent and received in the same order. That does
   not hold for those of two, of which the one has sums under way while the other one's backward pass goes on: each
   reduction has a communicator of its own. */
enum { TAG = 0 };

/* Those of all blocks, once they are there. */
static void add_squares(gan_sliced *sliced) {
  gan_reduction *reduction = &sliced->base;
  reduction->squares = 0;
  for (size_t block = 0; block < reduction->blocks; block++)
    reduction->squares += sliced->squares[sliced->square_of_block[block]];
}

static void await(gan_reduction *reduction) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  if (sliced->settled) return;
  gan_barrier_await(reduction->world, &sliced->ready);
  sliced->settled = true;
  add_squares(sliced);
}

/* --- messages --- */

static void send(gan_sliced *sliced, int to, const void *values, size_t count, MPI_Datatype type) {
  if (count == 0) return;
  assert(sliced->request_count < sliced->request_room);
  MPI_Isend(values, (int)count, type, to, TAG, sliced->messages, &sliced->requests[sliced->request_count++]);
}

/* A receive of nothing takes its place among the requests too, so that those of a bucket can be counted off. */
static void receive(gan_sliced *sliced, int from, void *values, size_t count, MPI_Datatype type) {
  assert(sliced->request_count < sliced->request_room);
  MPI_Request *request = &sliced->requests[sliced->request_count++];
  *request = MPI_REQUEST_NULL;
  if (count > 0) MPI_Irecv(values, (int)count, type, from, TAG, sliced->messages, request);
}

static void finish_messages(gan_sliced *sliced) {
  gan_wait(sliced->base.world, sliced->request_count, sliced->requests);
  sliced->request_count = 0;
}

/* Whether `slice` belongs to a rank of another host, and this rank is its courier here. */
static bool is_errand(const gan_world *world, int slice) {
  const bool here =
      slice >= world->first_on_host[world->host_number] && slice < world->first_on_host[world->host_number + 1];
  return !here && gan_sliced_courier(world, world->host_number, slice) == world->rank;
}

/* This rank's range of a vector to one rank of each other host, and into place those of the ranks that it is the
   courier of. `place` tells which range is a rank's. */
static void exchange(gan_sliced *sliced, void *vector, gan_range (*place)(const gan_sliced *, int, int), int bucket,
                     size_t size, MPI_Datatype type) {
  const gan_world *world = sliced->base.world;
  const gan_range mine = place(sliced, bucket, world->rank);
  for (int slice = 0; slice < world->size; slice++) {
    if (!is_errand(world, slice)) continue;
    const gan_range range = place(sliced, bucket, slice);
    receive(sliced, slice, (char *)vector + range.begin * size, range.end - range.begin, type);
  }
  for (int host = 0; host < world->host_count; host++)
    if (host != world->host_number)
      send(sliced, gan_sliced_courier(world, host, world->rank), (char *)vector + mine.begin * size,
           mine.end - mine.begin, type);
}

/* --- sums --- */

/* Where the terms' sum over [offset, offset + count), at most a row, is: at `sum`, which may be one of the terms' own
   places, or, if there is but one term, at its place. */
static const float *add_row(const gan_terms *terms, size_t offset, size_t count, float *partial, float *sum) {
  const float *stack[32];
  for (int i = 0; i < terms->count; i++) {
    const gan_term *term = &terms->term[i];
    stack[term->height] = term->values + (offset - term->origin);
    for (int top = term->height; top > term->height - term->folds; top--) {
      float *place = top == 1 && i == terms->count - 1 ? sum : partial + (size_t)(top - 1) * GAN_REDUCTION_ROW;
      gan_add_two(count, stack[top - 1], stack[top], place);
      stack[top - 1] = place;
    }
  }
  return stack[0];
}

/* sum = the terms' sum over [begin, end) of any length. */
static void add_terms(const gan_sliced *sliced, const gan_terms *terms, size_t begin, size_t end, float *sum) {
  for (size_t offset = begin; offset < end; offset += GAN_REDUCTION_ROW) {
    const size_t count = gan_reduction_row_length(offset, end);
    float *place = sum + (offset - begin);
    const float *row = add_row(terms, offset, count, sliced->partial, place);
    if (row != place) memcpy(place, row, count * sizeof *place);
  }
}

/* Begins an update, unless it has begun: asks for the other hosts' sums of this rank's slices, last bucket first; of
   each bucket they come in order of the shards. */
static void begin(gan_sliced *sliced) {
  const int rank = sliced->base.world->rank;
  if (sliced->begun) return;
  sliced->begun = true;
  sliced->sent = 0;
  for (int bucket = sliced->bucket_count - 1; bucket >= 0; bucket--) {
    const gan_range range = gan_sliced_range(sliced, bucket, rank);
    float *arrivals = gan_sliced_arrivals(sliced, bucket);
    for (int i = 0; i < sliced->arrival_count; i++)
      receive(sliced, sliced->senders[i], arrivals + (size_t)i * (range.end - range.begin), range.end - range.begin,
              MPI_FLOAT);
  }
}

/* Adds up this host's forest for the slices of other hosts, each tree in the place of its first term, and sends it: the
   buckets up to the `until`-th from the end. */
static void send_sums(gan_sliced *sliced, int until) {
  const gan_world *world = sliced->base.world;
  for (; sliced->sent < until; sliced->sent++)
    for (int slice = 0; slice < world->size; slice++) {
      if (!is_errand(world, slice)) continue;
      const gan_range range = gan_sliced_range(sliced, sliced->bucket_count - 1 - sliced->sent, slice);
      for (int i = 0; i < sliced->tree_count; i++) {
        float *sum = sliced->trees[i].term[0].values + range.begin;
        add_terms(sliced, &sliced->trees[i], range.begin, range.end, sum);
        send(sliced, slice, sum, range.end - range.begin, MPI_FLOAT);
      }
    }
}

/* How many buckets all ranks of this host have filled in this update. */
static int filled_by_all(const gan_sliced *sliced) {
  uint64_t least = UINT64_MAX;
  for (int rank = 0; rank < sliced->base.world->host_size; rank++) {
    const uint64_t filled = atomic_load_explicit(&sliced->progress[rank].filled, memory_order_acquire);
    if (filled < least) least = filled;
  }
  return (int)(least - sliced->filled_before);
}

static void filled(gan_reduction *reduction, size_t offset) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  const gan_world *world = reduction->world;
  if (offset == 0) {
    sliced->announced = true;
    sliced->announced_at = world->rounds;
  }
  if (world->host_count == 1) return;
  begin(sliced);
  int buckets = 0, arrived = 0;
  while (buckets < sliced->bucket_count &&
         gan_sliced_bucket(sliced, sliced->bucket_count - 1 - buckets).begin >= offset)
    buckets++;
  atomic_store_explicit(&sliced->progress[world->host_rank].filled, sliced->filled_before + (uint64_t)buckets,
                        memory_order_release);
  send_sums(sliced, filled_by_all(sliced));
  /* What is under way moves on only while MPI is looked after. */
  MPI_Testall(sliced->request_count, sliced->requests, &arrived, MPI_STATUSES_IGNORE);
}

/* Sums and updates this rank's slice of a bucket, row by row: what a row's passes share stays in the nearest cache.
   Without `update` sums are kept and squared only. */
static void sum_slice(gan_sliced *sliced, int bucket, gan_update update, void *context, bool keep) {
  const gan_reduction *reduction = &sliced->base;
  const gan_range blocks = gan_sliced_blocks(sliced, bucket, reduction->world->rank);
  gan_sliced_find_arrivals(sliced, bucket);
  for (size_t block = blocks.begin; block < blocks.end; block++) {
    const size_t first = gan_reduction_block_begin(reduction, block),
                 end = gan_reduction_block_begin(reduction, block + 1);
    double lanes[GAN_SQUARE_LANES] = {0};
    for (size_t offset = first; offset < end; offset += GAN_REDUCTION_ROW) {
      const size_t count = gan_reduction_row_length(offset, end);
      /* Kept sums lie where the first of the rank's own slots was, of which nobody else reads this slice. */
      float *place = keep ? reduction->slots[0] + offset : sliced->row;
      const float *sum = add_row(&sliced->total, offset, count, sliced->partial, place);
      if ((keep || reduction->transform) && sum != place) sum = memcpy(place, sum, count * sizeof *place);
      if (reduction->transform) reduction->transform(reduction->transform_context, offset, count, place);
      if (update) update(context, offset, count, sum);
      gan_square_add(count, sum, lanes);
    }
    sliced->squares[sliced->square_of_block[block]] = gan_square_total(lanes);
  }
}

/* Updates this rank's slice of a bucket by the sums that were kept. */
static void update_slice(gan_sliced *sliced, int bucket, gan_update update, void *context) {
  const gan_reduction *reduction = &sliced->base;
  const gan_range slice = gan_sliced_range(sliced, bucket, reduction->world->rank);
  for (size_t offset = slice.begin; offset < slice.end; offset += GAN_REDUCTION_ROW) {
    const size_t count = gan_reduction_row_length(offset, slice.end);
    update(context, offset, count, gan_reduction_bounded(reduction, count, reduction->slots[0] + offset, sliced->row));
  }
}

static void exchange_parameters(gan_sliced *sliced, int bucket) {
  exchange(sliced, sliced->base.parameters, gan_sliced_range, bucket, sizeof(float), MPI_FLOAT);
}

static void exchange_squares(gan_sliced *sliced) {
  exchange(sliced, sliced->squares, gan_sliced_squares, 0, sizeof(double), MPI_DOUBLE);
}

/* One walk over all buckets, as their sums arrive; with `update` their parameters leave. */
static void sum_buckets(gan_sliced *sliced, gan_update update, void *context, bool keep) {
  MPI_Request *arrivals = sliced->requests;
  for (int bucket = sliced->bucket_count - 1; bucket >= 0; bucket--, arrivals += sliced->arrival_count) {
    gan_wait(sliced->base.world, sliced->arrival_count, arrivals);
    sum_slice(sliced, bucket, update, context, keep);
    if (update) exchange_parameters(sliced, bucket);
  }
  exchange_squares(sliced);
  finish_messages(sliced);
}

/* Whether and how the gradient is scaled depends on all squares, so the ranks meet once more, and walk a second time.
 */
static void update_bounded(gan_sliced *sliced, gan_update update, void *context) {
  sum_buckets(sliced, NULL, NULL, true);
  gan_host_barrier(sliced->base.world);
  add_squares(sliced);
  if (!gan_reduction_find_factor(&sliced->base)) return;
  for (int bucket = sliced->bucket_count - 1; bucket >= 0; bucket--) {
    update_slice(sliced, bucket, update, context);
    exchange_parameters(sliced, bucket);
  }
  finish_messages(sliced);
}

static void update(gan_reduction *reduction, gan_update update_range, void *context, bool keep) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  gan_world *world = reduction->world;
  const bool met = sliced->announced && world->rounds > sliced->announced_at;
  sliced->announced = false;
  await(reduction);
  begin(sliced);
  if (!met) gan_host_barrier(world);
  send_sums(sliced, sliced->bucket_count);
  if (reduction->bound > 0)
    update_bounded(sliced, update_range, context);
  else
    sum_buckets(sliced, update_range, context, keep);
  sliced->begun = false;
  sliced->filled_before += (uint64_t)sliced->bucket_count;
  gan_barrier_arrive(world, &sliced->ready);
  sliced->settled = false;
}

/* An update that the ranks agreed to give up may have sums under way. */
static void release(gan_reduction *reduction) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  if (sliced->begun) {
    gan_host_barrier(reduction->world);
    send_sums(sliced, sliced->bucket_count);
    finish_messages(sliced);
  }
  gan_sliced_release(reduction);
}

/* --- inspection, and the state as a whole --- */

/* Every rank's slice of a vector to rank 0, from the hosts that rank 0 does not share memory with. Each rank has a
   vector of its own, or the host's. */
static void fetch(gan_sliced *sliced, float *vector) {
  gan_world *world = sliced->base.world;
  for (int rank = world->first_on_host[1]; rank < world->size; rank++)
    for (int bucket = 0; bucket < sliced->bucket_count; bucket++) {
      const gan_range range = gan_sliced_range(sliced, bucket, rank);
      if (rank == world->rank) send(sliced, 0, vector + range.begin, range.end - range.begin, MPI_FLOAT);
      if (world->rank == 0) receive(sliced, rank, vector + range.begin, range.end - range.begin, MPI_FLOAT);
      finish_messages(sliced);
    }
}

/* The slices lie in the first slot of each rank; of rank 0's, the rest is of no more use. */
static const float *gradient(gan_reduction *reduction) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  float *whole = reduction->slots[0];
  fetch(sliced, whole);
  for (int rank = 1; reduction->world->rank == 0 && rank < reduction->world->host_size; rank++)
    for (int bucket = 0; bucket < sliced->bucket_count; bucket++) {
      const gan_range range = gan_sliced_range(sliced, bucket, rank);
      memcpy(whole + range.begin, gan_sliced_slot(sliced, rank, 0) + range.begin,
             (range.end - range.begin) * sizeof *whole);
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

static void show(gan_reduction *reduction, int i) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  fetch(sliced, reduction->states[i]);
  spread(sliced, reduction->states[i]);
  gan_host_barrier(reduction->world);
}

static void distribute(gan_reduction *reduction) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  spread(sliced, reduction->parameters);
  for (int i = 0; i < reduction->state_count; i++) spread(sliced, reduction->states[i]);
  gan_host_barrier(reduction->world);
}

/* What the two variants have in common: all but the hosts that they are for. */
#define SLICED                                                                                       \
  .size = sizeof(gan_sliced), .allocate = gan_sliced_allocate, .measure = gan_sliced_measure,        \
  .share = gan_sliced_share, .release = release, .await = await, .filled = filled, .update = update, \
  .gradient = gradient, .collect = collect, .show = show, .distribute = distribute

const gan_reduction_variant gan_reduction_shared = {
    .name = "shared",
    .help = "one host: in memory that all ranks share, each sums and updates its slice",
    .one_host = true,
    SLICED,
};

const gan_reduction_variant gan_reduction_hierarchical = {
    .name = "hierarchical",
    .help = "several hosts: shared on each of them, and slices of sums and parameters exchanged between them",
    SLICED,
};
