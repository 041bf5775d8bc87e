/* metrics.h5: one row an iteration (/train) or an evaluation (/eval), readable while training goes on (SWMR).

   Columns are given as a table; the file gets one extendible 1-D float64 data set each (iteration: int64), with `units`
   and `description`. A resumed run goes on in the same file: rows after the checkpoint's iteration are dropped by
   rewriting the file beside its place and renaming it, which also heals a file whose writer was killed. Layout:
   docs/file-formats.md. One process writes a file, any number may read it meanwhile, without locks. */
#ifndef GAN_STORE_METRICS_H
#define GAN_STORE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct gan_column {
  const char *name;
  const char *units;
  const char *description;
  const double *floor; /* for the attribute `floor`: what real samples get; NULL: none */
} gan_column;

typedef struct gan_metrics_file gan_metrics_file;

typedef struct gan_metrics_group {
  const char *name; /* "train", "eval" */
  size_t column_count;
  const gan_column *columns; /* columns[0] is `iteration` */
} gan_metrics_group;

/* Opens or makes the file with these groups, keeping rows with iteration <= keep_until (-1: none, a new file). Columns
   are found again by name; one that the old file lacks is NaN in the old rows, one that is no longer in the table is
   dropped. An old file that cannot be read, or of which gan_metrics_probe has said so, is no error: it is renamed to
   PATH.damaged-N, see gan_metrics_set_aside, and a new one begun. GAN_FAILED when the file cannot be written; the old
   one is then as it was. The path is copied, as are names. */
gan_status gan_metrics_open(const char *path, size_t group_count, const gan_metrics_group *groups, int64_t keep_until,
                            gan_metrics_file **file) GAN_CHECKED;
/* Where gan_metrics_open put an old file that it could not read, "" when it had none to put away. Owned by the file. */
const char *gan_metrics_set_aside(const gan_metrics_file *file);
/* Adds a row (values[column_count]) to a group; kept in memory until the next flush. */
gan_status gan_metrics_append(gan_metrics_file *file, size_t group, const double *values) GAN_CHECKED;
/* Writes what is kept, and makes it visible to readers: of all columns, `iteration` gets its rows last. Does not sync
   to the disk. GAN_FAILED naming the file when that fails (disk full); the file then stays as readers saw it last, and
   every later call but close fails alike. */
gan_status gan_metrics_flush(gan_metrics_file *file) GAN_CHECKED;
/* Flushes, syncs to the disk, closes and releases. GAN_FAILED when rows could not be written, now or earlier. NULL is
   allowed. */
gan_status gan_metrics_close(gan_metrics_file *file) GAN_CHECKED;

/* Reads one column of a file that may be being written, or whose writer was killed: values owned by the caller. As many
   as `iteration` has at this moment; a column read later may have more. GAN_BAD_FILE when the file is missing or
   damaged, or has no such column. */
gan_status gan_metrics_read(const char *path, const char *group, const char *column, size_t *count,
                            double **values) GAN_CHECKED;
/* The attribute `floor` of a column; NAN where it has none, or the file cannot be read. */
double gan_metrics_read_floor(const char *path, const char *group, const char *column);
/* Names of a group's columns, in the file's order (NULL-terminated list in one block, released with free()). Errors as
   above. */
gan_status gan_metrics_columns(const char *path, const char *group, char ***names) GAN_CHECKED;

/* Reads all of the file in a child process first (base/probe.h). GAN_BAD_FILE when it cannot be read, or the child does
   not survive it, which is remembered; GAN_OK for a file that is not there. */
gan_status gan_metrics_probe(const char *path) GAN_CHECKED;

#endif
