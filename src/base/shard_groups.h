/* A rank's shards in groups that are computed one after the other, so that what a pass holds is of one group's samples
   only.

   A group is a gan_shards of its own, over a few of the rank's shards, whose slots are those of the rank: sums of the
   groups before lie below its own (`base`), and its first shard goes on top of them. Kernels and layers need to know
   nothing of it: what they leave in the slots is the group's forest. Only where the sum of a group completes a node
   together with one from before, that addition is made when the group is done, by gan_shards_join; and so that this is
   so at its end and nowhere else, a group ends there. All additions are those of the tree, whatever the groups. */
#ifndef GAN_BASE_SHARD_GROUPS_H
#define GAN_BASE_SHARD_GROUPS_H

#include "base/shards.h"

typedef struct gan_shard_groups {
  int count;
  gan_shards *group;     /* [count], rising; not to be released */
  gan_shards largest;    /* as many of the rank's shards as the largest group has, with as many samples as any has: what
                            a pass over each of them has to have room for; no group itself */
  int *folds;            /* of all groups */
  gan_shard_node *nodes; /* of all groups */
} gan_shard_groups;

/* Cuts a rank's shards into groups of at most local / wanted shards, rounded up; of one where it has no more than
   `wanted`. There may be more groups than wanted, since they end with nodes of the tree. `shards` is borrowed. */
gan_status gan_shard_groups_plan(const gan_shards *shards, int64_t wanted, gan_shard_groups *groups) GAN_CHECKED;
void gan_shard_groups_release(gan_shard_groups *groups);

#endif
