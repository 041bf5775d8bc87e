/* See packed_convolution.h.

   Forward: y (out_channels, columns) = weight (out_channels, filter) unfolded x (filter, columns). Backward to the
   data: the places of x that leave the same remainders modulo the strides meet the same taps, and are one such product,
   with stride 1 over dy. Backward to the weights is in packed_weights.c. The inner dimension is cut into blocks so that
   a panel of B stays in the first cache and one of A in the second; sums of blocks are added in rising order.

   The image is unfolded from copies of a few samples (unfolding.h). In bfloat16 these have half as many channels, whose
   elements are pairs, and so have the weights while they are packed: all but the innermost loop is the same. */
#include "kernels/packed_convolution.h"

#include <math.h>
#include <string.h>

#include "kernels/integers.h"
#include "kernels/packed_internal.h"
#include "kernels/unfolding.h"

#if defined(__x86_64__) && defined(__GNUC__)

/* Columns whose sums are kept at a time. */
enum { GROUP = 4, VECTORS = GAN_TILE_COLUMNS / GAN_LANES };

/* Below these, what packing costs is shared by too few rows and columns. Measured on an AMD Zen 5 against the portable
   way. */
enum { COLUMNS_LEAST = 256 };

enum { DILATED_STRIDE_MOST = 16 };

/* Of a dilated kernel with a large stride hardly any element meets a place: finding out which would be all the work. */
static bool sizes_pay(const gan_convolution *sizes) {
  const gan_window *window = &sizes->window;
  for (int i = 0; i < GAN_AXES; i++)
    if (window->gap[i] > 0 && window->stride[i] > DILATED_STRIDE_MOST) return false;
  return least(sizes->in_channels, sizes->out_channels) >= CHANNELS_LEAST;
}

static bool pays(gan_precision precision, const gan_convolution *sizes, int64_t columns) {
  return sizes_pay(sizes) && columns >= COLUMNS_LEAST && gan_tiles_available(precision);
}

/* --- Products whose columns are places --- */

/* Rows and columns of a product, and where its columns go: column (sample, place) of row r is the element (sample, r,
   place * stride + first) of the result, along each axis. */
typedef struct columns_product {
  gan_precision precision;
  int64_t channels;   /* of the image in memory; in bfloat16 from.channels are pairs of them */
  gan_unfolding from; /* of the samples that are worked on at a time */
  int64_t depth;      /* most rows of a panel, unless one channel has more taps */
  int64_t rows;
  int64_t size[GAN_AXES], stride[GAN_AXES], first[GAN_AXES]; /* of the result */
  int64_t first_tap[GAN_AXES]; /* of the kernel, whose elements first_tap + tap * period it meets */
  /* Memory: packed rows; tiles of a group of columns, (column panels, row panels, 8, 48); a panel of B; where the
     group's columns come from, (column panels, vectors, taps); and the samples' copy. */
  float *a, *tiles, *b;
  gan_source *sources;
  float *copy;
} columns_product;

static int64_t taps_of(const columns_product *product) { return gan_positions(product->from.taps); }

static bool is_empty(const columns_product *product) {
  return taps_of(product) == 0 || gan_unfolding_columns(&product->from) == 0;
}

/* The channels of one block of the inner dimension, all but the last. */
static int64_t block_channels(const columns_product *product) {
  const int64_t all = product->from.channels, channels = least(most(product->depth / taps_of(product), 1), all);
  return pieces(all, pieces(all, channels));
}

static int64_t row_panels(int64_t rows) { return pieces(rows, GAN_TILE_ROWS); }

/* A is packed block after block, (row panels, depth, 8) each. This is where the panel of `row` begins in the block of
   `channel`; returns the distance to the next panel. */
static int64_t find_panel(const columns_product *product, int64_t channel, int64_t row, float **panel) {
  const int64_t channels = block_channels(product), taps = taps_of(product), panels = row_panels(product->rows);
  const int64_t block = channel / channels, left = least(channels, product->from.channels - block * channels);
  const int64_t size = left * taps * GAN_TILE_ROWS;
  *panel = product->a + block * channels * taps * GAN_TILE_ROWS * panels + row / GAN_TILE_ROWS * size;
  return size;
}

/* Floats of memory that the product needs beside the copy, of which it takes its parts unless `memory` is NULL. Sizes
   are multiples of a register's, so that each part lies as the memory does. */
static int64_t take_parts(columns_product *product, float *memory) {
  const int64_t taps = taps_of(product),
                tiles = aligned(row_panels(product->rows) * GAN_TILE_ROWS * product->from.channels * taps);
  const int64_t b = tiles + GROUP * row_panels(product->rows) * GAN_TILE;
  const int64_t sources = b + block_channels(product) * taps * GAN_TILE_COLUMNS;
  if (memory) {
    product->a = memory;
    product->tiles = memory + tiles;
    product->b = memory + b;
    product->sources = (gan_source *)(void *)(memory + sources);
  }
  return sources + aligned(GROUP * VECTORS * taps * (int64_t)(sizeof(gan_source) / sizeof(float)));
}

/* The same of one product, or of two that work on one copy. */
static int64_t take_memory(columns_product *products, int count, float *memory) {
  const gan_unfolding *from = &products->from;
  int64_t size = 0;
  for (int i = 0; i < count; i++) size += take_parts(&products[i], memory ? memory + size : NULL);
  if (memory) products->copy = memory + size;
  return size + aligned(from->samples * from->channels * from->plane);
}

/* As many samples at a time as fill the groups, and are still near when they are unfolded (one, if need be): of some
   numbers of them the one that leaves the least of a last panel empty. `size`: floats of one. */
static int64_t choose_samples(int64_t places, int64_t size) {
  enum { COLUMNS = 4 * GROUP * GAN_TILE_COLUMNS, CHOICES = 3 };
  const int64_t near = most(COPY_FLOATS / size, 1), fewest = least(pieces(COLUMNS, places), near);
  int64_t best = fewest;
  double best_share = INFINITY;
  for (int64_t samples = fewest; samples <= near && samples < fewest + CHOICES; samples++) {
    const int64_t columns = samples * places;
    const double share = (double)rounded_up(columns, GAN_TILE_COLUMNS) / (double)columns;
    if (share < best_share) best = samples, best_share = share;
  }
  return best;
}

static void plan_copy(columns_product *product) {
  product->channels = product->from.channels;
  product->depth = gan_tile_depth();
  gan_unfolding_of_copy(product->precision, &product->from);
  product->from.samples =
      choose_samples(most(gan_positions(product->from.out), 1), product->from.channels * product->from.plane);
}

/* Of as many samples of the image as are worked on at a time. */
static void copy_samples(const columns_product *product, const float *image) {
  gan_unfold_copy(product->precision, &product->from, image, product->from.samples, product->channels,
                  product->channels * gan_positions(product->from.in), product->copy);
}

/* tiles = A times the unfolded image's columns begin to end - 1, a group at most. */
static void multiply_group(const columns_product *product, const float *image, int64_t begin, int64_t end) {
  const int64_t taps = taps_of(product), channels = block_channels(product);
  float *b = product->b;
  const int column_panels = (int)pieces(end - begin, GAN_TILE_COLUMNS);
  gan_unfold_find(&product->from, begin, column_panels * VECTORS, product->sources);
  for (int64_t channel = 0; channel < product->from.channels; channel += channels) {
    const int64_t count = least(channels, product->from.channels - channel), depth = count * taps;
    float *first, *tile = product->tiles;
    const int64_t size = find_panel(product, channel, 0, &first);
    const gan_source *sources = product->sources;
    for (int64_t column = begin; column < end; column += GAN_TILE_COLUMNS, sources += VECTORS * taps) {
      gan_unfold(&product->from, sources, image, channel, count, VECTORS, b);
      const float *a = first;
      for (int64_t row = 0; row < product->rows; row += GAN_TILE_ROWS, a += size, tile += GAN_TILE)
        gan_tile_multiply(product->precision, depth, a, b, GAN_TILE_COLUMNS, channel > 0, tile, GAN_TILE_COLUMNS);
    }
  }
}

/* A run of neighbouring columns in one line of the result. */
typedef struct run {
  int64_t column, count, offset;
} run;

/* The runs of the columns from `column` on, at most 48 of them; returns how many runs. */
static int find_runs(const columns_product *product, int64_t column, run *runs) {
  const gan_unfolding *from = &product->from;
  const int64_t columns = least(GAN_TILE_COLUMNS, gan_unfolding_columns(from) - column);
  const int64_t width = from->out[2], height = from->out[1], places = gan_positions(from->out);
  int count = 0;
  for (int64_t i = 0; i < columns;) {
    const int64_t sample = (column + i) / places, place = (column + i) % places;
    const int64_t at[GAN_AXES] = {place / (width * height), place / width % height, place % width};
    int64_t offset = sample * product->rows;
    for (int axis = 0; axis < GAN_AXES; axis++)
      offset = offset * product->size[axis] + at[axis] * product->stride[axis] + product->first[axis];
    const int64_t length = least(width - at[2], columns - i);
    if (count > 0 && offset == runs[count - 1].offset + runs[count - 1].count * product->stride[2])
      runs[count - 1].count += length;
    else
      runs[count++] = (run){i, length, offset};
    i += length;
  }
  return count;
}

static void put_run(int64_t count, int64_t stride, const float *x, float *y) {
  if (stride == 1)
    memcpy(y, x, (size_t)count * sizeof *x);
  else
    for (int64_t i = 0; i < count; i++) y[i * stride] = x[i];
}

/* The tiles of one column panel go to their places. */
static void put_columns(const columns_product *product, int64_t column, const float *tiles, float *result) {
  const int64_t plane = gan_positions(product->size);
  run runs[GAN_TILE_COLUMNS];
  const int count = find_runs(product, column, runs);
  for (int64_t row = 0; row < product->rows; row++, tiles += GAN_TILE_COLUMNS, result += plane)
    for (int i = 0; i < count; i++)
      put_run(runs[i].count, product->stride[2], tiles + runs[i].column, result + runs[i].offset);
}

static void put_group(const columns_product *product, int64_t begin, int64_t end, float *result) {
  const float *tiles = product->tiles;
  for (int64_t column = begin; column < end; column += GAN_TILE_COLUMNS) {
    put_columns(product, column, tiles, result);
    tiles += row_panels(product->rows) * GAN_TILE;
  }
}

/* --- Forward --- */

static columns_product plan_forward(gan_precision precision, const gan_convolution *sizes) {
  columns_product product = {.precision = precision,
                             .from = gan_unfolding_of_input(sizes, 1),
                             .rows = sizes->out_channels,
                             .stride = {1, 1, 1}};
  memcpy(product.size, sizes->window.out, sizeof product.size);
  plan_copy(&product);
  return product;
}

/* One panel (depth, 8) of the matrix x (rows of it, depth), `stride` floats from row to row; and the one of the 8 rows
   after them, where there are more than 8. */
static void pack_rows(const float *x, int64_t stride, int64_t rows, int64_t depth, float *panel, float *second) {
  int64_t k = 0;
  if (rows >= 2 * GAN_TILE_ROWS)
    for (; k + GAN_LANES <= depth; k += GAN_LANES)
      gan_transpose_to_rows(x + k, stride, panel + k * GAN_TILE_ROWS, second + k * GAN_TILE_ROWS, GAN_TILE_ROWS);
  for (; k < depth; k++)
    for (int64_t i = 0; i < GAN_TILE_ROWS; i++) {
      panel[k * GAN_TILE_ROWS + i] = i < rows ? x[i * stride + k] : 0;
      if (rows > GAN_TILE_ROWS)
        second[k * GAN_TILE_ROWS + i] = i + GAN_TILE_ROWS < rows ? x[(i + GAN_TILE_ROWS) * stride + k] : 0;
    }
}

static void pack_weights(const columns_product *product, const float *weight) {
  const int64_t taps = taps_of(product), filter = product->channels * taps, channels = block_channels(product);
  for (int64_t channel = 0; channel < product->from.channels; channel += channels) {
    const int64_t count = least(channels, product->from.channels - channel), depth = count * taps;
    for (int64_t row = 0; row < product->rows; row += 2 * GAN_TILE_ROWS) {
      const int64_t rows = product->rows - row;
      const float *from = weight + row * filter;
      float *panel;
      const int64_t size = find_panel(product, channel, row, &panel);
      if (product->precision == GAN_BFLOAT16) {
        for (int64_t i = 0; i < least(rows, 2 * GAN_TILE_ROWS); i++)
          gan_tile_pair_channels(from + i * filter + 2 * channel * taps,
                                 least(2 * count, product->channels - 2 * channel), taps, taps, product->b + i * depth);
        pack_rows(product->b, depth, rows, depth, panel, panel + size);
      } else {
        pack_rows(from + channel * taps, filter, rows, depth, panel, panel + size);
      }
    }
  }
}

bool gan_packed_convolution_forward(gan_precision precision, const gan_convolution *sizes, int64_t rows, const float *x,
                                    const float *weight, float *y, float *scratch) {
  if (!pays(precision, sizes, rows * gan_positions(sizes->window.out))) return false;
  columns_product product = plan_forward(precision, sizes);
  take_memory(&product, 1, align(scratch));
  pack_weights(&product, weight);
  const int64_t block = product.from.samples, group = GROUP * GAN_TILE_COLUMNS;
  for (int64_t sample = 0; sample < rows; sample += block) {
    product.from.samples = least(block, rows - sample);
    copy_samples(&product, x + sample * sizes->in_channels * gan_positions(sizes->window.in));
    float *result = y + sample * sizes->out_channels * gan_positions(sizes->window.out);
    const int64_t columns = gan_unfolding_columns(&product.from);
    for (int64_t begin = 0; begin < columns; begin += group) {
      const int64_t end = least(begin + group, columns);
      multiply_group(&product, product.copy, begin, end);
      put_group(&product, begin, end, result);
    }
  }
  return true;
}

/* --- Backward to the data --- */

/* Elements of the kernel that lie so many apart meet places of the same remainder modulo the stride: stride /
   gcd(stride, dilation), which is the stride where there are no gaps. */
static int64_t period_of(const gan_window *window, int axis) {
  int64_t a = window->stride[axis], b = gan_dilation(window, axis) % a;
  while (b > 0) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return window->stride[axis] / a;
}

/* The first element of the kernel that meets a place `shifted` behind the padding's beginning; the kernel's size where
   none does. */
static int64_t first_tap_of(const gan_window *window, int axis, int64_t shifted) {
  const int64_t stride = window->stride[axis], last = least(period_of(window, axis), window->kernel[axis]);
  if (window->gap[axis] == 0) return least(shifted % stride, window->kernel[axis]);
  for (int64_t tap = 0; tap < last; tap++)
    if ((shifted - tap * gan_dilation(window, axis)) % stride == 0) return tap;
  return window->kernel[axis];
}

/* Places of x that leave remainder r[i] along axis i: how they unfold dy, and where they lie in x. */
static columns_product plan_remainder(gan_precision precision, const gan_convolution *sizes,
                                      const int64_t r[GAN_AXES]) {
  const gan_window *window = &sizes->window;
  columns_product product = {.precision = precision, .rows = sizes->in_channels};
  gan_unfolding *from = &product.from;
  *from = (gan_unfolding){.channels = sizes->out_channels, .plane = gan_positions(window->out)};
  for (int i = 0; i < GAN_AXES; i++) {
    const int64_t stride = window->stride[i], dilation = gan_dilation(window, i), period = period_of(window, i);
    const int64_t shifted = r[i] + window->padding[i], tap = first_tap_of(window, i, shifted);
    from->in[i] = window->out[i];
    from->out[i] = r[i] < window->in[i] ? pieces(window->in[i] - r[i], stride) : 0;
    from->taps[i] = pieces(window->kernel[i] - tap, period);
    from->stride[i] = 1;
    from->first[i] = (shifted - tap * dilation) / stride;
    from->step[i] = -period * dilation / stride;
    product.size[i] = window->in[i];
    product.stride[i] = stride;
    product.first[i] = r[i];
    product.first_tap[i] = tap;
  }
  plan_copy(&product);
  return product;
}

/* The tap that element k of the kernel is, -1 when it is none of this product's. */
static int64_t tap_of(const columns_product *product, const gan_window *window, int64_t k) {
  const int64_t at[GAN_AXES] = {k / window->kernel[2] / window->kernel[1], k / window->kernel[2] % window->kernel[1],
                                k % window->kernel[2]};
  int64_t tap = 0;
  for (int i = 0; i < GAN_AXES; i++) {
    const int64_t steps = at[i] - product->first_tap[i], period = period_of(window, i);
    if (steps < 0 || steps % period) return -1;
    tap = tap * product->from.taps[i] + steps / period;
  }
  return tap;
}

/* weight of 16 elements of the kernel, `first` and on, for 8 or 16 channels of x: columns (16, 16), channels last,
   those beyond `rows` channels or the kernel's end being zeros. `stride` floats lie between channels. */
static void turn_weights(const float *weight, int64_t stride, int64_t kernel, int64_t first, int64_t rows,
                         float *columns) {
  if (rows >= GAN_LANES && first + GAN_LANES <= kernel) {
    gan_transpose_to_rows(weight + first, stride, columns, columns + GAN_TILE_ROWS, GAN_LANES);
    return;
  }
  for (int64_t k = 0; k < GAN_LANES; k++)
    for (int64_t i = 0; i < GAN_LANES; i++)
      columns[k * GAN_LANES + i] = i < rows && first + k < kernel ? weight[i * stride + first + k] : 0;
}

/* The same of pairs: of the weights of two channels of dy, the second of which may be NULL. */
static void turn_pairs(const float *weight, const float *second, int64_t kernel, int64_t first, int64_t rows,
                       float *columns) {
  float pairs[GAN_LANES * GAN_LANES];
  const int64_t count = least(GAN_LANES, kernel - first), lines = least(rows, GAN_LANES);
  if (kernel <= GAN_LANES) { /* which follow each other */
    gan_tile_round_rows(weight, second, lines * kernel, lines * kernel, pairs);
  } else {
    for (int64_t i = 0, offset = first; i < lines; i++, offset += kernel)
      gan_tile_round_rows(weight + offset, second ? second + offset : NULL, count, count, pairs + i * count);
  }
  turn_weights(pairs, count, count, 0, rows, columns);
}

/* The 16 rows of `columns` (16, 16), channels of x from `row` on, that the product's taps are, go to A. */
static void put_taps(const columns_product *product, int64_t channel, int64_t row, const int64_t *tap,
                     const float *columns) {
  float *panel;
  const int64_t size = find_panel(product, channel, row, &panel);
  panel += channel % block_channels(product) * taps_of(product) * GAN_TILE_ROWS;
  for (int64_t k = 0; k < GAN_LANES; k++, columns += GAN_LANES) {
    if (tap[k] < 0) continue;
    float *to = panel + tap[k] * GAN_TILE_ROWS;
    memcpy(to, columns, GAN_TILE_ROWS * sizeof *to);
    if (product->rows - row > GAN_TILE_ROWS) memcpy(to + size, columns + GAN_TILE_ROWS, GAN_TILE_ROWS * sizeof *to);
  }
}

/* A (in_channels, (out_channel, tap)) of one product, or two, from weight (out_channels, in_channels, kernel). */
static void pack_taps(const columns_product *products, int count, const gan_window *window, const float *weight) {
  const int64_t kernel = gan_positions(window->kernel), rows = products->rows, next = rows * kernel;
  float columns[GAN_LANES * GAN_LANES];
  for (int64_t first = 0; first < kernel; first += GAN_LANES) {
    int64_t tap[2][GAN_LANES];
    for (int i = 0; i < count; i++)
      for (int64_t k = 0; k < GAN_LANES; k++)
        tap[i][k] = first + k < kernel ? tap_of(&products[i], window, first + k) : -1;
    for (int64_t channel = 0; channel < products->from.channels; channel++)
      for (int64_t row = 0; row < rows; row += GAN_LANES) {
        const float *from = weight + row * kernel;
        if (products->precision == GAN_BFLOAT16) {
          from += 2 * channel * next;
          turn_pairs(from, 2 * channel + 1 < products->channels ? from + next : NULL, kernel, first, rows - row,
                     columns);
        } else {
          turn_weights(from + channel * next, kernel, kernel, first, rows - row, columns);
        }
        for (int i = 0; i < count; i++) put_taps(&products[i], channel, row, tap[i], columns);
      }
  }
}

/* The tiles of two products whose columns take turns along a line, interleaved on their way. */
static void put_two_groups(const columns_product products[2], int64_t begin, int64_t end, float *result) {
  const int64_t plane = gan_positions(products->size);
  const float *even_tiles = products[0].tiles, *odd_tiles = products[1].tiles;
  const int64_t pad = (row_panels(products->rows) * GAN_TILE_ROWS - products->rows) * GAN_TILE_COLUMNS;
  for (int64_t column = begin; column < end; column += GAN_TILE_COLUMNS, even_tiles += pad, odd_tiles += pad) {
    run runs[GAN_TILE_COLUMNS];
    const int count = find_runs(&products[0], column, runs);
    float *y = result;
    for (int64_t row = 0; row < products->rows; row++, y += plane) {
      float both[2 * GAN_TILE_COLUMNS];
      gan_tile_interleave(even_tiles, odd_tiles, both);
      for (int i = 0; i < count; i++)
        memcpy(y + runs[i].offset, both + 2 * runs[i].column, (size_t)(2 * runs[i].count) * sizeof *both);
      even_tiles += GAN_TILE_COLUMNS;
      odd_tiles += GAN_TILE_COLUMNS;
    }
  }
}

/* Works off the samples of one product, or of two whose columns take turns. */
static void multiply_samples(columns_product *products, int count, int64_t rows, const float *dy, float *dx) {
  const int64_t block = products->from.samples, group = GROUP * GAN_TILE_COLUMNS;
  for (int64_t sample = 0; sample < rows; sample += block) {
    for (int i = 0; i < count; i++) products[i].from.samples = least(block, rows - sample);
    copy_samples(products, dy + sample * products->channels * gan_positions(products->from.in));
    float *result = dx + sample * products->rows * gan_positions(products->size);
    const int64_t columns = gan_unfolding_columns(&products->from);
    for (int64_t begin = 0; begin < columns; begin += group) {
      const int64_t end = least(begin + group, columns);
      for (int i = 0; i < count; i++) multiply_group(&products[i], products->copy, begin, end);
      if (count == 2)
        put_two_groups(products, begin, end, result);
      else
        put_group(products, begin, end, result);
    }
  }
}

/* Whether places of neighbouring remainders along the last axis are two products that are worked off together. */
static bool take_turns(const gan_window *window) {
  return window->stride[2] == 2 && window->in[2] % 2 == 0 && window->kernel[2] > 1 && gan_dilation(window, 2) % 2;
}

/* The product, or the two, of the index-th remainder or pair of them; returns how many, 0 where nothing is to be
   done. */
static int plan_lines(gan_precision precision, const gan_convolution *sizes, int64_t index,
                      columns_product products[2]) {
  const int64_t *stride = sizes->window.stride;
  const int count = take_turns(&sizes->window) ? 2 : 1;
  for (int i = 0; i < count; i++) {
    const int64_t at = index * count + i, lines = at / stride[2];
    products[i] =
        plan_remainder(precision, sizes, (const int64_t[]){lines / stride[1], lines % stride[1], at % stride[2]});
  }
  return is_empty(&products[0]) || is_empty(&products[count - 1]) ? 0 : count;
}

static int64_t plan_count(const gan_window *window) {
  return gan_positions(window->stride) / (take_turns(window) ? 2 : 1);
}

static bool has_gaps(const gan_window *window) {
  for (int i = 0; i < GAN_AXES; i++)
    if (window->kernel[i] < window->stride[i] || period_of(window, i) < window->stride[i]) return true;
  return false;
}

bool gan_packed_convolution_backward_data(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                          const float *dy, const float *weight, float *dx, float *scratch) {
  const gan_window *window = &sizes->window;
  const int64_t places = gan_positions(window->in),
                covered = gan_positions(window->out) * gan_positions(window->stride);
  /* Places near the edges meet few taps; where most are, the zeros beside them would be most of the work. */
  if (places > 2 * covered || !pays(precision, sizes, rows * places)) return false;
  /* Where the kernel is smaller than the stride, or the dilation has a divisor in common with it, there are places that
     no tap meets. */
  if (has_gaps(window)) memset(dx, 0, (size_t)(rows * sizes->in_channels * places) * sizeof *dx);
  for (int64_t i = 0; i < plan_count(window); i++) {
    columns_product products[2];
    const int count = plan_lines(precision, sizes, i, products);
    if (count == 0) continue;
    take_memory(products, count, align(scratch));
    pack_taps(products, count, window, weight);
    multiply_samples(products, count, rows, dy, dx);
  }
  return true;
}

/* --- Memory --- */

static int64_t most_memory(gan_precision precision, const gan_convolution *sizes) {
  int64_t need = gan_packed_weights_scratch(precision, sizes);
  if (!sizes_pay(sizes)) return need;
  columns_product forward = plan_forward(precision, sizes), products[2];
  need = most(need, take_memory(&forward, 1, NULL));
  for (int64_t i = 0; i < plan_count(&sizes->window); i++) {
    const int count = plan_lines(precision, sizes, i, products);
    if (count > 0) need = most(need, take_memory(products, count, NULL));
  }
  return need;
}

size_t gan_packed_convolution_scratch(gan_precision precision, const gan_convolution *sizes) {
  if (!gan_tiles_available(precision)) return 0;
  return (size_t)most_memory(precision, sizes) + GAN_TILE_ALIGNMENT / sizeof(float);
}

#else

size_t gan_packed_convolution_scratch(gan_precision precision, const gan_convolution *sizes) {
  (void)precision, (void)sizes;
  return 0;
}

bool gan_packed_convolution_forward(gan_precision precision, const gan_convolution *sizes, int64_t rows, const float *x,
                                    const float *weight, float *y, float *scratch) {
  (void)precision, (void)sizes, (void)rows, (void)x, (void)weight, (void)y, (void)scratch;
  return false;
}

bool gan_packed_convolution_backward_data(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                          const float *dy, const float *weight, float *dx, float *scratch) {
  (void)precision, (void)sizes, (void)rows, (void)dy, (void)weight, (void)dx, (void)scratch;
  return false;
}

#endif
