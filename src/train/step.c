/* One iteration of training, as docs/design.md section 2 draws it: n_critic critic steps, then one generator step.

   Each rank computes on its own shards; what leaves a rank are sums over shards: a few scalars with the batch
   statistics, and the gradients. Both are summed along the shard tree, so every rank holds the same bits afterwards,
   takes the same decisions from them, and applies the same update. An error on one rank travels with the scalars: every
   rank learns of it in the same step, before any parameter changes. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/float_bits.h"
#include "base/number.h"
#include "train/internal.h"
#include "train/phases.h"

/* Numbers that a step of this player sums over shards. */
static size_t sum_count(const gan_player *player) {
  return GAN_SUMS + (size_t)player->pass->parts * player->network->buffer_count;
}

/* The latents of one step, into one part of a generator's pass. */
static void draw_latents(const gan_trainer *trainer, gan_random_stream stream, int64_t step, gan_pass *pass, int part) {
  const int64_t latent = trainer->config->generator.latent;
  gan_latents latents = gan_latents_of(trainer->config, stream);
  latents.address.step = (uint64_t)step;
  for (int shard = 0; shard < trainer->shards.local; shard++) {
    latents.address.sample = (uint64_t)gan_shard_begin(&trainer->shards, trainer->shards.first + shard);
    gan_draw_latents(&latents, gan_pass_row_count(pass, shard, part), latent,
                     gan_pass_input(pass) + gan_pass_first_row(pass, shard, part) * latent);
  }
}

/* Copies samples of the local shards, in order of the global batch, into the input rows of the critic's first part. */
static void place_real(gan_pass *critic, const float *samples) {
  const int64_t elements = gan_shape_count(&critic->network->input);
  for (int shard = 0; shard < critic->shards->local; shard++) {
    const int64_t count = gan_pass_row_count(critic, shard, 0) * elements;
    memcpy(gan_pass_input(critic) + gan_pass_first_row(critic, shard, 0) * elements, samples,
           (size_t)count * sizeof *samples);
    samples += count;
  }
}

/* Copies what a generator's pass made in one of its parts into the input rows of one of the critic's. */
static void place_fake(gan_pass *critic, int part, const gan_pass *generated, int generated_part) {
  const int64_t elements = gan_shape_count(&critic->network->input);
  for (int shard = 0; shard < critic->shards->local; shard++)
    memcpy(gan_pass_input(critic) + gan_pass_first_row(critic, shard, part) * elements,
           gan_pass_output(generated) + gan_pass_first_row(generated, shard, generated_part) * elements,
           (size_t)(gan_pass_row_count(critic, shard, part) * elements) * sizeof(float));
}

double gan_begin_exchange(gan_trainer *trainer) {
  gan_watchdog_beat(trainer->world, GAN_AT_EXCHANGE);
  return gan_seconds();
}

void gan_end_exchange(gan_trainer *trainer, double start) {
  trainer->seconds_communication += gan_seconds() - start;
  gan_watchdog_beat(trainer->world, GAN_AT_COMPUTATION);
}

/* The loss of each local shard and its gradient with respect to the scores, which starts the backward pass. */
static void compute_loss(gan_trainer *trainer, const gan_player *player) {
  gan_pass *pass = trainer->critic.pass;
  const bool critic = player == &trainer->critic;
  const size_t stride = sum_count(player);
  const float *scores = gan_pass_output(pass);
  float *gradient = gan_pass_output_gradient(pass);
  for (int shard = 0; shard < trainer->shards.local; shard++) {
    const int64_t real = gan_pass_first_row(pass, shard, 0), fake = gan_pass_first_row(pass, shard, critic ? 1 : 0);
    const gan_scores batch = {.count = gan_pass_row_count(pass, shard, 0),
                              .batch = trainer->shards.batch,
                              .real = critic ? scores + real : NULL,
                              .fake = scores + fake,
                              .real_gradient = critic ? gradient + real : NULL,
                              .fake_gradient = gradient + fake};
    double *sums = trainer->shard_sums + (size_t)shard * stride;
    sums[GAN_SUM_LOSS] = critic ? trainer->loss->critic(&trainer->config->loss, &batch)
                                : trainer->loss->generator(&trainer->config->loss, &batch);
    if (gan_fault_strikes(GAN_FAULT_LOSS)) sums[GAN_SUM_LOSS] = NAN;
    for (int64_t i = 0; i < batch.count; i++) {
      if (batch.real) sums[GAN_SUM_SCORE_REAL] += batch.real[i] / (double)batch.batch;
      sums[GAN_SUM_SCORE_FAKE] += batch.fake[i] / (double)batch.batch;
    }
  }
}

/* Sums the step's scalars and batch statistics over all shards, and finds out together whether the step may count. */
static gan_status sum_shards(gan_trainer *trainer, const gan_player *player, gan_status mine) {
  const size_t stride = sum_count(player), buffers = player->network->buffer_count;
  for (int shard = 0; shard < trainer->shards.local; shard++) {
    double *sums = trainer->shard_sums + (size_t)shard * stride;
    sums[GAN_SUM_FAILED] = mine != GAN_OK;
    sums[GAN_SUM_STOP] = gan_stop_requested();
    sums[GAN_SUM_UPDATED] = shard == 0 ? (double)trainer->critic.updated : 0;
    sums[GAN_SUM_CLIPPED] = shard == 0 ? (double)trainer->critic.clipped : 0;
    for (int part = 0; part < player->pass->parts && buffers; part++)
      memcpy(sums + GAN_SUMS + (size_t)part * buffers, player->pass->statistics[part] + (size_t)shard * buffers,
             buffers * sizeof *sums);
  }
  const double start = gan_begin_exchange(trainer);
  gan_world_sum(trainer->world, &trainer->shards, trainer->shard_sums, stride, trainer->sums);
  gan_end_exchange(trainer, start);
  memset(trainer->shard_sums, 0, (size_t)trainer->shards.local * stride * sizeof *trainer->shard_sums);

  if (trainer->sums[GAN_SUM_STOP] > 0) trainer->stop = true;
  if (trainer->sums[GAN_SUM_FAILED] > 0) return gan_world_agree(trainer->world, mine);
  if (!isfinite(trainer->sums[GAN_SUM_LOSS]))
    return gan_fail(GAN_FAILED, "the %s's loss is %g in iteration %lld", player->name,
                    gan_shown(trainer->sums[GAN_SUM_LOSS]), (long long)trainer->iteration + 1);
  return GAN_OK;
}

/* ema += (1 - decay) (weights - ema), with a decay that starts low so that the first weights are soon forgotten. */
static float ema_decay(const gan_player *player, int64_t steps) {
  const double warm = (1 + (double)steps) / (10 + (double)steps);
  return (float)fmin(player->ema_decay, warm);
}

/* A rank alone exchanges nothing in a reduction, and need not look at the clock twice for each range. */
static bool is_alone(const gan_player *player) { return gan_world_size(player->trainer->world) == 1; }

/* Updates a range of the parameters: optimiser, weight clipping, moving average. Runs inside the reduction. */
static void update_range(void *context, size_t offset, size_t count, const float *gradient) {
  gan_player *player = context;
  const bool alone = is_alone(player);
  const double start = alone ? 0 : gan_seconds();
  float *states[GAN_OPTIMIZER_STATES] = {NULL};
  for (int i = 0; i < player->states_used; i++) states[i] = player->states[i] + offset;
  player->optimizer->update(&player->options, player->learning_rate, player->steps + 1, count,
                            player->parameters + offset, gradient, states);
  if (player->clip > 0) player->clipped += (int64_t)gan_clip(count, (float)player->clip, player->parameters + offset);
  if (player->ema) {
    const float decay = ema_decay(player, player->steps + 1);
    gan_average(count, decay, player->ema + offset, 1 - decay, player->parameters + offset);
  }
  player->updated += (int64_t)count;
  if (!alone) player->update_seconds += gan_seconds() - start;
}

/* Moves running statistics towards the batch's: the mean over shards, part after part as if they came in turn; and
   their moving average after them. */
static void update_buffers(gan_trainer *trainer, gan_player *player) {
  const size_t count = player->network->buffer_count;
  const double momentum = player->network->options.batch_norm_momentum;
  for (int part = 0; part < player->pass->parts; part++)
    for (size_t i = 0; i < count; i++) {
      const double batch = trainer->sums[GAN_SUMS + (size_t)part * count + i] / trainer->shards.count;
      player->buffers[i] = (float)((1 - momentum) * player->buffers[i] + momentum * batch);
    }
  if (player->ema) {
    const float decay = ema_decay(player, player->steps + 1);
    gan_average(count, decay, player->ema_buffers, 1 - decay, player->buffers);
  }
}

/* Waits until every rank's part of a network's last update is in; only then is the gradient's norm known. Its square is
   as large as that of any element at least; and a mean square that is infinite once stays so, and its parameter where
   it is. */
static gan_status settle(gan_trainer *trainer, gan_player *player) {
  const double start = gan_begin_exchange(trainer);
  const double squares = gan_reduction_await(player->reduction);
  gan_end_exchange(trainer, start);
  player->gradient_norm = sqrt(squares);
  if (!isfinite(squares))
    return gan_fail(GAN_FAILED, "the %s's gradient is not finite in iteration %lld", player->name,
                    (long long)trainer->iteration + 1);
  if (player->optimizer->squares_gradient && squares > (double)FLT_MAX)
    return gan_fail(GAN_FAILED,
                    "the %s's gradient is too large for %s to square it (norm %.2g, in iteration %lld): use a lower "
                    "learning rate, or critic.clip",
                    player->name, player->optimizer->name, player->gradient_norm, (long long)trainer->iteration + 1);
  return GAN_OK;
}

/* What this rank has met so far in the step: `mine`, or else a layer that could not make sense of its input. */
static gan_status check_pass(const gan_player *player, const gan_pass *pass, gan_status mine) {
  if (mine != GAN_OK) return mine;
  const gan_status status = gan_pass_check(pass);
  return status == GAN_OK ? status : gan_fail_prefix(status, "%s.layers: ", player->name);
}

/* Between two updates, of either network, each network runs at most once, so that the number of updates so far tells
   all of a network's passes apart. */
static gan_status forward(gan_trainer *trainer, gan_player *player, gan_pass *pass) {
  const bool critic = player == &trainer->critic;
  GAN_TRY(settle(trainer, player));
  pass->random = (gan_random_address){.seed = (uint64_t)trainer->config->run.seed,
                                      .stream = critic ? GAN_STREAM_DROPOUT_CRITIC : GAN_STREAM_DROPOUT_GENERATOR,
                                      .step = (uint64_t)(trainer->critic.steps + trainer->generator.steps)};
  gan_pass_forward(pass);
  return GAN_OK;
}

/* Fresh latents and their samples for the next critic steps, at most `steps`, with a part for each: the generator stays
   as it is until its own step, and few rows hardly pay for reading its weights. */
static gan_status generate_ahead(gan_trainer *trainer, int64_t steps) {
  gan_pass *pass = trainer->sampling;
  gan_pass_set_parts(pass, steps < pass->most_parts ? (int)steps : pass->most_parts);
  for (int part = 0; part < pass->parts; part++)
    draw_latents(trainer, GAN_STREAM_LATENT_CRITIC, trainer->critic.steps + part, pass, part);
  return forward(trainer, &trainer->generator, pass);
}

/* Reduces the gradients over shards and ranks, and has the parameters updated, each range by some rank or by all. */
static void update_player(gan_trainer *trainer, gan_player *player) {
  player->learning_rate = gan_scheduled_rate(&player->options, trainer->iteration, trainer->config->run.iterations);
  player->updated = player->clipped = 0;
  player->update_seconds = 0;
  const double start = gan_begin_exchange(trainer);
  gan_reduction_update(player->reduction, update_range, player, gan_trace_wants(trainer));
  gan_end_exchange(trainer, is_alone(player) ? gan_seconds() : start + player->update_seconds);
  update_buffers(trainer, player);
  player->steps++;
}

/* What a fault of memory does, for the tests: half of a weight's value comes or goes. */
static void flip_bit(float *weight) { *weight = float_of_bits(bits_of_float(*weight) ^ (uint32_t)1 << 22); }

/* Step `step` of the iteration's `steps`. */
static gan_status critic_step(gan_trainer *trainer, int64_t step, int64_t steps) {
  gan_player *critic = &trainer->critic, *generator = &trainer->generator;
  gan_pass *generated = trainer->sampling;
  const int part = (int)(step % generated->most_parts);

  /* Real samples, and generated ones. */
  gan_watchdog_beat(trainer->world, GAN_AT_DATA);
  const double start = gan_seconds();
  const float *real = NULL;
  const int32_t *labels = NULL;
  gan_status mine = gan_loader_next(trainer->loader, &real, &labels);
  if (mine == GAN_OK && trainer->pending != GAN_OK) mine = gan_fail(trainer->pending, "%s", trainer->pending_message);
  trainer->seconds_data += gan_seconds() - start;
  gan_watchdog_beat(trainer->world, GAN_AT_COMPUTATION);
  if (part == 0) GAN_TRY(generate_ahead(trainer, steps - step));
  mine = check_pass(generator, generated, mine);

  /* Both through the critic side by side, and back; from here on this step's generated samples are the critic's input
     only: its pass may compute where they were made (memory.h). */
  gan_pass_set_parts(critic->pass, 2);
  if (mine == GAN_OK) place_real(critic->pass, real);
  place_fake(critic->pass, 1, generated, part);
  critic->pass->slots = gan_reduction_slots(critic->reduction);
  GAN_TRY(forward(trainer, critic, critic->pass));
  mine = check_pass(critic, critic->pass, mine);
  compute_loss(trainer, critic);
  gan_pass_backward(critic->pass, false);

  /* One gradient for all ranks, one update, one clipping. */
  GAN_TRY(sum_shards(trainer, critic, mine));
  update_player(trainer, critic);
  gan_trace_step(trainer, critic, real, generated, part);
  return GAN_OK;
}

static gan_status generator_step(gan_trainer *trainer) {
  gan_player *critic = &trainer->critic, *generator = &trainer->generator;

  draw_latents(trainer, GAN_STREAM_LATENT_GENERATOR, generator->steps, generator->pass, 0);
  generator->pass->slots = gan_reduction_slots(generator->reduction);
  GAN_TRY(forward(trainer, generator, generator->pass));
  gan_status mine = check_pass(generator, generator->pass, GAN_OK);

  /* Through the critic and back to its input, beside what the generator's pass keeps: only the generator learns from
   * this. */
  gan_pass_set_parts(critic->pass, 1);
  place_fake(critic->pass, 0, generator->pass, 0);
  critic->pass->slots = NULL;
  GAN_TRY(forward(trainer, critic, critic->pass));
  mine = check_pass(critic, critic->pass, mine);
  compute_loss(trainer, generator);
  /* One part each: the critic's input rows are the generator's output rows. */
  const size_t elements = (size_t)(generator->pass->rows * gan_shape_count(&generator->network->output));
  memcpy(gan_pass_output_gradient(generator->pass), gan_pass_backward(critic->pass, true), elements * sizeof(float));
  gan_pass_backward(generator->pass, false);

  GAN_TRY(sum_shards(trainer, generator, mine));
  /* Nobody reads the critic any more in this step, and all ranks still meet in the generator's update. */
  if (gan_fault_strikes(GAN_FAULT_BIT)) flip_bit(critic->parameters);
  update_player(trainer, generator);
  gan_trace_step(trainer, generator, NULL, generator->pass, 0);
  return GAN_OK;
}

int64_t gan_critic_steps_of(const gan_config *config, int64_t iteration) {
  const bool early = iteration < config->train.warmup_iterations;
  const bool again = config->train.warmup_iterations > 0 && config->train.warmup_every > 0 &&
                     iteration % config->train.warmup_every == 0;
  return early || again ? config->train.warmup_n_critic : config->train.n_critic;
}

static gan_phase_clocks read_clocks(const gan_trainer *trainer) {
  const gan_waited waited = gan_world_waited(trainer->world);
  return (gan_phase_clocks){.wall = gan_seconds(),
                            .data = trainer->seconds_data,
                            .exchange = trainer->seconds_communication,
                            .waited = waited.seconds,
                            .spinning = waited.spinning,
                            .on_core = gan_thread_seconds()};
}

/* Where the time since `start` went. */
static void tell_times(const gan_trainer *trainer, const gan_phase_clocks *start, int64_t critic_steps,
                       gan_iteration *values) {
  const gan_phase_clocks end = read_clocks(trainer), passed = gan_phase_clocks_between(start, &end);
  const gan_phases phases = gan_phases_split(&passed);
  values->seconds = trainer->seconds_before + end.wall - trainer->started;
  values->samples_per_second = (double)(critic_steps * trainer->shards.batch) / passed.wall;
  values->seconds_data = phases.data;
  values->seconds_compute = phases.compute;
  values->seconds_summing = phases.summing;
  values->seconds_waiting = phases.waiting;
  values->seconds_communication = passed.exchange;
}

gan_status gan_train_iteration(gan_trainer *trainer, gan_iteration *values) {
  const gan_phase_clocks start = read_clocks(trainer);
  const int64_t critic_steps = gan_critic_steps_of(trainer->config, trainer->iteration);
  gan_player *critic = &trainer->critic, *generator = &trainer->generator;

  for (int64_t step = 0; step < critic_steps; step++) GAN_TRY(critic_step(trainer, step, critic_steps));
  *values = (gan_iteration){
      .critic_loss = trainer->sums[GAN_SUM_LOSS],
      .score_real = trainer->sums[GAN_SUM_SCORE_REAL],
      .score_fake = trainer->sums[GAN_SUM_SCORE_FAKE],
      .wasserstein_distance = trainer->sums[GAN_SUM_SCORE_REAL] - trainer->sums[GAN_SUM_SCORE_FAKE],
  };
  GAN_TRY(generator_step(trainer));
  values->generator_loss = trainer->sums[GAN_SUM_LOSS];
  GAN_TRY(settle(trainer, critic));
  GAN_TRY(settle(trainer, generator));
  trainer->iteration++;

  values->iteration = trainer->iteration;
  values->iterations = trainer->config->run.iterations;
  values->critic_gradient_norm = critic->gradient_norm;
  values->generator_gradient_norm = generator->gradient_norm;
  values->clipped_fraction = trainer->sums[GAN_SUM_CLIPPED] / trainer->sums[GAN_SUM_UPDATED];
  values->learning_rate_critic = critic->learning_rate;
  values->learning_rate_generator = generator->learning_rate;
  tell_times(trainer, &start, critic_steps, values);
  return GAN_OK;
}
