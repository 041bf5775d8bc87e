/* Writing metrics: rows are gathered in memory and go to the file column by column. */
#include "store/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/probe.h"
#include "store/kind.h"
#include "store/metrics_internal.h"
#include "store/output.h"

/* A flush rewrites each column's last chunk: small ones keep that cheap, and a run of few iterations a small file. With
   its checksum a chunk fits a page, so it is never half old and half new. */
enum { CHECKSUM = 4, CHUNK_ROWS = (GAN_HDF5_PAGE - CHECKSUM) / (int)sizeof(double), FIRST_ROWS = 64 };

static hid_t column_properties(bool integers) {
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t chunk = CHUNK_ROWS;
  const double none = NAN;
  if (creation >= 0 && H5Pset_chunk(creation, 1, &chunk) >= 0 && H5Pset_fletcher32(creation) >= 0 &&
      (integers || H5Pset_fill_value(creation, H5T_NATIVE_DOUBLE, &none) >= 0))
    return creation;
  gan_hdf5_close(&creation);
  return -1;
}

static bool make_column(hid_t group, const gan_column *column, bool integers, hid_t *data_set) {
  const hsize_t rows = 0, limit = H5S_UNLIMITED;
  GAN_HDF5_ID space = H5Screate_simple(1, &rows, &limit);
  GAN_HDF5_ID creation = column_properties(integers);
  if (space < 0 || creation < 0) return false;
  *data_set = H5Dcreate2(group, column->name, integers ? H5T_STD_I64LE : H5T_IEEE_F64LE, space, H5P_DEFAULT, creation,
                         H5P_DEFAULT);
  return *data_set >= 0 && gan_hdf5_put_text(*data_set, "units", column->units) &&
         gan_hdf5_put_text(*data_set, "description", column->description) &&
         (!column->floor || gan_hdf5_put_real(*data_set, "floor", *column->floor));
}

/* Memory first: the file is made once everything that it needs is there. */
static gan_status allocate_group(const gan_metrics_group *plan, metrics_group *group) {
  GAN_TRY(gan_duplicate(plan->name, &group->name));
  GAN_TRY(gan_allocate(plan->column_count, sizeof *group->columns, "the columns of metrics", &group->columns));
  for (size_t i = 0; i < plan->column_count; i++) group->columns[i].data_set = -1;
  group->column_count = plan->column_count;
  for (size_t i = 0; i < plan->column_count; i++)
    GAN_TRY(gan_duplicate(plan->columns[i].name, &group->columns[i].name));
  group->capacity = FIRST_ROWS;
  return gan_allocate(FIRST_ROWS * plan->column_count, sizeof *group->values, "rows of metrics", &group->values);
}

static gan_status allocate_file(const char *path, size_t group_count, const gan_metrics_group *groups,
                                gan_metrics_file *file) {
  file->file = -1;
  if (snprintf(file->path, sizeof file->path, "%s", path) >= (int)sizeof file->path)
    return gan_fail_write(path, ENAMETOOLONG);
  GAN_TRY(gan_allocate(group_count, sizeof *file->groups, "the groups of metrics", &file->groups));
  file->group_count = group_count;
  for (size_t g = 0; g < group_count; g++) GAN_TRY(allocate_group(&groups[g], &file->groups[g]));
  return GAN_OK;
}

static void release_file(gan_metrics_file *file) {
  for (size_t g = 0; g < file->group_count; g++) {
    metrics_group *group = &file->groups[g];
    for (size_t i = 0; i < group->column_count; i++) {
      gan_hdf5_close(&group->columns[i].data_set);
      free(group->columns[i].name);
    }
    free(group->columns);
    free(group->values);
    free(group->name);
  }
  free(file->groups);
  if (file->file >= 0) H5Fclose(file->file);
  free(file);
}

static gan_status fail_file(const gan_metrics_file *file) {
  char reason[GAN_HDF5_REASON];
  if (file->output.error) return gan_fail_write(file->path, file->output.error);
  return gan_fail(GAN_FAILED, "cannot write %s: %s", file->path, gan_hdf5_reason(reason));
}

static gan_status make_groups(gan_metrics_file *file, const gan_metrics_group *plans) {
  for (size_t g = 0; g < file->group_count; g++) {
    GAN_HDF5_ID group = gan_hdf5_make_group(file->file, plans[g].name);
    if (group < 0) return fail_file(file);
    for (size_t i = 0; i < plans[g].column_count; i++)
      if (!make_column(group, &plans[g].columns[i], i == 0, &file->groups[g].columns[i].data_set))
        return fail_file(file);
  }
  return gan_hdf5_put_text(file->file, GAN_KIND_ATTRIBUTE, GAN_KIND_TEXT_METRICS) ? GAN_OK : fail_file(file);
}

/* Renames a damaged old file to the first free PATH.damaged-N. */
static gan_status set_aside(gan_metrics_file *file) {
  for (int i = 1; i < INT_MAX; i++) {
    if (snprintf(file->set_aside, PATH_MAX, "%s.damaged-%d", file->path, i) >= PATH_MAX) break;
    if (access(file->set_aside, F_OK) == 0) continue;
    if (rename(file->path, file->set_aside) == 0) return GAN_OK;
    file->set_aside[0] = '\0';
    return gan_fail_write(file->path, errno);
  }
  file->set_aside[0] = '\0';
  return gan_fail_write(file->path, ENAMETOOLONG);
}

/* The new file, with the old one's rows, complete and open to readers, under its partial name. */
static gan_status build(gan_metrics_file *file, const char *partial, const gan_metrics_group *plans, int64_t keep_until,
                        bool *damaged) {
  file->file = gan_hdf5_create(partial, 0, true, &file->output);
  if (file->file < 0) return fail_file(file);
  GAN_TRY(make_groups(file, plans));
  gan_status status = keep_until < 0 ? GAN_OK : gan_metrics_copy_rows(file, keep_until);
  *damaged = status == GAN_BAD_FILE;
  if (status != GAN_OK) return status;
  /* Starting to be followed, HDF5 reads again what it has written: all of that has to be in the file. */
  if (H5Fflush(file->file, H5F_SCOPE_LOCAL) < 0 || file->output.error) return fail_file(file);
  if (H5Fstart_swmr_write(file->file) < 0 || H5Fflush(file->file, H5F_SCOPE_LOCAL) < 0 || file->output.error)
    return fail_file(file);
  return gan_partial_sync(partial, file->path);
}

static gan_status open_new(const char *path, size_t group_count, const gan_metrics_group *plans, int64_t keep_until,
                           bool *damaged, gan_metrics_file **opened) {
  gan_metrics_file *file = NULL;
  char partial[PATH_MAX];
  const bool put_away = *damaged;
  GAN_TRY(gan_partial_path(path, partial));
  GAN_TRY(gan_allocate(1, sizeof *file, "a metrics file", &file));
  gan_status status = allocate_file(path, group_count, plans, file);
  if (status == GAN_OK) status = build(file, partial, plans, keep_until, damaged);
  if (status == GAN_OK && put_away) status = set_aside(file);
  if (status == GAN_OK) status = gan_partial_commit(partial, path);
  if (status == GAN_OK) {
    *opened = file;
    return GAN_OK;
  }
  if (file->set_aside[0] && rename(file->set_aside, path) != 0)
    status = gan_fail_prefix(status, "the old metrics are in %s: ", file->set_aside);
  release_file(file);
  unlink(partial);
  return status;
}

gan_status gan_metrics_open(const char *path, size_t group_count, const gan_metrics_group *groups, int64_t keep_until,
                            gan_metrics_file **file) {
  GAN_HDF5_QUIET;
  /* An old file over which HDF5 crashes is put aside unread. */
  const bool unreadable = keep_until >= 0 && gan_probe_has_failed(path, GAN_PROBE_METRICS);
  bool damaged = unreadable;
  *file = NULL;
  gan_status status = open_new(path, group_count, groups, unreadable ? -1 : keep_until, &damaged, file);
  /* Rows copied before the damage was met would be a wrong history: a new file has none. */
  if (damaged && !unreadable) status = open_new(path, group_count, groups, -1, &damaged, file);
  return status;
}

const char *gan_metrics_set_aside(const gan_metrics_file *file) { return file->set_aside; }

gan_status gan_metrics_append(gan_metrics_file *file, size_t group_index, const double *values) {
  metrics_group *group = &file->groups[group_index];
  const size_t row = group->column_count * sizeof *values;
  if (group->pending == group->capacity) {
    double *larger = NULL;
    GAN_TRY(gan_allocate(2 * group->capacity, row, "rows of metrics", &larger));
    memcpy(larger, group->values, group->pending * row);
    free(group->values);
    group->values = larger;
    group->capacity *= 2;
  }
  memcpy(group->values + group->pending * group->column_count, values, row);
  group->pending++;
  return GAN_OK;
}

bool gan_metrics_extend(const metrics_column *column, hsize_t rows, size_t count, const double *values) {
  const hsize_t size = rows + count, block = count;
  if (H5Dset_extent(column->data_set, &size) < 0) return false;
  GAN_HDF5_ID space = H5Dget_space(column->data_set);
  GAN_HDF5_ID memory = H5Screate_simple(1, &block, NULL);
  if (space < 0 || memory < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, &rows, NULL, &block, NULL) < 0)
    return false;
  return H5Dwrite(column->data_set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, values) >= 0 &&
         H5Dflush(column->data_set) >= 0;
}

static gan_status flush_group(gan_metrics_file *file, metrics_group *group) {
  double *column = NULL;
  bool done = true;
  if (group->pending == 0) return GAN_OK;
  GAN_TRY(gan_allocate(group->pending, sizeof *column, "a column of metrics", &column));
  /* `iteration`, column 0, last: what it has rows for, all columns have. */
  for (size_t i = group->column_count; done && !file->output.error && i-- > 0;) {
    for (size_t row = 0; row < group->pending; row++) column[row] = group->values[row * group->column_count + i];
    done = gan_metrics_extend(&group->columns[i], group->rows, group->pending, column);
  }
  const gan_status status = done && !file->output.error ? GAN_OK : fail_file(file);
  free(column);
  if (status != GAN_OK) return status;
  group->rows += group->pending;
  group->pending = 0;
  return GAN_OK;
}

gan_status gan_metrics_flush(gan_metrics_file *file) {
  GAN_HDF5_QUIET;
  if (file->output.error) return fail_file(file);
  for (size_t g = 0; g < file->group_count; g++) GAN_TRY(flush_group(file, &file->groups[g]));
  return GAN_OK;
}

/* HDF5 writes the last of its caches while closing, so whether all went well is known only after that. */
gan_status gan_metrics_close(gan_metrics_file *file) {
  GAN_HDF5_QUIET;
  if (!file) return GAN_OK;
  gan_status status = gan_metrics_flush(file);
  for (size_t g = 0; g < file->group_count; g++)
    for (size_t i = 0; i < file->groups[g].column_count; i++) {
      gan_hdf5_close(&file->groups[g].columns[i].data_set);
      file->groups[g].columns[i].data_set = -1;
    }
  const bool closed = H5Fclose(file->file) >= 0;
  file->file = -1;
  if (status == GAN_OK && (!closed || file->output.error)) status = fail_file(file);
  if (status == GAN_OK) status = gan_partial_sync(file->path, file->path);
  release_file(file);
  return status;
}
