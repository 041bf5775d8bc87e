/* Convolutions on CPUs with AVX2 or AVX-512, as products of packed panels (tiles.h) that are unfolded while they are
   packed (unfolding.h): images and weights stay as they are in memory, for any number of axes, channels, and taps. The
   backward pass to the data computes each element once, as a sum: nothing is added up in memory. */
#ifndef GAN_KERNELS_PACKED_CONVOLUTION_H
#define GAN_KERNELS_PACKED_CONVOLUTION_H

#include "kernels/convolution.h"
#include "kernels/tiles.h"

/* Floats of scratch memory that the functions need. */
size_t gan_packed_convolution_scratch(gan_precision precision, const gan_convolution *sizes);

/* The functions of a gan_backend (kernels.h). False, with nothing done, where the CPU lacks
   the instructions, and for sizes that packing does not pay for: few channels, few places. */
bool gan_packed_convolution_forward(gan_precision precision, const gan_convolution *sizes, int64_t rows, const float *x,
                                    const float *weight, float *y, float *scratch);
bool gan_packed_convolution_backward_data(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                          const float *dy, const float *weight, float *dx, float *scratch);
bool gan_packed_convolution_backward_weights(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                             const float *x, const float *dy, float *dweight, float *scratch);
bool gan_packed_convolution_shard_weights(gan_precision precision, const gan_convolution *sizes,
                                          const gan_shard_rows *of, float *const *slots, size_t offset, float *scratch);

#endif
