/* Settings that are allowed, and rarely what was meant. Each is told once, when training begins. */
#include <string.h>

#include "train/internal.h"
#include "train/regularisers.h"

static void look_at_counts(gan_trainer *trainer) {
  const int64_t count = trainer->source->count, batch = trainer->config->train.batch;
  if (count == 0) return; /* without end */
  if (batch > count)
    gan_notice(trainer, "train.batch: a batch of %lld is more than the %lld samples that there are; it has some twice",
               (long long)batch, (long long)count);
  if (trainer->config->eval.samples > count)
    gan_notice(trainer, "eval.samples: %lld are asked for, but there are %lld; evaluations compare so many",
               (long long)trainer->config->eval.samples, (long long)count);
}

/* The last layer that gives its values their range; those behind it only arrange, average or choose them. */
static const gan_layer *last_layer(const gan_network *network) {
  int last = network->layer_count - 1;
  while (last > 0 && network->layers[last].type->keeps_range) last--;
  return &network->layers[last];
}

/* Of the samples that evaluations compare with. What is beyond by a thousandth of the range may be rounding. */
static void look_at_range(gan_trainer *trainer) {
  const gan_layer *last = last_layer(trainer->model.generator);
  const double lowest = trainer->real_lowest, highest = trainer->real_highest, slack = 1e-3 * (highest - lowest);
  if (last->lowest == 0 && last->highest == 0) return;
  if (lowest >= last->lowest - slack && highest <= last->highest + slack) return;
  gan_notice(
      trainer,
      "the data reach from %.4g to %.4g, and the generator's last layer, %s, gives %.4g to %.4g: what is outside "
      "cannot be learned; scale the data%s, or end with another layer",
      lowest, highest, last->type->name, last->lowest, last->highest,
      strcmp(trainer->source->type->name, "hdf5") == 0 ? " (data.minimum, data.maximum)" : "");
}

/* A bound that nobody has set is the one that the loss needs; one that is set may be left over, as of a preset. */
static void look_at_constraints(gan_trainer *trainer) {
  const gan_config *config = trainer->config;
  const bool otherwise = gan_is_constrained_otherwise(config);
  if (config->critic.clip > 0 && otherwise)
    gan_notice(trainer, "critic.clip = %g stays beside the critic's other regularisers; --critic.clip=0 leaves it out",
               config->critic.clip);
  if (config->critic.clip > 0 || otherwise || !trainer->loss->wants_lipschitz) return;
  gan_notice(trainer,
             "nothing keeps the critic's slope bounded, which the loss %s needs to mean anything: critic.clip, "
             "critic.clip_norm, critic.spectral_norm or a penalty (critic.gradient_penalty, critic.dragan, critic.r1, "
             "critic.r2) does",
             trainer->loss->name);
}

/* A generator learns what the critic can tell. Turned uniformly always, real samples have no upright ones. */
static void look_at_rotations(gan_trainer *trainer) {
  const gan_augmentation *augmentation = &trainer->model.augmentation;
  const gan_augment_options *options = &trainer->config->augment;
  bool rotates = false;
  for (int i = 0; i < augmentation->count; i++)
    rotates = rotates || strcmp(augmentation->types[i]->name, "rotate90") == 0;
  if (rotates && options->strength == 1 && !options->adaptive && strcmp(options->schedule, "constant") == 0)
    gan_notice(
        trainer,
        "augment.operations: rotate90 at augment.strength = 1 shows the critic all orientations alike, so "
        "generated samples may come out turned; a strength of 0.8 at most leaves the upright ones more frequent");
}

/* A schedule from a strength to the same one, and operations that are never applied. */
static void look_at_strength(gan_trainer *trainer) {
  const gan_augment_options *options = &trainer->config->augment;
  if (trainer->model.augmentation.count == 0) return;
  const bool stays = strcmp(options->schedule, "constant") == 0 || options->strength == options->final_strength;
  if (options->strength == 0 && stays)
    gan_notice(trainer, "augment.strength = 0%s: no operation of augment.operations is ever applied",
               options->adaptive ? " is the most that augment.adaptive may find" : "");
  else if (stays && strcmp(options->schedule, "constant") != 0)
    gan_notice(trainer,
               "augment.schedule = %s goes from augment.strength = %g to augment.final_strength = %g, so that nothing "
               "moves",
               options->schedule, options->strength, options->final_strength);
}

void gan_advise(gan_trainer *trainer) {
  if (gan_world_rank(trainer->world) != 0) return;
  look_at_counts(trainer);
  look_at_constraints(trainer);
  look_at_range(trainer);
  look_at_rotations(trainer);
  look_at_strength(trainer);
}
