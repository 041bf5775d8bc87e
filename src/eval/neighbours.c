#include "eval/neighbours.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

typedef struct search {
  int k;
  bool itself;            /* points are searched among themselves */
  int64_t first;          /* the number of the first of those among which they are searched */
  gan_neighbour *nearest; /* (points, k) */
  double *highest;        /* (k) */
  int32_t found[GAN_TILE_COLUMNS];
} search;

/* Takes a neighbour into a row, whose last one falls out; behind equally near ones, which come earlier. */
static void take(const search *of, gan_neighbour *row, gan_neighbour taken) {
  int place = of->k - 1;
  for (; place > 0 && row[place - 1].square > taken.square; place--) row[place] = row[place - 1];
  row[place] = taken;
}

/* What the k nearest of those found are not farther away than, by the upper bounds of their distances. */
static double ceiling(const search *of, const gan_tile *tile, int64_t i, size_t count) {
  for (int n = 0; n < of->k; n++) of->highest[n] = INFINITY;
  for (size_t n = 0; n < count; n++) {
    double low, high;
    int place = of->k - 1;
    gan_tile_bounds(tile, i, of->found[n], &low, &high);
    if (!(high < of->highest[place])) continue;
    for (; place > 0 && of->highest[place - 1] > high; place--) of->highest[place] = of->highest[place - 1];
    of->highest[place] = high;
  }
  return of->highest[of->k - 1];
}

/* Leaves out the point itself. */
static size_t others(search *of, const gan_tile *tile, int64_t i, size_t count) {
  size_t kept = 0;
  for (size_t n = 0; n < count; n++)
    if (tile->column + of->found[n] != tile->row + i) of->found[kept++] = of->found[n];
  return kept;
}

static void search_row(search *of, const gan_tile *tile, int64_t i) {
  gan_neighbour *row = of->nearest + (tile->row + i) * of->k, *last = row + of->k - 1;
  if (last->square == 0) return;
  size_t count = gan_tile_below(tile, i, last->square, of->found);
  if (of->itself) count = others(of, tile, i, count);
  const double limit = count > (size_t)of->k ? ceiling(of, tile, i, count) : INFINITY;
  for (size_t n = 0; n < count && last->square > 0; n++) {
    double low, high;
    gan_tile_bounds(tile, i, of->found[n], &low, &high);
    if (low > limit || low >= last->square) continue;
    const double square = gan_tile_square(tile, i, of->found[n]);
    if (square < last->square) take(of, row, (gan_neighbour){square, of->first + tile->column + of->found[n]});
  }
}

static void search_tile(void *context, const gan_tile *tile) {
  for (int64_t i = 0; i < tile->rows; i++) search_row(context, tile, i);
}

gan_status gan_neighbours_continue(const gan_backend *backend, const gan_points *points, gan_row_range range,
                                   const gan_points *among, int64_t first, int k, gan_neighbour *nearest) {
  search of = {.k = k, .itself = among == points, .first = first, .nearest = nearest};
  GAN_TRY(gan_allocate((size_t)k, sizeof *of.highest, "bounds of distances", &of.highest));
  const gan_distance_walk walk = {
      .backend = backend, .rows = points, .columns = among, .visit = search_tile, .context = &of};
  const gan_status status = gan_distances_walk(&walk, range.first, range.end);
  free(of.highest);
  return status;
}

static gan_status search_mine(const gan_backend *backend, const gan_points *points, const gan_points *among, int k,
                              gan_rows *rows) {
  const gan_row_range mine = gan_rows_mine(rows);
  gan_neighbour *nearest = gan_rows_memory(rows);
  for (int64_t i = mine.first * k; i < mine.end * k; i++) nearest[i] = GAN_NO_NEIGHBOUR;
  return gan_neighbours_continue(backend, points, mine, among, 0, k, nearest);
}

gan_status gan_neighbours_find(gan_world *world, const gan_backend *backend, const gan_points *points,
                               const gan_points *among, int k, gan_rows **nearest) {
  GAN_TRY(gan_rows_create(world, points->count, (size_t)k * sizeof(gan_neighbour), GAN_NEIGHBOUR_BLOCK,
                          "nearest neighbours", nearest));
  const gan_status status = gan_world_agree(world, search_mine(backend, points, among, k, *nearest));
  if (status == GAN_OK) {
    gan_rows_complete(*nearest);
  } else {
    gan_rows_destroy(*nearest);
    *nearest = NULL;
  }
  return status;
}
