/* The command line and the environment. The program's own sources are no part of the library, so the one under test is
   compiled into this program. */
#include "cli/arguments.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

/* cmocka.h needs the three above before it. */
#include <cmocka.h>

enum { WORD_LIMIT = 600 };

static const gan_flag own_flags[] = {
    {"--real", "SCORES", ""}, {"--mirror", NULL, ""}, {"--list", "[LIST]", ""}, {NULL, NULL, NULL}};
static const gan_command with_config = {
    .name = "alpha", .usage = "alpha", .takes_config = true, .common = "onj", .flags = own_flags};
static const gan_command without_config = {.name = "beta", .usage = "beta", .common = "q", .keys = "loss"};

static gan_arguments parsed;

static gan_status parse(const gan_command *command, const char *const *words) {
  int count = 0;
  while (words[count]) count++;
  memset(&parsed, 0, sizeof parsed);
  return gan_arguments_parse(command, count, (char *const *)words, &parsed);
}

#define PARSE(command, ...) parse(&(command), (const char *const[]){__VA_ARGS__, NULL})

static int teardown(void **state) {
  (void)state;
  gan_arguments_release(&parsed);
  unsetenv("GAN_DIST_TRAIN_BATCH");
  unsetenv("GAN_DIST_RUN_PRESET");
  unsetenv("GAN_DIST_TRAIN_BACH");
  return 0;
}

static void assert_refused(gan_status status, const char *message) {
  assert_int_equal(status, GAN_BAD_USAGE);
  if (!strstr(gan_error_message(), message)) fail_msg("\"%s\" does not say \"%s\"", gan_error_message(), message);
  gan_arguments_release(&parsed);
}

/* A file of this process in /tmp; removed by the caller. */
static void write_ini(char *path, const char *text) {
  const int descriptor = mkstemps(path, 4);
  assert_true(descriptor >= 0);
  assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
  close(descriptor);
}

static void keys_are_set_with_an_equals_sign_or_by_the_next_word(void **state) {
  (void)state;
  assert_int_equal(PARSE(with_config, "--train.batch=32", "--critic.clip", "0.5", "--batch", "33", "--seed=9"), GAN_OK);
  assert_int_equal(parsed.config->train.batch, 33); /* the later one */
  assert_true(parsed.config->critic.clip == 0.5);
  assert_int_equal(parsed.config->run.seed, 9);
  assert_int_equal(parsed.key_count, 4);
  assert_string_equal(parsed.keys[2], "train.batch");
  assert_int_equal(parsed.environment_key_count, 0);
}

static void without_preset_and_ini_file_ring8_is_the_base(void **state) {
  (void)state;
  assert_int_equal(PARSE(with_config, "--batch=128"), GAN_OK);
  assert_int_equal(parsed.config->generator.latent, 2);
  assert_int_equal(parsed.config->train.batch, 128);
  assert_string_equal(parsed.config->run.name, "ring8");
}

static void an_ini_file_alone_stands_on_the_built_in_defaults(void **state) {
  (void)state;
  char path[] = "/tmp/gan_arguments_test_XXXXXX.ini";
  write_ini(path, "[train]\nbatch = 12\n");
  assert_int_equal(PARSE(with_config, path), GAN_OK);
  assert_int_equal(parsed.config->generator.latent, 128);
  assert_int_equal(parsed.config->train.batch, 12);
  assert_int_equal(parsed.positional_count, 0);
  unlink(path);
}

static void each_source_of_values_overrules_the_ones_below(void **state) {
  (void)state;
  char path[] = "/tmp/gan_arguments_test_XXXXXX.ini";
  write_ini(path, "[run]\npreset = fashion-mlp\n[train]\nbatch = 12\nn_critic = 2\n[critic]\nclip = 0.2\n");
  setenv("GAN_DIST_TRAIN_BATCH", "13", 1);
  /* The command line's preset is below the file, wherever it stands, and replaces the file's own. */
  assert_int_equal(PARSE(with_config, path, "--critic.clip=0.3", "--preset", "ring8"), GAN_OK);
  assert_int_equal(parsed.config->generator.latent, 2);      /* preset */
  assert_string_equal(parsed.config->data.source, "ring");   /* preset; fashion-mlp says idx */
  assert_int_equal(parsed.config->train.n_critic.critic, 2); /* file */
  assert_int_equal(parsed.config->train.batch, 13);          /* environment */
  assert_true(parsed.config->critic.clip == 0.3);            /* command line */
  assert_int_equal(parsed.environment_key_count, 1);
  gan_arguments_release(&parsed);
  assert_int_equal(PARSE(with_config, path, "--batch", "14"), GAN_OK);
  assert_int_equal(parsed.config->train.batch, 14);
  assert_string_equal(parsed.config->data.source, "idx");
  gan_arguments_release(&parsed);
  setenv("GAN_DIST_RUN_PRESET", "fashion", 1);
  assert_int_equal(PARSE(with_config, "--seed=1"), GAN_OK);
  assert_string_equal(parsed.config->run.name, "fashion");
  gan_arguments_release(&parsed);
  assert_int_equal(PARSE(with_config, "--preset=ring8"), GAN_OK);
  assert_string_equal(parsed.config->run.name, "ring8");
  unlink(path);
}

static void environment_variables_that_are_wrong_are_named(void **state) {
  (void)state;
  setenv("GAN_DIST_TRAIN_BATCH", "none", 1);
  assert_refused(PARSE(with_config, "--seed=1"), "environment variable GAN_DIST_TRAIN_BATCH: train.batch: 'none'");
  unsetenv("GAN_DIST_TRAIN_BATCH");
  setenv("GAN_DIST_TRAIN_BACH", "1", 1);
  assert_refused(PARSE(with_config, "--seed=1"), "GAN_DIST_TRAIN_BACH; did you mean GAN_DIST_TRAIN_BATCH?");
}

static void resume_alone_means_yes_and_takes_a_path_only_after_an_equals_sign(void **state) {
  (void)state;
  assert_int_equal(PARSE(with_config, "--resume", "--seed=1"), GAN_OK);
  assert_string_equal(parsed.config->run.resume, "yes");
  gan_arguments_release(&parsed);
  assert_int_equal(PARSE(with_config, "--resume=runs/a/latest.h5"), GAN_OK);
  assert_string_equal(parsed.config->run.resume, "runs/a/latest.h5");
  gan_arguments_release(&parsed);
  assert_int_equal(PARSE(with_config, "--resume", "no"), GAN_OK);
  assert_string_equal(parsed.config->run.resume, "no");
  gan_arguments_release(&parsed);
  assert_int_equal(PARSE(without_config, "--loss.name=minimax", "word"), GAN_OK);
  assert_int_equal(parsed.positional_count, 1);
}

static void switches_stand_alone_or_take_yes_and_no(void **state) {
  (void)state;
  assert_int_equal(PARSE(with_config, "--batch_norm.sync", "--samples.ema", "no"), GAN_OK);
  assert_true(parsed.config->batch_norm.sync);
  assert_false(parsed.config->samples.ema);
}

static void own_flags_take_values_that_begin_with_a_dash(void **state) {
  (void)state;
  assert_int_equal(PARSE(with_config, "--real", "-1,2", "--mirror", "--list"), GAN_OK);
  assert_string_equal(gan_argument(&parsed, "--real"), "-1,2");
  assert_string_equal(gan_argument(&parsed, "--mirror"), "");
  assert_string_equal(gan_argument(&parsed, "--list"), "");
  assert_null(gan_argument(&parsed, "--fake"));
  gan_arguments_release(&parsed);
  assert_int_equal(PARSE(with_config, "--list", "layers", "--real=3", "--real=4"), GAN_OK);
  assert_string_equal(gan_argument(&parsed, "--list"), "layers");
  assert_string_equal(gan_argument(&parsed, "--real"), "4");
  gan_arguments_release(&parsed);
  assert_refused(PARSE(with_config, "--mirror=1"), "--mirror takes no value");
}

static void common_options_have_two_names_and_attached_values(void **state) {
  (void)state;
  assert_int_equal(PARSE(with_config, "-o", "a.png", "-n5", "--json"), GAN_OK);
  assert_string_equal(parsed.output, "a.png");
  assert_int_equal(parsed.count, 5);
  assert_true(parsed.json);
  gan_arguments_release(&parsed);
  assert_int_equal(PARSE(with_config, "--output=b.png", "--count", "6"), GAN_OK);
  assert_string_equal(parsed.output, "b.png");
  assert_int_equal(parsed.count, 6);
  gan_arguments_release(&parsed);
  assert_refused(PARSE(with_config, "-n", "0"), "-n has to be at least 1, not 0");
  assert_refused(PARSE(with_config, "-n", "x"), "-n: 'x' is not a whole number");
}

static void what_a_subcommand_would_ignore_is_refused(void **state) {
  (void)state;
  assert_refused(PARSE(with_config, "-q"), "-q means nothing to alpha");
  assert_refused(PARSE(without_config, "--json"), "--json means nothing to beta");
  assert_refused(PARSE(without_config, "--batch=3"), "--batch means nothing to beta");
  assert_refused(PARSE(without_config, "--preset=ring8"), "--preset means nothing to beta");
  setenv("GAN_DIST_TRAIN_BATCH", "13", 1); /* the environment is for all subcommands */
  assert_int_equal(PARSE(without_config, "--loss.label_smoothing=0"), GAN_OK);
}

static void mistyped_options_get_the_nearest_name(void **state) {
  (void)state;
  assert_refused(PARSE(with_config, "--iteration", "5"), "unknown option --iteration; did you mean --iterations?");
  assert_refused(PARSE(with_config, "--train.bach=5"), "unknown option --train.bach; did you mean --train.batch?");
  assert_refused(PARSE(with_config, "--reall=5"), "did you mean --real?");
  assert_refused(PARSE(with_config, "--clip=5"), "here it is --critic.clip");
  assert_refused(PARSE(with_config, "--jsno"), "did you mean --json?");
  assert_refused(PARSE(with_config, "-x"), "unknown option -x");
  assert_refused(PARSE(with_config, "----batch=1"), "unknown option ----batch");
  assert_refused(PARSE(with_config, "--qqqqqqqqqqqq"), "unknown option --qqqqqqqqqqqq (gan_dist alpha --help");
}

static void forgotten_values_are_noticed(void **state) {
  (void)state;
  assert_refused(PARSE(with_config, "--batch"), "--batch needs a value");
  assert_refused(PARSE(with_config, "--run.dir", "--seed=1"), "--run.dir needs a value");
  assert_refused(PARSE(with_config, "-o"), "-o needs a value");
}

static void a_missing_ini_file_is_a_bad_file(void **state) {
  (void)state;
  assert_int_equal(PARSE(with_config, "/nonexistent/run.ini"), GAN_BAD_FILE);
}

static void words_beyond_the_limits_are_refused(void **state) {
  (void)state;
  const char *words[WORD_LIMIT + 1] = {NULL};
  for (int i = 0; i < WORD_LIMIT; i++) words[i] = "--seed=1";
  assert_refused(parse(&with_config, words), "more than 256 keys");
  for (int i = 0; i < WORD_LIMIT; i++) words[i] = "word";
  assert_refused(parse(&with_config, words), "more than 64 words");
  for (int i = 0; i < WORD_LIMIT; i++) words[i] = "--mirror";
  assert_refused(parse(&with_config, words), "more than 64 options");
}

static void keys_can_be_laid_over_another_configuration(void **state) {
  (void)state;
  gan_config *other;
  assert_int_equal(gan_config_create(&other), GAN_OK);
  setenv("GAN_DIST_TRAIN_BATCH", "13", 1);
  assert_int_equal(PARSE(with_config, "--preset=fashion", "--seed=4"), GAN_OK);
  assert_int_equal(gan_arguments_apply(&parsed, other), GAN_OK);
  assert_int_equal(other->train.batch, 13);
  assert_int_equal(other->run.seed, 4);
  assert_string_equal(other->data.source, "ring"); /* the preset is a base, not a key of its own */
  gan_config_destroy(other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(keys_are_set_with_an_equals_sign_or_by_the_next_word, teardown),
      cmocka_unit_test_teardown(without_preset_and_ini_file_ring8_is_the_base, teardown),
      cmocka_unit_test_teardown(an_ini_file_alone_stands_on_the_built_in_defaults, teardown),
      cmocka_unit_test_teardown(each_source_of_values_overrules_the_ones_below, teardown),
      cmocka_unit_test_teardown(environment_variables_that_are_wrong_are_named, teardown),
      cmocka_unit_test_teardown(resume_alone_means_yes_and_takes_a_path_only_after_an_equals_sign, teardown),
      cmocka_unit_test_teardown(switches_stand_alone_or_take_yes_and_no, teardown),
      cmocka_unit_test_teardown(own_flags_take_values_that_begin_with_a_dash, teardown),
      cmocka_unit_test_teardown(common_options_have_two_names_and_attached_values, teardown),
      cmocka_unit_test_teardown(what_a_subcommand_would_ignore_is_refused, teardown),
      cmocka_unit_test_teardown(mistyped_options_get_the_nearest_name, teardown),
      cmocka_unit_test_teardown(forgotten_values_are_noticed, teardown),
      cmocka_unit_test_teardown(a_missing_ini_file_is_a_bad_file, teardown),
      cmocka_unit_test_teardown(words_beyond_the_limits_are_refused, teardown),
      cmocka_unit_test_teardown(keys_can_be_laid_over_another_configuration, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
