/* Fréchet distances. What takes thought is the trace of the square root of C C', which is no symmetric matrix.

   With any F F' = C and G G' = C' (here ' on F and G transposes) the eigenvalues of C C' are those of (F'G)(F'G)', so
   their square roots are the singular values of F'G, and what is sought is their sum. That needs no root of an
   eigenvalue, and that is the point: an eigenvalue is known up to rounding of the largest, e, and the root of one that
   should be 0 may then be sqrt(e), 1e-8 of the largest, for each of perhaps a thousand dimensions that fewer samples
   than features, duplicates, or features that depend on each other leave without variance. Such noise is what an offset
   or a threshold on eigenvalues is for elsewhere. Singular values are off by e themselves.

   F is Cholesky's factor with pivoting, of the matrix of correlations: then what it ends at, a diagonal that has been
   eliminated down to rounding, is judged for each feature in units of its own variance, and a small feature beside a
   large one counts. F has as many columns as there are dimensions, so 1,000 samples of 2,048 features cost what 1,000
   features do.

   Of many features eigenvalues take a quarter of the time. They are taken where the worst that the above can do to them
   is far below what the distance is held to, which their own values tell: a root that is not near 0 is hardly off. */
#include "eval/frechet.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/metric_rows.h"
#include "eval/moments.h"
#include "eval/units.h"
#include "gan_dist/world.h"
#include "kernels/lapack.h"

enum { MOST_FEATURES = 8192, MANY_FEATURES = 384 };
/* What roots of eigenvalues may add to a distance at the worst, relative to it. */
static const double ROOTS_MOST = 1e-7;

/* What rounding leaves of a correlation that should be eliminated: units in the last place of 1, some from the sums
   over samples, and one for each column that is taken off (Higham 2002, theorem 10.14, where the bound has n^2 and the
   practice n). */
static double tolerance(int64_t n) { return (double)(n + 64) * DBL_EPSILON; }

static double deviation(const double *covariance, int64_t n, int64_t i) { return sqrt(covariance[i * n + i]); }

/* correlation (n, n), by deviations (n): of features without variance, 0 even with themselves. */
static void correlate(int64_t n, const double *covariance, const double *deviations, double *correlation) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      const double both = deviations[i] * deviations[j];
      correlation[i * n + j] = both > 0 ? covariance[i * n + j] / both : 0;
    }
}

/* root (n, *rank): root root' = covariance. scratch (n, n). */
static gan_status find_root(int64_t n, const double *covariance, double *scratch, double *root, int64_t *rank) {
  double *deviations = NULL;
  GAN_TRY(gan_allocate((size_t)n, sizeof *deviations, "deviations of features", &deviations));
  for (int64_t i = 0; i < n; i++) deviations[i] = deviation(covariance, n, i);
  correlate(n, covariance, deviations, scratch);
  const gan_status status = gan_semidefinite_root(n, scratch, tolerance(n), root, rank);
  for (int64_t i = 0; status == GAN_OK && i < n; i++)
    for (int64_t j = 0; j < *rank; j++) root[i * *rank + j] *= deviations[i];
  free(deviations);
  return status;
}

/* What is sought, and how far it may be off by more than rounding. */
typedef struct root_sum {
  double sum, error;
} root_sum;

/* Sum of the singular values of product (rows, columns), by the eigenvalues of its square; square: room for
   columns * columns. */
static gan_status sum_by_eigenvalues(int64_t rows, int64_t columns, const double *product, double *square,
                                     double *values, root_sum *found) {
  const int64_t least = rows < columns ? rows : columns;
  memset(square, 0, (size_t)(columns * columns) * sizeof *square);
  gan_double_gram(columns, rows, product, columns, square, columns);
  GAN_TRY(gan_symmetric_eigenvalues(columns, square, values));
  const double off = DBL_EPSILON * values[columns - 1];
  *found = (root_sum){0};
  for (int64_t i = columns - least; i < columns; i++) {
    const double root = sqrt(fmax(values[i], 0));
    found->sum += root;
    found->error += root > 0 ? off / (2 * root) : INFINITY;
  }
  return GAN_OK;
}

/* The same, as far as can be; product is used up. */
static gan_status sum_by_singular_values(int64_t rows, int64_t columns, double *product, double *values, double *sum) {
  GAN_TRY(gan_singular_values(rows, columns, product, values));
  *sum = 0;
  for (int64_t i = (rows < columns ? rows : columns) - 1; i >= 0; i--) *sum += values[i];
  return GAN_OK;
}

/* Sum of the singular values of F'G, of roots F (n, rank) and G (n, other_rank), of which the former is used up;
   product: room for n * n. `distance` is what the distance is beside twice the sum. */
static gan_status sum_of_product(int64_t n, double *root, int64_t rank, const double *other, int64_t other_rank,
                                 double distance, double *product, double *sum) {
  root_sum found = {.error = INFINITY};
  double *values = NULL;
  *sum = 0;
  if (rank == 0 || other_rank == 0) return GAN_OK;
  GAN_TRY(gan_allocate((size_t)n, sizeof *values, "singular values", &values));
  gan_double_gemm(true, false, rank, other_rank, n, root, rank, other, other_rank, 0, product, other_rank);
  gan_status status = GAN_OK;
  if (n >= MANY_FEATURES) status = sum_by_eigenvalues(rank, other_rank, product, root, values, &found);
  *sum = found.sum;
  if (status == GAN_OK && !(2 * found.error <= ROOTS_MOST * (distance - 2 * found.sum)))
    status = sum_by_singular_values(rank, other_rank, product, values, sum);
  free(values);
  return status;
}

/* trace((C C')^(1/2)). `distance` is what the distance is beside twice that. */
static gan_status trace_of_root(int64_t n, const double *covariance, const double *other, double distance,
                                double *trace) {
  const size_t size = (size_t)n * (size_t)n;
  double *scratch = NULL, *root = NULL, *other_root = NULL;
  int64_t rank = 0, other_rank = 0;
  gan_status status = gan_allocate(size, sizeof *scratch, "roots of covariances", &scratch);
  if (status == GAN_OK) status = gan_allocate(size, sizeof *root, "roots of covariances", &root);
  if (status == GAN_OK) status = gan_allocate(size, sizeof *other_root, "roots of covariances", &other_root);
  if (status == GAN_OK) status = find_root(n, covariance, scratch, root, &rank);
  if (status == GAN_OK) status = find_root(n, other, scratch, other_root, &other_rank);
  if (status == GAN_OK) status = sum_of_product(n, root, rank, other_root, other_rank, distance, scratch, trace);
  free(scratch);
  free(root);
  free(other_root);
  return status;
}

static double squared_difference(int64_t n, const double *a, const double *b) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

gan_status gan_frechet_distance(int64_t n, const double *mean, const double *covariance, const double *other_mean,
                                const double *other_covariance, double *distance) {
  const double means = squared_difference(n, mean, other_mean);
  double traces = 0, root = 0;
  for (int64_t i = 0; i < n; i++) traces += covariance[i * (n + 1)] + other_covariance[i * (n + 1)];
  GAN_TRY(trace_of_root(n, covariance, other_covariance, means + traces, &root));
  /* The trace is not negative but for rounding. */
  *distance = means + fmax(traces - 2 * root, 0);
  return GAN_OK;
}

/* As TF-GAN has it, of variances that divide by the number of samples. */
static double diagonal_distance(const gan_moments *a, const double *covariance, const gan_moments *b,
                                const double *other) {
  const int64_t n = a->dimension;
  const double share = sqrt((double)(a->count - 1) / (double)a->count);
  const double other_share = sqrt((double)(b->count - 1) / (double)b->count);
  double sum = squared_difference(n, a->mean, b->mean);
  for (int64_t i = 0; i < n; i++) {
    const double difference = share * deviation(covariance, n, i) - other_share * deviation(other, n, i);
    sum += difference * difference;
  }
  return sum;
}

/* values (3) of the row below. By one rank: what all would have to compute alike takes longer when all do. */
static gan_status measure(const gan_moments *real, const gan_moments *fake, double *values) {
  const int64_t n = real->dimension;
  double *covariances = NULL;
  GAN_TRY(gan_allocate(2 * (size_t)n, (size_t)n * sizeof *covariances, "covariances of features", &covariances));
  double *of_real = covariances, *of_fake = covariances + n * n;
  gan_moments_covariance(real, of_real);
  gan_moments_covariance(fake, of_fake);
  const gan_status status = gan_frechet_distance(n, real->mean, of_real, fake->mean, of_fake, &values[0]);
  values[1] = squared_difference(n, real->mean, fake->mean);
  values[2] = diagonal_distance(real, of_real, fake, of_fake);
  free(covariances);
  return status;
}

static const char *unable(const gan_comparison *comparison) {
  const gan_sample_set *real = comparison->real, *fake = comparison->fake;
  if (!real->features || !fake->features) return "needs features";
  if (real->count < 2 || fake->count < 2) return "needs at least two samples of each set";
  return real->feature_count <= MOST_FEATURES ? NULL
                                              : "takes at most 8,192 features: needs a feature network with fewer";
}

static gan_status find_moments(const gan_comparison *comparison, gan_moments **real, gan_moments **fake) {
  const gan_sample_set *a = comparison->real, *b = comparison->fake;
  gan_world *world = comparison->world;
  GAN_TRY(gan_check_finite(world, "the reference", "features", a->count, a->feature_count, a->features));
  GAN_TRY(gan_check_finite(world, "the samples to judge", "features", b->count, b->feature_count, b->features));
  GAN_TRY(gan_moments_create(world, a->count, a->feature_count, a->features, real));
  return gan_moments_create(world, b->count, b->feature_count, b->features, fake);
}

static gan_status compute(const gan_comparison *comparison, double *values) {
  gan_world *world = comparison->world;
  gan_moments *real = NULL, *fake = NULL;
  gan_status status = find_moments(comparison, &real, &fake);
  if (status == GAN_OK) {
    if (gan_world_rank(world) == 0) status = measure(real, fake, values);
    status = gan_world_agree(world, status);
  }
  if (status == GAN_OK) gan_world_broadcast(world, values, 3 * sizeof *values);
  gan_moments_destroy(real);
  gan_moments_destroy(fake);
  return status;
}

const gan_metric gan_metric_frechet = {
    .name = "fcd",
    .help = "Fréchet distance of features, and what means and variances alone make of it",
    .source = "Heusel et al. 2017, arXiv 1706.08500, equation 6; definitions of TF-GAN's classifier_metrics",
    .values = {{"fcd", "Fréchet distance of features", -1},
               {"fcd_mean_only", "squared distance of the features' means", -1},
               {"fcd_diagonal_only", "Fréchet distance as if features did not correlate", -1}},
    .unable = unable,
    .compute = compute};
