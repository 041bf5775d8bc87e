/* A trainer of which a call has failed: it refuses to go on, on all ranks alike, and goes without leaving anything
   behind that its successor could take for its own, whatever reduction it has. */
#include <string.h>

#include "base/fault.h"
#include "gan_dist/config.h"
#include "gan_dist/trainer.h"
#include "support.h"

/* Networks of several blocks, so that sums set out for other hosts while the backward pass goes on. */
static const char *const settings[][2] = {
    {"train.batch", "24"},
    {"train.shards", "8"},
    {"train.n_critic", "2"},
    {"eval.samples", "16"},
    {"optimizer.learning_rate", "0.01"},
    {"generator.layers", "dense 64, relu, dense 64, relu, dense 2"},
    {"critic.layers", "dense 96, leaky_relu 0.2, dense 96, leaky_relu 0.2, dense 1"},
};

static gan_status configure(const char *reduction, gan_config **config) {
  GAN_TRY(gan_config_create(config));
  GAN_TRY(gan_config_use_preset(*config, "ring8"));
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    GAN_TRY(gan_config_set(*config, settings[i][0], settings[i][1]));
  return gan_config_set(*config, "dist.reduction", reduction);
}

static gan_status iterate(gan_trainer *trainer, int count, gan_iteration *values) {
  for (int i = 0; i < count; i++) GAN_TRY(gan_trainer_iterate(trainer, values));
  return GAN_OK;
}

static bool is_refusal(gan_status status, const char *cause) {
  const char *message = gan_error_message();
  return status == GAN_FAILED && strstr(message, "the trainer ended with an error before") && strstr(message, cause);
}

/* Every call that would go on; `cause` is part of the first error. */
static bool refuses_all(gan_trainer *trainer, const char *cause) {
  gan_iteration values;
  gan_evaluation quality;
  float samples[2];
  bool well = is_refusal(gan_trainer_iterate(trainer, &values), cause);
  well = is_refusal(gan_trainer_iterate(trainer, &values), cause) && well; /* the second time, too */
  well = is_refusal(gan_trainer_evaluate(trainer, &quality), cause) && well;
  well = is_refusal(gan_trainer_sample(trainer, 1, samples), cause) && well;
  well = is_refusal(gan_trainer_save(trainer), cause) && well;
  return is_refusal(gan_trainer_run(trainer), cause) && well && gan_trainer_iteration(trainer) == 1;
}

/* The critic's loss after three iterations of a trainer with nothing in its way. */
static double undisturbed(gan_world *world, const gan_config *config) {
  gan_trainer *trainer = NULL;
  gan_iteration values = {.critic_loss = -1};
  gan_status status = gan_trainer_create(world, config, NULL, &trainer);
  if (status == GAN_OK) status = iterate(trainer, 3, &values);
  gan_trainer_destroy(trainer);
  return status == GAN_OK ? values.critic_loss : -1;
}

/* One call fails after the first iteration, by a fault of one rank. */
static void fail_once(gan_world *world, const gan_config *config, gan_fault_kind kind, int nth, int rank,
                      const char *cause, int *failures) {
  const double expected = undisturbed(world, config);
  gan_trainer *trainer = NULL;
  gan_iteration values;
  gan_evaluation quality;
  gan_status status = gan_trainer_create(world, config, NULL, &trainer);
  if (status == GAN_OK) status = iterate(trainer, 1, &values);
  const bool began = status == GAN_OK;
  if (gan_world_rank(world) == rank) gan_fault_arm(kind, nth);
  if (began) status = kind == GAN_FAULT_LOSS ? iterate(trainer, 2, &values) : gan_trainer_evaluate(trainer, &quality);
  gan_fault_arm(kind, 0);
  const bool failed = began && status == GAN_FAILED && strstr(gan_error_message(), cause);
  check(world, "trainer_refuses_to_go_on_after_an_error", failed && refuses_all(trainer, cause), failures);
  gan_trainer_destroy(trainer);
  check(world, "and_its_successor_trains_as_if_nothing_had_been", undisturbed(world, config) == expected, failures);
}

int main(int argc, char **argv) {
  static const char *const reductions[] = {"flat", "shared", "hierarchical"};
  int failures = 0;
  gan_world *world = open_world(&argc, &argv);
  const int last = (int)gan_world_maximum(world, gan_world_rank(world));
  for (int i = 0; i < 3; i++) {
    gan_config *config = NULL;
    if (gan_world_host_count(world) > 1 && strcmp(reductions[i], "shared") == 0) continue;
    const gan_status status = configure(reductions[i], &config);
    if (status != GAN_OK) check(world, "a_configuration_is_made", false, &failures);
    /* In an iteration's first critic step, its second, and the generator's; of one shard. */
    for (int nth = 1; status == GAN_OK && nth <= 3; nth++) {
      const int shards = gan_world_size(world) > 8 ? 1 : 8 / gan_world_size(world);
      fail_once(world, config, GAN_FAULT_LOSS, 1 + (nth - 1) * shards, last, "loss is nan", &failures);
    }
    if (status == GAN_OK) fail_once(world, config, GAN_FAULT_ALLOCATION, 1, 0, "out of memory", &failures);
    gan_config_destroy(config);
  }
  gan_world_close(world);
  return failures > 0;
}
