/* Both networks with all that their training takes: reductions, optimiser states, passes in the memory that was planned
   for them, and how they begin. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/accumulation.h"
#include "train/internal.h"
#include "train/optimization.h"
#include "train/step.h"

/* --- Reductions --- */

gan_status gan_player_reduce(gan_trainer *trainer, const gan_network *network, bool average,
                             gan_reduction **reduction) {
  const int states = gan_state_count(trainer->config, average);
  GAN_TRY(gan_reduction_create(trainer->world, &trainer->shards, trainer->config->dist.reduction,
                               network->parameter_count, states, reduction));
  const char *reason = gan_reduction_reason(*reduction);
  if (reason[0]) gan_notice(trainer, "%s, which is slower: %s", gan_reduction_name(*reduction), reason);
  return GAN_OK;
}

gan_status gan_players_reduce(gan_trainer *trainer) {
  GAN_TRY(gan_player_reduce(trainer, trainer->model.generator, true, &trainer->generator.reduction));
  return gan_player_reduce(trainer, trainer->model.critic, false, &trainer->critic.reduction);
}

/* --- Passes --- */

static void sum_in_pass(void *context, const double *per_shard, size_t count, double *total) {
  gan_trainer *trainer = context;
  const double start = gan_begin_exchange(trainer);
  gan_world_sum(trainer->world, &trainer->shards, per_shard, count, total);
  gan_end_exchange(trainer, start);
}

/* Gradients of a network's last layers set out for other hosts while the layers before them are still at work. */
static void announce_gradients(void *context, size_t offset) {
  const gan_player *player = context;
  const gan_trainer *trainer = player->trainer;
  if (trainer->group + 1 < trainer->groups.count) return; /* sums are the step's after its last group */
  const double start = gan_begin_exchange(player->trainer);
  gan_reduction_filled(player->reduction, offset);
  gan_end_exchange(player->trainer, start);
}

gan_status gan_player_create_pass(gan_player *player, int parts, gan_keep keep, const gan_pass_memory *memory,
                                  gan_pass **pass) {
  gan_trainer *trainer = player->trainer;
  GAN_TRY(gan_pass_create_in(player->network, &trainer->groups.largest, parts, keep, memory, pass));
  gan_pass_set_shards(*pass, &trainer->groups.group[0]);
  (*pass)->parameters = gan_prepared(player->preparation, player->parameters);
  (*pass)->buffers = player->buffers;
  (*pass)->spectral_sums = player->spectral_sums;
  (*pass)->training = true;
  (*pass)->listener = (gan_pass_listener){.filled = announce_gradients, .context = player};
  if (trainer->config->batch_norm.sync) (*pass)->shard_sum = (gan_shard_sum){.sum = sum_in_pass, .context = trainer};
  return GAN_OK;
}

gan_status gan_player_create(gan_trainer *trainer, const char *name, const gan_network *network,
                             const gan_network_config *config, int parts, const gan_pass_memory *memory,
                             gan_player *player) {
  *player = (gan_player){.name = name,
                         .trainer = trainer,
                         .network = network,
                         .reduction = player->reduction,
                         .optimizer = gan_optimizer_find(trainer->config->optimizer.name),
                         .options = gan_optimizer_options_of(trainer->config, config),
                         .gradient_clip = config->gradient_clip,
                         .settled = true};
  player->states_used = gan_optimizer_states_used(player->optimizer, &player->options);
  gan_reduction_bound_norm(player->reduction, player->gradient_clip);
  player->parameters = gan_reduction_parameters(player->reduction);
  for (int i = 0; i < player->states_used; i++) player->states[i] = gan_reduction_state(player->reduction, i);
  GAN_TRY(gan_allocate(network->buffer_count, sizeof(float), "running statistics", &player->buffers));
  GAN_TRY(gan_preparation_create(network, &player->preparation));
  const size_t weights = (size_t)network->spectral_count, local = (size_t)trainer->shards.local;
  GAN_TRY(gan_allocate((local + 1) * weights, sizeof(double), "sums over shards", &player->spectral_sums));
  player->spectral_totals = player->spectral_sums + local * weights;
  return gan_player_create_pass(player, parts, GAN_KEEP_FOR_BACKWARD, memory, &player->pass);
}

void gan_player_destroy(gan_player *player) {
  gan_pass_destroy(player->pass);
  gan_reduction_destroy(player->reduction);
  gan_preparation_destroy(player->preparation);
  free(player->spectral_sums);
  free(player->buffers);
  free(player->ema_buffers);
}

/* Both networks' passes, in one block of memory as planned. */
gan_status gan_players_create(gan_trainer *trainer) {
  const gan_config *config = trainer->config;
  gan_player *generator = &trainer->generator, *critic = &trainer->critic;
  gan_passes_memory *plan = &trainer->passes;
  gan_pass_memory of_generator, of_critic;
  GAN_TRY(gan_passes_plan(&trainer->model, &trainer->groups.largest, config->train.n_critic.critic,
                          trainer->loss->generator_needs_real, gan_penalties_sites(&config->critic.penalty), plan));
  GAN_TRY(gan_allocate(plan->values, sizeof(float), "the outputs of the networks' layers", &trainer->values));
  GAN_TRY(gan_allocate(plan->workspace, sizeof(float), "a layer's columns", &trainer->workspace));
  gan_passes_place(plan, trainer->values, trainer->workspace, &of_generator, &of_critic);
  GAN_TRY(gan_player_create(trainer, "generator", trainer->model.generator, &config->generator.network, 1,
                            &of_generator, generator));
  GAN_TRY(gan_player_create(trainer, "critic", trainer->model.critic, &config->critic.network, 2, &of_critic, critic));
  critic->clip = config->critic.clip;
  critic->clip_norm = config->critic.clip_norm;
  critic->clip_rows = strcmp(config->critic.clip_norm_of, "row") == 0;
  GAN_TRY(gan_penalty_create(trainer));
  trainer->sampling = generator->pass;
  if (plan->steps_ahead == 1) return GAN_OK;
  const size_t kept = gan_accumulation_kept(&trainer->model, &trainer->shards, &trainer->groups, plan->steps_ahead);
  if (kept > 0) GAN_TRY(gan_allocate(kept, sizeof(float), "samples for several critic steps", &trainer->kept));
  trainer->sampling = NULL;
  return gan_player_create_pass(generator, plan->steps_ahead, GAN_KEEP_NOTHING, NULL, &trainer->sampling);
}

/* --- The beginning --- */

void gan_player_initialise(gan_trainer *trainer, gan_player *player, const gan_network_config *config,
                           gan_random_stream stream) {
  const gan_random_address address = {.seed = (uint64_t)trainer->config->run.seed, .stream = stream};
  gan_network_initialise(player->network, gan_initialisation_find(config->init), config->init_scale, address,
                         player->parameters, player->buffers);
}

void gan_players_initialise(gan_trainer *trainer) {
  gan_player *generator = &trainer->generator;
  if (gan_world_rank(trainer->world) != 0) return;
  gan_player_initialise(trainer, generator, &trainer->config->generator.network, GAN_STREAM_INITIALISE_GENERATOR);
  gan_player_initialise(trainer, &trainer->critic, &trainer->config->critic.network, GAN_STREAM_INITIALISE_CRITIC);
  if (generator->ema) gan_begin_average(generator);
}
