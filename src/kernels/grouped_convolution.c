/* See grouped_convolution.h. Of each group, some samples at a time are copied out of the images, so that their channels
   follow each other, and results are copied back; sums over samples are added up piece by piece, in rising order. */
#include "kernels/grouped_convolution.h"

#include <string.h>

#include "kernels/integers.h"
#include "kernels/plane_convolution.h"

/* Floats of the copies, so few that they stay in the second cache. */
enum { SLICE_FLOATS = 1 << 17 };

/* One group as a convolution of its own, and where its operands are. */
typedef struct slices {
  gan_convolution sizes;
  int64_t groups, samples; /* samples: at a time */
  int64_t in, out;         /* floats of a sample's channels of one group */
  float *x, *y, *sum;      /* copies (samples, in) and (samples, out); a weight's gradient */
  float *scratch;
} slices;

static int64_t weight_count(const slices *cut) { return cut->sizes.out_channels * gan_filter_size(&cut->sizes); }

static slices plan(const gan_convolution *sizes, float *scratch) {
  slices cut = {.sizes = *sizes, .groups = sizes->groups};
  cut.sizes.groups = 0;
  cut.sizes.in_channels /= cut.groups;
  cut.sizes.out_channels /= cut.groups;
  cut.in = cut.sizes.in_channels * gan_positions(sizes->window.in);
  cut.out = cut.sizes.out_channels * gan_positions(sizes->window.out);
  cut.samples = most(SLICE_FLOATS / (cut.in + cut.out), 1);
  cut.x = scratch;
  cut.y = cut.x + cut.samples * cut.in;
  cut.sum = cut.y + cut.samples * cut.out;
  cut.scratch = cut.sum + weight_count(&cut);
  return cut;
}

size_t gan_grouped_convolution_scratch(const gan_backend *backend, const gan_convolution *sizes) {
  if (gan_plane_convolution_suits(sizes)) return gan_plane_convolution_scratch(sizes);
  const slices cut = plan(sizes, NULL);
  return (size_t)(cut.samples * (cut.in + cut.out) + weight_count(&cut)) + gan_convolution_scratch(backend, &cut.sizes);
}

/* copy (samples, width) = that group's channels of x (samples, groups, width); and the way back. */
static void take_slice(const slices *cut, int64_t group, int64_t samples, int64_t width, const float *x, float *copy) {
  for (int64_t sample = 0; sample < samples; sample++)
    memcpy(copy + sample * width, x + (sample * cut->groups + group) * width, (size_t)width * sizeof *x);
}

static void put_slice(const slices *cut, int64_t group, int64_t samples, int64_t width, const float *copy, float *x) {
  for (int64_t sample = 0; sample < samples; sample++)
    memcpy(x + (sample * cut->groups + group) * width, copy + sample * width, (size_t)width * sizeof *x);
}

void gan_grouped_convolution_forward(const gan_backend *backend, const gan_convolution *sizes, int64_t rows,
                                     const float *x, const float *weight, float *y, float *scratch) {
  if (gan_plane_convolution_suits(sizes)) {
    gan_plane_convolution_forward(sizes, rows, x, weight, y, scratch);
    return;
  }
  const slices cut = plan(sizes, scratch);
  for (int64_t group = 0; group < cut.groups; group++, weight += weight_count(&cut))
    for (int64_t row = 0; row < rows; row += cut.samples) {
      const int64_t samples = least(cut.samples, rows - row);
      take_slice(&cut, group, samples, cut.in, x + row * cut.groups * cut.in, cut.x);
      gan_convolution_forward(backend, &cut.sizes, samples, cut.x, weight, cut.y, cut.scratch);
      put_slice(&cut, group, samples, cut.out, cut.y, y + row * cut.groups * cut.out);
    }
}

void gan_grouped_convolution_backward_data(const gan_backend *backend, const gan_convolution *sizes, int64_t rows,
                                           const float *dy, const float *weight, float *dx, float *scratch) {
  if (gan_plane_convolution_suits(sizes)) {
    gan_plane_convolution_backward_data(sizes, rows, dy, weight, dx, scratch);
    return;
  }
  const slices cut = plan(sizes, scratch);
  for (int64_t group = 0; group < cut.groups; group++, weight += weight_count(&cut))
    for (int64_t row = 0; row < rows; row += cut.samples) {
      const int64_t samples = least(cut.samples, rows - row);
      take_slice(&cut, group, samples, cut.out, dy + row * cut.groups * cut.out, cut.y);
      gan_convolution_backward_data(backend, &cut.sizes, samples, cut.y, weight, cut.x, cut.scratch);
      put_slice(&cut, group, samples, cut.in, cut.x, dx + row * cut.groups * cut.in);
    }
}

void gan_grouped_convolution_backward_weights(const gan_backend *backend, const gan_convolution *sizes, int64_t rows,
                                              const float *x, const float *dy, float *dweight, float *scratch) {
  if (gan_plane_convolution_suits(sizes)) {
    gan_plane_convolution_backward_weights(sizes, rows, x, dy, dweight, scratch);
    return;
  }
  const slices cut = plan(sizes, scratch);
  for (int64_t group = 0; group < cut.groups; group++, dweight += weight_count(&cut))
    for (int64_t row = 0; row < rows; row += cut.samples) {
      const int64_t samples = least(cut.samples, rows - row);
      take_slice(&cut, group, samples, cut.in, x + row * cut.groups * cut.in, cut.x);
      take_slice(&cut, group, samples, cut.out, dy + row * cut.groups * cut.out, cut.y);
      gan_convolution_backward_weights(backend, &cut.sizes, samples, cut.x, cut.y, row > 0 ? cut.sum : dweight,
                                       cut.scratch);
      if (row > 0) gan_add((size_t)weight_count(&cut), cut.sum, dweight);
    }
}
