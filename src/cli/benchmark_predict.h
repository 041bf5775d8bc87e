/* `gan_dist benchmark --predict`: what benchmark_predict.c finds out and benchmark_predict_report.c tells. */
#ifndef GAN_CLI_BENCHMARK_PREDICT_H
#define GAN_CLI_BENCHMARK_PREDICT_H

#include "cli/benchmark.h"
#include "dist/predict.h"

/* What was measured with one batch. Seconds are of an iteration. */
typedef struct gan_computing {
  double batch;       /* samples of a rank */
  double within_host; /* communication of a host's ranks among themselves */
  gan_spread spread;  /* of a rank's data and compute phases */
} gan_computing;

/* Seconds of an iteration, of the slowest rank. NAN where there are more ranks than samples. */
typedef struct gan_predicted_curve {
  double batch; /* samples of the rank with most */
  double compute, stragglers, total, efficiency;
} gan_predicted_curve;

typedef struct gan_prediction_row {
  int hosts;
  double ranks;
  gan_predicted_time time;
  double network; /* seconds of time's parts between hosts, without adding */
  gan_predicted_curve weak, strong;
} gan_prediction_row;

enum { GAN_PREDICTION_ROWS = 64 };

typedef struct gan_prediction {
  const gan_config *config;
  const char *network, *measured_on; /* measured_on "": a network that was given */
  gan_link link;
  gan_work work;
  gan_predicted_work predicted;
  int computing_count;
  gan_computing computing[3]; /* by falling batch, the first is the configuration's */
  int count;
  gan_prediction_row rows[GAN_PREDICTION_ROWS];
} gan_prediction;

/* Prints, as a table or JSON, and writes a file unless `path` is NULL (see gan_benchmark_write). */
gan_status gan_prediction_report(const gan_prediction *found, bool json, const char *path) GAN_CHECKED;

#endif
