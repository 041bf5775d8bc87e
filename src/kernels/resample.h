/* Making images smaller and larger without weights: pooling, upsampling and resizing, of planes by themselves. A plane
   is one channel of one sample, (depth, height, width); with fewer axes the leading ones have size 1. */
#ifndef GAN_KERNELS_RESAMPLE_H
#define GAN_KERNELS_RESAMPLE_H

#include <stdbool.h>

#include "kernels/convolution.h"

/* x (planes, in) -> y (planes, out): of each window position the largest element, where the padding does not count; or
   the mean, where it counts as zeros, or (`inside`) does not count either. A NaN in the window gives NaN. backward: dy
   (planes, out) -> dx (planes, in), overwritten; of equal elements the first is the largest. */
void gan_max_pool(const gan_window *window, size_t planes, const float *x, float *y);
/* tangent (planes, in) -> y (planes, out): of each window the tangent where x is largest. */
void gan_max_pool_tangent(const gan_window *window, size_t planes, const float *x, const float *tangent, float *y);
void gan_max_pool_backward(const gan_window *window, size_t planes, const float *x, const float *dy, float *dx);
void gan_average_pool(const gan_window *window, bool inside, size_t planes, const float *x, float *y);
void gan_average_pool_backward(const gan_window *window, bool inside, size_t planes, const float *dy, float *dx);

/* Sizes of an upsampling: each axis becomes `factor` times as long. */
typedef struct gan_upsampling {
  int64_t in[GAN_AXES], factor[GAN_AXES];
  bool linear; /* interpolates along each axis (bilinear on an image, pixel centres as corners); else repeats */
} gan_upsampling;

/* x (planes, in) -> y (planes, in * factor); and dy of y's shape -> dx of x's, overwritten. */
void gan_upsample(const gan_upsampling *sizes, size_t planes, const float *x, float *y);
void gan_upsample_backward(const gan_upsampling *sizes, size_t planes, const float *dy, float *dx);

/* Sizes of a resizing, which interpolates along each axis. */
typedef struct gan_resizing {
  int64_t in[GAN_AXES], out[GAN_AXES];
  bool from_corner; /* places are counted from the first pixel, as TensorFlow 1 did; else pixels are areas */
} gan_resizing;

/* x (planes, in) -> y (planes, out); and dy of y's shape -> dx of x's, overwritten. */
void gan_resize(const gan_resizing *sizes, size_t planes, const float *x, float *y);
void gan_resize_backward(const gan_resizing *sizes, size_t planes, const float *dy, float *dx);

#endif
