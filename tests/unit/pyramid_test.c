/* The sliced Wasserstein distance of patches against TF-GAN's definition in NumPy and SciPy, and closed forms. */
#include "eval/pyramid.h"

#include <stdio.h>

#include "eval/transport.h"
#include "metric_support.h"
#include "reference/quality.h"

static void open_case(size_t number, gan_world *world, sets *of) {
  const gan_shape shape = shape_of(3, reference_images[number].channels, reference_images[number].height,
                                   reference_images[number].width, 0);
  const int64_t n = reference_images[number].real, m = reference_images[number].fake;
  ask(of, world, shape, n, make_images(false, n, shape), m, make_images(true, m, shape));
}

static void each_level_is_what_the_definition_gives(void **state) {
  for (size_t i = 0; i < sizeof reference_images / sizeof *reference_images; i++) {
    sets of;
    double sum = 0, values[GAN_METRIC_VALUES];
    const int levels = reference_images[i].levels;
    open_case(i, *state, &of);
    assert_int_equal(gan_pyramid_levels(&of.real.shape), levels);
    for (int level = 0; level < levels; level++) {
      double distance = NAN;
      assert_int_equal(gan_pyramid_distance(&of.comparison, level, &distance), GAN_OK);
      assert_near(distance, reference_images[i].distance[level]);
      sum += reference_images[i].distance[level];
    }
    compute_row("swd", &of.comparison, values);
    assert_near(values[0], sum / levels);
    release_sets(&of);
  }
}

/* What TF-GAN's own test of its function says of 256 colour images of uniform against as many of normal noise: 0.014 at
   full size and 0.020 at half of it, to within 15 %; and between two sets of patches of the same images 0.014. */
static void noise_has_the_distances_that_tf_gan_says(void **state) {
  enum { COUNT = 256, ELEMENTS = 3 * 32 * 32 };
  sets of;
  double distance = NAN;
  const double expected[] = {0.014, 0.020};
  float *real = normals(1, COUNT, ELEMENTS), *other = normals(2, COUNT, ELEMENTS);
  gan_random_uniform_rows((gan_random_address){.seed = 1, .stream = GAN_STREAM_SYNTHETIC}, COUNT, ELEMENTS, real);
  ask(&of, *state, shape_of(3, 3, 32, 32, 0), COUNT, real, COUNT, other);
  for (int level = 0; level < 2; level++) {
    assert_int_equal(gan_pyramid_distance(&of.comparison, level, &distance), GAN_OK);
    assert_true(fabs(distance - expected[level]) < 0.15 * expected[level]);
  }
  gan_random_uniform_rows((gan_random_address){.seed = 2, .stream = GAN_STREAM_SYNTHETIC}, COUNT, ELEMENTS, other);
  assert_int_equal(gan_pyramid_distance(&of.comparison, 0, &distance), GAN_OK);
  assert_true(fabs(distance - 0.014) < 0.15 * 0.014);
  release_sets(&of);
}

static void a_set_has_no_distance_to_itself_and_the_same_both_ways(void **state) {
  sets of;
  double there[GAN_METRIC_VALUES], back[GAN_METRIC_VALUES];
  open_case(0, *state, &of);
  compute_row("swd", &of.comparison, there);
  of.comparison.real = &of.fake;
  compute_row("swd", &of.comparison, back);
  assert_true(back[0] == 0);
  of.comparison.fake = &of.real;
  compute_row("swd", &of.comparison, back);
  assert_true(there[0] > 0.01);
  assert_near(back[0], there[0]);
  release_sets(&of);
}

/* Normalisation takes contrast and brightness away, of all channels alike; and constant images are all alike. */
static void contrast_and_brightness_do_not_count(void **state) {
  sets of;
  double values[GAN_METRIC_VALUES];
  const gan_shape shape = shape_of(3, 3, 32, 32, 0);
  const int64_t elements = 3 * 32 * 32;
  float *real = normals(1, 4, elements), *fake = normals(1, 4, elements);
  for (int64_t i = 0; i < 4 * elements; i++) {
    real[i] = i / elements == 3 ? 0.25f : real[i];
    fake[i] = i / elements == 3 ? -0.75f : 0.5f * fake[i] + 0.25f;
  }
  ask(&of, *state, shape, 4, real, 4, fake);
  compute_row("swd", &of.comparison, values);
  assert_true(values[0] < 1e-6);
  /* The other channel order is another colour, and does. */
  for (int64_t i = 0; i < 4 * elements; i++) fake[i] = real[i / elements * elements + (i + 32 * 32) % elements];
  compute_row("swd", &of.comparison, values);
  assert_true(values[0] > 1e-3);
  release_sets(&of);
}

static void images_that_have_no_pyramid_are_refused_with_a_reason(void **state) {
  sets of;
  float *x = calloc(64 * 64, sizeof *x);
  const gan_shape small = shape_of(3, 1, 15, 40, 0), channels = shape_of(3, 2, 16, 16, 0),
                  vector = shape_of(1, 64, 0, 0, 0);
  ask(&of, *state, small, 1, x, 1, x);
  assert_unable("swd", &of.comparison, "16 x 16");
  ask(&of, *state, channels, 1, x, 1, x);
  assert_unable("swd", &of.comparison, "1 or 3 channels");
  ask(&of, *state, vector, 1, x, 1, x);
  assert_unable("swd", &of.comparison, "images");
  ask(&of, *state, shape_of(3, 1, 16, 16, 0), 0, x, 1, x);
  assert_unable("swd", &of.comparison, "one sample");
  free(x);
}

static void a_sample_that_is_not_finite_is_named(void **state) {
  sets of;
  open_case(4, *state, &of);
  assert_refuses("swd", &of, 2, NAN);
  assert_refuses("swd", &of, 4, INFINITY);
  release_sets(&of);
}

static void want_of_memory_is_an_error_without_a_leak(void **state) {
  sets of;
  open_case(4, *state, &of);
  assert_survives_want_of_memory("swd", &of.comparison);
  release_sets(&of);
}

/* Halves of the set of 2 and thirds of that of 3: 1/3 of |0 - 1|, 1/6 of |0 - 2| and of |6 - 2|, 1/3 of |6 - 9|. */
static void sets_of_different_sizes_share_their_weight(void **unused) {
  (void)unused;
  const double a[] = {0, 6}, b[] = {1, 2, 9};
  assert_near(gan_wasserstein_sorted(2, a, 3, b), 1.0 / 3 + 2.0 / 6 + 4.0 / 6 + 1);
  assert_near(gan_wasserstein_sorted(3, b, 2, a), 1.0 / 3 + 2.0 / 6 + 4.0 / 6 + 1);
  assert_near(gan_wasserstein_sorted(1, a, 3, b), 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_level_is_what_the_definition_gives),
      cmocka_unit_test(noise_has_the_distances_that_tf_gan_says),
      cmocka_unit_test(a_set_has_no_distance_to_itself_and_the_same_both_ways),
      cmocka_unit_test(contrast_and_brightness_do_not_count),
      cmocka_unit_test(images_that_have_no_pyramid_are_refused_with_a_reason),
      cmocka_unit_test(a_sample_that_is_not_finite_is_named),
      cmocka_unit_test(want_of_memory_is_an_error_without_a_leak),
      cmocka_unit_test(sets_of_different_sizes_share_their_weight),
  };
  return cmocka_run_group_tests(tests, open_alone, close_alone);
}
