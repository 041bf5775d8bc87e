/* What options choose from by name: the i-th name, NULL past the last; and its help, unless that is NULL. Most are the
   rows of other parts' tables. */
#ifndef GAN_CONFIG_CHOICES_H
#define GAN_CONFIG_CHOICES_H

const char *gan_choice_loss(int i, const char **help);
const char *gan_choice_optimizer(int i, const char **help);
const char *gan_choice_schedule(int i, const char **help);
const char *gan_choice_initialisation(int i, const char **help);
const char *gan_choice_source(int i, const char **help);
const char *gan_choice_axes(int i, const char **help);
const char *gan_choice_backend(int i, const char **help);
const char *gan_choice_preset(int i, const char **help);
const char *gan_choice_reduction(int i, const char **help);
const char *gan_choice_precision(int i, const char **help);
const char *gan_choice_latent_distribution(int i, const char **help);
const char *gan_choice_augment_schedule(int i, const char **help);
const char *gan_choice_clip_norm(int i, const char **help);
const char *gan_choice_order(int i, const char **help);
const char *gan_choice_batch_scaling(int i, const char **help);

#endif
