/* See packed_convolution.h.

   Forward: y (out_channels, columns) = weight (out_channels, filter) unfolded x (filter, columns). Backward to the
   data: the places of x that leave the same remainders modulo the strides meet the same taps, and are one such product,
   with stride 1 over dy. Backward to the weights: dweight (out_channels, filter) = dy (out_channels, columns) times the
   unfolded x, transposed. The inner dimension is cut into blocks so that a panel of B stays in the first cache and one
   of A in the second; sums of blocks are added in rising order. */
#include "kernels/packed_convolution.h"

#include <string.h>

#include "kernels/unfolding.h"

#if defined(__x86_64__) && defined(__GNUC__)

/* Inner dimension of a block; columns whose sums are kept at a time; columns of the unfolded matrix, transposed. */
enum { DEPTH = 192, GROUP = 8, FILTERS = 768, VECTORS = GAN_TILE_COLUMNS / GAN_LANES };

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t pieces(int64_t whole, int64_t piece) { return (whole + piece - 1) / piece; }
static int64_t even(int64_t n) { return n + (n & 1); }

/* What packing costs is shared by the rows that a panel of B meets and the columns that one of A does. Measured on an
   AMD Zen 5 against the portable way. */
enum { CHANNELS_LEAST = 16, COLUMNS_LEAST = 256, FILTER_LEAST = 48 };

static bool pays(gan_precision precision, const gan_convolution *sizes, int64_t columns) {
  return least(sizes->in_channels, sizes->out_channels) >= CHANNELS_LEAST && columns >= COLUMNS_LEAST &&
         gan_tiles_available(precision);
}

/* The memory begins at a multiple of a register's size: sources hold integers of 8 bytes, and panels are read fastest
 * so. */
enum { ALIGNMENT = 16 * sizeof(float) };

static float *align(float *scratch) { return (float *)(((uintptr_t)scratch + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT); }

/* --- Products whose columns are places --- */

/* Rows and columns of a product, and where its columns go: column (sample, place) of row r is the element (sample, r,
   place * stride + first) of the result, along each axis. */
typedef struct columns_product {
  gan_precision precision;
  gan_unfolding from;
  int64_t rows;
  int64_t size[GAN_AXES], stride[GAN_AXES], first[GAN_AXES]; /* of the result */
  int64_t first_tap[GAN_AXES]; /* of the kernel, whose elements first_tap + tap * stride it meets */
  /* Memory: packed rows; tiles of a group of columns, (column panels, row panels, 8, 48); a panel of B; and where the
     group's columns come from, (column panels, vectors, taps). */
  float *a, *tiles, *b;
  gan_source *sources;
} columns_product;

static int64_t taps_of(const columns_product *product) { return gan_positions(product->from.taps); }

static bool is_empty(const columns_product *product) {
  return taps_of(product) == 0 || gan_unfolding_columns(&product->from) == 0;
}

/* The channels of one block of the inner dimension, all but the last. */
static int64_t block_channels(const columns_product *product) {
  const int64_t all = product->from.channels, channels = least(most(DEPTH / taps_of(product), 1), all);
  return pieces(all, pieces(all, channels));
}

static int64_t row_panels(int64_t rows) { return pieces(rows, GAN_TILE_ROWS); }

/* A is packed block after block, (row panels, depth, 8) each, the depth made even. This is where the panel of `row`
   begins in the block of `channel`; returns the distance to the next panel. */
static int64_t find_panel(const columns_product *product, int64_t channel, int64_t row, float **panel) {
  const int64_t channels = block_channels(product), taps = taps_of(product), panels = row_panels(product->rows);
  const int64_t block = channel / channels, left = least(channels, product->from.channels - block * channels);
  const int64_t size = even(left * taps) * GAN_TILE_ROWS;
  *panel = product->a + block * even(channels * taps) * GAN_TILE_ROWS * panels + row / GAN_TILE_ROWS * size;
  return size;
}

static int64_t packed_size(const columns_product *product) {
  const int64_t channels = block_channels(product), taps = taps_of(product);
  const int64_t left = product->from.channels % channels;
  return row_panels(product->rows) * GAN_TILE_ROWS *
         (product->from.channels / channels * even(channels * taps) + even(left * taps));
}

/* Gives the product its part of the memory, which begins at `memory`; returns where it ends. Sizes are even, so that
   sources lie at multiples of 8 bytes as the memory does. */
static float *take_memory(columns_product *product, float *memory) {
  const int64_t taps = taps_of(product);
  product->a = memory;
  product->tiles = product->a + packed_size(product);
  product->b = product->tiles + GROUP * row_panels(product->rows) * GAN_TILE;
  product->sources = (gan_source *)(void *)(product->b + even(block_channels(product) * taps) * GAN_TILE_COLUMNS);
  return (float *)(void *)(product->sources + GROUP * VECTORS * taps);
}

static int64_t memory_size(const columns_product *product) {
  const int64_t taps = taps_of(product);
  return packed_size(product) + GROUP * row_panels(product->rows) * GAN_TILE +
         even(block_channels(product) * taps) * GAN_TILE_COLUMNS +
         GROUP * VECTORS * taps * (int64_t)(sizeof(gan_source) / sizeof(float));
}

/* Ends the packing of A: a missing last row is zeros, and pairs are made. */
static void finish_rows(const columns_product *product) {
  if (product->precision != GAN_BFLOAT16) return;
  const int64_t channels = block_channels(product), taps = taps_of(product);
  for (int64_t channel = 0; channel < product->from.channels; channel += channels) {
    const int64_t depth = least(channels, product->from.channels - channel) * taps;
    for (int64_t row = 0; row < product->rows; row += GAN_TILE_ROWS) {
      float *panel;
      find_panel(product, channel, row, &panel);
      if (depth & 1) memset(panel + depth * GAN_TILE_ROWS, 0, GAN_TILE_ROWS * sizeof *panel);
      gan_tile_round(even(depth), GAN_TILE_ROWS, panel);
    }
  }
}

/* tiles = A times the unfolded image's columns begin to end - 1, a group at most. */
static void multiply_group(const columns_product *product, const float *image, int64_t begin, int64_t end) {
  const int64_t taps = taps_of(product), channels = block_channels(product);
  float *b = product->b;
  const int column_panels = (int)pieces(end - begin, GAN_TILE_COLUMNS);
  gan_unfold_find(&product->from, begin, column_panels * VECTORS, product->sources);
  for (int64_t channel = 0; channel < product->from.channels; channel += channels) {
    const int64_t count = least(channels, product->from.channels - channel), rows = count * taps;
    const int64_t depth = product->precision == GAN_BFLOAT16 ? even(rows) : rows;
    float *first, *tile = product->tiles;
    const int64_t size = find_panel(product, channel, 0, &first);
    const gan_source *sources = product->sources;
    for (int64_t column = begin; column < end; column += GAN_TILE_COLUMNS, sources += VECTORS * taps) {
      const int64_t ahead = gan_unfold_distance(&product->from, column, GAN_TILE_COLUMNS);
      gan_unfold(&product->from, sources, image, channel, count, VECTORS, ahead, b);
      if (product->precision == GAN_BFLOAT16) {
        if (depth > rows) memset(b + rows * GAN_TILE_COLUMNS, 0, GAN_TILE_COLUMNS * sizeof *b);
        gan_tile_round(depth, GAN_TILE_COLUMNS, b);
      }
      const float *a = first;
      for (int64_t row = 0; row < product->rows; row += GAN_TILE_ROWS, a += size, tile += GAN_TILE)
        gan_tile_multiply(product->precision, depth, a, b, channel > 0, tile);
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
    run *last = &runs[count - 1];
    if (count > 0 && offset == last->offset + last->count * product->stride[2])
      last->count += length;
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

static gan_unfolding unfolding_of_input(const gan_convolution *sizes, int64_t rows) {
  const gan_window *window = &sizes->window;
  gan_unfolding from = {.samples = rows, .channels = sizes->in_channels};
  for (int i = 0; i < GAN_AXES; i++) {
    from.in[i] = window->in[i];
    from.out[i] = window->out[i];
    from.taps[i] = window->kernel[i];
    from.stride[i] = window->stride[i];
    from.first[i] = -window->padding[i];
    from.step[i] = 1;
  }
  return from;
}

static columns_product plan_forward(gan_precision precision, const gan_convolution *sizes, int64_t rows) {
  columns_product product = {.precision = precision,
                             .from = unfolding_of_input(sizes, rows),
                             .rows = sizes->out_channels,
                             .stride = {1, 1, 1}};
  memcpy(product.size, sizes->window.out, sizeof product.size);
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
  const int64_t taps = taps_of(product), filter = product->from.channels * taps, channels = block_channels(product);
  for (int64_t channel = 0; channel < product->from.channels; channel += channels) {
    const int64_t depth = least(channels, product->from.channels - channel) * taps;
    for (int64_t row = 0; row < product->rows; row += 2 * GAN_TILE_ROWS) {
      float *panel;
      const int64_t size = find_panel(product, channel, row, &panel);
      pack_rows(weight + row * filter + channel * taps, filter, product->rows - row, depth, panel, panel + size);
    }
  }
  finish_rows(product);
}

bool gan_packed_convolution_forward(gan_precision precision, const gan_convolution *sizes, int64_t rows, const float *x,
                                    const float *weight, float *y, float *scratch) {
  if (!pays(precision, sizes, rows * gan_positions(sizes->window.out))) return false;
  columns_product product = plan_forward(precision, sizes, rows);
  take_memory(&product, align(scratch));
  const int64_t columns = gan_unfolding_columns(&product.from), group = GROUP * GAN_TILE_COLUMNS;
  pack_weights(&product, weight);
  for (int64_t begin = 0; begin < columns; begin += group) {
    const int64_t end = least(begin + group, columns);
    multiply_group(&product, x, begin, end);
    put_group(&product, begin, end, y);
  }
  return true;
}

/* --- Backward to the data --- */

/* Places of x that leave remainder r[i] along axis i: how they unfold dy, and where they lie in x. */
static columns_product plan_remainder(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                      const int64_t r[GAN_AXES]) {
  const gan_window *window = &sizes->window;
  columns_product product = {.precision = precision, .rows = sizes->in_channels};
  gan_unfolding *from = &product.from;
  *from = (gan_unfolding){.samples = rows, .channels = sizes->out_channels};
  for (int i = 0; i < GAN_AXES; i++) {
    const int64_t stride = window->stride[i], shifted = r[i] + window->padding[i], tap = shifted % stride;
    from->in[i] = window->out[i];
    from->out[i] = r[i] < window->in[i] ? pieces(window->in[i] - r[i], stride) : 0;
    from->taps[i] = tap < window->kernel[i] ? pieces(window->kernel[i] - tap, stride) : 0;
    from->stride[i] = 1;
    from->first[i] = shifted / stride;
    from->step[i] = -1;
    product.size[i] = window->in[i];
    product.stride[i] = stride;
    product.first[i] = r[i];
    product.first_tap[i] = tap;
  }
  return product;
}

/* The tap that element k of the kernel is, -1 when it is none of this product's. */
static int64_t tap_of(const columns_product *product, const gan_window *window, int64_t k) {
  const int64_t at[GAN_AXES] = {k / window->kernel[2] / window->kernel[1], k / window->kernel[2] % window->kernel[1],
                                k % window->kernel[2]};
  int64_t tap = 0;
  for (int i = 0; i < GAN_AXES; i++) {
    const int64_t steps = at[i] - product->first_tap[i];
    if (steps < 0 || steps % window->stride[i]) return -1;
    tap = tap * product->from.taps[i] + steps / window->stride[i];
  }
  return tap;
}

/* weight of 16 elements of the kernel, `first` and on, for 8 or 16 channels of x: columns (16, 16), channels last,
   those beyond `rows` channels or the kernel's end being zeros. */
static void turn_weights(const float *weight, int64_t kernel, int64_t first, int64_t rows, float *columns) {
  if (rows >= GAN_LANES && first + GAN_LANES <= kernel) {
    gan_transpose_to_rows(weight + first, kernel, columns, columns + GAN_TILE_ROWS, GAN_LANES);
    return;
  }
  for (int64_t k = 0; k < GAN_LANES; k++)
    for (int64_t i = 0; i < GAN_LANES; i++)
      columns[k * GAN_LANES + i] = i < rows && first + k < kernel ? weight[i * kernel + first + k] : 0;
}

/* A (in_channels, (out_channel, tap)) from weight (out_channels, in_channels, kernel). */
static void pack_taps(const columns_product *product, const gan_window *window, const float *weight) {
  const int64_t kernel = gan_positions(window->kernel), taps = taps_of(product), rows = product->rows;
  const int64_t channels = block_channels(product);
  float columns[GAN_LANES * GAN_LANES];
  for (int64_t first = 0; first < kernel; first += GAN_LANES) {
    int64_t tap[GAN_LANES];
    for (int64_t k = 0; k < GAN_LANES; k++) tap[k] = first + k < kernel ? tap_of(product, window, first + k) : -1;
    for (int64_t channel = 0; channel < product->from.channels; channel++)
      for (int64_t row = 0; row < rows; row += GAN_LANES) {
        float *panel;
        const int64_t size = find_panel(product, channel, row, &panel);
        turn_weights(weight + (channel * rows + row) * kernel, kernel, first, rows - row, columns);
        for (int64_t k = 0; k < GAN_LANES; k++) {
          if (tap[k] < 0) continue;
          float *to = panel + (channel % channels * taps + tap[k]) * GAN_TILE_ROWS;
          memcpy(to, columns + k * GAN_LANES, GAN_TILE_ROWS * sizeof *to);
          if (rows - row > GAN_TILE_ROWS)
            memcpy(to + size, columns + k * GAN_LANES + GAN_TILE_ROWS, GAN_TILE_ROWS * sizeof *to);
        }
      }
  }
  finish_rows(product);
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

/* The places of one remainder along the leading axes, whatever they leave along the last one. */
static void backward_lines(gan_precision precision, const gan_convolution *sizes, int64_t rows, int64_t remainder,
                           const float *dy, const float *weight, float *dx, float *scratch) {
  const int64_t *stride = sizes->window.stride, group = GROUP * GAN_TILE_COLUMNS;
  const int64_t r[GAN_AXES] = {remainder / stride[1], remainder % stride[1], 0};
  const bool take_turns = stride[2] == 2 && sizes->window.in[2] % 2 == 0 && sizes->window.kernel[2] > 1;
  for (int64_t first = 0; first < stride[2]; first += take_turns ? 2 : 1) {
    columns_product products[2];
    float *next = align(scratch);
    for (int i = 0; i < 1 + take_turns; i++) {
      products[i] = plan_remainder(precision, sizes, rows, (const int64_t[]){r[0], r[1], first + i});
      if (is_empty(&products[i])) break;
      next = take_memory(&products[i], next);
      pack_taps(&products[i], &sizes->window, weight);
    }
    const int64_t columns = is_empty(&products[0]) ? 0 : gan_unfolding_columns(&products[0].from);
    for (int64_t begin = 0; begin < columns; begin += group) {
      const int64_t end = least(begin + group, columns);
      for (int i = 0; i < 1 + take_turns; i++) multiply_group(&products[i], dy, begin, end);
      if (take_turns)
        put_two_groups(products, begin, end, dx);
      else
        put_group(&products[0], begin, end, dx);
    }
  }
}

static bool has_gaps(const gan_window *window) {
  for (int i = 0; i < GAN_AXES; i++)
    if (window->kernel[i] < window->stride[i]) return true;
  return false;
}

bool gan_packed_convolution_backward_data(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                          const float *dy, const float *weight, float *dx, float *scratch) {
  const gan_window *window = &sizes->window;
  const int64_t places = gan_positions(window->in),
                covered = gan_positions(window->out) * gan_positions(window->stride);
  /* Places near the edges meet few taps; where most are, the zeros beside them would be most of the work. */
  if (places > 2 * covered || !pays(precision, sizes, rows * places)) return false;
  /* Where the kernel is smaller than the stride there are places that no tap meets. */
  if (has_gaps(window)) memset(dx, 0, (size_t)(rows * sizes->in_channels * places) * sizeof *dx);
  for (int64_t i = 0; i < window->stride[0] * window->stride[1]; i++)
    backward_lines(precision, sizes, rows, i, dy, weight, dx, scratch);
  return true;
}

/* --- Backward to the weights --- */

/* A product whose inner dimension is places, and its memory. */
typedef struct transposed_product {
  int64_t rows, channels, taps; /* rows of dy; channels of x in a chunk, and taps of each */
  int64_t filters;              /* channels * taps in whole panels */
  float *lines;                 /* (most of rows and filters, 16): 16 places of each, not yet transposed */
  float *a, *b;                 /* (row panels, DEPTH, 8), (column panels, DEPTH, 48) */
  float *tiles;                 /* (column panels, row panels, 8, 48) */
  gan_source *sources;          /* of x, then of dy */
} transposed_product;

static transposed_product plan_transposed(const gan_convolution *sizes, float *scratch) {
  transposed_product plan = {.rows = pieces(sizes->out_channels, GAN_LANES) * GAN_LANES,
                             .taps = gan_positions(sizes->window.kernel)};
  plan.channels = least(most(FILTERS / plan.taps, 1), sizes->in_channels);
  plan.filters = pieces(plan.channels * plan.taps, GAN_TILE_COLUMNS) * GAN_TILE_COLUMNS;
  if (!scratch) return plan;
  plan.lines = align(scratch);
  plan.a = plan.lines + most(plan.rows, plan.filters) * GAN_LANES;
  plan.b = plan.a + plan.rows * DEPTH;
  plan.tiles = plan.b + plan.filters * DEPTH;
  plan.sources = (gan_source *)(void *)(plan.tiles + plan.rows * plan.filters);
  return plan;
}

/* dy itself: one tap, where the place is. */
static gan_unfolding unfolding_of_output(const gan_convolution *sizes, int64_t rows) {
  gan_unfolding from = {
      .samples = rows, .channels = sizes->out_channels, .taps = {1, 1, 1}, .stride = {1, 1, 1}, .step = {1, 1, 1}};
  memcpy(from.in, sizes->window.out, sizeof from.in);
  memcpy(from.out, sizes->window.out, sizeof from.out);
  return from;
}

/* Where the places of a product, 16 at a time, find their taps. */
typedef struct place_sources {
  const gan_unfolding *from;
  int64_t kept;        /* 16s of which they are known; 0: they are found each time */
  gan_source *sources; /* (most of kept and 1, taps), in sample 0 */
} place_sources;

/* Where samples have whole 16s, and not too many, all samples find their taps alike. */
enum { SOURCES_KEPT = 1024 };

static int64_t places_kept(const gan_unfolding *from) {
  const int64_t places = gan_positions(from->out), taps = gan_positions(from->taps);
  return places % GAN_LANES == 0 && places / GAN_LANES * taps <= SOURCES_KEPT ? places / GAN_LANES : 0;
}

static int64_t source_count(const gan_unfolding *from) {
  return most(places_kept(from), 1) * gan_positions(from->taps);
}

static place_sources find_places(const gan_unfolding *from, gan_source *sources) {
  const place_sources found = {from, places_kept(from), sources};
  if (found.kept > 0) gan_unfold_find(from, 0, (int)found.kept, sources);
  return found;
}

/* lines (channel_count * taps, 16): the rows of `channel` and on at the index-th 16 places. */
static void unfold_places(const place_sources *places, const float *image, int64_t channel, int64_t channel_count,
                          int64_t index, float *lines) {
  const gan_unfolding *from = places->from;
  const int64_t ahead = gan_unfold_distance(from, index * GAN_LANES, GAN_LANES);
  const gan_source *sources = places->sources;
  if (places->kept > 0) {
    image += index / places->kept * from->channels * gan_positions(from->in);
    sources += index % places->kept * gan_positions(from->taps);
  } else {
    gan_unfold_find(from, index * GAN_LANES, 1, places->sources);
  }
  gan_unfold(from, sources, image, channel, channel_count, 1, ahead, lines);
}

/* The index-th 16 places of dy become rows k to k + 15 of A's panels. */
static void pack_gradient(const transposed_product *plan, const place_sources *places, const float *dy, int64_t index,
                          int64_t k) {
  const int64_t channels = places->from->channels;
  unfold_places(places, dy, 0, channels, index, plan->lines);
  memset(plan->lines + channels * GAN_LANES, 0, (size_t)((plan->rows - channels) * GAN_LANES) * sizeof *plan->lines);
  for (int64_t row = 0; row < plan->rows; row += GAN_LANES) {
    float *panel = plan->a + row * DEPTH + k * GAN_TILE_ROWS;
    gan_transpose_to_rows(plan->lines + row * GAN_LANES, GAN_LANES, panel, panel + GAN_TILE_ROWS * DEPTH,
                          GAN_TILE_ROWS);
  }
}

/* The same of the unfolded x, for `count` channels, and B's panels. */
static void pack_unfolded(const transposed_product *plan, const place_sources *places, const float *x, int64_t channel,
                          int64_t count, int64_t index, int64_t k) {
  const int64_t filters = count * plan->taps, whole = pieces(filters, GAN_TILE_COLUMNS) * GAN_TILE_COLUMNS;
  unfold_places(places, x, channel, count, index, plan->lines);
  memset(plan->lines + filters * GAN_LANES, 0, (size_t)((whole - filters) * GAN_LANES) * sizeof *plan->lines);
  for (int64_t filter = 0; filter < whole; filter += GAN_LANES) {
    const int64_t panel = filter / GAN_TILE_COLUMNS, within = filter % GAN_TILE_COLUMNS;
    gan_transpose_to_columns(plan->lines + filter * GAN_LANES, GAN_LANES,
                             plan->b + (panel * DEPTH + k) * GAN_TILE_COLUMNS + within, GAN_TILE_COLUMNS);
  }
}

/* tiles += A B over `depth` places; the first time, tiles =. */
static void multiply_places(gan_precision precision, const transposed_product *plan, int64_t filters, int64_t depth,
                            bool add) {
  const int64_t row_count = plan->rows / GAN_TILE_ROWS, column_count = pieces(filters, GAN_TILE_COLUMNS);
  if (precision == GAN_BFLOAT16)
    for (int64_t row = 0; row < row_count; row++)
      gan_tile_round(depth, GAN_TILE_ROWS, plan->a + row * GAN_TILE_ROWS * DEPTH);
  float *tile = plan->tiles;
  for (int64_t column = 0; column < column_count; column++) {
    float *b = plan->b + column * GAN_TILE_COLUMNS * DEPTH;
    if (precision == GAN_BFLOAT16) gan_tile_round(depth, GAN_TILE_COLUMNS, b);
    for (int64_t row = 0; row < row_count; row++, tile += GAN_TILE)
      gan_tile_multiply(precision, depth, plan->a + row * GAN_TILE_ROWS * DEPTH, b, add, tile);
  }
}

static void put_weights(const transposed_product *plan, int64_t rows, int64_t filters, float *dweight, int64_t stride) {
  for (int64_t row = 0; row < rows; row++)
    for (int64_t filter = 0; filter < filters; filter += GAN_TILE_COLUMNS) {
      const int64_t tile = filter / GAN_TILE_COLUMNS * (plan->rows / GAN_TILE_ROWS) + row / GAN_TILE_ROWS;
      memcpy(dweight + row * stride + filter, plan->tiles + tile * GAN_TILE + row % GAN_TILE_ROWS * GAN_TILE_COLUMNS,
             (size_t)least(GAN_TILE_COLUMNS, filters - filter) * sizeof *dweight);
    }
}

bool gan_packed_convolution_backward_weights(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                             const float *x, const float *dy, float *dweight, float *scratch) {
  const transposed_product plan = plan_transposed(sizes, scratch);
  if (sizes->out_channels < CHANNELS_LEAST || sizes->in_channels * plan.taps < FILTER_LEAST ||
      !gan_tiles_available(precision))
    return false;
  const gan_unfolding input = unfolding_of_input(sizes, rows), output = unfolding_of_output(sizes, rows);
  const place_sources input_places = find_places(&input, plan.sources);
  const place_sources output_places = find_places(&output, plan.sources + source_count(&input));
  const int64_t columns = gan_unfolding_columns(&input);
  for (int64_t channel = 0; channel < sizes->in_channels; channel += plan.channels) {
    const int64_t count = least(plan.channels, sizes->in_channels - channel), filters = count * plan.taps;
    for (int64_t begin = 0; begin < columns; begin += DEPTH) {
      const int64_t depth = pieces(least(DEPTH, columns - begin), GAN_LANES) * GAN_LANES;
      for (int64_t k = 0; k < depth; k += GAN_LANES) {
        pack_gradient(&plan, &output_places, dy, (begin + k) / GAN_LANES, k);
        pack_unfolded(&plan, &input_places, x, channel, count, (begin + k) / GAN_LANES, k);
      }
      multiply_places(precision, &plan, filters, depth, begin > 0);
    }
    put_weights(&plan, sizes->out_channels, filters, dweight + channel * plan.taps, sizes->in_channels * plan.taps);
  }
  return true;
}

/* --- Memory --- */

static int64_t transposed_scratch(const gan_convolution *sizes) {
  const transposed_product plan = plan_transposed(sizes, NULL);
  const gan_unfolding input = unfolding_of_input(sizes, 1), output = unfolding_of_output(sizes, 1);
  return most(plan.rows, plan.filters) * GAN_LANES + (plan.rows + plan.filters) * DEPTH + plan.rows * plan.filters +
         (source_count(&input) + source_count(&output)) * (int64_t)(sizeof(gan_source) / sizeof(float));
}

size_t gan_packed_convolution_scratch(const gan_convolution *sizes) {
  const int64_t *stride = sizes->window.stride;
  const columns_product forward = plan_forward(GAN_FLOAT32, sizes, 1);
  int64_t need = most(memory_size(&forward), transposed_scratch(sizes));
  if (!gan_tiles_available(GAN_FLOAT32)) return 0;
  for (int64_t i = 0; i < gan_positions(stride); i++) {
    const int64_t r[GAN_AXES] = {i / stride[2] / stride[1], i / stride[2] % stride[1], i % stride[2]};
    const columns_product product = plan_remainder(GAN_FLOAT32, sizes, 1, r);
    if (!is_empty(&product)) need = most(need, 2 * memory_size(&product));
  }
  return (size_t)need + ALIGNMENT / sizeof(float);
}

#else

size_t gan_packed_convolution_scratch(const gan_convolution *sizes) {
  (void)sizes;
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

bool gan_packed_convolution_backward_weights(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                             const float *x, const float *dy, float *dweight, float *scratch) {
  (void)precision, (void)sizes, (void)rows, (void)x, (void)dy, (void)dweight, (void)scratch;
  return false;
}
#endif
