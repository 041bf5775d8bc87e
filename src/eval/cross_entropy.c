#include "eval/cross_entropy.h"

#include <math.h>
#include <stddef.h>

static int64_t largest_of(int64_t classes, const float *logits) {
  int64_t largest = 0;
  for (int64_t i = 1; i < classes; i++)
    if (logits[i] > logits[largest]) largest = i;
  return largest;
}

gan_cross_entropy gan_cross_entropy_of(int64_t rows, int64_t classes, const float *logits, const int32_t *labels,
                                       int64_t batch, float *gradient) {
  gan_cross_entropy found = {.loss = 0};
  for (int64_t row = 0; row < rows; row++, logits += classes) {
    const int64_t largest = largest_of(classes, logits);
    /* From the largest one on, so that no exponential is infinite. */
    double sum = 0;
    for (int64_t i = 0; i < classes; i++) sum += exp((double)logits[i] - (double)logits[largest]);
    found.loss += (log(sum) + (double)logits[largest] - (double)logits[labels[row]]) / (double)batch;
    found.right += largest == labels[row];
    for (int64_t i = 0; gradient && i < classes; i++) {
      const double share = exp((double)logits[i] - (double)logits[largest]) / sum;
      gradient[row * classes + i] = (float)((share - (i == labels[row])) / (double)batch);
    }
  }
  return found;
}
