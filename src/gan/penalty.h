/* Regularisers of the critic that look at the gradient of its score with respect to a sample: a table with one row a
   penalty. It knows neither networks nor ranks: it is given gradients, and says what they cost.

   With g the gradient of one sample's score, each is the mean over the global batch of a function of |g|^2 alone. So
   what the way back through the critic needs (nn/tangent.h), u = d penalty / dg, is g times a number for each sample,
   and several penalties at the same samples are one: their numbers are added. */
#ifndef GAN_GAN_PENALTY_H
#define GAN_GAN_PENALTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The samples that a penalty looks at. */
typedef enum gan_penalty_site {
  GAN_SITE_INTERPOLATES, /* on the line from a real sample to a generated one, at a random place */
  GAN_SITE_AROUND_REAL,  /* real samples with noise */
  GAN_SITE_REAL,
  GAN_SITE_GENERATED,
  GAN_SITES
} gan_penalty_site;

/* Rows of the table. */
typedef enum gan_penalty_kind {
  GAN_PENALTY_GRADIENT,
  GAN_PENALTY_DRAGAN,
  GAN_PENALTY_R1,
  GAN_PENALTY_R2,
  GAN_PENALTY_KINDS
} gan_penalty_kind;

typedef struct gan_penalty_options {
  double weight[GAN_PENALTY_KINDS]; /* critic.gradient_penalty, critic.dragan, critic.r1, critic.r2; 0: none */
  double r1_final, r2_final;        /* what these end at; NAN: what they begin with */
  double target;                    /* k: the slope that gradient_penalty and dragan ask for */
  double epsilon;                   /* added to the squared norm under the root */
  bool one_sided;                   /* slopes below the target cost nothing */
  int64_t every;                    /* critic steps from one with penalties to the next */
} gan_penalty_options;

/* Of one sample, before the mean, with a weight of 1. */
typedef struct gan_penalised {
  double value;
  double factor; /* d value / dg = factor * g */
} gan_penalised;

typedef struct gan_penalty {
  const char *name; /* the key in section critic that has its weight */
  const char *help;
  const char *source;
  gan_penalty_site site;
  bool each_by_itself; /* asks for a slope of each sample: makes no sense where samples enter each other's scores */
  gan_penalised (*of)(const gan_penalty_options *options, double squared_norm);
} gan_penalty;

extern const gan_penalty gan_penalties[GAN_PENALTY_KINDS];

/* Whether any penalty, or one at this site, is asked for at some time of the run. */
bool gan_penalties_any(const gan_penalty_options *options);
bool gan_penalties_at(const gan_penalty_options *options, gan_penalty_site site);
/* Sites of all penalties that are asked for. */
int gan_penalties_sites(const gan_penalty_options *options);

/* What the weights are at `progress` (0 to 1) of the run: they move to their final values along half a cosine. */
void gan_penalties_weights(const gan_penalty_options *options, double progress, double weights[GAN_PENALTY_KINDS]);

/* The penalties at one site, of some samples of a global batch of `batch`: their share of the value, and u (rows,
   elements) from g (rows, elements), in its place or another. */
double gan_penalties_apply(const gan_penalty_options *options, const double weights[GAN_PENALTY_KINDS],
                           gan_penalty_site site, int64_t batch, int64_t rows, int64_t elements, const float *g,
                           float *u);

#endif
