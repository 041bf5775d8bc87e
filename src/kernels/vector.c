/* The plain loops over vectors. Each is written so that the compiler vectorises it, and none of their results depends
   on how wide the vector unit is: element-wise work has no order, and sums name theirs. */
#include <math.h>
#include <string.h>

#include "base/multiversion.h"
#include "kernels/kernels.h"

GAN_MULTIVERSION void gan_add_bias(size_t rows, size_t n, const float *bias, float *y) {
  for (size_t row = 0; row < rows; row++, y += n) {
    GAN_ELEMENTWISE
    for (size_t i = 0; i < n; i++) y[i] += bias[i];
  }
}

GAN_MULTIVERSION void gan_add_channel_bias(size_t rows, size_t channels, size_t inner, const float *bias, float *y) {
  for (size_t row = 0; row < rows; row++)
    for (size_t c = 0; c < channels; c++, y += inner) {
      const float value = bias[c];
      for (size_t i = 0; i < inner; i++) y[i] += value;
    }
}

GAN_MULTIVERSION void gan_column_sums(size_t rows, size_t n, const float *y, float *sums) {
  memset(sums, 0, n * sizeof *sums);
  for (size_t row = 0; row < rows; row++, y += n) {
    GAN_ELEMENTWISE
    for (size_t i = 0; i < n; i++) sums[i] += y[i];
  }
}

GAN_MULTIVERSION void gan_add(size_t n, const float *x, float *y) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

GAN_MULTIVERSION void gan_add_two(size_t n, const float *x, const float *y, float *sum) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) sum[i] = x[i] + y[i];
}

GAN_MULTIVERSION void gan_multiply(size_t n, const float *x, const float *y, float *product) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) product[i] = x[i] * y[i];
}

GAN_MULTIVERSION void gan_scale(size_t n, float factor, float *y) {
  for (size_t i = 0; i < n; i++) y[i] *= factor;
}

GAN_MULTIVERSION void gan_average(size_t n, float a, float *y, float b, const float *x) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) y[i] = a * y[i] + b * x[i];
}

/* A NaN compares false with both bounds: it stays, to be found, and is not counted. */
GAN_MULTIVERSION static uint32_t clip_block(size_t n, float bound, float *x) {
  uint32_t outside = 0;
  for (size_t i = 0; i < n; i++) {
    const float value = x[i];
    const float below = value > bound ? bound : value;
    x[i] = below < -bound ? -bound : below;
    outside += (uint32_t)((value > bound) | (value < -bound));
  }
  return outside;
}

size_t gan_clip(size_t n, float bound, float *x) {
  const size_t block = (size_t)1 << 30; /* counts in 32 bits are twice as fast as in 64 */
  size_t outside = 0;
  for (size_t i = 0; i < n; i += block) outside += clip_block(n - i < block ? n - i : block, bound, x + i);
  return outside;
}

GAN_MULTIVERSION void gan_square_add(size_t n, const float *x, double *lanes) {
  double sums[GAN_SQUARE_LANES];
  size_t i = 0;
  memcpy(sums, lanes, sizeof sums);
  for (; i + GAN_SQUARE_LANES <= n; i += GAN_SQUARE_LANES) {
    for (size_t lane = 0; lane < GAN_SQUARE_LANES; lane++) sums[lane] += (double)x[i + lane] * (double)x[i + lane];
  }
  for (size_t lane = 0; i + lane < n; lane++) sums[lane] += (double)x[i + lane] * (double)x[i + lane];
  memcpy(lanes, sums, sizeof sums);
}

/* As a binary tree. */
double gan_square_total(double *lanes) {
  for (size_t half = GAN_SQUARE_LANES / 2; half > 0; half /= 2) {
    for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

double gan_square_sum(size_t n, const float *x) {
  double lanes[GAN_SQUARE_LANES] = {0};
  gan_square_add(n, x, lanes);
  return gan_square_total(lanes);
}

void gan_mirror(int64_t lines, int64_t width, float *x) {
  for (int64_t line = 0; line < lines; line++, x += width)
    for (int64_t i = 0, j = width - 1; i < j; i++, j--) {
      const float value = x[i];
      x[i] = x[j];
      x[j] = value;
    }
}

bool gan_clip_norm(size_t n, double bound, float *x) {
  const double norm = sqrt(gan_square_sum(n, x));
  if (!(norm > bound)) return false;
  gan_scale(n, (float)(bound / norm), x);
  return true;
}

/* (2 byte - 255) / 255 and not byte * (2/255) - 1: this one gives exactly -1 and 1 at the ends, and rounds once. */
GAN_MULTIVERSION void gan_bytes_to_floats(size_t n, const uint8_t *bytes, float *out) {
  for (size_t i = 0; i < n; i++) out[i] = (float)(2 * (int)bytes[i] - 255) / 255.0f;
}
