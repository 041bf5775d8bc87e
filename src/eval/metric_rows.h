/* The rows of the table of metrics: for metrics.c, the files that define them, and who has to know one of them. */
#ifndef GAN_EVAL_METRIC_ROWS_H
#define GAN_EVAL_METRIC_ROWS_H

#include "eval/metric.h"

extern const gan_metric gan_metric_frechet;
extern const gan_metric gan_metric_kid;
extern const gan_metric gan_metric_classifier_score;
extern const gan_metric gan_metric_precision_recall;
extern const gan_metric gan_metric_memorisation;
extern const gan_metric gan_metric_modes;
extern const gan_metric gan_metric_label_accuracy;
extern const gan_metric gan_metric_swd;
extern const gan_metric gan_metric_ks;
extern const gan_metric gan_metric_correlation_difference;
extern const gan_metric gan_metric_auc;
extern const gan_metric gan_metric_separation;

#endif
