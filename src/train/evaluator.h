/* The metrics that a run records beside the sliced Wasserstein distance (eval.metrics), and the value by which best.h5
   is kept (eval.best). They are rows of eval/metric.h, of the same real samples, features and seeds as `gan_dist
   evaluate RUN` takes: an evaluation of as many samples gives the same numbers. */
#ifndef GAN_TRAIN_EVALUATOR_H
#define GAN_TRAIN_EVALUATOR_H

#include "config/config.h"
#include "eval/evaluation.h"
#include "gan_dist/trainer.h"
#include "train/real_rows.h"

enum { GAN_EVALUATION_VALUES = GAN_METRICS_MOST * GAN_METRIC_VALUES };

typedef struct gan_evaluator {
  gan_metric_choice choice; /* without rows: nothing is recorded but what always is */
  gan_features *features;   /* NULL: the samples themselves */
  gan_features_about about;
  gan_filled_set real, others; /* the others stay only where a metric wants held-out samples */
  bool held_out;
  bool rounds;  /* real samples are images of 8 bits, and so are others then (eval/rounding.h) */
  double power; /* of showers */
  int value_count;
  gan_evaluation_value values[GAN_EVALUATION_VALUES]; /* of the newest evaluation, with their floors */
  char why[512];                                      /* one of them is not defined; "": all are */
  bool told;                                          /* that one was not */
} gan_evaluator;

/* What is always recorded and may keep best.h5: by their places in a gan_evaluation. */
typedef struct gan_judge {
  const char *name;
  size_t place;
  int better;
} gan_judge;

/* GAN_BAD_USAGE for names in eval.metrics and eval.best that nothing is recorded by. Not collective. */
gan_status gan_evaluator_check(const gan_config *config) GAN_CHECKED;

/* Opens the features, reads the real samples and computes the floor; of a configuration that has been checked and whose
   source is `source`, for evaluations of `count` samples. GAN_BAD_USAGE for a metric that cannot be computed of these
   data and features, with the reason. Nothing else may read from the source meanwhile. Collective, as the next; what is
   zero has nothing to release. */
gan_status gan_evaluator_create(gan_world *world, const gan_config *config, gan_source *source,
                                const gan_backend *backend, int64_t count, gan_evaluator *evaluator) GAN_CHECKED;
void gan_evaluator_release(gan_evaluator *evaluator);

/* Fills in evaluator->values of generated samples, which need no features: those are computed here, of values that are
   rounded first where the real ones are. One that cannot be computed of them, as their features are not
   finite, is NAN, and evaluator->why says why the first of these is. Other errors are agreed on. Collective. */
gan_status gan_evaluator_compute(gan_evaluator *evaluator, gan_world *world, const gan_backend *backend,
                                 const gan_sample_set *fake) GAN_CHECKED;

/* The value that eval.best names, of an evaluation whose values are there. Its name is the configuration's or the
   table's. Not collective. */
gan_evaluation_value gan_judged_value(const gan_config *config, const gan_evaluation *values);
/* Its `better`. */
int gan_judge_direction(const gan_config *config);
/* Whether the best so far of a run says nothing of how good its samples are by what is recorded from here on. */
bool gan_judge_changes(const gan_config *before, const gan_config *now);

/* "fcd, kid": rows that are recorded. */
void gan_evaluator_names(const gan_evaluator *evaluator, size_t size, char *text);

/* Bytes that eval.metrics make a run's evaluations take, of `count` samples of a shape: once per host what stays (real
   samples and others) and what generated samples take meanwhile; of each rank the feature network. All 0 without
   metrics. Errors as of opening the network. Not collective. */
typedef struct gan_evaluator_bytes {
  size_t kept, drawn, network;
} gan_evaluator_bytes;
gan_status gan_evaluator_measure(const gan_config *config, const gan_shape *shape, const gan_backend *backend,
                                 int64_t count, gan_evaluator_bytes *bytes) GAN_CHECKED;

#endif
