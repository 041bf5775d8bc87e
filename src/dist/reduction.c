/* The plain reduction: sums travel up the shard tree to rank 0, the total is broadcast, every rank updates everything.

   The vector goes in chunks, so that one chunk is added while the next is on its way, and the first chunks of the total
   come back while the last still go up. The total lies in the first slot, on every rank: rank 0 adds it up there, and
   the others have sent its old content by the time that they receive it. With one rank nothing is moved at all. */
#include "dist/reduction.h"

#include <assert.h>
#include <mpi.h>
#include <stdlib.h>

#include "base/memory.h"
#include "dist/exchange.h"
#include "dist/wait.h"
#include "dist/world_state.h"

enum {
  CHUNK = 65536, /* floats: long enough to hide a message's latency, short enough to stay in a core's cache */
  AHEAD = 2,     /* chunks of one sum under way at once */
  LINE = 16      /* floats of a cache line; no two slots share one */
};

struct gan_reduction {
  gan_world *world;
  const gan_shards *shards;
  size_t count, chunks;
  float *parameters;
  float *storage; /* of the slots */
  float **slots;
  gan_exchange exchange;
  MPI_Request under_way[GAN_EXCHANGE_STEPS][AHEAD]; /* chunk c of a step in place c % AHEAD */
  float *arrivals;                                  /* [steps][AHEAD][CHUNK] */
  MPI_Request *broadcasts;                          /* [chunks] */
};

static gan_status allocate(gan_reduction *reduction) {
  const size_t slot_count = (size_t)reduction->shards->slot_count;
  const size_t stride = (reduction->count + LINE - 1) / LINE * LINE;
  const size_t arrivals = (size_t)reduction->exchange.count * AHEAD * CHUNK;
  GAN_TRY(gan_allocate(reduction->count, sizeof(float), "the parameters", &reduction->parameters));
  GAN_TRY(gan_allocate(slot_count, stride * sizeof(float), "the gradients", &reduction->storage));
  GAN_TRY(gan_allocate(slot_count, sizeof(float *), "the gradients", &reduction->slots));
  GAN_TRY(gan_allocate(arrivals, sizeof(float), "gradients of other ranks", &reduction->arrivals));
  GAN_TRY(gan_allocate(reduction->chunks, sizeof(MPI_Request), "the gradients' messages", &reduction->broadcasts));
  for (size_t slot = 0; slot < slot_count; slot++) reduction->slots[slot] = reduction->storage + slot * stride;
  return GAN_OK;
}

gan_status gan_reduction_create(gan_world *world, const gan_shards *shards, size_t count, gan_reduction **reduction) {
  assert(shards->ranks == world->size && shards->rank == world->rank);
  gan_reduction *made = NULL;
  *reduction = NULL;
  gan_status status = gan_allocate(1, sizeof *made, "a reduction", &made);
  if (status == GAN_OK) {
    made->world = world;
    made->shards = shards;
    made->count = count;
    made->chunks = (count + CHUNK - 1) / CHUNK;
    gan_exchange_plan(shards, &made->exchange);
    status = allocate(made);
  }
  status = gan_world_agree(world, status);
  if (status != GAN_OK) {
    gan_reduction_destroy(made);
    return status;
  }
  *reduction = made;
  return GAN_OK;
}

void gan_reduction_destroy(gan_reduction *reduction) {
  if (!reduction) return;
  free(reduction->broadcasts);
  free(reduction->arrivals);
  free(reduction->slots);
  free(reduction->storage);
  free(reduction->parameters);
  free(reduction);
}

float *gan_reduction_parameters(gan_reduction *reduction) { return reduction->parameters; }
float *const *gan_reduction_slots(gan_reduction *reduction) { return reduction->slots; }
const float *gan_reduction_gradient(const gan_reduction *reduction) { return reduction->slots[0]; }

static size_t chunk_length(const gan_reduction *reduction, size_t chunk) {
  const size_t left = reduction->count - chunk * CHUNK;
  return left < CHUNK ? left : CHUNK;
}

static float *arrival(const gan_reduction *reduction, int step, size_t chunk) {
  return reduction->arrivals + ((size_t)step * AHEAD + chunk % AHEAD) * CHUNK;
}

/* Asks for a chunk of what `step` receives; nothing for other steps, nor beyond the last chunk. */
static void expect(gan_reduction *reduction, int step, size_t chunk) {
  const gan_exchange_step *plan = &reduction->exchange.steps[step];
  if (plan->kind != GAN_EXCHANGE_RECEIVE || chunk >= reduction->chunks) return;
  MPI_Irecv(arrival(reduction, step, chunk), (int)chunk_length(reduction, chunk), MPI_FLOAT, plan->peer, plan->tag,
            reduction->world->ranks, &reduction->under_way[step][chunk % AHEAD]);
}

/* Adds up, and sends on, one chunk of this rank's sums. */
static void sum_chunk(gan_reduction *reduction, size_t chunk) {
  const size_t length = chunk_length(reduction, chunk);
  for (int step = 0; step < reduction->exchange.count; step++) {
    const gan_exchange_step *plan = &reduction->exchange.steps[step];
    MPI_Request *request = &reduction->under_way[step][chunk % AHEAD];
    float *restrict sum = reduction->slots[plan->slot] + chunk * CHUNK;
    if (plan->kind == GAN_EXCHANGE_SEND) {
      MPI_Isend(sum, (int)length, MPI_FLOAT, plan->peer, plan->tag, reduction->world->ranks, request);
      continue;
    }
    const float *restrict addend = arrival(reduction, step, chunk);
    if (plan->kind == GAN_EXCHANGE_ADD)
      addend = reduction->slots[plan->other] + chunk * CHUNK;
    else
      gan_wait(reduction->world, 1, request);
    for (size_t i = 0; i < length; i++) sum[i] += addend[i];
    expect(reduction, step, chunk + AHEAD);
  }
}

/* Starts the way back of one chunk, once this rank's part of it has left. */
static void return_chunk(gan_reduction *reduction, size_t chunk) {
  for (int step = 0; step < reduction->exchange.count; step++)
    if (reduction->exchange.steps[step].kind == GAN_EXCHANGE_SEND)
      gan_wait(reduction->world, 1, &reduction->under_way[step][chunk % AHEAD]);
  MPI_Ibcast(reduction->slots[0] + chunk * CHUNK, (int)chunk_length(reduction, chunk), MPI_FLOAT, 0,
             reduction->world->ranks, &reduction->broadcasts[chunk]);
}

void gan_reduction_sum(gan_reduction *reduction) {
  const size_t chunks = reduction->chunks;
  /* Rank 0 sends nothing up, and need not wait; the others return a chunk when the next one has left too. */
  const size_t lag = reduction->world->rank == 0 ? 0 : AHEAD - 1;
  if (reduction->world->size == 1) return;
  for (int step = 0; step < reduction->exchange.count; step++)
    for (size_t chunk = 0; chunk < AHEAD; chunk++) expect(reduction, step, chunk);
  for (size_t chunk = 0; chunk < chunks + lag; chunk++) {
    if (chunk < chunks) sum_chunk(reduction, chunk);
    if (chunk >= lag) return_chunk(reduction, chunk - lag);
  }
  for (size_t chunk = 0; chunk < chunks; chunk++) gan_wait(reduction->world, 1, &reduction->broadcasts[chunk]);
}

void gan_reduction_apply(gan_reduction *reduction, gan_update update, void *context) {
  update(context, 0, reduction->count, gan_reduction_gradient(reduction));
}
