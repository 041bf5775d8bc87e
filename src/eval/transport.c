#include "eval/transport.h"

#include <math.h>

#include "kernels/kernels.h"

double gan_draw_direction(gan_random_address address, size_t elements, float *direction) {
  gan_random_normal(address, elements, direction);
  return sqrt(gan_square_sum(elements, direction));
}

double gan_add_differences(double sum, int64_t n, const double *a, const double *b) {
  for (int64_t i = 0; i < n; i++) sum += fabs(a[i] - b[i]);
  return sum;
}

double gan_wasserstein_sorted(int64_t n, const double *a, int64_t m, const double *b) {
  /* In one dimension the best transport pairs the sorted samples. */
  if (n == m) return gan_add_differences(0, n, a, b) / (double)n;
  /* With unequal numbers, a sample's weight is dealt out to several: in whole units of 1 / (n m). */
  double sum = 0;
  int64_t left_of_a = m, left_of_b = n;
  for (int64_t i = 0, j = 0; i < n && j < m;) {
    const int64_t moved = left_of_a < left_of_b ? left_of_a : left_of_b;
    sum += (double)moved * fabs(a[i] - b[j]);
    left_of_a -= moved;
    left_of_b -= moved;
    if (left_of_a == 0) i++, left_of_a = m;
    if (left_of_b == 0) j++, left_of_b = n;
  }
  return sum / (double)n / (double)m;
}
