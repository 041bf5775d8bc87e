/* The two-sample classifier: a logistic regression learns to tell samples from data, and is asked about those that it
   did not learn from. The area under its curve is 1/2 where nothing that it can see gives samples away, and 1 where
   each of them is known (Lopez-Paz and Oquab 2017, arXiv 1610.06545, with the area for the accuracy, since it needs no
   threshold and sets may be of different sizes).

   It sees the columns, their squares and their products: means, deviations and correlations that are wrong, and where
   there are more than PRODUCTS_MOST columns, fewer of these. Columns are standardised over both sets together, then so
   are the terms, that the penalty means the same for each.

   Five folds: each fifth of either set (every fifth sample) is judged by what was learned from the rest, and the areas
   are averaged. A fold is a problem by itself, without a random number, so ranks share the folds. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/sort.h"
#include "dist/rows.h"
#include "eval/finite.h"
#include "eval/logistic.h"
#include "eval/metric_rows.h"

enum { FOLDS = 5, SAMPLES_LEAST = 20, COLUMNS_MOST = 256, SQUARES_MOST = 128, PRODUCTS_MOST = 16 };

/* Mean and 1 / deviation of a column or term; 0 of a constant one. */
typedef struct scale {
  double mean, inverse;
} scale;

typedef struct classifier {
  const gan_sample_set *real, *fake;
  int64_t columns, terms;
  bool squares, products;
  scale *of_columns, *of_terms;
} classifier;

static classifier plan(const gan_comparison *comparison) {
  const int64_t columns = comparison->real->shape.size[0];
  const bool squares = columns <= SQUARES_MOST, products = columns <= PRODUCTS_MOST;
  const int64_t terms = columns + (squares ? columns : 0) + (products ? columns * (columns - 1) / 2 : 0);
  return (classifier){.real = comparison->real,
                      .fake = comparison->fake,
                      .columns = columns,
                      .terms = terms,
                      .squares = squares,
                      .products = products};
}

/* --- Terms of a sample: those of the real set come first --- */

static int64_t count_of(const classifier *of) { return of->real->count + of->fake->count; }

static bool is_fake(const void *context, int64_t i) { return i >= ((const classifier *)context)->real->count; }

static const float *sample_of(const classifier *of, int64_t i) {
  const int64_t real = of->real->count;
  return i < real ? of->real->samples + i * of->columns : of->fake->samples + (i - real) * of->columns;
}

static double scaled(scale by, double value) { return (value - by.mean) * by.inverse; }

/* x (terms), not standardised: columns, squares, products of each with those behind it. */
static void make_terms(const classifier *of, int64_t i, double *x) {
  const float *sample = sample_of(of, i);
  double *next = x + of->columns;
  for (int64_t j = 0; j < of->columns; j++) x[j] = scaled(of->of_columns[j], (double)sample[j]);
  for (int64_t j = 0; j < of->columns && of->squares; j++) *next++ = x[j] * x[j];
  for (int64_t j = 0; j < of->columns && of->products; j++)
    for (int64_t k = j + 1; k < of->columns; k++) *next++ = x[j] * x[k];
}

static void make_row(const void *context, int64_t i, double *x) {
  const classifier *of = context;
  make_terms(of, i, x);
  for (int64_t j = 0; j < of->terms; j++) x[j] = scaled(of->of_terms[j], x[j]);
}

/* From sums to means: after the first walk over the rows. */
static void take_means(int64_t width, int64_t count, scale *scales) {
  for (int64_t j = 0; j < width; j++) {
    scales[j].mean /= (double)count;
    scales[j].inverse = 0;
  }
}

/* From sums of squares to 1 / deviation: after the second. What varies by rounding only is constant. */
static void take_deviations(int64_t width, int64_t count, scale *scales) {
  for (int64_t j = 0; j < width; j++) {
    const double deviation = sqrt(scales[j].inverse / (double)count);
    scales[j].inverse = deviation > 1e-12 * fabs(scales[j].mean) ? 1 / deviation : 0;
  }
}

static void measure_columns(classifier *of) {
  scale *scales = of->of_columns;
  for (int64_t i = 0; i < count_of(of); i++)
    for (int64_t j = 0; j < of->columns; j++) scales[j].mean += (double)sample_of(of, i)[j];
  take_means(of->columns, count_of(of), scales);
  for (int64_t i = 0; i < count_of(of); i++)
    for (int64_t j = 0; j < of->columns; j++) {
      const double away = (double)sample_of(of, i)[j] - scales[j].mean;
      scales[j].inverse += away * away;
    }
  take_deviations(of->columns, count_of(of), scales);
}

/* x (terms): room. */
static void measure_terms(classifier *of, double *x) {
  scale *scales = of->of_terms;
  for (int64_t i = 0; i < count_of(of); i++) {
    make_terms(of, i, x);
    for (int64_t j = 0; j < of->terms; j++) scales[j].mean += x[j];
  }
  take_means(of->terms, count_of(of), scales);
  for (int64_t i = 0; i < count_of(of); i++) {
    make_terms(of, i, x);
    for (int64_t j = 0; j < of->terms; j++) scales[j].inverse += (x[j] - scales[j].mean) * (x[j] - scales[j].mean);
  }
  take_deviations(of->terms, count_of(of), scales);
}

/* --- A fold --- */

typedef struct fold_space {
  double *weights, *row;                 /* (terms + 1) */
  double *positive, *negative, *scratch; /* (samples) */
} fold_space;

static gan_status allocate_all(classifier *of, fold_space *space) {
  const size_t terms = (size_t)of->terms, samples = (size_t)count_of(of);
  GAN_TRY(gan_allocate((size_t)of->columns, sizeof(scale), "a two-sample classifier", &of->of_columns));
  GAN_TRY(gan_allocate(terms, sizeof(scale), "a two-sample classifier", &of->of_terms));
  GAN_TRY(gan_allocate(terms + 1, sizeof(double), "a two-sample classifier", &space->weights));
  GAN_TRY(gan_allocate(terms + 1, sizeof(double), "a two-sample classifier", &space->row));
  GAN_TRY(gan_allocate(samples, sizeof(double), "a two-sample classifier", &space->positive));
  GAN_TRY(gan_allocate(samples, sizeof(double), "a two-sample classifier", &space->negative));
  return gan_allocate(samples, sizeof(double), "a two-sample classifier", &space->scratch);
}

static void release_all(classifier *of, fold_space *space) {
  free(of->of_columns);
  free(of->of_terms);
  free(space->weights);
  free(space->row);
  free(space->positive);
  free(space->negative);
  free(space->scratch);
}

static gan_status judge_fold(const classifier *of, int fold, fold_space *space, double *area) {
  const gan_logistic_data data = {.count = count_of(of),
                                  .features = of->terms,
                                  .row = make_row,
                                  .positive = is_fake,
                                  .folds = FOLDS,
                                  .fold = fold,
                                  .context = of};
  int64_t n = 0, m = 0;
  GAN_TRY(gan_logistic_fit(&data, space->weights));
  for (int64_t i = fold; i < count_of(of); i += FOLDS) {
    make_row(of, i, space->row);
    const double score = gan_logistic_score(of->terms, space->weights, space->row);
    if (is_fake(of, i))
      space->positive[n++] = score;
    else
      space->negative[m++] = score;
  }
  gan_sort_doubles((size_t)n, space->positive, space->scratch);
  gan_sort_doubles((size_t)m, space->negative, space->scratch);
  *area = gan_area_under_curve(n, space->positive, m, space->negative);
  return GAN_OK;
}

/* --- The metric --- */

static gan_status judge_folds(classifier *of, gan_row_range mine, double *areas) {
  fold_space space = {0};
  gan_status status = allocate_all(of, &space);
  if (status == GAN_OK && mine.first < mine.end) {
    measure_columns(of);
    measure_terms(of, space.row);
  }
  for (int64_t fold = mine.first; status == GAN_OK && fold < mine.end; fold++)
    status = judge_fold(of, (int)fold, &space, &areas[fold]);
  release_all(of, &space);
  return status;
}

static gan_status compute(const gan_comparison *comparison, double *values) {
  classifier of = plan(comparison);
  gan_rows *rows = NULL;
  GAN_TRY(gan_check_samples(comparison));
  GAN_TRY(gan_rows_create(comparison->world, FOLDS, sizeof(double), 1, "areas under curves", &rows));
  double *areas = gan_rows_memory(rows), sum = 0;
  const gan_status status = gan_world_agree(comparison->world, judge_folds(&of, gan_rows_mine(rows), areas));
  if (status == GAN_OK) {
    gan_rows_complete(rows);
    for (int fold = 0; fold < FOLDS; fold++) sum += areas[fold];
    values[0] = sum / FOLDS;
  }
  gan_rows_destroy(rows);
  return status;
}

static const char *unable(const gan_comparison *comparison) {
  const gan_shape *shape = &comparison->real->shape;
  if (shape->rank != 1) return "needs vectors, whose elements are columns of a table";
  if (shape->size[0] > COLUMNS_MOST) return "needs 256 columns at most";
  if (comparison->real->count < SAMPLES_LEAST || comparison->fake->count < SAMPLES_LEAST)
    return "needs 20 samples of each set at least";
  return NULL;
}

const gan_metric gan_metric_auc = {
    .name = "auc",
    .help = "how well a classifier that has seen other samples and data tells the two apart",
    .source =
        "Lopez-Paz and Oquab 2017, arXiv 1610.06545; scikit-learn's LogisticRegression and roc_auc_score, 5 folds",
    .values = {{"auc", "area under the two-sample classifier's curve: 0.5 cannot be told apart, 1 always", -1}},
    .unable = unable,
    .compute = compute};
