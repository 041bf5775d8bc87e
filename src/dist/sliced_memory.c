/* The sliced reduction's plan and memory.

   On each host, in one block that its ranks share:

        barrier | progress of each rank | squares | parameters | states ... | slots of the host's first rank | ...

   Vectors begin a few cache lines apart from where they would all fall on the same lines of the cache, as many vectors
   are read side by side. A rank has the system provide the pages of its own slots and of its part of the vectors, so
   that they lie near its core. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dist/barrier.h"
#include "dist/sliced.h"
#include "dist/wait.h"
#include "dist/window.h"

enum {
  STAGGER = 80,    /* floats: five cache lines */
  BUCKETS_MOST = 8 /* more would overlap more, and take more messages, each of which costs a latency */
};

/* Between hosts as many buckets as leave every rank a block of each. */
static int count_buckets(const gan_reduction *reduction) {
  const size_t most = reduction->blocks / (size_t)reduction->world->size;
  if (reduction->world->host_count == 1 || most < 1) return 1;
  return most < BUCKETS_MOST ? (int)most : BUCKETS_MOST;
}

static size_t bucket_begin(const gan_sliced *sliced, int bucket) {
  return sliced->base.blocks * (size_t)bucket / (size_t)sliced->bucket_count;
}

static gan_range values_of(const gan_sliced *sliced, size_t first_block, size_t end_block) {
  return (gan_range){gan_reduction_block_begin(&sliced->base, first_block),
                     gan_reduction_block_begin(&sliced->base, end_block)};
}

gan_range gan_sliced_bucket(const gan_sliced *sliced, int bucket) {
  return values_of(sliced, bucket_begin(sliced, bucket), bucket_begin(sliced, bucket + 1));
}

gan_range gan_sliced_blocks(const gan_sliced *sliced, int bucket, int rank) {
  const size_t first = bucket_begin(sliced, bucket), count = bucket_begin(sliced, bucket + 1) - first,
               ranks = (size_t)sliced->base.world->size;
  return (gan_range){first + count * (size_t)rank / ranks, first + count * ((size_t)rank + 1) / ranks};
}

gan_range gan_sliced_range(const gan_sliced *sliced, int bucket, int rank) {
  const gan_range blocks = gan_sliced_blocks(sliced, bucket, rank);
  return values_of(sliced, blocks.begin, blocks.end);
}

gan_range gan_sliced_squares(const gan_sliced *sliced, int bucket, int rank) {
  gan_range squares = {0, 0};
  for (bucket = 0; bucket < sliced->bucket_count; bucket++) {
    const gan_range blocks = gan_sliced_blocks(sliced, bucket, rank);
    squares.begin += blocks.begin - bucket_begin(sliced, bucket);
    squares.end += blocks.end - bucket_begin(sliced, bucket);
  }
  return squares;
}

static void number_squares(gan_sliced *sliced) {
  for (int rank = 0; rank < sliced->base.world->size; rank++) {
    size_t next = gan_sliced_squares(sliced, 0, rank).begin;
    for (int bucket = 0; bucket < sliced->bucket_count; bucket++) {
      const gan_range blocks = gan_sliced_blocks(sliced, bucket, rank);
      for (size_t block = blocks.begin; block < blocks.end; block++) sliced->square_of_block[block] = next++;
    }
  }
}

/* Floats of this rank's slices of the buckets before this one. */
static size_t floats_before(const gan_sliced *sliced, int bucket) {
  size_t floats = 0;
  for (int before = 0; before < bucket; before++) {
    const gan_range range = gan_sliced_range(sliced, before, sliced->base.world->rank);
    floats += range.end - range.begin;
  }
  return floats;
}

float *gan_sliced_arrivals(const gan_sliced *sliced, int bucket) {
  return sliced->arrivals + floats_before(sliced, bucket) * (size_t)sliced->arrival_count;
}

void gan_sliced_find_arrivals(gan_sliced *sliced, int bucket) {
  const gan_range range = gan_sliced_range(sliced, bucket, sliced->base.world->rank);
  float *arrivals = gan_sliced_arrivals(sliced, bucket);
  for (int i = 0; i < sliced->total.count; i++) {
    gan_term *term = &sliced->total.term[i];
    if (term->slot >= 0) continue;
    term->values = arrivals + (size_t)term->host_rank * (range.end - range.begin);
    term->origin = range.begin;
  }
}

int gan_sliced_courier(const gan_world *world, int host, int slice) {
  const int first = world->first_on_host[host];
  return first + slice % (world->first_on_host[host + 1] - first);
}

static int host_of(const gan_world *world, int rank) {
  int host = 0, end = world->host_count;
  while (end - host > 1) {
    const int middle = host + (end - host) / 2;
    if (world->first_on_host[middle] <= rank)
      host = middle;
    else
      end = middle;
  }
  return host;
}

/* The shard after a host's last. */
static int shards_end(const gan_sliced *sliced, int host) {
  return gan_shards_first(sliced->base.shards, sliced->base.world->first_on_host[host + 1]);
}

/* Lists what `root` is the sum of: forests of this host's ranks, and of other hosts. Writes to `terms` unless NULL;
   returns how many. */
static int list_terms(const gan_sliced *sliced, gan_shard_node root, gan_term *terms) {
  const gan_world *world = sliced->base.world;
  const gan_shards *shards = sliced->base.shards;
  int count = 0, arrivals = 0, owner_before = -1, slot = 0;
  for (int low = root.low; low < root.high; count++) {
    const int owner = gan_shards_owner(shards, low), host = host_of(world, owner);
    const bool here = host == world->host_number;
    const int end = here ? gan_shards_first(shards, owner + 1) : shards_end(sliced, host);
    const gan_shard_piece piece = gan_shards_piece(root, low, end);
    /* A rank's trees are in its slots in rising order; the root of a host's tree may begin amid them. */
    if (owner != owner_before) {
      slot = 0;
      for (int before = gan_shards_first(shards, owner); before < low; slot++)
        before = gan_shards_piece((gan_shard_node){0, shards->count}, before, end).node.high;
    }
    if (terms) {
      terms[count] = (gan_term){.height = piece.height, .folds = piece.folds, .slot = -1, .host_rank = arrivals};
      if (here) terms[count].slot = slot, terms[count].host_rank = owner - world->first_on_host[host];
    }
    if (here)
      slot++;
    else
      arrivals++;
    owner_before = owner;
    low = piece.node.high;
  }
  return count;
}

static gan_status plan_terms(gan_sliced *sliced, gan_shard_node root, gan_terms *terms) {
  terms->count = list_terms(sliced, root, NULL);
  GAN_TRY(gan_reduction_take(&sliced->base, (size_t)terms->count, sizeof *terms->term, "the reduction's plan",
                             &terms->term));
  list_terms(sliced, root, terms->term);
  return GAN_OK;
}

/* The forest of a host: the largest nodes that its ranks own together. Writes to `nodes` unless NULL; returns how many.
 */
static int list_forest(const gan_sliced *sliced, int host, gan_shard_node *nodes) {
  const gan_shards *shards = sliced->base.shards;
  const int end = shards_end(sliced, host);
  int count = 0;
  for (int low = gan_shards_first(shards, sliced->base.world->first_on_host[host]); low < end; count++) {
    const gan_shard_node node = gan_shards_piece((gan_shard_node){0, shards->count}, low, end).node;
    if (nodes) nodes[count] = node;
    low = node.high;
  }
  return count;
}

static gan_status plan_forest(gan_sliced *sliced) {
  const gan_world *world = sliced->base.world;
  gan_shard_node *nodes = NULL;
  const size_t count = (size_t)sliced->tree_count;
  if (count == 0) return GAN_OK;
  GAN_TRY(gan_reduction_take(&sliced->base, count, sizeof *sliced->trees, "the reduction's plan", &sliced->trees));
  GAN_TRY(gan_allocate(count, sizeof *nodes, "the reduction's plan", &nodes));
  list_forest(sliced, world->host_number, nodes);
  gan_status status = GAN_OK;
  for (size_t i = 0; i < count && status == GAN_OK; i++) status = plan_terms(sliced, nodes[i], &sliced->trees[i]);
  free(nodes);
  return status;
}

/* How much arrives from other hosts, and how many messages this rank has under way at once. */
static void count_messages(gan_sliced *sliced) {
  const gan_world *world = sliced->base.world;
  int errands = 0;
  for (int rank = 0; rank < world->size; rank++)
    errands += host_of(world, rank) != world->host_number &&
               gan_sliced_courier(world, world->host_number, rank) == world->rank;
  for (int host = 0; host < world->host_count; host++)
    if (host != world->host_number) sliced->arrival_count += list_forest(sliced, host, NULL);
  /* An exchange takes a message for each other host and each errand; there is one per bucket, and one of squares. */
  sliced->request_room = sliced->bucket_count * (sliced->arrival_count + errands * sliced->tree_count) +
                         (sliced->bucket_count + 1) * (errands + world->host_count);
}

/* Which rank sends each arrival: the courier of this rank's slice on each host, in order of the hosts. */
static void list_senders(gan_sliced *sliced) {
  const gan_world *world = sliced->base.world;
  int count = 0;
  for (int host = 0; host < world->host_count; host++) {
    if (host == world->host_number) continue;
    for (int trees = list_forest(sliced, host, NULL); trees > 0; trees--)
      sliced->senders[count++] = gan_sliced_courier(world, host, world->rank);
  }
}

/* Bytes before the vectors, and of all. */
static size_t head_bytes(const gan_sliced *sliced) {
  const size_t progress = (size_t)sliced->base.world->host_size * sizeof *sliced->progress;
  return GAN_PAGE + (progress + sliced->base.blocks * sizeof(double) + GAN_PAGE - 1) / GAN_PAGE * GAN_PAGE;
}

static size_t all_bytes(const gan_sliced *sliced) {
  const size_t slots = (size_t)sliced->slots_before[sliced->base.world->host_size];
  return head_bytes(sliced) + (1 + (size_t)sliced->base.state_count + slots) * sliced->stride * sizeof(float);
}

static float *vector(const gan_sliced *sliced, size_t number) {
  return (float *)(sliced->memory + head_bytes(sliced)) + number * sliced->stride;
}

float *gan_sliced_slot(const gan_sliced *sliced, int host_rank, int slot) {
  return vector(sliced, 1 + (size_t)sliced->base.state_count + (size_t)(sliced->slots_before[host_rank] + slot));
}

/* Partial sums that are kept at once. */
static size_t level_count(const gan_reduction *reduction) {
  size_t levels = 1;
  while ((INT64_C(1) << (levels - 1)) < reduction->shards->count) levels++;
  return levels;
}

/* All sizes that do not depend on the slots of other ranks. */
static void plan_sizes(gan_sliced *sliced) {
  const gan_reduction *reduction = &sliced->base;
  const gan_world *world = reduction->world;
  const size_t page = GAN_PAGE / sizeof(float);
  sliced->stride = (reduction->count + page - 1) / page * page + STAGGER;
  sliced->bucket_count = count_buckets(reduction);
  sliced->tree_count = world->host_count > 1 ? list_forest(sliced, world->host_number, NULL) : 0;
  count_messages(sliced);
}

/* Bytes of the plans: the terms of the total and of this host's trees. A shard of this host is in one tree. */
static size_t plan_bytes(const gan_sliced *sliced) {
  const gan_shards *shards = sliced->base.shards;
  const gan_world *world = sliced->base.world;
  size_t terms = (size_t)list_terms(sliced, (gan_shard_node){0, shards->count}, NULL);
  if (sliced->tree_count > 0) {
    const int end = shards_end(sliced, world->host_number);
    for (int low = gan_shards_first(shards, world->first_on_host[world->host_number]); low < end;) {
      const gan_shard_node node = gan_shards_piece((gan_shard_node){0, shards->count}, low, end).node;
      terms += (size_t)list_terms(sliced, node, NULL);
      low = node.high;
    }
  }
  return terms * sizeof(gan_term) + (size_t)sliced->tree_count * sizeof(gan_terms);
}

void gan_sliced_measure(const gan_reduction *reduction, size_t host_slots, gan_reduction_bytes *bytes) {
  gan_sliced sliced = {.base = *reduction};
  plan_sizes(&sliced);
  const size_t vector_bytes = sliced.stride * sizeof(float), arrivals = (size_t)sliced.arrival_count;
  bytes->shared = reduction->world->host_size > 1;
  bytes->parameters = head_bytes(&sliced) + vector_bytes;
  bytes->states = (size_t)reduction->state_count * vector_bytes;
  bytes->slots = host_slots * vector_bytes;
  bytes->others += plan_bytes(&sliced) + arrivals * sizeof(int) +
                   arrivals * floats_before(&sliced, sliced.bucket_count) * sizeof(float) +
                   (size_t)sliced.request_room * sizeof(MPI_Request) +
                   level_count(reduction) * GAN_REDUCTION_ROW * sizeof(float) + GAN_REDUCTION_ROW * sizeof(float) +
                   reduction->blocks * sizeof(size_t) + (size_t)reduction->shards->slot_count * sizeof(float *) +
                   ((size_t)reduction->world->host_size + 1) * sizeof(int);
}

gan_status gan_sliced_allocate(gan_reduction *reduction) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  const gan_world *world = reduction->world;
  const size_t slots = (size_t)reduction->shards->slot_count, host_size = (size_t)world->host_size;
  plan_sizes(sliced);
  sliced->settled = true;
  sliced->messages = MPI_COMM_NULL;
  GAN_TRY(plan_terms(sliced, (gan_shard_node){0, reduction->shards->count}, &sliced->total));
  GAN_TRY(plan_forest(sliced));
  const size_t arrivals = (size_t)sliced->arrival_count, length = floats_before(sliced, sliced->bucket_count);
  GAN_TRY(
      gan_reduction_take(reduction, arrivals, length * sizeof(float), "gradients of other hosts", &sliced->arrivals));
  GAN_TRY(gan_reduction_take(reduction, arrivals, sizeof(int), "gradients of other hosts", &sliced->senders));
  list_senders(sliced);
  GAN_TRY(gan_reduction_take(reduction, (size_t)sliced->request_room, sizeof(MPI_Request), "the gradients' messages",
                             &sliced->requests));
  GAN_TRY(gan_reduction_take(reduction, level_count(reduction), GAN_REDUCTION_ROW * sizeof(float), "partial sums",
                             &sliced->partial));
  GAN_TRY(gan_reduction_take(reduction, GAN_REDUCTION_ROW, sizeof(float), "partial sums", &sliced->row));
  GAN_TRY(gan_reduction_take(reduction, reduction->blocks, sizeof(size_t), "the reduction's plan",
                             &sliced->square_of_block));
  number_squares(sliced);
  GAN_TRY(gan_reduction_take(reduction, slots, sizeof(float *), "the gradients", &reduction->slots));
  GAN_TRY(gan_reduction_take(reduction, host_size + 1, sizeof(int), "the host's ranks", &sliced->slots_before));
  sliced->slots_before[host_size] = (int)slots;
  if (host_size > 1) return GAN_OK;
  return gan_reduction_take(reduction, all_bytes(sliced), 1, "a network's parameters and gradients", &sliced->private);
}

/* What part `part` of the vectors' bytes this rank provides. */
static size_t part_begin(const gan_sliced *sliced, int part) {
  return sliced->stride * (size_t)part / (size_t)sliced->base.world->host_size;
}

static bool provide(const gan_sliced *sliced) {
  const int rank = sliced->base.world->host_rank;
  const size_t begin = part_begin(sliced, rank), bytes = (part_begin(sliced, rank + 1) - begin) * sizeof(float);
  const size_t own = (size_t)(sliced->slots_before[rank + 1] - sliced->slots_before[rank]) * sliced->stride;
  if (rank == 0 && !gan_window_provide(sliced->memory, head_bytes(sliced))) return false;
  for (size_t i = 0; i <= (size_t)sliced->base.state_count; i++)
    if (!gan_window_provide(vector(sliced, i) + begin, bytes)) return false;
  if (!gan_window_provide(gan_sliced_slot(sliced, rank, 0), own * sizeof(float))) return false;
  if (rank == 0) memset(sliced->memory, 0, head_bytes(sliced));
  for (size_t i = 0; i <= (size_t)sliced->base.state_count; i++) memset(vector(sliced, i) + begin, 0, bytes);
  memset(gan_sliced_slot(sliced, rank, 0), 0, own * sizeof(float));
  return true;
}

static bool open_window(gan_sliced *sliced) {
  gan_world *world = sliced->base.world;
  MPI_Request request;
  int *before = sliced->slots_before;
  const int own = before[world->host_size];
  MPI_Iallgather(&own, 1, MPI_INT, before + 1, 1, MPI_INT, world->host, &request);
  gan_wait(world, 1, &request);
  for (int rank = 0; rank < world->host_size; rank++) before[rank + 1] += before[rank];
  /* A host's ranks have the barrier all together or not at all. */
  if (!world->barrier.barrier || !gan_window_open(world, all_bytes(sliced), &sliced->window)) return false;
  sliced->base.taken_shared = all_bytes(sliced);
  sliced->memory = sliced->window.memory;
  if (gan_host_all(world, provide(sliced))) return true;
  gan_window_close(&sliced->window);
  return false;
}

/* Finds the vectors of the terms that are slots of this host. */
static void find_slots(const gan_sliced *sliced, gan_terms *terms) {
  for (int i = 0; i < terms->count; i++)
    if (terms->term[i].slot >= 0)
      terms->term[i].values = gan_sliced_slot(sliced, terms->term[i].host_rank, terms->term[i].slot);
}

bool gan_sliced_share(gan_reduction *reduction) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  const int rank = reduction->world->host_rank;
  if (reduction->world->host_count > 1) MPI_Comm_dup(reduction->world->ranks, &sliced->messages);
  sliced->memory = sliced->private;
  if (reduction->world->host_size == 1)
    sliced->slots_before[0] = 0;
  else if (!open_window(sliced))
    return false;
  if (reduction->world->host_size > 1) sliced->ready.barrier = (gan_barrier *)sliced->memory;
  sliced->progress = (gan_sliced_progress *)(sliced->memory + GAN_PAGE);
  sliced->squares = (double *)(sliced->progress + reduction->world->host_size);
  reduction->parameters = vector(sliced, 0);
  for (int i = 0; i < reduction->state_count; i++) reduction->states[i] = vector(sliced, 1 + (size_t)i);
  for (int i = 0; i < reduction->shards->slot_count; i++) reduction->slots[i] = gan_sliced_slot(sliced, rank, i);
  find_slots(sliced, &sliced->total);
  for (int i = 0; i < sliced->tree_count; i++) find_slots(sliced, &sliced->trees[i]);
  return true;
}

void gan_sliced_release(gan_reduction *reduction) {
  gan_sliced *sliced = (gan_sliced *)reduction;
  gan_window_close(&sliced->window);
  if (sliced->messages != MPI_COMM_NULL) MPI_Comm_free(&sliced->messages);
  free(sliced->private);
  free(sliced->slots_before);
  free(reduction->slots);
  free(sliced->partial);
  free(sliced->row);
  free(sliced->square_of_block);
  free(sliced->requests);
  free(sliced->senders);
  free(sliced->arrivals);
  free(sliced->total.term);
  for (int i = 0; sliced->trees && i < sliced->tree_count; i++) free(sliced->trees[i].term);
  free(sliced->trees);
}
