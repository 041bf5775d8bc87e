/* Pooling (resample.h): in each window position its elements in rising order. Of an output line, the positions whose
   windows do not reach over the ends of input lines are made together, element of the window by element: the loop over
   positions is then the inner one, and a CPU's vectors hold several of them.

   Planes in the middle of a network have lines of a few positions, too short for that. Where windows lie close to each
   other, the largest numbers of several planes are found at once: of as many windows as there are elements, one axis
   after the other, of which those at the stride are taken. */
#include <math.h>
#include <string.h>

#include "base/multiversion.h"
#include "kernels/resample.h"

/* The part of a window position that lies inside of the input: begin <= element < end along each axis. */
typedef struct box {
  int64_t begin[GAN_AXES], end[GAN_AXES];
} box;

static box box_at(const gan_window *window, int64_t position) {
  int64_t at[GAN_AXES];
  box inside;
  at[2] = position % window->out[2];
  at[1] = position / window->out[2] % window->out[1];
  at[0] = position / window->out[2] / window->out[1];
  for (int i = 0; i < GAN_AXES; i++) {
    const int64_t begin = at[i] * window->stride[i] - window->padding[i], end = begin + window->kernel[i];
    inside.begin[i] = begin > 0 ? begin : 0;
    inside.end[i] = end < window->in[i] ? end : window->in[i];
  }
  return inside;
}

/* Place of a line of the plane; the loops below run over z, y and then along the line. */
static int64_t line_at(const gan_window *window, int64_t z, int64_t y) {
  return (z * window->in[1] + y) * window->in[2];
}

/* What a mean is over: all of a window position, or its part inside of the input. */
static int64_t element_count(const gan_window *window, bool inside, const box *here) {
  if (!inside) return gan_positions(window->kernel);
  return (here->end[0] - here->begin[0]) * (here->end[1] - here->begin[1]) * (here->end[2] - here->begin[2]);
}

static int64_t largest(const gan_window *window, int64_t position, const float *x) {
  const box inside = box_at(window, position);
  int64_t place = line_at(window, inside.begin[0], inside.begin[1]) + inside.begin[2];
  for (int64_t z = inside.begin[0]; z < inside.end[0]; z++)
    for (int64_t y = inside.begin[1]; y < inside.end[1]; y++)
      for (int64_t i = inside.begin[2]; i < inside.end[2]; i++) {
        const int64_t here = line_at(window, z, y) + i;
        if (x[here] > x[place] || (isnan(x[here]) && !isnan(x[place]))) place = here;
      }
  return place;
}

/* --- Lines --- */

/* The positions of an output line whose windows lie between the ends of input lines: first <= i < end. */
typedef struct span {
  int64_t first, end;
} span;

static span whole_windows(const gan_window *window) {
  const int64_t stride = window->stride[2], room = window->in[2] + window->padding[2] - window->kernel[2];
  span whole = {(window->padding[2] + stride - 1) / stride, room < 0 ? 0 : room / stride + 1};
  if (whole.end > window->out[2]) whole.end = window->out[2];
  if (whole.first > whole.end) whole.first = whole.end;
  return whole;
}

/* Where the windows of output position i begin in an input line. */
static int64_t begin_at(const gan_window *window, int64_t i) { return i * window->stride[2] - window->padding[2]; }

/* The larger one, where a NaN is larger than any number; of equal ones the first. */
GAN_INLINE float larger(float first, float second) {
  return second > first || (second != second && first == first) ? second : first;
}

/* y[i] = the larger one of it and x[i stride]. */
GAN_INLINE void keep_larger(int64_t count, int64_t stride, const float *x, float *restrict y) {
  for (int64_t i = 0; i < count; i++) y[i] = larger(y[i], x[i * stride]);
}

/* The line's positions in the span; y is where the line begins. */
GAN_MULTIVERSION static void max_of_whole(const gan_window *window, const box *line, span whole, const float *x,
                                          float *restrict y) {
  const int64_t count = whole.end - whole.first, stride = window->stride[2], begin = begin_at(window, whole.first);
  for (int64_t z = line->begin[0]; z < line->end[0]; z++)
    for (int64_t h = line->begin[1]; h < line->end[1]; h++)
      for (int64_t k = 0; k < window->kernel[2]; k++) {
        const float *from = x + line_at(window, z, h) + begin + k;
        if (z == line->begin[0] && h == line->begin[1] && k == 0)
          for (int64_t i = 0; i < count; i++) y[whole.first + i] = from[i * stride];
        else if (stride == 1)
          keep_larger(count, 1, from, y + whole.first);
        else
          keep_larger(count, stride, from, y + whole.first);
      }
}

GAN_INLINE void add_to(int64_t count, int64_t stride, const float *x, double *restrict sum) {
  for (int64_t i = 0; i < count; i++) sum[i] += (double)x[i * stride];
}

GAN_MULTIVERSION static void mean_of_whole(const gan_window *window, const box *line, double elements, span whole,
                                           const float *x, float *restrict y) {
  enum { TOGETHER = 64 };
  const int64_t stride = window->stride[2];
  for (int64_t i = whole.first; i < whole.end; i += TOGETHER) {
    double sum[TOGETHER] = {0};
    const int64_t count = whole.end - i < TOGETHER ? whole.end - i : TOGETHER, begin = begin_at(window, i);
    for (int64_t z = line->begin[0]; z < line->end[0]; z++)
      for (int64_t h = line->begin[1]; h < line->end[1]; h++)
        for (int64_t k = 0; k < window->kernel[2]; k++) {
          const float *from = x + line_at(window, z, h) + begin + k;
          if (stride == 1)
            add_to(count, 1, from, sum);
          else
            add_to(count, stride, from, sum);
        }
    for (int64_t j = 0; j < count; j++) y[i + j] = (float)(sum[j] / elements);
  }
}

/* --- Several planes at once --- */

enum { TOGETHER_MOST = 4096 }; /* elements of planes that are pooled at once: they stay in the nearest cache */

/* y[i] = the largest of x[i], x[i + step], .. , x[i + (length - 1) step]; of equal ones the first. */
GAN_INLINE void slide(int64_t count, int64_t step, int64_t length, const float *restrict x, float *restrict y) {
  const float *second = x + (length > 1 ? step : 0);
  for (int64_t i = 0; i < count; i++) y[i] = larger(x[i], second[i]);
  for (int64_t k = 2; k < length; k++) keep_larger(count, 1, x + k * step, y);
}

/* The windows of x (count) that begin at each of its elements, in y: those that reach over the end are left out. Along
   the line first, then over lines, so that of equal numbers the first one stays, as in a window by itself. */
GAN_MULTIVERSION static void max_of_all(const gan_window *window, int64_t count, const float *x, float *restrict y) {
  float lines[TOGETHER_MOST];
  const int64_t line = window->in[2], plane = line * window->in[1];
  slide(count -= window->kernel[2] - 1, 1, window->kernel[2], x, y);
  slide(count -= (window->kernel[1] - 1) * line, line, window->kernel[1], y, lines);
  slide(count - (window->kernel[0] - 1) * plane, plane, window->kernel[0], lines, y);
}

/* Whether no window reaches over the ends of the input, windows are close to each other, and a plane is small. */
static bool pools_planes_together(const gan_window *window) {
  for (int i = 0; i < GAN_AXES; i++)
    if (window->padding[i] > 0 || window->stride[i] > 2 || window->kernel[i] > 4) return false;
  return gan_positions(window->in) <= TOGETHER_MOST / 2;
}

static void take_strided(const gan_window *window, const float *x, float *y) {
  for (int64_t z = 0; z < window->out[0]; z++)
    for (int64_t h = 0; h < window->out[1]; h++) {
      const float *line = x + line_at(window, z * window->stride[0], h * window->stride[1]);
      for (int64_t i = 0; i < window->out[2]; i++) *y++ = line[i * window->stride[2]];
    }
}

static void max_of_planes(const gan_window *window, size_t planes, const float *x, float *y) {
  float largest[TOGETHER_MOST];
  const int64_t in = gan_positions(window->in), out = gan_positions(window->out);
  const size_t together = (size_t)(TOGETHER_MOST / in);
  for (size_t first = 0; first < planes; first += together) {
    const size_t count = planes - first < together ? planes - first : together;
    max_of_all(window, (int64_t)count * in, x + first * (size_t)in, largest);
    for (size_t plane = 0; plane < count; plane++)
      take_strided(window, largest + plane * (size_t)in, y + (first + plane) * (size_t)out);
  }
}

/* --- Forward and backward --- */

static void max_line(const gan_window *window, int64_t first, span whole, const float *x, float *y) {
  const box line = box_at(window, first);
  for (int64_t i = 0; i < whole.first; i++) y[i] = x[largest(window, first + i, x)];
  if (whole.first < whole.end) max_of_whole(window, &line, whole, x, y);
  for (int64_t i = whole.end; i < window->out[2]; i++) y[i] = x[largest(window, first + i, x)];
}

void gan_max_pool(const gan_window *window, size_t planes, const float *x, float *y) {
  const int64_t in = gan_positions(window->in), out = gan_positions(window->out);
  const span whole = whole_windows(window);
  if (pools_planes_together(window)) {
    max_of_planes(window, planes, x, y);
    return;
  }
  for (size_t plane = 0; plane < planes; plane++, x += in, y += out)
    for (int64_t first = 0; first < out; first += window->out[2]) max_line(window, first, whole, x, y + first);
}

void gan_max_pool_tangent(const gan_window *window, size_t planes, const float *x, const float *tangent, float *y) {
  const int64_t in = gan_positions(window->in), out = gan_positions(window->out);
  for (size_t plane = 0; plane < planes; plane++, x += in, tangent += in, y += out)
    for (int64_t position = 0; position < out; position++) y[position] = tangent[largest(window, position, x)];
}

void gan_max_pool_backward(const gan_window *window, size_t planes, const float *x, const float *dy, float *dx) {
  const int64_t in = gan_positions(window->in), out = gan_positions(window->out);
  memset(dx, 0, planes * (size_t)in * sizeof *dx);
  for (size_t plane = 0; plane < planes; plane++, x += in, dx += in, dy += out)
    for (int64_t position = 0; position < out; position++) dx[largest(window, position, x)] += dy[position];
}

static float mean_at(const gan_window *window, bool inside, int64_t position, const float *x) {
  const box here = box_at(window, position);
  double sum = 0;
  for (int64_t z = here.begin[0]; z < here.end[0]; z++)
    for (int64_t h = here.begin[1]; h < here.end[1]; h++)
      for (int64_t i = here.begin[2]; i < here.end[2]; i++) sum += (double)x[line_at(window, z, h) + i];
  return (float)(sum / (double)element_count(window, inside, &here));
}

static void mean_line(const gan_window *window, bool inside, int64_t first, span whole, const float *x, float *y) {
  const box line = box_at(window, first + whole.first);
  for (int64_t i = 0; i < whole.first; i++) y[i] = mean_at(window, inside, first + i, x);
  if (whole.first < whole.end) mean_of_whole(window, &line, (double)element_count(window, inside, &line), whole, x, y);
  for (int64_t i = whole.end; i < window->out[2]; i++) y[i] = mean_at(window, inside, first + i, x);
}

void gan_average_pool(const gan_window *window, bool inside, size_t planes, const float *x, float *y) {
  const int64_t in = gan_positions(window->in), out = gan_positions(window->out);
  const span whole = whole_windows(window);
  for (size_t plane = 0; plane < planes; plane++, x += in, y += out)
    for (int64_t first = 0; first < out; first += window->out[2]) mean_line(window, inside, first, whole, x, y + first);
}

void gan_average_pool_backward(const gan_window *window, bool inside, size_t planes, const float *dy, float *dx) {
  const int64_t in = gan_positions(window->in), out = gan_positions(window->out);
  memset(dx, 0, planes * (size_t)in * sizeof *dx);
  for (size_t plane = 0; plane < planes; plane++, dx += in, dy += out)
    for (int64_t position = 0; position < out; position++) {
      const box here = box_at(window, position);
      const float share = dy[position] / (float)element_count(window, inside, &here);
      for (int64_t z = here.begin[0]; z < here.end[0]; z++)
        for (int64_t h = here.begin[1]; h < here.end[1]; h++)
          for (int64_t i = here.begin[2]; i < here.end[2]; i++) dx[line_at(window, z, h) + i] += share;
    }
}
