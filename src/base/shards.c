#include "base/shards.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

int gan_shards_first(const gan_shards *shards, int rank) {
  return (int)((int64_t)shards->count * rank / shards->ranks);
}

int gan_shards_owner(const gan_shards *shards, int shard) {
  /* The largest r with floor(r S / R) <= shard. */
  return (int)(((int64_t)(shard + 1) * shards->ranks - 1) / shards->count);
}

int64_t gan_shards_samples(const gan_shards *shards) {
  return gan_shard_begin(shards, shards->first + shards->local) - gan_shard_begin(shards, shards->first);
}

/* Walks the tree below `node`, noting where each owned leaf goes and the folds that complete owned inner nodes;
   `height` is how many partial sums the stack holds when the node's first leaf arrives. */
static void plan_node(gan_shards *shards, gan_shard_node node, int height, int inside) {
  const int end = shards->first + shards->local;
  if (node.high <= shards->first || node.low >= end) return;
  const int whole = node.low >= shards->first && node.high <= end;
  if (whole && !inside) shards->nodes[shards->node_count++] = node;
  if (node.high - node.low == 1) {
    shards->slot[node.low - shards->first] = height;
    if (height + 1 > shards->slot_count) shards->slot_count = height + 1;
    return;
  }
  const int middle = node.low + (node.high - node.low + 1) / 2;
  plan_node(shards, (gan_shard_node){node.low, middle}, height, whole);
  /* Inside a whole node the left child stays as one partial sum; across ranks it stays as the trees found so far. */
  plan_node(shards, (gan_shard_node){middle, node.high}, whole ? height + 1 : shards->node_count, whole);
  if (whole) shards->folds[node.high - 1 - shards->first]++;
}

gan_shard_piece gan_shards_piece(gan_shard_node root, int low, int end) {
  gan_shard_piece piece = {.node = root};
  while (piece.node.low < low || piece.node.high > end) {
    const int middle = piece.node.low + (piece.node.high - piece.node.low + 1) / 2;
    if (low < middle) {
      piece.node.high = middle;
      piece.folds = 0;
    } else {
      /* The left sibling's sum is on the stack already; who completes the right child completes the parent. */
      piece.node.low = middle;
      piece.height++;
      piece.folds++;
    }
  }
  return piece;
}

int gan_shards_count(int64_t asked, int64_t batch, int ranks) {
  if (asked > 0) return (int)asked;
  const int usual = batch < GAN_SHARDS_DEFAULT ? (int)batch : GAN_SHARDS_DEFAULT;
  return ranks > usual ? ranks : usual;
}

static const char *plural(int count) { return count == 1 ? "" : "s"; }

/* Each remedy is whole: whoever follows it meets no further refusal here. */
static gan_status refuse_plan(int count, int batch, int ranks) {
  const char *to_ranks = batch < ranks ? "raise --shards and --batch" : "raise --shards";
  if (batch >= count)
    return gan_fail(GAN_BAD_USAGE,
                    "%d ranks for %d shard%s: a rank without a shard has nothing to do; start at most %d rank%s, or %s "
                    "to %d",
                    ranks, count, plural(count), count, plural(count), to_ranks, ranks);
  if (batch >= ranks)
    return gan_fail(GAN_BAD_USAGE,
                    "a global batch of %d for %d shards: each shard needs a sample; raise --batch to %d, or give "
                    "--shards %d",
                    batch, count, count, batch);
  return gan_fail(GAN_BAD_USAGE,
                  "%d ranks for a global batch of %d: each rank needs a sample; start at most %d rank%s with --shards "
                  "%d, or raise %s to %d",
                  ranks, batch, batch, plural(batch), batch, count < ranks ? "--shards and --batch" : "--batch",
                  count > ranks ? count : ranks);
}

gan_status gan_shards_plan(int count, int64_t batch, int ranks, int rank, gan_shards *shards) {
  memset(shards, 0, sizeof *shards);
  if (ranks < 1 || rank < 0 || rank >= ranks || count < 1 || batch < 1 || batch > INT32_MAX)
    return gan_fail(GAN_BAD_USAGE, "train.shards and train.batch have to be between 1 and 2147483647");
  if (batch < count || count < ranks) return refuse_plan(count, (int)batch, ranks);
  *shards = (gan_shards){.count = count, .batch = batch, .ranks = ranks, .rank = rank};
  shards->first = gan_shards_first(shards, rank);
  shards->local = gan_shards_first(shards, rank + 1) - shards->first;
  const size_t local = (size_t)shards->local;
  gan_status status = gan_allocate(local, sizeof *shards->slot, "the shard plan", &shards->slot);
  if (status == GAN_OK) status = gan_allocate(local, sizeof *shards->folds, "the shard plan", &shards->folds);
  if (status == GAN_OK) status = gan_allocate(local, sizeof *shards->nodes, "the shard plan", &shards->nodes);
  if (status != GAN_OK) {
    gan_shards_release(shards);
    return status;
  }
  plan_node(shards, (gan_shard_node){0, count}, 0, 0);
  return GAN_OK;
}

void gan_shards_release(gan_shards *shards) {
  free(shards->slot);
  free(shards->folds);
  free(shards->nodes);
  memset(shards, 0, sizeof *shards);
}

/* Adds slot `top` into the one below it, then that one, and so on. */
static void add_down(int top, int times, float *const *slots, size_t offset, size_t count) {
  for (; times > 0; times--, top--) {
    float *restrict left = slots[top - 1] + offset;
    const float *restrict right = slots[top] + offset;
    for (size_t i = 0; i < count; i++) left[i] += right[i];
  }
}

void gan_shards_fold(const gan_shards *shards, int local_shard, float *const *slots, size_t offset, size_t count) {
  add_down(shards->slot[local_shard], shards->folds[local_shard], slots, offset, count);
}

void gan_shards_join(const gan_shards *group, float *const *slots, size_t offset, size_t count) {
  add_down(group->base, group->joins, slots, offset, count);
}

void gan_shards_fold_double(const gan_shards *shards, int local_shard, double *const *slots, size_t count) {
  int top = shards->slot[local_shard];
  for (int fold = 0; fold < shards->folds[local_shard]; fold++, top--)
    for (size_t i = 0; i < count; i++) slots[top - 1][i] += slots[top][i];
}
