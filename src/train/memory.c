#include "train/memory.h"

#include "nn/tangent.h"
#include "optim/optimizer.h"
#include "store/picture.h"
#include "train/internal.h"

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* A shard's values of a pass that generates ahead: what stays in the second or third cache. Beyond, more rows would not
   make products faster, and reading their values would make everything else slower. */
enum { AHEAD_FLOATS = 1 << 20 };

/* As many steps as are asked for and find room, looking at the largest shard. */
static gan_status find_steps_ahead(const gan_network *generator, const gan_shards *shards, int64_t critic_steps,
                                   int *steps) {
  const size_t rows = (size_t)((shards->batch + shards->count - 1) / shards->count);
  *steps = critic_steps < GAN_PARTS_MOST ? (int)critic_steps : GAN_PARTS_MOST;
  for (; *steps > 1; --*steps) {
    gan_plan *plan = NULL;
    GAN_TRY(gan_plan_create(generator, (size_t)*steps * rows, (size_t)*steps, GAN_KEEP_NOTHING, &plan));
    const bool fits = plan->floats <= AHEAD_FLOATS;
    gan_plan_destroy(plan);
    if (fits) break;
  }
  return GAN_OK;
}

/* Behind the critic's values of a critic step. */
static gan_status plan_penalty(const gan_model *model, const gan_shards *shards, int sites, gan_passes_memory *plan) {
  plan->penalty_sites = sites;
  if (sites == 0) return GAN_OK;
  GAN_TRY(gan_pass_measure(model->critic, shards, sites, GAN_KEEP_ALL, &plan->penalty));
  plan->tangents = gan_pass_measure_tangents(model->critic, shards, sites);
  plan->penalty_values = (plan->generator_sees_real ? plan->generator.values[0] : 0) + plan->critic.values[1];
  plan->values = larger(plan->values, plan->penalty_values + plan->penalty.values[sites - 1]);
  return GAN_OK;
}

gan_status gan_passes_plan(const gan_model *model, const gan_shards *shards, int64_t critic_steps,
                           bool generator_sees_real, int penalty_sites, gan_passes_memory *plan) {
  *plan = (gan_passes_memory){.generator_sees_real = generator_sees_real};
  GAN_TRY(find_steps_ahead(model->generator, shards, critic_steps, &plan->steps_ahead));
  if (plan->steps_ahead > 1)
    GAN_TRY(gan_pass_measure(model->generator, shards, plan->steps_ahead, GAN_KEEP_NOTHING, &plan->ahead));
  GAN_TRY(gan_pass_measure(model->generator, shards, 1, GAN_KEEP_FOR_BACKWARD, &plan->generator));
  GAN_TRY(gan_pass_measure(model->critic, shards, 2, GAN_KEEP_FOR_BACKWARD, &plan->critic));
  const size_t beside = plan->critic.values[plan->generator_sees_real ? 1 : 0];
  plan->values = larger(plan->generator.values[0] + beside, plan->critic.values[1]);
  plan->workspace = larger(plan->generator.workspace, plan->critic.workspace);
  return plan_penalty(model, shards, penalty_sites, plan);
}

void gan_passes_place(const gan_passes_memory *plan, float *values, float *workspace, gan_pass_memory *generator,
                      gan_pass_memory *critic) {
  *generator = (gan_pass_memory){{values, NULL}, workspace};
  float *behind = values + plan->generator.values[0];
  *critic = (gan_pass_memory){{behind, plan->generator_sees_real ? behind : values}, workspace};
}

gan_pass_memory gan_passes_place_penalty(const gan_passes_memory *plan, float *values, float *workspace) {
  gan_pass_memory memory = {.workspace = workspace};
  memory.values[plan->penalty_sites - 1] = values + plan->penalty_values;
  return memory;
}

bool gan_passes_lend(const gan_passes_memory *plan, const gan_pass_sizes *generating) {
  return generating->values[0] <= plan->values && generating->workspace <= plan->workspace;
}

int gan_state_count(const gan_config *config, bool average) {
  const bool averages = average && gan_averages(config);
  return gan_optimizer_states_used(gan_optimizer_find(config->optimizer.name), &config->optimizer) + averages;
}

size_t gan_step_sums(const gan_network *network, int parts) {
  return GAN_SUMS + (size_t)parts * network->statistic_count + (size_t)network->spectral_count;
}

gan_trainer_sizes gan_trainer_measure(const gan_config *config, const gan_model *model, const gan_source *source) {
  const int64_t wanted = config->eval.samples;
  const size_t evaluation = (size_t)(source->count && source->count < wanted ? source->count : wanted);
  const bool images = gan_picture_kind_of(&source->shape) == GAN_PICTURE_GRID;
  return (gan_trainer_sizes){.sums = larger(gan_step_sums(model->critic, 2), gan_step_sums(model->generator, 1)),
                             .latents = (size_t)config->samples.count * (size_t)config->generator.latent,
                             .evaluation = evaluation,
                             .shown = images ? smaller(evaluation, (size_t)config->samples.count) : 0,
                             .flips = config->loss.label_flips > 0 ? 2 : 0};
}

int64_t gan_evaluation_rows(const gan_config *config, const gan_shape *shape, int64_t count) {
  static const int64_t bytes_at_once = (int64_t)64 << 20;
  const int64_t blocks = bytes_at_once / (GAN_EVALUATION_ROWS * gan_shape_count(shape) * (int64_t)sizeof(float));
  const int64_t rows = (blocks > 1 ? blocks : 1) * GAN_EVALUATION_ROWS;
  return config->eval.metrics[0] || rows > count ? count : rows;
}
