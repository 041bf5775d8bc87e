/* An evaluation as `evaluate` makes it: what it was asked, what it found, and how that is told. */
#ifndef GAN_CLI_EVALUATE_H
#define GAN_CLI_EVALUATE_H

#include "cli/command.h"
#include "cli/evaluate_inputs.h"
#include "eval/evaluation.h"
#include "eval/training.h"
#include "store/samples.h"

enum { GAN_EVALUATE_NOTICES = 16, GAN_EVALUATE_TEXT = PATH_MAX + 256 };

/* One generator's, or one file's. */
typedef struct gan_evaluate_entry {
  char path[PATH_MAX];       /* of the checkpoint or file */
  gan_samples_origin origin; /* of a checkpoint; without a name for a file */
  int64_t count;             /* samples judged */
  gan_metric_result results[GAN_METRICS_MOST];
} gan_evaluate_entry;

typedef struct gan_evaluate_report {
  const gan_metric_choice *choice;
  bool curve;
  bool has_floor; /* and noise */
  int repeats;    /* 0: no standard errors */
  int neighbours;
  gan_metric_result floor[GAN_METRICS_MOST], noise[GAN_METRICS_MOST];
  int entry_count;
  gan_evaluate_entry *entries; /* (entry_count). Owned */
  int64_t real_count, floor_count;
  char real[GAN_EVALUATE_TEXT], others[GAN_EVALUATE_TEXT + 64]; /* what the real samples, and those of the floor, are */
  bool held_out;                                                /* training has not seen those of the floor */
  bool rounded;                                                 /* samples and noise, to 8 bits */
  char features[256];
  int64_t feature_count;
  uint64_t fingerprint; /* of the feature network */
  uint64_t seed;        /* of the latents */
  int notice_count;
  char notices[GAN_EVALUATE_NOTICES][GAN_EVALUATE_TEXT];
} gan_evaluate_report;

/* Adds a notice to the report; one that is there already is not said again. */
void gan_evaluate_notice(gan_evaluate_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* evaluate_report.c: on standard output, as a table, or as one JSON object. `picture`: where the curves are, or NULL.
   Rank 0. */
void gan_evaluate_print(const gan_evaluate_report *report, const char *picture);
void gan_evaluate_print_json(const gan_evaluate_report *report, const char *picture);

/* evaluate_pairs.c: GAN_BAD_USAGE where --pairs is given and makes no sense. */
gan_status gan_evaluate_check_pairs(const gan_arguments *arguments, bool curve) GAN_CHECKED;
/* The closest pairs as a picture, in each pair the generated sample first. training: in which the comparison's samples
   have been searched, or NULL. GAN_BAD_USAGE for samples that are no images; errors are agreed on. Collective. */
gan_status gan_evaluate_draw_pairs(const gan_comparison *comparison, const gan_training *training,
                                   const char *path) GAN_CHECKED;

/* evaluate_curve.c */
/* The entry with the best value, -1: none is better than others, or none is defined. */
int gan_evaluate_best(const gan_evaluate_report *report, int row, int value);
/* GAN_BAD_USAGE where the iterations of the entries do not rise: there is no curve then. */
gan_status gan_evaluate_check_curve(const gan_evaluate_report *report) GAN_CHECKED;
/* Each value over iterations with its floor, as a picture. */
gan_status gan_evaluate_draw(const gan_evaluate_report *report, const char *path) GAN_CHECKED;

#endif
