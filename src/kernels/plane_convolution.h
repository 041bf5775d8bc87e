/* Convolutions of groups with few channels, depthwise ones above all, without a product of matrices.

   A channel of one sample is copied into a plane with its padding around it; where the stride is s, into s planes along
   each axis, of every s-th position. Planes of the output are as wide. Then each element of the kernel lies at one
   distance from all places at once, across the ends of lines, so that a plane is one long vector, however small the
   image is: y = sum of weight times x shifted, for the places and for the gaps between lines alike, which are left out
   when the result is copied back. The way to the data is the same with the shifts the other way round, the way to the
   weights a scalar product for each of them.

   Float32 whatever the backend's precision, in plain multiplications and additions: the same bits on any CPU. */
#ifndef GAN_KERNELS_PLANE_CONVOLUTION_H
#define GAN_KERNELS_PLANE_CONVOLUTION_H

#include "kernels/convolution.h"

/* Whether this is the way for them: by few channels, and planes that are not mostly padding. A function of the sizes.
 */
bool gan_plane_convolution_suits(const gan_convolution *sizes);

/* The functions of convolution.h, for sizes that suit. */
size_t gan_plane_convolution_scratch(const gan_convolution *sizes);
void gan_plane_convolution_forward(const gan_convolution *sizes, int64_t rows, const float *x, const float *weight,
                                   float *y, float *scratch);
void gan_plane_convolution_backward_data(const gan_convolution *sizes, int64_t rows, const float *dy,
                                         const float *weight, float *dx, float *scratch);
void gan_plane_convolution_backward_weights(const gan_convolution *sizes, int64_t rows, const float *x, const float *dy,
                                            float *dweight, float *scratch);

#endif
