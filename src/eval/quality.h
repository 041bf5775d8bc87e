/* Sample quality: how near generated samples are to real ones. */
#ifndef GAN_EVAL_QUALITY_H
#define GAN_EVAL_QUALITY_H

#include <stdint.h>

#include "base/error.h"

/* Sliced Wasserstein-1 distance (Bonneel et al. 2015; Rabin et al. 2011): the mean, over `projections` random unit
   directions (addressed by seed), of the 1-D Wasserstein-1 distance between projected sets. real, fake (n, elements). A
   sample that is not finite makes it NaN. Fails with GAN_BAD_USAGE when n, elements or projections is below 1, with
   GAN_FAILED for want of memory. */
gan_status gan_sliced_wasserstein(int64_t n, int64_t elements, const float *real, const float *fake, int projections,
                                  uint64_t seed, double *distance) GAN_CHECKED;

typedef struct gan_mode_coverage {
  int modes, covered; /* a mode is covered when at least 1 % of its fair share of samples (n / modes) and at least
                         one sample lies within 3 sigma of it */
  double high_quality_share; /* share of samples within 3 sigma of some mode */
} gan_mode_coverage;

/* points (n, 2), centres (modes, 2). */
gan_mode_coverage gan_count_modes(int64_t n, const float *points, int modes, const float *centres, double sigma);

#endif
