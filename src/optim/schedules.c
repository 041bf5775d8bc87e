/* What changes over a run. Learning-rate schedules start at factor 1, and all but the constant one end at final_factor;
   other quantities go along half a cosine. */
#include <math.h>
#include <string.h>

#include "base/moving.h"
#include "optim/optimizer.h"

static double constant_factor(double progress, double final_factor) {
  (void)progress, (void)final_factor;
  return 1.0;
}

static double linear_factor(double progress, double final_factor) { return 1.0 + (final_factor - 1.0) * progress; }

static double cosine_factor(double progress, double final_factor) { return gan_moved(1.0, final_factor, progress); }

static double exponential_factor(double progress, double final_factor) { return pow(final_factor, progress); }

const gan_schedule gan_schedules[] = {
    {.name = "constant", .help = "the learning rate as given, all the time", .factor = constant_factor},
    {.name = "linear", .help = "down in a straight line to the final factor", .factor = linear_factor},
    {.name = "cosine", .help = "down along half a cosine to the final factor", .factor = cosine_factor},
    {.name = "exponential",
     .help = "the same ratio in each iteration, down to the final factor, which has to be above 0",
     .factor = exponential_factor},
};
const int gan_schedule_count = sizeof gan_schedules / sizeof gan_schedules[0];

double gan_scheduled_rate(const gan_optimizer_options *options, int64_t done, int64_t iterations) {
  const gan_schedule *schedule = gan_schedule_find(options->schedule);
  const double rate =
      options->learning_rate * schedule->factor(gan_run_progress(done, iterations), options->final_factor);
  return done < options->warmup ? rate * ((double)(done + 1) / (double)options->warmup) : rate;
}

gan_optimizer_options gan_optimizer_now(const gan_optimizer_options *options, int64_t done, int64_t iterations) {
  const double progress = gan_run_progress(done, iterations);
  gan_optimizer_options now = *options;
  now.learning_rate = gan_scheduled_rate(options, done, iterations);
  now.beta1 = gan_moved(options->beta1, options->beta1_final, progress);
  now.beta2 = gan_moved(options->beta2, options->beta2_final, progress);
  return now;
}

static double no_factor(double batches) {
  (void)batches;
  return 1;
}
static double linear_batch_factor(double batches) { return batches; }

const gan_batch_scaling gan_batch_scalings[] = {
    {.name = "none", .help = "learning rates as given, with any batch", .factor = no_factor},
    {.name = "linear", .help = "by train.batch / optimizer.reference_batch", .factor = linear_batch_factor},
    {.name = "sqrt", .help = "by the root of train.batch / optimizer.reference_batch", .factor = sqrt},
};
const int gan_batch_scaling_count = sizeof gan_batch_scalings / sizeof gan_batch_scalings[0];

double gan_batch_factor(const gan_optimizer_options *options, int64_t batch) {
  for (int i = 0; i < gan_batch_scaling_count && options->reference_batch > 0; i++)
    if (strcmp(gan_batch_scalings[i].name, options->batch_scaling) == 0)
      return gan_batch_scalings[i].factor((double)batch / (double)options->reference_batch);
  return 1;
}

double gan_half_life_decay(double half_life, double warmup, int64_t batch, int64_t updates) {
  const double seen = (double)updates * (double)batch;
  if (warmup > 0) half_life = fmin(half_life, warmup * seen);
  return half_life > 0 ? pow(0.5, (double)batch / half_life) : 0;
}

const gan_schedule *gan_schedule_find(const char *name) {
  for (int i = 0; i < gan_schedule_count; i++) {
    if (strcmp(gan_schedules[i].name, name) == 0) return &gan_schedules[i];
  }
  return NULL;
}
