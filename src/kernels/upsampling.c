/* Upsampling (resample.h). With factor f, output position i f + j (phase j < f) lies at i + (2 j + 1 - f) / (2 f) of
   the input, held within its ends (PyTorch's align_corners=False): between the same two neighbours of i, and with the
   same weights, for all i. Repeating takes position i alone. So a line is made phase by phase, without a division
   inside; an output line is made from up to four input lines, and the way back does the same steps with the roles
   exchanged. */
#include <string.h>

#include "base/multiversion.h"
#include "kernels/resample.h"

/* A phase's value is (1 - weight) x[i + shift] + weight x[i + shift + 1]. */
typedef struct phase {
  int64_t shift;
  float weight;
} phase;

static phase phase_of(const gan_upsampling *sizes, int axis, int64_t j) {
  const int64_t factor = sizes->factor[axis], place = 2 * j + 1 - factor;
  if (!sizes->linear) return (phase){0, 0};
  if (place < 0) return (phase){-1, (float)(place + 2 * factor) / (float)(2 * factor)};
  return (phase){0, (float)place / (float)(2 * factor)};
}

static int64_t within(int64_t position, int64_t size) {
  return position < 0 ? 0 : position >= size ? size - 1 : position;
}

/* One phase of a line: y[i factor] += scale times the value. */
GAN_MULTIVERSION static void add_phase(int64_t length, int64_t factor, phase at, float scale, const float *x,
                                       float *restrict y) {
  const float low = scale * (1 - at.weight), high = scale * at.weight;
  if (at.weight == 0) {
    for (int64_t i = 0; i < length; i++) y[i * factor] += scale * x[i];
    return;
  }
  const int64_t first = -at.shift, end = length - 1 - at.shift;
  for (int64_t i = 0; i < first; i++) y[i * factor] += scale * x[0];
  for (int64_t i = first; i < end && i < length; i++)
    y[i * factor] += low * x[i + at.shift] + high * x[i + at.shift + 1];
  for (int64_t i = end > first ? end : first; i < length; i++) y[i * factor] += scale * x[length - 1];
}

static void add_phase_back(int64_t length, int64_t factor, phase at, float scale, const float *dy, float *dx) {
  const float low = scale * (1 - at.weight), high = scale * at.weight;
  for (int64_t i = 0; i < length; i++) {
    dx[within(i + at.shift, length)] += low * dy[i * factor];
    if (at.weight > 0) dx[within(i + at.shift + 1, length)] += high * dy[i * factor];
  }
}

/* The input lines that output line (z, y) is made of, with their weights; returns how many. */
static int lines_of(const gan_upsampling *sizes, int64_t line, int64_t lines[4], float weights[4]) {
  const int64_t heights = sizes->in[1] * sizes->factor[1], at[2] = {line / heights, line % heights};
  int64_t places[2][2];
  float shares[2][2];
  int count = 0;
  for (int axis = 0; axis < 2; axis++) {
    const phase here = phase_of(sizes, axis, at[axis] % sizes->factor[axis]);
    for (int side = 0; side < 2; side++)
      places[axis][side] = within(at[axis] / sizes->factor[axis] + here.shift + side, sizes->in[axis]);
    shares[axis][0] = 1 - here.weight;
    shares[axis][1] = here.weight;
  }
  for (int i = 0; i < 4; i++) {
    const float weight = shares[0][i / 2] * shares[1][i % 2];
    if (weight == 0) continue;
    lines[count] = places[0][i / 2] * sizes->in[1] + places[1][i % 2];
    weights[count++] = weight;
  }
  return count;
}

void gan_upsample(const gan_upsampling *sizes, size_t planes, const float *x, float *y) {
  const int64_t in = gan_positions(sizes->in), out = in * gan_positions(sizes->factor);
  const int64_t width = sizes->in[2], factor = sizes->factor[2], length = width * factor;
  memset(y, 0, planes * (size_t)out * sizeof *y);
  for (size_t plane = 0; plane < planes; plane++, x += in)
    for (int64_t line = 0; line < out / length; line++, y += length) {
      int64_t lines[4];
      float weights[4];
      const int count = lines_of(sizes, line, lines, weights);
      for (int i = 0; i < count; i++)
        for (int64_t j = 0; j < factor; j++)
          add_phase(width, factor, phase_of(sizes, 2, j), weights[i], x + lines[i] * width, y + j);
    }
}

void gan_upsample_backward(const gan_upsampling *sizes, size_t planes, const float *dy, float *dx) {
  const int64_t in = gan_positions(sizes->in), out = in * gan_positions(sizes->factor);
  const int64_t width = sizes->in[2], factor = sizes->factor[2], length = width * factor;
  memset(dx, 0, planes * (size_t)in * sizeof *dx);
  for (size_t plane = 0; plane < planes; plane++, dx += in)
    for (int64_t line = 0; line < out / length; line++, dy += length) {
      int64_t lines[4];
      float weights[4];
      const int count = lines_of(sizes, line, lines, weights);
      for (int i = 0; i < count; i++)
        for (int64_t j = 0; j < factor; j++)
          add_phase_back(width, factor, phase_of(sizes, 2, j), weights[i], dy + j, dx + lines[i] * width);
    }
}
