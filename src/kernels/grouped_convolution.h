/* Convolutions whose channels are in groups (Krizhevsky et al. 2012; depthwise with one input channel in each, Chollet
   2017, arXiv 1610.02357): as many convolutions side by side, each of its own channels.

   Groups of many channels are done one after the other as any other convolution, by the backend, from copies of their
   channels of some samples. A group of few is done by plane_convolution.h: a product of such small matrices would cost
   less than unfolding the image for it. Which of the two it is follows from the sizes alone. */
#ifndef GAN_KERNELS_GROUPED_CONVOLUTION_H
#define GAN_KERNELS_GROUPED_CONVOLUTION_H

#include "kernels/convolution.h"

/* The functions of convolution.h, for more than one group. */
size_t gan_grouped_convolution_scratch(const gan_backend *backend, const gan_convolution *sizes);
void gan_grouped_convolution_forward(const gan_backend *backend, const gan_convolution *sizes, int64_t rows,
                                     const float *x, const float *weight, float *y, float *scratch);
void gan_grouped_convolution_backward_data(const gan_backend *backend, const gan_convolution *sizes, int64_t rows,
                                           const float *dy, const float *weight, float *dx, float *scratch);
void gan_grouped_convolution_backward_weights(const gan_backend *backend, const gan_convolution *sizes, int64_t rows,
                                              const float *x, const float *dy, float *dweight, float *scratch);

#endif
