/* Optimisers: one loop and one row each. The formulas are those of torch.optim, in its order of operations; factors
   that are the same for all parameters are computed in double and rounded once. */
#include <math.h>
#include <string.h>

#include "base/multiversion.h"
#include "base/words.h"
#include "optim/optimizer.h"

/* Where none is given; PyTorch's. */
#define ADAMW_DECAY 0.01

static double weight_decay_of(const gan_optimizer_options *options, double otherwise) {
  return isnan(options->weight_decay) ? otherwise : options->weight_decay;
}

/* torch.optim.SGD without dampening: b = momentum b + g; p -= rate b. PyTorch starts with b = g, which a b of 0 gives
   too. Without momentum it keeps no buffer, and this leaves it alone. */
GAN_MULTIVERSION static void sgd_plain(float rate, float decay, size_t n, float *p, const float *gradient) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) p[i] -= rate * (gradient[i] + decay * p[i]);
}

GAN_MULTIVERSION static void sgd_momentum(float rate, float decay, float momentum, size_t n, float *p,
                                          const float *gradient, float *buffer) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) {
    buffer[i] = momentum * buffer[i] + (gradient[i] + decay * p[i]);
    p[i] -= rate * buffer[i];
  }
}

static void sgd_update(const gan_optimizer_options *options, double learning_rate, int64_t step, size_t n,
                       float *parameters, const float *gradient, float *const *states) {
  (void)step;
  const float rate = (float)learning_rate, decay = (float)weight_decay_of(options, 0);
  if (options->momentum == 0.0) {
    sgd_plain(rate, decay, n, parameters, gradient);
  } else {
    sgd_momentum(rate, decay, (float)options->momentum, n, parameters, gradient, states[0]);
  }
}

typedef struct rmsprop_factors {
  float rate, decay, alpha, one_minus_alpha, epsilon, momentum;
} rmsprop_factors;

/* torch.optim.RMSprop, not centred: v = alpha v + (1 - alpha) g^2; p -= rate g / (sqrt(v) + epsilon). */
GAN_MULTIVERSION static void rmsprop_plain(rmsprop_factors use, size_t n, float *p, const float *gradient, float *v) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) {
    const float g = gradient[i] + use.decay * p[i];
    v[i] = use.alpha * v[i] + use.one_minus_alpha * (g * g);
    p[i] -= use.rate * (g / (sqrtf(v[i]) + use.epsilon));
  }
}

/* With momentum: b = momentum b + g / (sqrt(v) + epsilon); p -= rate b. */
GAN_MULTIVERSION static void rmsprop_momentum(rmsprop_factors use, size_t n, float *p, const float *gradient, float *v,
                                              float *buffer) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) {
    const float g = gradient[i] + use.decay * p[i];
    v[i] = use.alpha * v[i] + use.one_minus_alpha * (g * g);
    buffer[i] = use.momentum * buffer[i] + g / (sqrtf(v[i]) + use.epsilon);
    p[i] -= use.rate * buffer[i];
  }
}

static void rmsprop_update(const gan_optimizer_options *options, double learning_rate, int64_t step, size_t n,
                           float *parameters, const float *gradient, float *const *states) {
  (void)step;
  const rmsprop_factors use = {.rate = (float)learning_rate,
                               .decay = (float)weight_decay_of(options, 0),
                               .alpha = (float)options->alpha,
                               .one_minus_alpha = (float)(1.0 - options->alpha),
                               .epsilon = (float)options->epsilon,
                               .momentum = (float)options->momentum};
  if (options->momentum == 0.0) {
    rmsprop_plain(use, n, parameters, gradient, states[0]);
  } else {
    rmsprop_momentum(use, n, parameters, gradient, states[0], states[1]);
  }
}

typedef struct adam_factors {
  float rate, decay, beta1, one_minus_beta1, beta2, one_minus_beta2, root_correction, epsilon;
} adam_factors;

/* torch.optim.Adam: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
   p -= rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon). */
GAN_MULTIVERSION static void adam_vector(adam_factors use, size_t n, float *p, const float *gradient, float *m,
                                         float *v) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) {
    const float g = gradient[i] + use.decay * p[i];
    m[i] = use.beta1 * m[i] + use.one_minus_beta1 * g;
    v[i] = use.beta2 * v[i] + use.one_minus_beta2 * (g * g);
    p[i] -= use.rate * (m[i] / (sqrtf(v[i]) / use.root_correction + use.epsilon));
  }
}

/* torch.optim.AdamW (arXiv 1711.05101, algorithm 2): p *= 1 - rate decay, and then Adam's update, of which the decay is
   no part. `keep` is 1 - rate decay. */
GAN_MULTIVERSION static void adamw_vector(adam_factors use, float keep, size_t n, float *p, const float *gradient,
                                          float *m, float *v) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < n; i++) {
    const float g = gradient[i];
    m[i] = use.beta1 * m[i] + use.one_minus_beta1 * g;
    v[i] = use.beta2 * v[i] + use.one_minus_beta2 * (g * g);
    p[i] = keep * p[i] - use.rate * (m[i] / (sqrtf(v[i]) / use.root_correction + use.epsilon));
  }
}

static adam_factors find_adam_factors(const gan_optimizer_options *options, double learning_rate, int64_t step) {
  const double correction1 = 1.0 - pow(options->beta1, (double)step);
  const double correction2 = 1.0 - pow(options->beta2, (double)step);
  return (adam_factors){.rate = (float)(learning_rate / correction1),
                        .decay = (float)weight_decay_of(options, 0),
                        .beta1 = (float)options->beta1,
                        .one_minus_beta1 = (float)(1.0 - options->beta1),
                        .beta2 = (float)options->beta2,
                        .one_minus_beta2 = (float)(1.0 - options->beta2),
                        .root_correction = (float)sqrt(correction2),
                        .epsilon = (float)options->epsilon};
}

static void adam_update(const gan_optimizer_options *options, double learning_rate, int64_t step, size_t n,
                        float *parameters, const float *gradient, float *const *states) {
  adam_vector(find_adam_factors(options, learning_rate, step), n, parameters, gradient, states[0], states[1]);
}

static void adamw_update(const gan_optimizer_options *options, double learning_rate, int64_t step, size_t n,
                         float *parameters, const float *gradient, float *const *states) {
  const float keep = (float)(1.0 - learning_rate * weight_decay_of(options, ADAMW_DECAY));
  adamw_vector(find_adam_factors(options, learning_rate, step), keep, n, parameters, gradient, states[0], states[1]);
}

const gan_optimizer gan_optimizers[] = {
    {.name = "rmsprop",
     .help = "gradient divided by its running root mean square; the WGAN paper's choice",
     .source = "Hinton 2012, lecture 6e; torch.optim.RMSprop",
     .options = "alpha epsilon momentum",
     .state_count = 2,
     .state_names = {"square_avg", "momentum_buffer"},
     .momentum_is_last = true,
     .squares_gradient = true,
     .update = rmsprop_update},
    {.name = "adam",
     .help = "running mean of the gradient divided by its running root mean square, both corrected for their start",
     .source = "arXiv 1412.6980, algorithm 1; torch.optim.Adam",
     .options = "beta1 beta1_final beta2 beta2_final epsilon",
     .state_count = 2,
     .state_names = {"exp_avg", "exp_avg_sq"},
     .squares_gradient = true,
     .update = adam_update},
    {.name = "adamw",
     .help =
         "adam whose weight decay shrinks the weights by themselves; by 0.01 of the learning rate where none is given",
     .source = "arXiv 1711.05101, algorithm 2; torch.optim.AdamW",
     .options = "beta1 beta1_final beta2 beta2_final epsilon",
     .state_count = 2,
     .state_names = {"exp_avg", "exp_avg_sq"},
     .squares_gradient = true,
     .usual_decay = ADAMW_DECAY,
     .update = adamw_update},
    {.name = "sgd",
     .help = "gradient descent, with momentum if asked for",
     .source = "torch.optim.SGD",
     .options = "momentum",
     .state_count = 1,
     .state_names = {"momentum_buffer"},
     .momentum_is_last = true,
     .update = sgd_update},
};
const int gan_optimizer_count = sizeof gan_optimizers / sizeof gan_optimizers[0];

const gan_optimizer *gan_optimizer_find(const char *name) {
  for (int i = 0; i < gan_optimizer_count; i++) {
    if (strcmp(gan_optimizers[i].name, name) == 0) return &gan_optimizers[i];
  }
  return NULL;
}

double gan_weight_decay_of(const gan_optimizer_options *options) {
  return weight_decay_of(options, gan_optimizer_find(options->name)->usual_decay);
}

bool gan_optimizer_uses(const gan_optimizer *optimizer, const char *option) {
  return gan_words_have(optimizer->options, option);
}

int gan_optimizer_states_used(const gan_optimizer *optimizer, const gan_optimizer_options *options) {
  return optimizer->state_count - (optimizer->momentum_is_last && options->momentum == 0);
}
