/* The loops of normalisation layers, over x (rows, channels, inner): a feature vector has inner = 1, an image inner =
   height * width, and one sample taken by itself is (1, 1, elements). Sums are in double and in one fixed order. */
#ifndef GAN_NN_NORMALISE_H
#define GAN_NN_NORMALISE_H

#include <stddef.h>

typedef struct gan_channels {
  size_t rows, channels, inner;
} gan_channels;

/* sums (channels): of x. */
void gan_channel_sums(gan_channels view, const float *x, double *sums);
/* sums (channels): of (x - mean)^2, mean (channels). */
void gan_channel_square_sums(gan_channels view, const float *x, const double *mean, double *sums);
/* y = (x - mean) * inverse * weight + bias, all four (channels); inverse is 1 / deviation. */
void gan_channel_normalise(gan_channels view, const float *x, const float *mean, const float *inverse,
                           const float *weight, const float *bias, float *y);
/* sums (2, channels): of dy, and of dy * n, where n = (x - mean) * inverse. */
void gan_channel_gradient_sums(gan_channels view, const float *x, const float *dy, const float *mean,
                               const float *inverse, double *sums);
/* dx = weight * inverse * (dy - means[0] - n * means[1]), means (2, channels) those of the sums above over what mean
   and inverse were taken over (Ioffe and Szegedy 2015, section 3, solved for dx). dx may be dy. */
void gan_channel_normalise_backward(gan_channels view, const float *x, const float *dy, const float *mean,
                                    const float *inverse, const float *weight, const double *means, float *dx);

#endif
