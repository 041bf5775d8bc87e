/* Augmentation in a step: real and generated samples go through it on their way into the critic, in critic steps and
   generator steps alike, and the generator's gradient comes back through its transpose. Each sample of each step draws
   its own; how likely an operation is follows the configuration, a schedule, or the critic's scores. */
#include <string.h>

#include "base/moving.h"
#include "train/step.h"

/* --- The configuration --- */

static gan_status check_keys(const gan_config *config) {
  const gan_augment_options *options = &config->augment;
  if (!options->adaptive) return GAN_OK;
  if (strcmp(options->schedule, "constant") != 0)
    return gan_fail(GAN_BAD_USAGE,
                    "augment.adaptive finds the strength by itself: it does not go with augment.schedule = %s",
                    options->schedule);
  const gan_loss *loss = gan_loss_find(config->loss.name);
  if (!loss->sign_decides)
    return gan_fail(GAN_BAD_USAGE,
                    "augment.adaptive looks at the sign of real samples' scores, which means nothing with loss.name = "
                    "%s: give an augment.strength, or use modified_minimax",
                    config->loss.name);
  return GAN_OK;
}

gan_status gan_augment_choose(const gan_config *config, const gan_shape *sample, gan_augmentation *augmentation) {
  GAN_TRY(gan_augmentation_choose(config->augment.operations, sample, augmentation));
  return check_keys(config);
}

/* --- Strength --- */

double gan_scheduled_strength(const gan_config *config, int64_t done) {
  const gan_augment_options *options = &config->augment;
  const double progress = gan_run_progress(done, config->run.iterations);
  if (strcmp(options->schedule, "constant") == 0) return options->strength;
  if (strcmp(options->schedule, "cosine") == 0) return gan_moved(options->strength, options->final_strength, progress);
  return options->strength + (options->final_strength - options->strength) * progress;
}

double gan_augment_strength(const gan_trainer *trainer) {
  if (trainer->config->augment.adaptive) return trainer->augment_strength;
  return gan_scheduled_strength(trainer->config, trainer->iteration);
}

void gan_augment_adapt(gan_trainer *trainer) {
  const gan_augment_options *options = &trainer->config->augment;
  const int64_t batch = trainer->shards.batch;
  if (!options->adaptive) return;
  trainer->augment_strength = gan_augmentation_adapt(options, trainer->augment_strength,
                                                     trainer->sums[GAN_SUM_SIGN_REAL] / (double)batch, batch);
}

/* --- Samples --- */

/* Of the first sample of a shard that the passes hold. A step of a network has four steps of random numbers: so the
   critic's and the generator's steps, and real and generated samples of either, all draw their own. */
static gan_random_address address_of(const gan_trainer *trainer, const gan_player *player, bool real, int shard) {
  const gan_shards *shards = trainer->critic.pass->shards;
  const uint64_t kind = (player == &trainer->critic ? 0 : 2) + (real ? 0 : 1);
  return (gan_random_address){
      .seed = (uint64_t)trainer->config->run.seed,
      .stream = GAN_STREAM_AUGMENT,
      .step = 4 * (uint64_t)player->steps + kind,
      .sample = (uint64_t)gan_shard_begin(shards, shards->first + shard),
  };
}

void gan_augment_part(const gan_trainer *trainer, const gan_player *player, bool real, gan_augmentation_way way,
                      const gan_pass *pass, int part, float *rows) {
  const gan_augmentation *augmentation = &trainer->model.augmentation;
  const double strength = gan_augment_strength(trainer);
  for (int shard = 0; shard < pass->shards->local && augmentation->count; shard++)
    gan_augmentation_rows(augmentation, address_of(trainer, player, real, shard), strength, way,
                          gan_pass_row_count(pass, shard, part),
                          rows + gan_pass_first_row(pass, shard, part) * augmentation->elements);
}

/* Where a step has real samples, they are the first part. */
void gan_augment_input(const gan_trainer *trainer, const gan_player *player) {
  const gan_pass *pass = trainer->critic.pass;
  for (int part = 0; part < pass->parts; part++)
    gan_augment_part(trainer, player, pass->parts == 2 && part == 0, GAN_AUGMENT_FORWARD, pass, part,
                     gan_pass_input(pass));
}

void gan_augment_gradient(const gan_trainer *trainer) {
  const gan_player *generator = &trainer->generator;
  gan_augment_part(trainer, generator, false, GAN_AUGMENT_TRANSPOSE, generator->pass, 0,
                   gan_pass_output_gradient(generator->pass));
}

void gan_augment_draws(const gan_trainer *trainer, const gan_player *player, bool real, float *draws) {
  const gan_augmentation *augmentation = &trainer->model.augmentation;
  const double strength = gan_augment_strength(trainer);
  for (int shard = 0; shard < trainer->shards.local; shard++) {
    gan_random_address address = address_of(trainer, player, real, shard);
    const int64_t count = gan_pass_row_count(trainer->critic.pass, shard, 0);
    for (int64_t row = 0; row < count; row++, address.sample++) {
      gan_augmentation_draw drawn[GAN_AUGMENTATIONS];
      gan_augmentation_draws(augmentation, address, strength, drawn);
      for (int i = 0; i < augmentation->count; i++, draws += GAN_AUGMENTATION_VALUES)
        memcpy(draws, drawn[i].value, sizeof drawn[i].value);
    }
  }
}
