/* What a rank sends, receives and adds so that the sum over all shards comes out along the shard tree.

   Each rank brings the sums of its forest (base/shards.h). A tree node that spans ranks is combined by the rank that
   owns the node's first shard: it holds the left child's sum, and receives the right child's from the rank that owns
   the right child's first shard. The total ends with the owner of shard 0, rank 0. Which additions take place, and the
   order of their operands, is thus given by the number of shards alone.

   The steps of all ranks are cut from one walk of the tree, children before parents, left before right. So there is one
   order of all messages that suits everybody, and no rank can wait for another in a circle. */
#ifndef GAN_DIST_EXCHANGE_H
#define GAN_DIST_EXCHANGE_H

#include "base/shards.h"

typedef enum gan_exchange_kind {
  GAN_EXCHANGE_RECEIVE, /* add the values that arrive from `peer` to slot */
  GAN_EXCHANGE_SEND,    /* slot to `peer`, and done with this slot */
  GAN_EXCHANGE_ADD      /* add slot `other` to slot; both children's first shards are this rank's */
} gan_exchange_kind;

typedef struct gan_exchange_step {
  gan_exchange_kind kind;
  int slot;
  int other;
  int peer;
  int tag; /* the first shard of the node's right child: no two nodes share it, and it is never 0 */
} gan_exchange_step;

/* At most two nodes of one level of the tree overlap a rank's shards and span other ranks too, and a tree over fewer
   than 2^31 shards has 31 levels above its leaves. */
enum { GAN_EXCHANGE_STEPS = 62 };

typedef struct gan_exchange {
  int count;
  gan_exchange_step steps[GAN_EXCHANGE_STEPS];
} gan_exchange;

/* The steps of shards->rank, to be done in order. Pure arithmetic, no communication. */
void gan_exchange_plan(const gan_shards *shards, gan_exchange *exchange);

#endif
