/* Pictures of curves, as a viewer sees them: decoded by libpng, pixel by pixel. */
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gan/loss.h"
#include "store/picture.h"
#include "store/picture_canvas.h"

/* A panel's place in the picture, and the first two series' colours. */
enum { LEFT = 84, WIDTH = 480, POINTS = 101, TOP = 12 + 2 * 26 + 34, HEIGHT = 300 };
static const unsigned char first_colour[] = {0, 114, 178}, second_colour[] = {213, 94, 0};

static char folder[] = "/tmp/gan_curves_XXXXXX";
static char path[128];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/curves.png", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder);
}

/* Pixels (height, width, 3), the caller's. */
static unsigned char *read_picture(int *width) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  assert_true(png_image_begin_read_from_file(&image, path));
  image.format = PNG_FORMAT_RGB;
  unsigned char *pixels = malloc(PNG_IMAGE_SIZE(image));
  assert_non_null(pixels);
  assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
  *width = (int)image.width;
  return pixels;
}

/* Where a colour is in each column of the first panel: the mean row, NAN where it is not. Returns columns that have it.
 */
static int find_colour(const unsigned char colour[3], double rows[WIDTH]) {
  int width, found = 0;
  unsigned char *pixels = read_picture(&width);
  for (int column = 0; column < WIDTH; column++) {
    int count = 0;
    rows[column] = 0;
    for (int row = TOP; row < TOP + HEIGHT; row++)
      if (memcmp(pixels + ((size_t)row * (size_t)width + (size_t)(LEFT + column)) * 3, colour, 3) == 0) {
        rows[column] += row;
        count++;
      }
    rows[column] = count ? rows[column] / count : NAN;
    found += count > 0;
  }
  free(pixels);
  return found;
}

static const char *const names[] = {"one", "two"};

static gan_status draw(int count, const gan_curve *curves, double from, double to, int points) {
  const gan_curve_panel panel = {.title = "panel", .curve_count = count, .curves = curves};
  const gan_curve_picture picture = {.from = from,
                                     .to = to,
                                     .points = points,
                                     .axis = "x",
                                     .low = "low",
                                     .high = "high",
                                     .series_count = count,
                                     .series = names,
                                     .solid = "solid",
                                     .dashed = "dashed",
                                     .columns = 1,
                                     .rows = 1,
                                     .panels = &panel};
  return gan_picture_curves(path, &picture);
}

/* y from -1 to 1: the panel shows 6 % of the range more on each side. */
static void a_straight_line_goes_from_corner_to_corner(void **state) {
  (void)state;
  double y[POINTS], rows[WIDTH];
  for (int i = 0; i < POINTS; i++) y[i] = -1 + 2.0 * i / (POINTS - 1);
  assert_int_equal(draw(1, &(gan_curve){.y = y}, 3, 7, POINTS), GAN_OK);
  assert_true(find_colour(first_colour, rows) >= WIDTH - 2);
  for (int column = 2; column < WIDTH - 2; column++) {
    const double value = -1 + 2.0 * (column + 0.5) / WIDTH;
    assert_true(fabs(rows[column] + 0.5 - (TOP + HEIGHT * (1.12 - value) / 2.24)) < 1.0);
  }
}

static void what_is_not_finite_is_a_gap(void **state) {
  (void)state;
  double y[POINTS], rows[WIDTH];
  for (int i = 0; i < POINTS; i++) y[i] = i >= 40 && i <= 60 ? NAN : 1;
  assert_int_equal(draw(1, &(gan_curve){.y = y}, 0, 1, POINTS), GAN_OK);
  find_colour(first_colour, rows);
  assert_true(isfinite(rows[WIDTH / 4]) && isfinite(rows[3 * WIDTH / 4]));
  for (int column = WIDTH * 41 / 100; column < WIDTH * 59 / 100; column++) assert_true(isnan(rows[column]));
}

static void dashes_leave_a_part_of_the_line_out(void **state) {
  (void)state;
  double y[POINTS], rows[WIDTH];
  for (int i = 0; i < POINTS; i++) y[i] = 1;
  assert_int_equal(draw(1, &(gan_curve){.y = y, .dashed = true}, 0, 1, POINTS), GAN_OK);
  assert_in_range(find_colour(first_colour, rows), WIDTH / 2, WIDTH * 4 / 5);
  assert_int_equal(draw(1, &(gan_curve){.y = y}, 0, 1, POINTS), GAN_OK);
  assert_true(find_colour(first_colour, rows) >= WIDTH - 2);
}

static void a_covered_curve_can_still_be_seen(void **state) {
  (void)state;
  double y[POINTS], rows[WIDTH];
  for (int i = 0; i < POINTS; i++) y[i] = 1;
  const gan_curve curves[] = {{.series = 0, .y = y}, {.series = 1, .y = y}};
  assert_int_equal(draw(2, curves, 0, 1, POINTS), GAN_OK);
  assert_true(find_colour(second_colour, rows) >= WIDTH - 2);
  int width, covered = 0;
  unsigned char *pixels = read_picture(&width);
  for (int row = TOP; row < TOP + HEIGHT; row++) {
    const unsigned char *pixel = pixels + ((size_t)row * (size_t)width + LEFT + WIDTH / 2) * 3;
    covered += pixel[2] > pixel[0] + 40; /* bluish */
  }
  free(pixels);
  assert_in_range(covered, 1, 6);
}

static void axes_without_a_range_are_refused(void **state) {
  (void)state;
  const double y[2] = {0, 1};
  const gan_curve curve = {.y = y};
  assert_int_equal(draw(1, &curve, 1, 1, 2), GAN_BAD_USAGE);
  assert_int_equal(draw(1, &curve, 1, 0, 2), GAN_BAD_USAGE);
  assert_int_equal(draw(1, &curve, 0, INFINITY, 2), GAN_BAD_USAGE);
  assert_int_equal(draw(1, &curve, 0, NAN, 2), GAN_BAD_USAGE);
  assert_int_equal(draw(1, &curve, 0, 1, 1), GAN_BAD_USAGE);
  assert_int_equal(draw(1, &curve, 0, 1, 2), GAN_OK);
}

/* Whether a pixel has the colour of ticks, or of text. */
static bool is_dark(const unsigned char *pixels, int width, int row, int column) {
  return pixels[((size_t)row * (size_t)width + (size_t)column) * 3] < 160;
}

/* Lines [first, last) of pixels that have something dark in [from, to), in groups with at least `gap` lines between
   them. `upright`: lines are columns. */
static int count_groups(const unsigned char *pixels, int width, bool upright, const int first_last[2],
                        const int from_to[2], int gap) {
  int groups = 0, blank = gap;
  for (int line = first_last[0]; line < first_last[1]; line++) {
    bool dark = false;
    for (int i = from_to[0]; i < from_to[1]; i++)
      dark = dark || (upright ? is_dark(pixels, width, i, line) : is_dark(pixels, width, line, i));
    groups += dark && blank >= gap;
    blank = dark ? 0 : blank + 1;
  }
  return groups;
}

/* Digits of a label are at most 8 pixels apart, lines of text more than 2. */
static void each_tick_has_a_label_of_its_own(void **state) {
  (void)state;
  static const double ranges[][3] = {{-1e4, 1e4, 1e8},     {-5, 5, 1},         {1e5, 1e5 + 1, 1e5},
                                     {1e-4, 2e-4, -1e-7},  {-1000, 1e6, 7e5},  {-1e6, 1e6, -1.3e12},
                                     {1e6 - 1e-6, 1e6, 3}, {-3.7, 1234, 1e-30}};
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    const double y[2] = {0, ranges[i][2]};
    assert_int_equal(draw(1, &(gan_curve){.y = y}, ranges[i][0], ranges[i][1], 2), GAN_OK);
    int width;
    unsigned char *pixels = read_picture(&width);
    const int across[2] = {0, width}, down[2] = {TOP - 12, TOP + HEIGHT + 5},
              below[2] = {TOP + HEIGHT + 10, TOP + HEIGHT + 28}, beside[2] = {0, LEFT - 6};
    const int ticks = count_groups(pixels, width, true, across, (const int[]){TOP + HEIGHT + 3, TOP + HEIGHT + 4}, 1);
    assert_in_range(ticks, 1, 13);
    assert_int_equal(count_groups(pixels, width, true, across, below, 9), ticks);
    const int marks = count_groups(pixels, width, false, down, (const int[]){LEFT - 3, LEFT - 2}, 1);
    assert_in_range(marks, 2, 13);
    assert_int_equal(count_groups(pixels, width, false, down, beside, 2), marks);
    assert_int_equal(count_groups(pixels, width, true, (const int[]){0, 1}, down, 1), 0); /* none is cut off */
    free(pixels);
  }
}

/* Pixels of a character, as bits. */
static void draw_character(char character, unsigned char bits[9 * 6]) {
  const gan_colour white = {255, 255, 255}, black = {0, 0, 0};
  gan_canvas canvas;
  assert_int_equal(gan_canvas_create(6, 9, white, &canvas), GAN_OK);
  gan_canvas_text(&canvas, 0, 0, 1, (char[]){character, '\0'}, black);
  for (int i = 0; i < 9 * 6; i++) bits[i] = canvas.pixels[3 * i] == 0;
  gan_canvas_release(&canvas);
}

static void characters_of_legends_are_drawn_and_differ(void **state) {
  (void)state;
  static const char known[] = "0123456789abcdefghijklmnopqrstuvwxyz.,:-+/=_<>()";
  static unsigned char bits[sizeof known][9 * 6];
  const unsigned char blank[9 * 6] = {0};
  for (size_t i = 0; i < sizeof known - 1; i++) {
    draw_character(known[i], bits[i]);
    assert_memory_not_equal(bits[i], blank, sizeof blank);
    for (size_t j = 0; j < i; j++) assert_memory_not_equal(bits[i], bits[j], sizeof blank);
  }
  for (int row = 0; row < gan_loss_count; row++)
    assert_int_equal(strspn(gan_losses[row].name, known), strlen(gan_losses[row].name));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_straight_line_goes_from_corner_to_corner), cmocka_unit_test(what_is_not_finite_is_a_gap),
      cmocka_unit_test(dashes_leave_a_part_of_the_line_out),        cmocka_unit_test(a_covered_curve_can_still_be_seen),
      cmocka_unit_test(each_tick_has_a_label_of_its_own),           cmocka_unit_test(axes_without_a_range_are_refused),
      cmocka_unit_test(characters_of_legends_are_drawn_and_differ),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
