/* The kernel distance of features (KID): an unbiased estimate of the squared maximum mean discrepancy with the kernel
   (x.y / dimension + 1)^3, as the mean over blocks of samples, whose spread tells the estimate's standard error. Blocks
   are TF-GAN's: as few as hold at most 1,024 samples of the larger set, each of almost the same size, the larger ones
   last.

   A block's kernel matrices are computed in tiles, which the ranks share; a matrix of a set with itself by its lower
   triangle. In float64: the distance is what is left when means that are a thousand times larger have been subtracted.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/multiversion.h"
#include "eval/metric_rows.h"
#include "eval/units.h"
#include "gan_dist/world.h"
#include "kernels/lapack.h"

enum { MOST_SAMPLES = 1024, SIDE = 256, LANES = 16 };

typedef struct blocks {
  const gan_sample_set *real, *fake;
  int64_t count;
  int64_t real_strips, fake_strips; /* strips of SIDE samples of a block */
} blocks;

/* Samples of one block of a set. */
typedef struct part {
  const float *features;
  int64_t count;
} part;

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t triangle(int64_t n) { return n * (n + 1) / 2; }

static blocks blocks_of(const gan_sample_set *real, const gan_sample_set *fake) {
  const int64_t larger = real->count > fake->count ? real->count : fake->count;
  const int64_t count = divide_up(larger, MOST_SAMPLES);
  return (blocks){real, fake, count, divide_up(divide_up(real->count, count), SIDE),
                  divide_up(divide_up(fake->count, count), SIDE)};
}

static part part_of(const gan_sample_set *set, int64_t count, int64_t block) {
  const int64_t size = set->count / count, small = count - set->count % count; /* blocks with one sample less */
  const int64_t more = block > small ? block - small : 0;
  return (part){set->features + (block * size + more) * set->feature_count, size + (block >= small)};
}

/* Strip `strip` of a part; none is left of it where the part is one of the smaller ones. */
static part strip_of(part of, int64_t strip, int64_t width) {
  const int64_t first = strip * SIDE, left = of.count > first ? of.count - first : 0;
  return (part){of.features + first * width, left < SIDE ? left : SIDE};
}

/* The matrices of a block: real with real, fake with fake, real with fake. */
enum { REAL, FAKE, BOTH, MATRICES };

static int64_t tiles_of(const blocks *of, int matrix) {
  if (matrix == REAL) return triangle(of->real_strips);
  return matrix == FAKE ? triangle(of->fake_strips) : of->real_strips * of->fake_strips;
}

static int64_t tiles_of_block(const blocks *of) { return tiles_of(of, REAL) + tiles_of(of, FAKE) + tiles_of(of, BOTH); }

/* A tile: rows and columns are strips; `twice` where it stands for its mirror image, too, and `below` where only what
   is below the diagonal counts. */
typedef struct tile {
  part rows, columns;
  bool twice, below;
} tile;

static tile tile_of(const blocks *of, int64_t unit) {
  const int64_t block = unit / tiles_of_block(of), width = of->real->feature_count;
  const part real = part_of(of->real, of->count, block), fake = part_of(of->fake, of->count, block);
  int matrix = REAL;
  int64_t number = unit % tiles_of_block(of);
  while (number >= tiles_of(of, matrix)) number -= tiles_of(of, matrix++);
  if (matrix == BOTH)
    return (tile){strip_of(real, number / of->fake_strips, width), strip_of(fake, number % of->fake_strips, width),
                  false, false};
  const part mine = matrix == REAL ? real : fake;
  int64_t row = 0;
  while (triangle(row + 1) <= number) row++;
  const int64_t column = number - triangle(row);
  return (tile){strip_of(mine, row, width), strip_of(mine, column, width), true, row == column};
}

/* Sum of (product / dimension + 1)^3 over n products: element i goes to lane i mod 16. */
GAN_MULTIVERSION static double cube_sum(int64_t n, const double *products, double dimension) {
  double lanes[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int64_t lane = 0; lane < LANES; lane++) {
      const double value = products[i + lane] / dimension + 1;
      lanes[lane] += value * value * value;
    }
  for (int64_t lane = 0; i + lane < n; lane++) {
    const double value = products[i + lane] / dimension + 1;
    lanes[lane] += value * value * value;
  }
  double sum = 0;
  for (int64_t lane = 0; lane < LANES; lane++) sum += lanes[lane];
  return sum;
}

GAN_MULTIVERSION static void widen(int64_t n, const float *from, double *to) {
  GAN_ELEMENTWISE
  for (int64_t i = 0; i < n; i++) to[i] = (double)from[i];
}

/* Strips in float64, which stay while the next tile has the same. */
typedef struct panels {
  int64_t width;
  const float *of_rows, *of_columns;
  double *rows, *columns, *products; /* (SIDE, width) twice, (SIDE, SIDE) */
} panels;

static void fill_panel(const part *of, int64_t width, const float **is, double *panel) {
  if (*is != of->features) widen(of->count * width, of->features, panel);
  *is = of->features;
}

static double sum_tile(const tile *at, panels *in) {
  const int64_t rows = at->rows.count, columns = at->columns.count, width = in->width;
  if (rows == 0 || columns == 0) return 0;
  fill_panel(&at->rows, width, &in->of_rows, in->rows);
  fill_panel(&at->columns, width, &in->of_columns, in->columns);
  gan_double_gemm(false, true, rows, columns, width, in->rows, width, in->columns, width, 0, in->products, SIDE);
  double sum = 0;
  for (int64_t i = 0; i < rows; i++) sum += cube_sum(at->below ? i : columns, in->products + i * SIDE, (double)width);
  return at->twice ? 2 * sum : sum;
}

static gan_status sum_tiles(void *context, gan_row_range mine, double *sums) {
  const blocks *of = context;
  panels in = {.width = of->real->feature_count};
  const size_t size = (size_t)(SIDE * in.width);
  gan_status status = gan_allocate(size, sizeof(double), "features of a block", &in.rows);
  if (status == GAN_OK) status = gan_allocate(size, sizeof(double), "features of a block", &in.columns);
  if (status == GAN_OK) status = gan_allocate(SIDE * SIDE, sizeof(double), "kernels of a block", &in.products);
  for (int64_t unit = mine.first; status == GAN_OK && unit < mine.end; unit++) {
    const tile at = tile_of(of, unit);
    sums[unit - mine.first] = sum_tile(&at, &in);
  }
  free(in.rows);
  free(in.columns);
  free(in.products);
  return status;
}

/* The estimate of a block, of the sums of its tiles. */
static double estimate(const blocks *of, int64_t block, const double *sums) {
  const double m = (double)part_of(of->real, of->count, block).count;
  const double n = (double)part_of(of->fake, of->count, block).count;
  double total[MATRICES] = {0};
  for (int matrix = 0; matrix < MATRICES; matrix++)
    for (int64_t i = 0; i < tiles_of(of, matrix); i++) total[matrix] += *sums++;
  return total[REAL] / (m * (m - 1)) + total[FAKE] / (n * (n - 1)) - 2 * total[BOTH] / (m * n);
}

static void conclude(const blocks *of, const double *sums, double *values) {
  const double count = (double)of->count;
  double mean = 0, squares = 0;
  for (int64_t block = 0; block < of->count; block++) mean += estimate(of, block, sums + block * tiles_of_block(of));
  mean /= count;
  for (int64_t block = 0; block < of->count; block++) {
    const double difference = estimate(of, block, sums + block * tiles_of_block(of)) - mean;
    squares += difference * difference;
  }
  values[0] = mean;
  values[1] = of->count > 1 ? sqrt(squares / (count - 1) / count) : NAN;
}

static const char *unable(const gan_comparison *comparison) {
  const gan_sample_set *real = comparison->real, *fake = comparison->fake;
  if (!real->features || !fake->features) return "needs features";
  if (real->count < 2 || fake->count < 2) return "needs at least two samples of each set";
  const int64_t smaller = real->count < fake->count ? real->count : fake->count;
  if (smaller < 2 * blocks_of(real, fake).count)
    return "needs two samples of each set for every 1,024 of the other: take fewer of the larger one";
  return NULL;
}

static gan_status compute(const gan_comparison *comparison, double *values) {
  const gan_sample_set *real = comparison->real, *fake = comparison->fake;
  gan_world *world = comparison->world;
  blocks of = blocks_of(real, fake);
  gan_rows *sums = NULL;
  GAN_TRY(gan_check_finite(world, "the reference", "features", real->count, real->feature_count, real->features));
  GAN_TRY(
      gan_check_finite(world, "the samples to judge", "features", fake->count, fake->feature_count, fake->features));
  GAN_TRY(gan_units_compute(world, of.count * tiles_of_block(&of), 1, "sums of kernels", sum_tiles, &of, &sums));
  conclude(&of, gan_rows_memory(sums), values);
  gan_rows_destroy(sums);
  return GAN_OK;
}

const gan_metric gan_metric_kid = {
    .name = "kid",
    .help = "kernel distance of features, without bias, and its standard error",
    .source = "Binkowski et al. 2018, arXiv 1801.01401, section 4; blocks of TF-GAN's classifier_metrics",
    .values = {{"kid", "kernel distance of features", -1},
               {"kid_error", "standard error of kid, from blocks of up to 1,024 samples", 0}},
    .undefined = {[1] = "needs more than 1,024 samples: fewer make one block, which has no spread (--repeat tells an "
                        "error)"},
    .unable = unable,
    .compute = compute};
