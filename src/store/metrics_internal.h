/* Between the writer of metrics (metrics.c), its resumption (metrics_resume.c) and the reader (metrics_read.c). */
#ifndef GAN_STORE_METRICS_INTERNAL_H
#define GAN_STORE_METRICS_INTERNAL_H

#include <limits.h>
#include <stdbool.h>

#include "store/hdf5_tools.h"
#include "store/metrics.h"

typedef struct metrics_column {
  char *name;
  hid_t data_set;
} metrics_column;

typedef struct metrics_group {
  char *name;
  size_t column_count;
  metrics_column *columns; /* columns[0] is `iteration` */
  hsize_t rows;            /* in the file */
  size_t pending, capacity;
  double *values; /* (pending, column_count), room for `capacity` rows */
} metrics_group;

struct gan_metrics_file {
  char path[PATH_MAX];
  char set_aside[PATH_MAX];
  gan_hdf5_output output;
  hid_t file;
  size_t group_count;
  metrics_group *groups;
};

/* Writes `count` values behind a column's first `rows`. False on failure. */
bool gan_metrics_extend(const metrics_column *column, hsize_t rows, size_t count, const double *values);

/* Copies the rows with iteration <= keep_until from the file at file->path, if there is one, into the new file's empty
   groups. GAN_BAD_FILE when the old file cannot be read. */
gan_status gan_metrics_copy_rows(gan_metrics_file *file, int64_t keep_until) GAN_CHECKED;

/* gan_metrics_read from an open file; `path` is for messages. */
gan_status gan_metrics_read_open(hid_t file, const char *path, const char *group, const char *column, size_t *count,
                                 double **values) GAN_CHECKED;

#endif
