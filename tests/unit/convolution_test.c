/* The three operations of a convolution on every backend, against the defining sum in double; over sizes that make
   tiles of every kind: many samples, some lines, whole samples. */
#include "kernels/convolution.h"

#include <math.h>

#include "base/float_bits.h"
#include "kernels/environment.h"
#include "nn_support.h"

typedef struct problem {
  gan_convolution sizes;
  int64_t rows;
  size_t x_count, weight_count, y_count;
  float *x, *weight, *y;
} problem;

/* Sets window.out and fills all three operands. */
static problem problem_create(gan_convolution sizes, int64_t rows) {
  problem made = {.sizes = sizes, .rows = rows};
  gan_window *window = &made.sizes.window;
  for (int i = 0; i < GAN_AXES; i++)
    window->out[i] = (window->in[i] + 2 * window->padding[i] - gan_kernel_reach(window, i)) / window->stride[i] + 1;
  made.x_count = (size_t)(rows * sizes.in_channels * gan_positions(window->in));
  made.weight_count = (size_t)(sizes.out_channels * gan_filter_size(&sizes));
  made.y_count = (size_t)(rows * sizes.out_channels * gan_positions(window->out));
  made.x = rig_memory(made.x_count, sizeof(float));
  made.weight = rig_memory(made.weight_count, sizeof(float));
  made.y = rig_memory(made.y_count, sizeof(float));
  rig_normal(1, made.x_count, made.x);
  rig_normal(2, made.weight_count, made.weight);
  rig_normal(3, made.y_count, made.y);
  return made;
}

static void problem_release(problem *made) {
  free(made->x);
  free(made->weight);
  free(made->y);
}

/* Calls `visit` for every product x * weight that is part of an element of y. */
typedef void product_visit(size_t x, size_t weight, size_t y, void *context);
static void for_each_product(const problem *p, product_visit *visit, void *context) {
  const gan_window *w = &p->sizes.window;
  const int64_t groups = gan_group_count(&p->sizes), ic = p->sizes.in_channels / groups, oc = p->sizes.out_channels;
  for (int64_t y = 0; y < (int64_t)p->y_count; y++) {
    const int64_t ox = y % w->out[2], oy = y / w->out[2] % w->out[1], oz = y / w->out[2] / w->out[1] % w->out[0];
    const int64_t o = y / gan_positions(w->out) % oc, row = y / gan_positions(w->out) / oc;
    for (int64_t k = 0; k < ic * gan_positions(w->kernel); k++) {
      const int64_t kx = k % w->kernel[2], ky = k / w->kernel[2] % w->kernel[1];
      const int64_t kz = k / w->kernel[2] / w->kernel[1] % w->kernel[0], c = k / gan_positions(w->kernel);
      const int64_t ix = ox * w->stride[2] + kx * gan_dilation(w, 2) - w->padding[2];
      const int64_t iy = oy * w->stride[1] + ky * gan_dilation(w, 1) - w->padding[1];
      const int64_t iz = oz * w->stride[0] + kz * gan_dilation(w, 0) - w->padding[0];
      if (ix < 0 || ix >= w->in[2] || iy < 0 || iy >= w->in[1] || iz < 0 || iz >= w->in[0]) continue;
      const int64_t group = o / (oc / groups);
      const int64_t x = ((((row * groups + group) * ic + c) * w->in[0] + iz) * w->in[1] + iy) * w->in[2] + ix;
      visit((size_t)x, (size_t)(o * ic * gan_positions(w->kernel) + k), (size_t)y, context);
    }
  }
}

typedef struct sums {
  const problem *problem;
  double *y, *dx, *dweight;
} sums;

static void add_product(size_t x, size_t weight, size_t y, void *context) {
  sums *into = context;
  const problem *p = into->problem;
  into->y[y] += (double)p->x[x] * (double)p->weight[weight];
  into->dx[x] += (double)p->y[y] * (double)p->weight[weight];
  into->dweight[weight] += (double)p->y[y] * (double)p->x[x];
}

static void assert_close(const char *what, const gan_backend *backend, size_t count, const float *values,
                         const double *expected) {
  double largest = 0;
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(expected[i]));
  for (size_t i = 0; i < count; i++)
    if (!(fabs((double)values[i] - expected[i]) <= 1e-5 * largest))
      fail_msg("%s by %s: [%zu] is %.9g instead of %.9g", what, backend->name, i, (double)values[i], expected[i]);
}

/* What an operation writes starts as NaN, so that nothing may be left out or added to. */
static float *unset(size_t count) {
  float *memory = rig_memory(count, sizeof *memory);
  for (size_t i = 0; i < count; i++) memory[i] = NAN;
  return memory;
}

static void check_backend(const gan_backend *backend, const problem *p, const sums *expected) {
  assert_int_equal(backend->open(), GAN_OK);
  float *scratch = unset(gan_convolution_scratch(backend, &p->sizes));
  float *y = unset(p->y_count), *dx = unset(p->x_count), *dweight = unset(p->weight_count);
  gan_convolution_forward(backend, &p->sizes, p->rows, p->x, p->weight, y, scratch);
  assert_close("y", backend, p->y_count, y, expected->y);
  gan_convolution_backward_data(backend, &p->sizes, p->rows, p->y, p->weight, dx, scratch);
  assert_close("dx", backend, p->x_count, dx, expected->dx);
  gan_convolution_backward_weights(backend, &p->sizes, p->rows, p->x, p->y, dweight, scratch);
  assert_close("dweight", backend, p->weight_count, dweight, expected->dweight);
  free(scratch);
  free(y);
  free(dx);
  free(dweight);
}

/* Input channels, output channels, samples; input, kernel, stride, padding and gaps of depth, height and width; groups.
 */
static const struct {
  int64_t in_channels, out_channels, rows;
  gan_window window;
  int64_t groups;
} problems[] = {
    {1, 1, 1, {{1, 1, 1}, {0}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 1},
    /* One place, whose window is the whole input: a fully connected layer. */
    {3, 5, 4, {{2, 3, 4}, {0}, {2, 3, 4}, {1, 2, 1}, {0, 0, 0}, {0, 0, 0}}, 1},
    {3, 2, 2, {{1, 5, 7}, {0}, {1, 3, 2}, {1, 2, 1}, {0, 1, 0}, {0, 0, 0}}, 1},
    {2, 3, 3, {{4, 3, 5}, {0}, {2, 3, 3}, {1, 1, 2}, {1, 0, 2}, {0, 0, 0}}, 1},
    /* Nothing but padding under some elements of the kernel, and under whole windows. */
    {2, 2, 2, {{1, 2, 2}, {0}, {1, 5, 5}, {1, 3, 3}, {0, 4, 4}, {0, 0, 0}}, 1},
    {1, 2, 2, {{1, 3, 3}, {0}, {1, 1, 1}, {1, 1, 1}, {0, 3, 2}, {0, 0, 0}}, 1},
    /* Rows and columns at the end that no window reaches. */
    {2, 2, 3, {{1, 6, 8}, {0}, {1, 2, 3}, {1, 4, 4}, {0, 0, 0}, {0, 0, 0}}, 1},
    /* Samples together, the last tile with fewer; a few lines at a time; pieces of lines. */
    {2, 3, 1500, {{1, 3, 3}, {0}, {1, 2, 2}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 1},
    {1, 2, 2, {{1, 90, 77}, {0}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 0, 0}}, 1},
    {700, 2, 3, {{1, 14, 15}, {0}, {1, 3, 2}, {1, 1, 1}, {0, 1, 1}, {0, 0, 0}}, 1},
    {1, 1, 2, {{1, 2, 5000}, {0}, {1, 1, 3}, {1, 1, 1}, {0, 0, 1}, {0, 0, 0}}, 1},
    {300, 2, 2, {{1, 1, 700}, {0}, {1, 1, 25}, {1, 1, 3}, {0, 0, 150}, {0, 0, 0}}, 1},
    /* Enough channels and places for products of packed panels: in several blocks, with an odd inner dimension, strides
       that take turns along a line, or leave gaps, odd lines, volumes, more taps than are kept at a time. */
    {50, 24, 5, {{1, 16, 16}, {0}, {1, 4, 4}, {1, 2, 2}, {0, 1, 1}, {0, 0, 0}}, 1},
    {64, 16, 2, {{1, 24, 24}, {0}, {1, 4, 4}, {1, 2, 2}, {0, 1, 1}, {0, 0, 0}}, 1},
    {17, 19, 4, {{1, 12, 12}, {0}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 0, 0}}, 1},
    {16, 17, 9, {{1, 13, 11}, {0}, {1, 4, 4}, {1, 2, 2}, {0, 1, 1}, {0, 0, 0}}, 1},
    {16, 16, 40, {{1, 9, 12}, {0}, {1, 2, 2}, {1, 3, 3}, {0, 0, 0}, {0, 0, 0}}, 1},
    {18, 16, 20, {{1, 7, 10}, {0}, {1, 2, 1}, {1, 2, 2}, {0, 1, 1}, {0, 0, 0}}, 1},
    {21, 20, 5, {{3, 6, 7}, {0}, {2, 3, 3}, {1, 2, 1}, {1, 1, 2}, {0, 0, 0}}, 1},
    {16, 18, 3, {{1, 1, 200}, {0}, {1, 1, 40}, {1, 1, 1}, {0, 0, 16}, {0, 0, 0}}, 1},
    {16, 16, 300, {{1, 2, 3}, {0}, {1, 2, 3}, {1, 1, 1}, {0, 1, 1}, {0, 0, 0}}, 1},
    {40, 33, 260, {{1, 1, 1}, {0}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 1},
    {16, 16, 70, {{1, 4, 4}, {0}, {1, 5, 5}, {1, 4, 4}, {0, 2, 2}, {0, 0, 0}}, 1},
    /* Copies of a few samples, the last of fewer, with an odd number of places, and of channels; several groups of
       sums; planes that would fall on the same lines of the cache. */
    {131, 300, 13, {{1, 7, 5}, {0}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 0, 0}}, 1},
    {25, 16, 3, {{1, 16, 32}, {0}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 0, 0}}, 1},
    /* Dilated, portable and packed: strides with a divisor in common and without, more than the kernel, over padding.
     */
    {3, 2, 2, {{1, 9, 8}, {0}, {1, 3, 2}, {1, 1, 1}, {0, 2, 1}, {0, 1, 2}}, 1},
    {2, 3, 2, {{3, 9, 11}, {0}, {2, 2, 3}, {1, 2, 3}, {1, 1, 4}, {1, 3, 1}}, 1},
    {16, 17, 4, {{1, 12, 12}, {0}, {1, 3, 3}, {1, 1, 1}, {0, 2, 3}, {0, 1, 2}}, 1},
    {17, 16, 5, {{1, 16, 14}, {0}, {1, 3, 3}, {1, 2, 2}, {0, 2, 2}, {0, 1, 1}}, 1},
    {16, 16, 6, {{1, 14, 16}, {0}, {1, 4, 3}, {1, 2, 2}, {0, 2, 3}, {0, 2, 2}}, 1},
    {16, 19, 6, {{1, 17, 19}, {0}, {1, 3, 3}, {1, 4, 6}, {0, 2, 3}, {0, 1, 3}}, 1},
    {18, 16, 2, {{5, 9, 8}, {0}, {2, 3, 2}, {1, 3, 2}, {1, 2, 1}, {2, 1, 2}}, 1},
    /* Groups: depthwise, with several filters each, few channels, those of products; strides, gaps, all axes; planes in
       one piece of a vector, and in many; windows over nothing but padding; sizes that planes do not suit. */
    {5, 5, 3, {{1, 7, 9}, {0}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 0, 0}}, 5},
    {3, 6, 2, {{1, 30, 21}, {0}, {1, 3, 5}, {1, 2, 2}, {0, 1, 2}, {0, 0, 0}}, 3},
    {4, 4, 3, {{1, 2, 2}, {0}, {1, 2, 2}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}}, 4},
    {2, 2, 2, {{1, 11, 12}, {0}, {1, 3, 3}, {1, 1, 1}, {0, 2, 4}, {0, 1, 3}}, 2},
    {12, 18, 3, {{1, 9, 10}, {0}, {1, 4, 4}, {1, 2, 2}, {0, 1, 1}, {0, 0, 0}}, 3},
    {10, 20, 2, {{1, 8, 8}, {0}, {1, 1, 1}, {1, 2, 2}, {0, 0, 0}, {0, 0, 0}}, 2},
    {8, 4, 2, {{3, 6, 7}, {0}, {2, 3, 2}, {1, 2, 3}, {1, 1, 2}, {1, 0, 2}}, 2},
    {2, 4, 2, {{1, 2, 2}, {0}, {1, 5, 5}, {1, 3, 3}, {0, 4, 4}, {0, 0, 0}}, 2},
    {3, 3, 2, {{1, 6, 8}, {0}, {1, 2, 3}, {1, 4, 4}, {0, 0, 0}, {0, 0, 0}}, 3},
    {2, 2, 2, {{1, 1, 4000}, {0}, {1, 1, 3}, {1, 1, 1}, {0, 0, 1}, {0, 0, 0}}, 2},
    {2, 2, 2, {{1, 20, 20}, {0}, {1, 2, 2}, {1, 1, 1}, {0, 150, 150}, {0, 299, 299}}, 2},
    {32, 32, 3, {{1, 12, 12}, {0}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 0, 0}}, 2},
    {36, 24, 150, {{1, 8, 8}, {0}, {1, 4, 4}, {1, 2, 2}, {0, 1, 1}, {0, 0, 0}}, 2},
    {38, 26, 4, {{1, 9, 8}, {0}, {1, 3, 3}, {1, 1, 1}, {0, 2, 2}, {0, 1, 1}}, 2},
};
enum { PROBLEM_COUNT = sizeof problems / sizeof problems[0] };

static problem problem_of_row(size_t i) {
  return problem_create((gan_convolution){.in_channels = problems[i].in_channels,
                                          .out_channels = problems[i].out_channels,
                                          .window = problems[i].window,
                                          .groups = problems[i].groups},
                        problems[i].rows);
}

static sums sums_create(const problem *p) {
  sums made = {.problem = p,
               .y = rig_memory(p->y_count, sizeof(double)),
               .dx = rig_memory(p->x_count, sizeof(double)),
               .dweight = rig_memory(p->weight_count, sizeof(double))};
  for_each_product(p, add_product, &made);
  return made;
}

static void sums_release(sums *made) {
  free(made->y);
  free(made->dx);
  free(made->dweight);
}

/* With the kernels for this CPU, and with those for lesser ones. */
static void convolutions_are_the_sums_that_define_them(void **state) {
  (void)state;
  const gan_cpu_level own = gan_cpu();
  for (size_t i = 0; i < PROBLEM_COUNT; i++) {
    problem p = problem_of_row(i);
    sums expected = sums_create(&p);
    for (int level = GAN_CPU_BASELINE; level <= (int)own; level++) {
      gan_cpu_limit((gan_cpu_level)level);
      for (int backend = 0; backend < gan_backend_count; backend++) check_backend(gan_backends[backend], &p, &expected);
    }
    sums_release(&expected);
    problem_release(&p);
  }
}

/* Keeps the 8 leading bits of a float32's significand, all that bfloat16 has. */
static void cut_to_bfloat16(size_t count, float *values) {
  for (size_t i = 0; i < count; i++) values[i] = float_of_bits(bits_of_float(values[i]) & 0xffff0000u);
}

/* Of operands that bfloat16 holds exactly, results are as good as in float32: nothing but operands is rounded. */
static void convolutions_in_bfloat16_round_nothing_but_their_operands(void **state) {
  (void)state;
  const gan_backend *backend = NULL;
  if (gan_backend_open("auto", GAN_BFLOAT16, &backend) != GAN_OK) skip();
  for (size_t i = 0; i < PROBLEM_COUNT; i++) {
    problem p = problem_of_row(i);
    cut_to_bfloat16(p.x_count, p.x);
    cut_to_bfloat16(p.weight_count, p.weight);
    cut_to_bfloat16(p.y_count, p.y);
    sums expected = sums_create(&p);
    check_backend(backend, &p, &expected);
    sums_release(&expected);
    problem_release(&p);
  }
}

static void the_place_in_memory_does_not_change_a_bit(void **state) {
  (void)state;
  problem p = problem_create(
      (gan_convolution){.in_channels = 16,
                        .out_channels = 17,
                        .window = {.in = {1, 9, 11}, .kernel = {1, 3, 3}, .stride = {1, 2, 1}, .padding = {0, 1, 1}}},
      6);
  for (int backend = 0; backend < gan_backend_count; backend++) {
    float *scratch = unset(gan_convolution_scratch(gan_backends[backend], &p.sizes) + 16);
    float *first = unset(p.y_count), *second = unset(p.y_count + 16), *moved = unset(p.x_count + 16);
    assert_int_equal(gan_backends[backend]->open(), GAN_OK);
    gan_convolution_forward(gan_backends[backend], &p.sizes, p.rows, p.x, p.weight, first, scratch);
    for (size_t shift = 1; shift < 16; shift += 5) {
      memcpy(moved + shift, p.x, p.x_count * sizeof *moved);
      gan_convolution_forward(gan_backends[backend], &p.sizes, p.rows, moved + shift, p.weight, second + shift,
                              scratch + shift);
      assert_memory_equal(first, second + shift, p.y_count * sizeof *first);
    }
    free(scratch);
    free(first);
    free(second);
    free(moved);
  }
  problem_release(&p);
}

/* However large a sample is: one copy at a time of what is unfolded, and of both images for the weights. With few
   channels nothing is copied. */
static void scratch_memory_is_of_few_samples(void **state) {
  (void)state;
  const gan_window window = {
      .in = {1, 96, 96}, .kernel = {1, 3, 3}, .stride = {1, 1, 1}, .padding = {0, 1, 1}, .out = {1, 96, 96}};
  const size_t plane = 96 * 96;
  for (int backend = 0; backend < gan_backend_count; backend++) {
    assert_int_equal(gan_backends[backend]->open(), GAN_OK);
    const gan_convolution many = {.in_channels = 64, .out_channels = 64, .window = window};
    assert_true(gan_convolution_scratch(gan_backends[backend], &many) < 3 * 64 * plane);
    const gan_convolution few = {.in_channels = 3, .out_channels = 64, .window = window};
    assert_true(gan_convolution_scratch(gan_backends[backend], &few) < 64 * plane);
  }
}

/* A backend that has convolutions of its own, which leave a mark instead of a result. */
static size_t own_scratch(gan_precision precision, const gan_convolution *sizes) {
  (void)precision, (void)sizes;
  return 12345678;
}
static bool own_forward(gan_precision precision, const gan_convolution *sizes, int64_t rows, const float *x,
                        const float *weight, float *y, float *scratch) {
  (void)precision, (void)sizes, (void)rows, (void)x, (void)weight, (void)scratch;
  *y = 1;
  return true;
}
static bool own_backward_data(gan_precision precision, const gan_convolution *sizes, int64_t rows, const float *dy,
                              const float *weight, float *dx, float *scratch) {
  (void)precision, (void)sizes, (void)rows, (void)dy, (void)weight, (void)scratch;
  *dx = 2;
  return true;
}
static bool own_backward_weights(gan_precision precision, const gan_convolution *sizes, int64_t rows, const float *x,
                                 const float *dy, float *dweight, float *scratch) {
  (void)precision, (void)sizes, (void)rows, (void)x, (void)dy, (void)scratch;
  *dweight = 3;
  return true;
}
/* One that does nothing, for these sizes. */
static bool no_forward(gan_precision precision, const gan_convolution *sizes, int64_t rows, const float *x,
                       const float *weight, float *y, float *scratch) {
  (void)precision, (void)sizes, (void)rows, (void)x, (void)weight, (void)y, (void)scratch;
  return false;
}

static void a_backends_own_convolutions_are_used(void **state) {
  (void)state;
  const gan_backend own = {.name = "own",
                           .convolution_scratch = own_scratch,
                           .convolution_forward = own_forward,
                           .convolution_backward_data = own_backward_data,
                           .convolution_backward_weights = own_backward_weights};
  const gan_window window = {.in = {1, 2, 2}, .kernel = {1, 1, 1}, .stride = {1, 1, 1}};
  problem p = problem_create((gan_convolution){.in_channels = 1, .out_channels = 1, .window = window}, 1);
  assert_int_equal(gan_convolution_scratch(&own, &p.sizes), 12345678);
  gan_convolution_forward(&own, &p.sizes, 1, p.x, p.weight, p.y, NULL);
  assert_true(p.y[0] == 1);
  gan_convolution_backward_data(&own, &p.sizes, 1, p.y, p.weight, p.x, NULL);
  assert_true(p.x[0] == 2);
  gan_convolution_backward_weights(&own, &p.sizes, 1, p.x, p.y, p.weight, NULL);
  assert_true(p.weight[0] == 3);
  problem_release(&p);
}

static void what_a_backend_leaves_is_done_the_portable_way(void **state) {
  (void)state;
  gan_backend own = *gan_backend_find("openblas");
  own.convolution_scratch = own_scratch;
  own.convolution_forward = no_forward;
  problem p = problem_of_row(2);
  float *scratch = unset(gan_convolution_scratch(&own, &p.sizes)), *y = unset(p.y_count);
  sums expected = sums_create(&p);
  assert_int_equal(own.open(), GAN_OK);
  gan_convolution_forward(&own, &p.sizes, p.rows, p.x, p.weight, y, scratch);
  assert_close("y", &own, p.y_count, y, expected.y);
  sums_release(&expected);
  free(y);
  free(scratch);
  problem_release(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(convolutions_are_the_sums_that_define_them),
      cmocka_unit_test(the_place_in_memory_does_not_change_a_bit),
      cmocka_unit_test(convolutions_in_bfloat16_round_nothing_but_their_operands),
      cmocka_unit_test(scratch_memory_is_of_few_samples),
      cmocka_unit_test(a_backends_own_convolutions_are_used),
      cmocka_unit_test(what_a_backend_leaves_is_done_the_portable_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
