/* Rounding to 8 bits: the bits that a file of bytes gives, for the nearest of them; and which sets are of such images.
 */
#include "eval/rounding.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "kernels/kernels.h"

enum { SIDE = 16, ELEMENTS = SIDE * SIDE };
static const gan_shape image = {.rank = 3, .size = {1, SIDE, SIDE}};

/* All 256 values of bytes. */
static void fill_bytes(float *values) {
  uint8_t bytes[ELEMENTS];
  for (int i = 0; i < ELEMENTS; i++) bytes[i] = (uint8_t)i;
  gan_bytes_to_floats(ELEMENTS, bytes, values);
}

static gan_status copy(void *context, int64_t first, int64_t count, float *samples, int32_t *labels) {
  (void)labels;
  memcpy(samples, (float *)context + first * ELEMENTS, (size_t)count * ELEMENTS * sizeof *samples);
  return GAN_OK;
}

static void images_of_bytes_are_known_by_their_values(void **unused) {
  (void)unused;
  float values[ELEMENTS];
  gan_sample_set set = {.count = 1, .shape = image, .samples = values};
  fill_bytes(values);
  assert_true(gan_are_byte_images(&set));
  for (int i = 0; i < ELEMENTS; i++) values[i] = (float)(i * (2.0 / 255) - 1); /* as data.minimum and maximum do it */
  assert_true(gan_are_byte_images(&set));
  set.shape = (gan_shape){.rank = 1, .size = {ELEMENTS}};
  assert_false(gan_are_byte_images(&set));
  set.shape = (gan_shape){.rank = 4, .size = {1, 4, 8, 8}};
  assert_false(gan_are_byte_images(&set));
  set.shape = image;
  static const float others[] = {0.001f, -1.0078431f, 1.0078431f, NAN, INFINITY};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    fill_bytes(values);
    values[ELEMENTS - 1] = others[i];
    assert_false(gan_are_byte_images(&set));
  }
}

static void values_become_those_of_the_nearest_byte(void **unused) {
  (void)unused;
  float bytes[ELEMENTS], values[2 * ELEMENTS], out[2 * ELEMENTS];
  gan_rounding rounding;
  const gan_set_maker maker = {.make = copy, .context = values, .count = 2, .shape = image};
  const gan_set_maker rounded = gan_rounding_maker(&rounding, &maker);
  fill_bytes(bytes);
  for (int i = 0; i < ELEMENTS; i++) {
    values[i] = bytes[i] + 0.45f * (float)(i % 3 - 1) * 2 / 255; /* less than half a step away */
    values[ELEMENTS + i] = bytes[i];
  }
  values[0] = -3;
  values[255] = 2.5f;
  assert_true(rounded.count == 2 && rounded.label_count == 0);
  assert_int_equal(rounded.make(rounded.context, 0, 2, out, NULL), GAN_OK);
  assert_memory_equal(out, bytes, sizeof bytes);
  assert_memory_equal(out + ELEMENTS, bytes, sizeof bytes);
  assert_true(rounding.low == -3 && rounding.high == 2.5f); /* as they were */
}

static void a_sample_that_is_not_finite_is_left_for_who_looks(void **unused) {
  (void)unused;
  float values[ELEMENTS] = {0}, out[ELEMENTS];
  gan_rounding rounding;
  const gan_set_maker maker = {.make = copy, .context = values, .count = 1, .shape = image};
  const gan_set_maker rounded = gan_rounding_maker(&rounding, &maker);
  values[3] = NAN;
  assert_int_equal(rounded.make(rounded.context, 0, 1, out, NULL), GAN_OK);
  assert_true(isnan(out[3]));
}

static void want_of_memory_is_an_error(void **unused) {
  (void)unused;
  float values[ELEMENTS] = {0}, out[ELEMENTS];
  gan_rounding rounding;
  const gan_set_maker maker = {.make = copy, .context = values, .count = 1, .shape = image};
  const gan_set_maker rounded = gan_rounding_maker(&rounding, &maker);
  gan_fault_arm(GAN_FAULT_ALLOCATION, 1);
  assert_int_equal(rounded.make(rounded.context, 0, 1, out, NULL), GAN_FAILED);
  gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(images_of_bytes_are_known_by_their_values),
                                     cmocka_unit_test(values_become_those_of_the_nearest_byte),
                                     cmocka_unit_test(a_sample_that_is_not_finite_is_left_for_who_looks),
                                     cmocka_unit_test(want_of_memory_is_an_error)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
