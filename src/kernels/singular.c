#include "kernels/singular.h"

#include <string.h>

#include "base/multiversion.h"

/* Enough sums side by side that additions need not wait for each other. */
enum { LANES = 32 };

/* Element i goes to lane i mod 32, in rising order; then the lanes are added as a binary tree. */
GAN_MULTIVERSION double gan_dot(size_t n, const float *x, const float *y) {
  double lanes[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t lane = 0; lane < LANES; lane++) lanes[lane] += (double)x[i + lane] * (double)y[i + lane];
  for (size_t lane = 0; i + lane < n; lane++) lanes[lane] += (double)x[i + lane] * (double)y[i + lane];
  for (size_t half = LANES / 2; half > 0; half /= 2)
    for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

/* Of four rows at a time: sums are read and written a quarter as often. */
GAN_MULTIVERSION static void add_rows(size_t rows, size_t inner, const float *w, const float *u, double *sums) {
  size_t row = 0;
  for (; row + 4 <= rows; row += 4, w += 4 * inner) {
    const float *w1 = w + inner, *w2 = w1 + inner, *w3 = w2 + inner;
    const double u0 = (double)u[row], u1 = (double)u[row + 1], u2 = (double)u[row + 2], u3 = (double)u[row + 3];
    GAN_ELEMENTWISE
    for (size_t i = 0; i < inner; i++)
      sums[i] += (u0 * (double)w[i] + u1 * (double)w1[i]) + (u2 * (double)w2[i] + u3 * (double)w3[i]);
  }
  for (; row < rows; row++, w += inner) {
    const double factor = (double)u[row];
    GAN_ELEMENTWISE
    for (size_t i = 0; i < inner; i++) sums[i] += factor * (double)w[i];
  }
}

void gan_matrix_left(size_t outer, size_t rows, size_t inner, const float *w, const float *u, double *product) {
  memset(product, 0, outer * inner * sizeof *product);
  for (size_t i = 0; i < outer; i++) add_rows(rows, inner, w + i * rows * inner, u, product + i * inner);
}

void gan_matrix_right(size_t outer, size_t rows, size_t inner, const float *w, const float *v, double *product) {
  memset(product, 0, rows * sizeof *product);
  for (size_t i = 0; i < outer; i++, v += inner)
    for (size_t row = 0; row < rows; row++, w += inner) product[row] += gan_dot(inner, w, v);
}

GAN_MULTIVERSION void gan_scale_to(size_t n, float factor, const float *w, float *scaled) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) scaled[i] = w[i] * factor;
}

GAN_MULTIVERSION void gan_subtract_scaled(size_t n, float along, const float *v, float factor, float *g) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) g[i] = (g[i] - along * v[i]) * factor;
}
