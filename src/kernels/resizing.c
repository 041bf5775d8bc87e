/* Resizing to any size (resample.h). Output position i of an axis lies at (i + 1/2) in / out - 1/2 of the input, where
   pixels are areas and their centres count, or at i in / out, where positions are counted from the first pixel; held
   within the ends, it is between two neighbours. An output line is made from up to four input lines, and the way back
   does the same steps with the roles exchanged. */
#include <math.h>
#include <string.h>

#include "kernels/resample.h"

/* Between two positions of the input: (1 - weight) of the first and weight of the second. */
typedef struct place {
  int64_t first, second;
  float weight;
} place;

static place place_of(const gan_resizing *sizes, int axis, int64_t i) {
  const int64_t in = sizes->in[axis], out = sizes->out[axis];
  const double offset = sizes->from_corner ? 0 : 0.5;
  const double at = fmax(((double)i + offset) * (double)in / (double)out - offset, 0);
  const int64_t first = (int64_t)at < in - 1 ? (int64_t)at : in - 1;
  return (place){first, first + 1 < in ? first + 1 : first, first + 1 < in ? (float)(at - (double)first) : 0};
}

/* The input lines that output line (z, y) is made of, as offsets into a plane, with their weights; returns how many. */
static int lines_of(const gan_resizing *sizes, int64_t line, int64_t lines[4], float weights[4]) {
  const place depth = place_of(sizes, 0, line / sizes->out[1]), height = place_of(sizes, 1, line % sizes->out[1]);
  const int64_t z[2] = {depth.first, depth.second}, y[2] = {height.first, height.second};
  const float of_z[2] = {1 - depth.weight, depth.weight}, of_y[2] = {1 - height.weight, height.weight};
  int count = 0;
  for (int i = 0; i < 4; i++) {
    const float weight = of_z[i / 2] * of_y[i % 2];
    if (weight == 0) continue;
    lines[count] = (z[i / 2] * sizes->in[1] + y[i % 2]) * sizes->in[2];
    weights[count++] = weight;
  }
  return count;
}

void gan_resize(const gan_resizing *sizes, size_t planes, const float *x, float *y) {
  const int64_t in = gan_positions(sizes->in), out = gan_positions(sizes->out), length = sizes->out[2];
  for (int64_t line = 0; line < out / length; line++) {
    int64_t lines[4];
    float weights[4];
    const int count = lines_of(sizes, line, lines, weights);
    for (int64_t i = 0; i < length; i++) {
      const place here = place_of(sizes, 2, i);
      for (size_t plane = 0; plane < planes; plane++) {
        const float *from = x + plane * (size_t)in;
        float sum = 0;
        for (int j = 0; j < count; j++)
          sum += weights[j] *
                 ((1 - here.weight) * from[lines[j] + here.first] + here.weight * from[lines[j] + here.second]);
        y[plane * (size_t)out + (size_t)(line * length + i)] = sum;
      }
    }
  }
}

void gan_resize_backward(const gan_resizing *sizes, size_t planes, const float *dy, float *dx) {
  const int64_t in = gan_positions(sizes->in), out = gan_positions(sizes->out), length = sizes->out[2];
  memset(dx, 0, planes * (size_t)in * sizeof *dx);
  for (int64_t line = 0; line < out / length; line++) {
    int64_t lines[4];
    float weights[4];
    const int count = lines_of(sizes, line, lines, weights);
    for (int64_t i = 0; i < length; i++) {
      const place here = place_of(sizes, 2, i);
      for (size_t plane = 0; plane < planes; plane++) {
        const float gradient = dy[plane * (size_t)out + (size_t)(line * length + i)];
        float *to = dx + plane * (size_t)in;
        for (int j = 0; j < count; j++) {
          to[lines[j] + here.first] += weights[j] * (1 - here.weight) * gradient;
          to[lines[j] + here.second] += weights[j] * here.weight * gradient;
        }
      }
    }
  }
}
