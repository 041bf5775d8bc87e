/* The Fréchet distance of two Gaussian distributions (Dowson and Landau 1982), which the FID is of features. */
#ifndef GAN_EVAL_FRECHET_H
#define GAN_EVAL_FRECHET_H

#include <stdint.h>

#include "base/error.h"

/* *distance = |m - m'|^2 + trace(C + C' - 2 (C C')^(1/2)) of means m, m' (n) and covariances C, C' (n, n): symmetric,
   of any rank. Off by a few roundings of trace(C + C'), also where eigenvalues are 0 or tiny; of 384 features and more
   by up to 1e-7 of the distance besides. Never negative.
   GAN_FAILED for want of memory. Not collective. A backend has to be open. */
gan_status gan_frechet_distance(int64_t n, const double *mean, const double *covariance, const double *other_mean,
                                const double *other_covariance, double *distance) GAN_CHECKED;

#endif
