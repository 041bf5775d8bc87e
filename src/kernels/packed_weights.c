/* A packed convolution's way back to the weights (packed_convolution.h): dweight (out_channels, filter) = dy
   (out_channels, columns) times the unfolded x, transposed. The inner dimension is the places of all samples, so both
   operands are turned while they are packed, 16 places at a time.

   In bfloat16 both are made into images of pairs of channels first (unfolding.h), a few samples at a time. A line of 16
   places then holds two channels. Turned, it is pairs of neighbouring places, of the one and of the other: so the sums'
   rows and columns come 16 first channels before 16 second ones. */
#include <string.h>

#include "kernels/integers.h"
#include "kernels/packed_convolution.h"
#include "kernels/packed_internal.h"
#include "kernels/unfolding.h"

#if defined(__x86_64__) && defined(__GNUC__)

/* Columns of the unfolded matrix, transposed, that are worked on at a time; below how many packing does not pay. */
enum { FILTERS = 768, FILTER_LEAST = 48 };

/* One of the two operands: images, of which lines of 16 places become panels. */
typedef struct operand {
  gan_unfolding from;  /* of the samples that are worked on at a time */
  int64_t channels;    /* that are worked on at a time, of the image in memory */
  int64_t taps, lines; /* lines: (channel, tap), or (pair, tap), in whole panels */
  float *pairs;        /* in bfloat16: the samples' channels in pairs */
  float *panels;       /* (panels, DEPTH, width) */
  int64_t kept;        /* 16s of places of which the sources are known; 0: they are found each time */
  gan_source *sources; /* (most of kept and 1, taps), in sample 0 */
} operand;

/* A product whose inner dimension is places, and its memory. */
typedef struct transposed_product {
  gan_precision precision;
  int64_t samples; /* at a time */
  operand dy, x;   /* A: panels of 8 rows; B: panels of 48 columns */
  float *lines;    /* (most of both, 16): 16 places of each line, not yet turned */
  float *tiles;    /* (column panels, row panels, 8, 48) */
} transposed_product;

/* dy itself: one tap, where the place is. */
static gan_unfolding unfolding_of_output(const gan_convolution *sizes, int64_t rows) {
  gan_unfolding from = {.samples = rows,
                        .channels = sizes->out_channels,
                        .plane = gan_positions(sizes->window.out),
                        .taps = {1, 1, 1},
                        .stride = {1, 1, 1},
                        .step = {1, 1, 1}};
  memcpy(from.in, sizes->window.out, sizeof from.in);
  memcpy(from.out, sizes->window.out, sizeof from.out);
  return from;
}

/* Where samples have whole 16s, and not too many, all samples find their taps alike. */
enum { SOURCES_KEPT = 1024 };

static int64_t places_kept(const gan_unfolding *from) {
  const int64_t places = gan_positions(from->out), taps = gan_positions(from->taps);
  return places % GAN_LANES == 0 && places / GAN_LANES * taps <= SOURCES_KEPT ? places / GAN_LANES : 0;
}

/* `width`: lines of a panel, or of whole panels. */
static operand plan_operand(gan_precision precision, gan_unfolding from, int64_t channels, int64_t width) {
  operand plan = {.from = from, .channels = channels, .taps = gan_positions(from.taps), .kept = places_kept(&from)};
  const bool pairs = precision == GAN_BFLOAT16;
  if (pairs) {
    plan.from.channels = channels;
    gan_unfolding_pair_channels(&plan.from);
  }
  plan.lines = pieces(pieces(channels, 1 + pairs) * plan.taps, width) * width;
  return plan;
}

static int64_t take_operand(operand *plan, gan_precision precision, float *memory) {
  const int64_t width = plan->lines * (1 + (precision == GAN_BFLOAT16)), panels = width * DEPTH;
  const int64_t pairs =
      panels + aligned(most(plan->kept, 1) * plan->taps * (int64_t)(sizeof(gan_source) / sizeof(float)));
  if (memory) {
    plan->panels = memory;
    plan->sources = (gan_source *)(void *)(memory + panels);
    plan->pairs = memory + pairs;
  }
  if (precision != GAN_BFLOAT16) return pairs;
  return pairs + aligned(plan->from.samples * plan->from.channels * plan->from.plane);
}

/* Floats of memory, of which the product takes its parts unless `memory` is NULL. */
static int64_t take_memory(transposed_product *plan, float *memory) {
  const int64_t factor = 1 + (plan->precision == GAN_BFLOAT16), lines = most(plan->dy.lines, plan->x.lines) * GAN_LANES;
  int64_t taken = lines + factor * plan->dy.lines * factor * plan->x.lines;
  if (memory) plan->lines = memory, plan->tiles = memory + lines;
  taken += take_operand(&plan->dy, plan->precision, memory ? memory + taken : NULL);
  return taken + take_operand(&plan->x, plan->precision, memory ? memory + taken : NULL);
}

/* In bfloat16 as many samples at a time as have places for some panels' whole depth. */
static transposed_product plan_transposed(gan_precision precision, const gan_convolution *sizes, int64_t rows) {
  const int64_t taps = gan_positions(sizes->window.kernel), places = gan_positions(sizes->window.out);
  const bool pairs = precision == GAN_BFLOAT16;
  transposed_product plan = {.precision = precision, .samples = pairs ? pieces(4 * DEPTH, places) : rows};
  const int64_t channels = least(most(FILTERS / taps, 1), sizes->in_channels);
  plan.dy = plan_operand(precision, unfolding_of_output(sizes, plan.samples), sizes->out_channels, GAN_LANES);
  plan.x = plan_operand(precision, gan_unfolding_of_input(sizes, plan.samples),
                        pairs && channels < sizes->in_channels ? even(channels) : channels, GAN_TILE_COLUMNS);
  return plan;
}

/* The operand's image as it is unfolded: of `channels` channels of some samples of x, from sample and channel on. */
static const float *find_image(const operand *from, gan_precision precision, const float *x, int64_t samples,
                               int64_t channels, int64_t sample_size) {
  if (precision != GAN_BFLOAT16) return x;
  gan_unfold_pair_channels(&from->from, x, samples, channels, sample_size, from->pairs);
  return from->pairs;
}

static void find_sources(const operand *from) {
  if (from->kept > 0) gan_unfold_find(&from->from, 0, (int)from->kept, from->sources);
}

/* lines (channel_count * taps, 16) of the image at the index-th 16 places; zeros up to whole panels. */
static void unfold_places(const operand *from, gan_precision precision, const float *image, int64_t channel_count,
                          int64_t whole, int64_t index, float *lines) {
  const gan_unfolding *unfolding = &from->from;
  const int64_t count = channel_count * from->taps;
  const int64_t ahead = precision == GAN_BFLOAT16 ? 0 : gan_unfold_distance(unfolding, index * GAN_LANES, GAN_LANES);
  const gan_source *sources = from->sources;
  if (from->kept > 0) {
    image += index / from->kept * unfolding->channels * unfolding->plane;
    sources += index % from->kept * from->taps;
  } else {
    gan_unfold_find(unfolding, index * GAN_LANES, 1, from->sources);
  }
  gan_unfold(unfolding, sources, image, 0, channel_count, 1, ahead, lines);
  memset(lines + count * GAN_LANES, 0, (size_t)((whole - count) * GAN_LANES) * sizeof *lines);
}

/* The lines become rows `k` and on of A's panels: 16, or 8 of pairs. */
static void pack_gradient(const transposed_product *plan, int64_t k) {
  enum { PANEL = GAN_TILE_ROWS * DEPTH };
  float *to = plan->dy.panels + k * GAN_TILE_ROWS;
  for (int64_t line = 0; line < plan->dy.lines; line += GAN_LANES) {
    const float *lines = plan->lines + line * GAN_LANES;
    if (plan->precision == GAN_BFLOAT16) {
      gan_transpose_pairs(lines, GAN_LANES, to, PANEL, 2 * PANEL, GAN_TILE_ROWS);
      to += 4 * PANEL;
    } else {
      gan_transpose_to_rows(lines, GAN_LANES, to, to + PANEL, GAN_TILE_ROWS);
      to += 2 * PANEL;
    }
  }
}

/* Where the index-th 16 columns begin in B's panels. */
static int64_t vector_place(int64_t index) {
  enum { VECTORS = GAN_TILE_COLUMNS / GAN_LANES };
  return index / VECTORS * GAN_TILE_COLUMNS * DEPTH + index % VECTORS * GAN_LANES;
}

static void pack_unfolded(const transposed_product *plan, int64_t whole, int64_t k) {
  float *to = plan->x.panels + k * GAN_TILE_COLUMNS;
  for (int64_t i = 0; i < whole / GAN_LANES; i++) {
    const float *lines = plan->lines + i * GAN_LANES * GAN_LANES;
    if (plan->precision == GAN_BFLOAT16)
      gan_transpose_pairs(lines, GAN_LANES, to + vector_place(2 * i), GAN_TILE_ROWS,
                          vector_place(2 * i + 1) - vector_place(2 * i), GAN_TILE_COLUMNS);
    else
      gan_transpose_to_columns(lines, GAN_LANES, to + vector_place(i), GAN_TILE_COLUMNS);
  }
}

/* tiles += A B over `depth` rows of the panels; the first time, tiles =. */
static void multiply_places(const transposed_product *plan, int64_t row_panels, int64_t column_panels, int64_t depth,
                            bool add) {
  float *tile = plan->tiles;
  for (int64_t column = 0; column < column_panels; column++)
    for (int64_t row = 0; row < row_panels; row++, tile += GAN_TILE)
      gan_tile_multiply(plan->precision, depth, plan->dy.panels + row * GAN_TILE_ROWS * DEPTH,
                        plan->x.panels + column * GAN_TILE_COLUMNS * DEPTH, add, tile);
}

/* Which row or column of the sums belongs to a channel and tap. */
static int64_t find_sum(gan_precision precision, int64_t channel, int64_t taps, int64_t tap) {
  if (precision != GAN_BFLOAT16) return channel * taps + tap;
  const int64_t line = channel / 2 * taps + tap;
  return line / GAN_LANES * 2 * GAN_LANES + channel % 2 * GAN_LANES + line % GAN_LANES;
}

/* Columns of a channel's taps follow each other within 16 at least. */
static void put_weights(const transposed_product *plan, int64_t row_panels, int64_t rows, int64_t channels,
                        float *dweight, int64_t stride) {
  const int64_t taps = plan->x.taps;
  for (int64_t row = 0; row < rows; row++) {
    const int64_t tile_row = find_sum(plan->precision, row, 1, 0);
    const float *sums = plan->tiles + tile_row / GAN_TILE_ROWS * GAN_TILE + tile_row % GAN_TILE_ROWS * GAN_TILE_COLUMNS;
    for (int64_t channel = 0; channel < channels; channel++)
      for (int64_t tap = 0, count; tap < taps; tap += count) {
        const int64_t column = find_sum(plan->precision, channel, taps, tap);
        const float *from = sums + column / GAN_TILE_COLUMNS * row_panels * GAN_TILE + column % GAN_TILE_COLUMNS;
        float *to = dweight + row * stride + channel * taps + tap;
        count = least(GAN_LANES - column % GAN_LANES, taps - tap);
        if (count == GAN_LANES)
          memcpy(to, from, GAN_LANES * sizeof *to);
        else
          memcpy(to, from, (size_t)count * sizeof *to);
      }
  }
}

/* The sums of `count` channels of x, from x's first on. */
static void multiply_channels(const transposed_product *plan, const gan_convolution *sizes, int64_t rows, int64_t count,
                              const float *x, const float *dy, int64_t row_panels, int64_t whole) {
  const gan_precision precision = plan->precision;
  const int64_t factor = 1 + (precision == GAN_BFLOAT16), places = gan_positions(sizes->window.out);
  const int64_t x_size = sizes->in_channels * gan_positions(sizes->window.in), dy_size = sizes->out_channels * places;
  for (int64_t sample = 0; sample < rows; sample += plan->samples) {
    const int64_t samples = least(plan->samples, rows - sample), columns = samples * places;
    const float *left = find_image(&plan->dy, precision, dy + sample * dy_size, samples, sizes->out_channels, dy_size);
    const float *right = find_image(&plan->x, precision, x + sample * x_size, samples, count, x_size);
    for (int64_t begin = 0; begin < columns; begin += factor * DEPTH) {
      const int64_t steps = pieces(least(factor * DEPTH, columns - begin), GAN_LANES);
      for (int64_t step = 0; step < steps; step++) {
        const int64_t index = begin / GAN_LANES + step, k = step * GAN_LANES / factor;
        unfold_places(&plan->dy, precision, left, pieces(sizes->out_channels, factor), plan->dy.lines, index,
                      plan->lines);
        pack_gradient(plan, k);
        unfold_places(&plan->x, precision, right, pieces(count, factor), whole, index, plan->lines);
        pack_unfolded(plan, whole, k);
      }
      multiply_places(plan, row_panels, factor * whole / GAN_TILE_COLUMNS, steps * GAN_LANES / factor,
                      sample > 0 || begin > 0);
    }
  }
}

bool gan_packed_convolution_backward_weights(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                             const float *x, const float *dy, float *dweight, float *scratch) {
  transposed_product plan = plan_transposed(precision, sizes, rows);
  const int64_t taps = plan.x.taps, factor = 1 + (precision == GAN_BFLOAT16);
  if (sizes->out_channels < CHANNELS_LEAST || sizes->in_channels * taps < FILTER_LEAST ||
      !gan_tiles_available(precision))
    return false;
  take_memory(&plan, align(scratch));
  find_sources(&plan.dy);
  find_sources(&plan.x);
  const int64_t row_panels = factor * plan.dy.lines / GAN_TILE_ROWS;
  for (int64_t channel = 0; channel < sizes->in_channels; channel += plan.x.channels) {
    const int64_t count = least(plan.x.channels, sizes->in_channels - channel);
    const int64_t whole = pieces(pieces(count, factor) * taps, GAN_TILE_COLUMNS) * GAN_TILE_COLUMNS;
    multiply_channels(&plan, sizes, rows, count, x + channel * gan_positions(sizes->window.in), dy, row_panels, whole);
    put_weights(&plan, row_panels, sizes->out_channels, count, dweight + channel * taps, sizes->in_channels * taps);
  }
  return true;
}

int64_t gan_packed_weights_scratch(gan_precision precision, const gan_convolution *sizes) {
  transposed_product plan = plan_transposed(precision, sizes, 1);
  return take_memory(&plan, NULL);
}

#else

bool gan_packed_convolution_backward_weights(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                             const float *x, const float *dy, float *dweight, float *scratch) {
  (void)precision, (void)sizes, (void)rows, (void)x, (void)dy, (void)dweight, (void)scratch;
  return false;
}
#endif
