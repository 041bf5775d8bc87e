/* What the configuration says about optimisation, as numbers for an iteration. */
#ifndef GAN_TRAIN_OPTIMIZATION_H
#define GAN_TRAIN_OPTIMIZATION_H

#include "train/internal.h"

/* Whether the last critic step and the first generator step of an iteration are taken at the same parameters. */
bool gan_is_simultaneous(const gan_config *config);
/* Steps of both networks in the iteration after the first `iteration`. */
gan_step_ratio gan_steps_of(const gan_config *config, int64_t iteration);
/* A network's options, with its own learning rate, for this batch. */
gan_optimizer_options gan_optimizer_options_of(const gan_config *config, const gan_network_config *network);
/* The average's half-life in samples in the iteration after the first `done`, before its warm-up. */
double gan_half_life_of(const gan_config *config, int64_t done);
/* What the average keeps of itself in an update after `updates`, in the iteration after the first `done`. */
double gan_average_decay(const gan_config *config, int64_t done, int64_t updates);
/* GAN_BAD_USAGE for keys that contradict each other. */
gan_status gan_check_optimization(const gan_config *config) GAN_CHECKED;
/* Says the learning rates where the batch scales them. */
void gan_tell_scaling(gan_trainer *trainer);

#endif
