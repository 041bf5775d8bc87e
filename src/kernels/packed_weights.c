/* A packed convolution's way back to the weights (packed_convolution.h): dweight (out_channels, filter) = dy
   (out_channels, columns) times the unfolded x, transposed. The inner dimension is the places of all samples, so both
   operands are turned while they are packed, 16 places at a time. */
#include <string.h>

#include "kernels/integers.h"
#include "kernels/packed_convolution.h"
#include "kernels/packed_internal.h"
#include "kernels/unfolding.h"

#if defined(__x86_64__) && defined(__GNUC__)

/* Columns of the unfolded matrix, transposed, that are worked on at a time; below how many packing does not pay. */
enum { FILTERS = 768, FILTER_LEAST = 48 };

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
  const gan_unfolding input = gan_unfolding_of_input(sizes, rows), output = unfolding_of_output(sizes, rows);
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

int64_t gan_packed_weights_scratch(const gan_convolution *sizes) {
  const transposed_product plan = plan_transposed(sizes, NULL);
  const gan_unfolding input = gan_unfolding_of_input(sizes, 1), output = unfolding_of_output(sizes, 1);
  return most(plan.rows, plan.filters) * GAN_LANES + (plan.rows + plan.filters) * DEPTH + plan.rows * plan.filters +
         (source_count(&input) + source_count(&output)) * (int64_t)(sizeof(gan_source) / sizeof(float));
}

#else

bool gan_packed_convolution_backward_weights(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                             const float *x, const float *dy, float *dweight, float *scratch) {
  (void)precision, (void)sizes, (void)rows, (void)x, (void)dy, (void)dweight, (void)scratch;
  return false;
}
#endif
