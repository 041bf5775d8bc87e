/* Vector loops against the same in double, and their bits against every alignment and cut. Backends: see
   backends_test.c. */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#include "vector_support.h"

static void bias_is_added_to_each_row_and_columns_are_summed(void **unused) {
  (void)unused;
  float y[] = {1, 2, 3, 4, 5, 6};
  const float bias[] = {10, 20, 30}, biased[] = {11, 22, 33, 14, 25, 36}, summed[] = {25, 47, 69}, none[] = {0, 0, 0};
  gan_add_bias(2, 3, bias, y);
  assert_memory_equal(y, biased, sizeof y);
  float sums[] = {NAN, NAN, NAN};
  gan_column_sums(2, 3, y, sums);
  assert_memory_equal(sums, summed, sizeof sums);
  gan_column_sums(0, 3, y, sums);
  assert_memory_equal(sums, none, sizeof sums);
}

static void each_channel_of_each_row_gets_its_bias(void **unused) {
  (void)unused;
  float y[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const float bias[] = {100, 200}, biased[] = {101, 102, 103, 204, 205, 206, 107, 108, 109, 210, 211, 212};
  gan_add_channel_bias(2, 2, 3, bias, y);
  assert_memory_equal(y, biased, sizeof y);
}

/* 2^24 + 1 + 1 in float32: rising order loses both ones, another order would not. */
static void column_sums_are_taken_in_rising_order_of_rows(void **unused) {
  (void)unused;
  const float y[] = {0x1p24f, 1.0f, 1.0f, 1.0f, 1.0f, 0x1p24f};
  float sums[2];
  gan_column_sums(3, 2, y, sums);
  assert_true(sums[0] == 0x1p24f);
  assert_true(sums[1] == 0x1p24f + 2.0f);
}

static void vectors_are_added_scaled_and_averaged(void **unused) {
  (void)unused;
  float y[] = {1, 2, 3};
  const float x[] = {10, 20, 30}, added[] = {11, 22, 33}, scaled[] = {22, 44, 66}, averaged[] = {13, 26, 39};
  const float multiplied[] = {130, 520, 1170};
  gan_add_two(3, x, y, y);
  assert_memory_equal(y, added, sizeof y);
  y[0] = 1, y[1] = 2, y[2] = 3;
  gan_add(3, x, y);
  assert_memory_equal(y, added, sizeof y);
  gan_scale(3, 2.0f, y);
  assert_memory_equal(y, scaled, sizeof y);
  gan_average(3, 0.25f, y, 0.75f, x);
  assert_memory_equal(y, averaged, sizeof y);
  gan_multiply(3, x, y, y);
  assert_memory_equal(y, multiplied, sizeof y);
}

static void clipping_bounds_every_value_and_counts_those_outside(void **unused) {
  (void)unused;
  enum { N = 1003 };
  float *x = random_vector(6, N), *before = random_vector(6, N);
  size_t outside = 0;
  for (int i = 0; i < N; i++) outside += fabsf(before[i]) > 0.5f;
  assert_in_range(outside, 1, N - 1);
  assert_int_equal(gan_clip(N, 0.5f, x), outside);
  for (int i = 0; i < N; i++) assert_true(x[i] == fminf(fmaxf(before[i], -0.5f), 0.5f));
  assert_int_equal(gan_clip(N, 0.5f, x), 0);
  free(x), free(before);
}

/* Lengths by closed form: a 3-4-5 triangle in the first and last places. */
static void clipping_by_norm_scales_what_is_too_long_and_nothing_else(void **unused) {
  (void)unused;
  enum { COUNT = 37 };
  float x[COUNT] = {0};
  x[0] = 3, x[COUNT - 1] = -4;
  assert_false(gan_clip_norm(COUNT, 5, x));
  assert_true(x[0] == 3 && x[COUNT - 1] == -4);
  assert_true(gan_clip_norm(COUNT, 2.5, x));
  assert_true(x[0] == 1.5f && x[COUNT - 1] == -2);
  x[1] = NAN;
  assert_false(gan_clip_norm(COUNT, 0.1, x));
  assert_true(x[0] == 1.5f && isnan(x[1]));
}

static void clipping_bounds_infinities_and_keeps_nan(void **unused) {
  (void)unused;
  float x[] = {INFINITY, -INFINITY, NAN, 0.25f, -0.25f};
  assert_int_equal(gan_clip(5, 0.25f, x), 2);
  assert_true(x[0] == 0.25f && x[1] == -0.25f && isnan(x[2]) && x[3] == 0.25f && x[4] == -0.25f);
}

static void square_sums_equal_a_plain_sum_at_every_length(void **unused) {
  (void)unused;
  float *x = random_vector(7, 100);
  double right = 0.0;
  for (size_t n = 0; n <= 100; n++) {
    assert_true(fabs(gan_square_sum(n, x) - right) <= 1e-14 * right);
    if (n < 100) right += (double)x[n] * (double)x[n];
  }
  free(x);
}

static void square_sums_do_not_depend_on_alignment(void **unused) {
  (void)unused;
  enum { N = 999 };
  float *x = random_vector(8, N), *copy = random_vector(9, N + 16);
  const double right = gan_square_sum(N, x);
  for (int shift = 0; shift < 16; shift++) {
    memcpy(copy + shift, x, N * sizeof *x);
    assert_true(gan_square_sum(N, copy + shift) == right);
  }
  free(x), free(copy);
}

static void bytes_become_values_between_minus_1_and_1(void **unused) {
  (void)unused;
  uint8_t bytes[256];
  float values[256];
  for (int i = 0; i < 256; i++) bytes[i] = (uint8_t)i;
  gan_bytes_to_floats(256, bytes, values);
  assert_true(values[0] == -1.0f && values[255] == 1.0f);
  for (int i = 0; i < 256; i++) assert_true(fabs((double)values[i] - (i * (2.0 / 255.0) - 1.0)) < 1e-7);
}

enum { LENGTH = 331, SHIFTS = 17 };

typedef void (*vector_call)(size_t n, size_t offset, const float *x, float *y);
static void call_add_bias(size_t n, size_t offset, const float *x, float *y) {
  (void)offset;
  gan_add_bias(1, n, x, y);
}
static void call_column_sums(size_t n, size_t offset, const float *x, float *y) {
  (void)offset;
  gan_column_sums(1, n, x, y);
}
static void call_add(size_t n, size_t offset, const float *x, float *y) {
  (void)offset;
  gan_add(n, x, y);
}
static void call_scale(size_t n, size_t offset, const float *x, float *y) {
  (void)offset, (void)x;
  gan_scale(n, 1.7f, y);
}
static void call_average(size_t n, size_t offset, const float *x, float *y) {
  (void)offset;
  gan_average(n, 0.999f, y, 0.001f, x);
}
static void call_clip(size_t n, size_t offset, const float *x, float *y) {
  (void)offset, (void)x;
  gan_clip(n, 0.7f, y);
}
static void call_bytes(size_t n, size_t offset, const float *x, float *y) {
  (void)x;
  uint8_t bytes[LENGTH];
  for (int i = 0; i < LENGTH; i++) bytes[i] = (uint8_t)(i * 7);
  gan_bytes_to_floats(n, bytes + offset, y);
}

static void bits_do_not_depend_on_alignment_or_pieces(void **unused) {
  (void)unused;
  const vector_call calls[] = {call_add_bias, call_column_sums, call_add,  call_scale,
                               call_average,  call_clip,        call_bytes};
  float *x = random_vector(10, LENGTH), *y = random_vector(11, LENGTH);
  float shifted_x[LENGTH + SHIFTS], shifted_y[LENGTH + SHIFTS], right[LENGTH];
  for (size_t call = 0; call < sizeof calls / sizeof calls[0]; call++) {
    memcpy(right, y, sizeof right);
    for (size_t i = 0; i < LENGTH; i++) calls[call](1, i, x + i, right + i);
    for (size_t shift = 0; shift < SHIFTS; shift++) {
      float *at_x = shifted_x + shift, *at_y = shifted_y + shift / 2;
      memcpy(at_x, x, sizeof right);
      memcpy(at_y, y, sizeof right);
      const size_t step = shift == 0 ? LENGTH : 29 * shift;
      for (size_t i = 0; i < LENGTH; i += step) {
        calls[call](LENGTH - i < step ? LENGTH - i : step, i, at_x + i, at_y + i);
      }
      assert_memory_equal(at_y, right, sizeof right);
    }
  }
  free(x), free(y);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bias_is_added_to_each_row_and_columns_are_summed),
      cmocka_unit_test(each_channel_of_each_row_gets_its_bias),
      cmocka_unit_test(column_sums_are_taken_in_rising_order_of_rows),
      cmocka_unit_test(vectors_are_added_scaled_and_averaged),
      cmocka_unit_test(clipping_bounds_every_value_and_counts_those_outside),
      cmocka_unit_test(clipping_by_norm_scales_what_is_too_long_and_nothing_else),
      cmocka_unit_test(clipping_bounds_infinities_and_keeps_nan),
      cmocka_unit_test(square_sums_equal_a_plain_sum_at_every_length),
      cmocka_unit_test(square_sums_do_not_depend_on_alignment),
      cmocka_unit_test(bytes_become_values_between_minus_1_and_1),
      cmocka_unit_test(bits_do_not_depend_on_alignment_or_pieces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
