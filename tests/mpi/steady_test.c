/* Training takes all its memory before the first iteration: after that, an allocation of the program's own would fail
   here. */
#include <string.h>

#include "base/fault.h"
#include "gan_dist/config.h"
#include "gan_dist/trainer.h"
#include "support.h"

/* Layers of most kinds, statistics over all ranks, moments, moving average. */
static const char *const settings[][2] = {
    {"run.preset", "ring8"},
    {"run.iterations", "100"},
    {"train.batch", "48"},
    {"train.shards", "16"},
    {"train.n_critic", "2"},
    {"train.ema_decay", "0.9"},
    {"optimizer.name", "adam"},
    {"batch_norm.sync", "yes"},
    {"critic.clip", "0"},
    {"critic.clip_norm", "0.5"},
    {"critic.r1", "1"},
    {"critic.r2", "1"},
    {"critic.lecam", "0.1"},
    {"generator.layers",
     "dense 32, reshape 2 4 4, residual, batch_norm, relu, upsample 2, conv 3 kernel 3 padding 1, shortcut, upsample "
     "2, "
     "conv 3 kernel 1, end, conv_transpose 2 kernel 4 stride 2 padding 1, dropout 0.1, dense 2"},
    {"critic.layers",
     "dense 48, reshape 3 4 4, conv 4 kernel 3, layer_norm, leaky_relu, group_norm 2, elu, minibatch_stddev, dense 1"},
};

/* Losses that need more than a sum: statistics of the whole batch and real samples in the generator's step, or flips.
 */
static const char *const losses[][2] = {{"wasserstein", "0"}, {"relativistic_average", "0"}, {"least_squares", "0.25"}};

/* In groups of a rank's shards, whose statistics are their own; and with gradients of bounded norm. */
static const char *const in_groups[][2] = {{"batch_norm.sync", "no"},
                                           {"train.accumulate", "3"},
                                           {"generator.gradient_clip", "0.1"},
                                           {"critic.gradient_clip", "0.1"}};

static gan_status configure(const char *const loss[], bool groups, gan_config **config) {
  GAN_TRY(gan_config_create(config));
  GAN_TRY(gan_config_use_preset(*config, settings[0][1]));
  for (size_t i = 1; i < sizeof settings / sizeof *settings; i++)
    GAN_TRY(gan_config_set(*config, settings[i][0], settings[i][1]));
  for (size_t i = 0; groups && i < sizeof in_groups / sizeof *in_groups; i++)
    GAN_TRY(gan_config_set(*config, in_groups[i][0], in_groups[i][1]));
  GAN_TRY(gan_config_set(*config, "loss.name", loss[0]));
  return gan_config_set(*config, "loss.label_flips", loss[1]);
}

static gan_status iterate(gan_trainer *trainer, int count) {
  gan_iteration values;
  for (int i = 0; i < count; i++) GAN_TRY(gan_trainer_iterate(trainer, &values));
  return GAN_OK;
}

static void train(gan_world *world, const char *const loss[], bool groups, int *failures) {
  gan_config *config = NULL;
  gan_trainer *trainer = NULL;
  gan_status status = configure(loss, groups, &config);
  if (status == GAN_OK) status = gan_trainer_create(world, config, NULL, &trainer);
  if (status == GAN_OK) status = iterate(trainer, 1);
  if (status != GAN_OK) fprintf(stderr, "%s\n", gan_error_message());
  check(world, "a_trainer_begins", status == GAN_OK, failures);

  gan_fault_arm(GAN_FAULT_ALLOCATION, 1);
  status = status == GAN_OK ? iterate(trainer, 6) : status;
  check(world, "iterations_after_the_first_allocate_nothing",
        status == GAN_OK && !gan_fault_has_struck(GAN_FAULT_ALLOCATION), failures);
  gan_evaluation quality;
  const bool fails = trainer && gan_trainer_evaluate(trainer, &quality) != GAN_OK;
  check(world, "an_evaluation_does_so_the_fault_was_armed", fails, failures);
  gan_fault_arm(GAN_FAULT_ALLOCATION, 0);

  gan_trainer_destroy(trainer);
  gan_config_destroy(config);
}

int main(int argc, char **argv) {
  int failures = 0;
  gan_world *world = open_world(&argc, &argv);
  for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) train(world, losses[i], false, &failures);
  train(world, losses[1], true, &failures);
  gan_world_close(world);
  return failures > 0;
}
