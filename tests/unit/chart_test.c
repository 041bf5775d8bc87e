/* Charts, by their exact text where it is small enough to be worked out by hand. The library has no src/cli, so its
   sources are included here. */
#include "cli/chart.c"
#include "cli/terminal.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static char *draw(const gan_chart *chart) {
  char *text = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&text, &bytes);
  assert_non_null(out);
  gan_chart_draw(out, chart);
  fclose(out);
  return text;
}

static void assert_drawing(const gan_chart *chart, const char *expected) {
  char *text = draw(chart);
  assert_string_equal(text, expected);
  free(text);
}

/* The n-th line, from 0, without its end; valid until the next call. */
static const char *text_line(const char *text, int n) {
  static char line[1024];
  for (; n > 0; n--) {
    text = strchr(text, '\n');
    assert_non_null(text);
    text++;
  }
  const size_t length = strcspn(text, "\n");
  assert_true(length < sizeof line);
  memcpy(line, text, length);
  line[length] = '\0';
  return line;
}

static size_t columns_of(const char *line) {
  size_t columns = 0;
  for (; *line; line++) columns += ((unsigned char)*line & 0xc0) != 0x80;
  return columns;
}

static void ascii_chart_of_a_rising_line_is_a_diagonal(void **state) {
  (void)state;
  double y[12];
  for (int i = 0; i < 12; i++) y[i] = i / 3; /* four steps of three columns */
  const gan_chart chart = {.title = "loss", .units = "nats", .count = 12, .y = y, .width = 24, .height = 4};
  assert_drawing(&chart,
                 "loss [nats]  last 3\n"
                 "         3 +         ***\n"
                 "           |      ***\n"
                 "           |   ***\n"
                 "         0 +***\n"
                 "           +------------\n"
                 "            0         11\n");
}

static void braille_chart_has_two_by_four_dots_in_a_character(void **state) {
  (void)state;
  /* 24 columns of dots, 8 lines of dots; the value i / 3 puts three neighbours on each line. The first character has
     the two lowest dots (7 and 8: U+28C0), the second has dot 7 and, a line higher, dot 6 (U+2860). */
  double y[24];
  for (int i = 0; i < 24; i++) y[i] = i / 3;
  const gan_chart chart = {
      .title = "loss", .units = "", .count = 24, .y = y, .width = 24, .height = 2, .unicode = true};
  assert_drawing(&chart,
                 "loss  last 7\n"
                 "         7 ┤      ⣀⡠⠤⠒⠊⠉\n"
                 "         0 ┤⣀⡠⠤⠒⠊⠉\n"
                 "           └────────────\n"
                 "            0         23\n");
}

static void a_jump_is_joined_by_a_vertical_run(void **state) {
  (void)state;
  const double y[12] = {0, 0, 0, 0, 0, 0, 3, 3, 3, 3, 3, 3};
  const gan_chart chart = {.title = "w", .units = "", .count = 12, .y = y, .width = 24, .height = 4};
  assert_drawing(&chart,
                 "w  last 3\n"
                 "         3 +      ******\n"
                 "           |      *\n"
                 "           |      *\n"
                 "         0 +******\n"
                 "           +------------\n"
                 "            0         11\n");
}

static void values_that_share_a_column_are_averaged(void **state) {
  (void)state;
  /* 12000 rows alternate between -1 and 3 in the first half and are 2 in the second: means 1 and 2. */
  enum { COUNT = 12000 };
  double *y = malloc(COUNT * sizeof *y);
  assert_non_null(y);
  for (int i = 0; i < COUNT; i++) y[i] = i >= COUNT / 2 ? 2.0 : i % 2 ? 3.0 : -1.0;
  const gan_chart chart = {.title = "w", .units = "", .count = COUNT, .y = y, .width = 24, .height = 2};
  assert_drawing(&chart,
                 "w  last 2\n"
                 "         2 +      ******\n"
                 "         1 +******\n"
                 "           +------------\n"
                 "            0      11999\n");
  free(y);
}

static void sparse_values_are_placed_by_x_and_joined(void **state) {
  (void)state;
  const double x[3] = {100, 150, 200}, y[3] = {0, 1, 0};
  const gan_chart chart = {.title = "w", .units = "", .count = 3, .x = x, .y = y, .width = 24, .height = 2};
  char *text = draw(&chart);
  assert_string_equal(text_line(text, 4), "            100      200");
  /* The peak is in the middle of the plot, the ends at its sides, and no column between is empty. */
  const char *top = text_line(text, 1) + 12;
  assert_true(top[6] == '*' && top[0] == ' ');
  for (size_t column = 0; column < 12; column++) {
    const char *high = text_line(text, 1) + 12;
    const bool above = column < strlen(high) && high[column] == '*';
    const char *low = text_line(text, 2) + 12;
    assert_true(above || (column < strlen(low) && low[column] == '*'));
  }
  free(text);
}

static void values_not_finite_are_gaps_and_are_counted(void **state) {
  (void)state;
  const double y[12] = {1, 1, 1, NAN, INFINITY, -INFINITY, NAN, NAN, NAN, 1, 1, 1};
  const gan_chart chart = {.title = "w", .units = "", .count = 12, .y = y, .width = 24, .height = 3};
  assert_drawing(&chart,
                 "w  last 1  (6 of 12 not finite)\n"
                 "       1.1 +\n"
                 "           |***      ***\n"
                 "       0.9 +\n"
                 "           +------------\n"
                 "            0         11\n");
}

static void one_value_is_one_dot(void **state) {
  (void)state;
  const double y[1] = {0};
  const gan_chart chart = {.title = "w", .units = "", .count = 1, .y = y, .width = 24, .height = 3};
  assert_drawing(&chart,
                 "w  last 0\n"
                 "         1 +\n"
                 "           |*\n"
                 "        -1 +\n"
                 "           +------------\n"
                 "            0\n");
}

static void nothing_finite_leaves_the_title(void **state) {
  (void)state;
  const double y[2] = {NAN, NAN};
  gan_chart chart = {.title = "w", .units = "", .count = 2, .y = y, .width = 24, .height = 3};
  assert_drawing(&chart, "w  last nan  (2 of 2 not finite)\n");
  const double signed_nan = copysign(NAN, -1);
  chart.y = &signed_nan;
  chart.count = 1;
  assert_drawing(&chart, "w  last nan  (1 of 1 not finite)\n");
  chart.count = 0;
  assert_drawing(&chart, "w  no values\n");
}

static void extreme_values_and_places_do_not_overflow(void **state) {
  (void)state;
  const double y[4] = {-DBL_MAX, DBL_MAX, DBL_MAX, -DBL_MAX}, x[4] = {-DBL_MAX, 0, NAN, DBL_MAX};
  const gan_chart chart = {.title = "w", .units = "", .count = 4, .x = x, .y = y, .width = 24, .height = 3};
  char *text = draw(&chart);
  assert_non_null(strstr(text, "1.798e+308 +"));
  /* Both ends are low, the middle is high. */
  assert_int_equal((text_line(text, 1) + 12)[6], '*');
  assert_int_equal((text_line(text, 3) + 12)[0], '*');
  assert_int_equal((text_line(text, 3) + 12)[11], '*');
  free(text);
  const double constant[2] = {DBL_MAX, DBL_MAX};
  const gan_chart flat = {.title = "w", .units = "", .count = 2, .y = constant, .width = 24, .height = 3};
  text = draw(&flat);
  assert_non_null(strchr(text, '*'));
  free(text);
}

static void no_line_is_wider_than_asked_for(void **state) {
  (void)state;
  double y[500];
  for (int i = 0; i < 500; i++) y[i] = 1e-7 * sin(i * 0.05) - 1234.5;
  for (int width = 24; width < 200; width += 7)
    for (int unicode = 0; unicode < 2; unicode++) {
      const gan_chart chart = {
          .title = "w", .units = "", .count = 500, .y = y, .width = width, .height = 6, .unicode = unicode};
      char *text = draw(&chart);
      for (int line = 0; line < 9; line++) assert_true(columns_of(text_line(text, line)) <= (size_t)width);
      assert_int_equal(columns_of(text_line(text, 7)), width);
      free(text);
    }
}

static void locale_decides_on_unicode(void **state) {
  (void)state;
  setenv("LC_ALL", "C", 1);
  assert_false(gan_terminal_unicode());
  setenv("LC_ALL", "C.UTF-8", 1);
  assert_true(gan_terminal_unicode());
  setenv("LC_ALL", "no_SUCH.locale", 1);
  assert_false(gan_terminal_unicode());
  unsetenv("LC_ALL");
}

static void a_stream_that_is_no_terminal_has_80_columns(void **state) {
  (void)state;
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_false(gan_is_terminal(file));
  assert_int_equal(gan_terminal_width(file), 80);
  fclose(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ascii_chart_of_a_rising_line_is_a_diagonal),
      cmocka_unit_test(braille_chart_has_two_by_four_dots_in_a_character),
      cmocka_unit_test(a_jump_is_joined_by_a_vertical_run),
      cmocka_unit_test(values_that_share_a_column_are_averaged),
      cmocka_unit_test(sparse_values_are_placed_by_x_and_joined),
      cmocka_unit_test(values_not_finite_are_gaps_and_are_counted),
      cmocka_unit_test(one_value_is_one_dot),
      cmocka_unit_test(nothing_finite_leaves_the_title),
      cmocka_unit_test(extreme_values_and_places_do_not_overflow),
      cmocka_unit_test(no_line_is_wider_than_asked_for),
      cmocka_unit_test(locale_decides_on_unicode),
      cmocka_unit_test(a_stream_that_is_no_terminal_has_80_columns),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
