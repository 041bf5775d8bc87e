/* How many shards the run has, and what that means for the ranks that share them.

   The number of shards is part of the result (docs/design.md, section 4), so it is settled once, by the first start,
   and kept: config.ini and checkpoints hold the number, never "choose one". Ranks come and go; where they cannot share
   the shards equally, some wait for others in every step, which the user should know before the run has gone on for a
   day. */
#include <stdio.h>

#include "train/internal.h"

/* "4 or 8 ranks": the numbers of ranks nearest to `ranks` between which so many shards can be cut equally. */
static void name_balanced_ranks(int shards, int ranks, size_t size, char *text) {
  int fewer = ranks, more = ranks;
  while (shards % fewer) fewer--;
  while (shards % more) more++;
  snprintf(text, size, "%d or %d ranks", fewer, more);
}

/* "--shards 6 or 12": the numbers of shards nearest to `shards` that so many ranks can share equally.
 */
static void name_balanced_shards(int shards, int ranks, int64_t batch, size_t size, char *text) {
  const int fewer = shards / ranks * ranks, more = fewer + ranks;
  if (more <= batch)
    snprintf(text, size, "--shards %d or %d", fewer, more);
  else
    snprintf(text, size, "--shards %d", fewer);
}

static void notice_shares(gan_trainer *trainer) {
  const int shards = (int)trainer->config->train.shards, ranks = gan_world_size(trainer->world);
  const int least = shards / ranks;
  char by_ranks[64], by_shards[64];
  if (shards % ranks == 0 || shards < ranks) return;
  name_balanced_ranks(shards, ranks, sizeof by_ranks, by_ranks);
  name_balanced_shards(shards, ranks, trainer->config->train.batch, sizeof by_shards, by_shards);
  gan_notice(
      trainer,
      "%d ranks share %d shards unequally: %d compute%s %d, the others %d and wait; %s would balance, or %s (which "
      "rounds otherwise)",
      ranks, shards, shards % ranks, shards % ranks == 1 ? "s" : "", least + 1, least, by_ranks, by_shards);
}

/* A run that goes on cannot simply have more of them: that is for the user to decide. */
static gan_status check_ranks_of_run(const gan_trainer *trainer, int ranks) {
  const int shards = trainer->shards_before;
  const gan_config *config = trainer->config;
  if (ranks <= shards || config->train.shards != shards || ranks > config->train.batch) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE,
                  "%d ranks for the %d shard%s that the run has: start at most %d rank%s, or go on with --shards %d, "
                  "which rounds otherwise from here on",
                  ranks, shards, shards == 1 ? "" : "s", shards, shards == 1 ? "" : "s", ranks);
}

gan_status gan_settle_shards(gan_trainer *trainer) {
  gan_config *config = trainer->config;
  const int ranks = gan_world_size(trainer->world);
  trainer->chose_shards = config->train.shards == 0;
  if (trainer->chose_shards)
    config->train.shards =
        trainer->shards_before ? trainer->shards_before : gan_shards_count(0, config->train.batch, ranks);
  return trainer->shards_before ? check_ranks_of_run(trainer, ranks) : GAN_OK;
}

void gan_notice_shards(gan_trainer *trainer) {
  const int ranks = gan_world_size(trainer->world);
  if (trainer->chose_shards && trainer->shards.count > GAN_SHARDS_DEFAULT && !trainer->shards_before)
    gan_notice(trainer, "%d shards, one for each rank: the results are those of --shards %d, not of the usual %d",
               ranks, ranks, GAN_SHARDS_DEFAULT);
  notice_shares(trainer);
}
