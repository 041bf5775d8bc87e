/* A packed convolution's way back to the weights (packed_convolution.h): dweight (out_channels, filter) = dy
   (out_channels, columns) times the unfolded x, transposed. The inner dimension is the places of all samples, so both
   operands are turned while they are packed, 16 places at a time.

   In bfloat16 the copies that are unfolded have pairs of channels (unfolding.h), so a line of 16 places holds two of
   them. Turned, it is pairs of neighbouring places, of the one and of the other: so the sums' rows and columns come 16
   first channels before 16 second ones. */
#include <string.h>

#include "kernels/integers.h"
#include "kernels/packed_convolution.h"
#include "kernels/packed_internal.h"
#include "kernels/unfolding.h"

#if defined(__x86_64__) && defined(__GNUC__)

/* Columns of the unfolded matrix, transposed, that are packed at a time; below how many packing does not pay. Sums that
   are kept at a time: so many still are in the second cache in part. With several shards there is a stack of them, so
   high at most: what lies deeper is in the slots. */
enum { FILTERS = 768, FILTER_LEAST = 48, SUMS = 3 << 17, STACK_SUMS = 3 << 16, STACK = 4 };

static bool pays(const gan_convolution *sizes) {
  return sizes->out_channels >= CHANNELS_LEAST &&
         sizes->in_channels * gan_positions(sizes->window.kernel) >= FILTER_LEAST;
}

/* One of the two operands: images, of which lines of 16 places become panels. */
typedef struct operand {
  gan_unfolding from;   /* of the samples that are worked on at a time */
  int64_t chunk, group; /* channels, or pairs, whose panels there are at a time, and whose sums */
  int64_t taps, lines;  /* lines: (channel, tap) of a chunk, in whole panels */
  float *copy;          /* of the samples, as it is unfolded */
  float *panels;        /* (panels, depth, width) */
  int64_t kept;         /* 16s of places of which the sources are known; 0: they are found each time */
  gan_source *sources;  /* (most of kept and 1, taps), in sample 0 */
} operand;

/* A product whose inner dimension is places, and its memory. */
typedef struct transposed_product {
  gan_precision precision;
  int64_t factor;  /* values in the place of a float */
  int64_t depth;   /* rows of a panel */
  int64_t samples; /* at a time */
  operand dy, x;   /* A: panels of 8 rows, all at once; B: panels of 48 columns */
  float *lines;    /* (most of both, 16): 16 places of each line, not yet turned */
  int levels;      /* of the stack of sums */
  float *tiles;    /* (levels, chunks of x, column panels, row panels, 8, 48) */
} transposed_product;

/* Where a shard's sums go: onto the stack's place for it, then into what lies `folds` below, as they are added. */
typedef struct destination {
  float *tiles;
  int folds;
} destination;

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

static int64_t chunk_tiles(const transposed_product *plan) {
  return plan->factor * plan->dy.lines * plan->factor * plan->x.lines;
}

/* `width`: of whole panels in lines; `lines`: at most, of a chunk. */
static operand plan_operand(gan_unfolding from, int64_t factor, int64_t width, int64_t lines) {
  operand plan = {.from = from, .taps = gan_positions(from.taps), .kept = places_kept(&from)};
  const int64_t channels = pieces(from.channels, factor);
  plan.chunk = plan.group = least(most(lines / plan.taps, 1), channels);
  plan.lines = rounded_up(plan.chunk * plan.taps, width);
  return plan;
}

static int64_t group_tiles(const transposed_product *plan) {
  return pieces(plan->x.group, plan->x.chunk) * chunk_tiles(plan);
}

/* As many samples at a time as have places for the panels' whole depth, if they stay near. */
static transposed_product plan_transposed(gan_precision precision, const gan_convolution *sizes, int levels) {
  transposed_product plan = {
      .precision = precision, .factor = precision == GAN_BFLOAT16 ? 2 : 1, .depth = gan_tile_depth(), .levels = levels};
  const int64_t sums = levels > 1 ? STACK_SUMS : SUMS;
  const int64_t places = gan_positions(sizes->window.out), channels = pieces(sizes->in_channels, plan.factor);
  plan.samples =
      most(least(pieces(2 * plan.depth, places), COPY_FLOATS / (channels * gan_positions(sizes->window.in))), 1);
  plan.dy = plan_operand(unfolding_of_output(sizes, plan.samples), plan.factor, GAN_LANES, INT64_MAX);
  const int64_t filters = least(FILTERS, sums / (plan.factor * plan.dy.lines));
  plan.x =
      plan_operand(gan_unfolding_of_input(sizes, plan.samples), plan.factor, GAN_TILE_COLUMNS, filters / plan.factor);
  plan.x.group = least(most(sums / chunk_tiles(&plan), 1) * plan.x.chunk, channels);
  plan.x.from.channels = plan.factor * plan.x.group;
  gan_unfolding_of_copy(precision, &plan.dy.from);
  gan_unfolding_of_copy(precision, &plan.x.from);
  return plan;
}

static int64_t take_operand(const transposed_product *plan, operand *taker, float *memory) {
  const int64_t sources = plan->factor * taker->lines * plan->depth;
  const int64_t copy =
      sources + aligned(most(taker->kept, 1) * taker->taps * (int64_t)(sizeof(gan_source) / sizeof(float)));
  if (memory) {
    taker->panels = memory;
    taker->sources = (gan_source *)(void *)(memory + sources);
    taker->copy = memory + copy;
  }
  return copy + aligned(taker->from.samples * taker->from.channels * taker->from.plane);
}

/* Floats of memory, of which the product takes its parts unless `memory` is NULL. */
static int64_t take_memory(transposed_product *plan, float *memory) {
  const int64_t lines = most(plan->dy.lines, plan->x.lines) * GAN_LANES;
  int64_t taken = lines + plan->levels * group_tiles(plan);
  if (memory) plan->lines = memory, plan->tiles = memory + lines;
  taken += take_operand(plan, &plan->dy, memory ? memory + taken : NULL);
  return taken + take_operand(plan, &plan->x, memory ? memory + taken : NULL);
}

static void find_sources(const operand *from) {
  if (from->kept > 0) gan_unfold_find(&from->from, 0, (int)from->kept, from->sources);
}

/* lines (count * taps, 16) of the copy's channels `channel` and on, at the index-th 16 places; zeros up to `whole`
   lines. */
static void unfold_places(const transposed_product *plan, const operand *from, int64_t channel, int64_t count,
                          int64_t whole, int64_t index) {
  const float *image = from->copy;
  const gan_unfolding *unfolding = &from->from;
  const int64_t lines = count * from->taps;
  const gan_source *sources = from->sources;
  if (from->kept > 0) {
    image += index / from->kept * unfolding->channels * unfolding->plane;
    sources += index % from->kept * from->taps;
  } else {
    gan_unfold_find(unfolding, index * GAN_LANES, 1, from->sources);
  }
  gan_unfold(unfolding, sources, image, channel, count, 1, plan->lines);
  memset(plan->lines + lines * GAN_LANES, 0, (size_t)((whole - lines) * GAN_LANES) * sizeof *plan->lines);
}

/* The lines become rows `k` and on of A's panels: 16, or 8 of pairs. */
static void pack_gradient(const transposed_product *plan, int64_t k) {
  const int64_t panel = GAN_TILE_ROWS * plan->depth;
  float *to = plan->dy.panels + k * GAN_TILE_ROWS;
  for (int64_t line = 0; line < plan->dy.lines; line += GAN_LANES) {
    const float *lines = plan->lines + line * GAN_LANES;
    if (plan->precision == GAN_BFLOAT16) {
      gan_transpose_pairs(lines, GAN_LANES, to, panel, 2 * panel, GAN_TILE_ROWS);
      to += 4 * panel;
    } else {
      gan_transpose_to_rows(lines, GAN_LANES, to, to + panel, GAN_TILE_ROWS);
      to += 2 * panel;
    }
  }
}

/* Where the index-th 16 columns begin in B's panels. */
static int64_t vector_place(const transposed_product *plan, int64_t index) {
  enum { VECTORS = GAN_TILE_COLUMNS / GAN_LANES };
  return index / VECTORS * GAN_TILE_COLUMNS * plan->depth + index % VECTORS * GAN_LANES;
}

static void pack_unfolded(const transposed_product *plan, int64_t whole, int64_t k) {
  float *to = plan->x.panels + k * GAN_TILE_COLUMNS;
  for (int64_t i = 0; i < whole / GAN_LANES; i++) {
    const float *lines = plan->lines + i * GAN_LANES * GAN_LANES;
    if (plan->precision == GAN_BFLOAT16)
      gan_transpose_pairs(lines, GAN_LANES, to + vector_place(plan, 2 * i), GAN_TILE_ROWS,
                          vector_place(plan, 2 * i + 1) - vector_place(plan, 2 * i), GAN_TILE_COLUMNS);
    else
      gan_transpose_to_columns(lines, GAN_LANES, to + vector_place(plan, i), GAN_TILE_COLUMNS);
  }
}

/* tiles += A B over `depth` rows of the panels; the first time, tiles =. Then the folds. */
static void multiply_places(const transposed_product *plan, int64_t column_panels, int64_t depth, bool add,
                            destination to) {
  const int64_t row_panels = plan->factor * plan->dy.lines / GAN_TILE_ROWS, level = group_tiles(plan);
  for (int64_t column = 0; column < column_panels; column++)
    for (int64_t row = 0; row < row_panels; row++, to.tiles += GAN_TILE) {
      const gan_tile_sum sum = {.depth = depth,
                                .a = plan->dy.panels + row * GAN_TILE_ROWS * plan->depth,
                                .b = plan->x.panels + column * GAN_TILE_COLUMNS * plan->depth,
                                .a_stride = GAN_TILE_ROWS,
                                .columns = GAN_TILE_COLUMNS,
                                .folds = to.folds + (add ? 1 : 0),
                                .left = add ? to.tiles : to.tiles - level,
                                .left_stride = GAN_TILE_COLUMNS,
                                .left_step = level,
                                .c = to.tiles - to.folds * level,
                                .stride = GAN_TILE_COLUMNS,
                                .left_is_far = to.folds > 0,
                                .c_is_far = true};
      gan_tile_sum_up(plan->precision, &sum);
    }
}

/* Which row or column of the sums belongs to a channel and tap. */
static int64_t find_sum(gan_precision precision, int64_t channel, int64_t taps, int64_t tap) {
  if (precision != GAN_BFLOAT16) return channel * taps + tap;
  const int64_t line = channel / 2 * taps + tap;
  return line / GAN_LANES * 2 * GAN_LANES + channel % 2 * GAN_LANES + line % GAN_LANES;
}

/* The sums of `count` channels go to their places. Columns of a channel's taps follow each other within 16 at least. */
static void put_weights(const transposed_product *plan, const float *tiles, int64_t rows, int64_t count, float *dweight,
                        int64_t stride) {
  const int64_t taps = plan->x.taps, row_panels = plan->factor * plan->dy.lines / GAN_TILE_ROWS;
  for (int64_t row = 0; row < rows; row++) {
    const int64_t tile_row = find_sum(plan->precision, row, 1, 0);
    const float *sums = tiles + tile_row / GAN_TILE_ROWS * GAN_TILE + tile_row % GAN_TILE_ROWS * GAN_TILE_COLUMNS;
    for (int64_t channel = 0; channel < count; channel++)
      for (int64_t tap = 0, run; tap < taps; tap += run) {
        const int64_t column = find_sum(plan->precision, channel, taps, tap);
        const float *from = sums + column / GAN_TILE_COLUMNS * row_panels * GAN_TILE + column % GAN_TILE_COLUMNS;
        float *to = dweight + row * stride + channel * taps + tap;
        run = least(GAN_LANES - column % GAN_LANES, taps - tap);
        if (run == GAN_LANES)
          memcpy(to, from, GAN_LANES * sizeof *to);
        else
          memcpy(to, from, (size_t)run * sizeof *to);
      }
  }
}

/* A group's sums over `depth` places of the images, from `begin` on. `channels`: of x, or pairs. */
static void multiply_depth(const transposed_product *plan, int64_t channels, int64_t begin, int64_t depth, bool add,
                           destination to) {
  const operand *left = &plan->dy, *right = &plan->x;
  const int64_t steps = pieces(depth, GAN_LANES), rows = GAN_LANES / plan->factor;
  for (int64_t step = 0; step < steps; step++) {
    unfold_places(plan, left, 0, left->group, left->lines, begin / GAN_LANES + step);
    pack_gradient(plan, step * rows);
  }
  for (int64_t channel = 0; channel < channels; channel += right->chunk, to.tiles += chunk_tiles(plan)) {
    const int64_t count = least(right->chunk, channels - channel);
    const int64_t whole = rounded_up(count * right->taps, GAN_TILE_COLUMNS);
    for (int64_t step = 0; step < steps; step++) {
      unfold_places(plan, right, channel, count, whole, begin / GAN_LANES + step);
      pack_unfolded(plan, whole, step * rows);
    }
    multiply_places(plan, plan->factor * whole / GAN_TILE_COLUMNS, steps * rows, add, to);
  }
}

/* A group's sums over all samples: `count` channels, from x's first on. */
static void multiply_group(transposed_product *plan, const gan_convolution *sizes, int64_t rows, int64_t count,
                           const float *x, const float *dy, destination to) {
  const int64_t places = gan_positions(sizes->window.out), most_places = plan->factor * plan->depth;
  const int64_t x_size = sizes->in_channels * gan_positions(sizes->window.in), dy_size = sizes->out_channels * places;
  for (int64_t sample = 0; sample < rows; sample += plan->samples) {
    const int64_t samples = least(plan->samples, rows - sample), columns = samples * places;
    plan->dy.from.samples = plan->x.from.samples = samples; /* beyond which there are zeros */
    gan_unfold_copy(plan->precision, &plan->dy.from, dy + sample * dy_size, samples, sizes->out_channels, dy_size,
                    plan->dy.copy);
    gan_unfold_copy(plan->precision, &plan->x.from, x + sample * x_size, samples, count, x_size, plan->x.copy);
    const int64_t depth = rounded_up(pieces(columns, pieces(columns, most_places)), GAN_LANES);
    for (int64_t begin = 0; begin < columns; begin += depth) {
      const bool last = sample + samples == rows && begin + depth >= columns;
      multiply_depth(plan, pieces(count, plan->factor), begin, least(depth, columns - begin), sample > 0 || begin > 0,
                     (destination){to.tiles, last ? to.folds : 0});
    }
  }
}

/* The sums of `count` channels from x's `first` on go to dweight. */
static void put_group(const transposed_product *plan, const gan_convolution *sizes, int64_t first, int64_t count,
                      const float *tiles, float *dweight) {
  const int64_t taps = plan->x.taps, chunk = plan->x.chunk * plan->factor;
  for (int64_t channel = 0; channel < count; channel += chunk, tiles += chunk_tiles(plan))
    put_weights(plan, tiles, sizes->out_channels, least(chunk, count - channel), dweight + (first + channel) * taps,
                sizes->in_channels * taps);
}

/* A group's sums of one shard, added to what is on the stack, as far as it goes, and in the slots. */
static void sum_shard(transposed_product *plan, const gan_convolution *sizes, const gan_shard_rows *of, int shard,
                      int64_t first, int64_t count, float *const *slots, size_t offset) {
  const gan_shards *shards = of->shards;
  const int64_t row = gan_shard_rows_begin(of, shard), plane = gan_positions(sizes->window.in);
  const int64_t level = group_tiles(plan), length = sizes->in_channels * plan->x.taps;
  const int top = shards->slot[shard], bottom = (int)most(shards->slot_count - plan->levels, 0);
  const int folds = (int)least(shards->folds[shard], most(top - bottom, 0)), rest = shards->folds[shard] - folds;
  int place = top - folds;
  float *tiles = plan->tiles + most(top - bottom, 0) * level;
  multiply_group(plan, sizes, gan_shard_rows_count(of, shard), count, of->b + row * of->n + first * plane,
                 of->a + row * of->m, (destination){tiles, folds});
  if (rest == 0 && place >= bottom && !gan_shards_complete(shards, shard)) return;
  put_group(plan, sizes, first, count, tiles - folds * level, slots[place] + offset);
  for (int fold = 0; fold < rest; fold++, place--)
    for (int64_t channel = 0; channel < sizes->out_channels; channel++) {
      const size_t at = offset + (size_t)(channel * length + first * plan->x.taps);
      gan_add((size_t)(count * plan->x.taps), slots[place] + at, slots[place - 1] + at);
    }
}

bool gan_packed_convolution_shard_weights(gan_precision precision, const gan_convolution *sizes,
                                          const gan_shard_rows *of, float *const *slots, size_t offset,
                                          float *scratch) {
  if (!pays(sizes) || !gan_tiles_available(precision)) return false;
  transposed_product plan = plan_transposed(precision, sizes, (int)least(of->shards->slot_count, STACK));
  const int64_t group = plan.x.group * plan.factor;
  take_memory(&plan, align(scratch));
  find_sources(&plan.dy);
  find_sources(&plan.x);
  for (int64_t first = 0; first < sizes->in_channels; first += group)
    for (int shard = 0; shard < of->shards->local; shard++)
      sum_shard(&plan, sizes, of, shard, first, least(group, sizes->in_channels - first), slots, offset);
  return true;
}

bool gan_packed_convolution_backward_weights(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                             const float *x, const float *dy, float *dweight, float *scratch) {
  if (!pays(sizes) || !gan_tiles_available(precision)) return false;
  transposed_product plan = plan_transposed(precision, sizes, 1);
  const int64_t group = plan.x.group * plan.factor;
  take_memory(&plan, align(scratch));
  find_sources(&plan.dy);
  find_sources(&plan.x);
  for (int64_t first = 0; first < sizes->in_channels; first += group) {
    const int64_t count = least(group, sizes->in_channels - first);
    multiply_group(&plan, sizes, rows, count, x + first * gan_positions(sizes->window.in), dy,
                   (destination){plan.tiles, 0});
    put_group(&plan, sizes, first, count, plan.tiles, dweight);
  }
  return true;
}

int64_t gan_packed_weights_scratch(gan_precision precision, const gan_convolution *sizes) {
  int64_t need = 0;
  for (int levels = 1; pays(sizes) && levels <= STACK; levels++) {
    transposed_product plan = plan_transposed(precision, sizes, levels);
    need = most(need, take_memory(&plan, NULL));
  }
  return need;
}

#else

bool gan_packed_convolution_backward_weights(gan_precision precision, const gan_convolution *sizes, int64_t rows,
                                             const float *x, const float *dy, float *dweight, float *scratch) {
  (void)precision, (void)sizes, (void)rows, (void)x, (void)dy, (void)dweight, (void)scratch;
  return false;
}

bool gan_packed_convolution_shard_weights(gan_precision precision, const gan_convolution *sizes,
                                          const gan_shard_rows *of, float *const *slots, size_t offset,
                                          float *scratch) {
  (void)precision, (void)sizes, (void)of, (void)slots, (void)offset, (void)scratch;
  return false;
}
#endif
