#include "gan/lecam.h"

#include <stddef.h>

/* This shard's share of weight * E (score - anchor)^2. */
static double pull(double weight, double anchor, const gan_scores *scores, const float *values, float *gradient) {
  const double batch = (double)scores->batch;
  double sum = 0;
  for (int64_t i = 0; i < scores->count; i++) {
    const double distance = (double)values[i] - anchor;
    sum += distance * distance;
    if (gradient != NULL) gradient[i] += (float)(2 * weight * distance / batch);
  }
  return weight * sum / batch;
}

double gan_lecam_lose(double weight, const float *state, const gan_scores *scores) {
  if (state[GAN_LECAM_BEGUN] == 0) return 0;
  return pull(weight, (double)state[GAN_LECAM_FAKE], scores, scores->real, scores->real_gradient) +
         pull(weight, (double)state[GAN_LECAM_REAL], scores, scores->fake, scores->fake_gradient);
}

static float moved(bool begun, float average, double mean) {
  const double decay = begun ? 0.99 : 0;
  return (float)(decay * (double)average + (1 - decay) * mean);
}

void gan_lecam_move(float *state, double mean_real, double mean_fake) {
  const bool begun = state[GAN_LECAM_BEGUN] != 0;
  state[GAN_LECAM_REAL] = moved(begun, state[GAN_LECAM_REAL], mean_real);
  state[GAN_LECAM_FAKE] = moved(begun, state[GAN_LECAM_FAKE], mean_fake);
  state[GAN_LECAM_BEGUN] = 1;
}
