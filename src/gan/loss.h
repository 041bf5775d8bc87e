/* GAN losses: a table with one row a loss, two short functions each.

   Notation as in docs/losses.md: r scores of real samples, f of generated ones, E the mean over the global batch,
   sp(x) = log(1 + exp x), sigmoid s(x). Both networks minimise their loss. A function gets one shard's scores and
   returns the shard's share of the loss (already divided by the global batch), so that shares add up to the loss over
   the tree. */
#ifndef GAN_GAN_LOSS_H
#define GAN_GAN_LOSS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct gan_loss_options {
  const char *name;       /* loss.name */
  double label_smoothing; /* loss.label_smoothing: the real class's target is 1 - label_smoothing/2 for the critic */
} gan_loss_options;

/* One shard's scores, and where d loss / d score goes. */
typedef struct gan_scores {
  int64_t count;             /* samples in this shard; both real and generated */
  int64_t batch;             /* samples in the global batch: the divisor of every mean */
  const float *real;         /* (count); NULL for the generator of a loss that does not need real scores */
  const float *fake;         /* (count) */
  const float *real_weights; /* (count) per-sample weights; NULL: all 1 */
  const float *fake_weights;
  float *real_gradient; /* (count), written when real is given and this is not NULL */
  float *fake_gradient; /* (count) */
} gan_scores;

typedef struct gan_loss {
  const char *name;
  const char *help;
  const char *source;   /* "arXiv 1701.07875, eq. 3" */
  bool uses_smoothing;  /* loss.label_smoothing means something here */
  bool wants_lipschitz; /* the critic has to be kept Lipschitz: weight clipping or a penalty belongs to it */
  double (*critic)(const gan_loss_options *options, const gan_scores *scores);
  double (*generator)(const gan_loss_options *options, const gan_scores *scores);
} gan_loss;

extern const gan_loss gan_losses[];
extern const int gan_loss_count;
const gan_loss *gan_loss_find(const char *name);

/* sp(x) and s(x) in double, without overflow or loss of digits. */
double gan_softplus(double x);
double gan_sigmoid(double x);

#endif
