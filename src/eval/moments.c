#include "eval/moments.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/multiversion.h"
#include "eval/units.h"
#include "gan_dist/world.h"
#include "kernels/integers.h"
#include "kernels/lapack.h"

enum {
  BLOCK = 1024, /* samples that are added up before blocks are */
  SIDE = 256,   /* of a tile: large enough for products, small enough for 8 ranks to share 2,048 features evenly */
  CHUNK = 256   /* samples of a product */
};

typedef struct sums {
  int64_t count, dimension;
  const float *features;
  const double *mean;
} sums;

GAN_MULTIVERSION static void add_row(int64_t n, const float *row, double *total) {
  GAN_ELEMENTWISE
  for (int64_t i = 0; i < n; i++) total[i] += (double)row[i];
}

/* total (blocks, dimension): sums over the samples of each block. */
static gan_status add_blocks(void *context, gan_row_range mine, double *total) {
  const sums *of = context;
  for (int64_t block = mine.first; block < mine.end; block++, total += of->dimension)
    for (int64_t i = block * BLOCK; i < least(of->count, (block + 1) * BLOCK); i++)
      add_row(of->dimension, of->features + i * of->dimension, total);
  return GAN_OK;
}

static gan_status find_mean(gan_world *world, const sums *of, double *mean) {
  const int64_t blocks = (of->count + BLOCK - 1) / BLOCK, n = of->dimension;
  gan_rows *rows = NULL;
  GAN_TRY(gan_units_compute(world, blocks, n, "sums of features", add_blocks, (void *)of, &rows));
  const double *total = gan_rows_memory(rows);
  for (int64_t block = 0; block < blocks; block++)
    for (int64_t i = 0; i < n; i++) mean[i] += total[block * n + i];
  for (int64_t i = 0; i < n; i++) mean[i] /= (double)of->count;
  gan_rows_destroy(rows);
  return GAN_OK;
}

/* Where a tile of the lower triangle lies, and how much of it there is: tiles go row by row, each row to its diagonal.
 */
typedef struct tile {
  int64_t row, column, rows, columns;
} tile;

static tile tile_of(int64_t dimension, int64_t number) {
  int64_t i = 0;
  while ((i + 1) * (i + 2) / 2 <= number) i++;
  const int64_t row = i * SIDE, column = (number - i * (i + 1) / 2) * SIDE;
  return (tile){row, column, least(SIDE, dimension - row), least(SIDE, dimension - column)};
}

static int64_t tile_count(int64_t dimension) {
  const int64_t across = (dimension + SIDE - 1) / SIDE;
  return across * (across + 1) / 2;
}

static int64_t tile_side(int64_t dimension) { return least(SIDE, dimension); }

GAN_MULTIVERSION static void centre(int64_t n, const float *row, const double *mean, double *centred) {
  GAN_ELEMENTWISE
  for (int64_t i = 0; i < n; i++) centred[i] = (double)row[i] - mean[i];
}

static void add_products(int64_t dimension, int64_t samples, const double *centred, gan_row_range mine, double *tiles) {
  const int64_t side = tile_side(dimension);
  for (int64_t number = mine.first; number < mine.end; number++, tiles += side * side) {
    const tile at = tile_of(dimension, number);
    if (at.row == at.column)
      gan_double_gram(at.rows, samples, centred + at.row, dimension, tiles, side);
    else
      gan_double_gemm(true, false, at.rows, at.columns, samples, centred + at.row, dimension, centred + at.column,
                      dimension, 1, tiles, side);
  }
}

/* tiles (units, side, side). */
static gan_status fill_tiles(void *context, gan_row_range mine, double *tiles) {
  const sums *of = context;
  const int64_t n = of->dimension, side = tile_side(n);
  double *centred = NULL;
  GAN_TRY(gan_allocate(CHUNK, (size_t)n * sizeof *centred, "deviations of features", &centred));
  for (int64_t first = 0; first < of->count; first += CHUNK) {
    const int64_t samples = least(CHUNK, of->count - first);
    for (int64_t i = 0; i < samples; i++) centre(n, of->features + (first + i) * n, of->mean, centred + i * n);
    add_products(n, samples, centred, mine, tiles);
  }
  for (int64_t i = 0; i < (mine.end - mine.first) * side * side; i++) tiles[i] /= (double)(of->count - 1);
  free(centred);
  return GAN_OK;
}

gan_status gan_moments_create(gan_world *world, int64_t count, int64_t dimension, const float *features,
                              gan_moments **moments) {
  gan_moments *made = NULL;
  *moments = NULL;
  gan_status status = gan_allocate(1, sizeof *made, "moments of features", &made);
  if (status == GAN_OK) {
    *made = (gan_moments){.count = count, .dimension = dimension};
    status = gan_allocate((size_t)dimension, sizeof *made->mean, "means of features", &made->mean);
  }
  status = gan_world_agree(world, status);
  sums of = {count, dimension, features, made ? made->mean : NULL};
  if (status == GAN_OK) status = find_mean(world, &of, made->mean);
  if (status == GAN_OK) {
    const int64_t side = tile_side(dimension);
    status =
        gan_units_compute(world, tile_count(dimension), side * side, "a covariance", fill_tiles, &of, &made->tiles);
  }
  if (status == GAN_OK)
    *moments = made;
  else
    gan_moments_destroy(made);
  return status;
}

void gan_moments_destroy(gan_moments *moments) {
  if (!moments) return;
  gan_rows_destroy(moments->tiles);
  free(moments->mean);
  free(moments);
}

void gan_moments_covariance(const gan_moments *moments, double *covariance) {
  const int64_t n = moments->dimension, side = tile_side(n);
  const double *tiles = gan_rows_memory(moments->tiles);
  for (int64_t number = 0; number < tile_count(n); number++, tiles += side * side) {
    const tile at = tile_of(n, number);
    for (int64_t i = 0; i < at.rows; i++)
      for (int64_t j = 0; j < at.columns && at.column + j <= at.row + i; j++) {
        const int64_t row = at.row + i, column = at.column + j;
        covariance[row * n + column] = covariance[column * n + row] = tiles[i * side + j];
      }
  }
}
