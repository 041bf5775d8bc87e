/* Pooling against its definition, written out: lines of all lengths, which are made together but for their ends, give
   what each position by itself gives, bit for bit. */
#include "kernels/resample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs those before it */
#include <cmocka.h>

#include "base/random.h"

enum { PLANES = 2 };

static const gan_window windows[] = {
    {.in = {1, 5, 200}, .kernel = {1, 3, 3}, .stride = {1, 1, 1}, .padding = {0, 1, 1}},
    {.in = {1, 9, 147}, .kernel = {1, 3, 3}, .stride = {1, 2, 2}},
    {.in = {1, 4, 131}, .kernel = {1, 2, 5}, .stride = {1, 1, 3}, .padding = {0, 1, 2}},
    {.in = {1, 1, 7}, .kernel = {1, 1, 7}, .stride = {1, 1, 1}, .padding = {0, 0, 3}},
    {.in = {1, 3, 2}, .kernel = {1, 3, 4}, .stride = {1, 1, 1}, .padding = {0, 1, 2}},
    {.in = {1, 2, 1}, .kernel = {1, 1, 2}, .stride = {1, 1, 2}, .padding = {0, 0, 1}},
    {.in = {1, 2, 9}, .kernel = {1, 2, 4}, .stride = {1, 2, 7}, .padding = {0, 0, 1}},
    {.in = {3, 4, 70}, .kernel = {2, 3, 3}, .stride = {1, 2, 1}, .padding = {1, 1, 1}},
    {.in = {1, 6, 8}, .kernel = {1, 6, 8}, .stride = {1, 1, 1}},
    {.in = {1, 14, 14}, .kernel = {1, 2, 2}, .stride = {1, 2, 2}},
    {.in = {1, 7, 7}, .kernel = {1, 2, 2}, .stride = {1, 2, 2}},
    {.in = {1, 1, 9}, .kernel = {1, 1, 3}, .stride = {1, 1, 2}},
    {.in = {4, 5, 6}, .kernel = {2, 3, 2}, .stride = {2, 1, 2}},
};
enum { WINDOWS = sizeof windows / sizeof *windows };

static gan_window placed(int number) {
  gan_window window = windows[number];
  for (int i = 0; i < GAN_AXES; i++)
    window.out[i] = (window.in[i] + 2 * window.padding[i] - window.kernel[i]) / window.stride[i] + 1;
  return window;
}

typedef struct pooled {
  float largest, mean, inner_mean;
} pooled;

/* One window position of a plane; `at` along each axis. */
static pooled pool(const gan_window *window, const int64_t at[GAN_AXES], const float *x) {
  double sum = 0;
  int64_t inside = 0;
  pooled result = {0};
  for (int64_t element = 0; element < gan_positions(window->kernel); element++) {
    const int64_t offset[GAN_AXES] = {element / window->kernel[2] / window->kernel[1],
                                      element / window->kernel[2] % window->kernel[1], element % window->kernel[2]};
    int64_t place = 0;
    bool within = true;
    for (int i = 0; i < GAN_AXES; i++) {
      const int64_t here = at[i] * window->stride[i] - window->padding[i] + offset[i];
      within = within && here >= 0 && here < window->in[i];
      place = place * window->in[i] + here;
    }
    if (!within) continue;
    if (inside++ == 0 || x[place] > result.largest || isnan(x[place])) result.largest = x[place];
    sum += (double)x[place];
  }
  result.mean = (float)(sum / (double)gan_positions(window->kernel));
  result.inner_mean = (float)(sum / (double)inside);
  return result;
}

static bool same(float a, float b) { return a == b || (isnan(a) && isnan(b)); }

static void check_window(int number, const float *x) {
  const gan_window window = placed(number);
  const int64_t in = gan_positions(window.in), out = gan_positions(window.out);
  const size_t count = (size_t)(PLANES * out);
  float *largest = malloc(count * sizeof *largest), *mean = malloc(count * sizeof *mean);
  float *inner_mean = malloc(count * sizeof *inner_mean);
  assert_true(largest && mean && inner_mean);
  gan_max_pool(&window, PLANES, x, largest);
  gan_average_pool(&window, false, PLANES, x, mean);
  gan_average_pool(&window, true, PLANES, x, inner_mean);
  for (int64_t i = 0; i < (int64_t)count; i++) {
    const int64_t position = i % out;
    const int64_t at[GAN_AXES] = {position / window.out[2] / window.out[1], position / window.out[2] % window.out[1],
                                  position % window.out[2]};
    const pooled expected = pool(&window, at, x + i / out * in);
    if (!same(largest[i], expected.largest) || !same(mean[i], expected.mean) ||
        !same(inner_mean[i], expected.inner_mean))
      fail_msg("window %d, position %d: %g %g %g, not %g %g %g", number, (int)position, (double)largest[i],
               (double)mean[i], (double)inner_mean[i], (double)expected.largest, (double)expected.mean,
               (double)expected.inner_mean);
  }
  free(largest);
  free(mean);
  free(inner_mean);
}

static float *numbers(int number) {
  const size_t count = PLANES * (size_t)gan_positions(windows[number].in);
  float *x = malloc(count * sizeof *x);
  assert_non_null(x);
  gan_random_normal((gan_random_address){.seed = 5, .step = (uint64_t)number}, count, x);
  return x;
}

static void positions_made_together_are_those_made_one_by_one(void **state) {
  (void)state;
  for (int i = 0; i < WINDOWS; i++) {
    float *x = numbers(i);
    check_window(i, x);
    free(x);
  }
}

static void a_nan_in_a_window_is_what_comes_out(void **state) {
  (void)state;
  for (int i = 0; i < WINDOWS; i++) {
    const int64_t in = gan_positions(windows[i].in);
    float *x = numbers(i);
    x[in / 2] = NAN;
    x[in] = NAN;
    check_window(i, x);
    free(x);
  }
}

/* Also the sign of zeros and which NaN it is. */
static void many_planes_are_pooled_as_each_by_itself(void **state) {
  enum { MANY = 200 };
  const gan_window window = {.in = {1, 7, 7}, .out = {1, 3, 3}, .kernel = {1, 2, 2}, .stride = {1, 2, 2}};
  float x[MANY * 49], together[MANY * 9], alone[9];
  (void)state;
  gan_random_normal((gan_random_address){.seed = 6}, MANY * 49, x);
  for (int i = 0; i < MANY * 49; i += 3) x[i] = i % 2 ? -0.0f : 0.0f;
  for (int i = 5; i < MANY * 49; i += 40) x[i] = i % 3 ? nanf("1") : nanf("2");
  gan_max_pool(&window, MANY, x, together);
  for (int plane = 0; plane < MANY; plane++)
    for (int i = 0; i < 9; i++) {
      const float *first = x + plane * 49 + i / 3 * 14 + i % 3 * 2,
                  in_order[] = {first[0], first[1], first[7], first[8]};
      alone[i] = in_order[0];
      for (int k = 1; k < 4; k++)
        if (in_order[k] > alone[i] || (isnan(in_order[k]) && !isnan(alone[i]))) alone[i] = in_order[k];
      assert_memory_equal(&alone[i], &together[plane * 9 + i], sizeof(float));
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(positions_made_together_are_those_made_one_by_one),
      cmocka_unit_test(a_nan_in_a_window_is_what_comes_out),
      cmocka_unit_test(many_planes_are_pooled_as_each_by_itself),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
