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
/* sums (channels): of x * y. */
void gan_channel_product_sums(gan_channels view, const float *x, const float *y, double *sums);
/* dx = weight * inverse * (dy - means[0] - n * means[1]), means (2, channels) those of the sums above over what mean
   and inverse were taken over (Ioffe and Szegedy 2015, section 3, solved for dx). dx may be dy. */
void gan_channel_normalise_backward(gan_channels view, const float *x, const float *dy, const float *mean,
                                    const float *inverse, const float *weight, const double *means, float *dx);

/* --- Second order (normalise_tangent.c). The tangent of y = n * weight + bias is y' = weight * P x', where
       P v = inverse * (v - mean(v) - n * mean(n v))
   is its Jacobian's matrix, a symmetric one: so gan_channel_normalise_backward maps tangents, and
   gan_channel_gradient_sums of x' gives the means that it needs. --- */

/* What the way back through y and y' sums up, each (channels). */
enum { GAN_SUM_Y, GAN_SUM_Y_NORMAL, GAN_SUM_TANGENT, GAN_SUM_TANGENT_NORMAL, GAN_SUM_TANGENT_X, GAN_TANGENT_SUMS };
/* sums (5, channels): of dy, dy * n, dy', dy' * n, dy' * x'. */
void gan_channel_tangent_sums(gan_channels view, const float *x, const float *tangent, const float *dy,
                              const float *tangent_dy, const float *mean, const float *inverse, double *sums);
/* The weight's gradient of one channel, from such sums (those of the channel are `stride` apart), and the means of x'
   and x' * n that its tangent was made with: of dy * n + dy' * P x'. */
double gan_channel_tangent_weight(const double *sums, size_t stride, double inverse, double tangent_mean,
                                  double tangent_normal);
/* tangent_dx = weight * P dy', and dx = weight * (P dy - inverse * (inverse q n + mean(x' n) P dy' + mean(dy' n) P
   x')), q = mean(dy' x') - mean(dy') mean(x') - mean(dy' n) mean(x' n): the derivative of dy' P(x) x' follows from d
   inverse = -inverse^2 n dx / N and dn = P dx. tangent_means (2, channels) are those of x' and x' * n; means (5,
   channels) those of the sums above, and overwritten. dx may be dy, tangent_dx may be dy'. */
void gan_channel_tangent_backward(gan_channels view, const float *x, const float *tangent, const float *dy,
                                  const float *tangent_dy, const float *mean, const float *inverse, const float *weight,
                                  const float *tangent_means, double *means, float *dx, float *tangent_dx);

#endif
