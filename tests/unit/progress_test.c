/* The progress line, with a clock that the test turns and a stream in memory. The library has no src/cli, so its
   sources are included here. */
#include "cli/progress.c"
#include "cli/terminal.c"

#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct fixture {
  gan_progress *progress;
  FILE *out;
  char *text;
  size_t bytes;
  double time;
} fixture;

static double fake_clock(void *context) { return *(double *)context; }

static void start(fixture *test, bool terminal, bool quiet, int64_t log_every, int width, bool unicode) {
  *test = (fixture){.time = 1000.0};
  test->out = open_memstream(&test->text, &test->bytes);
  assert_non_null(test->out);
  assert_int_equal(gan_progress_create(test->out, terminal, quiet, log_every, &test->progress), GAN_OK);
  gan_progress_set_clock(test->progress, fake_clock, &test->time);
  gan_progress_set_display(test->progress, width, unicode);
  gan_progress_show_distance(test->progress, true);
}

static void stop(fixture *test) {
  gan_progress_destroy(test->progress);
  fclose(test->out);
  free(test->text);
}

/* One iteration of 10 ms: 2 ms data, 5 ms compute, 1 ms summing, 2 ms waiting, 50 samples. */
static void iterate(fixture *test, int64_t iteration, int64_t iterations) {
  test->time += 0.01;
  const gan_iteration values = {.iteration = iteration,
                                .iterations = iterations,
                                .critic_loss = -0.5,
                                .generator_loss = 0.25,
                                .score_real = 1.25,
                                .score_fake = -0.25,
                                .wasserstein_distance = 1.5,
                                .samples_per_second = 5000.0,
                                .seconds_data = 0.002,
                                .seconds_compute = 0.005,
                                .seconds_summing = 0.001,
                                .seconds_waiting = 0.002,
                                .seconds_communication = 0.0025};
  gan_progress_iteration(test->progress, &values);
}

static const char *text_of(fixture *test) {
  fflush(test->out);
  return test->text;
}

static int count_of(const char *text, const char *part) {
  int count = 0;
  for (; (text = strstr(text, part)); text += strlen(part)) count++;
  return count;
}

/* What a terminal shows after the bytes: lines, the last of them possibly unfinished. Columns are bytes: ASCII only. */
static void show(const char *bytes, char screen[][256], int rows) {
  int row = 0, column = 0;
  for (int i = 0; i < rows; i++) memset(screen[i], 0, 256);
  for (; *bytes; bytes++) {
    if (*bytes == '\r') {
      column = 0;
    } else if (*bytes == '\n') {
      row++;
      column = 0;
      assert_true(row < rows);
    } else {
      for (int i = 0; i < column; i++)
        if (!screen[row][i]) screen[row][i] = ' ';
      screen[row][column++] = *bytes;
      assert_true(column < 256);
    }
  }
}

static void trim(char *line) {
  for (size_t end = strlen(line); end > 0 && line[end - 1] == ' '; end--) line[end - 1] = '\0';
}

static void a_log_gets_the_first_and_the_last_iteration_and_one_every_five_seconds(void **state) {
  (void)state;
  fixture test;
  start(&test, false, false, 0, 80, false);
  for (int i = 1; i <= 40; i++) { /* 0.3 s each: 5.1 s after 17 */
    test.time += 0.29;
    iterate(&test, i, 40);
  }
  gan_progress_finish(test.progress);
  const char *text = text_of(&test);
  assert_int_equal(count_of(text, "\n"), 4);
  assert_int_equal(count_of(text, "\r"), 0);
  assert_ptr_equal(strstr(text, "iteration 1/40 (2%)"), text);
  assert_non_null(strstr(text, "\niteration 18/40 (45%)"));
  assert_non_null(strstr(text, "\niteration 35/40 (87%)"));
  assert_non_null(strstr(text, "\niteration 40/40 (100%)"));
  stop(&test);
}

static void a_plain_line_says_losses_distance_rate_and_time_left(void **state) {
  (void)state;
  fixture test;
  start(&test, false, false, 0, 80, false);
  iterate(&test, 1, 30001); /* 30000 left at 100 a second: 300 s */
  assert_string_equal(text_of(&test),
                      "iteration 1/30001 (0%)  critic -0.5  generator 0.25  W 1.5  5k samples/s  5:00 left\n");
  stop(&test);
}

static void scores_stand_where_their_difference_is_no_distance(void **state) {
  (void)state;
  fixture test;
  start(&test, false, false, 0, 80, false);
  gan_progress_show_distance(test.progress, false);
  iterate(&test, 1, 30001);
  assert_string_equal(
      text_of(&test),
      "iteration 1/30001 (0%)  critic -0.5  generator 0.25  real 1.25  fake -0.25  5k samples/s  5:00 left\n");
  stop(&test);
  start(&test, true, false, 0, 80, false);
  gan_progress_show_distance(test.progress, false);
  iterate(&test, 25, 100); /* no room for them */
  assert_non_null(strstr(text_of(&test), "  C -0.5  G 0.25  5k/s  0:01 left"));
  stop(&test);
}

static void log_every_counts_iterations(void **state) {
  (void)state;
  fixture test;
  start(&test, false, false, 4, 80, false);
  for (int i = 1; i <= 10; i++) {
    test.time += 100.0; /* would be due by time */
    iterate(&test, i, 10);
  }
  gan_progress_finish(test.progress);
  const char *text = text_of(&test);
  assert_int_equal(count_of(text, "\n"), 4);
  assert_non_null(strstr(text, "iteration 1/10 "));
  assert_non_null(strstr(text, "iteration 4/10 "));
  assert_non_null(strstr(text, "iteration 8/10 "));
  assert_non_null(strstr(text, "iteration 10/10 "));
  stop(&test);
}

static void an_interrupted_run_says_where_it_stopped(void **state) {
  (void)state;
  fixture test;
  start(&test, false, false, 0, 80, false);
  for (int i = 1; i <= 42; i++) iterate(&test, i, 100);
  gan_progress_finish(test.progress);
  gan_progress_finish(test.progress);
  assert_int_equal(count_of(text_of(&test), "iteration 42/100 "), 1);
  assert_int_equal(count_of(text_of(&test), "\n"), 2);
  stop(&test);
}

static void a_terminal_is_redrawn_at_most_ten_times_a_second(void **state) {
  (void)state;
  fixture test;
  start(&test, true, false, 0, 100, false);
  for (int i = 1; i <= 1000; i++) iterate(&test, i, 2000); /* 10 seconds */
  const int draws = count_of(text_of(&test), "\r");
  assert_in_range(draws, 80, 101);
  assert_int_equal(count_of(test.text, "\n"), 0);
  stop(&test);
}

static void the_live_line_has_a_bar_and_fits_the_width(void **state) {
  (void)state;
  for (int width = 10; width < 140; width++) {
    fixture test;
    start(&test, true, false, 0, width, false);
    iterate(&test, 25, 100);
    const char *text = text_of(&test);
    assert_int_equal(text[0], '\r');
    assert_true(strlen(text + 1) <= (size_t)width - 1);
    if (width == 139) /* a quarter of 24 columns */
      assert_string_equal(text,
                          "\r[######------------------]  25%   25/100  critic -0.5  generator 0.25  W 1.5  "
                          "5k samples/s  0:01 left");
    if (width == 80) /* brief, so that the bar fits in: a quarter of 23 columns is 5.75 */
      assert_string_equal(text, "\r[#####------------------]  25%   25/100  C -0.5  G 0.25  W 1.5  5k/s  0:01 left");
    stop(&test);
  }
}

static void the_bar_does_not_grow_and_shrink_with_the_digits_of_values(void **state) {
  (void)state;
  fixture test;
  const double losses[4] = {-0.5, -1.23e-5, 0.125, 1};
  size_t lengths[4];
  start(&test, true, false, 0, 80, false);
  for (int i = 0; i < 4; i++) {
    test.time += 1.0;
    gan_progress_iteration(test.progress, &(gan_iteration){.iteration = 1000 + i,
                                                           .iterations = 2000,
                                                           .critic_loss = losses[i],
                                                           .generator_loss = losses[i],
                                                           .wasserstein_distance = losses[i],
                                                           .samples_per_second = 5000.0});
    const char *line = strrchr(text_of(&test), '\r');
    assert_non_null(line);
    lengths[i] = strcspn(line, "]");
  }
  assert_true(lengths[1] < lengths[0]); /* the longest values, with what there is room for */
  assert_int_equal(lengths[2], lengths[1]);
  assert_int_equal(lengths[3], lengths[1]);
  stop(&test);
}

static void the_bar_in_unicode_has_eighths(void **state) {
  (void)state;
  fixture test;
  start(&test, true, false, 0, 200, true);
  iterate(&test, 17, 64); /* 17 / 64 of 24 columns: 6.375 columns, 6 and 3 eighths */
  assert_non_null(strstr(text_of(&test), "▕██████▍                 ▏"));
  stop(&test);
}

static void the_live_line_is_gone_after_the_end(void **state) {
  (void)state;
  static char screen[4][256];
  fixture test;
  start(&test, true, false, 0, 100, false);
  for (int i = 1; i <= 100; i++) iterate(&test, i, 100);
  show(text_of(&test), screen, 4);
  assert_non_null(strstr(screen[0], "C -0.5"));
  gan_progress_finish(test.progress);
  fputs("done", test.out);
  show(text_of(&test), screen, 4);
  /* One plain line stays, and the next text begins a fresh one. */
  assert_ptr_equal(strstr(screen[0], "iteration 100/100 (100%)"), screen[0]);
  assert_null(strchr(screen[0], '['));
  trim(screen[1]);
  assert_string_equal(screen[1], "done");
  stop(&test);
}

static void destroying_erases_a_live_line_that_an_error_left(void **state) {
  (void)state;
  static char screen[2][256];
  fixture test;
  start(&test, true, false, 0, 100, false);
  iterate(&test, 1, 100);
  gan_progress_destroy(test.progress);
  test.progress = NULL;
  show(text_of(&test), screen, 2);
  trim(screen[0]);
  assert_string_equal(screen[0], "");
  stop(&test);
}

static void notes_and_evaluations_stand_above_the_live_line(void **state) {
  (void)state;
  static char screen[4][256];
  fixture test;
  start(&test, true, false, 0, 100, false);
  iterate(&test, 1, 100);
  gan_progress_note(test.progress, "wrote %s", "a.h5");
  const gan_evaluation values = {.iteration = 1,
                                 .sliced_wasserstein = 0.125,
                                 .modes = 8,
                                 .modes_covered = 7,
                                 .high_quality_share = 0.912,
                                 .before = NAN,
                                 .best = NAN};
  gan_progress_evaluation(test.progress, &values);
  iterate(&test, 2, 100); /* 10 ms later: the line comes back at once */
  show(text_of(&test), screen, 4);
  trim(screen[0]);
  trim(screen[1]);
  assert_string_equal(screen[0], "wrote a.h5");
  assert_string_equal(screen[1], "evaluation at iteration 1:  sliced Wasserstein 0.125  modes 7/8  high quality 91.2%");
  assert_non_null(strstr(screen[2], "2/100"));
  stop(&test);
}

static void evaluations_leave_out_what_does_not_apply(void **state) {
  (void)state;
  fixture test;
  start(&test, false, false, 0, 100, false);
  const gan_evaluation values = {.iteration = 7,
                                 .sliced_wasserstein = 0.125,
                                 .modes = NAN,
                                 .modes_covered = NAN,
                                 .high_quality_share = NAN,
                                 .before = NAN,
                                 .best = NAN};
  gan_progress_evaluation(test.progress, &values);
  assert_string_equal(text_of(&test), "evaluation at iteration 7:  sliced Wasserstein 0.125\n");
  stop(&test);
}

static gan_evaluation evaluation_of(double value, double before, double best, int64_t best_iteration) {
  return (gan_evaluation){.iteration = 7,
                          .sliced_wasserstein = value,
                          .modes = NAN,
                          .modes_covered = NAN,
                          .high_quality_share = NAN,
                          .judged = {"sliced_wasserstein", value, NAN, -1},
                          .before = before,
                          .best = best,
                          .best_iteration = best_iteration};
}

static void evaluations_are_compared_with_the_one_before_and_the_best(void **state) {
  (void)state;
  const struct {
    gan_evaluation values;
    const char *trend;
  } cases[] = {
      {evaluation_of(0.09, 0.12, 0.1, 3), "0.09 -25% (the best so far)"},
      {evaluation_of(0.15, 0.12, 0.1, 3), "0.15 +25% (best 0.1 at iteration 3)"},
      {evaluation_of(0.15, 0.12, 0.1, 0), "0.15 +25% (best 0.1)"},
      {evaluation_of(0.15, NAN, 0.1, 3), "0.15 (best 0.1 at iteration 3)"},
      {evaluation_of(0.15, 0, 0, 3), "0.15 (best 0 at iteration 3)"},
      {evaluation_of(0.15, NAN, NAN, 0), "0.15"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char expected[128];
    fixture test;
    start(&test, false, false, 0, 100, false);
    gan_progress_evaluation(test.progress, &cases[i].values);
    snprintf(expected, sizeof expected, "evaluation at iteration 7:  sliced Wasserstein %s\n", cases[i].trend);
    assert_string_equal(text_of(&test), expected);
    stop(&test);
  }
}

/* The one that keeps best.h5 has the trend, whichever way it is better; errors are left out, and what is not defined. */
static void metrics_are_shown_with_their_floors(void **state) {
  (void)state;
  static const gan_evaluation_value metrics[] = {
      {"fcd", 35.25, 1.125, -1}, {"kid", 0.5, NAN, -1}, {"kid_error", 0.25, 0.5, 0}, {"recall", 0.5, 0.875, 1},
      {"density", NAN, 1, 1}};
  fixture test;
  start(&test, false, false, 0, 100, false);
  gan_evaluation values = evaluation_of(0.09, 0.4, 0.45, 3);
  values.value_count = sizeof metrics / sizeof *metrics;
  values.values = metrics;
  values.judged = metrics[3];
  gan_progress_evaluation(test.progress, &values);
  assert_string_equal(text_of(&test),
                      "evaluation at iteration 7:  sliced Wasserstein 0.09  fcd 35.25 (floor 1.12)  kid 0.5  recall 0.5 "
                      "(floor 0.875) +25% (the best so far)\n");
  stop(&test);
  start(&test, true, false, 0, 130, false);
  gan_progress_evaluation(test.progress, &values);
  iterate(&test, 8, 100);
  assert_non_null(strstr(text_of(&test), "  recall 0.5 (floor 0.875) +25%"));
  stop(&test);
}

static void the_live_line_shows_quality_while_it_is_new(void **state) {
  (void)state;
  for (int width = 80; width <= 140; width += 60) {
    const gan_evaluation values = evaluation_of(0.09, 0.12, 0.1, 3);
    fixture test;
    start(&test, true, false, 0, width, false);
    iterate(&test, 24, 100);
    assert_null(strstr(text_of(&test), "quality"));
    gan_progress_evaluation(test.progress, &values);
    iterate(&test, 25, 100);
    const char *line = strrchr(text_of(&test), '\r');
    assert_non_null(strstr(line, "  quality 0.09 -25%"));
    assert_true((strstr(line, " -0.5") != NULL) == (width == 140)); /* losses go where there is no room */
    assert_true(strlen(line + 1) <= (size_t)width - 1);
    test.time += 11;
    iterate(&test, 26, 100);
    line = strrchr(text_of(&test), '\r');
    assert_null(strstr(line, "quality"));
    assert_non_null(strstr(line, " -0.5"));
    stop(&test);
  }
}

static void quiet_draws_nothing(void **state) {
  (void)state;
  for (int terminal = 0; terminal < 2; terminal++) {
    fixture test;
    start(&test, terminal, true, 1, 100, true);
    for (int i = 1; i <= 100; i++) iterate(&test, i, 100);
    gan_progress_note(test.progress, "note");
    gan_progress_evaluation(test.progress, &(gan_evaluation){.iteration = 1});
    gan_progress_finish(test.progress);
    assert_string_equal(text_of(&test), "");
    stop(&test);
  }
}

static void time_left_follows_a_change_of_speed(void **state) {
  (void)state;
  fixture test;
  start(&test, false, false, 1, 100, false);
  for (int i = 1; i <= 1000; i++) iterate(&test, i, 11000); /* 100 a second: 100 s left */
  assert_non_null(strstr(text_of(&test),
                         "iteration 1000/11000 (9%)  critic -0.5  generator 0.25  W 1.5  5k samples/s  "
                         "1:40 left\n"));
  /* Then one iteration a second for 200 s: about 9800 s, although the mean over all would say about 1700 s. */
  for (int i = 1001; i <= 1200; i++) {
    test.time += 0.99;
    iterate(&test, i, 11000);
  }
  const char *last = strstr(text_of(&test), "iteration 1200/");
  assert_non_null(last);
  int hours, minutes, seconds;
  const char *left = strstr(last, "samples/s  ");
  assert_non_null(left);
  assert_int_equal(sscanf(left, "samples/s  %d:%d:%d left", &hours, &minutes, &seconds), 3);
  assert_in_range(3600 * hours + 60 * minutes + seconds, 9000, 9800);
  stop(&test);
}

static void values_not_finite_are_shown_and_do_no_harm(void **state) {
  (void)state;
  fixture test;
  start(&test, true, false, 1, 120, true);
  const gan_iteration values = {.iteration = 1,
                                .iterations = 0,
                                .critic_loss = copysign(NAN, -1), /* 0 / 0 on x86 */
                                .generator_loss = -INFINITY,
                                .wasserstein_distance = NAN,
                                .samples_per_second = INFINITY,
                                .seconds_compute = 0.0};
  gan_progress_iteration(test.progress, &values);
  gan_progress_iteration(test.progress, &values);
  gan_progress_finish(test.progress);
  assert_non_null(strstr(text_of(&test), "critic nan  generator -inf"));
  assert_null(strstr(text_of(&test), "-nan"));
  gan_progress_summary(test.out, test.progress, "");
  stop(&test);
}

static void the_summary_splits_the_time_into_phases(void **state) {
  (void)state;
  fixture test;
  start(&test, false, true, 0, 80, false);
  /* Resumed at iteration 500: 100 iterations of 10 ms, then 1 s for the last checkpoint: 2 s in all. */
  for (int i = 501; i <= 600; i++) iterate(&test, i, 600);
  test.time += 1.0;
  gan_progress_finish(test.progress);
  test.time += 50.0;
  gan_progress_summary(test.out, test.progress, "8 ranks share 2 cores");
  assert_string_equal(text_of(&test),
                      "time of 100 iterations:\n"
                      "  data                      0.20 s   10.0%\n"
                      "  compute                   0.50 s   25.0%\n"
                      "  copying and summing       0.10 s    5.0%\n"
                      "  waiting                   0.20 s   10.0%  8 ranks share 2 cores\n"
                      "  other                     1.00 s   50.0%\n"
                      "  total                     2.00 s  100.0%\n"
                      "  50 iterations/s, 2.5k samples/s\n");
  stop(&test);
}

static void the_summary_of_no_iterations_is_empty(void **state) {
  (void)state;
  fixture test;
  start(&test, false, false, 0, 80, false);
  gan_progress_finish(test.progress);
  gan_progress_summary(test.out, test.progress, "");
  assert_string_equal(text_of(&test), "");
  stop(&test);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_log_gets_the_first_and_the_last_iteration_and_one_every_five_seconds),
      cmocka_unit_test(a_plain_line_says_losses_distance_rate_and_time_left),
      cmocka_unit_test(scores_stand_where_their_difference_is_no_distance),
      cmocka_unit_test(log_every_counts_iterations),
      cmocka_unit_test(an_interrupted_run_says_where_it_stopped),
      cmocka_unit_test(a_terminal_is_redrawn_at_most_ten_times_a_second),
      cmocka_unit_test(the_live_line_has_a_bar_and_fits_the_width),
      cmocka_unit_test(the_bar_does_not_grow_and_shrink_with_the_digits_of_values),
      cmocka_unit_test(the_bar_in_unicode_has_eighths),
      cmocka_unit_test(the_live_line_is_gone_after_the_end),
      cmocka_unit_test(destroying_erases_a_live_line_that_an_error_left),
      cmocka_unit_test(notes_and_evaluations_stand_above_the_live_line),
      cmocka_unit_test(evaluations_leave_out_what_does_not_apply),
      cmocka_unit_test(evaluations_are_compared_with_the_one_before_and_the_best),
      cmocka_unit_test(metrics_are_shown_with_their_floors),
      cmocka_unit_test(the_live_line_shows_quality_while_it_is_new),
      cmocka_unit_test(quiet_draws_nothing),
      cmocka_unit_test(time_left_follows_a_change_of_speed),
      cmocka_unit_test(values_not_finite_are_shown_and_do_no_harm),
      cmocka_unit_test(the_summary_splits_the_time_into_phases),
      cmocka_unit_test(the_summary_of_no_iterations_is_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
