/* The loss from the scores, and what a step sums over all shards beside the gradients. */
#include "train/step.h"

#include <math.h>
#include <string.h>

#include "base/fault.h"
#include "base/number.h"

/* Numbers that a step of this player sums over shards. */
static size_t sum_count(const gan_player *player) {
  return GAN_SUMS + (size_t)player->pass->parts * player->network->buffer_count;
}

void gan_scores_lose(gan_trainer *trainer, const gan_player *player) {
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

gan_status gan_scores_sum(gan_trainer *trainer, const gan_player *player, gan_status mine) {
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
