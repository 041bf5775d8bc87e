/* Squared distances between all points of two sets, tile by tile, without a matrix of all of them.

   What decides is always the sum of (x - y)^2 in double, which is 0 for equal points and has no cancellation. But it
   takes many times as long as |x|^2 + |y|^2 - 2 <x, y> with the products of a whole tile from one matrix product in
   float32, and of a nearest neighbour search hardly one distance in a thousand is of interest. So a tile has bounds of
   its distances, from that product and from what it can be wrong by at the most, and who walks over the tiles asks for
   the distance itself only where the bounds leave something open. Results are therefore the same with any backend, on
   any CPU, and for any cut into tiles.

   Points are taken relative to the middle of the second set, and scaled by a power of two, so that bounds are as narrow
   as the points are close together, and nothing overflows. */
#ifndef GAN_EVAL_DISTANCES_H
#define GAN_EVAL_DISTANCES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "eval/metric.h"

/* Points (count, width), finite; borrowed. */
typedef struct gan_points {
  int64_t count, width;
  const float *values;
} gan_points;

/* What nearest neighbours are looked for in: the features of a comparison's sets, or, where one of them has none, the
   samples themselves. */
bool gan_compares_features(const gan_comparison *comparison);
gan_points gan_points_of(const gan_comparison *comparison, const gan_sample_set *set);
/* gan_check_finite of those; `whose` is for messages: "the reference". Collective. */
gan_status gan_points_check(const gan_comparison *comparison, const gan_sample_set *set, const char *whose) GAN_CHECKED;

enum { GAN_TILE_ROWS = 512, GAN_TILE_COLUMNS = 1024 };

typedef struct gan_tile {
  const gan_points *row_points, *column_points;
  int64_t row, rows, column, columns; /* first ones, and how many */
  /* For the functions below, about scaled points: */
  const float *products;                      /* (GAN_TILE_ROWS, GAN_TILE_COLUMNS) */
  const double *row_squares, *column_squares; /* (rows), (columns) */
  const float *column_bounds, *limit_bounds;  /* (columns) */
  double scale, error, slack;                 /* of squares; relative to the sum of two squares; absolute */
} gan_tile;

/* The columns j, counted from the tile's first, whose squared distance from row i of the tile may be below `square`
   (INFINITY: all); in rising order to found (GAN_TILE_COLUMNS); returns how many. */
size_t gan_tile_below(const gan_tile *tile, int64_t i, double square, int32_t *found);
/* The same, each column having its own limit: column_limits of the walk. */
size_t gan_tile_below_limits(const gan_tile *tile, int64_t i, int32_t *found);
/* The squared distance is between these; *low may be below 0. */
void gan_tile_bounds(const gan_tile *tile, int64_t i, int64_t j, double *low, double *high);
/* The squared distance. */
double gan_tile_square(const gan_tile *tile, int64_t i, int64_t j);
/* Whether the squared distance is below `square`. */
bool gan_tile_nearer(const gan_tile *tile, int64_t i, int64_t j, double square);

typedef struct gan_distance_walk {
  const gan_backend *backend;
  const gan_points *rows, *columns; /* of one width */
  const double *column_limits;      /* (columns), squared distances; or NULL */
  void (*visit)(void *context, const gan_tile *tile);
  void *context;
} gan_distance_walk;

/* Visits the tiles of the rows first .. end-1 and all columns: for each group of rows, the columns in rising order.
   Takes 8 MB and a few numbers for each point, whatever the width. GAN_FAILED for want of memory, before anything is
   visited. Not collective. */
gan_status gan_distances_walk(const gan_distance_walk *walk, int64_t first, int64_t end) GAN_CHECKED;

#endif
