/* Keys that have no effect beside others: refused where they were given, named where a preset or the run brought them.
 */
#include "config/relevance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

/* cmocka.h needs the three above before it. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gan_dist/config.h"

static gan_config *made(void) {
  gan_config *config;
  assert_int_equal(gan_config_create(&config), GAN_OK);
  return config;
}

static void set(gan_config *config, const char *key, const char *value) {
  assert_int_equal(gan_config_set(config, key, value), GAN_OK);
}

static void assert_value(const gan_config *config, const char *key, const char *expected) {
  char *value;
  assert_int_equal(gan_config_get(config, key, &value), GAN_OK);
  assert_string_equal(value, expected);
  free(value);
}

static void assert_settles(gan_config *config, const char *expected) {
  char *idle;
  if (gan_config_settle(config, &idle) != GAN_OK) fail_msg("%s", gan_error_message());
  assert_string_equal(idle, expected);
  free(idle);
}

/* A key with a value that is not its default; what decides about it; a value with which it has no effect, and one with
   which it has, as the documentation says. */
static const struct {
  const char *key, *value, *decider, *idle, *used;
} cases[] = {
    {"loss.label_smoothing", "0.1", "loss.name", "wasserstein", "minimax"},
    {"loss.label_smoothing", "0.1", "loss.name", "wasserstein", "modified_minimax"},
    {"augment.strength", "0.5", "augment.operations", "", "flip"},
    {"augment.schedule", "linear", "augment.operations", "", "color, cutout"},
    {"augment.adaptive", "yes", "augment.operations", "", "flip"},
    {"optimizer.alpha", "0.5", "optimizer.name", "adam", "rmsprop"},
    {"optimizer.alpha", "0.5", "optimizer.name", "sgd", "rmsprop"},
    {"optimizer.beta1", "0.5", "optimizer.name", "rmsprop", "adam"},
    {"optimizer.beta2", "0.5", "optimizer.name", "sgd", "adam"},
    {"optimizer.epsilon", "0.5", "optimizer.name", "sgd", "adam"},
    {"optimizer.epsilon", "0.5", "optimizer.name", "sgd", "rmsprop"},
    {"optimizer.momentum", "0.5", "optimizer.name", "adam", "sgd"},
    {"optimizer.momentum", "0.5", "optimizer.name", "adam", "rmsprop"},
    {"optimizer.final_factor", "0.5", "optimizer.schedule", "constant", "linear"},
    {"optimizer.final_factor", "0.5", "optimizer.schedule", "constant", "cosine"},
    {"optimizer.final_factor", "0.5", "optimizer.schedule", "constant", "exponential"},
    {"batch_norm.momentum", "0.5", "generator.layers", "dense 2", "dense 4, batch_norm, dense 2"},
    {"batch_norm.sync", "no", "critic.layers", "dense 1", "dense 4, batch_norm, dense 1"},
    {"train.warmup_n_critic", "7", "train.warmup_iterations", "0", "25"},
    {"train.warmup_every", "7", "train.warmup_iterations", "0", "25"},
    {"samples.ema", "no", "train.ema_decay", "0", "0.9"},
    {"data.modes", "5", "data.source", "swiss_roll", "grid"},
    {"data.path", "x", "data.source", "ring", "idx"},
    {"data.minimum", "1", "data.source", "idx", "hdf5"},
    {"shower.cells", "9", "data.source", "hdf5", "showers"},
    {"trace.steps", "3", "trace.file", "", "x.h5"},
};
enum { CASES = sizeof cases / sizeof *cases };

static void a_given_key_that_has_no_effect_is_refused_with_what_decides(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    char begin[128], *idle;
    gan_config *config = made();
    set(config, cases[i].decider, cases[i].idle);
    set(config, cases[i].key, cases[i].value);
    assert_int_equal(gan_config_settle(config, &idle), GAN_BAD_USAGE);
    assert_null(idle);
    snprintf(begin, sizeof begin, "%s has no effect with ", cases[i].key);
    if (strncmp(gan_error_message(), begin, strlen(begin)) != 0 || !strstr(gan_error_message(), cases[i].decider))
      fail_msg("%s", gan_error_message());
    gan_config_destroy(config);
  }
}

static void a_key_that_has_an_effect_is_left_alone(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    gan_config *config = made();
    set(config, cases[i].key, cases[i].value);
    set(config, cases[i].decider, cases[i].used);
    assert_settles(config, "");
    assert_value(config, cases[i].key, cases[i].value);
    gan_config_destroy(config);
  }
}

/* Of two conditions one after the other. */
static void keys_of_a_schedule_and_of_adaptive_augmentation_count_where_these_do(void **state) {
  (void)state;
  static const char *const keys[][3] = {{"augment.final_strength", "augment.schedule", "linear"},
                                        {"augment.final_strength", "augment.schedule", "cosine"},
                                        {"augment.target", "augment.adaptive", "yes"},
                                        {"augment.samples_to_full", "augment.adaptive", "yes"}};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    char *idle;
    gan_config *config = made();
    set(config, "augment.operations", "flip");
    set(config, keys[i][0], "0.5");
    assert_int_equal(gan_config_settle(config, &idle), GAN_BAD_USAGE);
    set(config, keys[i][1], keys[i][2]);
    assert_settles(config, "");
    assert_value(config, keys[i][0], "0.5");
    gan_config_destroy(config);
  }
}

static void the_message_names_values_and_remedies(void **state) {
  (void)state;
  char *idle;
  gan_config *config = made();
  set(config, "loss.label_smoothing", "0.1");
  assert_int_equal(gan_config_settle(config, &idle), GAN_BAD_USAGE);
  assert_string_equal(gan_error_message(),
                      "loss.label_smoothing has no effect with loss.name = wasserstein: it needs loss.name = minimax "
                      "or modified_minimax; without that, leave it at its default, 0.25");
  set(config, "loss.label_smoothing", "0.25");
  set(config, "data.path", "x");
  assert_int_equal(gan_config_settle(config, &idle), GAN_BAD_USAGE);
  assert_string_equal(gan_error_message(),
                      "data.path has no effect with data.source = ring: it needs data.source = idx or hdf5 or npy; without "
                      "that, leave it empty");
  gan_config_destroy(config);
}

/* A common rate counts as long as one network has none of its own. */
static void a_common_learning_rate_is_idle_only_beside_two_others(void **state) {
  (void)state;
  char *idle;
  gan_config *config = made();
  set(config, "optimizer.learning_rate", "1");
  set(config, "critic.learning_rate", "2");
  assert_settles(config, "");
  set(config, "generator.learning_rate", "3");
  assert_int_equal(gan_config_settle(config, &idle), GAN_BAD_USAGE);
  assert_string_equal(gan_error_message(),
                      "optimizer.learning_rate has no effect with generator.learning_rate = 3 and "
                      "critic.learning_rate = 2: it needs generator.learning_rate = 0 or critic.learning_rate = 0; "
                      "without that, leave it at its default, 5e-5");
  gan_config_destroy(config);
}

/* A config.ini lists every key; so does who copies it. */
static void a_key_that_is_given_its_default_is_no_mistake(void **state) {
  (void)state;
  gan_config *config = made();
  for (int i = 0; i < gan_option_count; i++)
    if (gan_options[i].type != GAN_OPTION_PRESET) set(config, gan_options[i].key, gan_options[i].default_value);
  set(config, "loss.label_smoothing", "2.5e-1");
  assert_settles(config, "");
  gan_config_destroy(config);
}

static void what_a_preset_brings_in_vain_is_named_and_put_to_its_default(void **state) {
  (void)state;
  gan_config *config = made(), *again = made();
  char *text, *idle;
  assert_int_equal(gan_config_use_preset(config, "fashion-dcgan"), GAN_OK);
  set(config, "loss.name", "wasserstein");
  set(config, "optimizer.name", "rmsprop");
  assert_settles(config, "loss.label_smoothing (loss.name = wasserstein), optimizer.beta1 (optimizer.name = rmsprop)");
  assert_value(config, "loss.label_smoothing", "0.25");
  assert_settles(config, "");
  /* As it is printed now it can be given again. */
  assert_int_equal(gan_config_print(config, &text), GAN_OK);
  assert_int_equal(gan_config_read_text(again, text, "config.ini"), GAN_OK);
  assert_settles(again, "");
  free(text);
  /* A preset's key that somebody names as well is his. */
  assert_int_equal(gan_config_use_preset(config, "fashion-dcgan"), GAN_OK);
  set(config, "loss.name", "wasserstein");
  set(config, "loss.label_smoothing", "0");
  assert_int_equal(gan_config_settle(config, &idle), GAN_BAD_USAGE);
  gan_config_destroy(again);
  gan_config_destroy(config);
}

static void what_a_run_brings_in_vain_is_named_unless_it_is_given(void **state) {
  (void)state;
  char *idle;
  gan_config *before = made(), *now = made(), *copy;
  set(before, "loss.name", "minimax");
  set(before, "loss.label_smoothing", "0.5");
  set(now, "loss.name", "wasserstein");
  assert_int_equal(gan_config_take_over(now, before), GAN_OK);
  assert_int_equal(gan_config_copy(now, &copy), GAN_OK);
  assert_settles(now, "loss.label_smoothing (loss.name = wasserstein)");
  set(copy, "loss.label_smoothing", "0.5");
  assert_int_equal(gan_config_settle(copy, &idle), GAN_BAD_USAGE);
  gan_config_destroy(copy);
  gan_config_destroy(now);
  gan_config_destroy(before);
}

/* Of two keys for one thing: what a preset has is named, what is taken where none is named is not. */
static void of_two_keys_for_one_thing_the_given_one_counts(void **state) {
  (void)state;
  gan_config *config = made();
  assert_int_equal(gan_config_use_preset(config, "ring8"), GAN_OK);
  set(config, "train.ema_half_life", "5000");
  assert_settles(config, "train.ema_decay (train.ema_half_life = 5000)");
  assert_value(config, "train.ema_decay", "0");
  assert_value(config, "train.ema_half_life", "5000");
  gan_config_destroy(config);

  config = made();
  assert_int_equal(gan_config_use_preset(config, "ring8"), GAN_OK);
  gan_config_count_as_default(config);
  set(config, "train.ema_half_life", "5000");
  assert_settles(config, "");
  assert_value(config, "train.ema_decay", "0");
  gan_config_destroy(config);
}

static void of_two_keys_for_one_thing_neither_gives_way_unasked(void **state) {
  (void)state;
  gan_config *config = made();
  assert_int_equal(gan_config_use_preset(config, "ring8"), GAN_OK);
  set(config, "train.ema_half_life", "0");
  assert_settles(config, "");
  assert_value(config, "train.ema_decay", "0.995");
  set(config, "train.ema_decay", "0.9");
  set(config, "train.ema_half_life", "5000");
  assert_settles(config, ""); /* refused later */
  assert_value(config, "train.ema_decay", "0.9");
  gan_config_destroy(config);
}

/* Of a run that has had a half-life with an end of its own. */
static void what_belongs_to_the_key_that_gives_way_goes_with_it(void **state) {
  (void)state;
  gan_config *before = made(), *now = made();
  set(before, "train.ema_half_life", "5000");
  set(before, "train.ema_half_life_final", "100");
  set(now, "train.ema_decay", "0.9");
  assert_int_equal(gan_config_take_over(now, before), GAN_OK);
  assert_settles(now,
                 "train.ema_half_life (train.ema_decay = 0.9), train.ema_half_life_final (train.ema_half_life = 0)");
  assert_value(now, "train.ema_half_life_final", "constant");
  gan_config_destroy(now);
  gan_config_destroy(before);
}

/* ring8, where nothing was named. */
static void what_nobody_asked_for_is_not_named(void **state) {
  (void)state;
  gan_config *config = made();
  set(config, "loss.label_smoothing", "0");
  gan_config_count_as_default(config);
  assert_settles(config, "");
  assert_value(config, "loss.label_smoothing", "0.25");
  gan_config_destroy(config);
}

static void no_preset_has_a_key_without_effect(void **state) {
  (void)state;
  for (int i = 0; i < gan_preset_count; i++) {
    gan_config *config = made();
    assert_int_equal(gan_config_use_preset(config, gan_presets[i].name), GAN_OK);
    char *idle;
    assert_int_equal(gan_config_settle(config, &idle), GAN_OK);
    if (*idle) fail_msg("%s: %s", gan_presets[i].name, idle);
    free(idle);
    gan_config_destroy(config);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_given_key_that_has_no_effect_is_refused_with_what_decides),
      cmocka_unit_test(a_key_that_has_an_effect_is_left_alone),
      cmocka_unit_test(keys_of_a_schedule_and_of_adaptive_augmentation_count_where_these_do),
      cmocka_unit_test(the_message_names_values_and_remedies),
      cmocka_unit_test(a_common_learning_rate_is_idle_only_beside_two_others),
      cmocka_unit_test(a_key_that_is_given_its_default_is_no_mistake),
      cmocka_unit_test(what_a_preset_brings_in_vain_is_named_and_put_to_its_default),
      cmocka_unit_test(what_a_run_brings_in_vain_is_named_unless_it_is_given),
      cmocka_unit_test(of_two_keys_for_one_thing_the_given_one_counts),
      cmocka_unit_test(of_two_keys_for_one_thing_neither_gives_way_unasked),
      cmocka_unit_test(what_belongs_to_the_key_that_gives_way_goes_with_it),
      cmocka_unit_test(what_nobody_asked_for_is_not_named),
      cmocka_unit_test(no_preset_has_a_key_without_effect),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
