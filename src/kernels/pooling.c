/* Pooling (resample.h): one window position after the other, and in each its elements in rising order. */
#include <math.h>
#include <string.h>

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

void gan_max_pool(const gan_window *window, size_t planes, const float *x, float *y) {
  const int64_t in = gan_positions(window->in), out = gan_positions(window->out);
  for (size_t plane = 0; plane < planes; plane++, x += in, y += out)
    for (int64_t position = 0; position < out; position++) y[position] = x[largest(window, position, x)];
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

void gan_average_pool(const gan_window *window, bool inside, size_t planes, const float *x, float *y) {
  const int64_t in = gan_positions(window->in), out = gan_positions(window->out);
  for (size_t plane = 0; plane < planes; plane++, x += in, y += out)
    for (int64_t position = 0; position < out; position++) {
      const box here = box_at(window, position);
      double sum = 0;
      for (int64_t z = here.begin[0]; z < here.end[0]; z++)
        for (int64_t h = here.begin[1]; h < here.end[1]; h++)
          for (int64_t i = here.begin[2]; i < here.end[2]; i++) sum += (double)x[line_at(window, z, h) + i];
      y[position] = (float)(sum / (double)element_count(window, inside, &here));
    }
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
