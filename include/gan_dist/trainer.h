/* The trainer: two networks, their data, and the loop that trains them on all ranks of a world.

   It computes on the thread that calls it. That has to have 1 MiB of stack, of which products of matrices take 440 KiB:
   more than threads have by themselves with some C libraries (pthread_attr_setstacksize). */
#ifndef GAN_DIST_TRAINER_H
#define GAN_DIST_TRAINER_H

#include <stdint.h>

#include "gan_dist/config.h"
#include "gan_dist/status.h"
#include "gan_dist/world.h"

/* After gan_trainer_run, _iterate, _evaluate or _save has returned an error (GAN_INTERRUPTED is none), the trainer is
   not to be used any more: every further call but gan_trainer_destroy and those that only tell something returns
   GAN_FAILED, with the first error in its message, on all ranks. Destroy it, and create another that goes on from a
   checkpoint. */
typedef struct gan_trainer gan_trainer;

/* What one iteration did; the same on every rank but for times, which are this rank's own. Means are over the global
   batch of the iteration's last critic step. */
typedef struct gan_iteration {
  int64_t iteration;  /* iterations done, from 1 */
  int64_t iterations; /* to do in all */
  double seconds;     /* since training started, over all its resumptions */
  double critic_loss, generator_loss;
  double score_real, score_fake;
  double sign_real;             /* mean sign of real samples' scores */
  double wasserstein_distance;  /* mean real minus mean generated score */
  double augmentation_strength; /* probability of each augmentation in the generator's step; NAN: there is none */
  double gradient_penalty;      /* of the last critic step; NAN: the run has none */
  double critic_gradient_norm, generator_gradient_norm; /* before gradient_clip */
  double gradient_clipped; /* share of the iteration's updates whose gradient gradient_clip scaled; NAN without one */
  double clipped_fraction; /* share of critic weights that the last clipping changed */
  double learning_rate_critic, learning_rate_generator;
  double samples_per_second; /* real samples through the critic, all ranks */
  /* Of this iteration, which is the sum of these four: waiting for data; computing, and copying and summing what is
     exchanged, both while having a core; waiting for other ranks, or for a core that others have. */
  double seconds_data, seconds_compute, seconds_summing, seconds_waiting;
  double seconds_communication; /* between the beginnings and ends of exchanges with other ranks, waiting included */
} gan_iteration;

/* A value of an evaluation. */
typedef struct gan_evaluation_value {
  const char *name; /* as in metrics.h5, and in what `gan_dist evaluate --json` prints */
  double value;     /* NAN: it is not defined */
  double floor;     /* what other real samples get in the place of generated ones; NAN: not known */
  int better;       /* -1: lower, 1: higher, 0: neither, such as a standard error */
} gan_evaluation_value;

/* An evaluation of the generator; values that do not apply to the data are NAN. */
typedef struct gan_evaluation {
  int64_t iteration;
  double sliced_wasserstein;          /* between samples and data; lower is better */
  double modes, modes_covered;        /* of data with known modes */
  double high_quality_share;          /* share of samples within 3 sigma of a mode */
  int value_count;                    /* of the metrics that eval.metrics names: */
  const gan_evaluation_value *values; /* borrowed from the trainer, whose next evaluation changes them */
  gan_evaluation_value judged;        /* the one that eval.best names, by which best.h5 is kept */
  double before;                      /* its value in the evaluation before; NAN: there is none */
  double best;                        /* the best of all evaluations before; NAN: there is none */
  int64_t best_iteration;             /* where that was; 0: not known, as in a run that goes on in another folder */
} gan_evaluation;

/* What a program is told during gan_trainer_run; each may be NULL. Called on rank 0 only, so it must not call what is
   collective. */
typedef struct gan_observer {
  void *context;
  void (*iteration)(void *context, const gan_iteration *values);
  void (*evaluation)(void *context, const gan_evaluation *values);
  /* A file was written: what it is ("checkpoint", "samples", "real") and where. */
  void (*file)(void *context, const char *what, const char *path);
  /* Something the user should know: "resumed from ...", "checkpoint ... is damaged, took the one before". */
  void (*notice)(void *context, const char *text);
  /* The run's folder is taken, and the first iteration, if there is one to do, comes next. */
  void (*begin)(void *context, const gan_trainer *trainer);
} gan_observer;

/* Builds networks, opens the data, initialises parameters or reads a checkpoint when run.resume says so: then keys that
   nobody has set are as the run had them, not as they are by default. The configuration is copied. Collective over
   world; all ranks return the same status: GAN_BAD_USAGE when configurations differ between ranks in more than the
   places of files, or another process trains in the folder of the run that is to go on. Owned by the caller.

   HDF5 can crash, or never come back, over a damaged file. So rank 0 lets a child process (fork) read HDF5 data, and
   the metrics of a run that goes on, before any rank opens them; the child does nothing but read them, and ends. */
GAN_API gan_status gan_trainer_create(gan_world *world, const gan_config *config, const gan_observer *observer,
                                      gan_trainer **trainer) GAN_CHECKED;
/* Collective, also after an error. NULL is allowed. */
GAN_API void gan_trainer_destroy(gan_trainer *trainer);

/* Trains to the configured number of iterations with everything around it: checkpoints, metrics, samples, evaluation in
   run.dir. Where a start before was ended after its last checkpoint and before the picture and the evaluation that were
   due with it, they are made first. The folder is this trainer's until gan_trainer_destroy: GAN_BAD_USAGE when another
   process has it, GAN_FAILED when it is moved or removed meanwhile. Returns GAN_INTERRUPTED after gan_request_stop or
   at run.stop_at, with a checkpoint written; or without a checkpoint and an iteration, where a stop was asked for
   before the first. Collective; all ranks return the same status. */
GAN_API gan_status gan_trainer_run(gan_trainer *trainer) GAN_CHECKED;

/* One iteration and nothing around it: n_critic critic steps and one generator step, or one and k where n_critic is
   1/k. Collective. */
GAN_API gan_status gan_trainer_iterate(gan_trainer *trainer, gan_iteration *values) GAN_CHECKED;

/* `count` samples (count, elements) of the generator as it is now (the averaged one when there is one), by latents 0 ..
   count-1 of the run's fixed latents, on rank 0; `samples` is not touched elsewhere, and may be NULL there. GAN_FAILED
   when the samples are not finite. Collective. */
GAN_API gan_status gan_trainer_sample(gan_trainer *trainer, int64_t count, float *samples) GAN_CHECKED;

/* Elements of one sample. */
GAN_API int64_t gan_trainer_sample_size(const gan_trainer *trainer);

/* Sample quality as it is now. Collective. */
GAN_API gan_status gan_trainer_evaluate(gan_trainer *trainer, gan_evaluation *values) GAN_CHECKED;

/* Writes a checkpoint now, and takes the run's folder as gan_trainer_run does. Collective. */
GAN_API gan_status gan_trainer_save(gan_trainer *trainer) GAN_CHECKED;

/* The run's folder; where run.dir is not set, that of a new run is known once it was taken, as another one may be
   faster. Owned by the trainer. */
GAN_API const char *gan_trainer_folder(const gan_trainer *trainer);

/* Iterations done, over all starts of the run. */
GAN_API int64_t gan_trainer_iteration(const gan_trainer *trainer);

/* Iterations to do in all: run.iterations, or those of the run that goes on where they are not set. */
GAN_API int64_t gan_trainer_iterations(const gan_trainer *trainer);

/* The checkpoint written last, or gone on from; "" when there is none. Owned by the trainer. */
GAN_API const char *gan_trainer_checkpoint(const gan_trainer *trainer);

/* Asks every trainer of this process to stop after the current iteration. Safe in any thread and in a signal handler.

   But no handler, of whatever signal, may run on the stack of a thread that is inside gan_trainer_create,
   gan_trainer_run, gan_trainer_iterate, gan_trainer_sample or gan_trainer_evaluate: oneDNN's kernels use the stack
   register for data in the heap, and the frame of the handler would overwrite what lies there. Either block signals in
   that thread (pthread_sigmask) and take them in another (sigwait), or give the thread a stack for signals
   (sigaltstack) and have all handlers use it (SA_ONSTACK). That holds for timers and profilers, too, and for handlers
   of other libraries: where the program itself starts MPI, OMPI_MCA_opal_signal set to "" keeps Open MPI from having
   any. The library's own threads block signals. */
GAN_API void gan_request_stop(void);

#endif
