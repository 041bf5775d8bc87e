/* Separation of showers against NumPy's histograms and the CaloChallenge's definitions, and closed forms. */
#include "eval/separation.h"

#include <stdio.h>

#include "metric_support.h"
#include "reference/quality.h"

static void open_case(size_t number, gan_world *world, sets *of) {
  const gan_shape shape = shape_of(4, reference_showers[number].channels, reference_showers[number].depth,
                                   reference_showers[number].height, reference_showers[number].width);
  const int64_t n = reference_showers[number].real, m = reference_showers[number].fake;
  ask(of, world, shape, n, make_showers(false, n, shape), m, make_showers(true, m, shape));
  of->comparison.power = reference_showers[number].power;
}

static void mean_and_worst_are_those_of_numpy(void **state) {
  for (size_t i = 0; i < sizeof reference_showers / sizeof *reference_showers; i++) {
    sets of;
    double values[GAN_METRIC_VALUES];
    open_case(i, *state, &of);
    compute_row("separation", &of.comparison, values);
    assert_near(values[0], reference_showers[i].mean);
    assert_near(values[1], reference_showers[i].worst);
    release_sets(&of);
  }
}

/* Two bins of the reference, at the ends: shares 3/4 and 1/4 against 1/4 and 1/4, and a half above. */
static void separation_is_half_the_sum_over_bins(void **unused) {
  (void)unused;
  const double real[] = {0, 0, 0, 1}, fake[] = {0, 2, 1, 3};
  const double a = 3.0 / 4, b = 1.0 / 4;
  assert_near(gan_separation_power(4, real, 4, fake, 1), ((a - b) * (a - b) / (a + b) + 0 + 1.0 / 2) / 2);
  assert_true(gan_separation_power(4, real, 4, real, 1) == 0);
  const double below[] = {-1, -2};
  assert_true(gan_separation_power(4, real, 2, below, 1) == 1);
  /* One value only, in the data: all others are beside it. */
  assert_true(gan_separation_power(3, real, 2, fake, 1) == (1.0 / 4 / (3.0 / 2) + 1.0 / 2) / 2);
}

/* Two cells: energies 1 and 3 at (0, 1, 2) and (2, 1, 0). */
static void observables_of_two_cells_are_what_they_say(void **unused) {
  (void)unused;
  double cells[3 * 2 * 3] = {0}, room[5], seen[GAN_OBSERVABLES + 3];
  cells[0 * 6 + 1 * 3 + 2] = 1;
  cells[2 * 6 + 1 * 3 + 0] = 3;
  gan_observe_shower(3, 2, 3, cells, room, seen);
  assert_near(seen[GAN_ENERGY], 4);
  assert_near(seen[GAN_DEPTH_MAXIMUM], 2);
  assert_near(seen[GAN_CENTRE_DEPTH], 1.5);
  assert_near(seen[GAN_CENTRE_HEIGHT], 1);
  assert_near(seen[GAN_CENTRE_WIDTH], 0.5);
  assert_near(seen[GAN_WIDTH_DEPTH], sqrt(0.75));
  assert_near(seen[GAN_WIDTH_HEIGHT], 0);
  assert_near(seen[GAN_WIDTH_WIDTH], sqrt(0.75));
  assert_near(seen[GAN_OCCUPANCY], 2.0 / 18);
  assert_near(seen[GAN_OBSERVABLES], 1);
  assert_near(seen[GAN_OBSERVABLES + 1], 0);
  assert_near(seen[GAN_OBSERVABLES + 2], 3);
}

static void an_empty_shower_is_at_the_origin(void **unused) {
  (void)unused;
  double cells[8] = {0}, room[4], seen[GAN_OBSERVABLES + 2];
  memset(seen, 1, sizeof seen);
  gan_observe_shower(2, 2, 2, cells, room, seen);
  for (int i = 0; i < GAN_OBSERVABLES + 2; i++) assert_true(seen[i] == 0);
}

static void a_set_is_not_separated_from_itself_and_altogether_from_emptiness(void **state) {
  sets of;
  double values[GAN_METRIC_VALUES];
  open_case(0, *state, &of);
  of.comparison.fake = &of.real;
  compute_row("separation", &of.comparison, values);
  assert_true(values[0] == 0 && values[1] == 0);
  of.comparison.fake = &of.fake;
  for (int64_t i = 0; i < of.fake.count * gan_shape_count(&of.fake.shape); i++)
    ((float *)(uintptr_t)of.fake.samples)[i] = -1;
  compute_row("separation", &of.comparison, values);
  assert_true(values[0] > 0.5);
  assert_near(values[1], 1);
  release_sets(&of);
}

static void what_is_no_volume_is_refused_with_a_reason(void **state) {
  float x[64] = {0};
  sets of;
  ask(&of, *state, shape_of(3, 1, 4, 4, 0), 2, x, 2, x);
  assert_unable("separation", &of.comparison, "volumes");
  ask(&of, *state, shape_of(4, 1, 2, 2, 2), 2, x, 0, x);
  assert_unable("separation", &of.comparison, "one sample");
}

static void a_sample_that_is_not_finite_is_named(void **state) {
  sets of;
  open_case(1, *state, &of);
  assert_refuses("separation", &of, 44, NAN);
  release_sets(&of);
}

static void want_of_memory_is_an_error_without_a_leak(void **state) {
  sets of;
  open_case(1, *state, &of);
  assert_survives_want_of_memory("separation", &of.comparison);
  release_sets(&of);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mean_and_worst_are_those_of_numpy),
      cmocka_unit_test(separation_is_half_the_sum_over_bins),
      cmocka_unit_test(observables_of_two_cells_are_what_they_say),
      cmocka_unit_test(an_empty_shower_is_at_the_origin),
      cmocka_unit_test(a_set_is_not_separated_from_itself_and_altogether_from_emptiness),
      cmocka_unit_test(what_is_no_volume_is_refused_with_a_reason),
      cmocka_unit_test(a_sample_that_is_not_finite_is_named),
      cmocka_unit_test(want_of_memory_is_an_error_without_a_leak),
  };
  return cmocka_run_group_tests(tests, open_alone, close_alone);
}
