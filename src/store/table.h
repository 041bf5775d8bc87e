/* Results of a benchmark as an HDF5 file: texts that say what was measured, and columns of equal length. */
#ifndef GAN_STORE_TABLE_H
#define GAN_STORE_TABLE_H

#include <stddef.h>

#include "base/error.h"

typedef struct gan_table_text {
  const char *name, *value;
} gan_table_text;

typedef struct gan_table_column {
  const char *name, *units, *description;
  const double *values; /* [rows] */
} gan_table_column;

typedef struct gan_table {
  const char *kind; /* root attribute `kind`: "gan_dist scaling", "gan_dist allreduce" */
  size_t text_count;
  const gan_table_text *texts; /* root attributes */
  size_t column_count, rows;
  const gan_table_column *columns; /* float64 data sets of the root group, with attributes units and description */
} gan_table;

/* Writes the file, whole or not at all. GAN_FAILED with the path and the reason. */
gan_status gan_table_write(const char *path, const gan_table *table) GAN_CHECKED;

enum { GAN_TABLE_TEXTS_MOST = 64, GAN_TABLE_COLUMNS_MOST = 256 };

/* Reads a file that gan_table_write wrote: columns in the order in which they were written, texts by name. GAN_BAD_FILE
   for any other file, a damaged one, and one with more than the table has room for; then there is nothing to release.
 */
gan_status gan_table_read(const char *path, gan_table *table) GAN_CHECKED;
/* Frees what gan_table_read allocated. */
void gan_table_release(gan_table *table);

#endif
