#include "data/weights.h"

#include <inttypes.h>
#include <math.h>

#include "base/number.h"

gan_status gan_weights_check(const char *what, int64_t count, const float *weights) {
  float largest = 0;
  for (int64_t i = 0; i < count; i++) {
    if (!isfinite(weights[i]) || weights[i] < 0)
      return gan_fail(GAN_BAD_FILE, "%s: the weight of sample %" PRId64 " is %g; weights are finite and not negative",
                      what, i, gan_shown(weights[i]));
    if (weights[i] > largest) largest = weights[i];
  }
  if (largest > 0) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "%s: the weights of all %" PRId64 " samples in use are 0", what, count);
}
