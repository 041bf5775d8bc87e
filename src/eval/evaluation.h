/* Evaluations: the wanted rows of the table of metrics, of sets that are there; and how certain they are. Nothing here
   knows a metric by name. */
#ifndef GAN_EVAL_EVALUATION_H
#define GAN_EVAL_EVALUATION_H

#include "eval/metric.h"
#include "eval/sample_sets.h"

enum { GAN_METRICS_MOST = 64, GAN_UNABLE_TEXT = 256, GAN_NEIGHBOURS_USUAL = 5 };
/* Of directions, splits and halves: the same in every evaluation, so that numbers compare. */
enum { GAN_METRIC_SEED = 0 };

/* Rows that are wanted, in the table's order. */
typedef struct gan_metric_choice {
  int count;
  const gan_metric *metrics[GAN_METRICS_MOST];
  bool named; /* by somebody, who is to learn of one that cannot be computed by an error */
} gan_metric_choice;

/* By the names of rows or of their values with commas between, "fcd,recall", blanks around them or not; "" and "all"
   are all rows. GAN_BAD_USAGE for an unknown name, with the nearest offered. */
gan_status gan_metrics_choose(const char *names, gan_metric_choice *choice) GAN_CHECKED;

/* What became of a row. */
typedef struct gan_metric_result {
  char unable[GAN_UNABLE_TEXT];     /* why it cannot be computed; "": it was */
  double values[GAN_METRIC_VALUES]; /* NAN: not defined, or not computed */
  double errors[GAN_METRIC_VALUES]; /* standard errors; NAN: not known */
} gan_metric_result;

/* Whether a row of the table has a value of that place, and which. */
static inline bool gan_metric_has(const gan_metric *metric, int value) {
  return value < GAN_METRIC_VALUES && metric->values[value].name;
}

/* results (choice->count): each row of the comparison. `what` is for who watches: "floor". Errors are those of the
   rows, the same on every rank. Collective. */
gan_status gan_metrics_compute(const gan_metric_choice *choice, const gan_comparison *comparison, const char *what,
                               const gan_evaluation_watch *watch, gan_metric_result *results) GAN_CHECKED;

/* The floor: comparison->fake are further real samples. They are none that training could have memorised, so a row that
   needs samples held out of training has one half of them compared with the other as held-out ones.
   comparison->held_out counts for nothing. Collective, as above. */
gan_status gan_metrics_floor(const gan_metric_choice *choice, const gan_comparison *comparison,
                             const gan_evaluation_watch *watch, gan_metric_result *results) GAN_CHECKED;

/* Adds to results, which gan_metrics_compute has filled, standard errors: of each value its standard deviation over
   `repeats` (2 at least) random halves of both sets. That of values over halves, which are drawn without putting back,
   is that of the value itself over whole sets: the delete-d jackknife with d = n/2 (Shao and Wu, "A general theory for
   jackknife variance estimation", Annals of Statistics 17, 1989), whose factor (n - d) / d is 1. A
   bootstrap that puts back would give samples doubles, which are their nearest neighbours (docs/evaluation.md has what
   that does to errors and values). Held-out samples stay whole, and so do all training samples that have been searched
   (nearest_training). NAN where a half is too
   small, or a value was not defined for all halves. Collective, as above. */
gan_status gan_metrics_repeat(const gan_metric_choice *choice, const gan_comparison *comparison, int repeats,
                              const gan_evaluation_watch *watch, gan_metric_result *results) GAN_CHECKED;

#endif
