/* The loop around the iterations: when to write checkpoints, pictures and evaluations, when to stop, and how to end. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/checkpoint.h"
#include "store/picture.h"
#include "train/internal.h"

static bool due(int64_t every, int64_t iteration) { return every > 0 && iteration % every == 0; }

bool gan_trains_nothing(const gan_trainer *trainer) {
  return trainer->resumed_at > 0 && trainer->iteration >= trainer->config->run.iterations;
}

gan_status gan_refuse_after_failure(const gan_trainer *trainer) {
  if (!trainer->failure[0]) return GAN_OK;
  return gan_fail(GAN_FAILED, "the trainer ended with an error before: %s; destroy it and go on from a checkpoint",
                  trainer->failure);
}

gan_status gan_note_failure(gan_trainer *trainer, gan_status status) {
  if (status != GAN_OK && status != GAN_INTERRUPTED)
    snprintf(trainer->failure, sizeof trainer->failure, "%s", gan_error_message());
  return status;
}

gan_status gan_trainer_iterate(gan_trainer *trainer, gan_iteration *values) {
  GAN_TRY(gan_refuse_after_failure(trainer));
  return gan_note_failure(trainer, gan_train_iteration(trainer, values));
}

gan_status gan_trainer_save(gan_trainer *trainer) {
  GAN_TRY(gan_refuse_after_failure(trainer));
  return gan_note_failure(trainer, gan_state_save(trainer));
}

/* Rank 0 goes on to something that the others wait for. */
static void beat_of_rank_0(const gan_trainer *trainer, gan_activity activity) {
  gan_watchdog_beat(trainer->world, gan_world_rank(trainer->world) == 0 ? activity : GAN_AT_EXCHANGE);
}

static void prune(const gan_trainer *trainer) {
  gan_checkpoint_prune(trainer->folder, (int)trainer->config->checkpoint.keep, gan_folder_lock_time(trainer->lock));
}

/* A checkpoint with metrics that are at least as new, and the folder tidied. Ranks compare before it is written, so
   that the last checkpoint of a run which such a comparison ends is one from before the fault. */
static gan_status save(gan_trainer *trainer) {
  const bool writer = gan_world_rank(trainer->world) == 0;
  const int64_t every = trainer->config->train.verify_every;
  if (every > 0 && !due(every, trainer->iteration)) GAN_TRY(gan_state_verify(trainer));
  beat_of_rank_0(trainer, GAN_AT_FILES);
  GAN_TRY(gan_world_agree(trainer->world, writer ? gan_record_flush(trainer) : GAN_OK));
  GAN_TRY(gan_state_save(trainer));
  if (writer) prune(trainer);
  return GAN_OK;
}

/* Where this evaluation is the best so far, best.h5 becomes the checkpoint of this iteration, which is written now
   unless it is there. The `best` that a checkpoint keeps is that of the evaluations before it, not its own: so it is
   the same whether it was written before the evaluation or after. */
static gan_status keep_best(gan_trainer *trainer, double judged, bool saved) {
  /* NaN: no evaluation yet, or one that tells nothing. */
  const double gain = (judged - trainer->best) * gan_judge_direction(trainer->config);
  const bool best = isnan(trainer->best) ? !isnan(judged) : gain > 0;
  gan_status status = GAN_OK;
  if (!best) return GAN_OK;
  if (!saved) GAN_TRY(save(trainer));
  trainer->best = judged;
  trainer->best_iteration = trainer->iteration;
  if (gan_world_rank(trainer->world) == 0) {
    status = gan_folder_explain(trainer, gan_checkpoint_link(trainer->folder, "best.h5", trainer->last_checkpoint));
    if (status == GAN_OK) prune(trainer);
  }
  return gan_world_agree(trainer->world, status);
}

/* Something to look at, after an iteration. */
typedef struct views {
  bool samples, evaluation;
} views;

/* `hurry`: a signal wants the program to stop, and only what completes the run is worth the time. */
static views due_views(const gan_trainer *trainer, bool hurry) {
  const gan_config *config = trainer->config;
  const int64_t iteration = trainer->iteration;
  const bool last = iteration == config->run.iterations;
  return (views){.samples = last || (!hurry && due(config->samples.every, iteration)),
                 .evaluation = last || (!hurry && due(config->eval.every, iteration))};
}

/* Rank 0, or all of them, are at it, for as long as it takes. `saved`: there is a checkpoint of this iteration. */
static gan_status make_views(gan_trainer *trainer, views wanted, bool saved) {
  beat_of_rank_0(trainer, GAN_AT_COMPUTATION);
  if (wanted.samples) GAN_TRY(gan_record_samples(trainer));
  if (!wanted.evaluation) return GAN_OK;
  double judged;
  GAN_TRY(gan_record_evaluation(trainer, &judged));
  return keep_best(trainer, judged, saved);
}

/* What the configuration wants done after this iteration. `stopping`: it is this start's last one. The checkpoint comes
   first: whatever happens to the rest, which may take long, is made up for by the next start (catch_up). */
static gan_status after_iteration(gan_trainer *trainer, bool stopping) {
  const gan_config *config = trainer->config;
  const int64_t iteration = trainer->iteration;
  const bool saves = stopping || iteration == config->run.iterations || due(config->checkpoint.every, iteration);
  const views wanted = due_views(trainer, trainer->stop);
  gan_watchdog_beat(trainer->world, GAN_AT_EXCHANGE);
  if (due(config->train.verify_every, iteration)) GAN_TRY(gan_state_verify(trainer));
  if (!saves && !wanted.samples && !wanted.evaluation) return GAN_OK;
  gan_watchdog_leave_to_rank_0(trainer->world, true);
  if (saves) GAN_TRY(save(trainer));
  GAN_TRY(make_views(trainer, wanted, saves));
  gan_watchdog_leave_to_rank_0(trainer->world, false);
  return GAN_OK;
}

/* The picture and the evaluation that were due at the checkpoint which this start goes on from, where the start before
   was ended before it came to them. *made: there was something to do. */
static gan_status catch_up(gan_trainer *trainer, bool *made) {
  *made = false;
  if (trainer->resumed_at == 0 || trainer->iteration != trainer->resumed_at) return GAN_OK;
  char path[PATH_MAX];
  gan_checkpoint_path(trainer->folder, trainer->iteration, path);
  const bool saved = strcmp(path, trainer->last_checkpoint) == 0;
  gan_watchdog_leave_to_rank_0(trainer->world, true);
  beat_of_rank_0(trainer, GAN_AT_FILES);
  gan_recorded there;
  GAN_TRY(gan_record_find(trainer, &there));
  views wanted = due_views(trainer, false);
  wanted.samples = wanted.samples && !there.samples && gan_picture_kind_of(&trainer->source->shape) != GAN_PICTURE_NONE;
  wanted.evaluation = wanted.evaluation && !there.evaluation;
  *made = wanted.samples || wanted.evaluation;
  if (there.evaluation) GAN_TRY(keep_best(trainer, there.judged, saved));
  if (*made) GAN_TRY(make_views(trainer, wanted, saved));
  gan_watchdog_leave_to_rank_0(trainer->world, false);
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
  bool made;
  /* Somebody may have asked to stop while all this was prepared. */
  if (trainer->iteration < config->run.iterations && gan_world_maximum(trainer->world, gan_stop_requested()) > 0)
    return interrupted(trainer);
  GAN_TRY(catch_up(trainer, &made));
  if (trainer->iteration >= config->run.iterations && !made)
    gan_notice(trainer, "nothing to do: %lld of %lld iterations are done (run.iterations)",
               (long long)trainer->iteration, (long long)config->run.iterations);
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
  beat_of_rank_0(trainer, GAN_AT_FILES);
  gan_set_pending(trainer, gan_trace_end(trainer));
  gan_set_pending(trainer, gan_record_close(trainer));
  return trainer->pending == GAN_OK ? GAN_OK : gan_fail(trainer->pending, "%s", trainer->pending_message);
}

static gan_status run(gan_trainer *trainer) {
  gan_status status = gan_record_open(trainer);
  if (status == GAN_OK) {
    gan_watchdog_expect_beats(trainer->world, true);
    status = train(trainer);
    if (status == GAN_FAILED && has_checkpoint(trainer))
      status = gan_fail(status, "%s; the last checkpoint is %s", gan_error_message(), trainer->last_checkpoint);
  }
  /* Closing must not hide why training failed; what it meets itself counts when all was well so far. */
  char ended[1024];
  snprintf(ended, sizeof ended, "%s", gan_error_message());
  gan_watchdog_leave_to_rank_0(trainer->world, true);
  const gan_status closed = close_files(trainer);
  gan_watchdog_expect_beats(trainer->world, false);
  if (status == GAN_OK || status == GAN_INTERRUPTED) GAN_TRY(gan_world_agree(trainer->world, closed));
  return status == GAN_OK ? GAN_OK : gan_fail(status, "%s", ended);
}

gan_status gan_trainer_run(gan_trainer *trainer) {
  GAN_TRY(gan_refuse_after_failure(trainer));
  return gan_note_failure(trainer, run(trainer));
}
