/* Weights of samples (data.weights): how much each counts in the loss. Each format's own file reads the numbers; what
   they have to be is the same for all. */
#ifndef GAN_DATA_WEIGHTS_H
#define GAN_DATA_WEIGHTS_H

#include <stdint.h>

#include "base/error.h"

/* GAN_BAD_FILE unless all weights (count) are finite and not negative, and one at least is more than 0. `what` names
   where they are from: "data.h5: data set weights". */
gan_status gan_weights_check(const char *what, int64_t count, const float *weights) GAN_CHECKED;

#endif
