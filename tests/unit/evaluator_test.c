/* Metrics in training, without a training: what becomes of samples that are no numbers, and which value keeps best.h5.
 */
#include "train/evaluator.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "dist/world.h"
#include "gan_dist/config.h"
#include "kernels/precision.h"

enum { SAMPLES = 100 };

static gan_config *config_of(const char *metrics, const char *best) {
  gan_config *config = NULL;
  assert_int_equal(gan_config_create(&config), GAN_OK);
  assert_int_equal(gan_config_set(config, "eval.metrics", metrics), GAN_OK);
  assert_int_equal(gan_config_set(config, "eval.best", best), GAN_OK);
  return config;
}

/* The ring's own samples, moved: near the data, unless one is spoilt. */
static void samples_that_are_no_numbers_have_no_value(void **state) {
  (void)state;
  gan_config *config = config_of("fcd,ks", "fcd");
  gan_world *world = NULL;
  gan_source *source = NULL;
  const gan_backend *backend = NULL;
  gan_evaluator evaluator;
  float samples[2 * SAMPLES];
  config->eval.samples = SAMPLES;
  assert_int_equal(gan_world_alone(&world), GAN_OK);
  assert_int_equal(gan_backend_open("auto", GAN_FLOAT32, &backend), GAN_OK);
  assert_int_equal(gan_source_open(&config->data, 1, NULL, &source), GAN_OK);
  assert_int_equal(gan_evaluator_check(config), GAN_OK);
  assert_int_equal(gan_evaluator_create(world, config, source, backend, SAMPLES, &evaluator), GAN_OK);
  assert_int_equal(evaluator.value_count, 5); /* three of the Fréchet distance, two of ks */
  gan_random_normal((gan_random_address){.seed = 3}, 2 * SAMPLES, samples);
  const gan_sample_set set = {.count = SAMPLES, .shape = source->shape, .samples = samples};
  for (int round = 0; round < 3; round++) {
    const bool spoilt = round == 1;
    const float whole = samples[7];
    if (spoilt) samples[7] = INFINITY;
    assert_int_equal(gan_evaluator_compute(&evaluator, world, backend, &set), GAN_OK);
    samples[7] = whole;
    assert_int_equal(evaluator.why[0] != '\0', spoilt);
    assert_string_equal(gan_error_message(), "");
    for (int i = 0; i < evaluator.value_count; i++) {
      assert_int_equal(isnan(evaluator.values[i].value), spoilt);
      assert_true(isfinite(evaluator.values[i].floor) && evaluator.values[i].better == -1);
    }
    if (!spoilt) assert_true(evaluator.values[0].value > evaluator.values[0].floor);
  }
  gan_evaluator_release(&evaluator);
  gan_source_close(source);
  gan_world_close(world);
  gan_config_destroy(config);
}

static void the_judge_is_what_is_named(void **state) {
  (void)state;
  static const gan_evaluation_value metrics[] = {{"fcd", 30, 1, -1}, {"recall", 0.5, 0.9, 1}};
  const gan_evaluation values = {
      .sliced_wasserstein = 0.25, .modes_covered = 7, .high_quality_share = 0.75, .value_count = 2, .values = metrics};
  const struct {
    const char *best;
    double value, floor;
    int better;
  } cases[] = {{"sliced_wasserstein", 0.25, NAN, -1},
               {"modes_covered", 7, NAN, 1},
               {"high_quality_share", 0.75, NAN, 1},
               {"fcd", 30, 1, -1},
               {"recall", 0.5, 0.9, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    gan_config *config = config_of("fcd,recall", cases[i].best);
    assert_int_equal(gan_evaluator_check(config), GAN_OK);
    const gan_evaluation_value found = gan_judged_value(config, &values);
    assert_string_equal(found.name, cases[i].best);
    assert_true(found.value == cases[i].value && (found.floor == cases[i].floor || isnan(cases[i].floor)));
    assert_int_equal(isnan(found.floor), isnan(cases[i].floor));
    assert_int_equal(found.better, cases[i].better);
    assert_int_equal(gan_judge_direction(config), cases[i].better);
    gan_config_destroy(config);
  }
}

/* Values of other features or numbers of samples do not compare; the sliced distance has none of the first. */
static void the_best_so_far_counts_while_it_compares(void **state) {
  (void)state;
  static const struct {
    const char *best, *key, *value;
    bool changes;
  } cases[] = {{"fcd", "eval.best", "recall", true},
               {"fcd", "eval.best", "fcd", false},
               {"fcd", "eval.features", "c.h5", true},
               {"fcd", "eval.samples", "300", true},
               {"fcd", "eval.metrics", "fcd,ks", false},
               {"sliced_wasserstein", "eval.features", "c.h5", false},
               {"sliced_wasserstein", "eval.samples", "300", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    gan_config *before = config_of("fcd,recall", cases[i].best), *now = config_of("fcd,recall", cases[i].best);
    assert_int_equal(gan_config_set(now, cases[i].key, cases[i].value), GAN_OK);
    assert_int_equal(gan_judge_changes(before, now), cases[i].changes);
    gan_config_destroy(before);
    gan_config_destroy(now);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(samples_that_are_no_numbers_have_no_value),
      cmocka_unit_test(the_judge_is_what_is_named),
      cmocka_unit_test(the_best_so_far_counts_while_it_compares),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
