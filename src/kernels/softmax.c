#include "kernels/softmax.h"

#include "base/multiversion.h"
#include "kernels/exponential.h"

enum { LANES = 16 };

GAN_INLINE float sum_up(float *lanes) {
  for (size_t half = LANES / 2; half > 0; half /= 2)
    for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

GAN_INLINE float dot(size_t n, const float *x, const float *y) {
  float lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t lane = 0; lane < LANES; lane++) lanes[lane] += x[i + lane] * y[i + lane];
  for (size_t lane = 0; i + lane < n; lane++) lanes[lane] += x[i + lane] * y[i + lane];
  return sum_up(lanes);
}

GAN_INLINE float sum(size_t n, const float *x) {
  float lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t lane = 0; lane < LANES; lane++) lanes[lane] += x[i + lane];
  for (size_t lane = 0; i + lane < n; lane++) lanes[lane] += x[i + lane];
  return sum_up(lanes);
}

/* A NaN is never larger; it makes the row NaN by its exponential. */
GAN_INLINE float largest(size_t n, const float *x) {
  float lanes[LANES];
  for (size_t lane = 0; lane < LANES; lane++) lanes[lane] = x[lane < n ? lane : 0];
  size_t i = LANES;
  for (; i + LANES <= n; i += LANES)
    for (size_t lane = 0; lane < LANES; lane++) lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
  for (size_t lane = 0; i + lane < n; lane++) lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
  for (size_t lane = 1; lane < LANES; lane++) lanes[0] = lanes[lane] > lanes[0] ? lanes[lane] : lanes[0];
  return lanes[0];
}

GAN_MULTIVERSION void gan_softmax(size_t rows, size_t n, float *x) {
  for (size_t row = 0; row < rows; row++, x += n) {
    const float most = largest(n, x);
    GAN_ELEMENTWISE
    for (size_t i = 0; i < n; i++) x[i] = exponential(x[i] - most);
    const float factor = 1 / sum(n, x);
    for (size_t i = 0; i < n; i++) x[i] *= factor;
  }
}

GAN_MULTIVERSION void gan_softmax_product(size_t rows, size_t n, const float *y, const float *t, float *product) {
  for (size_t row = 0; row < rows; row++, y += n, t += n, product += n) {
    const float mean = dot(n, y, t);
    GAN_ELEMENTWISE
    for (size_t i = 0; i < n; i++) product[i] = y[i] * (t[i] - mean);
  }
}

GAN_MULTIVERSION void gan_softmax_second(size_t rows, size_t n, const float *y, const float *t, const float *dt,
                                         float *dy) {
  for (size_t row = 0; row < rows; row++, y += n, t += n, dt += n, dy += n) {
    const float mean = dot(n, y, t), other = dot(n, y, dt);
    GAN_ELEMENTWISE
    for (size_t i = 0; i < n; i++) dy[i] += dt[i] * (t[i] - mean) - t[i] * other;
  }
}
