/* The trainer from the inside: what src/train's files share.

   trainer.c builds and destroys, with players.c (both networks and their passes) and real_samples.c. step.c is one
   iteration's mathematics, of what step.h lists: accumulation.c, placing.c, augmentation.c, scores.c, penalty.c,
   update.c; optimization.c and regularisers.c say what the configuration means for it. run.c is the loop around it,
   state.c checkpoints, resume.c the configuration of a run that goes on, history.c what changes in it, balance.c how
   ranks share shards, claim.c whose the folder is, record.c what is written to disk besides, evaluate.c evaluations,
   with evaluator.c for their metrics and real_rows.c for the real samples of these, trace.c traces, advice.c what the
   start has to say, symptoms.c what goes wrong later, overview.c what a run is told about, model.c the networks,
   memory.c what all of it takes, memory_report.c what that comes to, work.c how much is computed. classifier.c trains a
   classifier by the same kit. */
#ifndef GAN_TRAIN_INTERNAL_H
#define GAN_TRAIN_INTERNAL_H

#include <limits.h>
#include <stdbool.h>

#include "base/shard_groups.h"
#include "config/config.h"
#include "data/loader.h"
#include "dist/reduction.h"
#include "dist/watchdog.h"
#include "dist/world.h"
#include "eval/quality.h"
#include "gan/lecam.h"
#include "gan_dist/trainer.h"
#include "nn/pass.h"
#include "nn/prepare.h"
#include "optim/optimizer.h"
#include "store/checkpoint.h"
#include "store/folder_lock.h"
#include "store/metrics.h"
#include "store/trace.h"
#include "train/data.h"
#include "train/evaluator.h"
#include "train/memory.h"
#include "train/model.h"
#include "train/symptoms.h"

/* One of the two networks with everything that its training needs. */
typedef struct gan_player {
  const char *name; /* "generator", "critic" */
  gan_trainer *trainer;
  const gan_network *network; /* the model's */
  gan_reduction *reduction;   /* owns parameters, states and gradient slots */
  float *parameters;          /* the reduction's; to be read after gan_reduction_await */
  float *buffers;
  gan_preparation *preparation; /* of what passes read instead of the parameters; NULL: nothing */
  bool prepared;                /* since the last update */
  double *spectral_sums;        /* (local shards, spectral_count): its passes' */
  double *spectral_totals;      /* (spectral_count): those of the step whose gradients are in the slots */
  gan_pass *pass;
  const gan_optimizer *optimizer;
  gan_optimizer_options options;       /* with this network's learning rate */
  gan_optimizer_options now;           /* as they are in the update in progress or the last one */
  float *states[GAN_OPTIMIZER_STATES]; /* the reduction's; complete on rank 0 after gan_reduction_collect */
  int states_used;
  float *ema;         /* moving average of the parameters, one more state of the reduction; NULL: none */
  double ema_decay;   /* of the update in progress or the last one */
  float *ema_buffers; /* and of the buffers */
  int64_t steps;      /* updates done */
  bool pending;       /* the gradients of an update are there, and it is still to be made */
  double clip;        /* bound of weight clipping; 0: none */
  double clip_norm;   /* bound of the norms of tensors, or of their rows; 0: none */
  bool clip_rows;
  double gradient_clip; /* bound of the gradient's norm; 0: none */
  /* Of the update in progress or the last one. */
  int64_t updated, clipped; /* parameters that this rank updated, and those of them that clipping changed */
  double gradient_norm;
  bool settled; /* what is known of an update once it is in is noted */
  /* Of this iteration: updates whose gradient has a bound, and those that were scaled to keep it. */
  int64_t bounded, shortened;
  double update_seconds; /* spent in the optimiser, inside the reduction; not measured by a rank alone */
} gan_player;

/* What a step sums over all shards, beside the gradients. */
typedef enum gan_sum {
  GAN_SUM_LOSS,
  GAN_SUM_SCORE_REAL, /* mean over the global batch */
  GAN_SUM_SCORE_FAKE,
  GAN_SUM_SIGN_REAL, /* of the signs of real samples' scores */
  GAN_SUM_PENALTY,   /* of gradients: a part of the loss */
  GAN_SUM_FAILED,    /* shards whose rank met an error */
  GAN_SUM_STOP,      /* shards whose rank was asked to stop */
  GAN_SUM_UPDATED,   /* the critic's parameters, as often as ranks updated them in its last step */
  GAN_SUM_CLIPPED,   /* those of them that clipping changed */
  GAN_SUMS
} gan_sum;

/* What the critic's gradient penalties take (penalty.c). */
typedef struct gan_penalty_work {
  gan_pass *pass; /* with tangents; a part for each site in use; NULL: there are no penalties */
  float *workspace;
  int part[GAN_SITES];  /* -1: nobody looks there */
  float *interpolation; /* (local samples): each one's place between real and generated */
  bool due;             /* the critic's step under way, or the last one, has penalties */
  double *square_sums;  /* (local shards, 2): of the real samples' values and their squares */
} gan_penalty_work;

/* Where a run begins. */
typedef enum gan_resume { GAN_RESUME_NOT, GAN_RESUME_NEWEST, GAN_RESUME_FILE } gan_resume;

struct gan_trainer {
  gan_world *world;
  bool started_watchdog; /* or joined those that have: not without --timeout */
  gan_config *config;
  gan_observer observer;
  const gan_loss *loss;
  gan_source *source;
  gan_loader *loader;
  gan_shards shards;
  gan_shard_groups groups; /* of this rank's shards: the passes hold one at a time */
  int group;               /* that they hold now */
  gan_model model;
  gan_player generator, critic;
  gan_passes_memory passes; /* the plan of the two blocks */
  gan_penalty_work penalty;
  float lecam[GAN_LECAM_STATES]; /* moving averages of scores */
  gan_pass *sampling; /* generates for critic steps: the generator's pass, or one with a part for each of some */
  float *kept;        /* (steps ahead, local samples, elements): generated, of all groups; NULL: not to be kept */
  float *values, *workspace; /* of both passes */
  double *shard_sums;        /* (local shards, gan_step_sums): GAN_SUMS, batch statistics of each part, spectral sums */
  double *sums;              /* (gan_step_sums) */
  /* Of the newest critic step, for the loss; the generator's may be one of real samples, too. */
  const float *real;         /* (local samples, elements): the loader's, until it is asked for the next step's */
  const float *real_weights; /* (local samples): likewise; NULL: all 1 */
  bool *label_flips;         /* (2, local samples): real and generated samples that count as of the other class; NULL */
  float *scores; /* (2, local samples): of all groups, real and generated, where the loss is one of the batch */
  double loss_totals[GAN_LOSS_STATISTICS]; /* what the loss knows of the global batch in this step */
  double *loss_sums;      /* (local shards, GAN_LOSS_STATISTICS): a round of the loss's statistics (gan/loss.h) */
  float augment_strength; /* augment.adaptive: what it is now */
  int64_t iteration;      /* iterations done */
  int64_t resumed_at;     /* the iteration whose checkpoint this start goes on from; 0: none */
  bool stop;              /* some rank was asked to stop */
  double best;            /* value (eval.best) of the best evaluation; NAN before; of all ranks */
  int64_t best_iteration; /* where that was; 0: not known. Rank 0, as what the evaluation before came to (NAN: none) */
  double quality_before;
  bool other_measure; /* rank 0: what the run recorded so far as eval.best says is no measure of what it records now */
  gan_symptoms symptoms; /* rank 0 */
  char failure[1024];    /* what a call failed with, "": none has */
  gan_status pending;    /* rank 0 could not write something; agreed on in the next step, or at the end */
  char pending_message[512];
  double seconds_before; /* trained before this start */
  double started;
  double seconds_data, seconds_communication; /* of all iterations so far */

  /* Files; rank 0. */
  gan_resume resume;  /* on all ranks once the checkpoint was looked for */
  bool goes_on_there; /* rank 0: in the folder of the run so far, whose config.ini tells what it was given last */
  gan_config *before; /* what the run was configured with so far; on all ranks; NULL: it begins, or nobody can tell */
  int shards_before;  /* and its shards; 0: it begins */
  bool chose_shards;  /* nobody has set train.shards */
  char *changes;      /* rank 0: what has changed since, as history.txt keeps it; NULL: it begins */
  gan_checkpoint_file *resumed; /* the checkpoint to go on from, from when it is found until it is read */
  char folder[PATH_MAX];
  gan_folder_lock *lock; /* on the folder; rank 0, NULL until it is taken */
  bool claimed;          /* gan_folder_claim was called; the same on every rank */
  char last_checkpoint[PATH_MAX];
  gan_metrics_file *metrics;
  double flushed;              /* when metrics were last made visible */
  gan_trace *trace;            /* rank 0 */
  int64_t traced;              /* updates traced; the same on every rank */
  struct gan_tracing *tracing; /* on all ranks (trace.c) */
  float *fixed_latents;        /* (samples.count, latent) */
  gan_evaluator evaluator;     /* of eval.metrics, on all ranks */
  size_t evaluation_columns;   /* rank 0: of /eval in metrics.h5, by their names, which are those of tables */
  const char **evaluation_names;
  gan_projected *evaluation_real;  /* rank 0: real samples to compare with */
  float *evaluation_points;        /* rank 0: (evaluation_count, 2) of them, where they are drawn as points; NULL */
  int64_t evaluation_count;        /* on all ranks */
  float real_lowest, real_highest; /* rank 0: values of those real samples, and their variance (gan_spread_variance) */
  double real_variance;
  float *real_shown; /* rank 0: the first of them until they are drawn, where they are images; NULL */
  float *modes;      /* (mode_count, 2) */
  int mode_count;
};

/* players.c: one network's reduction, collective; all else that a player has, its pass in `memory`, NULL: its own; how
   it begins, which is rank 0's to say; and its state, rank 0's, for all (state.c, collective). */
gan_status gan_player_reduce(gan_trainer *trainer, const gan_network *network, bool average,
                             gan_reduction **reduction) GAN_CHECKED;
gan_status gan_player_create(gan_trainer *trainer, const char *name, const gan_network *network,
                             const gan_network_config *config, int parts, const gan_pass_memory *memory,
                             gan_player *player) GAN_CHECKED;
void gan_player_initialise(gan_trainer *trainer, gan_player *player, const gan_network_config *config,
                           gan_random_stream stream);
void gan_player_distribute(gan_trainer *trainer, gan_player *player);
/* players.c: both networks' reductions, collective; then passes and all else, in memory as planned, not collective, but
   all ranks do alike. */
gan_status gan_players_reduce(gan_trainer *trainer) GAN_CHECKED;
gan_status gan_players_create(gan_trainer *trainer) GAN_CHECKED;
void gan_player_destroy(gan_player *player);
/* The state of a new run: rank 0's, for all. */
void gan_players_initialise(gan_trainer *trainer);
/* One more pass of a player's network. */
gan_status gan_player_create_pass(gan_player *player, int parts, gan_keep keep, const gan_pass_memory *memory,
                                  gan_pass **pass) GAN_CHECKED;

/* trainer.c. GAN_BAD_USAGE where ranks were started with different configurations, but for the places of files.
   Collective. */
gan_status gan_compare_configurations(gan_world *world, const gan_config *config) GAN_CHECKED;
/* trainer.c: what was given in vain is an error; what a preset or the run so far brought in vain is said. Not
   collective, but all ranks do alike. */
gan_status gan_settle_configuration(gan_trainer *trainer) GAN_CHECKED;

/* step.c: one iteration, as docs/design.md section 2 draws it. */
gan_status gan_train_iteration(gan_trainer *trainer, gan_iteration *values) GAN_CHECKED;
/* update.c, around every exchange with other ranks: takes its time, and lets the watchdog know. */
double gan_begin_exchange(gan_trainer *trainer);
void gan_end_exchange(gan_trainer *trainer, double start);

/* claim.c. Rank 0: the folder's name (PATH_MAX bytes), of a new run as far as nobody takes it first; takes the folder,
   or looks whether it still is the one that was taken. GAN_BAD_USAGE when another process has it. */
gan_status gan_folder_choose(const gan_config *config, char *folder) GAN_CHECKED;
gan_status gan_folder_take(gan_trainer *trainer) GAN_CHECKED;
/* What a write into the folder came to: a failed one is explained by the folder's having gone, where it has. */
gan_status gan_folder_explain(gan_trainer *trainer, gan_status status) GAN_CHECKED;
/* Rank 0, once the folder is known: GAN_BAD_USAGE when data or trace are a file of the run itself, or when a resumed
   run would replace the trace of its earlier part. */
gan_status gan_folder_check_files(const gan_trainer *trainer, bool resumes) GAN_CHECKED;
/* Takes the folder for rank 0, and tells all ranks its name; before each write. Collective. */
gan_status gan_folder_claim(gan_trainer *trainer) GAN_CHECKED;

/* state.c. Both collective; all ranks return the same status. */
gan_status gan_state_save(gan_trainer *trainer) GAN_CHECKED;
gan_status gan_state_load(gan_trainer *trainer, const char *path) GAN_CHECKED;
/* Who computes products, as its options name it, into `name`, which is returned. */
const char *gan_state_backend(const gan_trainer *trainer, size_t size, char *name);
/* Such a name taken apart: run.backend and run.precision. */
typedef struct gan_backend_name {
  char backend[64], precision[64];
} gan_backend_name;
gan_backend_name gan_state_backend_parts(const char *text);
/* The moving average starts from the generator as it is. Rank 0, which has all of it. */
void gan_begin_average(gan_player *generator);
/* Brings rank 0's state to all. Collective. */
void gan_state_distribute(gan_trainer *trainer);
/* Brings all of the state to rank 0, before it is written or samples are drawn. Collective. */
void gan_state_collect(gan_trainer *trainer);
/* Rank 0 looks for what to resume from; every rank gets the path ("" for a new run). Collective. */
gan_status gan_state_find(gan_trainer *trainer, char *path) GAN_CHECKED;
/* resume.c: completes the configuration by config.ini of the folder that the run goes on in, and by that of the
   checkpoint which was found ("": none). Collective. */
gan_status gan_resume_configuration(gan_trainer *trainer, const char *path) GAN_CHECKED;
/* history.c, rank 0: says in what the run differs from here on from what the checkpoint had; adds this start to the
   run's history.txt. */
gan_status gan_history_compare(gan_trainer *trainer, const gan_checkpoint *from) GAN_CHECKED;
gan_status gan_history_record(const gan_trainer *trainer) GAN_CHECKED;
/* balance.c: settles train.shards; once they are accepted, says what the ranks get. Not collective, but all ranks do
   alike. */
gan_status gan_settle_shards(gan_trainer *trainer) GAN_CHECKED;
void gan_notice_shards(gan_trainer *trainer);
/* Compares parameters over ranks. Collective. */
gan_status gan_state_verify(gan_trainer *trainer) GAN_CHECKED;

/* real_samples.c: reads those that evaluations compare with; draws the first as real.png in the run's folder, unless
   they are no images, or a run that goes on has the picture. Rank 0. */
gan_status gan_read_real_samples(gan_trainer *trainer) GAN_CHECKED;
gan_status gan_draw_real_samples(gan_trainer *trainer) GAN_CHECKED;

/* evaluate.c. Samples number first .. first+count-1 of those from the fixed latents, by a rank that has the whole
   generator. The passes' memory has to be free, as it is between iterations. Not collective. */
gan_status gan_draw_samples(gan_trainer *trainer, int64_t first, int64_t count, float *samples) GAN_CHECKED;
/* An evaluation of the generator as it is now, by all ranks; and, on rank 0, the variance of its samples
   (gan_spread_variance). Collective; all values are the same on every rank, but `variance`. */
gan_status gan_evaluate(gan_trainer *trainer, gan_evaluation *values, double *variance) GAN_CHECKED;

/* record.c: what rank 0 writes and reports. */
gan_status gan_record_open(gan_trainer *trainer) GAN_CHECKED; /* collective */
void gan_record_iteration(gan_trainer *trainer, const gan_iteration *values);
gan_status gan_record_flush(gan_trainer *trainer) GAN_CHECKED;
/* Collective, these two; *judged is the evaluation's value that eval.best names, on every rank. */
gan_status gan_record_samples(gan_trainer *trainer) GAN_CHECKED;
gan_status gan_record_evaluation(gan_trainer *trainer, double *judged) GAN_CHECKED;
/* What the run's folder holds of this iteration. Collective. */
typedef struct gan_recorded {
  bool samples, evaluation;
  double judged; /* the evaluation's value that eval.best names */
} gan_recorded;
gan_status gan_record_find(gan_trainer *trainer, gan_recorded *found) GAN_CHECKED;
gan_status gan_record_close(gan_trainer *trainer) GAN_CHECKED;
void gan_notice(gan_trainer *trainer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* accumulation.c: says once where groups cannot be as many as they were asked to be. */
void gan_accumulation_notice(gan_trainer *trainer);

/* advice.c: tells of settings that are allowed and rarely meant. Rank 0 says it; nothing happens elsewhere. */
void gan_advise(gan_trainer *trainer);

/* trace.c: an update's quantities over the whole global batch, gathered on rank 0. Collective while the trace lasts. */
gan_status gan_trace_begin(gan_trainer *trainer) GAN_CHECKED;
/* Whether the next update is to be traced; the same on every rank. */
bool gan_trace_wants(const gan_trainer *trainer);
/* Keeps the samples and scores of the player's step whose update comes next. The fake samples were generated in that
   part of that pass; what the critic saw is in its own, as the step left it. */
void gan_trace_samples(gan_trainer *trainer, const gan_player *player, const gan_pass *generated, int part);
/* Writes them, with what the update made of them. */
void gan_trace_result(gan_trainer *trainer, gan_player *player);
gan_status gan_trace_end(gan_trainer *trainer) GAN_CHECKED; /* rank 0 */
void gan_trace_release(gan_trainer *trainer);
/* An error of rank 0 between two steps, with its message: every rank learns of it in the next step. */
void gan_set_pending(gan_trainer *trainer, gan_status status);

/* run.c: whether this start goes on from a checkpoint with all of its iterations done. */
bool gan_trains_nothing(const gan_trainer *trainer);
/* A trainer of which a call has failed is not to be used any more: a step given up half-way leaves messages and
   sums behind. GAN_FAILED says so; the other notes a failure that a call is about to return. Not collective, but all
   ranks do alike. */
gan_status gan_refuse_after_failure(const gan_trainer *trainer) GAN_CHECKED;
gan_status gan_note_failure(gan_trainer *trainer, gan_status status) GAN_CHECKED;

/* The generator that samples are drawn from: averaged when there is one and samples.ema says so. */
const float *gan_sample_parameters(const gan_trainer *trainer);
const float *gan_sample_buffers(const gan_trainer *trainer);

bool gan_stop_requested(void);

#endif
