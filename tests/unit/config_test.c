/* Configurations: keys, INI texts and files, presets, and that what is printed reads back. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

/* cmocka.h needs the three above before it. */
#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "config/relevance.h"
#include "gan_dist/config.h"
#include "train/regularisers.h"

static gan_config *made(void) {
  gan_config *config;
  assert_int_equal(gan_config_create(&config), GAN_OK);
  return config;
}

static void assert_value(const gan_config *config, const char *key, const char *expected) {
  char *value;
  assert_int_equal(gan_config_get(config, key, &value), GAN_OK);
  assert_string_equal(value, expected);
  free(value);
}

static void assert_message(const char *part) {
  if (!strstr(gan_error_message(), part)) fail_msg("\"%s\" does not say \"%s\"", gan_error_message(), part);
}

static void assert_text_fails(const char *text, const char *message) {
  gan_config *config = made();
  assert_int_equal(gan_config_read_text(config, text, "text.ini"), GAN_BAD_USAGE);
  assert_message(message);
  gan_config_destroy(config);
}

/* The recipe of arXiv 1701.07875, algorithm 1: RMSprop with PyTorch's alpha, batch 64. */
static void built_in_defaults_are_the_recipe_of_the_wgan_paper(void **state) {
  (void)state;
  gan_config *config = made();
  assert_string_equal(config->loss.name, "wasserstein");
  assert_string_equal(config->optimizer.name, "rmsprop");
  assert_true(config->optimizer.learning_rate == 0.00005);
  assert_true(config->optimizer.alpha == 0.99);
  assert_true(config->optimizer.epsilon == 1e-8);
  assert_true(gan_clip_of(config) == 0.01);
  assert_int_equal(config->train.n_critic.critic, 5);
  assert_int_equal(config->train.batch, 64);
  assert_int_equal(config->train.shards, 0);
  assert_int_equal(config->train.warmup_iterations, 0);
  assert_true(config->loss.label_smoothing == 0.25);
  assert_int_equal(config->data.modes, 8);
  assert_string_equal(config->run.resume, "no");
  assert_true(config->samples.ema);
  gan_config_destroy(config);
}

static void sections_and_keys_of_an_ini_text_are_taken_over(void **state) {
  (void)state;
  gan_config *config = made();
  const char *text =
      "# a comment\n"
      "run.seed = 7\n"
      "[train]\n"
      "batch = 96 ; behind a value\n"
      "n_critic: 3\r\n"
      "\n"
      "[data]\n"
      "modes=25\n"
      "path = /a b/c;d.gz\n"
      "[samples]\n"
      "ema = off\n";
  assert_int_equal(gan_config_read_text(config, text, "text"), GAN_OK);
  assert_int_equal(config->run.seed, 7);
  assert_int_equal(config->train.batch, 96);
  assert_int_equal(config->train.n_critic.critic, 3);
  assert_int_equal(config->data.modes, 25);
  assert_string_equal(config->data.path, "/a b/c;d.gz");
  assert_false(config->samples.ema);
  gan_config_destroy(config);
}

static void layers_may_stand_on_indented_lines_and_between_commas(void **state) {
  (void)state;
  gan_config *config = made();
  const char *text =
      "[generator]\n"
      "layers =\n"
      "  dense 24\n"
      "  # the activation\n"
      "\n"
      "\trelu, dense 12 ,relu\n"
      "  dense 2 ; a point\n"
      "latent = 3\n"
      "[critic]\n"
      "layers = dense 5, tanh,\n"
      "  dense 1\n";
  if (gan_config_read_text(config, text, "text") != GAN_OK) fail_msg("%s", gan_error_message());
  assert_string_equal(config->generator.network.layers, "dense 24\nrelu\ndense 12\nrelu\ndense 2");
  assert_string_equal(config->critic.network.layers, "dense 5\ntanh\ndense 1");
  assert_int_equal(config->generator.latent, 3);
  /* The same key again, not indented, begins anew. */
  assert_int_equal(gan_config_read_text(config, "[critic]\nlayers = a\nlayers = b\n", "text"), GAN_OK);
  assert_string_equal(config->critic.network.layers, "b");
  assert_int_equal(gan_config_read_text(config, "[critic]\nlayers = a\n[critic]\n  layers = b\n", "text"), GAN_OK);
  assert_string_equal(config->critic.network.layers, "b");
  gan_config_destroy(config);
}

/* Of Unix, of Windows, and of Macs of old. */
static void line_ends_of_all_systems_are_read(void **state) {
  (void)state;
  static const char *const texts[] = {
      "# all\n\n[train]\nbatch = 32\n[critic]\nlayers = dense 8\n  relu\n  dense 1\n[run]\nseed = 7",
      "# all\r\n\r\n[train]\r\nbatch = 32\r\n[critic]\r\nlayers = dense 8\r\n  relu\r\n  dense 1\r\n[run]\r\nseed = 7",
      "# all\r\r[train]\rbatch = 32\r[critic]\rlayers = dense 8\r  relu\r  dense 1\r[run]\rseed = 7",
      "# all\r\n\n[train]\rbatch = 32\n[critic]\r\nlayers = dense 8\r  relu\n  dense 1\r\r[run]\nseed = 7\r",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    gan_config *config;
    assert_int_equal(gan_config_create(&config), GAN_OK);
    assert_int_equal(gan_config_read_text(config, texts[i], "text"), GAN_OK);
    assert_int_equal(config->train.batch, 32);
    assert_string_equal(config->critic.network.layers, "dense 8\nrelu\ndense 1");
    assert_int_equal(config->run.seed, 7);
    gan_config_destroy(config);
  }
  assert_text_fails("[train]\r\rbatch = 8\rbathc = 9\r", "text.ini:4: unknown key train.bathc");
}

static void errors_in_ini_texts_name_file_line_and_key(void **state) {
  (void)state;
  assert_text_fails("[train]\nbatch = 0\n", "text.ini:2: train.batch has to be between 1 and 2147483647, not 0");
  assert_text_fails("\n[train]\nbatch = 8\nbathc = 9\n",
                    "text.ini:4: unknown key train.bathc; did you mean train.batch?");
  assert_text_fails("[train]\nbatch = many\n", "text.ini:2: train.batch: 'many' is not a whole number");
  assert_text_fails("[train\nbatch = 8\n", "text.ini:1: ");
  assert_text_fails("[train]\nbatch\n", "text.ini:2: ");
  assert_text_fails("[train] batch = 8\n", "text.ini:1: there is text after [train]");
  assert_text_fails("\xef\xbb\xbf [train]\tbatch = 8", "text.ini:1: there is text after [train]");
  assert_text_fails("[train]\vbatch = 8\v", "text.ini:1: there is text after [train]");
  assert_text_fails(
      "[train]\xc2\x85"
      "batch = 8\xc2\x85",
      "text.ini:1: there is text after [train]");
  assert_text_fails(
      "[train]\xe2\x80\xa8"
      "batch = 8\xe2\x80\xa8",
      "text.ini:1: there is text after [train]");
  assert_text_fails("\n; x\v[train]\vbatch = 8\v", "text.ini:2: a comment holds a vertical tab");
  assert_text_fails("# x\xe2\x80\xa9[train]\xe2\x80\xa9", "text.ini:1: a comment holds a vertical tab");
  assert_text_fails("[train]\nbatch\nshards = x\n", "text.ini:2: ");
  assert_text_fails("[train]\nshards = x\nbatch\n", "text.ini:2: train.shards");
  assert_text_fails("[train]\nbatch = 8\n  shards = 2\n", "text.ini:3: an indented line goes on with train.batch");
  assert_text_fails("[train]\nrun.batch = 8\n", "text.ini:2: unknown key train.run.batch");
}

static void a_line_that_inih_would_cut_is_read_whole_or_refused(void **state) {
  (void)state;
  enum { LONG = 3000, TOO_LONG = 40000 };
  gan_config *config = made();
  char *text = calloc(1, TOO_LONG + 100);
  strcpy(text, "[data]\npath = /");
  memset(text + strlen(text), 'x', LONG);
  strcat(text, "\n[train]\nbatch = 7\n");
  assert_int_equal(gan_config_read_text(config, text, "text"), GAN_OK);
  assert_int_equal(strlen(config->data.path), LONG + 1);
  assert_int_equal(config->train.batch, 7);
  memset(text, 0, TOO_LONG + 100);
  strcpy(text, "[train]\n# ");
  memset(text + strlen(text), 'x', TOO_LONG);
  assert_int_equal(gan_config_read_text(config, text, "text.ini"), GAN_BAD_USAGE);
  assert_message("text.ini:2: the line is longer than");
  free(text);
  gan_config_destroy(config);
}

static void a_preset_brings_its_keys_and_its_name(void **state) {
  (void)state;
  gan_config *config = made();
  assert_int_equal(gan_config_use_preset(config, "fashion-mlp"), GAN_OK);
  assert_string_equal(config->data.source, "idx");
  assert_int_equal(config->train.warmup_iterations, 25);
  assert_string_equal(config->run.name, "fashion-mlp");
  assert_int_equal(gan_config_set(config, "run.preset", "ring8"), GAN_OK);
  assert_string_equal(config->data.source, "ring");
  assert_string_equal(config->run.name, "ring8");
  assert_int_equal(gan_config_use_preset(config, "ring9"), GAN_BAD_USAGE);
  assert_message("did you mean ring8?");
  gan_config_destroy(config);
}

static void an_ini_text_may_begin_with_a_preset_and_nowhere_else(void **state) {
  (void)state;
  gan_config *config = made();
  assert_int_equal(gan_config_read_text(config, "[run]\npreset = ring8\n[train]\nbatch = 31\n", "text"), GAN_OK);
  assert_int_equal(config->generator.latent, 2); /* the preset's */
  assert_int_equal(config->train.batch, 31);
  assert_int_equal(gan_config_read_text(config, "run.preset = ring8\n", "text"), GAN_OK);
  gan_config_destroy(config);
  assert_text_fails("[train]\nbatch = 31\n[run]\npreset = ring8\n", "text.ini:4: run.preset has to be the first key");
  assert_text_fails("[run]\npreset = fashoin\n",
                    "text.ini:2: run.preset: unknown name 'fashoin' (did you mean fashion?)");
}

static void every_preset_reads_and_has_help(void **state) {
  (void)state;
  assert_true(gan_preset_count >= 3);
  for (int i = 0; i < gan_preset_count; i++) {
    gan_config *config = made();
    assert_int_equal(gan_config_use_preset(config, gan_presets[i].name), GAN_OK);
    assert_true(strlen(gan_presets[i].help) > 10);
    assert_true(strncmp(gan_presets[i].text, "# ", 2) == 0);
    gan_config_destroy(config);
  }
}

/* A value other than the default that the option allows. */
static void other_value(const gan_option *option, char *text, size_t bytes) {
  const char *name;
  switch (option->type) {
    case GAN_OPTION_TEXT:
      snprintf(text, bytes, "/some where/%s#1;a=b[c]: \"d\" \\e", option->key);
      return;
    case GAN_OPTION_NAME:
      snprintf(text, bytes, "%s", option->default_value);
      for (int i = 0; (name = option->choice(i, NULL)); i++)
        if (strcmp(name, option->default_value) != 0) snprintf(text, bytes, "%s", name);
      return;
    case GAN_OPTION_LAYERS:
      snprintf(text, bytes, "dense 3\n[x]\n%s = 1\ndense 1 a=b", option->key);
      return;
    case GAN_OPTION_INTEGER:
      snprintf(text, bytes, "%.0f", option->maximum > 1e6 ? 987654 : option->maximum);
      return;
    case GAN_OPTION_REAL:
      snprintf(text, bytes, "%.17g",
               (option->or_zero ? option->minimum : 0) + 0.25 + (double)(option->offset / 8 % 7) / 64);
      return;
    case GAN_OPTION_RATIO:
      snprintf(text, bytes, "1/7");
      return;
    case GAN_OPTION_BOOLEAN:
      snprintf(text, bytes, "%s", strcmp(option->default_value, "no") ? "no" : "yes");
      return;
    case GAN_OPTION_PRESET:
      text[0] = '\0';
      return;
  }
}

static void assert_same(const gan_config *a, const gan_config *b) {
  for (int i = 0; i < gan_option_count; i++) {
    char *expected;
    assert_int_equal(gan_option_print(&gan_options[i], a, &expected), GAN_OK);
    assert_value(b, gan_options[i].key, expected);
    free(expected);
  }
}

static void a_printed_configuration_reads_back_the_same_for_every_option(void **state) {
  (void)state;
  gan_config *config = made(), *again = made();
  char text[256], *printed, *printed_again;
  for (int i = 0; i < gan_option_count; i++) {
    const gan_option *option = &gan_options[i];
    if (option->type == GAN_OPTION_PRESET) continue;
    other_value(option, text, sizeof text);
    assert_int_equal(gan_config_set(config, option->key, text), GAN_OK);
    assert_value(config, option->key, text);
  }
  assert_int_equal(config->run.iterations, 987654);
  assert_int_equal(gan_config_print(config, &printed), GAN_OK);
  assert_int_equal(gan_config_read_text(again, printed, "printed"), GAN_OK);
  assert_same(config, again);
  assert_int_equal(gan_config_print(again, &printed_again), GAN_OK);
  assert_string_equal(printed, printed_again);
  assert_non_null(strstr(printed, "layers =\n  dense 3\n  [x]\n"));
  free(printed);
  free(printed_again);
  gan_config_destroy(config);
  gan_config_destroy(again);
}

/* Keys of a start alone; all others belong to the run. */
static bool is_of_a_start(const char *key) {
  static const char *const keys[] = {"run.dir",        "run.name",     "run.stop_at", "run.resume", "run.log_every",
                                     "dist.reduction", "dist.timeout", "trace.file",  "trace.steps"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (strcmp(keys[i], key) == 0) return true;
  return false;
}

static void a_run_that_goes_on_has_what_it_had_in_all_that_is_not_given(void **state) {
  (void)state;
  gan_config *before = made(), *now = made(), *fresh = made();
  char text[256];
  for (int i = 0; i < gan_option_count; i++) {
    if (gan_options[i].type == GAN_OPTION_PRESET) continue;
    other_value(&gan_options[i], text, sizeof text);
    assert_int_equal(gan_config_set(before, gan_options[i].key, text), GAN_OK);
  }
  assert_int_equal(gan_config_set(now, "critic.clip", "auto"), GAN_OK); /* its default, but given */
  assert_int_equal(gan_config_read_text(now, "[loss]\nname = wasserstein\n", "text"), GAN_OK);
  assert_int_equal(gan_config_take_over(now, before), GAN_OK);
  for (int i = 0; i < gan_option_count; i++) {
    const char *key = gan_options[i].key;
    char *expected;
    const bool stays = is_of_a_start(key) || strcmp(key, "critic.clip") == 0 || strcmp(key, "loss.name") == 0;
    assert_int_equal(gan_config_get(stays ? fresh : before, key, &expected), GAN_OK);
    assert_value(now, key, expected);
    free(expected);
  }
  gan_config_destroy(before);
  gan_config_destroy(now);
  gan_config_destroy(fresh);
}

static void a_preset_that_nobody_asked_for_is_not_given(void **state) {
  (void)state;
  gan_config *before = made(), *now = made();
  assert_int_equal(gan_config_set(before, "critic.clip", "0.3"), GAN_OK);
  assert_int_equal(gan_config_use_preset(now, "ring8"), GAN_OK);
  gan_config_count_as_default(now);
  assert_int_equal(gan_config_take_over(now, before), GAN_OK);
  assert_value(now, "critic.clip", "0.3");
  assert_int_equal(gan_config_use_preset(now, "ring8"), GAN_OK);
  assert_int_equal(gan_config_take_over(now, before), GAN_OK);
  assert_value(now, "critic.clip", "0.1");
  gan_config_destroy(before);
  gan_config_destroy(now);
}

static void what_a_start_was_asked_for_once_is_not_kept_with_the_run(void **state) {
  (void)state;
  gan_config *config = made(), *again = made();
  static const char *const keys[][3] = {{"run.stop_at", "7", "0"},   {"run.resume", "yes", "no"},
                                        {"trace.file", "t.h5", ""},  {"trace.steps", "3", "10"},
                                        {"run.dir", "here", "here"}, {"critic.clip", "0.3", "0.3"}};
  char *text;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    assert_int_equal(gan_config_set(config, keys[i][0], keys[i][1]), GAN_OK);
  assert_int_equal(gan_config_print_run(config, &text), GAN_OK);
  assert_int_equal(gan_config_read_text(again, text, "text"), GAN_OK);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    assert_value(config, keys[i][0], keys[i][1]);
    assert_value(again, keys[i][0], keys[i][2]);
  }
  free(text);
  gan_config_destroy(config);
  gan_config_destroy(again);
}

static void a_difference_names_both_values_and_of_layers_those_that_differ(void **state) {
  (void)state;
  static const struct {
    const char *key, *before, *after, *expected;
  } rows[] = {
      {"critic.clip", "0.01", "0.02", "critic.clip: 0.01 -> 0.02"},
      {"critic.clip", "0.01", "1e-2", NULL},
      {"batch_norm.sync", "no", "off", NULL},
      {"batch_norm.sync", "no", "on", "batch_norm.sync: no -> yes"},
      {"critic.layers", "dense 3, relu, dense 1", "dense 3,relu,  dense 1", NULL},
      {"critic.layers", "dense 3, relu, dense 1", "dense 4, relu, dense 1, tanh",
       "critic.layers: 1: dense 3 -> dense 4, 4: none -> tanh"},
      {"critic.layers", "a, b, c, d, e, f", "a",
       "critic.layers: 2: b -> none, 3: c -> none, 4: d -> none, 5: e -> none, and others"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gan_config *before = made(), *after = made();
    char *text;
    assert_int_equal(gan_config_set(before, rows[i].key, rows[i].before), GAN_OK);
    assert_int_equal(gan_config_set(after, rows[i].key, rows[i].after), GAN_OK);
    assert_int_equal(gan_config_difference(gan_option_find(rows[i].key), before, after, &text), GAN_OK);
    if (rows[i].expected)
      assert_string_equal(text, rows[i].expected);
    else
      assert_null(text);
    free(text);
    gan_config_destroy(before);
    gan_config_destroy(after);
  }
}

static void the_extremes_of_every_number_read_back_the_same(void **state) {
  (void)state;
  for (int side = 0; side < 2; side++) {
    gan_config *config = made(), *again = made();
    char text[64], *printed;
    for (int i = 0; i < gan_option_count; i++) {
      const gan_option *option = &gan_options[i];
      const bool inclusive = side ? !option->maximum_exclusive : !option->minimum_exclusive;
      if ((option->type != GAN_OPTION_INTEGER && option->type != GAN_OPTION_REAL) || !inclusive) continue;
      snprintf(text, sizeof text, option->type == GAN_OPTION_REAL ? "%.17g" : "%.0f",
               side ? option->maximum : option->minimum);
      if (strcmp(text, "9223372036854775808") == 0) strcpy(text, "9223372036854775807");
      assert_int_equal(gan_config_set(config, option->key, text), GAN_OK);
    }
    assert_int_equal(config->run.seed, side ? INT64_MAX : 0);
    assert_int_equal(config->data.modes, side ? 10000 : 1);
    assert_int_equal(gan_config_print(config, &printed), GAN_OK);
    assert_int_equal(gan_config_read_text(again, printed, "printed"), GAN_OK);
    assert_same(config, again);
    free(printed);
    gan_config_destroy(config);
    gan_config_destroy(again);
  }
}

/* Below a second a rank that only waits its turn for a processor would seem to stand still. */
static void timeout_is_none_or_at_least_a_second(void **state) {
  (void)state;
  gan_config *config = made();
  static const char *const good[] = {"0", "1", "1.5", "1e9"}, *const bad[] = {"0.3", "0.999", "-1", "2e9"};
  for (int i = 0; i < 4; i++) {
    assert_int_equal(gan_config_set(config, "dist.timeout", good[i]), GAN_OK);
    assert_int_equal(gan_config_set(config, "dist.timeout", bad[i]), GAN_BAD_USAGE);
    assert_non_null(strstr(gan_error_message(), "dist.timeout has to be 0 or between 1 and 1e+09"));
    assert_true(config->dist.timeout == strtod(good[i], NULL));
  }
  gan_config_destroy(config);
}

static void a_copy_is_equal_and_independent(void **state) {
  (void)state;
  gan_config *config = made(), *copy;
  assert_int_equal(gan_config_use_preset(config, "fashion"), GAN_OK);
  assert_int_equal(gan_config_copy(config, &copy), GAN_OK);
  assert_same(config, copy);
  assert_int_equal(gan_config_set(config, "data.path", "elsewhere"), GAN_OK);
  assert_value(copy, "data.path", "/usr/share/datasets/fashion-mnist");
  gan_config_destroy(config);
  assert_string_equal(copy->run.name, "fashion");
  gan_config_destroy(copy);
}

static void write_file(const char *path, const char *bytes, size_t count) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, count, file), count);
  assert_int_equal(fclose(file), 0);
}

static void an_ini_file_names_the_run_and_its_folder(void **state) {
  (void)state;
  char folder[] = "/tmp/gan_config_test_XXXXXX", path[128], run[PATH_MAX];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/my.run.ini", folder);
  const char text[] = "[run]\npreset = fashion\n";
  write_file(path, text, sizeof text - 1);
  gan_config *config = made();
  assert_int_equal(gan_config_folder(config, run), GAN_OK);
  assert_string_equal(run, "runs/ring8");
  assert_int_equal(gan_config_read_file(config, path), GAN_OK);
  assert_int_equal(gan_config_folder(config, run), GAN_OK);
  assert_string_equal(run, "runs/my.run");
  assert_int_equal(gan_config_set(config, "run.dir", "/scratch/a"), GAN_OK);
  assert_int_equal(gan_config_folder(config, run), GAN_OK);
  assert_string_equal(run, "/scratch/a");
  const char named[] = "[run]\nname = said\n";
  write_file(path, named, sizeof named - 1);
  assert_int_equal(gan_config_read_file(config, path), GAN_OK);
  assert_string_equal(config->run.name, "said");
  unlink(path);
  assert_int_equal(gan_config_set(config, "run.dir", ""), GAN_OK);
  assert_int_equal(gan_config_set(config, "run.name", ""), GAN_OK);
  assert_int_equal(gan_config_folder(config, run), GAN_BAD_USAGE);
  gan_config_destroy(config);
  rmdir(folder);
}

static void comments_may_follow_a_section(void **state) {
  (void)state;
  gan_config *config = made();
  assert_int_equal(gan_config_read_text(config, "[train] ; x\nbatch = 8\n[run]  \t\nseed = 9 # x\n", "text.ini"),
                   GAN_BAD_USAGE); /* only ';' begins a comment behind a value */
  assert_int_equal(gan_config_read_text(config, "[train] ; x\nbatch = 8\n[run]# y\nseed = 9\n", "text.ini"), GAN_OK);
  assert_value(config, "train.batch", "8");
  assert_value(config, "run.seed", "9");
  gan_config_destroy(config);
}

static void files_that_are_no_ini_text_are_bad_files(void **state) {
  (void)state;
  char path[] = "/tmp/gan_config_test_XXXXXX";
  const int descriptor = mkstemp(path);
  assert_true(descriptor >= 0);
  gan_config *config = made();
  assert_int_equal(gan_config_read_file(config, "/nonexistent/x.ini"), GAN_BAD_FILE);
  assert_message("/nonexistent/x.ini: cannot read the configuration: No such file or directory");
  assert_int_equal(gan_config_read_file(config, "/tmp"), GAN_BAD_FILE);
  write_file(path, "\x89HDF\r\n\x1a\n\0\0\0\0", 12);
  assert_int_equal(gan_config_read_file(config, path), GAN_BAD_FILE);
  assert_message("binary file");
  write_file(path, "\xff\xfe[\0r\0", 6);
  assert_int_equal(gan_config_read_file(config, path), GAN_BAD_FILE);
  assert_message("UTF-16");
  write_file(path, "\0[\0r", 4);
  assert_int_equal(gan_config_read_file(config, path), GAN_BAD_FILE);
  assert_message("UTF-16");
  assert_int_equal(ftruncate(descriptor, (1 << 20) + 1), 0);
  assert_int_equal(gan_config_read_file(config, path), GAN_BAD_FILE);
  assert_message("larger than");
  close(descriptor);
  unlink(path);
  gan_config_destroy(config);
}

/* Any change to a good text gives a configuration or an error with its place, and never more than that. */
static void mutated_texts_are_read_or_refused_with_their_line(void **state) {
  (void)state;
  enum { ROUNDS = 1500, MUTATIONS = 8 };
  static const char spice[] = "\n\n  =:[];#,.\"\\-+e09\t\r\x01\xff\xef\xbb\xbf%s";
  unsigned random = 12345;
  int refused = 0, taken = 0;
  for (int round = 0; round < ROUNDS; round++) {
    const char *base = gan_presets[round % gan_preset_count].text;
    char *text = strdup(base);
    const size_t length = strlen(text);
    for (int mutation = 0; mutation <= round % MUTATIONS; mutation++) {
      random = random * 1664525u + 1013904223u;
      const size_t at = (random >> 8) % length;
      const size_t from = (random >> 5) % length;
      if (random >> 31)
        text[at] = spice[(random >> 3) % (sizeof spice - 1)];
      else
        memmove(text + at, text + from, length - (at > from ? at : from));
    }
    gan_config *config = made();
    const gan_status status = gan_config_read_text(config, text, "mutant");
    assert_true(status == GAN_OK || status == GAN_BAD_USAGE);
    if (status == GAN_BAD_USAGE) {
      int line = 0;
      assert_int_equal(sscanf(gan_error_message(), "mutant:%d:", &line), 1);
      assert_true(line >= 1);
      refused++;
    } else {
      char *printed;
      gan_config *again = made();
      assert_int_equal(gan_config_print(config, &printed), GAN_OK);
      assert_int_equal(gan_config_read_text(again, printed, "printed"), GAN_OK);
      assert_same(config, again);
      free(printed);
      gan_config_destroy(again);
      taken++;
    }
    gan_config_destroy(config);
    free(text);
  }
  assert_true(refused > 100 && taken > 20); /* both ways were tried */
}

static gan_status use_everything(void) {
  gan_config *config = NULL, *copy = NULL;
  char *printed = NULL;
  gan_status status = gan_config_create(&config);
  if (status == GAN_OK) status = gan_config_use_preset(config, "fashion");
  if (status == GAN_OK) status = gan_config_copy(config, &copy);
  if (status == GAN_OK) status = gan_config_print(copy, &printed);
  if (status == GAN_OK) status = gan_config_read_text(config, printed, "printed");
  free(printed);
  printed = NULL;
  if (status == GAN_OK) status = gan_config_take_over(copy, config);
  if (status == GAN_OK) status = gan_config_print_run(copy, &printed);
  free(printed);
  printed = NULL;
  if (status == GAN_OK) status = gan_config_use_preset(copy, "fashion-dcgan");
  if (status == GAN_OK) status = gan_config_set(copy, "loss.name", "wasserstein");
  if (status == GAN_OK) status = gan_config_settle(copy, &printed);
  free(printed);
  printed = NULL;
  if (status == GAN_OK) status = gan_config_set(copy, "critic.clip", "0.5");
  if (status == GAN_OK) status = gan_config_difference(gan_option_find("critic.clip"), config, copy, &printed);
  free(printed);
  gan_config_destroy(copy);
  gan_config_destroy(config);
  return status;
}

static void every_allocation_that_fails_is_an_error_and_leaks_nothing(void **state) {
  (void)state;
  int64_t nth = 0;
  gan_status status;
  do {
    gan_fault_arm(GAN_FAULT_ALLOCATION, ++nth);
    status = use_everything();
    assert_int_equal(status, gan_fault_has_struck(GAN_FAULT_ALLOCATION) ? GAN_FAILED : GAN_OK);
  } while (status != GAN_OK);
  gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
  assert_true(nth > 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(built_in_defaults_are_the_recipe_of_the_wgan_paper),
      cmocka_unit_test(sections_and_keys_of_an_ini_text_are_taken_over),
      cmocka_unit_test(layers_may_stand_on_indented_lines_and_between_commas),
      cmocka_unit_test(line_ends_of_all_systems_are_read),
      cmocka_unit_test(errors_in_ini_texts_name_file_line_and_key),
      cmocka_unit_test(a_line_that_inih_would_cut_is_read_whole_or_refused),
      cmocka_unit_test(a_preset_brings_its_keys_and_its_name),
      cmocka_unit_test(an_ini_text_may_begin_with_a_preset_and_nowhere_else),
      cmocka_unit_test(every_preset_reads_and_has_help),
      cmocka_unit_test(a_printed_configuration_reads_back_the_same_for_every_option),
      cmocka_unit_test(a_run_that_goes_on_has_what_it_had_in_all_that_is_not_given),
      cmocka_unit_test(a_preset_that_nobody_asked_for_is_not_given),
      cmocka_unit_test(what_a_start_was_asked_for_once_is_not_kept_with_the_run),
      cmocka_unit_test(a_difference_names_both_values_and_of_layers_those_that_differ),
      cmocka_unit_test(the_extremes_of_every_number_read_back_the_same),
      cmocka_unit_test(timeout_is_none_or_at_least_a_second),
      cmocka_unit_test(a_copy_is_equal_and_independent),
      cmocka_unit_test(an_ini_file_names_the_run_and_its_folder),
      cmocka_unit_test(comments_may_follow_a_section),
      cmocka_unit_test(files_that_are_no_ini_text_are_bad_files),
      cmocka_unit_test(mutated_texts_are_read_or_refused_with_their_line),
      cmocka_unit_test(every_allocation_that_fails_is_an_error_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
