/* What `evaluate` works with from its arguments to its report, and what it has to say besides (evaluate_notices.c). */
#ifndef GAN_CLI_EVALUATE_WORK_H
#define GAN_CLI_EVALUATE_WORK_H

#include "cli/evaluate.h"
#include "cli/evaluate_sources.h"
#include "cli/work_bar.h"
#include "eval/rounding.h"
#include "eval/training.h"
#include "train/real_rows.h"

/* All that is owned is given back together, by command_evaluate.c. */
typedef struct gan_evaluate_work {
  const gan_arguments *arguments;
  gan_world *world;
  gan_metric_choice choice;
  int64_t wanted; /* samples of each set */
  int neighbours, repeats;
  bool has_floor;
  gan_judged judged;
  gan_evaluate_data data;
  const gan_backend *backend;
  gan_source *real, *file;
  gan_real_rows rows; /* of the real samples, and of those of the floor */
  int64_t judged_count;
  gan_features *features; /* NULL: the samples themselves */
  gan_features_about about;
  int label_count; /* classes whose labels are used; 0: none are */
  gan_filled_set real_set, other_set;
  gan_source_rows training_rows;
  gan_training training; /* all samples of `real`, in which copies are searched for; of none where nobody asks */
  int modes;
  float *centres;
  gan_evaluate_report *report;
  gan_work_bar bar;
  gan_evaluation_watch watch;
} gan_evaluate_work;

/* Where a source's samples are, for messages: its path, else its name. Borrowed. */
const char *gan_evaluate_place(const gan_source *source);

/* GAN_BAD_USAGE where the samples of --held-out are those that training saw, or those that are judged: they have to be
   others. Not collective; the same on every rank. */
gan_status gan_evaluate_check_held_out(const gan_evaluate_work *of) GAN_CHECKED;
/* Notices in the report: of a file that is compared with itself; of values in other units than the data's, once the
   samples to judge are there (rounding: how they were rounded, or NULL; this one is collective); and, when all is done,
   of what numbers do not mean. Not collective, but for that. */
void gan_evaluate_notice_same(gan_evaluate_work *of);
void gan_evaluate_notice_units(gan_evaluate_work *of, const gan_sample_set *judged, const gan_rounding *rounding);
void gan_evaluate_add_notices(gan_evaluate_work *of);

#endif
