/* Sets of samples for tests of metrics, made as tests/reference/quality.py makes them. */
#ifndef TESTS_UNIT_METRIC_SUPPORT_H
#define TESTS_UNIT_METRIC_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/memory.h"
#include "base/random.h"
#include "dist/world.h"
#include "eval/metric.h"

enum { REAL_SEED = 11, FAKE_SEED = 12, COMPARISON_SEED = 5 };

/* Two sets of samples, and the question. */
typedef struct sets {
  gan_sample_set real, fake;
  gan_comparison comparison;
} sets;

static inline float *normals(uint64_t seed, int64_t count, int64_t width) {
  float *values = malloc((size_t)(count * width) * sizeof *values + 1);
  gan_random_normal_rows((gan_random_address){.seed = seed, .stream = GAN_STREAM_SYNTHETIC}, (size_t)count,
                         (size_t)width, values);
  return values;
}

/* Compares in place: must not be moved. */
static inline void ask(sets *of, gan_world *world, gan_shape shape, int64_t real_count, float *real, int64_t fake_count,
                       float *fake) {
  *of = (sets){.real = {.count = real_count, .shape = shape, .samples = real},
               .fake = {.count = fake_count, .shape = shape, .samples = fake}};
  of->comparison =
      (gan_comparison){.world = world, .real = &of->real, .fake = &of->fake, .seed = COMPARISON_SEED, .neighbours = 3};
}

static inline void release_sets(sets *of) {
  free((float *)(uintptr_t)of->real.samples);
  free((float *)(uintptr_t)of->fake.samples);
}

static inline int open_alone(void **state) { return gan_world_alone((gan_world **)state) != GAN_OK; }
static inline int close_alone(void **state) {
  gan_world_close(*state);
  return 0;
}

/* Values of the row of that name. */
static inline void compute_row(const char *name, const gan_comparison *comparison, double *values) {
  int first = -1;
  const gan_metric *row = gan_metric_find(name, &first);
  assert_non_null(row);
  assert_int_equal(first, 0);
  assert_null(row->unable(comparison));
  if (row->compute(comparison, values) != GAN_OK) fail_msg("%s: %s", name, gan_error_message());
}

/* Within 1e-6 of it. */
static inline void assert_near(double value, double expected) {
  if (!(fabs(value - expected) <= 1e-6 * fabs(expected))) fail_msg("%.12g is not %.12g", value, expected);
}

static inline void assert_unable(const char *name, const gan_comparison *comparison, const char *why) {
  int value;
  const char *reason = gan_metric_find(name, &value)->unable(comparison);
  assert_non_null(reason);
  if (!strstr(reason, why)) fail_msg("\"%s\" does not say \"%s\"", reason, why);
}

/* A value of fake's sample that is not finite is an error that names the sample. */
static inline void assert_refuses(const char *name, sets *of, int64_t sample, float value) {
  int first;
  double values[GAN_METRIC_VALUES];
  float *at = (float *)(uintptr_t)of->fake.samples + sample * gan_shape_count(&of->fake.shape);
  const float kept = *at;
  char text[64];
  snprintf(text, sizeof text, "sample %d of the samples to judge", (int)sample);
  *at = value;
  assert_int_equal(gan_metric_find(name, &first)->compute(&of->comparison, values), GAN_BAD_USAGE);
  assert_non_null(strstr(gan_error_message(), text));
  *at = kept;
}

/* Every allocation in turn fails; the leak checker watches. */
static inline void assert_survives_want_of_memory(const char *name, const gan_comparison *comparison) {
  int first, failures = 0;
  const gan_metric *row = gan_metric_find(name, &first);
  double values[GAN_METRIC_VALUES];
  for (;; failures++) {
    gan_fault_arm(GAN_FAULT_ALLOCATION, failures + 1);
    const gan_status status = row->compute(comparison, values);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (status == GAN_OK) break;
    assert_int_equal(status, GAN_FAILED);
  }
  assert_true(failures > 2);
}

/* --- The samples of tests/reference/quality.py --- */

static inline float *make_images(bool fake, int64_t count, gan_shape shape) {
  const int64_t elements = gan_shape_count(&shape), width = shape.size[2];
  float *n = normals(fake ? FAKE_SEED : REAL_SEED, count, elements),
        *x = malloc((size_t)(count * elements) * sizeof *x);
  for (int64_t i = 0; i < count * elements; i++) {
    const int64_t row = i / elements * elements;
    const float next = n[row + (i - row + 1) % elements], blank = fake ? -1.0f + 1e-5f * n[i] : -1.0f;
    x[i] = fake ? 0.25f * n[i] + 0.25f * next : 0.25f * n[i];
    if (i % width < width / 3) x[i] = blank;
  }
  free(n);
  return x;
}

static inline float *make_table(bool fake, int64_t count, int64_t columns) {
  float *n = normals(fake ? FAKE_SEED : REAL_SEED, count, columns), *x = malloc((size_t)(count * columns) * sizeof *x);
  for (int64_t i = 0; i < count * columns; i++) {
    const int64_t j = i % columns;
    x[i] = n[i];
    if (j % 4 == 1) x[i] = n[i] + (fake ? 0.25f : 0.75f) * n[i - 1];
    if (j % 4 == 2) x[i] = rintf(2.0f * n[i]);
    if (j % 4 == 3) x[i] = n[i] * n[i] + (fake ? 0.5f : 0.0f) * n[i - 1];
    if (j == 5 && !fake) x[i] = 3.3f;
  }
  free(n);
  return x;
}

static inline float *make_showers(bool fake, int64_t count, gan_shape shape) {
  const int64_t elements = gan_shape_count(&shape), layer = shape.size[2] * shape.size[3];
  float *x = normals(fake ? FAKE_SEED : REAL_SEED, count, elements);
  for (int64_t i = 0; i < count * elements; i++) {
    const float depth = (float)(i / layer % shape.size[1]), fall = 1.0f / (1.0f + depth * (fake ? 0.5f : 1.0f));
    x[i] = fmaxf(x[i] * fall, 0.0f) * 0.25f - 1.0f;
    if (fake && i / elements == count - 1) x[i] = -2.0f;
  }
  return x;
}

static inline gan_shape shape_of(int rank, int64_t a, int64_t b, int64_t c, int64_t d) {
  return (gan_shape){.rank = rank, .size = {a, b, c, d}};
}

#endif
