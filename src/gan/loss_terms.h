/* What losses are made of: functions of one score, or of a difference of scores, with their slopes. In double, without
   overflow or loss of digits: a shard has few scores and they decide everything. */
#ifndef GAN_GAN_LOSS_TERMS_H
#define GAN_GAN_LOSS_TERMS_H

typedef struct gan_loss_options {
  const char *name;       /* loss.name */
  double label_smoothing; /* loss.label_smoothing: the real class's target is 1 - label_smoothing/2 for the critic */
  double label_flips;     /* loss.label_flips: share of samples that count as of the other class for the critic */
  double real_label;      /* loss.real_label, loss.fake_label: what least_squares draws scores to */
  double fake_label;
  double real_margin; /* loss.real_margin, loss.fake_margin: of hinges */
  double fake_margin;
} gan_loss_options;

typedef struct gan_term_value {
  double value, slope;
} gan_term_value;

typedef gan_term_value (*gan_loss_term)(double x, const gan_loss_options *options);

/* x, and -x. */
gan_term_value gan_term_plus(double x, const gan_loss_options *options);
gan_term_value gan_term_minus(double x, const gan_loss_options *options);
/* sp(x), sp(-x), and -sp(x). */
gan_term_value gan_term_softplus(double x, const gan_loss_options *options);
gan_term_value gan_term_softplus_of_minus(double x, const gan_loss_options *options);
gan_term_value gan_term_minus_softplus(double x, const gan_loss_options *options);
/* The cross-entropy of logit x against the real class's target 1 - s/2, s = label_smoothing. */
gan_term_value gan_term_smoothed(double x, const gan_loss_options *options);
/* 1/2 (x - real_label)^2, and the same with fake_label. */
gan_term_value gan_term_square_to_real(double x, const gan_loss_options *options);
gan_term_value gan_term_square_to_fake(double x, const gan_loss_options *options);
/* Hinges that want x above real_margin, max(0, real_margin - x), and below -fake_margin, max(0, fake_margin + x); the
   slope is 0 at the bend. */
gan_term_value gan_term_above_real_margin(double x, const gan_loss_options *options);
gan_term_value gan_term_below_fake_margin(double x, const gan_loss_options *options);
/* The same with classes exchanged: max(0, fake_margin + x) of -x and so on: max(0, fake_margin - x), and
   max(0, real_margin + x). */
gan_term_value gan_term_above_fake_margin(double x, const gan_loss_options *options);
gan_term_value gan_term_below_real_margin(double x, const gan_loss_options *options);

/* sp(x) and s(x). */
double gan_softplus(double x);
double gan_sigmoid(double x);

#endif
