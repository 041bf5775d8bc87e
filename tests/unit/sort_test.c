/* Sorting, against qsort and against what order means. */
#include "base/sort.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

enum { MOST = 5000 };

static int compare(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Of all sizes that a double has, both signs, and some values many times. */
static void some_values(size_t n, double *values) {
  static uint32_t words[3 * MOST];
  gan_random_bits((gan_random_address){.seed = n, .stream = GAN_STREAM_SYNTHETIC}, 3 * n, words);
  for (size_t i = 0; i < n; i++) {
    const double fraction = (double)words[3 * i] * 0x1p-32 + 0.5;
    values[i] = words[3 * i + 1] % 5 == 0 ? (double)(words[3 * i + 2] % 7) - 3
                                          : ldexp(fraction, (int)(words[3 * i + 1] % 2000) - 1000);
    if (words[3 * i + 2] & 1) values[i] = -values[i];
  }
}

static void any_number_of_values_is_sorted_as_by_qsort(void **unused) {
  (void)unused;
  static double expected[MOST], values[MOST], scratch[MOST];
  const size_t counts[] = {0, 1, 2, 3, 511, 512, 513, 1000, MOST};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    for (int with = 0; with < 2; with++) {
      const size_t n = counts[i];
      some_values(n, values);
      memcpy(expected, values, sizeof values);
      qsort(expected, n, sizeof *expected, compare);
      gan_sort_doubles(n, values, with ? scratch : NULL);
      for (size_t j = 0; j < n; j++) assert_true(values[j] == expected[j]);
    }
}

static void values_of_one_digit_stay_where_they_belong(void **unused) {
  (void)unused;
  static double values[MOST], scratch[MOST];
  /* Differ in one place of their bits only, so that most passes have nothing to move; then none at all. */
  for (int i = 0; i < MOST; i++) values[i] = 1 + (double)(i * 7 % MOST) * 0x1p-52;
  gan_sort_doubles(MOST, values, scratch);
  for (int i = 0; i < MOST; i++) assert_true(values[i] == 1 + (double)i * 0x1p-52);
  for (int i = 0; i < MOST; i++) values[i] = -3;
  gan_sort_doubles(MOST, values, scratch);
  for (int i = 0; i < MOST; i++) assert_true(values[i] == -3);
}

static void zeroes_and_infinities_are_at_their_places(void **unused) {
  (void)unused;
  static double values[MOST], scratch[MOST];
  const double ends[] = {INFINITY, 0.0, -INFINITY, -0.0, 0x1p-1074, -0x1p-1074};
  for (int i = 0; i < MOST; i++) values[i] = ends[i % 6];
  gan_sort_doubles(MOST, values, scratch);
  assert_true(values[0] == -INFINITY && values[MOST - 1] == INFINITY);
  for (int i = 1; i < MOST; i++) {
    assert_true(values[i - 1] <= values[i]);
    assert_true(!(values[i - 1] == 0 && !signbit(values[i - 1]) && signbit(values[i])) || values[i] < 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_number_of_values_is_sorted_as_by_qsort),
      cmocka_unit_test(values_of_one_digit_stay_where_they_belong),
      cmocka_unit_test(zeroes_and_infinities_are_at_their_places),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
