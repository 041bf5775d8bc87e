/* Gradient accumulation: a rank's shards in groups (base/shard_groups.h), of which the passes hold one at a time. */
#ifndef GAN_TRAIN_ACCUMULATION_H
#define GAN_TRAIN_ACCUMULATION_H

#include "base/shard_groups.h"
#include "config/config.h"
#include "train/model.h"

/* GAN_BAD_USAGE where something of the configuration needs all samples of a step at once. Not collective, but all ranks
   do alike. */
gan_status gan_accumulation_check(const gan_config *config, const gan_model *model) GAN_CHECKED;
/* The groups of a rank's shards; one with all of them without accumulation. `shards` is borrowed. */
gan_status gan_accumulation_plan(const gan_config *config, const gan_shards *shards,
                                 gan_shard_groups *groups) GAN_CHECKED;
/* Floats of the samples that are generated for so many critic steps together, where they have to be kept: the bits are
   those of as many rows as without groups, and the pass holds one group's. 0 where there is nothing to keep. */
size_t gan_accumulation_kept(const gan_model *model, const gan_shards *shards, const gan_shard_groups *groups,
                             int steps_ahead);

#endif
