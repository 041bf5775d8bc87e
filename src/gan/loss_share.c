/* From terms to a shard's share of a loss, and its gradient.

   A term's mean is sum w t / n: n counts samples of the global batch whose weight w is not 0, so a weight that all have
   multiplies the loss. Means that enter a term, E r in t(f - E r), are averages, sum w r / sum w: a weight that all
   have does not move them. A pair's weight is the product of its samples'.

   Where terms look at d = r - F, F = sum v f / sum v, each generated score enters all of the real samples' terms:

        d loss / d f_j = v_j / n_f t'(f_j - R) - v_j / sum v * 1 / n_r sum_i w_i t'(r_i - F)

   and likewise d loss / d r_i. The last sum is the second round's. */
#include "gan/loss.h"

#include <string.h>

static double weight_of(const float *weights, int64_t i) { return weights ? (double)weights[i] : 1.0; }

/* a / b; of nothing, 0. */
static double mean(double sum, double count) { return count > 0.0 ? sum / count : 0.0; }

static const gan_loss_formula *formula_of(const gan_loss *loss, gan_loss_side side) {
  return side == GAN_LOSS_CRITIC ? &loss->critic : &loss->generator;
}

int gan_loss_rounds(const gan_loss *loss, bool weighted) {
  if (loss->pairing == GAN_PAIRING_MEANS) return 2;
  return weighted ? 1 : 0;
}

void gan_loss_begin(int64_t batch, double *totals) {
  memset(totals, 0, GAN_LOSS_STATISTICS * sizeof *totals);
  for (int i = GAN_LOSS_REAL_COUNT; i <= GAN_LOSS_FAKE_WEIGHT; i++) totals[i] = (double)batch;
}

/* --- Statistics --- */

/* The first round. Generated samples alone count where there are no real ones. */
static void count_samples(const gan_scores *scores, double *sums) {
  for (int64_t i = 0; i < scores->count; i++) {
    const double real = weight_of(scores->real_weights, i), fake = weight_of(scores->fake_weights, i);
    sums[GAN_LOSS_REAL_COUNT] += real != 0.0;
    sums[GAN_LOSS_FAKE_COUNT] += fake != 0.0;
    sums[GAN_LOSS_PAIR_COUNT] += real != 0.0 && fake != 0.0;
    sums[GAN_LOSS_REAL_WEIGHT] += real;
    sums[GAN_LOSS_FAKE_WEIGHT] += fake;
    if (scores->real && real != 0.0) sums[GAN_LOSS_REAL_SCORE] += real * (double)scores->real[i];
    if (fake != 0.0) sums[GAN_LOSS_FAKE_SCORE] += fake * (double)scores->fake[i];
  }
}

/* One class's scores and what is done with them. */
typedef struct class_scores {
  gan_loss_term term, flipped; /* flipped: that of samples which count as of the other class */
  const float *values, *weights;
  const bool *flips; /* NULL: none */
  double centre;     /* what is taken from each score first */
  double divisor;    /* samples that have a weight, of the global batch */
  double pull;       /* what a score's weight adds to its gradient through the mean of its class */
  float *gradient;   /* NULL: not wanted */
} class_scores;

static gan_term_value term_at(const class_scores *class, const gan_loss_options *options, int64_t i) {
  const gan_loss_term term = class->flips && class->flips[i] ? class->flipped : class->term;
  return term((double)class->values[i] - class->centre, options);
}

static double sum_slopes(const class_scores *class, const gan_loss_options *options, int64_t count) {
  double sum = 0.0;
  for (int64_t i = 0; i < count; i++) {
    const double weight = weight_of(class->weights, i);
    if (weight != 0.0) sum += weight * term_at(class, options, i).slope;
  }
  return sum;
}

static double mean_real_score(const double *totals) {
  return mean(totals[GAN_LOSS_REAL_SCORE], totals[GAN_LOSS_REAL_WEIGHT]);
}
static double mean_fake_score(const double *totals) {
  return mean(totals[GAN_LOSS_FAKE_SCORE], totals[GAN_LOSS_FAKE_WEIGHT]);
}

static class_scores real_class(const gan_loss *loss, gan_loss_side side, const gan_scores *scores,
                               const double *totals) {
  const gan_loss_formula *formula = formula_of(loss, side);
  const bool means = loss->pairing == GAN_PAIRING_MEANS;
  return (class_scores){
      .term = formula->real,
      .flipped = formula->fake,
      .values = scores->real,
      .weights = scores->real_weights,
      .flips = side == GAN_LOSS_CRITIC ? scores->real_flips : NULL,
      .centre = means ? mean_fake_score(totals) : 0.0,
      .divisor = totals[GAN_LOSS_REAL_COUNT],
      .pull = means ? mean(mean(totals[GAN_LOSS_FAKE_SLOPE], totals[GAN_LOSS_FAKE_COUNT]), totals[GAN_LOSS_REAL_WEIGHT])
                    : 0.0,
      .gradient = scores->real ? scores->real_gradient : NULL};
}

static class_scores fake_class(const gan_loss *loss, gan_loss_side side, const gan_scores *scores,
                               const double *totals) {
  const gan_loss_formula *formula = formula_of(loss, side);
  const bool means = loss->pairing == GAN_PAIRING_MEANS;
  return (class_scores){
      .term = formula->fake,
      .flipped = formula->real,
      .values = scores->fake,
      .weights = scores->fake_weights,
      .flips = side == GAN_LOSS_CRITIC ? scores->fake_flips : NULL,
      .centre = means ? mean_real_score(totals) : 0.0,
      .divisor = totals[GAN_LOSS_FAKE_COUNT],
      .pull = means ? mean(mean(totals[GAN_LOSS_REAL_SLOPE], totals[GAN_LOSS_REAL_COUNT]), totals[GAN_LOSS_FAKE_WEIGHT])
                    : 0.0,
      .gradient = scores->fake_gradient};
}

void gan_loss_statistics(const gan_loss *loss, const gan_loss_options *options, gan_loss_side side,
                         const gan_scores *scores, int round, const double *totals, double *sums) {
  memset(sums, 0, (size_t)gan_loss_round_size(round) * sizeof *sums);
  if (round == 0) {
    count_samples(scores, sums);
    return;
  }
  const class_scores real = real_class(loss, side, scores, totals), fake = fake_class(loss, side, scores, totals);
  sums[GAN_LOSS_REAL_SLOPE - GAN_LOSS_FIRST_ROUND] = sum_slopes(&real, options, scores->count);
  sums[GAN_LOSS_FAKE_SLOPE - GAN_LOSS_FIRST_ROUND] = sum_slopes(&fake, options, scores->count);
}

/* --- Shares --- */

/* A class's share of the loss; a class without a term has none, and a gradient of 0. */
static double share_of(const class_scores *class, const gan_loss_options *options, int64_t count) {
  double sum = 0.0;
  for (int64_t i = 0; i < count; i++) {
    const double weight = weight_of(class->weights, i);
    double slope = 0.0;
    if (class->term && weight != 0.0) {
      const gan_term_value at = term_at(class, options, i);
      sum += weight * at.value;
      slope = weight * at.slope / class->divisor;
      if (class->pull != 0.0) slope -= weight * class->pull;
    }
    if (class->gradient) class->gradient[i] = (float)slope;
  }
  return mean(sum, class->divisor);
}

static double share_of_pairs(gan_loss_term term, const gan_loss_options *options, const gan_scores *scores,
                             double divisor) {
  double sum = 0.0;
  for (int64_t i = 0; i < scores->count; i++) {
    const double weight = weight_of(scores->real_weights, i) * weight_of(scores->fake_weights, i);
    double slope = 0.0;
    if (weight != 0.0) {
      const gan_term_value at = term((double)scores->real[i] - (double)scores->fake[i], options);
      sum += weight * at.value;
      slope = weight * at.slope / divisor;
    }
    if (scores->real_gradient) scores->real_gradient[i] = (float)slope;
    if (scores->fake_gradient) scores->fake_gradient[i] = (float)-slope;
  }
  return mean(sum, divisor);
}

/* Where terms look at means of the other class, and a class has none: there is nothing to compare with. */
static bool has_references(const gan_loss *loss, const double *totals) {
  if (loss->pairing != GAN_PAIRING_MEANS) return true;
  return totals[GAN_LOSS_REAL_WEIGHT] > 0.0 && totals[GAN_LOSS_FAKE_WEIGHT] > 0.0;
}

static double share_of_nothing(const gan_scores *scores) {
  const size_t bytes = (size_t)scores->count * sizeof *scores->fake_gradient;
  if (scores->real && scores->real_gradient) memset(scores->real_gradient, 0, bytes);
  if (scores->fake_gradient) memset(scores->fake_gradient, 0, bytes);
  return 0.0;
}

double gan_loss_share(const gan_loss *loss, const gan_loss_options *options, gan_loss_side side,
                      const gan_scores *scores, const double *totals) {
  if (loss->pairing == GAN_PAIRING_PAIRS)
    return share_of_pairs(formula_of(loss, side)->real, options, scores, totals[GAN_LOSS_PAIR_COUNT]);
  if (!has_references(loss, totals)) return share_of_nothing(scores);
  const class_scores real = real_class(loss, side, scores, totals), fake = fake_class(loss, side, scores, totals);
  const double of_fake = share_of(&fake, options, scores->count);
  return scores->real ? of_fake + share_of(&real, options, scores->count) : of_fake;
}

bool gan_loss_curve(const gan_loss *loss, const gan_loss_options *options, gan_loss_side side, bool real, double x,
                    gan_term_value *at) {
  const gan_loss_formula *formula = formula_of(loss, side);
  const bool turned = loss->pairing == GAN_PAIRING_PAIRS && !real; /* the term is one of r - f */
  const gan_loss_term term = real || turned ? formula->real : formula->fake;
  if (!term) return false;
  *at = term(turned ? -x : x, options);
  if (turned) at->slope = -at->slope;
  return true;
}
