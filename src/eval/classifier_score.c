/* The classifier score (inception score, with the classifier's own classes): exp of the mean, over samples x, of
   KL(p(y|x) || p(y)). The mean of KL is that of sum_y p(y|x) log p(y|x), less sum_y p(y) log p(y), so one walk over the
   samples does; p by a softmax that cannot overflow, in float64. Over all samples at once, not the mean over splits. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "eval/metric_rows.h"
#include "eval/units.h"

enum { BLOCK = 1024 };

/* Adds p(y|x), of logits (classes), to sums (classes), and sum_y p log p to sums[classes]. p is scratch. */
static void add_sample(int classes, const float *logits, double *p, double *sums) {
  double largest = logits[0], total = 0, expected = 0;
  for (int y = 1; y < classes; y++) largest = fmax(largest, logits[y]);
  for (int y = 0; y < classes; y++) total += p[y] = exp((double)logits[y] - largest);
  for (int y = 0; y < classes; y++) {
    p[y] /= total;
    sums[y] += p[y];
    expected += p[y] * ((double)logits[y] - largest);
  }
  sums[classes] += expected - log(total);
}

/* sums (blocks, classes + 1). */
static gan_status add_blocks(void *context, gan_row_range mine, double *sums) {
  const gan_sample_set *of = context;
  double *p = NULL;
  GAN_TRY(gan_allocate((size_t)of->classes, sizeof *p, "probabilities of classes", &p));
  for (int64_t block = mine.first; block < mine.end; block++, sums += of->classes + 1) {
    const int64_t end = (block + 1) * BLOCK < of->count ? (block + 1) * BLOCK : of->count;
    for (int64_t i = block * BLOCK; i < end; i++) add_sample(of->classes, of->logits + i * of->classes, p, sums);
  }
  free(p);
  return GAN_OK;
}

/* Of column `column` of sums (blocks, width). */
static double mean_of(const gan_sample_set *of, const double *sums, int64_t blocks, int column) {
  double total = 0;
  for (int64_t block = 0; block < blocks; block++) total += sums[block * (of->classes + 1) + column];
  return total / (double)of->count;
}

static const char *unable(const gan_comparison *comparison) {
  return comparison->fake->logits ? NULL : "needs a feature network that classifies";
}

static gan_status compute(const gan_comparison *comparison, double *values) {
  gan_sample_set of = *comparison->fake;
  const int64_t blocks = (of.count + BLOCK - 1) / BLOCK;
  gan_rows *rows = NULL;
  GAN_TRY(gan_check_finite(comparison->world, "the samples to judge", "logits", of.count, of.classes, of.logits));
  GAN_TRY(
      gan_units_compute(comparison->world, blocks, of.classes + 1, "probabilities of classes", add_blocks, &of, &rows));
  const double *sums = gan_rows_memory(rows);
  double divergence = mean_of(&of, sums, blocks, of.classes);
  for (int y = 0; y < of.classes; y++) {
    const double p = mean_of(&of, sums, blocks, y);
    if (p > 0) divergence -= p * log(p);
  }
  gan_rows_destroy(rows);
  values[0] = exp(divergence);
  return GAN_OK;
}

const gan_metric gan_metric_classifier_score = {
    .name = "is",
    .help = "classifier score: how sure the classifier is of each sample, and how evenly samples fill the classes",
    .source = "Salimans et al. 2016, arXiv 1606.03498, section 4; TF-GAN's classifier_score_from_logits",
    .values = {{"is", "classifier score, from 1 to the number of classes", 1}},
    .unable = unable,
    .compute = compute};
