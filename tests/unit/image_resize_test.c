/* Resampling against Pillow and numpy (tests/reference/images.py), and against closed forms. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "data/image_resize.h"
#include "reference/images.h"

enum { SIDE = 96 };

static const gan_image_filter *filter_named(const char *name) {
  for (int i = 0; i < gan_image_filter_count; i++)
    if (strcmp(gan_image_filters[i].name, name) == 0) return &gan_image_filters[i];
  fail_msg("no filter %s", name);
  return NULL;
}

static const gan_image_fit *fit_named(const char *name) {
  for (int i = 0; i < gan_image_fit_count; i++)
    if (strcmp(gan_image_fits[i].name, name) == 0) return &gan_image_fits[i];
  fail_msg("no fit %s", name);
  return NULL;
}

static gan_image_target target_of(int64_t channels, int64_t height, int64_t width, const char *fit,
                                  const char *filter) {
  gan_image_target target = {.channels = channels, .height = height, .width = width};
  target.fit = fit_named(fit);
  target.filter = filter_named(filter);
  memcpy(target.background, reference_background, sizeof target.background);
  return target;
}

/* The images of tests/reference/images.py; opacity as its fourth channel, or full. */
static gan_image patterned(int64_t height, int64_t width, bool opaque, uint8_t *pixels) {
  for (int64_t y = 0; y < height; y++)
    for (int64_t x = 0; x < width; x++)
      for (int64_t c = 0; c < 4; c++)
        pixels[(y * width + x) * 4 + c] =
            c == 3 && opaque ? 255 : (uint8_t)((y * 37 + x * 101 + c * 59 + y * x * 13 + y * y * c * 7) % 256);
  return (gan_image){.height = height, .width = width, .colour = true, .label = -1, .pixels = pixels};
}

static gan_image plain(int64_t height, int64_t width, const uint8_t colour[4], uint8_t *pixels) {
  for (int64_t i = 0; i < 4 * height * width; i++) pixels[i] = colour[i % 4];
  return (gan_image){.height = height, .width = width, .colour = true, .label = -1, .pixels = pixels};
}

static void resize(const gan_image_target *target, const gan_image *image, uint8_t *out) {
  assert_int_equal(gan_image_resize(target, image, out), GAN_OK);
}

/* One rounding, at the end: nothing is further off than half. */
static void resampling_agrees_with_pillow_and_with_integrals(void **state) {
  (void)state;
  static uint8_t pixels[SIDE * SIDE * 4], out[REFERENCE_VALUES];
  for (size_t i = 0; i < sizeof reference_images / sizeof reference_images[0]; i++) {
    const reference_image *reference = &reference_images[i];
    const gan_image image = patterned(reference->source[0], reference->source[1], true, pixels);
    const gan_image_target target =
        target_of(3, reference->target[0], reference->target[1], reference->fit, reference->filter);
    resize(&target, &image, out);
    for (int64_t k = 0; k < 3 * target.height * target.width; k++)
      if (fabs(out[k] - reference->values[k]) > 0.5 + 2e-3)
        fail_msg("case %zu (%s, %s), value %lld: %d instead of %g", i, reference->filter, reference->fit, (long long)k,
                 out[k], reference->values[k]);
  }
}

static void images_are_laid_over_the_background_as_pillow_does(void **state) {
  (void)state;
  uint8_t pixels[6 * 9 * 4], out[3 * 6 * 9];
  const gan_image image = patterned(6, 9, false, pixels);
  const gan_image_target colour = target_of(3, 6, 9, "pad", "area"), grey = target_of(1, 6, 9, "pad", "area");
  resize(&colour, &image, out);
  for (int i = 0; i < 3 * 6 * 9; i++) assert_true(fabs(out[i] - reference_composited[i]) <= 1);
  resize(&grey, &image, out);
  for (int i = 0; i < 6 * 9; i++) assert_true(fabs(out[i] - reference_composited_grey[i]) <= 1);
}

static void images_of_the_right_size_are_copied_exactly(void **state) {
  (void)state;
  static uint8_t pixels[SIDE * SIDE * 4], out[3 * SIDE * SIDE];
  const gan_image image = patterned(SIDE, SIDE - 5, true, pixels);
  for (int fit = 0; fit < gan_image_fit_count; fit++)
    for (int filter = 0; filter < gan_image_filter_count; filter++) {
      const gan_image_target target =
          target_of(3, SIDE, SIDE - 5, gan_image_fits[fit].name, gan_image_filters[filter].name);
      resize(&target, &image, out);
      for (int64_t c = 0; c < 3; c++)
        for (int64_t i = 0; i < SIDE * (SIDE - 5); i++)
          assert_int_equal(out[c * SIDE * (SIDE - 5) + i], pixels[4 * i + c]);
    }
}

static void constant_images_stay_constant_at_any_size(void **state) {
  (void)state;
  static uint8_t pixels[SIDE * SIDE * 4], out[3 * SIDE * SIDE];
  static const uint8_t colour[4] = {17, 255, 128, 255};
  static const int64_t sizes[][2] = {{1, 1}, {1, 96}, {96, 2}, {3, 7}, {50, 61}, {96, 96}};
  for (int filter = 0; filter < gan_image_filter_count; filter++)
    for (int from = 0; from < 6; from++)
      for (int to = 0; to < 6; to++) {
        const gan_image image = plain(sizes[from][0], sizes[from][1], colour, pixels);
        const gan_image_target target =
            target_of(3, sizes[to][0], sizes[to][1], to % 2 ? "crop" : "stretch", gan_image_filters[filter].name);
        resize(&target, &image, out);
        for (int64_t i = 0; i < 3 * target.height * target.width; i++)
          assert_int_equal(out[i], colour[i / (target.height * target.width)]);
      }
}

/* A ramp of 4 x + 2 shrunk by a whole factor is a ramp through the same points: mean of a linear function. The triangle
   reaches over the border in the first and last pixel, which are left out for it. */
static void linear_ramps_stay_linear(void **state) {
  (void)state;
  uint8_t pixels[48 * 48 * 4], out[3 * 12 * 12];
  for (int y = 0; y < 48; y++)
    for (int x = 0; x < 48; x++) {
      uint8_t *pixel = pixels + (y * 48 + x) * 4;
      pixel[0] = (uint8_t)(4 * x + 2);
      pixel[1] = (uint8_t)(4 * y + 2);
      pixel[2] = (uint8_t)(2 * x + 2 * y + 2);
      pixel[3] = 255;
    }
  const gan_image image = {.height = 48, .width = 48, .colour = true, .pixels = pixels};
  for (int filter = 0; filter < gan_image_filter_count; filter++) {
    const gan_image_target target = target_of(3, 12, 12, "pad", gan_image_filters[filter].name);
    resize(&target, &image, out);
    for (int y = 1; y < 11; y++)
      for (int x = 1; x < 11; x++) {
        assert_int_equal(out[y * 12 + x], 16 * x + 8);
        assert_int_equal(out[144 + y * 12 + x], 16 * y + 8);
        assert_int_equal(out[288 + y * 12 + x], 8 * x + 8 * y + 8);
      }
  }
}

/* Lines finer than a new pixel become their mean, and no pattern: every filter takes all pixels under a new one. */
static void shrinking_leaves_no_pattern_of_fine_lines(void **state) {
  (void)state;
  static uint8_t pixels[SIDE * SIDE * 4], out[9 * 9];
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++) {
      memset(pixels + (y * SIDE + x) * 4, x % 2 ? 255 : 0, 3);
      pixels[(y * SIDE + x) * 4 + 3] = 255;
    }
  const gan_image image = {.height = SIDE, .width = SIDE, .pixels = pixels};
  for (int filter = 0; filter < gan_image_filter_count; filter++) {
    const gan_image_target target = target_of(1, 9, 9, "pad", gan_image_filters[filter].name);
    resize(&target, &image, out);
    /* Of 10.67 lines under a new pixel at most one pair is cut: 0.5 +- 0.5 / 10.67. */
    for (int i = 0; i < 81; i++) assert_in_range(out[i], 115, 140);
  }
}

/* The colour that a fully transparent pixel happens to have shows nowhere, also when shrunk beside others. */
static void hidden_colours_of_transparent_pixels_do_not_show(void **state) {
  (void)state;
  static uint8_t pixels[SIDE * SIDE * 4], out[3 * 7 * 7], again[3 * 7 * 7];
  for (int filter = 0; filter < gan_image_filter_count; filter++) {
    const gan_image_target target = target_of(3, 7, 7, "stretch", gan_image_filters[filter].name);
    gan_image image = patterned(SIDE, SIDE, true, pixels);
    for (int i = 0; i < SIDE * SIDE; i += 3) pixels[4 * i + 3] = 0;
    resize(&target, &image, out);
    for (int i = 0; i < SIDE * SIDE; i += 3) memset(pixels + 4 * i, 255 - pixels[4 * i], 3);
    resize(&target, &image, again);
    assert_memory_equal(out, again, sizeof out);
  }
}

static void half_opacity_is_the_middle_of_colour_and_background(void **state) {
  (void)state;
  uint8_t pixels[4], out[3 * 4];
  gan_image_target target = target_of(3, 2, 2, "pad", "bilinear");
  memset(target.background, 0, 3);
  const gan_image image = plain(1, 1, (const uint8_t[]){255, 100, 0, 51}, pixels); /* 51 / 255 = 1/5 */
  resize(&target, &image, out);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(out[i], 51);
    assert_int_equal(out[4 + i], 20);
    assert_int_equal(out[8 + i], 0);
  }
}

static void padding_is_background_and_cropping_keeps_the_middle(void **state) {
  (void)state;
  static const uint8_t red[4] = {255, 0, 0, 255}, blue[4] = {0, 0, 255, 255};
  uint8_t pixels[10 * 20 * 4], out[3 * 10 * 10];
  gan_image image = plain(10, 20, red, pixels);
  for (int y = 0; y < 10; y++)
    for (int x = 5; x < 15; x++) memcpy(pixels + (y * 20 + x) * 4, blue, 4);
  const gan_image_target pad = target_of(3, 10, 10, "pad", "area"), crop = target_of(3, 10, 10, "crop", "area");
  resize(&crop, &image, out);
  for (int i = 0; i < 100; i++) {
    assert_int_equal(out[i], 0);
    assert_int_equal(out[200 + i], 255);
  }
  resize(&pad, &image, out); /* 5 lines of the image, 2 of background above and 3 below */
  for (int y = 0; y < 10; y++)
    for (int x = 0; x < 10; x++) {
      const bool inside = y >= 2 && y < 7;
      assert_int_equal(out[100 + y * 10 + x], inside ? 0 : reference_background[1]);
      if (inside && x == 4) assert_int_equal(out[y * 10 + x], 0);
      if (inside && x == 0) assert_int_equal(out[y * 10 + x], 255);
    }
}

static void images_of_extreme_proportions_are_resampled(void **state) {
  (void)state;
  static const uint8_t colour[4] = {9, 8, 7, 255};
  uint8_t *pixels = malloc((size_t)GAN_IMAGE_SIDE_MAX * 4), out[3 * 4 * 4];
  assert_non_null(pixels);
  for (int tall = 0; tall < 2; tall++)
    for (int fit = 0; fit < gan_image_fit_count; fit++) {
      const gan_image image = plain(tall ? GAN_IMAGE_SIDE_MAX : 1, tall ? 1 : GAN_IMAGE_SIDE_MAX, colour, pixels);
      const gan_image_target target = target_of(3, 4, 4, gan_image_fits[fit].name, "bilinear");
      resize(&target, &image, out);
      assert_int_equal(out[tall ? 2 * 4 + 1 : 1 * 4 + 2], 9); /* in what pad shows, too */
    }
  free(pixels);
}

static void no_memory_is_reported_and_nothing_leaks(void **state) {
  (void)state;
  uint8_t pixels[6 * 9 * 4], out[3 * 4 * 4];
  const gan_image image = patterned(6, 9, true, pixels);
  const gan_image_target target = target_of(3, 4, 4, "pad", "area");
  int failures = 0;
  for (int nth = 1;; nth++, failures++) {
    gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    const gan_status status = gan_image_resize(&target, &image, out);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (status == GAN_OK) break;
    assert_int_equal(status, GAN_FAILED);
  }
  assert_true(failures > 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(resampling_agrees_with_pillow_and_with_integrals),
      cmocka_unit_test(images_are_laid_over_the_background_as_pillow_does),
      cmocka_unit_test(images_of_the_right_size_are_copied_exactly),
      cmocka_unit_test(constant_images_stay_constant_at_any_size),
      cmocka_unit_test(linear_ramps_stay_linear),
      cmocka_unit_test(shrinking_leaves_no_pattern_of_fine_lines),
      cmocka_unit_test(hidden_colours_of_transparent_pixels_do_not_show),
      cmocka_unit_test(half_opacity_is_the_middle_of_colour_and_background),
      cmocka_unit_test(padding_is_background_and_cropping_keeps_the_middle),
      cmocka_unit_test(images_of_extreme_proportions_are_resampled),
      cmocka_unit_test(no_memory_is_reported_and_nothing_leaks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
