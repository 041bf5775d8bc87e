/* Sample quality against closed forms and hand-made cases. */
#include "eval/quality.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/random.h"

enum { POINTS = 300, WIDTH = 40 };

static void some_points(uint64_t seed, size_t count, float *points) {
  gan_random_normal((gan_random_address){.seed = seed, .stream = GAN_STREAM_SYNTHETIC}, count, points);
}

static double sliced(int64_t n, int64_t elements, const float *real, const float *fake, int projections) {
  double distance = -1.0;
  assert_int_equal(gan_sliced_wasserstein(n, elements, real, fake, projections, 5, &distance), GAN_OK);
  return distance;
}

static void the_distance_of_a_set_to_itself_in_another_order_is_0(void **unused) {
  (void)unused;
  float real[POINTS * 2], fake[POINTS * 2];
  some_points(1, POINTS * 2, real);
  for (int i = 0; i < POINTS; i++) {
    fake[2 * i] = real[2 * (POINTS - 1 - i)];
    fake[2 * i + 1] = real[2 * (POINTS - 1 - i) + 1];
  }
  assert_true(sliced(POINTS, 2, real, fake, 20) == 0.0);
}

static void the_distance_is_symmetric_and_positive(void **unused) {
  (void)unused;
  float real[POINTS * 2], fake[POINTS * 2];
  some_points(1, POINTS * 2, real);
  some_points(2, POINTS * 2, fake);
  assert_true(sliced(POINTS, 2, real, fake, 20) > 0.01);
  assert_true(sliced(POINTS, 2, real, fake, 20) == sliced(POINTS, 2, fake, real, 20));
}

/* A shift by d moves every projection by <d, theta>; E |cos| over directions of the plane is 2 / pi. */
static void a_shift_in_the_plane_gives_its_length_times_2_over_pi(void **unused) {
  (void)unused;
  float real[POINTS * 2], fake[POINTS * 2];
  some_points(1, POINTS * 2, real);
  for (int i = 0; i < POINTS; i++) {
    fake[2 * i] = real[2 * i] + 3.0f;
    fake[2 * i + 1] = real[2 * i + 1] - 4.0f;
  }
  const double expected = 5.0 * 2.0 / 3.14159265358979323846;
  assert_true(fabs(sliced(POINTS, 2, real, fake, 4000) - expected) < 0.02 * expected);
}

/* In one dimension every direction is 1 or -1, so the distance is exact: here pairs (0, 1), (2, 4), (7, 7). */
static void in_one_dimension_sorted_samples_are_paired(void **unused) {
  (void)unused;
  const float real[] = {7.0f, 0.0f, 2.0f}, fake[] = {4.0f, 7.0f, 1.0f};
  assert_true(fabs(sliced(3, 1, real, fake, 3) - 1.0) < 1e-6);
}

/* One sample each, far apart in WIDTH dimensions: E |<d, theta>| = |d| Gamma(w/2) / (sqrt(pi) Gamma((w+1)/2)). */
static void a_shift_in_many_dimensions_gives_the_mean_of_its_projections(void **unused) {
  (void)unused;
  float real[WIDTH] = {0}, fake[WIDTH];
  some_points(3, WIDTH, fake);
  double square = 0.0;
  for (int i = 0; i < WIDTH; i++) square += (double)fake[i] * (double)fake[i];
  const double ratio = exp(lgamma(WIDTH / 2.0) - lgamma((WIDTH + 1) / 2.0)) / sqrt(3.14159265358979323846);
  const double expected = sqrt(square) * ratio;
  assert_true(fabs(sliced(1, WIDTH, real, fake, 4000) - expected) < 0.04 * expected);
}

static void a_sample_that_is_not_finite_makes_the_distance_not_a_number(void **unused) {
  (void)unused;
  const float real[] = {0.0f, 1.0f, 2.0f, 3.0f};
  const float fake[] = {0.0f, NAN, 2.0f, 3.0f}, far[] = {0.0f, INFINITY, 2.0f, 3.0f};
  assert_true(isnan(sliced(2, 2, real, fake, 2)));
  assert_true(isnan(sliced(2, 2, far, real, 2)));
}

static void a_distance_of_nothing_is_an_error(void **unused) {
  (void)unused;
  const float point[] = {0.0f};
  double distance;
  assert_int_equal(gan_sliced_wasserstein(0, 1, point, point, 1, 0, &distance), GAN_BAD_USAGE);
  assert_int_equal(gan_sliced_wasserstein(1, 0, point, point, 1, 0, &distance), GAN_BAD_USAGE);
  assert_int_equal(gan_sliced_wasserstein(1, 1, point, point, 0, 0, &distance), GAN_BAD_USAGE);
}

static void a_set_given_in_pieces_has_the_distance_of_the_whole(void **unused) {
  (void)unused;
  float real[POINTS * 2], fake[POINTS * 2];
  gan_projected *a = NULL, *b = NULL;
  some_points(1, POINTS * 2, real);
  some_points(2, POINTS * 2, fake);
  assert_int_equal(gan_projected_create(POINTS, 2, 17, 5, &a), GAN_OK);
  assert_int_equal(gan_projected_create(POINTS, 2, 17, 5, &b), GAN_OK);
  gan_projected_set(a, 0, POINTS, real);
  gan_projected_set(b, 100, POINTS - 100, fake + 200);
  gan_projected_set(b, 0, 100, fake);
  assert_true(gan_projected_distance(a, b) == sliced(POINTS, 2, real, fake, 17));
  /* A second time, as a trainer asks: the real samples stay. */
  gan_projected_set(b, 0, POINTS, real);
  assert_true(gan_projected_distance(a, b) == 0);
  gan_projected_destroy(a);
  gan_projected_destroy(b);
}

/* Every allocation in turn fails; the leak checker watches. */
static void want_of_memory_is_an_error_without_a_leak(void **unused) {
  (void)unused;
  const float point[] = {0.0f};
  double distance;
  int failures = 0;
  for (;;) {
    gan_fault_arm(GAN_FAULT_ALLOCATION, failures + 1);
    const gan_status status = gan_sliced_wasserstein(1, 1, point, point, 1, 0, &distance);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (status == GAN_OK) break;
    assert_int_equal(status, GAN_FAILED);
    failures++;
  }
  assert_int_equal(failures, 6);
}

static void modes_are_covered_by_samples_within_3_sigma(void **unused) {
  (void)unused;
  const float centres[] = {0.0f, 0.0f, 10.0f, 0.0f, 0.0f, 10.0f};
  const float points[] = {0.0f,  0.25f, 0.3125f, 0.0f, 10.0f,
                          0.25f, 10.5f, 0.0f,    5.0f, 5.0f}; /* radius 0.375: in, in, in, out, out */
  const gan_mode_coverage coverage = gan_count_modes(5, points, 3, centres, 0.125);
  assert_int_equal(coverage.modes, 3);
  assert_int_equal(coverage.covered, 2);
  assert_true(coverage.high_quality_share == 3.0 / 5.0);
}

/* 1000 samples and 2 modes: the fair share is 500, so the second mode needs 5. */
static void a_mode_needs_a_hundredth_of_its_fair_share(void **unused) {
  (void)unused;
  const float centres[] = {0.0f, 0.0f, 10.0f, 10.0f};
  float points[2000] = {0};
  for (int i = 0; i < 8; i++) points[i] = 10.0f;
  assert_int_equal(gan_count_modes(1000, points, 2, centres, 0.1).covered, 1);
  points[8] = points[9] = 10.0f;
  const gan_mode_coverage coverage = gan_count_modes(1000, points, 2, centres, 0.1);
  assert_int_equal(coverage.covered, 2);
  assert_true(coverage.high_quality_share == 1.0);
}

static void samples_that_are_not_finite_cover_nothing(void **unused) {
  (void)unused;
  const float centres[] = {0.0f, 0.0f};
  const float points[] = {NAN, 0.0f, 0.0f, INFINITY};
  const gan_mode_coverage coverage = gan_count_modes(2, points, 1, centres, 1.0);
  assert_int_equal(coverage.covered, 0);
  assert_true(coverage.high_quality_share == 0.0);
}

static void no_samples_cover_no_mode(void **unused) {
  (void)unused;
  const float centres[] = {0.0f, 0.0f};
  const gan_mode_coverage coverage = gan_count_modes(0, centres, 1, centres, 1.0);
  assert_int_equal(coverage.covered, 0);
  assert_true(coverage.high_quality_share == 0.0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_distance_of_a_set_to_itself_in_another_order_is_0),
      cmocka_unit_test(the_distance_is_symmetric_and_positive),
      cmocka_unit_test(a_shift_in_the_plane_gives_its_length_times_2_over_pi),
      cmocka_unit_test(in_one_dimension_sorted_samples_are_paired),
      cmocka_unit_test(a_shift_in_many_dimensions_gives_the_mean_of_its_projections),
      cmocka_unit_test(a_sample_that_is_not_finite_makes_the_distance_not_a_number),
      cmocka_unit_test(a_distance_of_nothing_is_an_error),
      cmocka_unit_test(a_set_given_in_pieces_has_the_distance_of_the_whole),
      cmocka_unit_test(want_of_memory_is_an_error_without_a_leak),
      cmocka_unit_test(modes_are_covered_by_samples_within_3_sigma),
      cmocka_unit_test(a_mode_needs_a_hundredth_of_its_fair_share),
      cmocka_unit_test(samples_that_are_not_finite_cover_nothing),
      cmocka_unit_test(no_samples_cover_no_mode),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
