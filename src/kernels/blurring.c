/* Blurring by [1, 2, 1] / 4 (borders.h). Axes are apart from each other: an output line is first the weighted sum of up
   to nine input lines, then blurred along itself. The way back does the same steps in reverse, adding. Weights are
   powers of two: no product is rounded. */
#include <string.h>

#include "base/multiversion.h"
#include "kernels/borders.h"

enum { TAPS = 3, LINES_MOST = TAPS * TAPS };
static const float weights[TAPS] = {0.25F, 0.5F, 0.25F};

/* The taps of output position `at` along an axis: input positions with their weights, those that are none left out. */
typedef struct taps {
  int count;
  int64_t source[TAPS];
  float weight[TAPS];
} taps;

static taps taps_at(const gan_blurring *sizes, int axis, int64_t at) {
  taps made = {.count = 0};
  if (!sizes->blurred[axis]) return (taps){.count = 1, .source = {at}, .weight = {1}};
  for (int tap = 0; tap < TAPS; tap++) {
    const int64_t source = gan_border_source(sizes->border, at * sizes->stride[axis] + tap - 1, sizes->in[axis]);
    if (source < 0) continue;
    made.source[made.count] = source;
    made.weight[made.count++] = weights[tap];
  }
  return made;
}

/* The input lines that an output line is made of: places in the plane, with their weights; returns how many. */
static int lines_of(const gan_blurring *sizes, int64_t line, int64_t places[LINES_MOST], float shares[LINES_MOST]) {
  const int64_t height = gan_blurred_size(sizes, 1);
  const taps z = taps_at(sizes, 0, line / height), y = taps_at(sizes, 1, line % height);
  int count = 0;
  for (int i = 0; i < z.count; i++)
    for (int j = 0; j < y.count; j++) {
      places[count] = (z.source[i] * sizes->in[1] + y.source[j]) * sizes->in[2];
      shares[count++] = z.weight[i] * y.weight[j];
    }
  return count;
}

/* y += factor * x. */
GAN_MULTIVERSION static void add_scaled(int64_t n, float factor, const float *x, float *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] += factor * x[i];
}

GAN_MULTIVERSION static void set_scaled(int64_t n, float factor, const float *x, float *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] = factor * x[i];
}

/* --- Along a line --- */

/* The outputs whose taps all lie inside of the line: from 1 to before `end`. */
static int64_t inner_end(const gan_blurring *sizes) {
  const int64_t outputs = gan_blurred_size(sizes, 2), last = (sizes->in[2] - 2) / sizes->stride[2];
  return sizes->in[2] < TAPS ? 1 : last + 1 < outputs ? last + 1 : outputs;
}

GAN_INLINE void blur_inner(int64_t first, int64_t end, int64_t stride, const float *x, float *restrict y) {
  for (int64_t i = first; i < end; i++)
    y[i] = 0.25F * x[i * stride - 1] + 0.5F * x[i * stride] + 0.25F * x[i * stride + 1];
}

GAN_MULTIVERSION static void blur_between(int64_t first, int64_t end, int64_t stride, const float *x,
                                          float *restrict y) {
  if (stride == 1)
    blur_inner(first, end, 1, x, y);
  else
    blur_inner(first, end, stride, x, y);
}

static float blurred_at(const gan_blurring *sizes, int64_t at, const float *x) {
  const taps here = taps_at(sizes, 2, at);
  float sum = 0;
  for (int i = 0; i < here.count; i++) sum += here.weight[i] * x[here.source[i]];
  return sum;
}

static void blur_line(const gan_blurring *sizes, const float *x, float *y) {
  const int64_t outputs = gan_blurred_size(sizes, 2), end = inner_end(sizes);
  y[0] = blurred_at(sizes, 0, x);
  blur_between(1, end, sizes->stride[2], x, y);
  for (int64_t i = end; i < outputs; i++) y[i] = blurred_at(sizes, i, x);
}

/* dx[i stride + tap] += weight dy[i]. */
GAN_INLINE void add_tap(int64_t first, int64_t end, int64_t stride, int64_t tap, float weight, const float *dy,
                        float *restrict dx) {
  for (int64_t i = first; i < end; i++) dx[i * stride + tap] += weight * dy[i];
}

GAN_MULTIVERSION static void add_between(int64_t first, int64_t end, int64_t stride, const float *dy,
                                         float *restrict dx) {
  for (int64_t tap = 0; tap < TAPS; tap++)
    if (stride == 1)
      add_tap(first, end, 1, tap - 1, tap == 1 ? 0.5F : 0.25F, dy, dx);
    else
      add_tap(first, end, stride, tap - 1, tap == 1 ? 0.5F : 0.25F, dy, dx);
}

static void add_back(const gan_blurring *sizes, int64_t at, float dy, float *dx) {
  const taps here = taps_at(sizes, 2, at);
  for (int i = 0; i < here.count; i++) dx[here.source[i]] += here.weight[i] * dy;
}

static void blur_line_back(const gan_blurring *sizes, const float *dy, float *dx) {
  const int64_t outputs = gan_blurred_size(sizes, 2), end = inner_end(sizes);
  memset(dx, 0, (size_t)sizes->in[2] * sizeof *dx);
  add_back(sizes, 0, dy[0], dx);
  add_between(1, end, sizes->stride[2], dy, dx);
  for (int64_t i = end; i < outputs; i++) add_back(sizes, i, dy[i], dx);
}

/* --- Planes --- */

static int64_t line_count(const gan_blurring *sizes) { return gan_blurred_size(sizes, 0) * gan_blurred_size(sizes, 1); }

void gan_blur(const gan_blurring *sizes, size_t planes, const float *x, float *y, float *line) {
  const int64_t in = gan_positions(sizes->in), lines = line_count(sizes), width = sizes->in[2];
  for (size_t plane = 0; plane < planes; plane++, x += in)
    for (int64_t number = 0; number < lines; number++, y += gan_blurred_size(sizes, 2)) {
      int64_t places[LINES_MOST];
      float shares[LINES_MOST];
      const int count = lines_of(sizes, number, places, shares);
      set_scaled(width, shares[0], x + places[0], line);
      for (int i = 1; i < count; i++) add_scaled(width, shares[i], x + places[i], line);
      blur_line(sizes, line, y);
    }
}

void gan_blur_backward(const gan_blurring *sizes, size_t planes, const float *dy, float *dx, float *line) {
  const int64_t in = gan_positions(sizes->in), lines = line_count(sizes), width = sizes->in[2];
  memset(dx, 0, planes * (size_t)in * sizeof *dx);
  for (size_t plane = 0; plane < planes; plane++, dx += in)
    for (int64_t number = 0; number < lines; number++, dy += gan_blurred_size(sizes, 2)) {
      int64_t places[LINES_MOST];
      float shares[LINES_MOST];
      const int count = lines_of(sizes, number, places, shares);
      blur_line_back(sizes, dy, line);
      for (int i = 0; i < count; i++) add_scaled(width, shares[i], line, dx + places[i]);
    }
}
