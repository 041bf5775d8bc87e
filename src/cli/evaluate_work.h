/* What `evaluate` works with from its arguments to its report, and the parts of the work in the order in which
   command_evaluate.c calls them. */
#ifndef GAN_CLI_EVALUATE_WORK_H
#define GAN_CLI_EVALUATE_WORK_H

#include "cli/evaluate.h"
#include "cli/evaluate_sources.h"
#include "cli/work_bar.h"
#include "eval/rounding.h"
#include "eval/training.h"
#include "train/real_rows.h"

/* Fewer samples in a set are no comparison. */
enum { GAN_EVALUATE_LEAST = 2 };

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

/* --- evaluate_real.c: which samples are compared --- */

/* GAN_BAD_USAGE unless the shapes are equal; `what` has the other one, for the message. */
gan_status gan_evaluate_check_shape(const gan_shape *real, const gan_shape *other, const char *what) GAN_CHECKED;
/* The real samples and those of the floor, how many there are of each, and what the report says of them. Errors of
   gan_open_source; GAN_BAD_USAGE: too few. */
gan_status gan_evaluate_open_real(gan_evaluate_work *of) GAN_CHECKED;
/* The file of samples that is judged, if it is one, and how many samples are. As gan_evaluate_open_real. */
gan_status gan_evaluate_open_judged(gan_evaluate_work *of) GAN_CHECKED;

/* --- evaluate_notices.c: what there is to say besides --- */

/* GAN_BAD_USAGE where the samples of --held-out are those that training saw, or those that are judged: they have to be
   others. Not collective; the same on every rank. */
gan_status gan_evaluate_check_held_out(const gan_evaluate_work *of) GAN_CHECKED;
/* Notices in the report: of a file that is compared with itself; of values in other units than the data's, once the
   samples to judge are there (rounding: how they were rounded, or NULL; this one is collective); and, when all is done,
   of what numbers do not mean. Not collective, but for that. */
void gan_evaluate_notice_same(gan_evaluate_work *of);
void gan_evaluate_notice_units(gan_evaluate_work *of, const gan_sample_set *judged, const gan_rounding *rounding);
void gan_evaluate_add_notices(gan_evaluate_work *of);

/* --- evaluate_sets.c: sets as they are filled --- */

/* The network of --features, opened, and the classes whose labels can be used with it. Collective. */
gan_status gan_evaluate_open_features(gan_evaluate_work *of) GAN_CHECKED;
/* GAN_FAILED where the sets that are there at a time would not fit into this host's memory. Not collective. */
gan_status gan_evaluate_check_memory(const gan_evaluate_work *of) GAN_CHECKED;
/* GAN_BAD_USAGE where all real samples have the same features. Not collective; the same on every rank. */
gan_status gan_evaluate_check_features(const gan_evaluate_work *of) GAN_CHECKED;
/* Whether samples that are not real ones are rounded, once the real ones are there. GAN_BAD_USAGE: they cannot be. Not
   collective; the same on every rank. */
gan_status gan_evaluate_choose_rounding(gan_evaluate_work *of) GAN_CHECKED;
/* gan_set_fill, with what all sets have in common. The second is for samples that are no real ones, which it rounds
   where the report says so; `rounding` then has how. Collective. */
gan_status gan_evaluate_fill(gan_evaluate_work *of, gan_set_maker maker, const char *what,
                             gan_filled_set *filled) GAN_CHECKED;
gan_status gan_evaluate_fill_rounded(gan_evaluate_work *of, gan_set_maker maker, const char *what,
                                     gan_rounding *rounding, gan_filled_set *filled) GAN_CHECKED;

/* --- evaluate_compare.c: what they stand beside --- */

/* A comparison of the real samples with `fake`, which is borrowed. */
gan_comparison gan_evaluate_compare_with(const gan_evaluate_work *of, const gan_sample_set *fake);
/* All samples that training may have seen, where copies of them are asked for, and a search for these in a set.
   Collective. */
gan_status gan_evaluate_open_training(gan_evaluate_work *of) GAN_CHECKED;
gan_status gan_evaluate_search(gan_evaluate_work *of, gan_filled_set *set) GAN_CHECKED;
/* What other real samples and noise get, into the report, if a floor is wanted. Collective. */
gan_status gan_evaluate_compare_floor(gan_evaluate_work *of) GAN_CHECKED;

/* --- evaluate_judge.c: what is judged, set by set --- */

/* Each checkpoint's samples, or the file's, into the entries of the report. GAN_BAD_USAGE, too, where a metric that was
   named cannot be computed. Collective. */
gan_status gan_evaluate_judge_all(gan_evaluate_work *of) GAN_CHECKED;

#endif
