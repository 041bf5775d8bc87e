/* Mean and covariance of features, in float64, as Fréchet distances need them. The matrix is computed in tiles of a
   fixed size, which the ranks share, and each of its elements is a sum over samples in one order. */
#ifndef GAN_EVAL_MOMENTS_H
#define GAN_EVAL_MOMENTS_H

#include <stdint.h>

#include "base/error.h"
#include "dist/rows.h"
#include "dist/world.h"

typedef struct gan_moments {
  int64_t count, dimension;
  double *mean;    /* (dimension) */
  gan_rows *tiles; /* of the covariance's lower triangle */
} gan_moments;

/* Of features (count, dimension), finite; count is at least 2. Deviations are from the mean, in a second walk, so
   nothing cancels; the covariance divides by count - 1. A feature that never changes has a covariance of exactly 0. The
   same bits on every rank. Errors are agreed on: GAN_FAILED for want of memory. Collective; *moments is owned by the
   caller. */
gan_status gan_moments_create(gan_world *world, int64_t count, int64_t dimension, const float *features,
                              gan_moments **moments) GAN_CHECKED;
/* Collective; NULL is allowed, on all ranks or on none. */
void gan_moments_destroy(gan_moments *moments);

/* covariance (dimension, dimension), both triangles. Not collective. */
void gan_moments_covariance(const gan_moments *moments, double *covariance);

#endif
