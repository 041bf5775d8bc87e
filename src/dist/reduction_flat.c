/* The plain reduction: sums travel up the shard tree to rank 0, the total is broadcast, every rank updates everything.

   The vector goes in chunks, so that one chunk is added while the next is on its way, and the first chunks of the total
   come back while the last still go up. The total lies in the first slot, on every rank: rank 0 adds it up there, and
   the others have sent its old content by the time that they receive it. With one rank nothing is moved at all. */
#include <mpi.h>
#include <stdlib.h>

#include "base/memory.h"
#include "dist/exchange.h"
#include "dist/reduction_state.h"
#include "dist/wait.h"
#include "kernels/kernels.h"

enum {
  CHUNK = 65536, /* floats: long enough to hide a message's latency, short enough to stay in a core's cache */
  AHEAD = 2,     /* chunks of one sum under way at once */
  LINE = 16      /* floats of a cache line; no two slots share one */
};

typedef struct flat_reduction {
  gan_reduction base;
  size_t chunks;
  float *storage; /* of the slots */
  gan_exchange exchange;
  MPI_Request under_way[GAN_EXCHANGE_STEPS][AHEAD]; /* chunk c of a step in place c % AHEAD */
  float *arrivals;                                  /* [steps][AHEAD][CHUNK] */
  MPI_Request *broadcasts;                          /* [chunks] */
} flat_reduction;

/* From one slot to the next. */
static size_t slot_stride(const gan_reduction *reduction) { return (reduction->count + LINE - 1) / LINE * LINE; }

static size_t chunk_count(const gan_reduction *reduction) { return (reduction->count + CHUNK - 1) / CHUNK; }

static size_t arrival_floats(const gan_exchange *exchange) { return (size_t)exchange->count * AHEAD * CHUNK; }

static void measure(const gan_reduction *reduction, size_t host_slots, gan_reduction_bytes *bytes) {
  (void)host_slots;
  const size_t slots = (size_t)reduction->shards->slot_count;
  gan_exchange exchange;
  gan_exchange_plan(reduction->shards, &exchange);
  bytes->parameters = reduction->count * sizeof(float);
  bytes->states = (size_t)reduction->state_count * reduction->count * sizeof(float);
  bytes->slots = slots * slot_stride(reduction) * sizeof(float);
  bytes->others += arrival_floats(&exchange) * sizeof(float) + slots * sizeof(float *) +
                   chunk_count(reduction) * sizeof(MPI_Request);
}

static gan_status allocate(gan_reduction *reduction) {
  flat_reduction *flat = (flat_reduction *)reduction;
  const size_t slot_count = (size_t)reduction->shards->slot_count, stride = slot_stride(reduction);
  flat->chunks = chunk_count(reduction);
  gan_exchange_plan(reduction->shards, &flat->exchange);
  GAN_TRY(gan_reduction_take(reduction, reduction->count, sizeof(float), "the parameters", &reduction->parameters));
  for (int i = 0; i < reduction->state_count; i++)
    GAN_TRY(gan_reduction_take(reduction, reduction->count, sizeof(float), "optimiser moments and averages",
                               &reduction->states[i]));
  GAN_TRY(gan_reduction_take(reduction, slot_count, stride * sizeof(float), "the gradients", &flat->storage));
  GAN_TRY(gan_reduction_take(reduction, slot_count, sizeof(float *), "the gradients", &reduction->slots));
  GAN_TRY(gan_reduction_take(reduction, arrival_floats(&flat->exchange), sizeof(float), "gradients of other ranks",
                             &flat->arrivals));
  GAN_TRY(
      gan_reduction_take(reduction, flat->chunks, sizeof(MPI_Request), "the gradients' messages", &flat->broadcasts));
  for (size_t slot = 0; slot < slot_count; slot++) reduction->slots[slot] = flat->storage + slot * stride;
  return GAN_OK;
}

static void release(gan_reduction *reduction) {
  flat_reduction *flat = (flat_reduction *)reduction;
  free(flat->broadcasts);
  free(flat->arrivals);
  free(flat->storage);
  free(reduction->slots);
  for (int i = 0; i < reduction->state_count; i++) free(reduction->states[i]);
  free(reduction->parameters);
}

static size_t chunk_length(const flat_reduction *flat, size_t chunk) {
  const size_t left = flat->base.count - chunk * CHUNK;
  return left < CHUNK ? left : CHUNK;
}

static float *arrival(const flat_reduction *flat, int step, size_t chunk) {
  return flat->arrivals + ((size_t)step * AHEAD + chunk % AHEAD) * CHUNK;
}

/* Asks for a chunk of what `step` receives; nothing for other steps, nor beyond the last chunk. */
static void expect(flat_reduction *flat, int step, size_t chunk) {
  const gan_exchange_step *plan = &flat->exchange.steps[step];
  if (plan->kind != GAN_EXCHANGE_RECEIVE || chunk >= flat->chunks) return;
  MPI_Irecv(arrival(flat, step, chunk), (int)chunk_length(flat, chunk), MPI_FLOAT, plan->peer, plan->tag,
            flat->base.world->ranks, &flat->under_way[step][chunk % AHEAD]);
}

/* Adds up, and sends on, one chunk of this rank's sums. */
static void sum_chunk(flat_reduction *flat, size_t chunk) {
  const size_t length = chunk_length(flat, chunk);
  for (int step = 0; step < flat->exchange.count; step++) {
    const gan_exchange_step *plan = &flat->exchange.steps[step];
    MPI_Request *request = &flat->under_way[step][chunk % AHEAD];
    float *restrict sum = flat->base.slots[plan->slot] + chunk * CHUNK;
    if (plan->kind == GAN_EXCHANGE_SEND) {
      MPI_Isend(sum, (int)length, MPI_FLOAT, plan->peer, plan->tag, flat->base.world->ranks, request);
      continue;
    }
    const float *restrict addend = arrival(flat, step, chunk);
    if (plan->kind == GAN_EXCHANGE_ADD)
      addend = flat->base.slots[plan->other] + chunk * CHUNK;
    else
      gan_wait(flat->base.world, 1, request);
    for (size_t i = 0; i < length; i++) sum[i] += addend[i];
    expect(flat, step, chunk + AHEAD);
  }
}

/* Starts the way back of one chunk, once this rank's part of it has left. */
static void return_chunk(flat_reduction *flat, size_t chunk) {
  for (int step = 0; step < flat->exchange.count; step++)
    if (flat->exchange.steps[step].kind == GAN_EXCHANGE_SEND)
      gan_wait(flat->base.world, 1, &flat->under_way[step][chunk % AHEAD]);
  MPI_Ibcast(flat->base.slots[0] + chunk * CHUNK, (int)chunk_length(flat, chunk), MPI_FLOAT, 0, flat->base.world->ranks,
             &flat->broadcasts[chunk]);
}

/* Leaves the total in the first slot of every rank. */
static void sum_ranks(flat_reduction *flat) {
  gan_world *world = flat->base.world;
  const size_t chunks = flat->chunks;
  /* Rank 0 sends nothing up, and need not wait; the others return a chunk when the next one has left too. */
  const size_t lag = world->rank == 0 ? 0 : AHEAD - 1;
  if (world->size == 1) return;
  for (int step = 0; step < flat->exchange.count; step++)
    for (size_t chunk = 0; chunk < AHEAD; chunk++) expect(flat, step, chunk);
  for (size_t chunk = 0; chunk < chunks + lag; chunk++) {
    if (chunk < chunks) sum_chunk(flat, chunk);
    if (chunk >= lag) return_chunk(flat, chunk - lag);
  }
  for (size_t chunk = 0; chunk < chunks; chunk++) gan_wait(world, 1, &flat->broadcasts[chunk]);
}

/* One walk: a row is updated, and squared, while it is in the cache. Without `update_range` it is squared only. */
static void walk(gan_reduction *reduction, gan_update update_range, void *context) {
  reduction->squares = 0;
  for (size_t block = 0; block < reduction->blocks; block++) {
    const size_t end = gan_reduction_block_begin(reduction, block + 1);
    double lanes[GAN_SQUARE_LANES] = {0};
    for (size_t offset = gan_reduction_block_begin(reduction, block); offset < end; offset += GAN_REDUCTION_ROW) {
      const size_t count = gan_reduction_row_length(offset, end);
      if (reduction->transform)
        reduction->transform(reduction->transform_context, offset, count, reduction->slots[0] + offset);
      if (update_range) update_range(context, offset, count, reduction->slots[0] + offset);
      gan_square_add(count, reduction->slots[0] + offset, lanes);
    }
    reduction->squares += gan_square_total(lanes);
  }
}

/* Whether and how the gradient is scaled depends on all squares, so there are two walks. */
static void update_bounded(gan_reduction *reduction, gan_update update_range, void *context) {
  float row[GAN_REDUCTION_ROW];
  walk(reduction, NULL, NULL);
  if (!gan_reduction_find_factor(reduction)) return;
  for (size_t offset = 0; offset < reduction->count; offset += GAN_REDUCTION_ROW) {
    const size_t count = gan_reduction_row_length(offset, reduction->count);
    update_range(context, offset, count, gan_reduction_bounded(reduction, count, reduction->slots[0] + offset, row));
  }
}

static void update(gan_reduction *reduction, gan_update update_range, void *context, bool keep) {
  (void)keep; /* the sum stays in the first slot anyway */
  sum_ranks((flat_reduction *)reduction);
  if (reduction->bound > 0)
    update_bounded(reduction, update_range, context);
  else
    walk(reduction, update_range, context);
}

static const float *gradient(gan_reduction *reduction) { return reduction->slots[0]; }

static void distribute(gan_reduction *reduction) {
  const size_t bytes = reduction->count * sizeof(float);
  gan_world_broadcast(reduction->world, reduction->parameters, bytes);
  for (int i = 0; i < reduction->state_count; i++) gan_world_broadcast(reduction->world, reduction->states[i], bytes);
}

const gan_reduction_variant gan_reduction_flat = {
    .name = "flat",
    .help = "sums go up the tree to rank 0 and back; every rank keeps and updates everything",
    .size = sizeof(flat_reduction),
    .allocate = allocate,
    .measure = measure,
    .release = release,
    .update = update,
    .gradient = gradient,
    .distribute = distribute,
};
