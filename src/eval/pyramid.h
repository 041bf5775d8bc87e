/* Sliced Wasserstein distance of image patches, as TF-GAN has it: how alike the small structures of two sets of images
   are, at each scale of a Laplacian pyramid. */
#ifndef GAN_EVAL_PYRAMID_H
#define GAN_EVAL_PYRAMID_H

#include "eval/metric.h"

/* Levels of the pyramid of such images, of 1 or 3 channels: halved as long as the shorter side has 16 pixels at least;
   0: too small, or no such images. */
int gan_pyramid_levels(const gan_shape *shape);

/* The distance at a level (0: full size) of gan_pyramid_levels. Errors are agreed on: GAN_FAILED for want of memory.
   Values must be finite. Collective. */
gan_status gan_pyramid_distance(const gan_comparison *comparison, int level, double *distance) GAN_CHECKED;

#endif
