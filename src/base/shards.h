/* Shards: how the global batch is cut, who owns which piece, and in which order their sums are taken.

   The result of a training run depends on the number of shards S and never on the number of ranks. A sum over shards is
   therefore taken along one fixed binary tree: node [low, high) with more than one shard is the sum of its left child
   [low, middle) and its right child [middle, high), middle = low + (high - low + 1) / 2, left operand first. A rank
   owns a contiguous range of shards; the largest tree nodes inside this range form its forest. It adds up each of them
   by itself, and ranks exchange only those sums (src/dist).

   While a rank works through its shards in rising order it keeps partial sums on a stack of slots, like the carries of
   a binary counter: shard i writes into slot[i]; then folds[i] times the top slot is added into the one below it. At
   the end slots 0 .. node_count-1 hold the forest. Pure arithmetic, no communication. */
#ifndef GAN_BASE_SHARDS_H
#define GAN_BASE_SHARDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct gan_shard_node {
  int low, high; /* shards low .. high-1 */
} gan_shard_node;

typedef struct gan_shards {
  int count;     /* S */
  int64_t batch; /* B, samples of the global batch */
  int ranks, rank;
  int first, local;      /* this rank owns shards first .. first+local-1 */
  int *slot;             /* [local] */
  int *folds;            /* [local] */
  int slot_count;        /* slots needed at once */
  int node_count;        /* trees in this rank's forest */
  gan_shard_node *nodes; /* [node_count], rising */
  /* Of a group of a rank's shards (base/shard_groups.h); else 0. */
  int base;  /* slots below belong to the groups before; those of this one's trees begin here */
  int joins; /* times that its last tree is added into what is below, once it is complete */
} gan_shards;

/* S for `asked` (train.shards); for 0, which leaves it to the program: GAN_SHARDS_DEFAULT, but at most one for each
   sample and at least one for each rank. So any number of ranks up to GAN_SHARDS_DEFAULT gives the same S, and beyond
   it each rank has one shard, which is the smallest S that keeps all of them at work, and equally. */
enum { GAN_SHARDS_DEFAULT = 8 };
int gan_shards_count(int64_t asked, int64_t batch, int ranks);

/* Plans rank's part. Fails with GAN_BAD_USAGE unless 1 <= ranks <= count <= batch < 2^31. */
gan_status gan_shards_plan(int count, int64_t batch, int ranks, int rank, gan_shards *shards) GAN_CHECKED;
void gan_shards_release(gan_shards *shards);

/* First sample of a shard (0 .. count), in the global batch: floor(shard * B / S). */
static inline int64_t gan_shard_begin(const gan_shards *shards, int shard) {
  return shards->batch * shard / shards->count;
}

/* First shard of a rank (0 .. ranks), and the rank that owns a shard. */
int gan_shards_first(const gan_shards *shards, int rank);
int gan_shards_owner(const gan_shards *shards, int shard);

/* Samples of this rank's shards together, and of its i-th shard (0 .. local-1). */
int64_t gan_shards_samples(const gan_shards *shards);
static inline int64_t gan_shard_samples(const gan_shards *shards, int local_shard) {
  const int shard = shards->first + local_shard;
  return gan_shard_begin(shards, shard + 1) - gan_shard_begin(shards, shard);
}

/* Shards, and samples, of the rank before these: 0 unless they are a group of them (base/shard_groups.h). */
static inline int gan_shards_before(const gan_shards *shards) {
  return shards->first - gan_shards_first(shards, shards->rank);
}
static inline int64_t gan_shards_samples_before(const gan_shards *shards) {
  return gan_shard_begin(shards, shards->first) - gan_shard_begin(shards, gan_shards_first(shards, shards->rank));
}

/* Whether the folds after local shard i complete one of the rank's trees: the one that ends up in the slot that they
   lead to, slot[i] - folds[i]. */
static inline int gan_shards_complete(const gan_shards *shards, int local_shard) {
  const int place = shards->slot[local_shard] - shards->folds[local_shard] - shards->base;
  return place < shards->node_count && shards->nodes[place].high == shards->first + local_shard + 1;
}

/* A leaf of the tree over larger pieces than shards: a node that somebody has summed up already. Pieces that come in
   rising order and cover a node `root` are summed on a stack of partial sums, as shards are: this one is put on top of
   `height` others, then `folds` times the top is added into the one below it. */
typedef struct gan_shard_piece {
  gan_shard_node node;
  int height, folds;
} gan_shard_piece;

/* The largest node below `root` that begins with shard `low` and does not go beyond `end`. */
gan_shard_piece gan_shards_piece(gan_shard_node root, int low, int end);

/* After local shard i has put its values into slots[slot[i]][offset .. offset+count): folds finished siblings there. */
void gan_shards_fold(const gan_shards *shards, int local_shard, float *const *slots, size_t offset, size_t count);
/* After all shards of a group: adds its sum into those of the groups before with which it completes nodes. Does nothing
   where there are none. */
void gan_shards_join(const gan_shards *group, float *const *slots, size_t offset, size_t count);
void gan_shards_fold_double(const gan_shards *shards, int local_shard, double *const *slots, size_t count);

#endif
