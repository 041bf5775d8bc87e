/* What a training says when it has ended. */
#ifndef GAN_CLI_TRAIN_REPORT_H
#define GAN_CLI_TRAIN_REPORT_H

#include "cli/progress.h"
#include "gan_dist/trainer.h"

enum { GAN_PATH_TEXT = 4096 };

/* What the run told last. */
typedef struct gan_observed {
  const gan_world *world;
  gan_progress *progress;
  gan_iteration iteration;
  gan_evaluation evaluation;
  char samples[GAN_PATH_TEXT]; /* the last picture; "": none */
} gan_observed;

/* As nothing was told yet. */
void gan_observed_begin(const gan_world *world, gan_observed *run);

/* The best evaluation of the run so far; NAN: there was none. *iteration 0: not known. */
double gan_observed_best(const gan_observed *run, int64_t *iteration);

/* To standard output: where time went, quality, files, and what to type next. */
void gan_train_report_text(const gan_observed *run, const gan_trainer *trainer, gan_status status);
/* As JSON; what no iteration of this start tells is null. */
void gan_train_report_json(const gan_observed *run, const gan_trainer *trainer, gan_status status);

#endif
