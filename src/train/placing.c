/* Where a step's samples come from and go to: latents by their address, real and generated samples into the rows of the
   critic's pass. */
#include "train/step.h"

#include <string.h>

void gan_place_latents(const gan_trainer *trainer, gan_random_stream stream, int64_t step, gan_pass *pass, int part) {
  const int64_t latent = trainer->config->generator.latent;
  gan_latents latents = gan_latents_of(trainer->config, stream);
  latents.address.step = (uint64_t)step;
  for (int shard = 0; shard < pass->shards->local; shard++) {
    latents.address.sample = (uint64_t)gan_shard_begin(pass->shards, pass->shards->first + shard);
    gan_draw_latents(&latents, gan_pass_row_count(pass, shard, part), latent,
                     gan_pass_input(pass) + gan_pass_first_row(pass, shard, part) * latent);
  }
}

/* Samples of the shards that the pass holds, in order, into the input rows of one of its parts. */
static void place_samples(gan_pass *critic, int part, const float *samples) {
  const int64_t elements = gan_shape_count(&critic->network->input);
  for (int shard = 0; shard < critic->shards->local; shard++) {
    const int64_t count = gan_pass_row_count(critic, shard, part) * elements;
    memcpy(gan_pass_input(critic) + gan_pass_first_row(critic, shard, part) * elements, samples,
           (size_t)count * sizeof *samples);
    samples += count;
  }
}

void gan_place_real(gan_pass *critic, const float *samples) {
  const int64_t before = gan_shards_samples_before(critic->shards);
  place_samples(critic, 0, samples + before * gan_shape_count(&critic->network->input));
}

void gan_place_fake(gan_pass *critic, int part, const gan_pass *generated, int generated_part) {
  gan_pass_copy_between(generated, generated_part, (size_t)gan_shape_count(&critic->network->input),
                        gan_pass_output(generated), critic, part, gan_pass_input(critic));
}

/* The kept samples of one step, of the shards that a pass holds. */
static float *kept_samples(const gan_trainer *trainer, const gan_pass *pass, int part) {
  const int64_t before = part * gan_shards_samples(&trainer->shards) + gan_shards_samples_before(pass->shards);
  return trainer->kept + before * gan_shape_count(&trainer->critic.network->input);
}

void gan_keep_fake(gan_trainer *trainer) {
  const gan_pass *generated = trainer->sampling;
  for (int part = 0; part < generated->parts; part++)
    gan_pass_copy_part(generated, part, (size_t)gan_shape_count(&generated->network->output),
                       gan_pass_output(generated), kept_samples(trainer, generated, part));
}

void gan_place_kept(const gan_trainer *trainer, gan_pass *critic, int part, int kept_part) {
  place_samples(critic, part, kept_samples(trainer, critic, kept_part));
}
