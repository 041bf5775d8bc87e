/* See convolution.h. The column matrix has a row for each weight of a filter, (in_channels, kernel), and a column for
   each output position of a tile: some lines of one sample, or a piece of one, where a sample has many positions,
   several whole samples where it has few, since a matrix product with few columns would read the weights again and
   again. How tiles are cut follows from the sizes alone, and they are worked on in rising order. */
#include "kernels/convolution.h"

#include <string.h>

#include "base/multiversion.h"
#include "kernels/grouped_convolution.h"
#include "kernels/integers.h"

/* A column matrix of 1 MiB fits the second-level cache; below 128 columns products become slow. */
enum { COLUMN_FLOATS = 1 << 18, COLUMNS_LEAST = 128, COLUMNS_MOST = 4096 };

/* What a tile covers at most; lines are those along the last axis, over both other axes, width is of each line. */
typedef struct tiling {
  int64_t samples, lines, width, columns;
} tiling;

/* Whether there is one place, whose window is the whole input: then samples, filters and results are the rows of plain
   matrices, and the convolution is a fully connected layer. */
static bool is_fully_connected(const gan_window *window) {
  for (int i = 0; i < GAN_AXES; i++)
    if (window->in[i] != window->kernel[i] || window->padding[i] > 0) return false;
  return true;
}

/* One tile: its samples, lines and width, counted from the first of each. */
typedef struct tile {
  int64_t sample, samples, line, lines, place, width;
} tile;

static int64_t line_count(const gan_window *window) { return window->out[0] * window->out[1]; }

static tiling plan(const gan_convolution *sizes) {
  const gan_window *window = &sizes->window;
  const int64_t columns = least(most(COLUMN_FLOATS / gan_filter_size(sizes), COLUMNS_LEAST), COLUMNS_MOST);
  const int64_t positions = gan_positions(window->out), width = least(window->out[2], columns);
  tiling cut = {.samples = most(columns / positions, 1), .lines = line_count(window), .width = width};
  if (positions > columns) cut.lines = columns / width;
  cut.columns = cut.samples * cut.lines * width;
  return cut;
}

/* The tile after this one; starts from all zeros. False when there is none. */
static bool next_tile(const gan_convolution *sizes, const tiling *cut, int64_t rows, tile *at) {
  const int64_t lines = line_count(&sizes->window), length = sizes->window.out[2];
  at->place += at->width;
  if (at->place >= length) {
    at->place = 0;
    at->line += at->lines;
  }
  if (at->line >= lines) {
    at->line = 0;
    at->sample += at->samples;
  }
  at->samples = least(cut->samples, rows - at->sample);
  at->lines = least(cut->lines, lines - at->line);
  at->width = least(cut->width, length - at->place);
  return at->samples > 0;
}

static int64_t tile_columns(const tile *at) { return at->samples * at->lines * at->width; }

/* One element of the kernel: its distance from the first, and the output positions begin <= o < end along each axis
   over which it lies inside of the input. */
typedef struct element {
  int64_t at[GAN_AXES], begin[GAN_AXES], end[GAN_AXES];
} element;

static element kernel_element(const gan_window *window, int64_t k) {
  element found = {.at = {k / window->kernel[2] / window->kernel[1], k / window->kernel[2] % window->kernel[1],
                          k % window->kernel[2]}};
  for (int i = 0; i < GAN_AXES; i++) {
    found.at[i] *= gan_dilation(window, i);
    const int64_t shift = window->padding[i] - found.at[i], stride = window->stride[i],
                  room = window->in[i] - 1 + shift;
    found.begin[i] = shift > 0 ? least((shift + stride - 1) / stride, window->out[i]) : 0;
    found.end[i] = room < 0 ? found.begin[i] : most(found.begin[i], least(room / stride + 1, window->out[i]));
  }
  return found;
}

static bool meets_padding(const gan_window *window, const element *e) {
  for (int i = 0; i < GAN_AXES; i++)
    if (e->begin[i] > 0 || e->end[i] < window->out[i]) return true;
  return false;
}

/* The line after the one at (depth, height) of the output. */
static void next_line(const gan_window *window, int64_t *depth, int64_t *height) {
  if (++*height < window->out[1]) return;
  *height = 0;
  ++*depth;
}

/* Where the element meets the input over position `place` of the output line; -1 when the whole line lies in the
   padding. */
static int64_t line_start(const gan_window *window, const element *e, int64_t depth, int64_t height, int64_t place) {
  if (depth < e->begin[0] || depth >= e->end[0] || height < e->begin[1] || height >= e->end[1]) return -1;
  const int64_t z = depth * window->stride[0] - window->padding[0] + e->at[0];
  const int64_t y = height * window->stride[1] - window->padding[1] + e->at[1];
  return (z * window->in[1] + y) * window->in[2] + place * window->stride[2] - window->padding[2] + e->at[2];
}

/* Along one line; input and columns do not overlap. */
GAN_INLINE void gather(int64_t n, int64_t stride, const float *x, float *column) {
  if (stride == 1) {
    GAN_ELEMENTWISE
    for (int64_t i = 0; i < n; i++) column[i] = x[i];
  } else if (stride == 2) {
    GAN_ELEMENTWISE
    for (int64_t i = 0; i < n; i++) column[i] = x[2 * i];
  } else {
    for (int64_t i = 0; i < n; i++) column[i] = x[stride * i];
  }
}

GAN_INLINE void scatter_add(int64_t n, int64_t stride, const float *column, float *x) {
  if (stride == 1) {
    GAN_ELEMENTWISE
    for (int64_t i = 0; i < n; i++) x[i] += column[i];
  } else if (stride == 2) {
    GAN_ELEMENTWISE
    for (int64_t i = 0; i < n; i++) x[2 * i] += column[i];
  } else {
    for (int64_t i = 0; i < n; i++) x[stride * i] += column[i];
  }
}

/* One row of the column matrix, of one element of one channel's kernel: columns (samples, lines, width) from that
   channel of each sample. */
GAN_MULTIVERSION static void unfold_row(const gan_convolution *sizes, const tile *at, const element *e,
                                        const float *channel, float *restrict columns) {
  const gan_window *window = &sizes->window;
  const int64_t sample_size = sizes->in_channels * gan_positions(window->in), stride = window->stride[2];
  const int64_t begin = most(e->begin[2], at->place), end = least(e->end[2], at->place + at->width);
  if (meets_padding(window, e)) memset(columns, 0, (size_t)tile_columns(at) * sizeof *columns);
  for (int64_t sample = 0; sample < at->samples; sample++, channel += sample_size) {
    int64_t depth = at->line / window->out[1], height = at->line % window->out[1];
    for (int64_t line = 0; line < at->lines; line++, columns += at->width) {
      const int64_t start = line_start(window, e, depth, height, begin);
      next_line(window, &depth, &height);
      if (start < 0 || begin >= end) continue;
      gather(end - begin, stride, channel + start, columns + begin - at->place);
    }
  }
}

/* The way back: adds the columns to where they came from. */
GAN_MULTIVERSION static void fold_row(const gan_convolution *sizes, const tile *at, const element *e,
                                      const float *columns, float *restrict channel) {
  const gan_window *window = &sizes->window;
  const int64_t sample_size = sizes->in_channels * gan_positions(window->in), stride = window->stride[2];
  const int64_t begin = most(e->begin[2], at->place), end = least(e->end[2], at->place + at->width);
  for (int64_t sample = 0; sample < at->samples; sample++, channel += sample_size) {
    int64_t depth = at->line / window->out[1], height = at->line % window->out[1];
    for (int64_t line = 0; line < at->lines; line++, columns += at->width) {
      const int64_t start = line_start(window, e, depth, height, begin);
      next_line(window, &depth, &height);
      if (start < 0 || begin >= end) continue;
      scatter_add(end - begin, stride, columns + begin - at->place, channel + start);
    }
  }
}

/* x (rows, in_channels, in) -> columns (in_channels, kernel, tile). */
static void unfold(const gan_convolution *sizes, const tile *at, const float *x, float *columns) {
  const int64_t positions = gan_positions(sizes->window.in), kernel = gan_positions(sizes->window.kernel);
  x += at->sample * sizes->in_channels * positions;
  for (int64_t channel = 0; channel < sizes->in_channels; channel++)
    for (int64_t k = 0; k < kernel; k++, columns += tile_columns(at)) {
      const element e = kernel_element(&sizes->window, k);
      unfold_row(sizes, at, &e, x + channel * positions, columns);
    }
}

static void fold(const gan_convolution *sizes, const tile *at, const float *columns, float *x) {
  const int64_t positions = gan_positions(sizes->window.in), kernel = gan_positions(sizes->window.kernel);
  x += at->sample * sizes->in_channels * positions;
  for (int64_t channel = 0; channel < sizes->in_channels; channel++)
    for (int64_t k = 0; k < kernel; k++, columns += tile_columns(at)) {
      const element e = kernel_element(&sizes->window, k);
      fold_row(sizes, at, &e, columns, x + channel * positions);
    }
}

/* A tile of y as a matrix (out_channels, columns). One sample's lies in y as it is; that of several samples, whose
   channels are apart in memory, is a copy. */
static const float *output_matrix(const gan_convolution *sizes, const tiling *cut, const tile *at, const float *y,
                                  float *copy, int64_t *row_length) {
  const int64_t positions = gan_positions(sizes->window.out);
  y += at->sample * sizes->out_channels * positions;
  *row_length = cut->samples == 1 ? positions : at->samples * positions;
  if (cut->samples == 1) return y + at->line * sizes->window.out[2] + at->place;
  for (int64_t channel = 0; channel < sizes->out_channels; channel++)
    for (int64_t sample = 0; sample < at->samples; sample++)
      memcpy(copy + (channel * at->samples + sample) * positions,
             y + (sample * sizes->out_channels + channel) * positions, (size_t)positions * sizeof *y);
  return copy;
}

static void put_output_matrix(const gan_convolution *sizes, const tile *at, const float *copy, float *y) {
  const int64_t positions = gan_positions(sizes->window.out);
  y += at->sample * sizes->out_channels * positions;
  for (int64_t channel = 0; channel < sizes->out_channels; channel++)
    for (int64_t sample = 0; sample < at->samples; sample++)
      memcpy(y + (sample * sizes->out_channels + channel) * positions,
             copy + (channel * at->samples + sample) * positions, (size_t)positions * sizeof *y);
}

size_t gan_convolution_scratch(const gan_backend *backend, const gan_convolution *sizes) {
  if (sizes->groups > 1) return gan_grouped_convolution_scratch(backend, sizes);
  const tiling cut = plan(sizes);
  const size_t own = backend->convolution_scratch ? backend->convolution_scratch(backend->precision, sizes) : 0;
  const size_t portable =
      (size_t)cut.columns * (size_t)(gan_filter_size(sizes) + (cut.samples > 1 ? sizes->out_channels : 0));
  return own > portable ? own : portable;
}

void gan_convolution_forward(const gan_backend *backend, const gan_convolution *sizes, int64_t rows, const float *x,
                             const float *weight, float *y, float *scratch) {
  if (sizes->groups > 1) {
    gan_grouped_convolution_forward(backend, sizes, rows, x, weight, y, scratch);
    return;
  }
  const int64_t filter = gan_filter_size(sizes);
  if (is_fully_connected(&sizes->window)) {
    backend->gemm(false, true, rows, sizes->out_channels, filter, 1, x, filter, weight, filter, 0, y,
                  sizes->out_channels);
    return;
  }
  if (backend->convolution_forward &&
      backend->convolution_forward(backend->precision, sizes, rows, x, weight, y, scratch))
    return;
  const int64_t positions = gan_positions(sizes->window.out);
  const tiling cut = plan(sizes);
  float *columns = scratch, *copy = scratch + filter * cut.columns;
  for (tile at = {0}; next_tile(sizes, &cut, rows, &at);) {
    const int64_t count = tile_columns(&at);
    const bool direct = cut.samples == 1;
    float *to =
        direct ? y + at.sample * sizes->out_channels * positions + at.line * sizes->window.out[2] + at.place : copy;
    unfold(sizes, &at, x, columns);
    backend->gemm(false, false, sizes->out_channels, count, filter, 1, weight, filter, columns, count, 0, to,
                  direct ? positions : count);
    if (!direct) put_output_matrix(sizes, &at, copy, y);
  }
}

void gan_convolution_backward_data(const gan_backend *backend, const gan_convolution *sizes, int64_t rows,
                                   const float *dy, const float *weight, float *dx, float *scratch) {
  if (sizes->groups > 1) {
    gan_grouped_convolution_backward_data(backend, sizes, rows, dy, weight, dx, scratch);
    return;
  }
  const int64_t filter = gan_filter_size(sizes);
  if (is_fully_connected(&sizes->window)) {
    backend->gemm(false, false, rows, filter, sizes->out_channels, 1, dy, sizes->out_channels, weight, filter, 0, dx,
                  filter);
    return;
  }
  if (backend->convolution_backward_data &&
      backend->convolution_backward_data(backend->precision, sizes, rows, dy, weight, dx, scratch))
    return;
  const tiling cut = plan(sizes);
  float *columns = scratch, *copy = scratch + filter * cut.columns;
  memset(dx, 0, (size_t)(rows * sizes->in_channels * gan_positions(sizes->window.in)) * sizeof *dx);
  for (tile at = {0}; next_tile(sizes, &cut, rows, &at);) {
    const int64_t count = tile_columns(&at);
    int64_t row_length;
    const float *from = output_matrix(sizes, &cut, &at, dy, copy, &row_length);
    backend->gemm(true, false, filter, count, sizes->out_channels, 1, weight, filter, from, row_length, 0, columns,
                  count);
    fold(sizes, &at, columns, dx);
  }
}

void gan_convolution_backward_weights(const gan_backend *backend, const gan_convolution *sizes, int64_t rows,
                                      const float *x, const float *dy, float *dweight, float *scratch) {
  if (sizes->groups > 1) {
    gan_grouped_convolution_backward_weights(backend, sizes, rows, x, dy, dweight, scratch);
    return;
  }
  const int64_t filter = gan_filter_size(sizes);
  if (is_fully_connected(&sizes->window)) {
    backend->gemm(true, false, sizes->out_channels, filter, rows, 1, dy, sizes->out_channels, x, filter, 0, dweight,
                  filter);
    return;
  }
  if (backend->convolution_backward_weights &&
      backend->convolution_backward_weights(backend->precision, sizes, rows, x, dy, dweight, scratch))
    return;
  const tiling cut = plan(sizes);
  float *columns = scratch, *copy = scratch + filter * cut.columns;
  float before = 0;
  for (tile at = {0}; next_tile(sizes, &cut, rows, &at); before = 1) {
    const int64_t count = tile_columns(&at);
    int64_t row_length;
    const float *from = output_matrix(sizes, &cut, &at, dy, copy, &row_length);
    unfold(sizes, &at, x, columns);
    backend->gemm(false, true, sizes->out_channels, filter, count, 1, from, row_length, columns, count, before, dweight,
                  filter);
  }
}

void gan_convolution_shard_weights(const gan_backend *backend, const gan_convolution *sizes, const gan_shard_rows *of,
                                   float *const *slots, size_t offset, float *scratch) {
  const gan_shards *shards = of->shards;
  const bool grouped = sizes->groups > 1;
  if (!grouped && is_fully_connected(&sizes->window)) {
    gan_shard_products(backend, of, slots, offset);
    return;
  }
  if (!grouped && backend->convolution_shard_weights &&
      backend->convolution_shard_weights(backend->precision, sizes, of, slots, offset, scratch))
    return;
  for (int i = 0; i < shards->local; i++) {
    const int64_t first = gan_shard_rows_begin(of, i);
    gan_convolution_backward_weights(backend, sizes, gan_shard_rows_count(of, i), of->b + first * of->n,
                                     of->a + first * of->m, slots[shards->slot[i]] + offset, scratch);
    gan_shards_fold(shards, i, slots, offset, (size_t)(sizes->out_channels * gan_filter_size(sizes)));
  }
}
