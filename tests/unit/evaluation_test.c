/* Evaluations of made-up rows: which are chosen, what a floor is given, and that standard errors are the closed forms'.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "dist/world.h"
#include "eval/evaluation.h"

enum { SAMPLES = 400, SEEN = 8 };

static const gan_evaluation_watch nobody = {.step = NULL};
static float reals[SAMPLES], fakes[SAMPLES];

static gan_sample_set set_of(int64_t count, const float *values) {
  return (gan_sample_set){
      .count = count, .shape = {.rank = 1, .size = {1}}, .samples = values, .feature_count = 1, .features = values};
}

static double mean_of(const gan_sample_set *set) {
  double sum = 0;
  for (int64_t i = 0; i < set->count; i++) sum += set->samples[i];
  return sum / (double)set->count;
}

/* --- Rows for the tests --- */

static gan_status difference_of_means(const gan_comparison *comparison, double *values) {
  values[0] = mean_of(comparison->fake) - mean_of(comparison->real);
  values[1] = NAN;
  return GAN_OK;
}
static const gan_metric difference = {
    .name = "difference", .values = {{"difference", "of means", -1}, {"never", "", 0}}, .compute = difference_of_means};

/* What the row was given, call by call. */
static gan_sample_set given_fake[SEEN], given_held_out[SEEN];
static int given;

static const char *wants_held_out(const gan_comparison *comparison) {
  return comparison->held_out ? NULL : "needs samples held out of training";
}
static gan_status note_sets(const gan_comparison *comparison, double *values) {
  given_fake[given] = *comparison->fake;
  given_held_out[given++] = *comparison->held_out;
  values[0] = 3;
  return GAN_OK;
}
static const gan_metric nearest = {
    .name = "nearest", .values = {{"nearest", "", -1}}, .unable = wants_held_out, .compute = note_sets};

static gan_status find_nan(const gan_comparison *comparison, double *values) {
  (void)comparison, (void)values;
  return gan_fail(GAN_BAD_USAGE, "sample 3 is not finite");
}
static const gan_metric failing = {.name = "failing", .values = {{"failing", "", -1}}, .compute = find_nan};

static gan_metric_choice choose(const gan_metric *one, const gan_metric *two) {
  return (gan_metric_choice){.count = two ? 2 : 1, .metrics = {one, two}};
}

/* --- The tests --- */

static void rows_are_chosen_by_their_names_or_those_of_their_values(void **state) {
  (void)state;
  gan_metric_choice choice;
  assert_int_equal(gan_metrics_choose("", &choice), GAN_OK);
  assert_int_equal(choice.count, gan_metric_count);
  assert_false(choice.named);
  assert_int_equal(gan_metrics_choose("all", &choice), GAN_OK);
  assert_int_equal(choice.count, gan_metric_count);
  for (int row = 0; row < gan_metric_count; row++)
    for (int value = 0; gan_metric_has(gan_metrics[row], value); value++) {
      assert_int_equal(gan_metrics_choose(gan_metrics[row]->values[value].name, &choice), GAN_OK);
      assert_int_equal(choice.count, 1);
      assert_ptr_equal(choice.metrics[0], gan_metrics[row]);
      assert_true(choice.named);
    }
}

/* Values of one row are computed together. */
static void a_row_is_chosen_once_by_several_of_its_values(void **state) {
  (void)state;
  gan_metric_choice choice;
  assert_int_equal(gan_metrics_choose("modes,high_quality", &choice), GAN_OK);
  assert_int_equal(choice.count, 1);
}

static void unknown_names_are_refused(void **state) {
  (void)state;
  gan_metric_choice choice;
  assert_int_equal(gan_metrics_choose("moodes", &choice), GAN_BAD_USAGE);
  assert_non_null(strstr(gan_error_message(), "did you mean modes?"));
  assert_int_equal(gan_metrics_choose("modes,xyzzyxyzzy", &choice), GAN_BAD_USAGE);
  assert_non_null(strstr(gan_error_message(), "known are "));
  assert_int_equal(gan_metrics_choose("modes,,", &choice), GAN_BAD_USAGE);
}

static void a_row_that_cannot_be_computed_says_why_and_others_go_on(void **state) {
  (void)state;
  gan_metric_result results[2];
  const gan_sample_set real = set_of(SAMPLES, reals), fake = set_of(SAMPLES, fakes);
  const gan_comparison comparison = {.world = *state, .real = &real, .fake = &fake};
  const gan_metric_choice choice = choose(&nearest, &difference);
  assert_int_equal(gan_metrics_compute(&choice, &comparison, "judged", &nobody, results), GAN_OK);
  assert_string_equal(results[0].unable, "needs samples held out of training");
  assert_true(isnan(results[0].values[0]));
  assert_string_equal(results[1].unable, "");
  assert_true(results[1].values[0] == mean_of(&fake) - mean_of(&real));
  assert_true(isnan(results[1].errors[0]));
}

static void an_error_names_its_row(void **state) {
  gan_metric_result results[2];
  const gan_sample_set real = set_of(SAMPLES, reals);
  const gan_comparison comparison = {.world = *state, .real = &real, .fake = &real};
  const gan_metric_choice choice = choose(&difference, &failing);
  assert_int_equal(gan_metrics_compute(&choice, &comparison, "judged", &nobody, results), GAN_BAD_USAGE);
  assert_string_equal(gan_error_message(), "failing: sample 3 is not finite");
}

/* Real samples cannot be those of the floor and held out besides: one half of them is compared with the other. */
static void a_floor_gives_halves_to_rows_that_need_held_out_samples(void **state) {
  gan_metric_result results[2];
  const gan_sample_set real = set_of(SAMPLES, reals), others = set_of(301, fakes);
  const gan_comparison comparison = {.world = *state, .real = &real, .fake = &others, .held_out = &others};
  const gan_metric_choice choice = choose(&nearest, &difference);
  given = 0;
  assert_int_equal(gan_metrics_floor(&choice, &comparison, &nobody, results), GAN_OK);
  assert_int_equal(given, 1);
  assert_int_equal(given_fake[0].count, 150);
  assert_int_equal(given_held_out[0].count, 150);
  assert_ptr_equal(given_fake[0].samples, fakes);
  assert_ptr_equal(given_held_out[0].samples, fakes + 150);
  assert_true(results[0].values[0] == 3);
  assert_true(results[1].values[0] == mean_of(&others) - mean_of(&real));
}

static double variance_of(const float *values) {
  double mean = 0, squares = 0;
  for (int i = 0; i < SAMPLES; i++) mean += values[i] / SAMPLES;
  for (int i = 0; i < SAMPLES; i++) squares += (values[i] - mean) * (values[i] - mean);
  return squares / (SAMPLES - 1);
}

/* Of a difference of means it is the root of s^2 / n + t^2 / n. 1000 halves have it to 1 / sqrt(2000), 2.2 %. */
static void standard_errors_are_those_of_means(void **state) {
  gan_metric_result result;
  const gan_sample_set real = set_of(SAMPLES, reals), fake = set_of(SAMPLES, fakes);
  const gan_comparison comparison = {.world = *state, .real = &real, .fake = &fake};
  const gan_metric_choice choice = choose(&difference, NULL);
  const double expected = sqrt((variance_of(reals) + variance_of(fakes)) / SAMPLES);
  assert_int_equal(gan_metrics_compute(&choice, &comparison, "judged", &nobody, &result), GAN_OK);
  const double before = result.values[0];
  assert_int_equal(gan_metrics_repeat(&choice, &comparison, 1000, &nobody, &result), GAN_OK);
  assert_true(fabs(result.errors[0] / expected - 1) < 0.07);
  assert_true(result.values[0] == before);
  assert_true(isnan(result.errors[1])); /* of a value that is never defined */
  const double once = result.errors[0];
  assert_int_equal(gan_metrics_repeat(&choice, &comparison, 1000, &nobody, &result), GAN_OK);
  assert_true(result.errors[0] == once);
}

static void one_sample_has_no_standard_error(void **state) {
  gan_metric_result result;
  const gan_sample_set real = set_of(1, reals), fake = set_of(SAMPLES, fakes);
  const gan_comparison comparison = {.world = *state, .real = &real, .fake = &fake};
  const gan_metric_choice choice = choose(&difference, NULL);
  assert_int_equal(gan_metrics_compute(&choice, &comparison, "judged", &nobody, &result), GAN_OK);
  assert_int_equal(gan_metrics_repeat(&choice, &comparison, 10, &nobody, &result), GAN_OK);
  assert_true(isnan(result.errors[0]));
}

static int open_world(void **state) {
  gan_world *world = NULL;
  if (gan_world_alone(&world) != GAN_OK) return -1;
  gan_random_normal((gan_random_address){.seed = 1, .stream = GAN_STREAM_EVALUATION}, SAMPLES, reals);
  gan_random_uniform((gan_random_address){.seed = 2, .stream = GAN_STREAM_EVALUATION}, SAMPLES, fakes);
  *state = world;
  return 0;
}
static int close_world(void **state) {
  gan_world_close(*state);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_chosen_by_their_names_or_those_of_their_values),
      cmocka_unit_test(a_row_is_chosen_once_by_several_of_its_values),
      cmocka_unit_test(unknown_names_are_refused),
      cmocka_unit_test(a_row_that_cannot_be_computed_says_why_and_others_go_on),
      cmocka_unit_test(an_error_names_its_row),
      cmocka_unit_test(a_floor_gives_halves_to_rows_that_need_held_out_samples),
      cmocka_unit_test(standard_errors_are_those_of_means),
      cmocka_unit_test(one_sample_has_no_standard_error),
  };
  return cmocka_run_group_tests(tests, open_world, close_world);
}
