/* How much samples vary: the variance of each element over the samples, in the mean over the elements. It is far below
   that of the data where a generator makes the same sample of whatever latent (mode collapse). */
#ifndef GAN_EVAL_SPREAD_H
#define GAN_EVAL_SPREAD_H

#include <stdint.h>

#include "base/error.h"

/* Of samples that come a few at a time. */
typedef struct gan_spread {
  int64_t count, elements;
  double *sums;  /* (2, elements): of the differences from the first sample, and of their squares */
  float *origin; /* (elements): the first sample, so that equal samples vary by 0 exactly */
} gan_spread;

/* GAN_FAILED for want of memory. Released by gan_spread_release, also after a failure. */
gan_status gan_spread_begin(int64_t elements, gan_spread *spread) GAN_CHECKED;
void gan_spread_release(gan_spread *spread);
/* samples (count, elements). The result depends on the order of samples, not on how many come together. */
void gan_spread_add(gan_spread *spread, int64_t count, const float *samples);
/* In squares of the samples' units; 0 of less than two samples; not finite where a sample is not. */
double gan_spread_variance(const gan_spread *spread);

#endif
