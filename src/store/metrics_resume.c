/* Going on with an old metrics file: its rows up to the checkpoint are copied, column by column. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/metrics_internal.h"
#include "store/output.h"

static gan_status fail_old(const char *path) {
  char reason[GAN_HDF5_REASON];
  return gan_fail(GAN_BAD_FILE, "cannot read %s: %s", path, gan_hdf5_reason(reason));
}

/* The old values of a column; NaN for a column that the old file does not have. */
static gan_status old_values(const metrics_group *group, const char *column, hid_t old, const char *path, size_t count,
                             double **values) {
  size_t found = 0;
  GAN_HDF5_ID old_group = H5Gopen2(old, group->name, H5P_DEFAULT);
  const htri_t exists = old_group < 0 ? -1 : H5Lexists(old_group, column, H5P_DEFAULT);
  if (exists < 0) return fail_old(path);
  if (exists) {
    GAN_TRY(gan_metrics_read_open(old, path, group->name, column, &found, values));
    if (found == count) return GAN_OK;
    free(*values);
    return gan_fail(GAN_BAD_FILE, "%s grows while it is read: another process writes it", path);
  }
  GAN_TRY(gan_allocate(count, sizeof **values, "a column of metrics", values));
  for (size_t row = 0; row < count; row++) (*values)[row] = NAN;
  return GAN_OK;
}

static size_t keep_rows(size_t count, const double *iteration, int64_t keep_until, double *values) {
  size_t kept = 0;
  for (size_t row = 0; row < count; row++)
    if (iteration[row] <= (double)keep_until) values[kept++] = values[row];
  return kept;
}

static gan_status copy_column(gan_metrics_file *file, const metrics_group *group, size_t index, hid_t old, size_t count,
                              const double *iteration, int64_t keep_until) {
  double *values = NULL;
  char reason[GAN_HDF5_REASON];
  const metrics_column *column = &group->columns[index];
  GAN_TRY(old_values(group, column->name, old, file->path, count, &values));
  const size_t kept = keep_rows(count, iteration, keep_until, values);
  const bool done = kept == 0 || gan_metrics_extend(column, 0, kept, values);
  free(values);
  if (file->output.error) return gan_fail_write(file->path, file->output.error);
  return done ? GAN_OK : gan_fail(GAN_FAILED, "cannot write %s: %s", file->path, gan_hdf5_reason(reason));
}

static gan_status copy_group(gan_metrics_file *file, metrics_group *group, hid_t old, int64_t keep_until) {
  double *iteration = NULL;
  size_t count = 0;
  const htri_t exists = H5Lexists(old, group->name, H5P_DEFAULT);
  if (exists < 0) return fail_old(file->path);
  if (!exists) return GAN_OK; /* the older program had no such group */
  GAN_TRY(gan_metrics_read_open(old, file->path, group->name, group->columns[0].name, &count, &iteration));
  gan_status status = GAN_OK;
  for (size_t i = 0; status == GAN_OK && i < group->column_count; i++)
    status = copy_column(file, group, i, old, count, iteration, keep_until);
  if (status == GAN_OK) group->rows = keep_rows(count, iteration, keep_until, iteration);
  free(iteration);
  return status;
}

gan_status gan_metrics_copy_rows(gan_metrics_file *file, int64_t keep_until) {
  if (access(file->path, R_OK) != 0)
    return errno == ENOENT ? GAN_OK : gan_fail(GAN_FAILED, "cannot read %s: %s", file->path, strerror(errno));
  GAN_HDF5_ID old = gan_hdf5_open(file->path, true);
  if (old < 0) return fail_old(file->path);
  for (size_t g = 0; g < file->group_count; g++) GAN_TRY(copy_group(file, &file->groups[g], old, keep_until));
  return GAN_OK;
}
