/* What the configuration says about optimisation, as numbers for an iteration: steps of each network, learning rates,
   the memory of the moving average; and which of its keys contradict each other. */
#include "train/optimization.h"

#include <math.h>
#include <string.h>

#include "base/moving.h"

bool gan_is_simultaneous(const gan_config *config) { return strcmp(config->train.order, "simultaneous") == 0; }

gan_step_ratio gan_steps_of(const gan_config *config, int64_t iteration) {
  const bool early = iteration < config->train.warmup_iterations;
  const bool again = config->train.warmup_iterations > 0 && config->train.warmup_every > 0 &&
                     iteration % config->train.warmup_every == 0;
  if (early || again) return (gan_step_ratio){.critic = config->train.warmup_n_critic, .generator = 1};
  return config->train.n_critic;
}

gan_optimizer_options gan_optimizer_options_of(const gan_config *config, const gan_network_config *network) {
  gan_optimizer_options options = config->optimizer;
  if (network->learning_rate > 0) options.learning_rate = network->learning_rate;
  options.learning_rate *= gan_batch_factor(&options, config->train.batch);
  return options;
}

double gan_half_life_of(const gan_config *config, int64_t done) {
  return gan_moved(config->train.ema_half_life, config->train.ema_half_life_final,
                   gan_run_progress(done, config->run.iterations));
}

/* Of train.ema_decay: low at first, so that the first weights are soon forgotten. */
static double warm_decay(double decay, int64_t updates) {
  return fmin(decay, (1 + (double)updates) / (10 + (double)updates));
}

double gan_average_decay(const gan_config *config, int64_t done, int64_t updates) {
  if (config->train.ema_half_life == 0) return warm_decay(config->train.ema_decay, updates + 1);
  return gan_half_life_decay(gan_half_life_of(config, done), config->train.ema_warmup, config->train.batch, updates);
}

/* Keys that do nothing beside others are found by the configuration itself (config/relevance.h). */
gan_status gan_check_optimization(const gan_config *config) {
  const gan_optimizer_options *options = &config->optimizer;
  if (config->train.ema_decay > 0 && config->train.ema_half_life > 0)
    return gan_fail(GAN_BAD_USAGE,
                    "train.ema_decay and train.ema_half_life both say how the generator's average forgets: set one of "
                    "them to 0");
  if (strcmp(options->batch_scaling, "none") != 0 && options->reference_batch == 0)
    return gan_fail(GAN_BAD_USAGE,
                    "optimizer.batch_scaling = %s needs optimizer.reference_batch, the batch that the learning rates "
                    "are given for",
                    options->batch_scaling);
  return GAN_OK;
}

void gan_tell_scaling(gan_trainer *trainer) {
  const gan_config *config = trainer->config;
  const double factor = gan_batch_factor(&config->optimizer, config->train.batch);
  if (factor == 1) return;
  gan_notice(trainer,
             "learning rates are for a batch of %lld; with one of %lld they are %.6g times as large (%s): generator "
             "%.6g, critic %.6g",
             (long long)config->optimizer.reference_batch, (long long)config->train.batch, factor,
             config->optimizer.batch_scaling,
             gan_optimizer_options_of(config, &config->generator.network).learning_rate,
             gan_optimizer_options_of(config, &config->critic.network).learning_rate);
}
