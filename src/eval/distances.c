/* What a tile's distances can be wrong by. Scaled and centred points have |x| < 8 in every coordinate, each rounded
   once, to a relative u = 2^-24. A product of theirs over at most PANEL elements, added to those of the panels before,
   is off by (PANEL + panels) u |x| |y| at the most, in whatever order a backend adds, and |x| |y| <= (|x|^2 + |y|^2)
   / 2. So twice the product is off by (PANEL + panels) u (|x|^2 + |y|^2), to which roundings of points (4 u), of bounds
   and of the sums that are compared (less than 8 u) come. Products in bfloat16 round their operands, too, to 2^-8 each.
   What is lost to underflow is below 2^-116 for each element. */
#include "eval/distances.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/units.h"
#include "kernels/distances.h"

enum { PANEL = 1024, OF_MIDDLE = 256, ROUNDINGS = 16 };

bool gan_compares_features(const gan_comparison *comparison) {
  return comparison->real->features && comparison->fake->features &&
         (!comparison->held_out || comparison->held_out->features);
}

gan_points gan_points_of(const gan_comparison *comparison, const gan_sample_set *set) {
  if (gan_compares_features(comparison)) return (gan_points){set->count, set->feature_count, set->features};
  return (gan_points){set->count, gan_shape_count(&set->shape), set->samples};
}

gan_status gan_points_check(const gan_comparison *comparison, const gan_sample_set *set, const char *whose) {
  const gan_points points = gan_points_of(comparison, set);
  return gan_check_finite(comparison->world, whose, gan_compares_features(comparison) ? "features" : "values",
                          points.count, points.width, points.values);
}

size_t gan_tile_below(const gan_tile *tile, int64_t i, double square, int32_t *found) {
  const double low = tile->row_squares[i] * (1 - tile->error) - tile->slack;
  return gan_below((size_t)tile->columns, tile->column_bounds, tile->products + i * GAN_TILE_COLUMNS,
                   nextafterf((float)(square * tile->scale - low), INFINITY), found);
}

size_t gan_tile_below_limits(const gan_tile *tile, int64_t i, int32_t *found) {
  const double low = tile->row_squares[i] * (1 - tile->error) - tile->slack;
  return gan_below((size_t)tile->columns, tile->limit_bounds, tile->products + i * GAN_TILE_COLUMNS,
                   nextafterf((float)-low, INFINITY), found);
}

void gan_tile_bounds(const gan_tile *tile, int64_t i, int64_t j, double *low, double *high) {
  const double squares = tile->row_squares[i] + tile->column_squares[j];
  const double square = squares - 2 * (double)tile->products[i * GAN_TILE_COLUMNS + j];
  const double error = squares * tile->error + tile->slack;
  *low = (square - error) / tile->scale;
  *high = (square + error) / tile->scale;
}

double gan_tile_square(const gan_tile *tile, int64_t i, int64_t j) {
  const size_t width = (size_t)tile->row_points->width;
  return gan_square_distance(width, tile->row_points->values + (size_t)(tile->row + i) * width,
                             tile->column_points->values + (size_t)(tile->column + j) * width);
}

bool gan_tile_nearer(const gan_tile *tile, int64_t i, int64_t j, double square) {
  double low, high;
  if (square <= 0) return false;
  gan_tile_bounds(tile, i, j, &low, &high);
  if (low >= square) return false;
  return high < square || gan_tile_square(tile, i, j) < square;
}

typedef struct workspace {
  float factor;  /* a power of two, which points are multiplied by */
  float *centre; /* (width), multiplied by it */
  float *row_panel, *column_panel, *products, *column_bounds, *limit_bounds;
  double *row_squares, *column_squares, *sums;
} workspace;

static void workspace_release(workspace *work) {
  free(work->centre);
  free(work->row_panel);
  free(work->column_panel);
  free(work->products);
  free(work->column_bounds);
  free(work->limit_bounds);
  free(work->row_squares);
  free(work->column_squares);
  free(work->sums);
}

static gan_status workspace_take(const gan_distance_walk *walk, workspace *work) {
  const char *what = "distances between samples";
  const size_t width = (size_t)walk->columns->width, panel = width < PANEL ? width : PANEL;
  const size_t columns = (size_t)walk->columns->count;
  GAN_TRY(gan_allocate(width, sizeof(float), what, &work->centre));
  GAN_TRY(gan_allocate(width, sizeof(double), what, &work->sums));
  GAN_TRY(gan_allocate(GAN_TILE_ROWS * panel, sizeof(float), what, &work->row_panel));
  GAN_TRY(gan_allocate(GAN_TILE_COLUMNS * panel, sizeof(float), what, &work->column_panel));
  GAN_TRY(gan_allocate((size_t)GAN_TILE_ROWS * GAN_TILE_COLUMNS, sizeof(float), what, &work->products));
  GAN_TRY(gan_allocate(GAN_TILE_ROWS, sizeof(double), what, &work->row_squares));
  GAN_TRY(gan_allocate(columns, sizeof(double), what, &work->column_squares));
  GAN_TRY(gan_allocate(columns, sizeof(float), what, &work->column_bounds));
  return walk->column_limits ? gan_allocate(columns, sizeof(float), what, &work->limit_bounds) : GAN_OK;
}

/* The power of two that brings all values below 4 in magnitude, and into the range of normal numbers. */
static float factor_of(const gan_distance_walk *walk) {
  const gan_points *rows = walk->rows, *columns = walk->columns;
  const float largest = fmaxf(gan_magnitude((size_t)(rows->count * rows->width), rows->values),
                              gan_magnitude((size_t)(columns->count * columns->width), columns->values));
  if (largest == 0) return 1;
  const int exponent = -ilogbf(largest) - 1;
  return ldexpf(1, exponent < -126 ? -126 : exponent > 100 ? 100 : exponent);
}

/* The middle of some of the columns: any point will do, and one that is among them is better. */
static void find_centre(const gan_points *columns, workspace *work) {
  const int64_t count = columns->count < OF_MIDDLE ? columns->count : OF_MIDDLE;
  for (int64_t i = 0; i < count; i++) {
    const float *point = columns->values + columns->count * i / count * columns->width;
    for (int64_t j = 0; j < columns->width; j++) work->sums[j] += (double)point[j];
  }
  for (int64_t j = 0; j < columns->width; j++)
    work->centre[j] = (float)(work->sums[j] / (double)count * (double)work->factor);
}

/* The elements at .. at + width - 1 of `count` points from `first` on, as products take them: panel (count, width). */
static void pack(const workspace *work, const gan_points *points, int64_t first, int64_t count, int64_t at,
                 int64_t width, float *panel) {
  for (int64_t i = 0; i < count; i++)
    gan_centre((size_t)width, work->factor, points->values + (first + i) * points->width + at, work->centre + at,
               panel + i * width);
}

static int64_t piece(int64_t size, int64_t first, int64_t end) { return end - first < size ? end - first : size; }

/* squares (count): of the points as they are packed. */
static void square(const workspace *work, const gan_points *points, int64_t first, int64_t count, double *squares) {
  for (int64_t i = 0; i < count; i++) {
    squares[i] = 0;
    for (int64_t at = 0; at < points->width; at += PANEL) {
      const int64_t width = piece(PANEL, at, points->width);
      pack(work, points, first + i, 1, at, width, work->row_panel);
      squares[i] += gan_square_sum((size_t)width, work->row_panel);
    }
  }
}

static double error_of(const gan_backend *backend, int64_t width) {
  const double terms = (double)piece(PANEL, 0, width) + (double)((width + PANEL - 1) / PANEL) + ROUNDINGS;
  return 1.01 * (terms * 0x1p-24 + (backend->precision == GAN_BFLOAT16 ? 0x1p-7 + 0x1p-16 : 0));
}

static void prepare(const gan_distance_walk *walk, workspace *work, gan_tile *tile) {
  const gan_points *columns = walk->columns;
  work->factor = factor_of(walk);
  find_centre(columns, work);
  square(work, columns, 0, columns->count, work->column_squares);
  tile->scale = (double)work->factor * (double)work->factor;
  tile->error = error_of(walk->backend, columns->width);
  tile->slack = (double)columns->width * 0x1p-116;
  for (int64_t j = 0; j < columns->count; j++) {
    const double bound = work->column_squares[j] * (1 - tile->error);
    work->column_bounds[j] = nextafterf((float)bound, -INFINITY);
    if (walk->column_limits)
      work->limit_bounds[j] = nextafterf((float)(bound - walk->column_limits[j] * tile->scale), -INFINITY);
  }
}

/* The products of a tile, panel by panel. Those of the rows are packed once where there is one panel only. */
static void multiply(const gan_distance_walk *walk, const workspace *work, const gan_tile *tile) {
  const int64_t whole = walk->rows->width;
  for (int64_t at = 0; at < whole; at += PANEL) {
    const int64_t width = piece(PANEL, at, whole);
    if (whole > PANEL || tile->column == 0) pack(work, walk->rows, tile->row, tile->rows, at, width, work->row_panel);
    pack(work, walk->columns, tile->column, tile->columns, at, width, work->column_panel);
    walk->backend->gemm(false, true, tile->rows, tile->columns, width, 1, work->row_panel, width, work->column_panel,
                        width, at > 0, work->products, GAN_TILE_COLUMNS);
  }
}

static void visit_all(const gan_distance_walk *walk, const workspace *work, gan_tile *tile, int64_t first,
                      int64_t end) {
  for (tile->row = first; tile->row < end; tile->row += tile->rows) {
    tile->rows = piece(GAN_TILE_ROWS, tile->row, end);
    square(work, walk->rows, tile->row, tile->rows, work->row_squares);
    for (tile->column = 0; tile->column < walk->columns->count; tile->column += tile->columns) {
      tile->columns = piece(GAN_TILE_COLUMNS, tile->column, walk->columns->count);
      tile->column_squares = work->column_squares + tile->column;
      tile->column_bounds = work->column_bounds + tile->column;
      tile->limit_bounds = work->limit_bounds ? work->limit_bounds + tile->column : NULL;
      multiply(walk, work, tile);
      walk->visit(walk->context, tile);
    }
  }
}

gan_status gan_distances_walk(const gan_distance_walk *walk, int64_t first, int64_t end) {
  workspace work = {0};
  gan_status status = GAN_OK;
  if (first >= end || walk->columns->count == 0) return GAN_OK;
  status = workspace_take(walk, &work);
  if (status == GAN_OK) {
    gan_tile tile = {.row_points = walk->rows,
                     .column_points = walk->columns,
                     .products = work.products,
                     .row_squares = work.row_squares};
    prepare(walk, &work, &tile);
    visit_all(walk, &work, &tile, first, end);
  }
  workspace_release(&work);
  return status;
}
