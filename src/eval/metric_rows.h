/* The rows of the table of metrics, for metrics.c and for the files that define them. */
#ifndef GAN_EVAL_METRIC_ROWS_H
#define GAN_EVAL_METRIC_ROWS_H

#include "eval/metric.h"

extern const gan_metric gan_metric_frechet;
extern const gan_metric gan_metric_kid;
extern const gan_metric gan_metric_classifier_score;
extern const gan_metric gan_metric_modes;

#endif
