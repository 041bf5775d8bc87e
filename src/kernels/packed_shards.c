/* The fast way of shard_products.h: packed panels (tiles.h), with the sums of a tile's shards on a stack of tiles.

   Shards are taken in groups of as many as fit a panel. A column of the result, 48 wide, is done with a group's panel
   of b in the first cache: each tile of it takes shard by shard from the panels, adds finished siblings as it goes, and
   writes a tree's sum when it is complete. Where there is more than one group, the tiles of a block keep their stacks
   from group to group. All memory is on the stack, 430 KiB of it, as gemm's is. */
#include <assert.h>

#include "kernels/integers.h"
#include "kernels/shard_products.h"
#include "kernels/tiles.h"

/* Floats of a's panels, 48 as deep as panels may be; and tiles of all stacks of a block. One stack always has a place:
   it is as high as the tree of 2^31 shards, at most twice. */
enum { A_FLOATS = 48 * GAN_TILE_ROWS * GAN_TILE_DEPTH, STACK_TILES = 64 };

typedef struct packed_panels {
  _Alignas(GAN_TILE_ALIGNMENT) float a[A_FLOATS];
  _Alignas(GAN_TILE_ALIGNMENT) float b[GAN_TILE_DEPTH * GAN_TILE_COLUMNS];
  _Alignas(GAN_TILE_ALIGNMENT) float stacks[STACK_TILES * GAN_TILE];
} packed_panels;

/* A shard's part in a tile. */
typedef struct shard_leaf {
  gan_precision precision;
  int64_t first, rows; /* of a and b */
  int64_t depth;       /* rows of a panel: one of bfloat16 holds two of a */
  int folds, place;    /* where the folds lead to on the stack */
  bool pair;           /* the next shard is its sibling, and both can be in registers at once */
  bool complete;       /* and whether that is the sum of one of the rank's trees */
} shard_leaf;

/* Local shards [begin, end). */
typedef struct shard_group {
  int begin, end;
  int64_t depth;
  bool rounded; /* some of it to bfloat16 */
  shard_leaf leaves[GAN_TILE_DEPTH];
} shard_group;

/* A block of the result: `rows` rows from `row` on, `columns` (at most 48) columns from `column` on. */
typedef struct result_block {
  int64_t row, rows, column, columns;
} result_block;

typedef struct shard_sum {
  const gan_shard_rows *of;
  gan_precision precision;
  float *const *slots;
  size_t offset;
  bool holds_a;      /* a's panels of all groups have a place, one group's after the other */
  int64_t tile_rows; /* rows of tiles in a block */
  int stack_step;    /* tiles from one stack to the next; 0: with one group they take turns */
} shard_sum;

/* Products of few rows or columns are float32 in any precision, as gemm's are. */
static shard_leaf describe_leaf(const shard_sum *task, int shard) {
  const gan_shard_rows *of = task->of;
  const gan_shards *shards = of->shards;
  const int64_t few = 16;
  shard_leaf leaf = {GAN_FLOAT32, gan_shard_rows_begin(of, shard), gan_shard_rows_count(of, shard),
                     .folds = shards->folds[shard]};
  if (least(least(of->m, of->n), leaf.rows) >= few) leaf.precision = task->precision;
  leaf.depth = leaf.precision == GAN_BFLOAT16 ? pieces(leaf.rows, 2) : leaf.rows;
  leaf.place = shards->slot[shard] - leaf.folds;
  leaf.complete = gan_shards_complete(shards, shard);
  return leaf;
}

static void find_group(const shard_sum *task, int begin, shard_group *group) {
  group->begin = group->end = begin;
  group->depth = 0;
  group->rounded = false;
  for (; group->end < task->of->shards->local; group->end++) {
    const shard_leaf leaf = describe_leaf(task, group->end);
    if (group->depth + leaf.depth > gan_tile_depth()) break;
    shard_leaf *place = &group->leaves[group->end - begin];
    *place = leaf;
    if (group->end > begin)
      place[-1].pair = leaf.folds > 0 && place[-1].folds == 0 && place[-1].precision == leaf.precision;
    group->depth += leaf.depth;
    group->rounded |= leaf.precision == GAN_BFLOAT16;
  }
}

/* A group's rows of `count` of the columns of x (rows, stride): a panel (depth, width), shard after shard. */
static void pack(const shard_group *group, const float *x, int64_t stride, int64_t count, int64_t width, float *panel) {
  for (int i = 0; i < group->end - group->begin; i++) {
    const shard_leaf *leaf = &group->leaves[i];
    if (leaf->precision == GAN_BFLOAT16)
      gan_tile_round_panel(x + leaf->first * stride, stride, count, leaf->rows, width, panel);
    else
      gan_tile_copy_panel(x + leaf->first * stride, stride, count, leaf->rows, width, panel);
    panel += leaf->depth * width;
  }
}

/* Whether a tile of so many rows takes its part of a from panels. Float32 of short rows is read where it lies, if all 8
   rows of the tile, which are 8 columns of a, are there; rows that lie further apart get into each other's way in the
   first cache. */
static bool needs_panel(const shard_sum *task, const shard_group *group, int64_t rows) {
  const int64_t far = 256;
  return group->rounded || rows < GAN_TILE_ROWS || task->of->m > far;
}

static void pack_a(const shard_sum *task, const shard_group *group, const result_block *at, float *panel) {
  for (int64_t row = 0; row < at->rows; row += GAN_TILE_ROWS, panel += group->depth * GAN_TILE_ROWS) {
    const int64_t rows = least(GAN_TILE_ROWS, at->rows - row);
    if (needs_panel(task, group, rows))
      pack(group, task->of->a + at->row + row, task->of->m, rows, GAN_TILE_ROWS, panel);
  }
}

/* A tile of the result, at `to` in each slot, as far as the group's shards go; a as in memory, or packed. */
static void sum_tile(const shard_sum *task, const shard_group *group, const float *a, const float *panel, int64_t rows,
                     int64_t columns, const float *b, float *stack, size_t to) {
  const int64_t stride = task->of->n, vectors = rounded_up(columns, GAN_LANES);
  const bool whole = rows == GAN_TILE_ROWS && columns == vectors, packed = needs_panel(task, group, rows);
  for (int i = 0; i < group->end - group->begin; i++) {
    const int64_t first_depth = group->leaves[i].pair ? group->leaves[i].depth : 0;
    const float *from = packed ? panel : a + group->leaves[i].first * task->of->m;
    const shard_leaf *leaf = &group->leaves[first_depth > 0 ? ++i : i];
    const int folds = first_depth > 0 ? leaf->folds - 1 : leaf->folds;
    float *place = stack + (int64_t)leaf->place * GAN_TILE, *slot = task->slots[leaf->place] + to;
    const bool straight = leaf->complete && whole;
    const gan_tile_sum sum = {.first_depth = first_depth,
                              .depth = leaf->depth,
                              .a = from,
                              .b = b,
                              .a_stride = packed ? GAN_TILE_ROWS : task->of->m,
                              .columns = vectors,
                              .folds = folds,
                              .left = place + (folds - 1) * GAN_TILE,
                              .left_stride = GAN_TILE_COLUMNS,
                              .left_step = GAN_TILE,
                              .c = straight ? slot : place,
                              .stride = straight ? stride : GAN_TILE_COLUMNS,
                              .c_is_far = straight};
    gan_tile_sum_up(leaf->precision, &sum);
    if (leaf->complete && !whole) gan_tile_put(place, rows, columns, 1, 0, slot, stride);
    panel += (first_depth + leaf->depth) * GAN_TILE_ROWS;
    b += (first_depth + leaf->depth) * GAN_TILE_COLUMNS;
  }
}

static void sum_column(const shard_sum *task, const shard_group *group, const result_block *at, const float *a,
                       packed_panels *panels) {
  pack(group, task->of->b + at->column, task->of->n, at->columns, GAN_TILE_COLUMNS, panels->b);
  float *stack = panels->stacks;
  for (int64_t row = 0; row < at->rows; row += GAN_TILE_ROWS, stack += task->stack_step * GAN_TILE)
    sum_tile(task, group, task->of->a + at->row + row, a + row * group->depth, least(GAN_TILE_ROWS, at->rows - row),
             at->columns, panels->b, stack, task->offset + (size_t)((at->row + row) * task->of->n + at->column));
}

/* In the first column, a's panels are packed, and stay for the others where they have a place. */
static void sum_block(const shard_sum *task, result_block *at, shard_group *group, packed_panels *panels) {
  const int64_t n = task->of->n;
  for (at->column = 0; at->column < n; at->column += GAN_TILE_COLUMNS) {
    at->columns = least(GAN_TILE_COLUMNS, n - at->column);
    float *a = panels->a;
    for (int shard = 0; shard < task->of->shards->local; shard = group->end) {
      if (group->begin != shard || group->end == shard) find_group(task, shard, group);
      if (at->column == 0 || !task->holds_a) pack_a(task, group, at, a);
      sum_column(task, group, at, a, panels);
      if (task->holds_a) a += rounded_up(at->rows, GAN_TILE_ROWS) * group->depth;
    }
  }
}

/* How many groups there are, and the depth of all. */
static int count_groups(const shard_sum *task, shard_group *group, int64_t *depth) {
  int count = 0;
  *depth = 0;
  for (int shard = 0; shard < task->of->shards->local; shard = group->end, count++) {
    find_group(task, shard, group);
    *depth += group->depth;
  }
  return count;
}

/* By what is the same on all ranks, however many of the shards are a rank's. A single shard is left to the library, as
   are shards of many rows, whose sums are written once for a lot of work, and narrow layers. */
static bool pays(const gan_shard_rows *of) {
  const int64_t narrow = 16;
  return gan_tiles_available(GAN_FLOAT32) && of->shards->count > 1 && least(of->m, of->n) >= narrow &&
         gan_shard_rows_most(of) <= gan_tile_depth();
}

bool gan_packed_shard_products(gan_precision precision, const gan_shard_rows *of, float *const *slots, size_t offset) {
  if (!pays(of)) return false;
  assert(of->shards->slot_count <= STACK_TILES);
  packed_panels panels;
  shard_group group;
  shard_sum task = {of, precision, slots, offset, .holds_a = true};
  int64_t depth;
  const int groups = count_groups(&task, &group, &depth);
  task.tile_rows = A_FLOATS / (depth * GAN_TILE_ROWS);
  if (task.tile_rows == 0) {
    task.holds_a = false;
    task.tile_rows = A_FLOATS / (GAN_TILE_DEPTH * GAN_TILE_ROWS);
  }
  if (groups > 1) {
    task.stack_step = of->shards->slot_count;
    task.tile_rows = least(task.tile_rows, STACK_TILES / task.stack_step);
  }
  for (result_block at = {0}; at.row < of->m; at.row += at.rows) {
    at.rows = least(task.tile_rows * GAN_TILE_ROWS, of->m - at.row);
    sum_block(&task, &at, &group, &panels);
  }
  return true;
}
