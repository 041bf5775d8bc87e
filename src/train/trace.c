/* Tracing: what each update computed, over the whole global batch, gathered on rank 0 and written to the trace file. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/internal.h"

bool gan_trace_wants(const gan_trainer *trainer) {
  return trainer->config->trace.file[0] && trainer->traced < trainer->config->trace.steps;
}

static gan_status write_initial(gan_trainer *trainer) {
  const gan_player *generator = &trainer->generator, *critic = &trainer->critic;
  const size_t row = (size_t)(gan_trainer_sample_size(trainer) + trainer->config->generator.latent + 2);
  GAN_TRY(gan_allocate((size_t)trainer->shards.batch * row, sizeof(float), "a traced batch", &trainer->trace_gathered));
  GAN_TRY(gan_trace_open(trainer->config->trace.file, &trainer->trace));
  const gan_trace_array arrays[] = {
      {"generator", {.rank = 1, .size = {(int64_t)generator->network->parameter_count}}, generator->parameters},
      {"critic", {.rank = 1, .size = {(int64_t)critic->network->parameter_count}}, critic->parameters}};
  return gan_trace_write(trainer->trace, "/initial", 2, arrays);
}

gan_status gan_trace_begin(gan_trainer *trainer) {
  if (!gan_trace_wants(trainer)) return GAN_OK;
  const size_t samples = (size_t)gan_shards_samples(&trainer->shards);
  const size_t latent = (size_t)trainer->config->generator.latent;
  gan_status mine = gan_allocate(samples * latent, sizeof(float), "traced latents", &trainer->trace_rows);
  if (mine == GAN_OK && gan_world_rank(trainer->world) == 0) mine = write_initial(trainer);
  return gan_world_agree(trainer->world, mine);
}

/* Rows of one part of a pass, in order of the global batch, to rank 0. */
static void gather_part(gan_trainer *trainer, const gan_pass *pass, int part, size_t width, const float *rows,
                        float *all) {
  gan_pass_copy_part(pass, part, width, rows, trainer->trace_rows);
  gan_world_gather(trainer->world, &trainer->shards, width, trainer->trace_rows, all);
}

/* (batch, sizes of shape) */
static gan_shape batch_shape(const gan_trainer *trainer, const gan_shape *shape) {
  gan_shape batch = {.rank = shape->rank + 1, .size = {trainer->shards.batch}};
  memcpy(batch.size + 1, shape->size, (size_t)shape->rank * sizeof *shape->size);
  return batch;
}

/* Sets where in the gathered block an array starts; NULL on ranks that have none. */
static float *gathered(gan_trainer *trainer, int64_t floats_before_per_sample) {
  if (!trainer->trace_gathered) return NULL;
  return trainer->trace_gathered + trainer->shards.batch * floats_before_per_sample;
}

void gan_trace_step(gan_trainer *trainer, const gan_player *player, const float *real, const gan_pass *generated,
                    int part) {
  if (!gan_trace_wants(trainer)) return;
  trainer->traced++;
  const int64_t elements = gan_trainer_sample_size(trainer), latent = trainer->config->generator.latent;
  float *all_real = gathered(trainer, 0), *all_z = gathered(trainer, elements);
  float *score_real = gathered(trainer, elements + latent), *score_fake = gathered(trainer, elements + latent + 1);
  if (real) gan_world_gather(trainer->world, &trainer->shards, (size_t)elements, real, all_real);
  gather_part(trainer, generated, part, (size_t)latent, gan_pass_input(generated), all_z);
  const gan_pass *critic = trainer->critic.pass;
  if (real) gather_part(trainer, critic, 0, 1, gan_pass_output(critic), score_real);
  gather_part(trainer, critic, real ? 1 : 0, 1, gan_pass_output(critic), score_fake);
  const float *gradient = gan_reduction_gradient(player->reduction);
  if (!trainer->trace) return;

  const gan_shape scalar = {0}, scores = batch_shape(trainer, &scalar);
  const gan_shape flat = {.rank = 1, .size = {(int64_t)player->network->parameter_count}};
  const gan_trace_array arrays[] = {
      {"real", batch_shape(trainer, &trainer->source->shape), real ? all_real : NULL},
      {"z", batch_shape(trainer, &trainer->model.generator->input), all_z},
      {"score_real", scores, real ? score_real : NULL},
      {"score_fake", scores, score_fake},
      {"gradient", flat, gradient},
      {"parameters", flat, player->parameters},
  };
  gan_status status = gan_trace_update(trainer->trace, player->name, trainer->iteration, player->steps - 1,
                                       trainer->sums[GAN_SUM_LOSS], sizeof arrays / sizeof *arrays, arrays);
  if (status == GAN_OK && trainer->traced == trainer->config->trace.steps) status = gan_trace_end(trainer);
  gan_set_pending(trainer, status);
}

gan_status gan_trace_end(gan_trainer *trainer) {
  gan_trace *trace = trainer->trace;
  trainer->trace = NULL;
  return trace ? gan_trace_close(trace) : GAN_OK;
}
