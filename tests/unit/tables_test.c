/* Metrics of tables against SciPy, NumPy and scikit-learn, and closed forms. */
#include "eval/tables.h"

#include <stdio.h>

#include "eval/logistic.h"
#include "metric_support.h"
#include "reference/quality.h"

static void open_case(size_t number, gan_world *world, sets *of) {
  const int64_t columns = reference_tables[number].columns, n = reference_tables[number].real,
                m = reference_tables[number].fake;
  ask(of, world, shape_of(1, columns, 0, 0, 0), n, make_table(false, n, columns), m, make_table(true, m, columns));
}

static void values_are_those_of_scipy_numpy_and_scikit_learn(void **state) {
  for (size_t i = 0; i < sizeof reference_tables / sizeof *reference_tables; i++) {
    sets of;
    double values[GAN_METRIC_VALUES];
    open_case(i, *state, &of);
    compute_row("ks", &of.comparison, values);
    assert_near(values[0], reference_tables[i].ks);
    assert_near(values[1], reference_tables[i].ks_worst);
    compute_row("auc", &of.comparison, values);
    assert_near(values[0], reference_tables[i].auc);
    if (reference_tables[i].columns > 1) {
      compute_row("correlation_difference", &of.comparison, values);
      assert_near(values[0], reference_tables[i].correlation);
      assert_near(values[1], reference_tables[i].correlation_worst);
    }
    release_sets(&of);
  }
}

static void ties_are_passed_together(void **unused) {
  (void)unused;
  const double a[] = {1, 1, 1, 2}, b[] = {1, 2, 2, 2, 2};
  assert_near(gan_kolmogorov_smirnov(4, a, 5, b), 3.0 / 4 - 1.0 / 5);
  assert_true(gan_kolmogorov_smirnov(4, a, 4, a) == 0);
  assert_true(gan_kolmogorov_smirnov(3, a, 1, a + 3) == 1);
}

static void a_table_has_no_difference_to_itself(void **state) {
  sets of;
  double values[GAN_METRIC_VALUES];
  open_case(0, *state, &of);
  of.comparison.fake = &of.real;
  compute_row("ks", &of.comparison, values);
  assert_true(values[0] == 0 && values[1] == 0);
  compute_row("correlation_difference", &of.comparison, values);
  assert_true(values[0] == 0 && values[1] == 0);
  release_sets(&of);
}

/* A column that is the other one in the data, and its negative in the samples: correlations 1 and -1. */
static void the_largest_difference_of_correlations_is_2(void **state) {
  const float real[] = {1, 1, 2, 2, 4, 4}, fake[] = {1, -1, 2, -2, 4, -4};
  double values[GAN_METRIC_VALUES];
  sets of;
  ask(&of, *state, shape_of(1, 2, 0, 0, 0), 3, (float *)(uintptr_t)real, 3, (float *)(uintptr_t)fake);
  compute_row("correlation_difference", &of.comparison, values);
  assert_near(values[0], 2);
  assert_near(values[1], 2);
}

/* Sets that a threshold tells apart, and sets whose columns differ in their products only. */
static void a_classifier_sees_what_gives_samples_away(void **state) {
  enum { COUNT = 300 };
  float *real = normals(1, COUNT, 2), *fake = normals(2, COUNT, 2);
  double values[GAN_METRIC_VALUES];
  sets of;
  ask(&of, *state, shape_of(1, 2, 0, 0, 0), COUNT, real, COUNT, fake);
  compute_row("auc", &of.comparison, values);
  assert_true(values[0] > 0.4 && values[0] < 0.6);
  for (int i = 0; i < COUNT; i++) fake[2 * i] = fabsf(fake[2 * i]) * (fake[2 * i + 1] < 0 ? 1.0f : -1.0f);
  for (int i = 0; i < COUNT; i++) real[2 * i] = fabsf(real[2 * i]) * (real[2 * i + 1] < 0 ? -1.0f : 1.0f);
  compute_row("auc", &of.comparison, values);
  assert_true(values[0] > 0.98);
  for (int i = 0; i < COUNT; i++) fake[2 * i] += 100;
  compute_row("auc", &of.comparison, values);
  assert_true(values[0] == 1);
  release_sets(&of);
}

static void constant_columns_give_nothing_away(void **state) {
  float x[60 * 3];
  double values[GAN_METRIC_VALUES];
  sets of;
  for (int i = 0; i < 60 * 3; i++) x[i] = 0.1f * (float)(i % 3);
  ask(&of, *state, shape_of(1, 3, 0, 0, 0), 60, x, 30, x);
  compute_row("auc", &of.comparison, values);
  assert_true(values[0] == 0.5);
  compute_row("correlation_difference", &of.comparison, values);
  assert_true(values[0] == 0 && values[1] == 0);
  compute_row("ks", &of.comparison, values);
  assert_true(values[0] == 0 && values[1] == 0);
}

static void put_row(const void *context, int64_t i, double *x) {
  const float *row = (const float *)context + 4 * i;
  for (int j = 0; j < 4; j++) x[j] = (double)row[j] + (j == 0 && i % 2 ? 1.5 : 0);
}
static bool is_odd(const void *context, int64_t i) {
  (void)context;
  return i % 2;
}

static void a_regression_has_scikit_learns_weights(void **unused) {
  (void)unused;
  float *rows = normals(3, 60, 4);
  double weights[5];
  const gan_logistic_data data = {
      .count = 60, .features = 4, .row = put_row, .positive = is_odd, .folds = 3, .fold = 1, .context = rows};
  assert_int_equal(gan_logistic_fit(&data, weights), GAN_OK);
  for (int i = 0; i < 5; i++) assert_near(weights[i], reference_logistic[i]);
  free(rows);
}

static void equal_scores_count_a_half(void **unused) {
  (void)unused;
  const double positive[] = {1, 2, 3}, negative[] = {0, 2};
  assert_near(gan_area_under_curve(3, positive, 2, negative), (1 + 1.5 + 2) / 6);
  assert_true(gan_area_under_curve(3, positive, 3, positive) == 0.5);
}

static void what_is_no_table_is_refused_with_a_reason(void **state) {
  float *x = calloc(1025 * 2, sizeof *x);
  sets of;
  ask(&of, *state, shape_of(3, 1, 4, 4, 0), 40, x, 40, x);
  assert_unable("ks", &of.comparison, "vectors");
  assert_unable("correlation_difference", &of.comparison, "vectors");
  assert_unable("auc", &of.comparison, "vectors");
  ask(&of, *state, shape_of(1, 1025, 0, 0, 0), 2, x, 2, x);
  assert_unable("ks", &of.comparison, "1024");
  assert_unable("auc", &of.comparison, "256");
  ask(&of, *state, shape_of(1, 1, 0, 0, 0), 40, x, 40, x);
  assert_unable("correlation_difference", &of.comparison, "two columns");
  ask(&of, *state, shape_of(1, 2, 0, 0, 0), 40, x, 1, x);
  assert_unable("correlation_difference", &of.comparison, "two samples");
  assert_unable("auc", &of.comparison, "20 samples");
  free(x);
}

static void a_sample_that_is_not_finite_is_named(void **state) {
  sets of;
  open_case(0, *state, &of);
  assert_refuses("ks", &of, 7, NAN);
  assert_refuses("correlation_difference", &of, 149, -INFINITY);
  assert_refuses("auc", &of, 0, NAN);
  release_sets(&of);
}

static void want_of_memory_is_an_error_without_a_leak(void **state) {
  sets of;
  open_case(4, *state, &of);
  assert_survives_want_of_memory("ks", &of.comparison);
  assert_survives_want_of_memory("auc", &of.comparison);
  release_sets(&of);
  open_case(0, *state, &of);
  assert_survives_want_of_memory("correlation_difference", &of.comparison);
  release_sets(&of);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_those_of_scipy_numpy_and_scikit_learn),
      cmocka_unit_test(ties_are_passed_together),
      cmocka_unit_test(a_table_has_no_difference_to_itself),
      cmocka_unit_test(the_largest_difference_of_correlations_is_2),
      cmocka_unit_test(a_classifier_sees_what_gives_samples_away),
      cmocka_unit_test(constant_columns_give_nothing_away),
      cmocka_unit_test(a_regression_has_scikit_learns_weights),
      cmocka_unit_test(equal_scores_count_a_half),
      cmocka_unit_test(what_is_no_table_is_refused_with_a_reason),
      cmocka_unit_test(a_sample_that_is_not_finite_is_named),
      cmocka_unit_test(want_of_memory_is_an_error_without_a_leak),
  };
  return cmocka_run_group_tests(tests, open_alone, close_alone);
}
