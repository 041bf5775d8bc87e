/* Optimisers, as a table, with formulas and defaults of PyTorch's, on flat vectors; and what changes over a run:
   learning rates, moments' decays, the memory of a moving average. */
#ifndef GAN_OPTIM_OPTIMIZER_H
#define GAN_OPTIM_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gan_optimizer_options {
  const char *name;
  double learning_rate;
  double alpha;                    /* rmsprop: decay of the mean square, 0.99 */
  double beta1;                    /* adam, adamw: 0.9 */
  double beta2;                    /* adam, adamw: 0.999 */
  double beta1_final, beta2_final; /* at the end of the run; NAN: as at first */
  double epsilon;                  /* 1e-8 */
  double momentum;                 /* sgd and rmsprop: 0 */
  double weight_decay;             /* NAN: the optimiser's default */
  const char *schedule;
  double final_factor; /* what the schedule ends at, as a factor of learning_rate */
  int64_t warmup;      /* iterations */
  const char *batch_scaling;
  int64_t reference_batch; /* 0: none */
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
  double usual_decay;    /* weight decay where none is given */
  /* Updates parameters[0..n) in place. Element-wise, so any range of the flat vector may be updated by itself. `step`
     counts this network's updates from 1; `learning_rate` and betas are already scheduled. Adam's corrections for the
     start of the moments are 1 - beta^step with the betas of this step, as in PyTorch when param_groups are changed. */
  void (*update)(const gan_optimizer_options *options, double learning_rate, int64_t step, size_t n, float *parameters,
                 const float *gradient, float *const *states);
} gan_optimizer;

/* rmsprop, adam, adamw, sgd. */
extern const gan_optimizer gan_optimizers[];
extern const int gan_optimizer_count;
const gan_optimizer *gan_optimizer_find(const char *name);
/* The weight decay that these options come to. */
double gan_weight_decay_of(const gan_optimizer_options *options);
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

/* The learning rate of the iteration after the first `done` of `iterations`: the schedule's, and in a warm-up of w
   iterations (done + 1) / w of it. */
double gan_scheduled_rate(const gan_optimizer_options *options, int64_t done, int64_t iterations);
/* Options with the learning rate and the betas of that iteration. */
gan_optimizer_options gan_optimizer_now(const gan_optimizer_options *options, int64_t done, int64_t iterations);

/* How a learning rate grows with the batch: none, linear, sqrt. */
typedef struct gan_batch_scaling {
  const char *name;
  const char *help;
  double (*factor)(double batches); /* the batch divided by the one that the learning rate is for */
} gan_batch_scaling;
extern const gan_batch_scaling gan_batch_scalings[];
extern const int gan_batch_scaling_count;
/* Factor on learning rates at this global batch. */
double gan_batch_factor(const gan_optimizer_options *options, int64_t batch);

/* The decay in an update of a moving average that forgets half of its weights in `half_life` samples, `batch` of them
   to an update (NVlabs' StyleGAN2, ema_kimg and ema_rampup): 0.5^(batch / half-life), where the half-life is at most
   `warmup` of the samples of the `updates` before, unless that is 0. */
double gan_half_life_decay(double half_life, double warmup, int64_t batch, int64_t updates);

#endif
