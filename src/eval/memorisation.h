/* Whether a generator repeats its training data: row `memorisation` of the table of metrics, and the pairs to look at.
 */
#ifndef GAN_EVAL_MEMORISATION_H
#define GAN_EVAL_MEMORISATION_H

#include "eval/metric.h"

typedef struct gan_close_pair {
  int64_t generated, training; /* numbers of the sample in `fake`, and in the training data or, unsearched, in `real` */
  double distance;             /* of features, or of samples where there are none */
} gan_close_pair;

/* The closest pairs of a generated sample and the training sample nearest to it, by rising distance; each training
   sample once, so that one that is repeated often does not crowd out others. pairs (most); *found: how many there are.
   The same on every rank. GAN_BAD_USAGE for values that are not finite, GAN_FAILED for want of memory, agreed on.
   Collective. */
gan_status gan_memorisation_pairs(const gan_comparison *comparison, int64_t most, gan_close_pair *pairs,
                                  int64_t *found) GAN_CHECKED;

#endif
