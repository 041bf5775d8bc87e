/* What constrains the critic: which of it goes together, and weight clipping. */
#ifndef GAN_TRAIN_REGULARISERS_H
#define GAN_TRAIN_REGULARISERS_H

#include "config/config.h"
#include "nn/network.h"

typedef struct gan_player gan_player;

/* critic.clip as it is set; where nobody has set it: 0.01 where the loss asks for a Lipschitz critic and nothing else
   makes it one, else 0. */
double gan_clip_of(const gan_config *config, const gan_network *critic);
/* The same, into the configuration, which the run's files then show. */
void gan_settle_clipping(gan_config *config, const gan_network *critic);

/* GAN_BAD_USAGE, with a reason and what to do, for regularisers that make no sense together, or with this critic. */
gan_status gan_regularisers_check(const gan_config *config, const gan_network *critic) GAN_CHECKED;

/* Whether anything but critic.clip keeps the critic's slope down. */
bool gan_is_constrained_otherwise(const gan_config *config, const gan_network *critic);

/* After an update: bounds the norms of the player's tensors or rows, if it is to. Collective. */
void gan_clip_norms(gan_player *player);

#endif
