/* What constrains the critic: which of it goes together, and weight clipping. */
#ifndef GAN_TRAIN_REGULARISERS_H
#define GAN_TRAIN_REGULARISERS_H

#include "config/config.h"
#include "gan_dist/trainer.h"
#include "nn/network.h"

typedef struct gan_player gan_player;

/* The bound that critic.clip comes to. One that was asked for stays. One that a preset or the run so far has gives way,
   to 0, where the loss does not ask for a Lipschitz critic or something else makes it one; where nobody has set it, it
   is 0.01 or, there, 0. A function of the configuration alone, so that what prints one shows what trains. */
double gan_clip_of(const gan_config *config);
/* The same, into the configuration, which the run's files then show. A notice says what gave way. */
void gan_settle_clipping(gan_trainer *trainer);

/* Whether somebody has named it, and no preset. */
bool gan_clip_is_asked_for(const gan_config *config);
void gan_clip_ask_for(gan_config *config);
/* Of a run that goes on: a bound that it has had where nothing called for one counts as asked for. */
void gan_clip_keep(gan_config *config, const gan_config *before);

/* GAN_BAD_USAGE, with a reason and what to do, for regularisers that make no sense together, or with this critic. */
gan_status gan_regularisers_check(const gan_config *config, const gan_network *critic) GAN_CHECKED;

/* Whether anything but critic.clip keeps the critic's slope down: of spectral normalisation, that of all weight
   matrices. */
bool gan_is_constrained_otherwise(const gan_config *config);

/* After an update: bounds the norms of the player's tensors or rows, if it is to. Collective. */
void gan_clip_norms(gan_player *player);

#endif
