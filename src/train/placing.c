/* Where a step's samples come from and go to: latents by their address, real and generated samples into the rows of the
   critic's pass. */
#include "train/step.h"

#include <string.h>

void gan_place_latents(const gan_trainer *trainer, gan_random_stream stream, int64_t step, gan_pass *pass, int part) {
  const int64_t latent = trainer->config->generator.latent;
  gan_latents latents = gan_latents_of(trainer->config, stream);
  latents.address.step = (uint64_t)step;
  for (int shard = 0; shard < trainer->shards.local; shard++) {
    latents.address.sample = (uint64_t)gan_shard_begin(&trainer->shards, trainer->shards.first + shard);
    gan_draw_latents(&latents, gan_pass_row_count(pass, shard, part), latent,
                     gan_pass_input(pass) + gan_pass_first_row(pass, shard, part) * latent);
  }
}

void gan_place_real(gan_pass *critic, const float *samples) {
  const int64_t elements = gan_shape_count(&critic->network->input);
  for (int shard = 0; shard < critic->shards->local; shard++) {
    const int64_t count = gan_pass_row_count(critic, shard, 0) * elements;
    memcpy(gan_pass_input(critic) + gan_pass_first_row(critic, shard, 0) * elements, samples,
           (size_t)count * sizeof *samples);
    samples += count;
  }
}

void gan_place_fake(gan_pass *critic, int part, const gan_pass *generated, int generated_part) {
  const int64_t elements = gan_shape_count(&critic->network->input);
  for (int shard = 0; shard < critic->shards->local; shard++)
    memcpy(gan_pass_input(critic) + gan_pass_first_row(critic, shard, part) * elements,
           gan_pass_output(generated) + gan_pass_first_row(generated, shard, generated_part) * elements,
           (size_t)(gan_pass_row_count(critic, shard, part) * elements) * sizeof(float));
}
