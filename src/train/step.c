/* One iteration of training, as docs/design.md section 2 draws it: n_critic critic steps, then one generator step; or
   one critic step and several of the generator. In simultaneous order the last critic step waits, with its gradients in
   their slots, for the generator's gradients, and both networks are updated then.

   Each rank computes on its own shards; what leaves a rank are sums over shards: a few scalars with the batch
   statistics, and the gradients. Both are summed along the shard tree, so every rank holds the same bits afterwards,
   takes the same decisions from them, and applies the same update. A rank may compute its shards in groups, one after
   the other (train.accumulate): their sums are the step's once the last is done. An error on one rank travels with the
   scalars: every rank learns of it in the same step, before any parameter changes. */
#include "train/step.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/float_bits.h"
#include "train/optimization.h"

gan_status gan_step_check(const gan_player *player, const gan_pass *pass, gan_status mine) {
  if (mine != GAN_OK) return mine;
  const gan_status status = gan_pass_check(pass);
  return status == GAN_OK ? status : gan_fail_prefix(status, "%s.layers: ", player->name);
}

/* Fresh latents and their samples for the next critic steps, at most `steps`, with a part for each: the generator stays
   as it is until its own step, and few rows hardly pay for reading its weights. */
static gan_status generate_ahead(gan_trainer *trainer, int64_t steps) {
  gan_pass *pass = trainer->sampling;
  gan_pass_set_parts(pass, steps < pass->most_parts ? (int)steps : pass->most_parts);
  for (int part = 0; part < pass->parts; part++)
    gan_place_latents(trainer, GAN_STREAM_LATENT_CRITIC, trainer->critic.steps + part, pass, part);
  return gan_player_forward(trainer, &trainer->generator, pass);
}

/* The same for all groups one after the other, where their samples wait for the steps after this one. */
static gan_status generate_groups(gan_trainer *trainer, int64_t steps, gan_status *mine) {
  for (int group = 0; group < trainer->groups.count; group++) {
    gan_enter_group(trainer, group);
    GAN_TRY(generate_ahead(trainer, steps));
    *mine = gan_step_check(&trainer->generator, trainer->sampling, *mine);
    gan_keep_fake(trainer);
  }
  return GAN_OK;
}

/* What a fault of memory does, for the tests: half of a weight's value comes or goes. */
static void flip_bit(float *weight) { *weight = float_of_bits(bits_of_float(*weight) ^ (uint32_t)1 << 22); }

/* A network's gradients become its new parameters. */
static void apply(gan_trainer *trainer, gan_player *player) {
  gan_player_update(trainer, player);
  gan_trace_result(trainer, player);
}

/* A group of this rank's samples, real and generated, through the critic side by side. `steps`: that are left, whose
   samples are generated together where that is planned. */
static gan_status score_both(gan_trainer *trainer, int group, int part, int64_t steps, gan_status *mine) {
  gan_player *critic = &trainer->critic, *generator = &trainer->generator;
  gan_pass *generated = trainer->sampling;
  gan_enter_group(trainer, group);
  if (part == 0 && !trainer->kept) GAN_TRY(generate_ahead(trainer, steps));
  if (!trainer->kept) *mine = gan_step_check(generator, generated, *mine);

  /* From here on this step's generated samples are the critic's input only: its pass may compute where they were made
     (memory.h). */
  gan_pass_set_parts(critic->pass, 2);
  if (*mine == GAN_OK) gan_place_real(critic->pass, trainer->real);
  if (trainer->kept)
    gan_place_kept(trainer, critic->pass, 1, part);
  else
    gan_place_fake(critic->pass, 1, generated, part);
  gan_augment_input(trainer, critic);
  critic->pass->slots = gan_reduction_slots(critic->reduction);
  GAN_TRY(gan_player_forward(trainer, critic, critic->pass));
  *mine = gan_step_check(critic, critic->pass, *mine);
  return GAN_OK;
}

/* Step `step` of the iteration's `steps`; the last one's update is left to the generator's step in simultaneous order.
 */
static gan_status critic_step(gan_trainer *trainer, int64_t step, int64_t steps) {
  gan_player *critic = &trainer->critic;
  const int part = (int)(step % trainer->sampling->most_parts), last = trainer->groups.count - 1;

  /* Real samples, and generated ones. */
  gan_watchdog_beat(trainer->world, GAN_AT_DATA);
  const double start = gan_seconds();
  const float *real = NULL;
  const int32_t *labels = NULL;
  gan_status mine = gan_loader_next(trainer->loader, &real, &labels);
  if (mine == GAN_OK && trainer->pending != GAN_OK) mine = gan_fail(trainer->pending, "%s", trainer->pending_message);
  trainer->seconds_data += gan_seconds() - start;
  gan_watchdog_beat(trainer->world, GAN_AT_COMPUTATION);
  trainer->real = real;
  trainer->real_weights = gan_loader_weights(trainer->loader);
  if (part == 0 && trainer->kept) GAN_TRY(generate_groups(trainer, steps - step, &mine));

  /* Both through the critic and back, group by group; a loss of the whole batch's scores looks at all of them first. */
  for (int group = last; group > 0 && gan_scores_need_all(trainer, critic); group--) {
    GAN_TRY(score_both(trainer, group, part, steps - step, &mine));
    gan_scores_keep(trainer, critic);
  }
  for (int group = 0; group <= last; group++) {
    GAN_TRY(score_both(trainer, group, part, steps - step, &mine));
    gan_scores_lose(trainer, critic);
    GAN_TRY(gan_penalty_backward(trainer));
  }

  /* One gradient for all ranks, one update, one clipping. */
  GAN_TRY(gan_scores_sum(trainer, critic, mine));
  gan_player_take_statistics(trainer, critic);
  gan_trace_samples(trainer, critic, trainer->sampling, part);
  if (trainer->config->critic.lecam > 0)
    gan_lecam_move(trainer->lecam, trainer->sums[GAN_SUM_SCORE_REAL], trainer->sums[GAN_SUM_SCORE_FAKE]);
  if (step + 1 < steps || !gan_is_simultaneous(trainer->config)) apply(trainer, critic);
  gan_augment_adapt(trainer);
  return GAN_OK;
}

/* A group of newly generated samples through the critic, which keeps nothing of them for itself. */
static gan_status score_generated(gan_trainer *trainer, int group, gan_status *mine) {
  gan_player *critic = &trainer->critic, *generator = &trainer->generator;
  const bool sees_real = trainer->loss->generator_needs_real;
  const int fake = sees_real ? 1 : 0; /* the generated samples' part of the critic's pass */

  gan_enter_group(trainer, group);
  gan_place_latents(trainer, GAN_STREAM_LATENT_GENERATOR, generator->steps, generator->pass, 0);
  generator->pass->slots = gan_reduction_slots(generator->reduction);
  GAN_TRY(gan_player_forward(trainer, generator, generator->pass));
  *mine = gan_step_check(generator, generator->pass, *mine);

  /* A loss that compares generated samples with real ones has those of the newest critic step beside them. */
  gan_pass_set_parts(critic->pass, 1 + fake);
  if (sees_real) gan_place_real(critic->pass, trainer->real);
  gan_place_fake(critic->pass, fake, generator->pass, 0);
  gan_augment_input(trainer, generator);
  critic->pass->slots = NULL;
  GAN_TRY(gan_player_forward(trainer, critic, critic->pass));
  *mine = gan_step_check(critic, critic->pass, *mine);
  return GAN_OK;
}

static gan_status generator_step(gan_trainer *trainer) {
  gan_player *critic = &trainer->critic, *generator = &trainer->generator;
  const int last = trainer->groups.count - 1;
  gan_status mine = GAN_OK;

  for (int group = last; group > 0 && gan_scores_need_all(trainer, generator); group--) {
    GAN_TRY(score_generated(trainer, group, &mine));
    gan_scores_keep(trainer, generator);
  }
  for (int group = 0; group <= last; group++) {
    GAN_TRY(score_generated(trainer, group, &mine));
    gan_scores_lose(trainer, generator);
    /* Back to the critic's input, beside what the generator's pass keeps: only the generator learns from this. */
    gan_pass_copy_part(critic->pass, critic->pass->parts - 1, (size_t)gan_shape_count(&generator->network->output),
                       gan_pass_backward(critic->pass, true), gan_pass_output_gradient(generator->pass));
    gan_augment_gradient(trainer);
    gan_pass_backward(generator->pass, false);
  }

  GAN_TRY(gan_scores_sum(trainer, generator, mine));
  if (critic->pending) apply(trainer, critic);
  gan_player_take_statistics(trainer, generator);
  gan_trace_samples(trainer, generator, generator->pass, 0);
  /* Nobody reads the critic any more in this step, and all ranks still meet in the generator's update. */
  if (gan_fault_strikes(GAN_FAULT_BIT)) flip_bit(critic->parameters);
  apply(trainer, generator);
  return GAN_OK;
}

gan_phase_clocks gan_step_clocks(const gan_trainer *trainer) {
  const gan_waited waited = gan_world_waited(trainer->world);
  return (gan_phase_clocks){.wall = gan_seconds(),
                            .data = trainer->seconds_data,
                            .exchange = trainer->seconds_communication,
                            .waited = waited.seconds,
                            .spinning = waited.spinning,
                            .on_core = gan_thread_seconds()};
}

void gan_step_times(const gan_trainer *trainer, const gan_phase_clocks *start, int64_t critic_steps,
                    gan_iteration *values) {
  const gan_phase_clocks end = gan_step_clocks(trainer), passed = gan_phase_clocks_between(start, &end);
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
  const gan_phase_clocks start = gan_step_clocks(trainer);
  const gan_step_ratio steps = gan_steps_of(trainer->config, trainer->iteration);
  gan_player *critic = &trainer->critic, *generator = &trainer->generator;
  critic->bounded = critic->shortened = generator->bounded = generator->shortened = 0;

  for (int64_t step = 0; step < steps.critic; step++) GAN_TRY(critic_step(trainer, step, steps.critic));
  *values = (gan_iteration){
      .critic_loss = trainer->sums[GAN_SUM_LOSS],
      .gradient_penalty = trainer->penalty.pass ? trainer->sums[GAN_SUM_PENALTY] : NAN,
      .score_real = trainer->sums[GAN_SUM_SCORE_REAL],
      .score_fake = trainer->sums[GAN_SUM_SCORE_FAKE],
      .sign_real = trainer->sums[GAN_SUM_SIGN_REAL] / (double)trainer->shards.batch,
      .augmentation_strength = trainer->model.augmentation.count ? gan_augment_strength(trainer) : NAN,
      .wasserstein_distance = trainer->sums[GAN_SUM_SCORE_REAL] - trainer->sums[GAN_SUM_SCORE_FAKE],
  };
  const bool last_sums = steps.generator == 1 && critic->pending;
  for (int64_t step = 0; step < steps.generator; step++) GAN_TRY(generator_step(trainer));
  if (last_sums) gan_scores_sum_updates(trainer);
  values->generator_loss = trainer->sums[GAN_SUM_LOSS];
  GAN_TRY(gan_player_settle(trainer, critic));
  GAN_TRY(gan_player_settle(trainer, generator));
  trainer->iteration++;

  values->iteration = trainer->iteration;
  values->iterations = trainer->config->run.iterations;
  values->critic_gradient_norm = critic->gradient_norm;
  values->generator_gradient_norm = generator->gradient_norm;
  values->gradient_clipped =
      (double)(critic->shortened + generator->shortened) / (double)(critic->bounded + generator->bounded);
  values->clipped_fraction = trainer->sums[GAN_SUM_CLIPPED] / trainer->sums[GAN_SUM_UPDATED];
  values->learning_rate_critic = critic->now.learning_rate;
  values->learning_rate_generator = generator->now.learning_rate;
  gan_step_times(trainer, &start, steps.critic, values);
  return GAN_OK;
}
