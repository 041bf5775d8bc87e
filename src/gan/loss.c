/* The losses. Those here are sums of means of one function of one score: each is written as that function and its slope
   (a term), and mean_of does the rest. A loss that couples scores (relativistic ones) fits the same table with
   functions of its own. Scores are float32, all arithmetic is in double: a shard has few scores and they decide
   everything. */
#include "gan/loss.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

double gan_softplus(double x) { return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

double gan_sigmoid(double x) {
  if (x >= 0.0) return 1.0 / (1.0 + exp(-x));
  const double e = exp(x);
  return e / (1.0 + e);
}

/* One sample's part of a loss before averaging, and its derivative. `parameter` is the term's own. */
typedef struct term_value {
  double value, slope;
} term_value;
typedef term_value (*term_function)(double score, double parameter);

/* parameter * x. */
static term_value linear_term(double score, double parameter) {
  return (term_value){.value = parameter * score, .slope = parameter};
}

/* ce(x, 1 - s/2) = sp(x) - (1 - s/2) x = sp(-x) + s/2 x, the form that does not cancel; parameter is s. */
static term_value real_class_term(double score, double parameter) {
  const double half = parameter / 2.0;
  return (term_value){.value = gan_softplus(-score) + half * score, .slope = half - gan_sigmoid(-score)};
}

/* parameter * sp(x). */
static term_value softplus_term(double score, double parameter) {
  return (term_value){.value = parameter * gan_softplus(score), .slope = parameter * gan_sigmoid(score)};
}

/* This shard's share of the weighted mean of a term over the global batch; gradient (count) may be NULL. */
static double mean_of(term_function term, double parameter, const gan_scores *scores, const float *values,
                      const float *weights, float *gradient) {
  const double batch = (double)scores->batch;
  double sum = 0.0;
  for (int64_t i = 0; i < scores->count; i++) {
    const double weight = weights == NULL ? 1.0 : (double)weights[i];
    const term_value at = term((double)values[i], parameter);
    sum += weight * at.value;
    if (gradient != NULL) gradient[i] = (float)(weight * at.slope / batch);
  }
  return sum / batch;
}

static double mean_real(term_function term, double parameter, const gan_scores *scores) {
  return mean_of(term, parameter, scores, scores->real, scores->real_weights, scores->real_gradient);
}

static double mean_fake(term_function term, double parameter, const gan_scores *scores) {
  return mean_of(term, parameter, scores, scores->fake, scores->fake_weights, scores->fake_gradient);
}

/* For the generator of a loss that real scores do not enter. */
static void clear_real_gradient(const gan_scores *scores) {
  if (scores->real == NULL || scores->real_gradient == NULL) return;
  for (int64_t i = 0; i < scores->count; i++) scores->real_gradient[i] = 0.0f;
}

/* E f - E r. */
static double wasserstein_critic(const gan_loss_options *options, const gan_scores *scores) {
  (void)options;
  return mean_fake(linear_term, 1.0, scores) + mean_real(linear_term, -1.0, scores);
}

/* -E f. */
static double wasserstein_generator(const gan_loss_options *options, const gan_scores *scores) {
  (void)options;
  clear_real_gradient(scores);
  return mean_fake(linear_term, -1.0, scores);
}

/* E ce(r, 1 - s/2) + E sp(f), the cross-entropy of a classifier of real against generated. */
static double minimax_critic(const gan_loss_options *options, const gan_scores *scores) {
  return mean_real(real_class_term, options->label_smoothing, scores) + mean_fake(softplus_term, 1.0, scores);
}

/* -E sp(f) = E log(1 - s(f)). */
static double minimax_generator(const gan_loss_options *options, const gan_scores *scores) {
  (void)options;
  clear_real_gradient(scores);
  return mean_fake(softplus_term, -1.0, scores);
}

/* E sp(-f) = E ce(f, 1): no smoothing for the generator. */
static double modified_minimax_generator(const gan_loss_options *options, const gan_scores *scores) {
  (void)options;
  clear_real_gradient(scores);
  return mean_fake(real_class_term, 0.0, scores);
}

const gan_loss gan_losses[] = {
    {.name = "wasserstein",
     .help = "critic E f - E r, generator -E f; needs a Lipschitz critic",
     .source = "arXiv 1701.07875, eq. 3 and algorithm 1",
     .wants_lipschitz = true,
     .critic = wasserstein_critic,
     .generator = wasserstein_generator},
    {.name = "minimax",
     .help = "the original GAN: the critic classifies, the generator lowers its success E log(1 - s(f))",
     .source = "arXiv 1406.2661, eq. 1; label smoothing: 1606.03498, section 3.4",
     .uses_smoothing = true,
     .critic = minimax_critic,
     .generator = minimax_generator},
    {.name = "modified_minimax",
     .help = "as minimax, but the generator raises E log s(f), which does not saturate",
     .source = "arXiv 1406.2661, section 3; label smoothing: 1606.03498, section 3.4",
     .uses_smoothing = true,
     .critic = minimax_critic,
     .generator = modified_minimax_generator},
};
const int gan_loss_count = sizeof gan_losses / sizeof gan_losses[0];

const gan_loss *gan_loss_find(const char *name) {
  for (int i = 0; i < gan_loss_count; i++) {
    if (strcmp(gan_losses[i].name, name) == 0) return &gan_losses[i];
  }
  return NULL;
}
