/* Padding and blurring against their definitions, written out position by position: lines of all lengths, which are
   made together but for their ends. Values are small whole numbers, so that all sums are exact; the way back is the
   transpose by <A x, y> = <x, At y>. */
#include "kernels/borders.h"

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

/* Whole numbers from -8 to 7. */
static float *numbers(uint64_t what, int64_t count) {
  float *made = malloc((size_t)count * sizeof *made);
  assert_non_null(made);
  gan_random_uniform((gan_random_address){.seed = 1, .stream = GAN_STREAM_EVALUATION, .step = what}, (size_t)count,
                     made);
  for (int64_t i = 0; i < count; i++) made[i] = (float)((int)(16 * made[i]) - 8);
  return made;
}

/* The names' meanings, step by step from position 0 instead of by a formula; -1 for zeros. */
static int64_t walk(const char *border, int64_t position, int64_t size) {
  int64_t at = 0, step = position < 0 ? -1 : 1;
  for (int64_t left = position < 0 ? -position : position; left > 0; left--) {
    const bool at_end = at + step < 0 || at + step >= size;
    if (at_end && strcmp(border, "zeros") == 0) return -1;
    if (at_end && strcmp(border, "replicate") == 0) return at;
    if (at_end && strcmp(border, "reflect") == 0) step = -step;
    at = at_end && strcmp(border, "circular") == 0 ? (at + step + size) % size : at + step;
  }
  return at;
}

/* Of a plane (sizes): the value at a position that may lie outside. */
static double value_at(const char *border, const int64_t size[GAN_AXES], const int64_t position[GAN_AXES],
                       const float *x) {
  int64_t place = 0;
  for (int axis = 0; axis < GAN_AXES; axis++) {
    const int64_t source = walk(border, position[axis], size[axis]);
    if (source < 0) return 0;
    place = place * size[axis] + source;
  }
  return (double)x[place];
}

static void unfold(int64_t place, const int64_t size[GAN_AXES], int64_t at[GAN_AXES]) {
  at[2] = place % size[2];
  at[1] = place / size[2] % size[1];
  at[0] = place / size[2] / size[1];
}

static double product(int64_t count, const float *x, const float *y) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += (double)x[i] * (double)y[i];
  return sum;
}

/* Sizes where every border has values. */
static const int64_t pads[][2][GAN_AXES] = {{{1, 5, 200}, {0, 2, 3}}, {{1, 1, 7}, {0, 0, 6}}, {{3, 4, 5}, {2, 1, 3}},
                                            {{1, 2, 33}, {0, 1, 0}},  {{2, 3, 2}, {1, 0, 1}}, {{1, 1, 1}, {0, 0, 0}}};

static void check_padding(const gan_border *border, const int64_t sizes[2][GAN_AXES]) {
  gan_padding padding = {.border = border};
  int64_t out[GAN_AXES];
  for (int i = 0; i < GAN_AXES; i++) {
    padding.in[i] = sizes[0][i];
    padding.amount[i] = sizes[1][i];
    out[i] = sizes[0][i] + 2 * sizes[1][i];
  }
  const int64_t ins = gan_positions(padding.in), outs = gan_positions(out);
  float *x = numbers(1, PLANES * ins), *dx = numbers(2, PLANES * ins);
  float *y = numbers(3, PLANES * outs), *dy = numbers(4, PLANES * outs);
  gan_pad(&padding, PLANES, x, y);
  for (int64_t i = 0; i < PLANES * outs; i++) {
    int64_t at[GAN_AXES];
    unfold(i % outs, out, at);
    for (int axis = 0; axis < GAN_AXES; axis++) at[axis] -= padding.amount[axis];
    assert_true((double)y[i] == value_at(border->name, padding.in, at, x + i / outs * ins));
  }
  gan_pad_backward(&padding, PLANES, dy, dx);
  assert_true(product(PLANES * outs, y, dy) == product(PLANES * ins, x, dx));
  free(x), free(dx), free(y), free(dy);
}

static void padding_goes_on_beyond_the_ends_as_the_border_says(void **state) {
  (void)state;
  for (int border = 0; border < gan_border_count; border++)
    for (size_t i = 0; i < sizeof pads / sizeof *pads; i++) check_padding(&gan_borders[border], pads[i]);
}

static const gan_blurring blurs[] = {
    {.in = {1, 5, 200}, .stride = {1, 1, 1}, .blurred = {false, true, true}},
    {.in = {1, 6, 147}, .stride = {1, 2, 2}, .blurred = {false, true, true}},
    {.in = {1, 7, 64}, .stride = {1, 3, 5}, .blurred = {false, true, true}},
    {.in = {3, 4, 5}, .stride = {2, 1, 1}, .blurred = {true, true, true}},
    {.in = {1, 1, 9}, .stride = {1, 1, 2}, .blurred = {false, false, true}},
    {.in = {1, 1, 2}, .stride = {1, 1, 1}, .blurred = {false, false, true}},
    {.in = {1, 2, 3}, .stride = {1, 4, 2}, .blurred = {false, true, true}},
    {.in = {1, 2, 4}, .stride = {1, 1, 3}, .blurred = {false, true, true}},
};

/* One position, as a sum of 3 x 3 x 3 weights. */
static double blurred_at(const gan_blurring *sizes, const int64_t at[GAN_AXES], const float *x) {
  double sum = 0;
  for (int tap = 0; tap < 27; tap++) {
    const int taps[GAN_AXES] = {tap / 9, tap / 3 % 3, tap % 3};
    int64_t position[GAN_AXES];
    double weight = 1;
    for (int axis = 0; axis < GAN_AXES; axis++) {
      position[axis] = at[axis] * sizes->stride[axis] + taps[axis] - 1;
      weight *= !sizes->blurred[axis] ? taps[axis] == 1 : taps[axis] == 1 ? 0.5 : 0.25;
    }
    if (weight != 0) sum += weight * value_at(sizes->border->name, sizes->in, position, x);
  }
  return sum;
}

static void check_blurring(const gan_border *border, gan_blurring sizes) {
  int64_t out[GAN_AXES];
  sizes.border = border;
  for (int i = 0; i < GAN_AXES; i++) out[i] = gan_blurred_size(&sizes, i);
  const int64_t ins = gan_positions(sizes.in), outs = gan_positions(out);
  float *x = numbers(1, PLANES * ins), *dx = numbers(2, PLANES * ins), *line = numbers(5, sizes.in[2]);
  float *y = numbers(3, PLANES * outs), *dy = numbers(4, PLANES * outs);
  gan_blur(&sizes, PLANES, x, y, line);
  for (int64_t i = 0; i < PLANES * outs; i++) {
    int64_t at[GAN_AXES];
    unfold(i % outs, out, at);
    assert_true((double)y[i] == blurred_at(&sizes, at, x + i / outs * ins));
  }
  gan_blur_backward(&sizes, PLANES, dy, dx, line);
  assert_true(product(PLANES * outs, y, dy) == product(PLANES * ins, x, dx));
  free(x), free(dx), free(y), free(dy), free(line);
}

static void blurring_is_the_weighted_sum_of_neighbours(void **state) {
  (void)state;
  for (int border = 0; border < gan_border_count; border++)
    for (size_t i = 0; i < sizeof blurs / sizeof *blurs; i++) check_blurring(&gan_borders[border], blurs[i]);
}

static void blurring_keeps_what_is_the_same_everywhere(void **state) {
  (void)state;
  const gan_blurring sizes = {
      .in = {1, 3, 20}, .stride = {1, 2, 1}, .blurred = {false, true, true}, .border = gan_border_find("reflect")};
  float x[60], y[40], line[20];
  for (int i = 0; i < 60; i++) x[i] = 0.3F;
  gan_blur(&sizes, 1, x, y, line);
  for (int i = 0; i < 40; i++) assert_true(y[i] == 0.3F);
}

static void a_border_that_is_none_is_not_found(void **state) {
  (void)state;
  assert_null(gan_border_find("reflection"));
  for (int i = 0; i < gan_border_count; i++) assert_ptr_equal(gan_border_find(gan_borders[i].name), &gan_borders[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(padding_goes_on_beyond_the_ends_as_the_border_says),
      cmocka_unit_test(blurring_is_the_weighted_sum_of_neighbours),
      cmocka_unit_test(blurring_keeps_what_is_the_same_everywhere),
      cmocka_unit_test(a_border_that_is_none_is_not_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
