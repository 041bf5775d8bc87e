/* What becomes of a network's gradients: one sum over shards and ranks, one update of the parameters by whoever owns
   them, clipping, the moving average; and the passes, which await the update before. */
#include "train/step.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "train/optimization.h"
#include "train/regularisers.h"

double gan_begin_exchange(gan_trainer *trainer) {
  gan_watchdog_beat(trainer->world, GAN_AT_EXCHANGE);
  return gan_seconds();
}

void gan_end_exchange(gan_trainer *trainer, double start) {
  trainer->seconds_communication += gan_seconds() - start;
  gan_watchdog_beat(trainer->world, GAN_AT_COMPUTATION);
}

/* ema += (1 - decay) (weights - ema) */
static void move_average(const gan_player *player, size_t count, float *average, const float *weights) {
  const float decay = (float)player->ema_decay;
  gan_average(count, decay, average, 1 - decay, weights);
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
  player->optimizer->update(&player->now, player->now.learning_rate, player->steps + 1, count,
                            player->parameters + offset, gradient, states);
  if (player->clip > 0) player->clipped += (int64_t)gan_clip(count, (float)player->clip, player->parameters + offset);
  if (player->ema) move_average(player, count, player->ema + offset, player->parameters + offset);
  player->updated += (int64_t)count;
  if (!alone) player->update_seconds += gan_seconds() - start;
}

void gan_player_take_statistics(gan_trainer *trainer, gan_player *player) {
  const size_t count = player->network->statistic_count;
  const double momentum = player->network->options.batch_norm_momentum;
  for (int part = 0; part < player->pass->parts; part++)
    for (size_t i = 0; i < count; i++) {
      const double batch = trainer->sums[GAN_SUMS + (size_t)part * count + i] / trainer->shards.count;
      player->buffers[i] = (float)((1 - momentum) * player->buffers[i] + momentum * batch);
    }
  player->ema_decay = gan_average_decay(trainer->config, trainer->iteration, player->steps);
  if (player->ema) move_average(player, count, player->ema_buffers, player->buffers);
  player->pending = true;
}

/* The sum of the gradients is that of the weights as layers read them: makes it the parameters'. Runs inside the
   reduction, before the update. */
static void correct_range(void *context, size_t offset, size_t count, float *gradient) {
  const gan_player *player = context;
  gan_preparation_correct(player->preparation, player->buffers, player->spectral_totals, offset, count, gradient);
}

/* Singular vectors are those of the weights, not averages: the moving average of the weights takes them as they are. */
void gan_player_prepare(gan_player *player, bool next) {
  const size_t statistics = player->network->statistic_count, bytes = player->network->singular_count * sizeof(float);
  if (next)
    gan_network_prepare_next(player->preparation, player->parameters, player->buffers);
  else
    gan_network_prepare(player->preparation, player->parameters, player->buffers);
  if (next && player->ema) memcpy(player->ema_buffers + statistics, player->buffers + statistics, bytes);
  player->prepared = true;
}

static void note_bound(gan_player *player) {
  if (!player->settled && player->gradient_clip > 0) {
    player->bounded++;
    player->shortened += gan_reduction_factor(player->reduction) < 1;
  }
  player->settled = true;
}

const char *gan_weights_hint(const gan_trainer *trainer) {
  return trainer->source->weights ? "; data.weights multiply the loss and its gradient: smaller ones may help" : "";
}

/* Waits until every rank's part of a network's last update is in; only then is the gradient's norm known. Its square is
   as large as that of any element at least; and a mean square that is infinite once stays so, and its parameter where
   it is. */
gan_status gan_player_settle(gan_trainer *trainer, gan_player *player) {
  const double start = gan_begin_exchange(trainer);
  const double squares = gan_reduction_await(player->reduction);
  gan_end_exchange(trainer, start);
  player->gradient_norm = sqrt(squares);
  note_bound(player);
  if (!isfinite(squares))
    return gan_fail(GAN_FAILED, "the %s's gradient is not finite in iteration %lld%s", player->name,
                    (long long)trainer->iteration + 1, gan_weights_hint(trainer));
  const double taken = player->gradient_norm * gan_reduction_factor(player->reduction);
  if (player->optimizer->squares_gradient && taken * taken > (double)FLT_MAX)
    return gan_fail(GAN_FAILED,
                    "the %s's gradient is too large for %s to square it (norm %.2g, in iteration %lld): use a lower "
                    "learning rate, %s.gradient_clip, or critic.clip%s",
                    player->name, player->optimizer->name, player->gradient_norm, (long long)trainer->iteration + 1,
                    player->name, gan_weights_hint(trainer));
  if (!player->prepared) gan_player_prepare(player, true);
  return GAN_OK;
}

/* Between two updates, of either network, each network runs on a sample at most once (the critic once more for
   penalties, with a stream of its own; and again as it did where a loss needs all scores first), so that the number of
   updates so far tells all of a network's passes apart; where one is put off, it counts as made. */
gan_status gan_player_forward(gan_trainer *trainer, gan_player *player, gan_pass *pass) {
  const bool critic = player == &trainer->critic;
  const gan_random_stream stream = pass == trainer->penalty.pass ? GAN_STREAM_DROPOUT_PENALTY
                                   : critic                      ? GAN_STREAM_DROPOUT_CRITIC
                                                                 : GAN_STREAM_DROPOUT_GENERATOR;
  GAN_TRY(gan_player_settle(trainer, player));
  pass->random = (gan_random_address){
      .seed = (uint64_t)trainer->config->run.seed,
      .stream = stream,
      .step = (uint64_t)(trainer->critic.steps + trainer->critic.pending + trainer->generator.steps)};
  gan_pass_forward(pass);
  return GAN_OK;
}

void gan_player_update(gan_trainer *trainer, gan_player *player) {
  player->now = gan_optimizer_now(&player->options, trainer->iteration, trainer->config->run.iterations);
  player->updated = player->clipped = 0;
  player->update_seconds = 0;
  const double start = gan_begin_exchange(trainer);
  if (player->preparation) gan_reduction_transform(player->reduction, correct_range, player);
  gan_reduction_update(player->reduction, update_range, player, gan_trace_wants(trainer));
  gan_clip_norms(player);
  gan_end_exchange(trainer, is_alone(player) ? gan_seconds() : start + player->update_seconds);
  player->prepared = false;
  player->settled = false;
  player->steps++;
  player->pending = false;
}
