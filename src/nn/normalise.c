/* Each function has two loops: across the channels where they are neighbours in memory (inner = 1), along each
   channel's plane otherwise. Both run over memory in order, so both are vectorised. */
#include "nn/normalise.h"

#include <string.h>

#include "base/multiversion.h"

enum { LANES = 8 };

/* Element i of a plane goes to lane i mod 8, in rising order; then the lanes are added as a binary tree. */
GAN_INLINE double add_lanes(double *lanes) {
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

GAN_INLINE double square(double x) { return x * x; }

GAN_MULTIVERSION static double plane_sum(size_t n, const float *x) {
  double lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t lane = 0; lane < LANES; lane++) lanes[lane] += (double)x[i + lane];
  for (size_t lane = 0; i + lane < n; lane++) lanes[lane] += (double)x[i + lane];
  return add_lanes(lanes);
}

GAN_MULTIVERSION static double plane_square_sum(size_t n, const float *x, double mean) {
  double lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t lane = 0; lane < LANES; lane++) lanes[lane] += square((double)x[i + lane] - mean);
  for (size_t lane = 0; i + lane < n; lane++) lanes[lane] += square((double)x[i + lane] - mean);
  return add_lanes(lanes);
}

/* Of dy * (x - mean). */
GAN_MULTIVERSION static double plane_product_sum(size_t n, const float *x, const float *dy, double mean) {
  double lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t lane = 0; lane < LANES; lane++) lanes[lane] += (double)dy[i + lane] * ((double)x[i + lane] - mean);
  for (size_t lane = 0; i + lane < n; lane++) lanes[lane] += (double)dy[i + lane] * ((double)x[i + lane] - mean);
  return add_lanes(lanes);
}

GAN_MULTIVERSION void gan_channel_sums(gan_channels view, const float *x, double *restrict sums) {
  memset(sums, 0, view.channels * sizeof *sums);
  for (size_t row = 0; row < view.rows; row++, x += view.channels * view.inner) {
    if (view.inner == 1)
      for (size_t c = 0; c < view.channels; c++) sums[c] += (double)x[c];
    else
      for (size_t c = 0; c < view.channels; c++) sums[c] += plane_sum(view.inner, x + c * view.inner);
  }
}

GAN_MULTIVERSION void gan_channel_square_sums(gan_channels view, const float *x, const double *mean,
                                              double *restrict sums) {
  memset(sums, 0, view.channels * sizeof *sums);
  for (size_t row = 0; row < view.rows; row++, x += view.channels * view.inner) {
    if (view.inner == 1)
      for (size_t c = 0; c < view.channels; c++) sums[c] += square((double)x[c] - mean[c]);
    else
      for (size_t c = 0; c < view.channels; c++) sums[c] += plane_square_sum(view.inner, x + c * view.inner, mean[c]);
  }
}

GAN_MULTIVERSION static void normalise_columns(size_t n, const float *x, const float *mean, const float *inverse,
                                               const float *weight, const float *bias, float *restrict y) {
  for (size_t c = 0; c < n; c++) y[c] = (x[c] - mean[c]) * (inverse[c] * weight[c]) + bias[c];
}

GAN_MULTIVERSION static void normalise_plane(size_t n, const float *x, float mean, float scale, float bias,
                                             float *restrict y) {
  for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale + bias;
}

void gan_channel_normalise(gan_channels view, const float *x, const float *mean, const float *inverse,
                           const float *weight, const float *bias, float *y) {
  const size_t elements = view.channels * view.inner;
  for (size_t row = 0; row < view.rows; row++, x += elements, y += elements) {
    if (view.inner == 1)
      normalise_columns(view.channels, x, mean, inverse, weight, bias, y);
    else
      for (size_t c = 0; c < view.channels; c++)
        normalise_plane(view.inner, x + c * view.inner, mean[c], inverse[c] * weight[c], bias[c], y + c * view.inner);
  }
}

GAN_MULTIVERSION void gan_channel_gradient_sums(gan_channels view, const float *x, const float *dy, const float *mean,
                                                const float *inverse, double *sums) {
  const size_t channels = view.channels, elements = view.channels * view.inner;
  double *restrict plain = sums, *restrict products = sums + channels;
  memset(sums, 0, 2 * channels * sizeof *sums);
  for (size_t row = 0; row < view.rows; row++, x += elements, dy += elements) {
    if (view.inner == 1) {
      for (size_t c = 0; c < channels; c++) {
        plain[c] += (double)dy[c];
        products[c] += (double)dy[c] * ((double)x[c] - (double)mean[c]);
      }
    } else {
      for (size_t c = 0; c < channels; c++) {
        plain[c] += plane_sum(view.inner, dy + c * view.inner);
        products[c] += plane_product_sum(view.inner, x + c * view.inner, dy + c * view.inner, (double)mean[c]);
      }
    }
  }
  for (size_t c = 0; c < channels; c++) products[c] *= (double)inverse[c];
}

GAN_MULTIVERSION void gan_channel_product_sums(gan_channels view, const float *x, const float *y,
                                               double *restrict sums) {
  const size_t elements = view.channels * view.inner;
  memset(sums, 0, view.channels * sizeof *sums);
  for (size_t row = 0; row < view.rows; row++, x += elements, y += elements) {
    if (view.inner == 1)
      for (size_t c = 0; c < view.channels; c++) sums[c] += (double)x[c] * (double)y[c];
    else
      for (size_t c = 0; c < view.channels; c++)
        sums[c] += plane_product_sum(view.inner, x + c * view.inner, y + c * view.inner, 0);
  }
}

GAN_MULTIVERSION static void backward_columns(size_t n, const float *x, const float *dy, const float *mean,
                                              const float *inverse, const float *weight, const double *means,
                                              float *dx) {
  GAN_ELEMENTWISE
  for (size_t c = 0; c < n; c++) {
    const float normal = (x[c] - mean[c]) * inverse[c];
    dx[c] = weight[c] * inverse[c] * (dy[c] - (float)means[c] - normal * (float)means[n + c]);
  }
}

GAN_MULTIVERSION static void backward_plane(size_t n, const float *x, const float *dy, float mean, float inverse,
                                            float weight, float mean_plain, float mean_product, float *dx) {
  const float scale = weight * inverse;
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) dx[i] = scale * (dy[i] - mean_plain - (x[i] - mean) * inverse * mean_product);
}

void gan_channel_normalise_backward(gan_channels view, const float *x, const float *dy, const float *mean,
                                    const float *inverse, const float *weight, const double *means, float *dx) {
  const size_t channels = view.channels, elements = view.channels * view.inner;
  for (size_t row = 0; row < view.rows; row++, x += elements, dy += elements, dx += elements) {
    if (view.inner == 1)
      backward_columns(channels, x, dy, mean, inverse, weight, means, dx);
    else
      for (size_t c = 0; c < channels; c++)
        backward_plane(view.inner, x + c * view.inner, dy + c * view.inner, mean[c], inverse[c], weight[c],
                       (float)means[c], (float)means[channels + c], dx + c * view.inner);
  }
}
