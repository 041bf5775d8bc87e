#include "kernels/distances.h"

#include <string.h>

#include "base/float_bits.h"
#include "base/multiversion.h"

enum { LANES = 32, PIECE = 64 };

/* Element i goes to lane i mod 32, in rising order; then the lanes are added as a binary tree. */
GAN_MULTIVERSION double gan_square_distance(size_t n, const float *x, const float *y) {
  double lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t lane = 0; lane < LANES; lane++) {
      const double difference = (double)x[i + lane] - (double)y[i + lane];
      lanes[lane] += difference * difference;
    }
  for (size_t lane = 0; i + lane < n; lane++) {
    const double difference = (double)x[i + lane] - (double)y[i + lane];
    lanes[lane] += difference * difference;
  }
  for (size_t half = LANES / 2; half > 0; half /= 2)
    for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

/* As integers, magnitudes are in the order of the numbers, and NaN comes last. */
GAN_MULTIVERSION float gan_magnitude(size_t n, const float *x) {
  uint32_t largest = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7fffffffu;
    largest = bits > largest ? bits : largest;
  }
  return float_of_bits(largest);
}

GAN_MULTIVERSION void gan_centre(size_t n, float scale, const float *x, const float *centre, float *y) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) y[i] = x[i] * scale - centre[i];
}

/* Few are below: whole pieces of the row are passed over without a branch for each element. */
GAN_MULTIVERSION size_t gan_below(size_t n, const float *bounds, const float *products, float limit, int32_t *found) {
  size_t count = 0;
  for (size_t first = 0; first < n; first += PIECE) {
    const size_t end = first + PIECE < n ? first + PIECE : n;
    int any = 0;
    for (size_t j = first; j < end; j++) any |= bounds[j] - 2.0f * products[j] < limit;
    for (size_t j = first; any && j < end; j++)
      if (bounds[j] - 2.0f * products[j] < limit) found[count++] = (int32_t)j;
  }
  return count;
}
