/* The loss of a classifier: cross-entropy of the softmax of its logits, as PyTorch's cross_entropy has it. */
#ifndef GAN_EVAL_CROSS_ENTROPY_H
#define GAN_EVAL_CROSS_ENTROPY_H

#include <stdint.h>

/* What some samples of a batch add to the batch's loss. */
typedef struct gan_cross_entropy {
  double loss;   /* sum over these samples of -log softmax(logits)[label], divided by the batch's samples */
  int64_t right; /* samples whose largest logit is their label's; of equal ones the first counts */
} gan_cross_entropy;

/* Of `rows` samples: logits (rows, classes), labels (rows) in 0 .. classes-1, gradient (rows, classes) =
   (softmax(logits) - one-hot label) / batch, which is that of the mean over the global batch; NULL: not wanted. In
   double, sample after sample, so that a row's bits depend on it alone. A logit that is NaN makes the loss NaN.
 */
gan_cross_entropy gan_cross_entropy_of(int64_t rows, int64_t classes, const float *logits, const int32_t *labels,
                                       int64_t batch, float *gradient);

#endif
