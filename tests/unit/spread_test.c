/* The variance of samples against its definition. */
#include "eval/spread.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static double variance_of(int64_t elements, int64_t count, const float *samples, int64_t at_once) {
  gan_spread spread;
  assert_int_equal(gan_spread_begin(elements, &spread), GAN_OK);
  for (int64_t first = 0; first < count; first += at_once) {
    const int64_t rows = count - first < at_once ? count - first : at_once;
    gan_spread_add(&spread, rows, samples + first * elements);
  }
  const double variance = gan_spread_variance(&spread);
  gan_spread_release(&spread);
  return variance;
}

static void it_is_the_mean_over_elements_of_the_variance_over_samples(void **state) {
  (void)state;
  /* Elements 1, 2, 6 around 3: 14/3; and 0, 4, 8 around 4: 32/3. */
  const float samples[] = {1, 0, 2, 4, 6, 8};
  assert_true(fabs(variance_of(2, 3, samples, 3) - 23.0 / 3) < 1e-14);
}

static void how_many_samples_come_together_changes_no_bit(void **state) {
  (void)state;
  float samples[7 * 5];
  for (int i = 0; i < 35; i++) samples[i] = (float)sin(3.7 * i);
  const double whole = variance_of(5, 7, samples, 7);
  assert_true(whole > 0);
  for (int64_t at_once = 1; at_once < 7; at_once++) assert_true(variance_of(5, 7, samples, at_once) == whole);
}

/* Also where squares of the values have lost all digits of their difference. */
static void equal_samples_vary_by_nothing_and_far_ones_by_what_they_do(void **state) {
  (void)state;
  const float same[] = {0.1f, 3e7f, 0.1f, 3e7f, 0.1f, 3e7f}, far[] = {1e8f, 1e8f + 8, 1e8f, 1e8f + 8};
  assert_true(variance_of(2, 3, same, 2) == 0);
  assert_true(variance_of(1, 4, far, 4) == 16);
}

static void one_sample_has_no_variance_and_one_that_is_not_finite_no_finite_one(void **state) {
  (void)state;
  const float samples[] = {1, 2, NAN, 4, 5, 6}, infinite[] = {1, INFINITY};
  assert_true(variance_of(2, 1, samples, 1) == 0);
  assert_false(isfinite(variance_of(2, 3, samples, 3)));
  assert_false(isfinite(variance_of(1, 2, infinite, 2)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_the_mean_over_elements_of_the_variance_over_samples),
      cmocka_unit_test(how_many_samples_come_together_changes_no_bit),
      cmocka_unit_test(equal_samples_vary_by_nothing_and_far_ones_by_what_they_do),
      cmocka_unit_test(one_sample_has_no_variance_and_one_that_is_not_finite_no_finite_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
