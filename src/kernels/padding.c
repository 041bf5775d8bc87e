/* Padding (borders.h): each output line is one line of the input, or none, with more at its ends. The way back walks
   over output lines in the same order and adds. */
#include <string.h>

#include "kernels/borders.h"

/* Place of the input line that output line (z, y) shows; -1: none, it is all zeros. */
static int64_t line_source(const gan_padding *sizes, int64_t line) {
  const int64_t height = sizes->in[1] + 2 * sizes->amount[1];
  const int64_t z = gan_border_source(sizes->border, line / height - sizes->amount[0], sizes->in[0]);
  const int64_t y = gan_border_source(sizes->border, line % height - sizes->amount[1], sizes->in[1]);
  return z < 0 || y < 0 ? -1 : (z * sizes->in[1] + y) * sizes->in[2];
}

static void pad_line(const gan_padding *sizes, const float *x, float *y) {
  const int64_t width = sizes->in[2], amount = sizes->amount[2];
  for (int64_t i = 0; i < amount; i++) {
    const int64_t before = sizes->border->source(i - amount, width), behind = sizes->border->source(width + i, width);
    y[i] = before < 0 ? 0 : x[before];
    y[amount + width + i] = behind < 0 ? 0 : x[behind];
  }
  memcpy(y + amount, x, (size_t)width * sizeof *y);
}

static void add_line_back(const gan_padding *sizes, const float *dy, float *dx) {
  const int64_t width = sizes->in[2], amount = sizes->amount[2];
  gan_add((size_t)width, dy + amount, dx);
  for (int64_t i = 0; i < amount; i++) {
    const int64_t before = sizes->border->source(i - amount, width), behind = sizes->border->source(width + i, width);
    if (before >= 0) dx[before] += dy[i];
    if (behind >= 0) dx[behind] += dy[amount + width + i];
  }
}

/* Of a plane of the output. */
static int64_t line_count(const gan_padding *sizes) {
  return (sizes->in[0] + 2 * sizes->amount[0]) * (sizes->in[1] + 2 * sizes->amount[1]);
}

void gan_pad(const gan_padding *sizes, size_t planes, const float *x, float *y) {
  const int64_t in = gan_positions(sizes->in), lines = line_count(sizes), length = sizes->in[2] + 2 * sizes->amount[2];
  for (size_t plane = 0; plane < planes; plane++, x += in)
    for (int64_t line = 0; line < lines; line++, y += length) {
      const int64_t source = line_source(sizes, line);
      if (source < 0)
        memset(y, 0, (size_t)length * sizeof *y);
      else
        pad_line(sizes, x + source, y);
    }
}

void gan_pad_backward(const gan_padding *sizes, size_t planes, const float *dy, float *dx) {
  const int64_t in = gan_positions(sizes->in), lines = line_count(sizes), length = sizes->in[2] + 2 * sizes->amount[2];
  memset(dx, 0, planes * (size_t)in * sizeof *dx);
  for (size_t plane = 0; plane < planes; plane++, dx += in)
    for (int64_t line = 0; line < lines; line++, dy += length) {
      const int64_t source = line_source(sizes, line);
      if (source >= 0) add_line_back(sizes, dy, dx + source);
    }
}
