/* Pictures are checked as any viewer sees them: decoded by libpng, pixel by pixel. */
#include <dirent.h>
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"
#include "store/picture.h"

static char folder[] = "/tmp/gan_picture_XXXXXX";
static char path[128];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/picture.png", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder);
}

/* A decoded picture; pixels (height, width, 3). */
typedef struct decoded_picture {
  int width, height;
  unsigned char *pixels;
} decoded_picture;

static decoded_picture read_picture(void) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  assert_true(png_image_begin_read_from_file(&image, path));
  image.format = PNG_FORMAT_RGB;
  unsigned char *pixels = malloc(PNG_IMAGE_SIZE(image));
  assert_non_null(pixels);
  assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
  return (decoded_picture){(int)image.width, (int)image.height, pixels};
}

static const unsigned char *at(const decoded_picture *picture, int x, int y) {
  assert_in_range(x, 0, picture->width - 1);
  assert_in_range(y, 0, picture->height - 1);
  return picture->pixels + ((size_t)y * (size_t)picture->width + (size_t)x) * 3;
}

static void assert_colour(const decoded_picture *picture, int x, int y, int red, int green, int blue) {
  const unsigned char *pixel = at(picture, x, y);
  assert_int_equal(pixel[0], red);
  assert_int_equal(pixel[1], green);
  assert_int_equal(pixel[2], blue);
}

static int files_in_folder(void) {
  DIR *directory = opendir(folder);
  assert_non_null(directory);
  int count = 0;
  for (struct dirent *entry; (entry = readdir(directory));) count += entry->d_name[0] != '.';
  closedir(directory);
  return count;
}

static void small_images_are_enlarged_to_48_pixels_with_lines_between(void **state) {
  (void)state;
  const gan_shape shape = {3, {1, 2, 2}};
  const float samples[4][4] = {{-1, 1, 0, -1}, {1, 1, 1, 1}, {-1, -1, -1, -1}, {0.5f, 0.5f, 0.5f, 0.5f}};
  assert_int_equal(gan_picture_grid(path, &shape, 4, samples[0], 0), GAN_OK);
  const decoded_picture picture = read_picture();
  /* Two tiles of 2 x 24 pixels and a line of 2 pixels. */
  assert_int_equal(picture.width, 98);
  assert_int_equal(picture.height, 98);
  for (int y = 0; y < 24; y++)
    for (int x = 0; x < 24; x++) {
      assert_colour(&picture, x, y, 0, 0, 0);
      assert_colour(&picture, 24 + x, y, 255, 255, 255);
      assert_colour(&picture, x, 24 + y, 128, 128, 128); /* 127.5, rounded to even */
      assert_colour(&picture, 50 + x, y, 255, 255, 255);
      assert_colour(&picture, x, 50 + y, 0, 0, 0);
      assert_colour(&picture, 74 + x, 74 + y, 191, 191, 191); /* 1.5 * 127.5 = 191.25 */
    }
  /* The lines are neither black nor white, so they show on any image. */
  for (int i = 0; i < 98; i++)
    for (int line = 48; line < 50; line++) {
      assert_in_range(at(&picture, i, line)[0], 40, 200);
      assert_in_range(at(&picture, line, i)[0], 40, 200);
    }
  free(picture.pixels);
}

static void large_images_keep_their_size_with_a_line_of_one_pixel(void **state) {
  (void)state;
  enum { SIDE = 64, COUNT = 3 * SIDE * SIDE };
  float *samples = calloc(2 * COUNT, sizeof *samples);
  assert_non_null(samples);
  for (int i = 0; i < 2 * COUNT; i++) samples[i] = 1.0f;
  assert_int_equal(gan_picture_grid(path, &(gan_shape){3, {3, SIDE, SIDE}}, 2, samples, 2), GAN_OK);
  const decoded_picture picture = read_picture();
  assert_int_equal(picture.width, 129);
  assert_int_equal(picture.height, 64);
  assert_colour(&picture, 63, 63, 255, 255, 255);
  assert_int_not_equal(at(&picture, 64, 10)[0], 255);
  assert_colour(&picture, 65, 0, 255, 255, 255);
  free(picture.pixels);
  free(samples);
}

static void planes_are_red_green_and_blue(void **state) {
  (void)state;
  /* (3, 1, 2): red plane, green plane, blue plane. */
  const float sample[6] = {1, -1, 0.2f, -0.2f, -1, 1};
  assert_int_equal(gan_picture_grid(path, &(gan_shape){3, {3, 1, 2}}, 1, sample, 0), GAN_OK);
  const decoded_picture picture = read_picture();
  assert_int_equal(picture.width, 48);
  assert_int_equal(picture.height, 24);
  assert_colour(&picture, 12, 12, 255, 153, 0);
  assert_colour(&picture, 36, 12, 0, 102, 255);
  free(picture.pixels);
}

static void volumes_are_seen_along_their_depth_and_below_along_their_height(void **state) {
  (void)state;
  /* (1, 3, 2, 4), twice: depth 3, height 2, width 4; -1 but for the cells below. */
  float samples[2][3][2][4], *values = (float *)samples;
  for (int i = 0; i < 48; i++) values[i] = -1;
  samples[0][2][0][1] = 1;    /* depth 2, row 0, column 1 */
  samples[0][0][0][1] = 0;    /* before it, not as large */
  samples[0][1][1][3] = 0.2f; /* depth 1, row 1, column 3 */
  samples[1][0][1][0] = NAN;
  assert_int_equal(gan_picture_grid(path, &(gan_shape){4, {1, 3, 2, 4}}, 2, values, 1), GAN_OK);
  const decoded_picture picture = read_picture();
  /* The longest side is 48 pixels wide: 12 for a cell. A tile is 2 rows, 2 pixels, 3 rows; 4 pixels to the next. */
  enum { CELL = 12, BELOW = 2 * CELL + 2, NEXT = BELOW + 3 * CELL + 4 };
  assert_int_equal(picture.width, 4 * CELL);
  assert_int_equal(picture.height, 2 * NEXT - 4);
  const int front[2][4] = {{0, 255, 0, 0}, {0, 0, 0, 153}},
            side[3][4] = {{0, 128, 0, 0}, {0, 0, 0, 153}, {0, 255, 0, 0}};
  for (int x = 0; x < 4 * CELL; x++) {
    for (int y = 0; y < 2 * CELL; y++) {
      const int grey = front[y / CELL][x / CELL];
      assert_colour(&picture, x, y, grey, grey, grey);
    }
    for (int y = 0; y < 3 * CELL; y++) {
      const int grey = side[y / CELL][x / CELL];
      assert_colour(&picture, x, BELOW + y, grey, grey, grey);
    }
    for (int y = 0; y < 2; y++) assert_in_range(at(&picture, x, 2 * CELL + y)[0], 40, 100);
    for (int y = 0; y < 4; y++) assert_in_range(at(&picture, x, NEXT - 4 + y)[0], 40, 100);
  }
  /* What is no number is seen through everything. */
  assert_colour(&picture, 0, NEXT + CELL, 255, 0, 255);
  assert_colour(&picture, 0, NEXT + BELOW, 255, 0, 255);
  assert_colour(&picture, 0, NEXT, 0, 0, 0);
  free(picture.pixels);
}

static void views_of_volumes_keep_their_colours(void **state) {
  (void)state;
  /* (3, 1, 1, 2): the two views are alike. */
  const float sample[6] = {1, -1, 0.2f, -0.2f, -1, 1};
  assert_int_equal(gan_picture_grid(path, &(gan_shape){4, {3, 1, 1, 2}}, 1, sample, 0), GAN_OK);
  const decoded_picture picture = read_picture();
  assert_int_equal(picture.height, 24 + 2 + 24);
  for (int y = 0; y <= 26; y += 26) {
    assert_colour(&picture, 12, y, 255, 153, 0);
    assert_colour(&picture, 36, y, 0, 102, 255);
  }
  free(picture.pixels);
}

static void values_out_of_range_are_clamped_and_nan_shows(void **state) {
  (void)state;
  const float sample[4] = {-INFINITY, 1e30f, NAN, INFINITY};
  assert_int_equal(gan_picture_grid(path, &(gan_shape){3, {1, 1, 4}}, 1, sample, 0), GAN_OK);
  const decoded_picture picture = read_picture();
  assert_int_equal(picture.width, 48);
  assert_colour(&picture, 6, 6, 0, 0, 0);
  assert_colour(&picture, 18, 6, 255, 255, 255);
  assert_colour(&picture, 30, 6, 255, 0, 255); /* no grey: cannot be mistaken for a value */
  assert_colour(&picture, 42, 6, 255, 255, 255);
  free(picture.pixels);
}

static void columns_are_as_asked_or_make_the_picture_near_square(void **state) {
  (void)state;
  const gan_shape square = {3, {1, 48, 48}}, tall = {3, {1, 96, 48}};
  const struct {
    const gan_shape *shape;
    int n, columns, width, height;
  } cases[] = {
      {&square, 5, 0, 3 * 49 - 1, 2 * 49 - 1},
      {&square, 9, 0, 3 * 49 - 1, 3 * 49 - 1},
      {&square, 5, 5, 5 * 49 - 1, 48},
      {&square, 5, 9, 5 * 49 - 1, 48},
      {&square, 5, 1, 48, 5 * 49 - 1},
      {&tall, 8, 0, 4 * 49 - 1, 2 * 97 - 1},
      {&square, 1, 0, 48, 48},
  };
  float *samples = calloc(9 * 96 * 48, sizeof *samples);
  assert_non_null(samples);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(gan_picture_grid(path, cases[i].shape, cases[i].n, samples, cases[i].columns), GAN_OK);
    const decoded_picture picture = read_picture();
    assert_int_equal(picture.width, cases[i].width);
    assert_int_equal(picture.height, cases[i].height);
    free(picture.pixels);
  }
  free(samples);
}

static int is_red(const unsigned char *pixel) { return pixel[0] - pixel[2] > 20; }
static int is_grey(const unsigned char *pixel) { return pixel[0] < 240 && abs(pixel[0] - pixel[2]) <= 20; }

/* Mean place of the coloured pixels below the legend, and how many there are. */
static int red_centre(const decoded_picture *picture, double *x, double *y) {
  int count = 0;
  *x = *y = 0.0;
  for (int row = 36; row < picture->height; row++)
    for (int column = 0; column < picture->width; column++)
      if (is_red(at(picture, column, row))) {
        *x += column + 0.5;
        *y += row + 0.5;
        count++;
      }
  if (count) *x /= count, *y /= count;
  return count;
}

static void generated_points_are_coloured_where_they_lie(void **state) {
  (void)state;
  /* In a window of half-width 2, places differ by a quarter of the window's width for each unit. */
  const float places[3][2] = {{0, 0}, {1, 0}, {0, 1}};
  double x[3], y[3];
  for (int i = 0; i < 3; i++) {
    assert_int_equal(gan_picture_scatter(path, 0, NULL, 1, places[i], 2.0), GAN_OK);
    const decoded_picture picture = read_picture();
    assert_int_equal(picture.width, 640);
    assert_int_equal(picture.height, 640);
    assert_colour(&picture, 0, 0, 255, 255, 255);
    assert_in_range(red_centre(&picture, &x[i], &y[i]), 12, 80);
    free(picture.pixels);
  }
  const double unit = x[1] - x[0];
  assert_true(unit > 125.0 && unit < 160.0);
  assert_true(fabs(y[1] - y[0]) < 0.5);
  assert_true(fabs(y[0] - y[2] - unit) < 0.5); /* up is up, and both axes have one scale */
  assert_true(fabs(x[2] - x[0]) < 0.5);
}

static void real_points_are_grey_and_lie_below_generated_ones(void **state) {
  (void)state;
  const float real[4] = {1, 1, -1, -1}, fake[2] = {-1, -1};
  assert_int_equal(gan_picture_scatter(path, 2, real, 1, fake, 2.0), GAN_OK);
  const decoded_picture picture = read_picture();
  double x, y;
  assert_true(red_centre(&picture, &x, &y) > 10);
  /* The window's middle is the mean of the two places, which mirror each other. */
  assert_true(is_red(at(&picture, (int)x, (int)y)));
  const int width = 2 * 141; /* two units */
  assert_true(is_grey(at(&picture, (int)x + width, (int)y - width)));
  free(picture.pixels);
}

static void density_shows_as_a_deeper_colour(void **state) {
  (void)state;
  enum { N = 20000 };
  float *points = calloc(2 * N, sizeof *points);
  assert_non_null(points);
  /* One point alone on the left, all others on the right. */
  for (int i = 0; i < N; i++) points[2 * i] = i == 0 ? -1.0f : 1.0f;
  assert_int_equal(gan_picture_scatter(path, 0, NULL, N, points, 2.0), GAN_OK);
  const decoded_picture picture = read_picture();
  int green_left = 255, green_right = 255;
  for (int row = 36; row < 600; row++)
    for (int column = 60; column < 610; column++) {
      const unsigned char *pixel = at(&picture, column, row);
      int *green = column < 320 ? &green_left : &green_right;
      if (is_red(pixel) && pixel[1] < *green) *green = pixel[1];
    }
  assert_true(green_left < 255);
  assert_true(green_right < green_left - 60);
  free(picture.pixels);
  free(points);
}

static void points_outside_the_window_or_not_finite_are_counted_not_drawn(void **state) {
  (void)state;
  const float gone[8] = {5, 0, NAN, 0, 0, -INFINITY, 1e38f, 1e38f};
  assert_int_equal(gan_picture_scatter(path, 0, NULL, 4, gone, 2.0), GAN_OK);
  const decoded_picture all_gone = read_picture();
  double x, y;
  assert_int_equal(red_centre(&all_gone, &x, &y), 0);
  const float inside[8] = {1, 0, 1, 0, 0, -1, 1, 1};
  assert_int_equal(gan_picture_scatter(path, 0, NULL, 4, inside, 2.0), GAN_OK);
  const decoded_picture none_gone = read_picture();
  /* The legend says more about the first: its line has more dark pixels. */
  int dark[2] = {0, 0};
  for (int row = 0; row < 34; row++)
    for (int column = 0; column < 640; column++) {
      dark[0] += at(&all_gone, column, row)[2] < 100;
      dark[1] += at(&none_gone, column, row)[2] < 100;
    }
  assert_true(dark[0] > dark[1] + 50);
  free(all_gone.pixels);
  free(none_gone.pixels);
}

static void window_fits_the_real_points(void **state) {
  (void)state;
  /* Scale does not matter when the window is fitted: the picture but for its labels is the same. */
  const float small[4] = {1e-6f, 0, 0, -1e-6f}, large[4] = {1e6f, 0, 0, -1e6f};
  decoded_picture pictures[2];
  assert_int_equal(gan_picture_scatter(path, 2, small, 1, small, 0.0), GAN_OK);
  pictures[0] = read_picture();
  assert_int_equal(gan_picture_scatter(path, 2, large, 1, large, 0.0), GAN_OK);
  pictures[1] = read_picture();
  double x[2], y[2];
  for (int i = 0; i < 2; i++) {
    assert_true(red_centre(&pictures[i], &x[i], &y[i]) > 10);
    free(pictures[i].pixels);
  }
  assert_true(fabs(x[0] - x[1]) < 0.01 && fabs(y[0] - y[1]) < 0.01);
  assert_true(x[0] > 500.0 && x[0] < 610.0);
}

static void nothing_to_show_still_gives_axes(void **state) {
  (void)state;
  const float invalid[2] = {NAN, NAN};
  assert_int_equal(gan_picture_scatter(path, 0, NULL, 0, NULL, 0.0), GAN_OK);
  assert_int_equal(gan_picture_scatter(path, 1, invalid, 0, NULL, NAN), GAN_OK);
  const decoded_picture picture = read_picture();
  int dark = 0;
  for (int column = 0; column < 640; column++) dark += at(&picture, column, 36)[0] < 200;
  assert_true(dark > 500);
  free(picture.pixels);
}

static void only_images_and_points_in_the_plane_can_be_drawn(void **state) {
  (void)state;
  assert_int_equal(gan_picture_kind_of(&(gan_shape){1, {2}}), GAN_PICTURE_SCATTER);
  assert_int_equal(gan_picture_kind_of(&(gan_shape){1, {3}}), GAN_PICTURE_NONE);
  assert_int_equal(gan_picture_kind_of(&(gan_shape){3, {1, 28, 28}}), GAN_PICTURE_GRID);
  assert_int_equal(gan_picture_kind_of(&(gan_shape){3, {3, 28, 28}}), GAN_PICTURE_GRID);
  assert_int_equal(gan_picture_kind_of(&(gan_shape){3, {2, 28, 28}}), GAN_PICTURE_NONE);
  assert_int_equal(gan_picture_kind_of(&(gan_shape){4, {1, 8, 8, 8}}), GAN_PICTURE_GRID);
  assert_int_equal(gan_picture_kind_of(&(gan_shape){4, {3, 2, 5, 4}}), GAN_PICTURE_GRID);
  assert_int_equal(gan_picture_kind_of(&(gan_shape){4, {2, 8, 8, 8}}), GAN_PICTURE_NONE);
  assert_int_equal(gan_picture_kind_of(&(gan_shape){5, {1, 2, 2, 2, 2}}), GAN_PICTURE_NONE);
  const float sample[8] = {0};
  assert_int_equal(gan_picture_grid(path, &(gan_shape){3, {2, 2, 2}}, 1, sample, 0), GAN_BAD_USAGE);
  assert_non_null(strstr(gan_error_message(), "(2, 2, 2)"));
  assert_int_equal(gan_picture_grid(path, &(gan_shape){3, {1, 2, 2}}, 0, sample, 0), GAN_BAD_USAGE);
  assert_int_equal(gan_picture_grid(path, &(gan_shape){3, {1, 2, 2}}, 1, sample, -1), GAN_BAD_USAGE);
}

static void a_picture_too_large_is_refused_before_memory_is_asked_for(void **state) {
  (void)state;
  const float sample[4] = {0};
  assert_int_equal(gan_picture_grid(path, &(gan_shape){3, {1, 2, 2}}, 1000000000, sample, 0), GAN_BAD_USAGE);
  assert_non_null(strstr(gan_error_message(), "fewer samples"));
}

static void a_failed_write_names_the_path_and_leaves_nothing(void **state) {
  (void)state;
  const float sample[4] = {0};
  const gan_shape shape = {3, {1, 2, 2}};
  assert_int_equal(gan_picture_grid("/nonexistent/a.png", &shape, 1, sample, 0), GAN_FAILED);
  assert_non_null(strstr(gan_error_message(), "/nonexistent/a.png"));
  assert_non_null(strstr(gan_error_message(), "No such file or directory"));
  /* A folder is in the picture's place: the rename fails, after everything was written. */
  unlink(path);
  assert_int_equal(mkdir(path, 0777), 0);
  assert_int_equal(gan_picture_grid(path, &shape, 1, sample, 0), GAN_FAILED);
  assert_int_equal(files_in_folder(), 1);
  assert_int_equal(rmdir(path), 0);
}

static void every_failing_write_and_allocation_keeps_the_picture_before(void **state) {
  (void)state;
  const float before[4] = {-1, -1, -1, -1}, after[4] = {1, 1, 1, 1};
  const gan_shape shape = {3, {1, 2, 2}};
  for (gan_fault_kind kind = GAN_FAULT_ALLOCATION; kind <= GAN_FAULT_WRITE; kind++) {
    assert_int_equal(gan_picture_grid(path, &shape, 1, before, 0), GAN_OK);
    int failures = 0;
    for (int nth = 1;; nth++) {
      gan_fault_arm(kind, nth);
      const gan_status status = gan_picture_grid(path, &shape, 1, after, 0);
      const bool struck = gan_fault_has_struck(kind);
      gan_fault_arm(kind, 0);
      if (!struck) {
        assert_int_equal(status, GAN_OK);
        break;
      }
      failures++;
      assert_int_equal(status, GAN_FAILED);
      assert_int_equal(files_in_folder(), 1);
      const decoded_picture picture = read_picture();
      assert_colour(&picture, 10, 10, 0, 0, 0);
      free(picture.pixels);
      if (kind == GAN_FAULT_WRITE) assert_non_null(strstr(gan_error_message(), "No space left on device"));
    }
    assert_true(failures >= 2);
    const decoded_picture picture = read_picture();
    assert_colour(&picture, 10, 10, 255, 255, 255);
    free(picture.pixels);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(small_images_are_enlarged_to_48_pixels_with_lines_between),
      cmocka_unit_test(large_images_keep_their_size_with_a_line_of_one_pixel),
      cmocka_unit_test(planes_are_red_green_and_blue),
      cmocka_unit_test(volumes_are_seen_along_their_depth_and_below_along_their_height),
      cmocka_unit_test(views_of_volumes_keep_their_colours),
      cmocka_unit_test(values_out_of_range_are_clamped_and_nan_shows),
      cmocka_unit_test(columns_are_as_asked_or_make_the_picture_near_square),
      cmocka_unit_test(generated_points_are_coloured_where_they_lie),
      cmocka_unit_test(real_points_are_grey_and_lie_below_generated_ones),
      cmocka_unit_test(density_shows_as_a_deeper_colour),
      cmocka_unit_test(points_outside_the_window_or_not_finite_are_counted_not_drawn),
      cmocka_unit_test(window_fits_the_real_points),
      cmocka_unit_test(nothing_to_show_still_gives_axes),
      cmocka_unit_test(only_images_and_points_in_the_plane_can_be_drawn),
      cmocka_unit_test(a_picture_too_large_is_refused_before_memory_is_asked_for),
      cmocka_unit_test(a_failed_write_names_the_path_and_leaves_nothing),
      cmocka_unit_test(every_failing_write_and_allocation_keeps_the_picture_before),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
