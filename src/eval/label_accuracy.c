/* Whether a generator that is told a class makes samples of it: the share of samples that a classifier takes for what
   they were made for. What the classifier itself gets right of real samples, the floor, is as much as can be asked. */
#include "eval/metric_rows.h"
#include "eval/units.h"

static const char *unable(const gan_comparison *comparison) {
  const gan_sample_set *fake = comparison->fake;
  if (!fake->logits || fake->classes < 2) return "needs a feature network that classifies";
  if (!fake->labels) return "needs samples with labels";
  return fake->count > 0 ? NULL : "needs at least one sample";
}

/* The first of the largest. */
static int32_t largest(int count, const float *values) {
  int32_t best = 0;
  for (int32_t i = 1; i < count; i++)
    if (values[i] > values[best]) best = i;
  return best;
}

static gan_status compute(const gan_comparison *comparison, double *values) {
  const gan_sample_set *fake = comparison->fake;
  int64_t right = 0;
  GAN_TRY(
      gan_check_finite(comparison->world, "the samples to judge", "logits", fake->count, fake->classes, fake->logits));
  for (int64_t i = 0; i < fake->count; i++)
    right += largest(fake->classes, fake->logits + i * fake->classes) == fake->labels[i];
  values[0] = (double)right / (double)fake->count;
  return GAN_OK;
}

const gan_metric gan_metric_label_accuracy = {
    .name = "label_accuracy",
    .help = "share of samples that the classifier takes for the class they were made for",
    .source = "Ravuri and Vinyals 2019, arXiv 1905.10887, turned round: a classifier of real data judges samples",
    .values = {{"label_accuracy", "share of samples of the class they were made for, as the classifier sees it", 1}},
    .unable = unable,
    .compute = compute};
