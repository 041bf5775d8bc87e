/* Tracing: what each update computed, over the whole global batch, gathered on rank 0 and written to the trace file. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/step.h"

/* Arrays of one update; samples beside each other in one: real, generated, around real ones; numbers that each has
   beside: two scores, two flips, a weight, a place. */
enum { ARRAYS_MOST = 24, SAMPLES = 3, NUMBERS = 6 };

/* The update that is being traced. Arrays of samples are brought to rank 0 as they are added, one after the other. */
struct gan_tracing {
  float *rows;     /* of one part, (local samples, what one sample has), in order of the global batch */
  float *gathered; /* rank 0: the same of the global batch, of all quantities; NULL elsewhere */
  size_t used;     /* floats of it */
  double loss;
  float penalty;
  size_t count;
  gan_trace_array arrays[ARRAYS_MOST];
};

bool gan_trace_wants(const gan_trainer *trainer) {
  return trainer->config->trace.file[0] && trainer->traced < trainer->config->trace.steps;
}

/* Floats of one sample in all that an update may have. */
static size_t row_floats(const gan_trainer *trainer) {
  const size_t elements = (size_t)gan_trainer_sample_size(trainer);
  const size_t draws = (size_t)trainer->model.augmentation.count * GAN_AUGMENTATION_VALUES;
  return SAMPLES * elements + (size_t)trainer->config->generator.latent + NUMBERS + 2 * draws;
}

static gan_shape flat_shape(size_t count) { return (gan_shape){.rank = 1, .size = {(int64_t)count}}; }

/* A network's flat vectors; one that it has nothing of is absent. */
static gan_trace_array parameters_of(const gan_player *player, const char *name) {
  return (gan_trace_array){name, flat_shape(player->network->parameter_count), player->parameters};
}

static gan_trace_array buffers_of(const gan_player *player, const char *name) {
  const size_t count = player->network->buffer_count;
  return (gan_trace_array){name, flat_shape(count), count > 0 ? player->buffers : NULL};
}

static gan_status write_initial(gan_trainer *trainer) {
  const gan_player *generator = &trainer->generator, *critic = &trainer->critic;
  GAN_TRY(gan_allocate((size_t)trainer->shards.batch * row_floats(trainer), sizeof(float), "a traced batch",
                       &trainer->tracing->gathered));
  GAN_TRY(gan_trace_open(trainer->config->trace.file, &trainer->trace));
  const gan_trace_array arrays[] = {parameters_of(generator, "generator"), parameters_of(critic, "critic"),
                                    buffers_of(generator, "generator_buffers"), buffers_of(critic, "critic_buffers")};
  return gan_trace_write(trainer->trace, "/initial", sizeof arrays / sizeof *arrays, arrays);
}

static gan_status begin(gan_trainer *trainer) {
  const size_t samples = (size_t)gan_shards_samples(&trainer->shards);
  GAN_TRY(gan_allocate(1, sizeof *trainer->tracing, "a trace", &trainer->tracing));
  GAN_TRY(gan_allocate(samples * row_floats(trainer), sizeof(float), "traced samples", &trainer->tracing->rows));
  return gan_world_rank(trainer->world) == 0 ? write_initial(trainer) : GAN_OK;
}

gan_status gan_trace_begin(gan_trainer *trainer) {
  return gan_trace_wants(trainer) ? gan_world_agree(trainer->world, begin(trainer)) : GAN_OK;
}

static void add(gan_trainer *trainer, gan_trace_array array) {
  trainer->tracing->arrays[trainer->tracing->count++] = array;
}

/* (batch, sizes of shape) */
static gan_shape batch_shape(const gan_trainer *trainer, const gan_shape *shape) {
  gan_shape batch = {.rank = shape->rank + 1, .size = {trainer->shards.batch}};
  memcpy(batch.size + 1, shape->size, (size_t)shape->rank * sizeof *shape->size);
  return batch;
}

/* What tracing->rows holds, each row of `shape`. */
static void add_rows(gan_trainer *trainer, const char *name, const gan_shape *shape) {
  struct gan_tracing *tracing = trainer->tracing;
  const size_t width = (size_t)gan_shape_count(shape);
  float *all = tracing->gathered ? tracing->gathered + tracing->used : NULL;
  gan_world_gather(trainer->world, &trainer->shards, width, tracing->rows, all);
  add(trainer, (gan_trace_array){name, batch_shape(trainer, shape), all});
  tracing->used += (size_t)trainer->shards.batch * width;
}

/* Rows of one part of a pass. */
static void add_part(gan_trainer *trainer, const char *name, const gan_shape *shape, const gan_pass *pass, int part,
                     const float *rows) {
  gan_pass_copy_part(pass, part, (size_t)gan_shape_count(shape), rows, trainer->tracing->rows);
  add_rows(trainer, name, shape);
}

/* What the critic saw, and made of it. Where a step has real samples, they are the first part. */
static void add_scores(gan_trainer *trainer) {
  const gan_pass *pass = trainer->critic.pass;
  const gan_shape *sample = &trainer->source->shape, score = {0};
  const int fake = pass->parts - 1;
  if (fake > 0) {
    add_part(trainer, "real", sample, pass, 0, gan_pass_input(pass));
    add_part(trainer, "score_real", &score, pass, 0, gan_pass_output(pass));
  }
  add_part(trainer, "fake", sample, pass, fake, gan_pass_input(pass));
  add_part(trainer, "score_fake", &score, pass, fake, gan_pass_output(pass));
}

/* How the samples became what the critic saw. */
static void add_augmentation(gan_trainer *trainer, const gan_player *player, bool real) {
  const int count = trainer->model.augmentation.count;
  const gan_shape draws = {.rank = 2, .size = {count, GAN_AUGMENTATION_VALUES}};
  if (count == 0) return;
  gan_augment_draws(trainer, player, real, trainer->tracing->rows);
  add_rows(trainer, real ? "augmentation_real" : "augmentation_fake", &draws);
}

/* One number of each local sample. */
static void add_numbers(gan_trainer *trainer, const char *name, const float *numbers) {
  const gan_shape scalar = {0};
  memcpy(trainer->tracing->rows, numbers, (size_t)gan_shards_samples(&trainer->shards) * sizeof *numbers);
  add_rows(trainer, name, &scalar);
}

static void add_flips(gan_trainer *trainer, const char *name, const bool *flips) {
  const gan_shape flip = {0};
  for (int64_t i = 0; i < gan_shards_samples(&trainer->shards); i++) trainer->tracing->rows[i] = flips[i];
  add_rows(trainer, name, &flip);
}

/* What the loss takes beside scores. */
static void add_options_of_samples(gan_trainer *trainer, const gan_player *player) {
  const int64_t samples = gan_shards_samples(&trainer->shards);
  if (trainer->label_flips && player == &trainer->critic) {
    add_flips(trainer, "flipped_real", trainer->label_flips);
    add_flips(trainer, "flipped_fake", trainer->label_flips + samples);
  }
  if (trainer->real_weights && trainer->critic.pass->parts > 1) add_numbers(trainer, "weights", trainer->real_weights);
}

/* What gradient penalties added to the critic's loss, and where they looked. */
static void add_penalty(gan_trainer *trainer) {
  const gan_shape scalar = {0};
  const float *interpolation = gan_penalty_interpolation(trainer);
  trainer->tracing->penalty = (float)trainer->sums[GAN_SUM_PENALTY];
  const gan_penalty_work *work = &trainer->penalty;
  const int around_real = work->part[GAN_SITE_AROUND_REAL];
  if (!work->pass || !work->due) return;
  add(trainer, (gan_trace_array){"penalty", scalar, &trainer->tracing->penalty});
  if (around_real >= 0)
    add_part(trainer, "around_real", &trainer->source->shape, work->pass, around_real, gan_pass_input(work->pass));
  if (interpolation) add_numbers(trainer, "interpolation", interpolation);
}

void gan_trace_samples(gan_trainer *trainer, const gan_player *player, const gan_pass *generated, int part) {
  if (!gan_trace_wants(trainer)) return;
  trainer->tracing->count = trainer->tracing->used = 0;
  trainer->tracing->loss = trainer->sums[GAN_SUM_LOSS];
  add_part(trainer, "z", &trainer->model.generator->input, generated, part, gan_pass_input(generated));
  add_scores(trainer);
  if (trainer->critic.pass->parts > 1) add_augmentation(trainer, player, true);
  add_augmentation(trainer, player, false);
  add_options_of_samples(trainer, player);
  if (player == &trainer->critic) add_penalty(trainer);
}

void gan_trace_result(gan_trainer *trainer, gan_player *player) {
  if (!gan_trace_wants(trainer)) return;
  trainer->traced++;
  const float *gradient = gan_reduction_gradient(player->reduction);
  /* The parameters are complete now: their singular vectors, too, are those that the network runs with from here on. */
  if (!player->prepared) gan_player_prepare(player, true);
  const struct gan_tracing *tracing = trainer->tracing;
  add(trainer, (gan_trace_array){"gradient", flat_shape(player->network->parameter_count), gradient});
  add(trainer, parameters_of(player, "parameters"));
  add(trainer, buffers_of(player, "buffers"));
  if (!trainer->trace) return;

  gan_status status = gan_trace_update(trainer->trace, player->name, trainer->iteration, player->steps - 1,
                                       tracing->loss, tracing->count, tracing->arrays);
  if (status == GAN_OK && trainer->traced == trainer->config->trace.steps) status = gan_trace_end(trainer);
  gan_set_pending(trainer, status);
}

gan_status gan_trace_end(gan_trainer *trainer) {
  gan_trace *trace = trainer->trace;
  trainer->trace = NULL;
  return trace ? gan_trace_close(trace) : GAN_OK;
}

void gan_trace_release(gan_trainer *trainer) {
  if (!trainer->tracing) return;
  free(trainer->tracing->rows);
  free(trainer->tracing->gathered);
  free(trainer->tracing);
}
