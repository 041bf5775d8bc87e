/* The loss from the scores, and what a step sums over all shards beside the gradients. */
#include "train/step.h"

#include <math.h>
#include <string.h>

#include "base/fault.h"
#include "base/number.h"

/* Numbers that a step of this player sums over shards. */
static size_t sum_count(const gan_player *player) { return gan_step_sums(player->network, player->pass->parts); }

/* A player's place among a shard's sums for batch statistics of each part, and behind them for spectral sums. */
static double *statistics_among(double *sums, const gan_player *player, int part) {
  return sums + GAN_SUMS + (size_t)part * player->network->statistic_count;
}

/* For the update, which may come after the other network's step. They are the last of the sums. */
static void keep_spectral_totals(const gan_trainer *trainer, const gan_player *player) {
  const size_t count = (size_t)player->network->spectral_count;
  if (count) memcpy(player->spectral_totals, trainer->sums + sum_count(player) - count, count * sizeof *trainer->sums);
}

double *gan_scores_sums(const gan_trainer *trainer, const gan_player *player, int shard) {
  return trainer->shard_sums + (size_t)(gan_shards_before(player->pass->shards) + shard) * sum_count(player);
}

void gan_scores_note_statistics(gan_trainer *trainer, const gan_player *player) {
  const size_t count = player->network->statistic_count;
  for (int shard = 0; shard < player->pass->shards->local && count; shard++)
    for (int part = 0; part < player->pass->parts; part++)
      memcpy(statistics_among(gan_scores_sums(trainer, player, shard), player, part),
             player->pass->statistics[part] + (size_t)shard * count, count * sizeof(double));
}

/* Whose loss is taken, and where the critic's scores for it are: real samples in its pass's first part, unless it is
   the generator's of a loss that does without, and generated ones in the last. */
typedef struct scored {
  gan_trainer *trainer;
  gan_loss_side side;
  bool real;
} scored;

static scored scored_by(gan_trainer *trainer, const gan_player *player) {
  const bool critic = player == &trainer->critic;
  return (scored){.trainer = trainer,
                  .side = critic ? GAN_LOSS_CRITIC : GAN_LOSS_GENERATOR,
                  .real = critic || trainer->loss->generator_needs_real};
}

/* `count` samples from `sample` on, counted from this rank's first: all but scores and their gradients. */
static gan_scores samples_of(const scored *what, int64_t sample, int64_t count) {
  const gan_trainer *trainer = what->trainer;
  const bool *flips = what->side == GAN_LOSS_CRITIC ? trainer->label_flips : NULL;
  const float *weights = what->real ? trainer->real_weights : NULL;
  return (gan_scores){.count = count,
                      .batch = trainer->shards.batch,
                      .real_weights = weights ? weights + sample : NULL,
                      .real_flips = flips ? flips + sample : NULL,
                      .fake_flips = flips ? flips + gan_shards_samples(&trainer->shards) + sample : NULL};
}

/* Of the i-th shard that the critic's pass holds, and where their gradients go. */
static gan_scores scores_of(const scored *what, int shard, int64_t sample) {
  gan_pass *pass = what->trainer->critic.pass;
  const float *scores = gan_pass_output(pass);
  float *gradient = gan_pass_output_gradient(pass);
  const int64_t real = gan_pass_first_row(pass, shard, 0), fake = gan_pass_first_row(pass, shard, what->real ? 1 : 0);
  gan_scores found = samples_of(what, sample, gan_pass_row_count(pass, shard, 0));
  found.fake = scores + fake;
  found.fake_gradient = gradient + fake;
  if (what->real) found.real = scores + real, found.real_gradient = gradient + real;
  return found;
}

/* Of one of this rank's shards, in whichever group, once all are kept. */
static gan_scores kept_scores_of(const scored *what, int shard, int64_t sample) {
  const gan_trainer *trainer = what->trainer;
  gan_scores found = samples_of(what, sample, gan_shard_samples(&trainer->shards, shard));
  found.fake = trainer->scores + gan_shards_samples(&trainer->shards) + sample;
  if (what->real) found.real = trainer->scores + sample;
  return found;
}

int gan_scores_rounds(const gan_trainer *trainer, const gan_player *player) {
  const bool sees_real = player == &trainer->critic || trainer->loss->generator_needs_real;
  return gan_loss_rounds(trainer->loss, sees_real && trainer->source->weights);
}

bool gan_scores_need_all(const gan_trainer *trainer, const gan_player *player) {
  return gan_scores_rounds(trainer, player) > 0;
}

void gan_scores_keep(gan_trainer *trainer, const gan_player *player) {
  const scored what = scored_by(trainer, player);
  const gan_pass *pass = trainer->critic.pass;
  float *real = trainer->scores + gan_shards_samples_before(pass->shards),
        *fake = real + gan_shards_samples(&trainer->shards);
  if (what.real) gan_pass_copy_part(pass, 0, 1, gan_pass_output(pass), real);
  gan_pass_copy_part(pass, what.real ? 1 : 0, 1, gan_pass_output(pass), fake);
}

/* Which samples of this step count as of the other class: each with the same probability, whatever the others do. */
static void draw_label_flips(gan_trainer *trainer) {
  const int64_t samples = gan_shards_samples(&trainer->shards);
  gan_random_address address = {.seed = (uint64_t)trainer->config->run.seed,
                                .stream = GAN_STREAM_LABEL_FLIP,
                                .step = (uint64_t)trainer->critic.steps};
  for (int64_t i = 0; trainer->label_flips && i < samples; i++) {
    float drawn[2];
    address.sample = (uint64_t)(gan_shard_begin(&trainer->shards, trainer->shards.first) + i);
    gan_random_uniform(address, 2, drawn);
    trainer->label_flips[i] = (double)drawn[0] < trainer->config->loss.label_flips;
    trainer->label_flips[samples + i] = (double)drawn[1] < trainer->config->loss.label_flips;
  }
}

/* What the loss has to know of the global batch: one small exchange for each round, none for most losses. */
static void sum_statistics(const scored *what, int rounds) {
  gan_trainer *trainer = what->trainer;
  double *totals = trainer->loss_totals;
  gan_loss_begin(trainer->shards.batch, totals);
  for (int round = 0; round < rounds; round++) {
    const size_t size = (size_t)gan_loss_round_size(round);
    int64_t sample = 0;
    for (int shard = 0; shard < trainer->shards.local; shard++) {
      const gan_scores scores = kept_scores_of(what, shard, sample);
      gan_loss_statistics(trainer->loss, &trainer->config->loss, what->side, &scores, round, totals,
                          trainer->loss_sums + (size_t)shard * size);
      sample += scores.count;
    }
    const double start = gan_begin_exchange(trainer);
    gan_world_sum(trainer->world, &trainer->shards, trainer->loss_sums, size, totals + gan_loss_round_begin(round));
    gan_end_exchange(trainer, start);
  }
}

void gan_scores_lose(gan_trainer *trainer, const gan_player *player) {
  const scored what = scored_by(trainer, player);
  const gan_pass *pass = trainer->critic.pass;
  int64_t sample = gan_shards_samples_before(pass->shards);
  if (trainer->group == 0) {
    if (what.side == GAN_LOSS_CRITIC) draw_label_flips(trainer);
    if (gan_scores_need_all(trainer, player)) gan_scores_keep(trainer, player);
    sum_statistics(&what, gan_scores_rounds(trainer, player));
  }
  gan_scores_note_statistics(trainer, player);
  for (int shard = 0; shard < pass->shards->local; shard++) {
    const gan_scores batch = scores_of(&what, shard, sample);
    double *sums = gan_scores_sums(trainer, player, shard);
    sums[GAN_SUM_LOSS] = gan_loss_share(trainer->loss, &trainer->config->loss, what.side, &batch, trainer->loss_totals);
    if (what.side == GAN_LOSS_CRITIC && trainer->config->critic.lecam > 0)
      sums[GAN_SUM_LOSS] += gan_lecam_lose(trainer->config->critic.lecam, trainer->lecam, &batch);
    if (gan_fault_strikes(GAN_FAULT_LOSS)) sums[GAN_SUM_LOSS] = NAN;
    for (int64_t i = 0; i < batch.count; i++) {
      if (batch.real) sums[GAN_SUM_SCORE_REAL] += batch.real[i] / (double)batch.batch;
      if (batch.real) sums[GAN_SUM_SIGN_REAL] += (batch.real[i] > 0) - (batch.real[i] < 0);
      sums[GAN_SUM_SCORE_FAKE] += batch.fake[i] / (double)batch.batch;
    }
    sample += batch.count;
  }
}

gan_status gan_scores_sum(gan_trainer *trainer, const gan_player *player, gan_status mine) {
  const size_t stride = sum_count(player), spectral = (size_t)player->network->spectral_count;
  for (int shard = 0; shard < trainer->shards.local; shard++) {
    double *sums = trainer->shard_sums + (size_t)shard * stride;
    sums[GAN_SUM_FAILED] = mine != GAN_OK;
    sums[GAN_SUM_STOP] = gan_stop_requested();
    sums[GAN_SUM_UPDATED] = shard == 0 ? (double)trainer->critic.updated : 0;
    sums[GAN_SUM_CLIPPED] = shard == 0 ? (double)trainer->critic.clipped : 0;
    if (spectral > 0)
      memcpy(statistics_among(sums, player, player->pass->parts), player->spectral_sums + (size_t)shard * spectral,
             spectral * sizeof *sums);
  }
  const double start = gan_begin_exchange(trainer);
  gan_world_sum(trainer->world, &trainer->shards, trainer->shard_sums, stride, trainer->sums);
  gan_end_exchange(trainer, start);
  keep_spectral_totals(trainer, player);
  memset(trainer->shard_sums, 0, (size_t)trainer->shards.local * stride * sizeof *trainer->shard_sums);

  if (trainer->sums[GAN_SUM_STOP] > 0) trainer->stop = true;
  if (trainer->sums[GAN_SUM_FAILED] > 0) return gan_world_agree(trainer->world, mine);
  if (!isfinite(trainer->sums[GAN_SUM_LOSS]))
    return gan_fail(GAN_FAILED, "the %s's loss is %g in iteration %lld%s", player->name,
                    gan_shown(trainer->sums[GAN_SUM_LOSS]), (long long)trainer->iteration + 1,
                    gan_weights_hint(trainer));
  return GAN_OK;
}

void gan_scores_sum_updates(gan_trainer *trainer) {
  enum { UPDATED, CLIPPED, COUNT };
  double totals[COUNT];
  trainer->shard_sums[UPDATED] = (double)trainer->critic.updated;
  trainer->shard_sums[CLIPPED] = (double)trainer->critic.clipped;
  const double start = gan_begin_exchange(trainer);
  gan_world_sum(trainer->world, &trainer->shards, trainer->shard_sums, COUNT, totals);
  gan_end_exchange(trainer, start);
  trainer->shard_sums[UPDATED] = trainer->shard_sums[CLIPPED] = 0;
  trainer->sums[GAN_SUM_UPDATED] = totals[UPDATED];
  trainer->sums[GAN_SUM_CLIPPED] = totals[CLIPPED];
}
