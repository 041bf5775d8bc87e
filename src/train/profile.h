/* Where an iteration's time goes, layer by layer: a watch on both networks' passes. */
#ifndef GAN_TRAIN_PROFILE_H
#define GAN_TRAIN_PROFILE_H

#include "gan_dist/trainer.h"
#include "nn/pass.h"

/* One layer's work since gan_profile_begin, all passes together. */
typedef struct gan_layer_time {
  const char *network, *kind; /* "critic", "conv" */
  char path[GAN_LAYER_PATH];
  double seconds[GAN_WORKS];
  double flops[GAN_WORKS]; /* of matrix products and convolutions, 2 per multiply-add */
} gan_layer_time;

typedef struct gan_profile {
  int count; /* layers that compute: the generator's, then the critic's */
  gan_layer_time *layers;
  int *place; /* [layers of both networks]: in `layers`; -1: computes nothing */
  const gan_network *generator;
  double last;
} gan_profile;

/* From here on this rank's passes are timed. *profile is owned by the caller; it names networks of the trainer, and
   ends before it. Not collective. */
gan_status gan_profile_begin(gan_trainer *trainer, gan_profile **profile) GAN_CHECKED;
/* Passes are timed no more; what was found stays. */
void gan_profile_end(gan_trainer *trainer);
void gan_profile_destroy(gan_profile *profile);

#endif
