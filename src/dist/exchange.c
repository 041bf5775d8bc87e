/* Cuts one rank's steps from the walk over the shard tree. */
#include "dist/exchange.h"

#include <assert.h>

typedef struct tree_walk {
  const gan_shards *shards;
  gan_exchange *exchange;
  int trees; /* of this rank's forest met so far */
} tree_walk;

static void add_step(tree_walk *walk, gan_exchange_step step) {
  assert(walk->exchange->count < GAN_EXCHANGE_STEPS);
  walk->exchange->steps[walk->exchange->count++] = step;
}

/* Plans the part of the tree at and below `node`; returns the slot in which this rank has the node's sum afterwards, or
   -1 when another rank has it. */
static int visit(tree_walk *walk, gan_shard_node node) {
  const gan_shards *shards = walk->shards;
  const int end = shards->first + shards->local;
  if (node.high <= shards->first || node.low >= end) return -1;
  if (node.low >= shards->first && node.high <= end) return walk->trees++;

  const int middle = node.low + (node.high - node.low + 1) / 2;
  const int left = visit(walk, (gan_shard_node){node.low, middle});
  const int right = visit(walk, (gan_shard_node){middle, node.high});
  const int holder = gan_shards_owner(shards, node.low);
  const int giver = gan_shards_owner(shards, middle);
  if (left >= 0 && right >= 0)
    add_step(walk, (gan_exchange_step){GAN_EXCHANGE_ADD, left, right, shards->rank, middle});
  else if (left >= 0)
    add_step(walk, (gan_exchange_step){GAN_EXCHANGE_RECEIVE, left, -1, giver, middle});
  else if (right >= 0)
    add_step(walk, (gan_exchange_step){GAN_EXCHANGE_SEND, right, -1, holder, middle});
  return left;
}

void gan_exchange_plan(const gan_shards *shards, gan_exchange *exchange) {
  tree_walk walk = {.shards = shards, .exchange = exchange};
  exchange->count = 0;
  visit(&walk, (gan_shard_node){0, shards->count});
  assert(walk.trees == shards->node_count);
}
