/* Convolutions over one, two or three axes, each as an operation on the samples of a shard.

   The sizes are always those of three axes; a convolution over fewer has leading axes of size 1. A transposed
   convolution is the same thing the other way round: its forward pass is gan_convolution_backward_data, and so on.

   Grouped convolutions are cut into their groups, or done without products of matrices (grouped_convolution.h). For all
   others there is the portable way: unfold the input of a few samples into a matrix with one column for each output
   position ("im2col", Chellapilla et al. 2006), so small that it stays in cache, and leave the rest to the backend's
   matrix product. A backend that can do better, for some sizes at least, puts its own functions into gan_backend. */
#ifndef GAN_KERNELS_CONVOLUTION_H
#define GAN_KERNELS_CONVOLUTION_H

#include "kernels/kernels.h"
#include "kernels/shard_products.h"

enum { GAN_AXES = 3 };

/* A window of `kernel` elements that moves in steps of `stride` over an input with `padding` zeros at both ends. */
typedef struct gan_window {
  int64_t in[GAN_AXES], out[GAN_AXES]; /* positions along each axis: depth, height, width */
  int64_t kernel[GAN_AXES], stride[GAN_AXES], padding[GAN_AXES];
  int64_t gap[GAN_AXES]; /* positions left out between two neighbouring elements: the dilation less 1 */
} gan_window;

/* A dilated kernel's elements lie that far apart. */
static inline int64_t gan_dilation(const gan_window *window, int axis) { return window->gap[axis] + 1; }
/* Positions from the first of its elements to the last, both counted. */
static inline int64_t gan_kernel_reach(const gan_window *window, int axis) {
  return (window->kernel[axis] - 1) * gan_dilation(window, axis) + 1;
}

struct gan_convolution {
  int64_t in_channels, out_channels;
  gan_window window;
  /* Channels are in so many groups, of equal size, in their order, and each group of outputs is made of the same one of
     inputs; 0 stands for 1. */
  int64_t groups;
};

/* Positions of all axes together. */
static inline int64_t gan_positions(const int64_t size[GAN_AXES]) { return size[0] * size[1] * size[2]; }

static inline int64_t gan_group_count(const gan_convolution *sizes) { return sizes->groups > 1 ? sizes->groups : 1; }
/* Of one filter: (in_channels / groups, kernel). */
static inline int64_t gan_filter_size(const gan_convolution *sizes) {
  return sizes->in_channels / gan_group_count(sizes) * gan_positions(sizes->window.kernel);
}

/* Floats of scratch memory that the functions below need with this backend. */
size_t gan_convolution_scratch(const gan_backend *backend, const gan_convolution *sizes);

/* x (rows, in_channels, in), weight (out_channels, in_channels / groups, kernel), y (rows, out_channels, out),
   row-major; no bias. What is written, y, dx or dweight, is overwritten. dweight sums over the rows in rising order. */
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
