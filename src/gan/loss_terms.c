#include "gan/loss_terms.h"

#include <math.h>

double gan_softplus(double x) { return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

double gan_sigmoid(double x) {
  if (x >= 0.0) return 1.0 / (1.0 + exp(-x));
  const double e = exp(x);
  return e / (1.0 + e);
}

gan_term_value gan_term_plus(double x, const gan_loss_options *options) {
  (void)options;
  return (gan_term_value){.value = x, .slope = 1.0};
}

gan_term_value gan_term_minus(double x, const gan_loss_options *options) {
  (void)options;
  return (gan_term_value){.value = -x, .slope = -1.0};
}

gan_term_value gan_term_softplus(double x, const gan_loss_options *options) {
  (void)options;
  return (gan_term_value){.value = gan_softplus(x), .slope = gan_sigmoid(x)};
}

gan_term_value gan_term_softplus_of_minus(double x, const gan_loss_options *options) {
  (void)options;
  return (gan_term_value){.value = gan_softplus(-x), .slope = -gan_sigmoid(-x)};
}

gan_term_value gan_term_minus_softplus(double x, const gan_loss_options *options) {
  (void)options;
  return (gan_term_value){.value = -gan_softplus(x), .slope = -gan_sigmoid(x)};
}

/* ce(x, 1 - s/2) = sp(x) - (1 - s/2) x = sp(-x) + s/2 x, the form that does not cancel. */
gan_term_value gan_term_smoothed(double x, const gan_loss_options *options) {
  const double half = options->label_smoothing / 2.0;
  return (gan_term_value){.value = gan_softplus(-x) + half * x, .slope = half - gan_sigmoid(-x)};
}

static gan_term_value square_to(double x, double label) {
  const double difference = x - label;
  return (gan_term_value){.value = 0.5 * difference * difference, .slope = difference};
}

gan_term_value gan_term_square_to_real(double x, const gan_loss_options *options) {
  return square_to(x, options->real_label);
}

gan_term_value gan_term_square_to_fake(double x, const gan_loss_options *options) {
  return square_to(x, options->fake_label);
}

/* max(0, x) with a slope of `sign`; a NaN stays one. */
static gan_term_value hinge(double x, double sign) {
  return x <= 0.0 ? (gan_term_value){0.0, 0.0} : (gan_term_value){.value = x, .slope = sign};
}

gan_term_value gan_term_above_real_margin(double x, const gan_loss_options *options) {
  return hinge(options->real_margin - x, -1.0);
}

gan_term_value gan_term_below_fake_margin(double x, const gan_loss_options *options) {
  return hinge(options->fake_margin + x, 1.0);
}

gan_term_value gan_term_above_fake_margin(double x, const gan_loss_options *options) {
  return hinge(options->fake_margin - x, -1.0);
}

gan_term_value gan_term_below_real_margin(double x, const gan_loss_options *options) {
  return hinge(options->real_margin + x, 1.0);
}
