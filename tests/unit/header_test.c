/* What a training says before it begins. The library has no src/cli, so its sources are included here. */
#include "cli/header.c"
#include "cli/progress.c"
#include "cli/terminal.c"

#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

static char *header_of(const gan_overview *overview, bool quiet) {
  char *text = NULL;
  size_t bytes;
  gan_progress *progress = NULL;
  FILE *out = open_memstream(&text, &bytes);
  assert_non_null(out);
  assert_int_equal(gan_progress_create(out, false, quiet, 0, &progress), GAN_OK);
  gan_header_print(progress, overview);
  gan_progress_destroy(progress);
  fclose(out);
  return text;
}

static gan_overview images(void) {
  return (gan_overview){.source = "idx",
                        .path = "/data/fashion",
                        .shape = {3, {1, 28, 28}},
                        .samples = 60000,
                        .classes = 10,
                        .lowest = -1,
                        .highest = 1,
                        .generator = {1463824, 2.9216e6},
                        .critic = {665089, 1.32864e6},
                        .work = {.shards = 8, .batch = 128, .critic_steps = 5, .generator_steps = 1, .flops = 9.612e9},
                        .loss = "wasserstein",
                        .optimizer = "rmsprop",
                        .iterations = 1000,
                        .ranks = 2,
                        .hosts = 1,
                        .backend = "onednn",
                        .precision = "float32",
                        .reduction = "shared",
                        .evaluation_every = 500,
                        .evaluation_samples = 2048,
                        .folder = "runs/fashion"};
}

static void the_header_says_what_is_learnt_by_what_and_where(void **state) {
  (void)state;
  const gan_overview overview = images();
  char *text = header_of(&overview, false);
  assert_string_equal(
      text,
      "data         idx /data/fashion, 60000 samples of shape (1, 28, 28), values from -1 to 1, 10 classes\n"
      "generator    1463824 parameters, 2.922 MFLOP a sample\n"
      "critic       665089 parameters, 1.329 MFLOP a sample\n"
      "iterations   1000, each 5 steps of the critic and 1 of the generator with 128 samples: 9.61 GFLOP\n"
      "recipe       wasserstein, rmsprop\n"
      "computed by  2 ranks with a thread each, 8 shards, shared reduction; onednn, float32\n"
      "evaluated    every 500 iterations and at the end: sliced Wasserstein distance of 2048 samples; best.h5 has the "
      "least\n"
      "run          runs/fashion\n");
  free(text);
}

static void what_there_is_none_of_is_left_out(void **state) {
  (void)state;
  gan_overview overview = images();
  overview.source = "ring", overview.path = "", overview.shape = (gan_shape){1, {2}};
  overview.samples = 0, overview.classes = 0, overview.modes = 8, overview.evaluation_every = 0;
  overview.iteration = 300, overview.ranks = 1, overview.work.critic_steps = 1, overview.work.flops = 950;
  char *text = header_of(&overview, false);
  assert_ptr_equal(strstr(text, "data         ring, samples without end of shape (2), values from -1 to 1\n"), text);
  assert_non_null(strstr(text,
                         "\niterations   300 to 1000, each 1 step of the critic and 1 of the generator with 128 "
                         "samples: 950 FLOP\n"));
  assert_non_null(strstr(text, "\ncomputed by  1 rank with one thread,"));
  assert_non_null(strstr(text, "\nevaluated    at the end: sliced Wasserstein distance of 2048 samples, modes; "));
  free(text);
}

static void quiet_has_no_header(void **state) {
  (void)state;
  const gan_overview overview = images();
  char *text = header_of(&overview, true);
  assert_string_equal(text, "");
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_header_says_what_is_learnt_by_what_and_where),
      cmocka_unit_test(what_there_is_none_of_is_left_out),
      cmocka_unit_test(quiet_has_no_header),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
