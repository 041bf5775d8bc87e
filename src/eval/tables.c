/* Columns one by one, and two by two; tables_classifier.c has all together. */
#include "eval/tables.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/multiversion.h"
#include "base/sort.h"
#include "dist/rows.h"
#include "eval/finite.h"
#include "eval/metric_rows.h"

enum { COLUMNS_MOST = 1024 };

static const char *unable(const gan_comparison *comparison, int64_t least_columns, int64_t least_samples) {
  const gan_shape *shape = &comparison->real->shape;
  if (shape->rank != 1) return "needs vectors, whose elements are columns of a table";
  if (shape->size[0] < least_columns) return "needs two columns at least";
  if (shape->size[0] > COLUMNS_MOST) return "needs 1024 columns at most";
  if (comparison->real->count < least_samples || comparison->fake->count < least_samples)
    return least_samples > 1 ? "needs two samples of each set at least" : "needs one sample of each set at least";
  return NULL;
}

/* A column of a set as doubles (count). */
static void take_column(const gan_sample_set *set, int64_t column, double *values) {
  const int64_t columns = set->shape.size[0];
  for (int64_t i = 0; i < set->count; i++) values[i] = (double)set->samples[i * columns + column];
}

/* --- Kolmogorov and Smirnov --- */

double gan_kolmogorov_smirnov(int64_t n, const double *a, int64_t m, const double *b) {
  int64_t i = 0, j = 0, most = 0;
  while (i < n && j < m) {
    const double value = a[i] < b[j] ? a[i] : b[j];
    while (i < n && a[i] == value) i++;
    while (j < m && b[j] == value) j++;
    const int64_t difference = i * m - j * n; /* in units of 1 / (n m) */
    if (llabs(difference) > most) most = llabs(difference);
  }
  return (double)most / (double)n / (double)m;
}

/* Room for a column of each set. */
typedef struct column_space {
  double *real, *fake, *scratch;
} column_space;

static gan_status allocate_columns(int64_t real, int64_t fake, column_space *space) {
  GAN_TRY(gan_allocate((size_t)real, sizeof(double), "a column", &space->real));
  GAN_TRY(gan_allocate((size_t)fake, sizeof(double), "a column", &space->fake));
  return gan_allocate((size_t)(real > fake ? real : fake), sizeof(double), "a column", &space->scratch);
}

static void release_columns(column_space *space) {
  free(space->real);
  free(space->fake);
  free(space->scratch);
}

static double statistic_of(const gan_comparison *comparison, int64_t column, column_space *space) {
  const int64_t n = comparison->real->count, m = comparison->fake->count;
  take_column(comparison->real, column, space->real);
  take_column(comparison->fake, column, space->fake);
  gan_sort_doubles((size_t)n, space->real, space->scratch);
  gan_sort_doubles((size_t)m, space->fake, space->scratch);
  return gan_kolmogorov_smirnov(n, space->real, m, space->fake);
}

/* Mean and largest of a column's numbers. */
static void summarise(int64_t count, const double *numbers, double *values) {
  double sum = 0, largest = 0;
  for (int64_t i = 0; i < count; i++) {
    sum += numbers[i];
    largest = fmax(largest, numbers[i]);
  }
  values[0] = sum / (double)count;
  values[1] = largest;
}

static gan_status compute_ks(const gan_comparison *comparison, double *values) {
  const int64_t columns = comparison->real->shape.size[0];
  column_space space = {0};
  gan_rows *rows = NULL;
  GAN_TRY(gan_check_samples(comparison));
  GAN_TRY(gan_rows_create(comparison->world, columns, sizeof(double), 1, "statistics of columns", &rows));
  const gan_status status =
      gan_world_agree(comparison->world, allocate_columns(comparison->real->count, comparison->fake->count, &space));
  if (status == GAN_OK) {
    double *statistics = gan_rows_memory(rows);
    const gan_row_range mine = gan_rows_mine(rows);
    for (int64_t i = mine.first; i < mine.end; i++) statistics[i] = statistic_of(comparison, i, &space);
    gan_rows_complete(rows);
    summarise(columns, statistics, values);
  }
  release_columns(&space);
  gan_rows_destroy(rows);
  return status;
}

static const char *ks_unable(const gan_comparison *comparison) { return unable(comparison, 1, 1); }

const gan_metric gan_metric_ks = {.name = "ks",
                                  .help = "how far apart the distributions of each column are",
                                  .source = "two-sample Kolmogorov-Smirnov statistic, as scipy.stats.ks_2samp",
                                  .values = {{"ks", "Kolmogorov-Smirnov statistic from 0 to 1, mean over columns", -1},
                                             {"ks_worst", "that of the column that has the largest", -1}},
                                  .unable = ks_unable,
                                  .compute = compute_ks};

/* --- Correlations --- */

enum { LANES = 16 };

/* Element i goes to lane i mod 16, in rising order; then the lanes are added up. */
GAN_MULTIVERSION static double dot(int64_t n, const double *x, const double *y) {
  double lanes[LANES] = {0}, sum = 0;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int lane = 0; lane < LANES; lane++) lanes[lane] += x[i + lane] * y[i + lane];
  for (int lane = 0; i + lane < n; lane++) lanes[lane] += x[i + lane] * y[i + lane];
  for (int lane = 0; lane < LANES; lane++) sum += lanes[lane];
  return sum;
}

/* Moves and scales values to mean 0 and sum of squares 1, so that a correlation is a scalar product; a constant column
   becomes zeroes, and is correlated with none. */
static void standardise(int64_t n, double *values) {
  double sum = 0;
  bool constant = true;
  for (int64_t i = 0; i < n; i++) {
    sum += values[i];
    constant = constant && values[i] == values[0];
  }
  const double mean = constant ? values[0] : sum / (double)n;
  for (int64_t i = 0; i < n; i++) values[i] -= mean;
  const double length = sqrt(dot(n, values, values));
  for (int64_t i = 0; i < n && length > 0; i++) values[i] /= length;
}

/* The standardised columns of a set: a table (columns, count). Collective. */
static gan_status open_columns(gan_world *world, const gan_sample_set *set, gan_rows **rows) {
  const int64_t columns = set->shape.size[0];
  GAN_TRY(gan_rows_create(world, columns, (size_t)set->count * sizeof(double), 1, "columns", rows));
  double *values = gan_rows_memory(*rows);
  const gan_row_range mine = gan_rows_mine(*rows);
  for (int64_t i = mine.first; i < mine.end; i++) {
    take_column(set, i, values + i * set->count);
    standardise(set->count, values + i * set->count);
  }
  gan_rows_complete(*rows);
  return GAN_OK;
}

/* Sum and largest of a column's differences to those behind it. */
typedef struct column_differences {
  double sum, largest;
} column_differences;

static column_differences compare_column(int64_t column, int64_t columns, int64_t n, const double *real, int64_t m,
                                         const double *fake) {
  column_differences result = {0};
  for (int64_t other = column + 1; other < columns; other++) {
    const double difference =
        fabs(dot(n, real + column * n, real + other * n) - dot(m, fake + column * m, fake + other * m));
    result.sum += difference;
    result.largest = fmax(result.largest, difference);
  }
  return result;
}

/* Of a table (columns) of column_differences, as yet empty. Collective. */
static void compare_columns(const gan_comparison *comparison, const double *real, const double *fake, gan_rows *rows,
                            double *values) {
  const int64_t columns = comparison->real->shape.size[0];
  column_differences *differences = gan_rows_memory(rows), total = {0};
  const gan_row_range mine = gan_rows_mine(rows);
  for (int64_t i = mine.first; i < mine.end; i++)
    differences[i] = compare_column(i, columns, comparison->real->count, real, comparison->fake->count, fake);
  gan_rows_complete(rows);
  for (int64_t i = 0; i < columns; i++) {
    total.sum += differences[i].sum;
    total.largest = fmax(total.largest, differences[i].largest);
  }
  values[0] = total.sum / (double)(columns * (columns - 1) / 2);
  values[1] = total.largest;
}

static gan_status compute_correlation(const gan_comparison *comparison, double *values) {
  gan_rows *real = NULL, *fake = NULL, *differences = NULL;
  GAN_TRY(gan_check_samples(comparison));
  gan_status status = open_columns(comparison->world, comparison->real, &real);
  if (status == GAN_OK) status = open_columns(comparison->world, comparison->fake, &fake);
  if (status == GAN_OK)
    status = gan_rows_create(comparison->world, comparison->real->shape.size[0], sizeof(column_differences), 1,
                             "differences of columns", &differences);
  if (status == GAN_OK) compare_columns(comparison, gan_rows_memory(real), gan_rows_memory(fake), differences, values);
  gan_rows_destroy(real);
  gan_rows_destroy(fake);
  gan_rows_destroy(differences);
  return status;
}

static const char *correlation_unable(const gan_comparison *comparison) { return unable(comparison, 2, 2); }

const gan_metric gan_metric_correlation_difference = {
    .name = "correlation_difference",
    .help = "how far apart the correlations of each pair of columns are",
    .source = "Pearson's correlation matrices, as numpy.corrcoef; a constant column counts as correlated with none",
    .values = {{"correlation_difference", "absolute difference of correlations from 0 to 2, mean over pairs", -1},
               {"correlation_worst", "that of the pair that has the largest", -1}},
    .unable = correlation_unable,
    .compute = compute_correlation};
