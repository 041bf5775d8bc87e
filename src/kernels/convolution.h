/* Convolutions over one, two or three axes, each as an operation on the samples of a shard.

   The sizes are always those of three axes; a convolution over fewer has leading axes of size 1. A transposed
   convolution is the same thing the other way round: its forward pass is gan_convolution_backward_data, and so on.

   The portable way: unfold the input of a few samples into a matrix with one column for each output position ("im2col",
   Chellapilla et al. 2006), so small that it stays in cache, and leave the rest to the backend's matrix product. A
   backend that can do better, for some sizes at least, puts its own functions into gan_backend. */
#ifndef GAN_KERNELS_CONVOLUTION_H
#define GAN_KERNELS_CONVOLUTION_H

#include "kernels/kernels.h"
#include "kernels/shard_products.h"

enum { GAN_AXES = 3 };

/* A window of `kernel` elements that moves in steps of `stride` over an input with `padding` zeros at both ends. */
typedef struct gan_window {
  int64_t in[GAN_AXES], out[GAN_AXES]; /* positions along each axis: depth, height, width */
  int64_t kernel[GAN_AXES], stride[GAN_AXES], padding[GAN_AXES];
} gan_window;

struct gan_convolution {
  int64_t in_channels, out_channels;
  gan_window window;
};

/* Positions of all axes together. */
static inline int64_t gan_positions(const int64_t size[GAN_AXES]) { return size[0] * size[1] * size[2]; }

/* Floats of scratch memory that the functions below need with this backend. */
size_t gan_convolution_scratch(const gan_backend *backend, const gan_convolution *sizes);

/* x (rows, in_channels, in), weight (out_channels, in_channels, kernel), y (rows, out_channels, out), row-major; no
   bias. What is written, y, dx or dweight, is overwritten. dweight sums over the rows in rising order. */
void gan_convolution_forward(const gan_backend *backend, const gan_convolution *sizes, int64_t rows, const float *x,
                             const float *weight, float *y, float *scratch);
void gan_convolution_backward_data(const gan_backend *backend, const gan_convolution *sizes, int64_t rows,
                                   const float *dy, const float *weight, float *dx, float *scratch);
void gan_convolution_backward_weights(const gan_backend *backend, const gan_convolution *sizes, int64_t rows,
                                      const float *x, const float *dy, float *dweight, float *scratch);
/* The same of all of a rank's shards, added along the shard tree: into slots[i] + offset the sum over its i-th tree,
   and in between what gan_shards_fold keeps there. of: dy is a, x is b. */
void gan_convolution_shard_weights(const gan_backend *backend, const gan_convolution *sizes, const gan_shard_rows *of,
                                   float *const *slots, size_t offset, float *scratch);

#endif
