/* GAN losses: a table with one row a loss.

   Notation as in docs/losses.md: r scores of real samples, f of generated ones, E the mean over the global batch,
   sp(x) = log(1 + exp x), sigmoid s(x). Both networks minimise their loss.

   A loss is data: a function of one number (a term, gan/loss_terms.h) for each network and each class of samples, and
   what the terms look at: scores as they are, or differences of scores (gan_loss_pairing). What is computed is one
   shard's share of the loss and its gradient, so that shares add up to the loss along the shard tree. Where a mean over
   the global batch enters a term, or samples have weights, the shards' statistics are summed before, in rounds:

        for (round = 0; round < gan_loss_rounds(...); round++) {
          gan_loss_statistics(..., round, totals, sums);   each shard's share; those of all shards are then added up
          into totals[gan_loss_round_begin(round)] and on
        }
        gan_loss_share(..., totals);                       each shard's value and gradient

   A loss that needs none has no rounds. */
#ifndef GAN_GAN_LOSS_H
#define GAN_GAN_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "gan/loss_terms.h"

/* Whose loss. */
typedef enum gan_loss_side { GAN_LOSS_CRITIC, GAN_LOSS_GENERATOR } gan_loss_side;

/* What a loss's terms look at. */
typedef enum gan_loss_pairing {
  GAN_PAIRING_NONE,  /* r, and f */
  GAN_PAIRING_MEANS, /* r - E f, and f - E r */
  GAN_PAIRING_PAIRS  /* r - f of the samples of one number; the real samples' term alone counts */
} gan_loss_pairing;

/* A mean over the global batch of each term that is not NULL. */
typedef struct gan_loss_formula {
  gan_loss_term real, fake;
} gan_loss_formula;

/* One shard's scores, and where d loss / d score goes. */
typedef struct gan_scores {
  int64_t count;             /* samples in this shard; both real and generated */
  int64_t batch;             /* samples in the global batch */
  const float *real;         /* (count); NULL for the generator of a loss that does not need real scores */
  const float *fake;         /* (count) */
  const float *real_weights; /* (count) per-sample weights, finite and >= 0; NULL: all 1 */
  const float *fake_weights;
  const bool *real_flips; /* (count) samples that count as of the other class, for the critic; NULL: none */
  const bool *fake_flips;
  float *real_gradient; /* (count), written when real is given and this is not NULL */
  float *fake_gradient; /* (count) */
} gan_scores;

/* What is known of the global batch, by rounds. Sums are over samples whose weight is not 0. */
typedef enum gan_loss_statistic {
  GAN_LOSS_REAL_COUNT, /* samples: what means are divided by */
  GAN_LOSS_FAKE_COUNT,
  GAN_LOSS_PAIR_COUNT,  /* pairs of which both have a weight */
  GAN_LOSS_REAL_WEIGHT, /* sums of weights */
  GAN_LOSS_FAKE_WEIGHT,
  GAN_LOSS_REAL_SCORE, /* sums of weight * score */
  GAN_LOSS_FAKE_SCORE,
  GAN_LOSS_FIRST_ROUND,                       /* so many in the first round; those of the second: */
  GAN_LOSS_REAL_SLOPE = GAN_LOSS_FIRST_ROUND, /* sums of weight * slope of the term */
  GAN_LOSS_FAKE_SLOPE,
  GAN_LOSS_STATISTICS
} gan_loss_statistic;

typedef struct gan_loss {
  const char *name;
  const char *help;
  const char *source; /* "arXiv 1701.07875, eq. 3" */
  const char *keys;   /* what it reads of the section loss, with spaces between: "label_smoothing label_flips" */
  gan_loss_pairing pairing;
  gan_loss_formula critic, generator;
  bool wants_lipschitz;      /* the critic has to be kept Lipschitz: weight clipping or a penalty belongs to it */
  bool sign_decides;         /* a score above 0 says real, one below 0 generated */
  bool generator_needs_real; /* the generator's loss is one of real scores, too */
} gan_loss;

extern const gan_loss gan_losses[];
extern const int gan_loss_count;
const gan_loss *gan_loss_find(const char *name);

/* Whether a key of the section loss ("loss.label_smoothing") means something to it; loss.name does to all. */
bool gan_loss_uses(const gan_loss *loss, const char *key);
/* GAN_BAD_USAGE, with the reason, for options of which loss.name can make no sense. */
gan_status gan_loss_check(const gan_loss_options *options) GAN_CHECKED;

/* Rounds of statistics that are summed over the global batch first; `weighted`: some samples have weights. */
int gan_loss_rounds(const gan_loss *loss, bool weighted);
static inline int gan_loss_round_begin(int round) { return round == 0 ? 0 : GAN_LOSS_FIRST_ROUND; }
static inline int gan_loss_round_size(int round) {
  return round == 0 ? GAN_LOSS_FIRST_ROUND : GAN_LOSS_STATISTICS - GAN_LOSS_FIRST_ROUND;
}
/* What is known before any round: totals (GAN_LOSS_STATISTICS) of a batch without weights. */
void gan_loss_begin(int64_t batch, double *totals);
/* One shard's share of a round's statistics, into sums (gan_loss_round_size); `totals` has those of rounds before. */
void gan_loss_statistics(const gan_loss *loss, const gan_loss_options *options, gan_loss_side side,
                         const gan_scores *scores, int round, const double *totals, double *sums);
/* One shard's share of the loss, which is returned, and its gradient, the means' own part in it included. A mean over
   no sample is 0; of a loss that compares classes, where one of them has no weight at all, so are loss and gradient. */
double gan_loss_share(const gan_loss *loss, const gan_loss_options *options, gan_loss_side side,
                      const gan_scores *scores, const double *totals);

/* What one sample adds to a loss, times the batch, where its score is x and those of the other class are 0 (the
   other's, of a pair): its term and the term's slope. No value of a class that the loss does not look at. */
bool gan_loss_curve(const gan_loss *loss, const gan_loss_options *options, gan_loss_side side, bool real, double x,
                    gan_term_value *at);

#endif
