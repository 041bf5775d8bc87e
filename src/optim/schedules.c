/* Learning-rate schedules: all start at factor 1; all but the constant one end at final_factor. */
#include <math.h>
#include <string.h>

#include "optim/optimizer.h"

static double constant_factor(double progress, double final_factor) {
  (void)progress, (void)final_factor;
  return 1.0;
}

static double linear_factor(double progress, double final_factor) { return 1.0 + (final_factor - 1.0) * progress; }

/* arXiv 1608.03983, eq. 5, one period. */
static double cosine_factor(double progress, double final_factor) {
  const double pi = 3.14159265358979323846;
  return final_factor + (1.0 - final_factor) * 0.5 * (1.0 + cos(pi * progress));
}

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
  const double progress = (double)done / (double)iterations;
  return options->learning_rate * schedule->factor(progress < 1 ? progress : 1, options->final_factor);
}

const gan_schedule *gan_schedule_find(const char *name) {
  for (int i = 0; i < gan_schedule_count; i++) {
    if (strcmp(gan_schedules[i].name, name) == 0) return &gan_schedules[i];
  }
  return NULL;
}
