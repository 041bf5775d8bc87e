/* Metrics of features and logits against values computed with 60 digits, or by NumPy from their definitions
   (tests/reference/feature_metrics.py); what cannot be computed; and lack of memory. */
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "eval/frechet.h"
#include "eval/metric.h"
#include "eval/metric_rows.h"
#include "reference/feature_metrics.h"

enum { CASES = sizeof feature_cases / sizeof *feature_cases, SCORES = sizeof score_cases / sizeof *score_cases };

static gan_world *world;

static int open_all(void **state) {
  (void)state;
  const gan_backend *backend = NULL;
  return gan_world_alone(&world) != GAN_OK || gan_backend_open("auto", GAN_FLOAT32, &backend) != GAN_OK;
}

static int close_all(void **state) {
  (void)state;
  gan_world_close(world);
  return 0;
}

/* `size`: of what is subtracted to get there, in float64. */
static void assert_close(const char *name, const char *what, double value, double expected, double size) {
  if (isnan(expected) ? !isnan(value) : !(fabs(value - expected) <= 1e-9 * fabs(expected) + 1e-15 * size))
    fail_msg("%s: %s is %.17g, not %.17g", name, what, value, expected);
}

static gan_sample_set set_of(const feature_case *of, const feature_set *set, const float *features) {
  return (gan_sample_set){.count = set->count, .feature_count = of->dimension, .features = features};
}

/* Both sets, made; released by `release`. */
typedef struct pair {
  float *of_real, *of_fake;
  gan_sample_set real, fake;
  gan_comparison comparison;
} pair;

static pair *make_pair(const feature_case *of) {
  pair *made = NULL;
  assert_int_equal(gan_allocate(1, sizeof *made, "two sets", &made), GAN_OK);
  made->of_real = make_features(of, &of->real);
  made->of_fake = make_features(of, &of->fake);
  assert_true(made->of_real && made->of_fake);
  made->real = set_of(of, &of->real, made->of_real);
  made->fake = set_of(of, &of->fake, made->of_fake);
  made->comparison = (gan_comparison){.world = world, .real = &made->real, .fake = &made->fake};
  return made;
}

static void release(pair *made) {
  free(made->of_real);
  free(made->of_fake);
  free(made);
}

static void frechet_distances_are_those_of_60_digits(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    pair *made = make_pair(&feature_cases[i]);
    double values[GAN_METRIC_VALUES];
    assert_null(gan_metric_frechet.unable(&made->comparison));
    assert_int_equal(gan_metric_frechet.compute(&made->comparison, values), GAN_OK);
    assert_close(feature_cases[i].name, "fcd", values[0], feature_cases[i].fcd, 100);
    assert_close(feature_cases[i].name, "fcd_mean_only", values[1], feature_cases[i].fcd_mean_only, 100);
    assert_close(feature_cases[i].name, "fcd_diagonal_only", values[2], feature_cases[i].fcd_diagonal_only, 100);
    assert_true(values[0] >= 0);
    release(made);
  }
}

static void kernel_distances_are_tf_gan_s(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    pair *made = make_pair(&feature_cases[i]);
    double values[GAN_METRIC_VALUES];
    const double shift = (double)feature_cases[i].fake.shift, kernel = pow(2 + shift * shift, 3);
    assert_null(gan_metric_kid.unable(&made->comparison));
    assert_int_equal(gan_metric_kid.compute(&made->comparison, values), GAN_OK);
    assert_close(feature_cases[i].name, "kid", values[0], feature_cases[i].kid, kernel);
    assert_close(feature_cases[i].name, "kid_error", values[1], feature_cases[i].kid_error, kernel);
    release(made);
  }
}

static void classifier_scores_are_tf_gan_s(void **state) {
  (void)state;
  for (int i = 0; i < SCORES; i++) {
    const score_case *of = &score_cases[i];
    float *logits = make_logits(of);
    const gan_sample_set fake = {.count = of->set.count, .classes = (int)of->classes, .logits = logits};
    const gan_comparison comparison = {.world = world, .fake = &fake};
    double value = 0;
    assert_null(gan_metric_classifier_score.unable(&comparison));
    assert_int_equal(gan_metric_classifier_score.compute(&comparison, &value), GAN_OK);
    assert_close(of->name, "is", value, of->score, 1);
    free(logits);
  }
}

/* Covariances that are diagonal in one basis: the roots of their variances are subtracted, and squared. The basis is
   the reflection I - 2 v v' / |v|^2, v = (1, 2, ..., n); every third variance is 0 in one of them, every fourth in the
   other. */
static void covariances_that_commute_have_a_closed_form(void **state) {
  (void)state;
  enum { N = 37 };
  double a[N * N] = {0}, b[N * N] = {0}, mean[N] = {0}, other[N] = {0}, length = 0, expected = 0, distance;
  double basis[N * N];
  for (int i = 0; i < N; i++) length += (i + 1.0) * (i + 1.0);
  for (int i = 0; i < N * N; i++) basis[i] = (i / N == i % N) - 2 * (i / N + 1.0) * (i % N + 1.0) / length;
  for (int k = 0; k < N; k++) {
    const double first = k % 3 ? k + 1.0 : 0, second = k % 4 ? 1e-3 * k : 0;
    for (int i = 0; i < N * N; i++) {
      a[i] += first * basis[i / N * N + k] * basis[i % N * N + k];
      b[i] += second * basis[i / N * N + k] * basis[i % N * N + k];
    }
    expected += (sqrt(first) - sqrt(second)) * (sqrt(first) - sqrt(second));
    other[k] = 0.5;
    expected += 0.25;
  }
  assert_int_equal(gan_frechet_distance(N, mean, a, other, b, &distance), GAN_OK);
  assert_true(fabs(distance - expected) < 1e-12 * expected);
}

/* variances in the basis of above -> covariance (n, n). */
static void rotate(int n, const double *variances, double *covariance) {
  const double length = n * (n + 1.0) * (2.0 * n + 1.0) / 6;
  double sum = 0; /* v' D v */
  for (int k = 0; k < n; k++) sum += variances[k] * (k + 1.0) * (k + 1.0);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      covariance[i * n + j] =
          (i + 1.0) * (j + 1.0) * (4 * sum / length - 2 * variances[i] - 2 * variances[j]) / length +
          (i == j ? variances[i] : 0);
}

/* The same of many features: where no variance is 0, eigenvalues will do; where every third one is in one of them, and
   every other third in the other, roots of eigenvalues that should be 0 would be off by 5e-9 of the distance. */
static void many_features_have_their_closed_form(void **state) {
  (void)state;
  enum { N = 450 };
  double *a = calloc(N * N, sizeof *a), *b = calloc(N * N, sizeof *b), *mean = calloc(N, sizeof *mean);
  assert_true(a && b && mean);
  for (int flat = 0; flat < 2; flat++) {
    double first[N], second[N], expected = 0, distance;
    for (int k = 0; k < N; k++) {
      first[k] = flat && k % 3 == 0 ? 0 : 1 + k % 7;
      second[k] = flat && k % 3 == 1 ? 0 : 2 + k % 5;
      expected += (sqrt(first[k]) - sqrt(second[k])) * (sqrt(first[k]) - sqrt(second[k]));
    }
    rotate(N, first, a);
    rotate(N, second, b);
    assert_int_equal(gan_frechet_distance(N, mean, a, mean, b, &distance), GAN_OK);
    assert_true(fabs(distance - expected) < 1e-9 * expected);
  }
  free(a);
  free(b);
  free(mean);
}

static void features_that_are_not_finite_are_an_error_that_names_the_sample(void **state) {
  (void)state;
  const gan_metric *metrics[] = {&gan_metric_frechet, &gan_metric_kid};
  for (int i = 0; i < 2; i++) {
    pair *made = make_pair(&feature_cases[0]);
    double values[GAN_METRIC_VALUES];
    made->of_fake[300 * feature_cases[0].dimension + 2] = NAN;
    made->of_fake[17 * feature_cases[0].dimension + 23] = -INFINITY;
    assert_int_equal(metrics[i]->compute(&made->comparison, values), GAN_BAD_USAGE);
    assert_non_null(strstr(gan_error_message(), "features of sample 17 of the samples to judge are not finite"));
    made->of_real[399 * feature_cases[0].dimension] = NAN;
    assert_int_equal(metrics[i]->compute(&made->comparison, values), GAN_BAD_USAGE);
    assert_non_null(strstr(gan_error_message(), "features of sample 399 of the reference are not finite"));
    release(made);
  }
}

static void logits_that_are_not_finite_are_an_error_that_names_the_sample(void **state) {
  (void)state;
  const float logits[] = {0, 1, 2, INFINITY};
  const gan_sample_set fake = {.count = 2, .classes = 2, .logits = logits};
  const gan_comparison comparison = {.world = world, .fake = &fake};
  double value = 0;
  assert_int_equal(gan_metric_classifier_score.compute(&comparison, &value), GAN_BAD_USAGE);
  assert_non_null(strstr(gan_error_message(), "logits of sample 1 of the samples to judge are not finite"));
}

/* Products of covariances would be beyond float64 if more than two were multiplied. */
static void the_largest_features_do_not_overflow(void **state) {
  (void)state;
  const float real[] = {FLT_MAX, -FLT_MAX, FLT_MAX, 0}, fake[] = {0, FLT_MAX, -FLT_MAX, FLT_MAX};
  const gan_sample_set a = {.count = 2, .feature_count = 2, .features = real};
  const gan_sample_set b = {.count = 2, .feature_count = 2, .features = fake};
  const gan_comparison comparison = {.world = world, .real = &a, .fake = &b};
  double values[GAN_METRIC_VALUES];
  assert_int_equal(gan_metric_frechet.compute(&comparison, values), GAN_OK);
  /* Variances: (0, F^2 / 2) and (F^2 / 2, 0), no covariance; means (F, -F / 2) and (-F / 2, F). */
  const double square = (double)FLT_MAX * FLT_MAX;
  assert_true(fabs(values[1] - 4.5 * square) < 1e-14 * square);
  assert_true(fabs(values[0] - 5.5 * square) < 1e-14 * square);
}

static void what_is_lacking_is_said(void **state) {
  (void)state;
  const float values[8] = {0};
  const gan_sample_set none = {.count = 4}, one = {.count = 1, .feature_count = 2, .features = values},
                       some = {.count = 4, .feature_count = 2, .features = values},
                       many = {.count = 3000, .feature_count = 2, .features = values},
                       wide = {.count = 2, .feature_count = 8193, .features = values};
  const gan_comparison without = {.real = &some, .fake = &none}, single = {.real = &some, .fake = &one},
                       uneven = {.real = &many, .fake = &some}, large = {.real = &wide, .fake = &wide};
  assert_string_equal(gan_metric_frechet.unable(&without), "needs features");
  assert_string_equal(gan_metric_kid.unable(&without), "needs features");
  assert_string_equal(gan_metric_frechet.unable(&single), "needs at least two samples of each set");
  assert_string_equal(gan_metric_kid.unable(&single), "needs at least two samples of each set");
  assert_null(gan_metric_frechet.unable(&uneven));
  assert_non_null(strstr(gan_metric_kid.unable(&uneven), "take fewer of the larger one"));
  assert_non_null(strstr(gan_metric_frechet.unable(&large), "at most 8,192 features"));
  assert_null(gan_metric_kid.unable(&large));
  assert_string_equal(gan_metric_classifier_score.unable(&without), "needs a feature network that classifies");
}

static void values_are_found_by_name(void **state) {
  (void)state;
  int value = -1;
  assert_ptr_equal(gan_metric_find("fcd_diagonal_only", &value), &gan_metric_frechet);
  assert_int_equal(value, 2);
  assert_ptr_equal(gan_metric_find("kid_error", &value), &gan_metric_kid);
  assert_int_equal(value, 1);
  assert_ptr_equal(gan_metric_find("is", &value), &gan_metric_classifier_score);
}

static void lack_of_memory_is_an_error_wherever_it_strikes(void **state) {
  (void)state;
  const gan_metric *metrics[] = {&gan_metric_frechet, &gan_metric_kid, &gan_metric_classifier_score};
  pair *made = make_pair(&feature_cases[0]);
  made->fake.classes = (int)made->fake.feature_count;
  made->fake.logits = made->of_fake;
  for (int i = 0; i < 3; i++) {
    double values[GAN_METRIC_VALUES];
    int64_t nth = 1;
    for (;; nth++) {
      gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
      const gan_status status = metrics[i]->compute(&made->comparison, values);
      gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
      if (status == GAN_OK) break;
      assert_int_equal(status, GAN_FAILED);
    }
    assert_true(nth > 2);
  }
  release(made);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(frechet_distances_are_those_of_60_digits),
      cmocka_unit_test(kernel_distances_are_tf_gan_s),
      cmocka_unit_test(classifier_scores_are_tf_gan_s),
      cmocka_unit_test(covariances_that_commute_have_a_closed_form),
      cmocka_unit_test(many_features_have_their_closed_form),
      cmocka_unit_test(features_that_are_not_finite_are_an_error_that_names_the_sample),
      cmocka_unit_test(logits_that_are_not_finite_are_an_error_that_names_the_sample),
      cmocka_unit_test(the_largest_features_do_not_overflow),
      cmocka_unit_test(what_is_lacking_is_said),
      cmocka_unit_test(values_are_found_by_name),
      cmocka_unit_test(lack_of_memory_is_an_error_wherever_it_strikes),
  };
  return cmocka_run_group_tests(tests, open_all, close_all);
}
