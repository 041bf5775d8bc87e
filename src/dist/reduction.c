/* The table of reductions, the choice among them, and what they have in common. */
#include "dist/reduction.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dist/barrier.h"
#include "dist/reduction_state.h"
#include "kernels/kernels.h"

static const gan_reduction_variant *const variants[] = {&gan_reduction_flat, &gan_reduction_shared,
                                                        &gan_reduction_hierarchical};

int gan_reduction_variant_count(void) { return (int)(sizeof variants / sizeof *variants); }
const char *gan_reduction_variant_name(int i) { return variants[i]->name; }
const char *gan_reduction_variant_help(int i) { return variants[i]->help; }

static const gan_reduction_variant *find(const char *name) {
  for (int i = 0; i < gan_reduction_variant_count(); i++)
    if (strcmp(variants[i]->name, name) == 0) return variants[i];
  return NULL;
}

static size_t blocks_of(size_t count) { return (count + GAN_REDUCTION_BLOCK - 1) / GAN_REDUCTION_BLOCK; }

/* A rank alone has nothing to share. Between hosts, slices of whole blocks send each value in and out of a host once.
   With fewer blocks than hosts the ranks that have a slice talk to all hosts, and the time grows with the hosts, where
   that of the tree grows with their logarithm, from a much higher start: the two meet at 7 to 50 hosts to a block, on
   any of the networks of predict.c. */
const char *gan_reduction_choice(int ranks, int hosts, size_t count) {
  enum { HOSTS_TO_A_BLOCK = 12 };
  if (ranks == 1) return gan_reduction_flat.name;
  if (hosts == 1) return gan_reduction_shared.name;
  return (size_t)hosts > HOSTS_TO_A_BLOCK * blocks_of(count) ? gan_reduction_flat.name
                                                             : gan_reduction_hierarchical.name;
}

static gan_status select_variant(const gan_world *world, const char *name, size_t count,
                                 const gan_reduction_variant **variant) {
  if (strcmp(name, "auto") == 0) name = gan_reduction_choice(world->size, world->host_count, count);
  *variant = find(name);
  if (!*variant) return gan_fail(GAN_BAD_USAGE, "dist.reduction: there is no reduction '%.40s'", name);
  if ((*variant)->one_host && world->host_count > 1)
    return gan_fail(GAN_BAD_USAGE,
                    "dist.reduction: %s is for the ranks of one host, and these are on %d: use hierarchical or auto",
                    (*variant)->name, world->host_count);
  /* MPI counts in int, and only flat cuts its messages. */
  if (world->size == 1 || count > INT_MAX) *variant = &gan_reduction_flat;
  return GAN_OK;
}

/* Tries one variant; *reduction stays NULL, with GAN_OK, where it finds no memory to share. */
static gan_status try_variant(const gan_reduction *wanted, gan_reduction **reduction) {
  const gan_reduction_variant *variant = wanted->variant;
  gan_world *world = wanted->world;
  gan_reduction *made = NULL;
  bool lacking = false;
  gan_status status = gan_allocate(1, variant->size, "a reduction", &made);
  if (status == GAN_OK) {
    *made = *wanted;
    made->taken = variant->size;
    status = variant->allocate(made);
  }
  status = gan_world_agree(world, status);
  if (status == GAN_OK && variant->share) lacking = gan_world_maximum(world, !variant->share(made)) > 0;
  if (status != GAN_OK || lacking) {
    gan_reduction_destroy(made);
    return status;
  }
  *reduction = made;
  return GAN_OK;
}

gan_status gan_reduction_create(gan_world *world, const gan_shards *shards, const char *variant, size_t count,
                                int state_count, gan_reduction **reduction) {
  assert(shards->ranks == world->size && shards->rank == world->rank);
  assert(state_count <= GAN_REDUCTION_STATES);
  gan_reduction wanted = {.world = world, .shards = shards, .count = count, .state_count = state_count};
  wanted.blocks = blocks_of(count);
  wanted.factor = 1;
  *reduction = NULL;
  GAN_TRY(select_variant(world, variant, count, &wanted.variant));
  GAN_TRY(try_variant(&wanted, reduction));
  if (*reduction) return GAN_OK;
  snprintf(wanted.reason, sizeof wanted.reason,
           "/dev/shm has no room for the %s reduction of %zu parameters on some host (it may be given more)",
           wanted.variant->name, count);
  wanted.variant = &gan_reduction_flat;
  return try_variant(&wanted, reduction);
}

gan_status gan_reduction_take(gan_reduction *reduction, size_t count, size_t size, const char *what, void *memory) {
  GAN_TRY(gan_allocate(count, size, what, memory));
  reduction->taken += count * size;
  return GAN_OK;
}

size_t gan_reduction_taken(const gan_reduction *reduction, size_t *shared) {
  if (shared) *shared = reduction->taken_shared;
  return reduction->taken;
}

/* Slots of all ranks of the host that `rank` is on. */
static gan_status count_host_slots(const gan_world *world, const gan_shards *shards, size_t *slots) {
  *slots = 0;
  for (int i = 0; i < world->host_size; i++) {
    gan_shards of_rank;
    GAN_TRY(gan_shards_plan(shards->count, shards->batch, world->size, world->first_on_host[world->host_number] + i,
                            &of_rank));
    *slots += (size_t)of_rank.slot_count;
    gan_shards_release(&of_rank);
  }
  return GAN_OK;
}

static int first_rank(gan_layout layout, int host) {
  return (int)(((int64_t)layout.ranks * host + layout.hosts - 1) / layout.hosts);
}

int gan_layout_host(gan_layout layout, int rank) { return (int)((int64_t)rank * layout.hosts / layout.ranks); }

/* A world that knows where its ranks are, and can do nothing. */
static void lay_out(gan_layout layout, int rank, int *first_on_host, gan_world *world) {
  *world = (gan_world){.rank = rank, .size = layout.ranks, .host_count = layout.hosts, .first_on_host = first_on_host};
  for (int host = 0; host <= layout.hosts; host++) first_on_host[host] = first_rank(layout, host);
  world->host_number = gan_layout_host(layout, rank);
  world->host_rank = rank - first_on_host[world->host_number];
  world->host_size = first_on_host[world->host_number + 1] - first_on_host[world->host_number];
}

gan_status gan_reduction_measure(gan_layout layout, const gan_shards *shards, const char *variant, size_t count,
                                 int state_count, gan_reduction_bytes *bytes) {
  gan_world world;
  int *first_on_host = NULL;
  size_t slots = 0;
  assert(shards->ranks == layout.ranks && layout.hosts >= 1 && layout.hosts <= layout.ranks);
  gan_reduction planned = {.world = &world, .shards = shards, .count = count, .state_count = state_count};
  planned.blocks = blocks_of(count);
  *bytes = (gan_reduction_bytes){0};
  GAN_TRY(gan_allocate((size_t)layout.hosts + 1, sizeof *first_on_host, "the list of hosts", &first_on_host));
  lay_out(layout, shards->rank, first_on_host, &world);
  gan_status status = select_variant(&world, variant, count, &planned.variant);
  if (status == GAN_OK) status = count_host_slots(&world, shards, &slots);
  if (status == GAN_OK) {
    bytes->variant = planned.variant->name;
    bytes->others = planned.variant->size;
    planned.variant->measure(&planned, slots, bytes);
  }
  free(first_on_host);
  return status;
}

void gan_reduction_destroy(gan_reduction *reduction) {
  if (!reduction) return;
  reduction->variant->release(reduction);
  free(reduction);
}

const char *gan_reduction_name(const gan_reduction *reduction) { return reduction->variant->name; }
const char *gan_reduction_reason(const gan_reduction *reduction) { return reduction->reason; }
float *gan_reduction_parameters(gan_reduction *reduction) { return reduction->parameters; }
float *gan_reduction_state(gan_reduction *reduction, int i) { return reduction->states[i]; }
float *const *gan_reduction_slots(gan_reduction *reduction) { return reduction->slots; }

void gan_reduction_bound_norm(gan_reduction *reduction, double bound) {
  reduction->bound = bound;
  reduction->factor = 1;
}

double gan_reduction_factor(const gan_reduction *reduction) { return (double)reduction->factor; }

bool gan_reduction_find_factor(gan_reduction *reduction) {
  reduction->factor = 1;
  if (!isfinite(reduction->squares)) return false;
  reduction->factor = (float)fmin(1, reduction->bound / (sqrt(reduction->squares) + 1e-6));
  return true;
}

const float *gan_reduction_bounded(const gan_reduction *reduction, size_t count, const float *gradient, float *row) {
  if (reduction->factor >= 1) return gradient;
  memcpy(row, gradient, count * sizeof *row);
  gan_scale(count, reduction->factor, row);
  return row;
}

double gan_reduction_await(gan_reduction *reduction) {
  if (reduction->variant->await) reduction->variant->await(reduction);
  return reduction->squares;
}

void gan_reduction_filled(gan_reduction *reduction, size_t offset) {
  if (reduction->variant->filled) reduction->variant->filled(reduction, offset);
}

void gan_reduction_transform(gan_reduction *reduction, gan_transform transform, void *context) {
  reduction->transform = transform;
  reduction->transform_context = context;
}

void gan_reduction_update(gan_reduction *reduction, gan_update update, void *context, bool keep) {
  reduction->variant->update(reduction, update, context, keep);
}

void gan_reduction_each(gan_reduction *reduction, size_t pieces, gan_piece work, void *context) {
  gan_world *world = reduction->world;
  const bool shared = reduction->variant->share != NULL;
  const size_t first = shared ? (size_t)world->host_rank : 0, stride = shared ? (size_t)world->host_size : 1;
  gan_reduction_await(reduction);
  for (size_t piece = first; piece < pieces; piece += stride) work(context, piece);
  if (shared) gan_host_barrier(world);
}

const float *gan_reduction_gradient(gan_reduction *reduction) {
  gan_reduction_await(reduction);
  const float *gradient = reduction->variant->gradient(reduction);
  return reduction->world->rank == 0 ? gradient : NULL;
}

void gan_reduction_collect(gan_reduction *reduction) {
  gan_reduction_await(reduction);
  if (reduction->variant->collect) reduction->variant->collect(reduction);
}

void gan_reduction_show(gan_reduction *reduction, int i) {
  gan_reduction_await(reduction);
  if (reduction->variant->show) reduction->variant->show(reduction, i);
}

void gan_reduction_distribute(gan_reduction *reduction) {
  gan_reduction_await(reduction);
  reduction->variant->distribute(reduction);
}
