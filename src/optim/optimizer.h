/* Optimisers and learning-rate schedules, as tables; formulas and defaults are PyTorch's, on flat vectors. */
#ifndef GAN_OPTIM_OPTIMIZER_H
#define GAN_OPTIM_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gan_optimizer_options {
  const char *name;
  double learning_rate;
  double alpha;    /* rmsprop: decay of the mean square, 0.99 */
  double beta1;    /* adam: 0.9 */
  double beta2;    /* adam: 0.999 */
  double epsilon;  /* 1e-8 */
  double momentum; /* sgd and rmsprop: 0 */
  double weight_decay;
  const char *schedule;
  double final_factor; /* what the schedule ends at, as a factor of learning_rate */
} gan_optimizer_options;

enum { GAN_OPTIMIZER_STATES = 2 };

typedef struct gan_optimizer {
  const char *name;
  const char *help;
  const char *source;
  const char *options; /* which of its options it uses, beside rate and weight decay: "alpha epsilon" */
  int state_count;     /* moment vectors it keeps, each as long as the parameters */
  const char *state_names[GAN_OPTIMIZER_STATES]; /* as in PyTorch's optimiser state: "square_avg", "exp_avg", ... */
  bool momentum_is_last;                         /* the last state is used only when options.momentum is not 0 */
  bool squares_gradient; /* beyond the root of FLT_MAX a gradient's square is infinite, and so is a moment for ever */
  /* Updates parameters[0..n) in place. Element-wise, so any range of the flat vector may be updated by itself. `step`
     counts this network's updates from 1; `learning_rate` is already scheduled. */
  void (*update)(const gan_optimizer_options *options, double learning_rate, int64_t step, size_t n, float *parameters,
                 const float *gradient, float *const *states);
} gan_optimizer;

/* rmsprop, adam, sgd. */
extern const gan_optimizer gan_optimizers[];
extern const int gan_optimizer_count;
const gan_optimizer *gan_optimizer_find(const char *name);
/* Whether it makes use of an option, named as in gan_optimizer.options. */
bool gan_optimizer_uses(const gan_optimizer *optimizer, const char *option);
/* The states that these options make use of: the first so many. */
int gan_optimizer_states_used(const gan_optimizer *optimizer, const gan_optimizer_options *options);

typedef struct gan_schedule {
  const char *name;
  const char *help;
  /* Factor on the learning rate at `progress` in [0, 1] (iteration / iterations). */
  double (*factor)(double progress, double final_factor);
} gan_schedule;

/* constant, linear, cosine, exponential. */
extern const gan_schedule gan_schedules[];
extern const int gan_schedule_count;
const gan_schedule *gan_schedule_find(const char *name);

/* The learning rate of the iteration after the first `done` of `iterations`. */
double gan_scheduled_rate(const gan_optimizer_options *options, int64_t done, int64_t iterations);

#endif
