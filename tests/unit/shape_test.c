/* Shapes of samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/shape.h"

static void count_is_the_product_of_the_sizes(void **state) {
  (void)state;
  const gan_shape features = {1, {7}}, image = {3, {3, 64, 48}}, weight = {5, {2, 3, 4, 5, 6}}, empty = {2, {5, 0}};
  assert_int_equal(gan_shape_count(&features), 7);
  assert_int_equal(gan_shape_count(&image), 9216);
  assert_int_equal(gan_shape_count(&weight), 720);
  assert_int_equal(gan_shape_count(&empty), 0);
}

static void count_is_wider_than_32_bits(void **state) {
  (void)state;
  const gan_shape cube = {3, {1 << 14, 1 << 14, 1 << 14}};
  assert_true(gan_shape_count(&cube) == INT64_C(1) << 42);
}

static void a_product_is_compared_whether_or_not_it_fits_a_number(void **state) {
  (void)state;
  const int64_t small[] = {4, 6}, wraps_to_0[] = {INT64_C(1) << 24, INT64_C(1) << 48, 1},
                wraps_to_1[] = {INT64_MAX, INT64_MAX}, empty[] = {INT64_MAX, INT64_MAX, 0};
  assert_true(gan_product_within(24, 2, small) && !gan_product_within(23, 2, small));
  assert_false(gan_product_within(INT64_MAX, 3, wraps_to_0));
  assert_false(gan_product_within(INT64_MAX, 2, wraps_to_1));
  assert_true(gan_product_within(INT64_MAX, 1, wraps_to_1) && gan_product_within(0, 3, empty));
  assert_true(gan_product_within(1, 0, small) && !gan_product_within(0, 0, small));
}

static void a_scalar_has_one_element(void **state) {
  (void)state;
  const gan_shape scalar = {0, {0}};
  char text[GAN_SHAPE_TEXT];
  assert_int_equal(gan_shape_count(&scalar), 1);
  assert_string_equal(gan_shape_print(&scalar, text), "()");
}

static void sizes_are_printed_in_brackets(void **state) {
  (void)state;
  const gan_shape features = {1, {7}}, image = {3, {3, 64, 48}};
  char text[GAN_SHAPE_TEXT];
  assert_ptr_equal(gan_shape_print(&features, text), text);
  assert_string_equal(text, "(7)");
  assert_string_equal(gan_shape_print(&image, text), "(3, 64, 48)");
}

static void a_shape_too_long_for_the_text_is_cut(void **state) {
  (void)state;
  const gan_shape huge = {5, {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}};
  char text[GAN_SHAPE_TEXT + 8];
  memset(text, '#', sizeof text);
  gan_shape_print(&huge, text);
  assert_int_equal(strlen(text), GAN_SHAPE_TEXT - 1);
  assert_memory_equal(text, "(9223372036854775807, 9223372036854775807, ", 43);
  assert_memory_equal(text + GAN_SHAPE_TEXT, "########", 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(count_is_the_product_of_the_sizes),
      cmocka_unit_test(count_is_wider_than_32_bits),
      cmocka_unit_test(a_product_is_compared_whether_or_not_it_fits_a_number),
      cmocka_unit_test(a_scalar_has_one_element),
      cmocka_unit_test(sizes_are_printed_in_brackets),
      cmocka_unit_test(a_shape_too_long_for_the_text_is_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
