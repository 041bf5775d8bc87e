/* The option table and how texts become values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

/* cmocka.h needs the three above before it. */
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "config/config.h"

static int setup(void **state) {
  gan_config *config;
  if (gan_config_create(&config) != GAN_OK) return -1;
  *state = config;
  return 0;
}

static int teardown(void **state) {
  gan_config_destroy(*state);
  return 0;
}

static void assert_refused(gan_config *config, const char *key, const char *value, const char *message) {
  assert_int_equal(gan_config_set(config, key, value), GAN_BAD_USAGE);
  if (!strstr(gan_error_message(), message)) fail_msg("\"%s\" does not say \"%s\"", gan_error_message(), message);
}

static void every_row_is_whole_and_unlike_the_others(void **state) {
  (void)state;
  for (int i = 0; i < gan_option_count; i++) {
    const gan_option *option = &gan_options[i];
    assert_non_null(strchr(option->key, '.'));
    assert_true(strlen(option->help) > 10);
    assert_non_null(option->default_value);
    assert_ptr_equal(gan_option_find(option->key), option);
    if (option->short_form) assert_ptr_equal(gan_option_find(option->short_form), option);
    if (option->type == GAN_OPTION_INTEGER) assert_true(option->size == 8 || option->maximum <= 2147483647);
    for (int j = 0; j < i; j++)
      if (option->type != GAN_OPTION_PRESET && gan_options[j].type != GAN_OPTION_PRESET)
        assert_true(gan_options[j].offset + gan_options[j].size <= option->offset ||
                    option->offset + option->size <= gan_options[j].offset);
  }
}

/* The fields of struct gan_config are the table's, and no more: a field without a row could not be set. */
static void every_field_has_a_row(void **state) {
  (void)state;
  size_t bytes = 0;
  for (int i = 0; i < gan_option_count; i++)
    if (gan_options[i].type != GAN_OPTION_PRESET) bytes += gan_options[i].size;
  /* What is left is padding behind six booleans, of 7 bytes each, and two ints, of 4. */
  assert_int_equal(offsetof(struct gan_config, given) - bytes, 6 * 7 + 2 * 4);
}

static void a_word_may_stand_for_no_number(void **state) {
  gan_config *config = *state;
  char *text;
  assert_int_equal(gan_config_set(config, "critic.clip", "2"), GAN_OK);
  assert_int_equal(gan_config_set(config, "critic.clip", "auto"), GAN_OK);
  assert_true(isnan(config->critic.clip));
  assert_int_equal(gan_config_get(config, "critic.clip", &text), GAN_OK);
  assert_string_equal(text, "auto");
  free(text);
  assert_refused(config, "critic.clip", "nan", "is not a number");
  assert_refused(config, "critic.lecam", "auto", "is not a number");
}

static void whole_numbers_are_parsed_strictly(void **state) {
  gan_config *config = *state;
  assert_int_equal(gan_config_set(config, "train.batch", "2147483647"), GAN_OK);
  assert_int_equal(config->train.batch, 2147483647);
  assert_int_equal(gan_config_set(config, "run.seed", "9223372036854775807"), GAN_OK);
  assert_true(config->run.seed == INT64_MAX);
  assert_refused(config, "train.batch", "0", "train.batch has to be between 1 and 2147483647, not 0");
  assert_refused(config, "train.batch", "2147483648", "between 1 and 2147483647, not 2147483648");
  assert_refused(config, "run.seed", "-1", "run.seed has to be between 0 and 9223372036854775807, not -1");
  const char *wrong[] = {"", " 8", "8 ", "8x", "0x10", "1e3", "8.0", "eight", "+-1", "--8"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_refused(config, "train.batch", wrong[i], "is not a whole number");
  assert_refused(config, "run.seed", "9223372036854775808",
                 "run.seed has to be between 0 and 9223372036854775807, not 9223372036854775808");
  assert_int_equal(config->train.batch, 2147483647); /* a refused value changes nothing */
}

static void real_numbers_are_parsed_strictly_and_are_finite(void **state) {
  gan_config *config = *state;
  assert_int_equal(gan_config_set(config, "optimizer.learning_rate", "2.5e-4"), GAN_OK);
  assert_true(config->optimizer.learning_rate == 2.5e-4);
  assert_int_equal(gan_config_set(config, "critic.clip", ".5"), GAN_OK);
  const char *wrong[] = {"", "nan", "inf", "-inf", "0x1p3", " 1", "1 ", "1,5", "1e", "fast", "infinity", "1e5x"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_refused(config, "critic.clip", wrong[i], "is not a number");
  assert_refused(config, "critic.clip", "1e999", "does not fit");
  assert_refused(config, "critic.clip", "1e-999", "does not fit");
  assert_true(config->critic.clip == 0.5);
}

/* As coreutils' head -c and dd have the units. */
static void numbers_of_bytes_may_have_units(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t bytes;
  } right[] = {{"0", 0},
               {"67108864", 67108864},
               {"16MiB", 16777216},
               {"16M", 16777216},
               {"16 mib", 16777216},
               {"1MB", 1000000},
               {"4k", 4096},
               {"4kB", 4000},
               {"4KiB", 4096},
               {"0.5GiB", 536870912},
               {"3G", 3221225472},
               {"12B", 12}};
  static const char *const wrong[] = {"",
                                      "M",
                                      "1.5",
                                      "0.3KiB",
                                      "-1",
                                      "1e3",
                                      "16 MiB ",
                                      "16MiBs",
                                      "9999999999G",
                                      "1,5k",
                                      "11111111111111111111111111111111111111111111111"};
  int64_t bytes;
  for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
    if (gan_parse_bytes(right[i].text, &bytes) != GAN_OK) fail_msg("%s", gan_error_message());
    assert_int_equal(bytes, right[i].bytes);
  }
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    if (gan_parse_bytes(wrong[i], &bytes) != GAN_BAD_USAGE)
      fail_msg("'%s' is taken as %lld", wrong[i], (long long)bytes);
}

static void exclusive_bounds_are_refused_themselves(void **state) {
  gan_config *config = *state;
  assert_refused(config, "optimizer.learning_rate", "0", "optimizer.learning_rate has to be above 0 and at most");
  assert_refused(config, "optimizer.beta1", "1", "optimizer.beta1 has to be at least 0 and below 1, not 1");
  assert_refused(config, "train.ema_decay", "1.0", "train.ema_decay has to be at least 0 and below 1, not 1.0");
  assert_int_equal(gan_config_set(config, "optimizer.beta1", "0"), GAN_OK);
  assert_int_equal(gan_config_set(config, "critic.clip", "0"), GAN_OK);
}

static void names_are_those_of_the_tables_and_the_nearest_is_offered(void **state) {
  gan_config *config = *state;
  assert_int_equal(gan_config_set(config, "loss.name", "modified_minimax"), GAN_OK);
  assert_refused(config, "loss.name", "modifed_minimax", "(did you mean modified_minimax?)");
  assert_refused(config, "loss.name", "zzzzzzzz", "there are wasserstein");
  assert_refused(config, "run.precision", "bfloat16", "there are float32, bf16");
  assert_string_equal(config->loss.name, "modified_minimax");
}

static void yes_and_no_have_the_usual_words(void **state) {
  gan_config *config = *state;
  const char *yes[] = {"yes", "true", "on", "1", "YES"}, *no[] = {"no", "false", "off", "0", "False"};
  for (int i = 0; i < 5; i++) {
    assert_int_equal(gan_config_set(config, "batch_norm.sync", yes[i]), GAN_OK);
    assert_true(config->batch_norm.sync);
    assert_int_equal(gan_config_set(config, "batch_norm.sync", no[i]), GAN_OK);
    assert_false(config->batch_norm.sync);
  }
  assert_refused(config, "batch_norm.sync", "maybe", "batch_norm.sync has to be yes or no, not 'maybe'");
  assert_refused(config, "batch_norm.sync", "", "has to be yes or no");
}

static void unknown_keys_get_the_nearest_or_one_with_the_same_last_word(void **state) {
  gan_config *config = *state;
  assert_refused(config, "train.bach", "1", "unknown key train.bach; did you mean train.batch?");
  assert_refused(config, "clip", "1", "here it is critic.clip");
  assert_refused(config, "learning_rate", "1", "here it is optimizer.learning_rate");
  assert_refused(config, "discriminator.clip", "1", "here it is critic.clip");
  assert_refused(config, "--batch", "1", "unknown key --batch");
  assert_refused(config, "", "1", "unknown key");
}

static void texts_that_an_ini_file_could_not_hold_are_refused(void **state) {
  gan_config *config = *state;
  assert_refused(config, "data.path", "a\nb", "data.path holds a line end");
  assert_refused(config, "data.path", " a", "begins or ends with a space");
  assert_refused(config, "data.path", "a ", "begins or ends with a space");
  assert_refused(config, "data.path", "a ;b", "holds a ';'");
  assert_refused(config, "data.path", ";b", "holds a ';'");
  assert_int_equal(gan_config_set(config, "data.path", "a;b"), GAN_OK);
  assert_refused(config, "critic.layers", "dense 1 # one", "critic.layers: layers are separated");
  char longer[5000];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  assert_refused(config, "data.path", longer, "data.path is longer than 4096 bytes");
}

/* Texts by hand; that they read back the same is asserted besides. */
static void numbers_are_printed_as_short_as_they_read_back(void **state) {
  (void)state;
  const struct {
    double value;
    const char *text;
  } cases[] = {{0.0, "0"},
               {0.1, "0.1"},
               {5e-5, "5e-05"},
               {0.01, "0.01"},
               {1.0 / 3, "0.3333333333333333"},
               {1e6, "1e+06"},
               {123.0, "123"},
               {-2.5, "-2.5"},
               {0.1 + 0.2, "0.30000000000000004"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[GAN_NUMBER_TEXT];
    double again;
    assert_string_equal(gan_print_real(cases[i].value, text), cases[i].text);
    assert_int_equal(gan_parse_real(text, &again), GAN_OK);
    assert_true(again == cases[i].value);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_row_is_whole_and_unlike_the_others, setup, teardown),
      cmocka_unit_test_setup_teardown(every_field_has_a_row, setup, teardown),
      cmocka_unit_test_setup_teardown(a_word_may_stand_for_no_number, setup, teardown),
      cmocka_unit_test_setup_teardown(whole_numbers_are_parsed_strictly, setup, teardown),
      cmocka_unit_test_setup_teardown(real_numbers_are_parsed_strictly_and_are_finite, setup, teardown),
      cmocka_unit_test(numbers_of_bytes_may_have_units),
      cmocka_unit_test_setup_teardown(exclusive_bounds_are_refused_themselves, setup, teardown),
      cmocka_unit_test_setup_teardown(names_are_those_of_the_tables_and_the_nearest_is_offered, setup, teardown),
      cmocka_unit_test_setup_teardown(yes_and_no_have_the_usual_words, setup, teardown),
      cmocka_unit_test_setup_teardown(unknown_keys_get_the_nearest_or_one_with_the_same_last_word, setup, teardown),
      cmocka_unit_test_setup_teardown(texts_that_an_ini_file_could_not_hold_are_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(numbers_are_printed_as_short_as_they_read_back, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
