#include "train/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/kernels.h"
#include "nn/pass.h"
#include "nn/prepare.h"

enum { GENERATE_ROWS = 64, TRUNCATION_DRAWS = 256 };

static bool same_shape(const gan_shape *a, const gan_shape *b) {
  return a->rank == b->rank && memcmp(a->size, b->size, (size_t)a->rank * sizeof *a->size) == 0;
}

/* The generator has to give what the critic is shown; a flat vector of as many values will do. */
static gan_status check_fit(const gan_model *model, const gan_shape *data) {
  char made[GAN_SHAPE_TEXT], wanted[GAN_SHAPE_TEXT];
  const gan_shape *output = &model->generator->output;
  const bool flat = output->rank == 1 || data->rank == 1;
  if (gan_shape_count(output) != gan_shape_count(data) || (!flat && !same_shape(output, data)))
    return gan_fail(GAN_BAD_USAGE,
                    "generator.layers: the last layer gives %s for each sample, the data are %s: the last layer has to "
                    "give this shape, or a vector of %lld values",
                    gan_shape_print(output, made), gan_shape_print(data, wanted), (long long)gan_shape_count(data));
  if (gan_shape_count(&model->critic->output) != 1)
    return gan_fail(GAN_BAD_USAGE,
                    "critic.layers: the last layer gives %s for each sample; a critic gives one score, so end with "
                    "\"dense 1\"",
                    gan_shape_print(&model->critic->output, made));
  return GAN_OK;
}

/* A generator's sample has to be the same however many are drawn with it. */
static gan_status check_generator(const gan_network *generator) {
  for (int i = 0; i < generator->layer_count; i++)
    if (generator->layers[i].type->critics_only)
      return gan_fail(GAN_BAD_USAGE,
                      "generator.layers: layer %d (\"%s\"): it is for critics: a sample would depend on those that are "
                      "drawn with it; leave it out",
                      generator->layers[i].line + 1, generator->layers[i].type->name);
  return GAN_OK;
}

gan_status gan_model_check_batch(const gan_model *model, int shards, int64_t batch) {
  gan_status status = gan_network_check_batch(model->generator, batch / shards, batch);
  if (status != GAN_OK) return gan_fail_prefix(status, "generator.layers: ");
  status = gan_network_check_batch(model->critic, batch / shards, batch);
  return status == GAN_OK ? status : gan_fail_prefix(status, "critic.layers: ");
}

gan_status gan_model_create(const gan_config *config, const gan_shape *data_shape, gan_model *model) {
  *model = (gan_model){0};
  gan_network_options options = {.batch_norm_sync = config->batch_norm.sync,
                                 .batch_norm_momentum = config->batch_norm.momentum,
                                 .batch_norm_epsilon = config->batch_norm.epsilon};
  gan_network_options of_critic;
  const gan_shape latent = {.rank = 1, .size = {config->generator.latent}};
  GAN_TRY(gan_backend_open(config->run.backend, gan_precision_find(config->run.precision), &options.backend));
  gan_status status = gan_network_create(config->generator.network.layers, &latent, &options, &model->generator);
  if (status != GAN_OK) return gan_fail_prefix(status, "generator.layers: ");
  of_critic = options;
  of_critic.spectral_norm = config->critic.spectral_norm;
  status = gan_network_create(config->critic.network.layers, data_shape, &of_critic, &model->critic);
  if (status != GAN_OK) status = gan_fail_prefix(status, "critic.layers: ");
  if (status == GAN_OK) status = check_generator(model->generator);
  if (status == GAN_OK) status = check_fit(model, data_shape);
  if (status == GAN_OK) status = gan_augment_choose(config, data_shape, &model->augmentation);
  if (status != GAN_OK) gan_model_release(model);
  return status;
}

void gan_model_release(gan_model *model) {
  gan_network_destroy(model->generator);
  gan_network_destroy(model->critic);
  *model = (gan_model){0};
}

/* A value beyond the bound is replaced by the first of its own further draws within it. */
static void truncate_latents(const gan_latents *latents, int64_t row, int64_t latent, float *z) {
  gan_random_address address = latents->address;
  address.sample += (uint64_t)row;
  for (int64_t i = 0; i < latent; i++) {
    if (fabsf(z[i]) <= (float)latents->truncation) continue;
    float draws[TRUNCATION_DRAWS];
    address.step = latents->address.step + 1 + (uint64_t)i;
    gan_random_normal(address, TRUNCATION_DRAWS, draws);
    int draw = 0;
    while (draw < TRUNCATION_DRAWS - 1 && fabsf(draws[draw]) > (float)latents->truncation) draw++;
    z[i] = fminf(fmaxf(draws[draw], -(float)latents->truncation), (float)latents->truncation);
  }
}

gan_latents gan_latents_of(const gan_config *config, gan_random_stream stream) {
  return (gan_latents){.address = {.seed = (uint64_t)config->run.seed, .stream = stream},
                       .uniform = strcmp(config->generator.latent_distribution, "uniform") == 0};
}

void gan_draw_latents(const gan_latents *latents, int64_t rows, int64_t latent, float *z) {
  if (latents->uniform) {
    gan_random_uniform_rows(latents->address, (size_t)rows, (size_t)latent, z);
    for (int64_t i = 0; i < rows * latent; i++) z[i] = 2 * z[i] - 1;
    return;
  }
  gan_random_normal_rows(latents->address, (size_t)rows, (size_t)latent, z);
  if (latents->truncation <= 0) return;
  for (int64_t row = 0; row < rows; row++) truncate_latents(latents, row, latent, z + row * latent);
}

gan_status gan_generate(const gan_network *generator, const float *parameters, const float *buffers, int64_t count,
                        const float *z, const gan_pass_memory *memory, float *samples) {
  gan_shards shards;
  gan_pass *pass = NULL;
  gan_preparation *preparation = NULL;
  GAN_TRY(gan_shards_plan(1, GENERATE_ROWS, 1, 0, &shards));
  gan_status status = gan_pass_create_in(generator, &shards, 1, GAN_KEEP_NOTHING, memory, &pass);
  if (status == GAN_OK) status = gan_preparation_create(generator, &preparation);
  if (status == GAN_OK) {
    const int64_t latent = gan_shape_count(&generator->input), elements = gan_shape_count(&generator->output);
    gan_network_prepare(preparation, parameters, buffers);
    pass->parameters = gan_prepared(preparation, parameters);
    pass->buffers = buffers;
    pass->training = false;
    for (int64_t done = 0; done < count && status == GAN_OK; done += GENERATE_ROWS) {
      const int64_t rows = count - done < GENERATE_ROWS ? count - done : GENERATE_ROWS;
      memcpy(gan_pass_input(pass), z + done * latent, (size_t)(rows * latent) * sizeof *z);
      gan_pass_forward(pass);
      status = gan_pass_check(pass);
      memcpy(samples + done * elements, gan_pass_output(pass), (size_t)(rows * elements) * sizeof *samples);
      if (status == GAN_OK && !isfinite(gan_square_sum((size_t)(rows * elements), samples + done * elements)))
        status = gan_fail(GAN_FAILED,
                          "the generator makes samples that are not finite: its training has diverged; "
                          "use a lower learning rate");
    }
  }
  gan_pass_destroy(pass);
  gan_preparation_destroy(preparation);
  gan_shards_release(&shards);
  return status;
}

gan_status gan_generate_measure(const gan_network *generator, gan_pass_sizes *sizes) {
  gan_shards shards;
  GAN_TRY(gan_shards_plan(1, GENERATE_ROWS, 1, 0, &shards));
  const gan_status status = gan_pass_measure(generator, &shards, 1, GAN_KEEP_NOTHING, sizes);
  if (status == GAN_OK) sizes->bytes += gan_preparation_bytes(generator);
  gan_shards_release(&shards);
  return status;
}

bool gan_averages(const gan_config *config) { return config->train.ema_decay > 0 || config->train.ema_half_life > 0; }
