/* The loop around the iterations: when to write checkpoints, pictures and evaluations, when to stop, and how to end. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "train/internal.h"

static bool due(int64_t every, int64_t iteration) { return every > 0 && iteration % every == 0; }

gan_status gan_trainer_iterate(gan_trainer *trainer, gan_iteration *values) {
  return gan_train_iteration(trainer, values);
}

gan_status gan_trainer_save(gan_trainer *trainer) { return gan_state_save(trainer); }

/* A checkpoint with metrics that are at least as new, and the folder tidied. Ranks compare before it is written, so
   that the last checkpoint of a run which such a comparison ends is one from before the fault. */
static gan_status save(gan_trainer *trainer, bool best) {
  const bool writer = gan_world_rank(trainer->world) == 0;
  const int64_t every = trainer->config->train.verify_every;
  if (every > 0 && !due(every, trainer->iteration)) GAN_TRY(gan_state_verify(trainer));
  GAN_TRY(gan_world_agree(trainer->world, writer ? gan_record_flush(trainer) : GAN_OK));
  GAN_TRY(gan_state_save(trainer));
  gan_status status = GAN_OK;
  if (writer && best)
    status = gan_folder_explain(trainer, gan_checkpoint_link(trainer->folder, "best.h5", trainer->last_checkpoint));
  if (writer && status == GAN_OK)
    gan_checkpoint_prune(trainer->folder, (int)trainer->config->checkpoint.keep, gan_folder_lock_time(trainer->lock));
  return gan_world_agree(trainer->world, status);
}

/* What the configuration wants done after this iteration. `stopping`: it is this start's last one; and where a signal
   wants that, nothing is done but what must not be lost. */
static gan_status after_iteration(gan_trainer *trainer, bool stopping) {
  const gan_config *config = trainer->config;
  const int64_t iteration = trainer->iteration;
  const bool last = iteration == config->run.iterations, hurry = trainer->stop;
  bool best = false;
  gan_watchdog_beat(trainer->world, gan_world_rank(trainer->world) == 0 ? GAN_AT_FILES : GAN_AT_EXCHANGE);
  if (due(config->train.verify_every, iteration)) GAN_TRY(gan_state_verify(trainer));
  if (last || (!hurry && due(config->samples.every, iteration))) {
    gan_state_collect(trainer);
    const gan_status mine = gan_world_rank(trainer->world) == 0 ? gan_record_samples(trainer) : GAN_OK;
    GAN_TRY(gan_world_agree(trainer->world, mine));
  }
  if (last || (!hurry && due(config->eval.every, iteration))) GAN_TRY(gan_record_evaluation(trainer, &best));
  if (last || stopping || best || due(config->checkpoint.every, iteration)) GAN_TRY(save(trainer, best));
  return GAN_OK;
}

static gan_status interrupted(const gan_trainer *trainer) {
  if (trainer->iteration == 0)
    return gan_fail(GAN_INTERRUPTED, "stopped before the first of %lld iterations; run again with --resume to begin",
                    (long long)trainer->config->run.iterations);
  return gan_fail(GAN_INTERRUPTED, "stopped after iteration %lld of %lld; run again with --resume to go on",
                  (long long)trainer->iteration, (long long)trainer->config->run.iterations);
}

/* Not in a folder that was moved or removed. */
static bool has_checkpoint(const gan_trainer *trainer) {
  if (!trainer->last_checkpoint[0]) return false;
  return gan_world_rank(trainer->world) != 0 || access(trainer->last_checkpoint, R_OK) == 0;
}

static gan_status train(gan_trainer *trainer) {
  const gan_config *config = trainer->config;
  if (trainer->iteration >= config->run.iterations)
    gan_notice(trainer, "nothing to do: %lld of %lld iterations are done (run.iterations)",
               (long long)trainer->iteration, (long long)config->run.iterations);
  /* Somebody may have asked to stop while all this was prepared. */
  if (trainer->iteration < config->run.iterations && gan_world_maximum(trainer->world, gan_stop_requested()) > 0)
    return interrupted(trainer);
  while (trainer->iteration < config->run.iterations) {
    gan_iteration values;
    GAN_TRY(gan_train_iteration(trainer, &values));
    gan_record_iteration(trainer, &values);
    const bool stopping = trainer->stop || trainer->iteration == config->run.stop_at;
    GAN_TRY(after_iteration(trainer, stopping));
    if (stopping && trainer->iteration < config->run.iterations) return interrupted(trainer);
  }
  return GAN_OK;
}

/* Of metrics and trace, with what could not be written to them since the last step. */
static gan_status close_files(gan_trainer *trainer) {
  gan_set_pending(trainer, gan_trace_end(trainer));
  gan_set_pending(trainer, gan_record_close(trainer));
  return trainer->pending == GAN_OK ? GAN_OK : gan_fail(trainer->pending, "%s", trainer->pending_message);
}

gan_status gan_trainer_run(gan_trainer *trainer) {
  gan_status status = gan_record_open(trainer);
  if (status == GAN_OK) {
    gan_watchdog_expect_beats(trainer->world, true);
    status = train(trainer);
    if (status == GAN_FAILED && has_checkpoint(trainer))
      status = gan_fail(status, "%s; the last good checkpoint is %s", gan_error_message(), trainer->last_checkpoint);
  }
  /* Closing must not hide why training failed; what it meets itself counts when all was well so far. */
  char ended[1024];
  snprintf(ended, sizeof ended, "%s", gan_error_message());
  const gan_status closed = close_files(trainer);
  gan_watchdog_expect_beats(trainer->world, false);
  if (status == GAN_OK || status == GAN_INTERRUPTED) GAN_TRY(gan_world_agree(trainer->world, closed));
  return status == GAN_OK ? GAN_OK : gan_fail(status, "%s", ended);
}
