/* Activations against the C library's functions in double; derivatives against numerical differentiation of those. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernels.h"

typedef struct expectation {
  const char *name;
  double (*value)(double x, double argument);
  float argument;
  double limit_below, limit_above; /* at minus and plus infinity */
  double tail_error;               /* relative error allowed where the value is small */
} expectation;

static double relu(double x, double argument) {
  (void)argument;
  return fmax(0.0, x);
}
static double leaky_relu(double x, double slope) { return x > 0.0 ? x : slope * x; }
static double hyperbolic_tangent(double x, double argument) {
  (void)argument;
  return tanh(x);
}
static double sigmoid(double x, double argument) {
  (void)argument;
  return 1.0 / (1.0 + exp(-x));
}
static double elu(double x, double alpha) { return x > 0.0 ? x : alpha * expm1(x); }
static double gelu(double x, double argument) {
  (void)argument;
  return x * 0.5 * erfc(-x / sqrt(2.0));
}
static double silu(double x, double argument) { return x * sigmoid(x, argument); }
static double softplus(double x, double argument) {
  (void)argument;
  return fmax(x, 0.0) + log1p(exp(-fabs(x)));
}

static const expectation expectations[] = {
    {"relu", relu, 0.0f, 0.0, INFINITY, 0.0},
    {"leaky_relu", leaky_relu, 0.25f, -INFINITY, INFINITY, 0.0},
    {"tanh", hyperbolic_tangent, 0.0f, -1.0, 1.0, 5e-7},
    {"sigmoid", sigmoid, 0.0f, 0.0, 1.0, 5e-7},
    {"elu", elu, 1.5f, -1.5, INFINITY, 5e-7},
    {"gelu", gelu, 0.0f, 0.0, INFINITY, 1e-5}, /* exp(-x^2 / 2) magnifies the rounding of x^2 / 2 */
    {"silu", silu, 0.0f, 0.0, INFINITY, 5e-7},
    {"softplus", softplus, 0.0f, 0.0, INFINITY, 5e-7},
};
enum { EXPECTATIONS = sizeof expectations / sizeof expectations[0] };

static const gan_activation *find(const char *name) {
  for (int i = 0; i < gan_activation_count; i++) {
    if (strcmp(gan_activations[i].name, name) == 0) return &gan_activations[i];
  }
  fail_msg("no activation %s", name);
  return NULL;
}

static float forward_one(const expectation *expected, float x) {
  float y;
  find(expected->name)->forward(1, expected->argument, &x, &y);
  return y;
}

static float slope_one(const expectation *expected, float x) {
  const float y = forward_one(expected, x), dy = 1.0f;
  float dx;
  find(expected->name)->backward(1, expected->argument, &x, &y, &dy, &dx);
  return dx;
}

/* From 2^-40 to 2^7 in both signs; float32's smallest normal number bounds what "relative" can mean. */
static void values_equal_those_of_the_c_library(void **unused) {
  (void)unused;
  for (int row = 0; row < EXPECTATIONS; row++) {
    const expectation *expected = &expectations[row];
    for (double magnitude = 0x1p-40; magnitude < 128.0; magnitude *= 1.003) {
      for (int sign = -1; sign <= 1; sign += 2) {
        const float x = (float)(sign * magnitude);
        const double right = expected->value((double)x, (double)expected->argument);
        const double error = fabs((double)forward_one(expected, x) - right);
        const double relative = fabs(right) < 0.01 && expected->tail_error > 0.0 ? expected->tail_error : 4e-7;
        if (!(error <= relative * fabs(right) + (double)FLT_MIN)) {
          fail_msg("%s(%.9g): %.9g instead of %.9g", expected->name, x, forward_one(expected, x), right);
        }
      }
    }
  }
}

/* Points off 0, where some have a corner. */
static void derivatives_equal_differences_of_the_values(void **unused) {
  (void)unused;
  for (int row = 0; row < EXPECTATIONS; row++) {
    const expectation *expected = &expectations[row];
    for (double x = -20.0078125; x < 20.0; x += 0.0625) {
      const double h = 1e-5, argument = (double)expected->argument;
      const double right = (expected->value(x + h, argument) - expected->value(x - h, argument)) / (2.0 * h);
      const double slope = (double)slope_one(expected, (float)x);
      if (!(fabs(slope - right) <= 1e-6)) {
        fail_msg("slope of %s at %.9g: %.9g instead of %.9g", expected->name, x, slope, right);
      }
    }
  }
}

static float second_one(const expectation *expected, float x) {
  const float y = forward_one(expected, x), one = 1.0f;
  float second = 0.0f;
  find(expected->name)->second(1, expected->argument, &x, &y, &one, &one, &second);
  return second;
}

/* Fourth-order differences, whose error is far below float32's. Points off 0, as above. */
static void second_derivatives_equal_differences_of_the_values(void **unused) {
  (void)unused;
  for (int row = 0; row < EXPECTATIONS; row++) {
    const expectation *expected = &expectations[row];
    if (!find(expected->name)->second) continue;
    for (double x = -20.0078125; x < 20.0; x += 0.0625) {
      const double h = 1e-3, argument = (double)expected->argument, middle = expected->value(x, argument);
      const double near = expected->value(x + h, argument) + expected->value(x - h, argument);
      const double far = expected->value(x + 2.0 * h, argument) + expected->value(x - 2.0 * h, argument);
      const double right = (16.0 * near - far - 30.0 * middle) / (12.0 * h * h);
      const double second = (double)second_one(expected, (float)x);
      if (!(fabs(second - right) <= 1e-6)) {
        fail_msg("second derivative of %s at %.9g: %.9g instead of %.9g", expected->name, x, second, right);
      }
    }
  }
}

static void only_activations_linear_in_pieces_have_no_second_derivative(void **unused) {
  (void)unused;
  for (int row = 0; row < EXPECTATIONS; row++) {
    const expectation *expected = &expectations[row];
    const bool bends = expected->value != relu && expected->value != leaky_relu;
    assert_true((find(expected->name)->second != NULL) == bends);
  }
}

/* What is there stays, and the factors multiply: 0.5 + 3 * (-2) * f''. */
static void second_derivatives_are_added_with_their_factors(void **unused) {
  (void)unused;
  for (int row = 0; row < EXPECTATIONS; row++) {
    const gan_activation *activation = find(expectations[row].name);
    if (!activation->second) continue;
    const float x = -0.75f, y = forward_one(&expectations[row], x), tangent = 3.0f, dy = -2.0f;
    float dx = 0.5f;
    activation->second(1, expectations[row].argument, &x, &y, &tangent, &dy, &dx);
    assert_true(fabsf(dx - (0.5f - 6.0f * second_one(&expectations[row], x))) < 1e-6f);
  }
}

/* PyTorch's choice: 0 for relu, the slope of the negative side for leaky_relu. */
static void slopes_at_a_corner_are_those_of_the_negative_side(void **unused) {
  (void)unused;
  assert_true(slope_one(&expectations[0], 0.0f) == 0.0f);
  assert_true(slope_one(&expectations[1], 0.0f) == 0.25f);
}

static void huge_arguments_give_the_limits(void **unused) {
  (void)unused;
  const float huge[] = {200.0f, 1e10f, FLT_MAX, INFINITY};
  for (int row = 0; row < EXPECTATIONS; row++) {
    const expectation *expected = &expectations[row];
    for (int i = 0; i < 4; i++) {
      const double above = (double)forward_one(expected, huge[i]), below = (double)forward_one(expected, -huge[i]);
      assert_true(above == (isinf(expected->limit_above) ? (double)huge[i] : expected->limit_above));
      assert_true(below ==
                  (isinf(expected->limit_below) ? (double)(-huge[i] * expected->argument) : expected->limit_below));
      assert_true(slope_one(expected, huge[i]) == (isinf(expected->limit_above) ? 1.0f : 0.0f));
      assert_true(slope_one(expected, -huge[i]) == (isinf(expected->limit_below) ? expected->argument : 0.0f));
      if (!find(expected->name)->second) continue;
      assert_true(second_one(expected, huge[i]) == 0.0f && second_one(expected, -huge[i]) == 0.0f);
    }
  }
}

static void a_nan_stays_a_nan(void **unused) {
  (void)unused;
  for (int row = 0; row < EXPECTATIONS; row++) {
    const expectation *expected = &expectations[row];
    assert_true(isnan(forward_one(expected, NAN)));
    assert_true(isnan(forward_one(expected, -NAN)));
    const float x = 1.0f, y = forward_one(expected, x), dy = NAN;
    float dx;
    find(expected->name)->backward(1, expected->argument, &x, &y, &dy, &dx);
    assert_true(isnan(dx));
    if (find(expected->name)->second) assert_true(isnan(second_one(expected, NAN)));
  }
}

static void defaults_are_those_of_the_literature(void **unused) {
  (void)unused;
  assert_int_equal(gan_activation_count, EXPECTATIONS);
  for (int i = 0; i < gan_activation_count; i++) {
    const gan_activation *activation = &gan_activations[i];
    if (strcmp(activation->name, "leaky_relu") == 0) {
      assert_true(activation->argument == 0.2);
    } else if (strcmp(activation->name, "elu") == 0) {
      assert_true(activation->argument == 1.0);
    } else {
      assert_true(isnan(activation->argument));
    }
  }
}

/* So that a layer may write over its input, or let its output go. Every 9973rd bit pattern there is, and in place. */
static void one_of_input_and_output_is_enough_to_go_back(void **unused) {
  (void)unused;
  for (int row = 0; row < EXPECTATIONS; row++) {
    const gan_activation *activation = find(expectations[row].name);
    const float argument = expectations[row].argument, dy = 0.75f;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 9973) {
      const uint32_t pattern = (uint32_t)bits;
      float x, y, both, one, left;
      memcpy(&x, &pattern, sizeof x);
      left = x;
      activation->forward(1, argument, &x, &y);
      activation->backward(1, argument, &x, &y, &dy, &both);
      if (activation->from_output) activation->forward(1, argument, &left, &left);
      activation->backward(1, argument, &left, &left, &dy, &one);
      if (memcmp(&both, &one, sizeof one) != 0 && !(isnan(both) && isnan(one)))
        fail_msg("%s at %.9g: %.9g and %.9g", activation->name, (double)x, (double)both, (double)one);
    }
  }
}

enum { LENGTH = 517, SHIFTS = 17 };

/* From whole vectors, from shifted copies, and in pieces: always the same bits. */
static void bits_do_not_depend_on_alignment_or_pieces(void **unused) {
  (void)unused;
  static float x[LENGTH + SHIFTS], y[LENGTH + SHIFTS], dy[LENGTH + SHIFTS], dx[LENGTH + SHIFTS];
  static float right_y[LENGTH], right_dx[LENGTH], right_second[LENGTH], values[LENGTH];
  for (int i = 0; i < LENGTH; i++) values[i] = 9.0f * sinf((float)i) + (i % 50 == 0 ? 90.0f : 0.0f);
  for (int row = 0; row < EXPECTATIONS; row++) {
    const gan_activation *activation = find(expectations[row].name);
    const float argument = expectations[row].argument;
    for (int i = 0; i < LENGTH; i++) {
      activation->forward(1, argument, values + i, right_y + i);
      activation->backward(1, argument, values + i, right_y + i, values + LENGTH - 1 - i, right_dx + i);
      right_second[i] = 0.0f;
      if (activation->second)
        activation->second(1, argument, values + i, right_y + i, values + i, right_y + i, right_second + i);
    }
    for (int shift = 0; shift < SHIFTS; shift++) {
      float *at_x = x + shift, *at_y = y + SHIFTS - 1 - shift, *at_dy = dy + shift / 2, *at_dx = dx + shift / 3;
      if (activation->second) {
        float at_second[LENGTH + SHIFTS] = {0};
        memcpy(at_x, values, sizeof values);
        memcpy(at_y, right_y, sizeof right_y);
        activation->second(LENGTH, argument, at_x, at_y, at_x, at_y, at_second + shift);
        assert_memory_equal(at_second + shift, right_second, sizeof right_second);
      }
      memcpy(at_x, values, sizeof values);
      for (int i = 0; i < LENGTH; i++) at_dy[i] = values[LENGTH - 1 - i];
      for (int begin = 0, end; begin < LENGTH; begin = end) {
        end = begin + 37 * shift + (shift == 0 ? LENGTH : 1);
        if (end > LENGTH) end = LENGTH;
        const size_t n = (size_t)(end - begin);
        activation->forward(n, argument, at_x + begin, at_y + begin);
        activation->backward(n, argument, at_x + begin, at_y + begin, at_dy + begin, at_dx + begin);
      }
      assert_memory_equal(at_y, right_y, sizeof right_y);
      assert_memory_equal(at_dx, right_dx, sizeof right_dx);
      activation->backward(LENGTH, argument, at_x, at_y, at_dy, at_dy); /* in place */
      assert_memory_equal(at_dy, right_dx, sizeof right_dx);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_equal_those_of_the_c_library),
      cmocka_unit_test(derivatives_equal_differences_of_the_values),
      cmocka_unit_test(second_derivatives_equal_differences_of_the_values),
      cmocka_unit_test(only_activations_linear_in_pieces_have_no_second_derivative),
      cmocka_unit_test(second_derivatives_are_added_with_their_factors),
      cmocka_unit_test(slopes_at_a_corner_are_those_of_the_negative_side),
      cmocka_unit_test(huge_arguments_give_the_limits),
      cmocka_unit_test(a_nan_stays_a_nan),
      cmocka_unit_test(defaults_are_those_of_the_literature),
      cmocka_unit_test(one_of_input_and_output_is_enough_to_go_back),
      cmocka_unit_test(bits_do_not_depend_on_alignment_or_pieces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
