/* Reading metrics, also while they are written.

   A reader may meet a chunk that is just being written: Fletcher32 then fails, or HDF5 gives up on metadata that keep
   changing. A moment later all is well, so reading is tried a few times before a file is called damaged. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/memory.h"
#include "base/probe.h"
#include "store/metrics_internal.h"
#include "store/output.h"

enum { ATTEMPTS = 5, PAUSE_NANOSECONDS = 20 * 1000 * 1000 };

static hid_t open_column(hid_t group, const char *name, hsize_t *rows) {
  const hid_t data_set = gan_hdf5_open_array(group, name);
  GAN_HDF5_ID space = data_set < 0 ? -1 : H5Dget_space(data_set);
  if (space >= 0 && H5Sget_simple_extent_ndims(space) == 1 && H5Sget_simple_extent_dims(space, rows, NULL) == 1)
    return data_set;
  gan_hdf5_close(&data_set);
  return -1;
}

static gan_status read_rows(hid_t data_set, hsize_t rows, const char *path, const char *column, double *values) {
  const hsize_t first = 0;
  char reason[GAN_HDF5_REASON];
  GAN_HDF5_ID space = H5Dget_space(data_set);
  GAN_HDF5_ID memory = H5Screate_simple(1, &rows, NULL);
  if (rows == 0) return GAN_OK;
  if (space < 0 || memory < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, &first, NULL, &rows, NULL) < 0 ||
      H5Dread(data_set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, values) < 0)
    return gan_fail(GAN_BAD_FILE, "%s: cannot read column %s: %s", path, column, gan_hdf5_reason(reason));
  return GAN_OK;
}

/* Rows that fit into the file: more are not read, whatever a damaged file says. */
static bool plausible(const char *path, hsize_t rows) {
  struct stat about;
  return stat(path, &about) == 0 && rows <= (hsize_t)about.st_size / sizeof(double);
}

gan_status gan_metrics_read_open(hid_t file, const char *path, const char *group_name, const char *column,
                                 size_t *count, double **values) {
  hsize_t rows = 0, own = 0;
  GAN_HDF5_ID group = H5Gopen2(file, group_name, H5P_DEFAULT);
  if (group < 0) return gan_fail(GAN_BAD_FILE, "%s has no group /%s: is it a metrics file?", path, group_name);
  /* `iteration` first: while the file grows, other columns are never shorter. */
  GAN_HDF5_ID iteration = open_column(group, "iteration", &rows);
  GAN_HDF5_ID data_set = iteration < 0 ? -1 : open_column(group, column, &own);
  if (data_set < 0) return gan_fail(GAN_BAD_FILE, "%s has no column /%s/%s", path, group_name, column);
  if (own < rows || !plausible(path, rows))
    return gan_fail(GAN_BAD_FILE, "%s is damaged: column /%s/%s has %llu rows, iteration %llu", path, group_name,
                    column, (unsigned long long)own, (unsigned long long)rows);
  GAN_TRY(gan_allocate((size_t)rows, sizeof **values, "a column of metrics", values));
  const gan_status status = read_rows(data_set, rows, path, column, *values);
  if (status != GAN_OK) {
    free(*values);
    *values = NULL;
  }
  *count = status == GAN_OK ? (size_t)rows : 0;
  return status;
}

static gan_status open_file(const char *path, hid_t *file) {
  char reason[GAN_HDF5_REASON];
  *file = gan_hdf5_open(path, true);
  return *file >= 0 ? GAN_OK : gan_fail(GAN_BAD_FILE, "cannot read %s: %s", path, gan_hdf5_reason(reason));
}

/* After a failed attempt: whether another is to be made, after a pause. */
static bool try_again(gan_status status, int attempt) {
  const struct timespec pause = {0, PAUSE_NANOSECONDS};
  if (status != GAN_BAD_FILE || attempt + 1 >= ATTEMPTS) return false;
  nanosleep(&pause, NULL);
  return true;
}

gan_status gan_metrics_read(const char *path, const char *group, const char *column, size_t *count, double **values) {
  GAN_HDF5_QUIET;
  gan_status status = GAN_OK;
  int attempt = 0;
  *count = 0;
  *values = NULL;
  do {
    hid_t file = -1;
    status = open_file(path, &file);
    if (status == GAN_OK) status = gan_metrics_read_open(file, path, group, column, count, values);
    gan_hdf5_close(&file);
  } while (try_again(status, attempt++));
  return status;
}

double gan_metrics_read_floor(const char *path, const char *group_name, const char *column) {
  GAN_HDF5_QUIET;
  hsize_t rows;
  double floor = NAN;
  GAN_HDF5_ID file = gan_hdf5_open(path, true);
  GAN_HDF5_ID group = file < 0 ? -1 : H5Gopen2(file, group_name, H5P_DEFAULT);
  GAN_HDF5_ID data_set = group < 0 ? -1 : open_column(group, column, &rows);
  return data_set >= 0 && gan_hdf5_get_real(data_set, "floor", &floor) ? floor : NAN;
}

/* The names of a group's links, one after another with their zero bytes. */
typedef struct name_list {
  size_t count, bytes;
  size_t room; /* bytes of text */
  char *text;  /* NULL: only counted */
} name_list;

static herr_t take_name(hid_t group, const char *name, const H5L_info_t *link, void *context) {
  name_list *list = context;
  const size_t bytes = strlen(name) + 1;
  (void)group, (void)link;
  if (list->text && bytes > list->room - list->bytes) return -1;
  if (list->text) memcpy(list->text + list->bytes, name, bytes);
  list->bytes += bytes;
  list->count++;
  return 0;
}

/* In the order in which the B-tree has them, that of creation: asked for an order, HDF5 makes a table first, and when
   it meets damage half way it frees pointers that it never set. */
static bool list_names(hid_t group, name_list *list) {
  list->count = list->bytes = 0;
  return H5Literate(group, H5_INDEX_CRT_ORDER, H5_ITER_NATIVE, NULL, take_name, list) >= 0;
}

static gan_status read_names(hid_t file, const char *path, const char *group_name, char ***names) {
  name_list list = {0};
  char **block = NULL;
  GAN_HDF5_ID group = H5Gopen2(file, group_name, H5P_DEFAULT);
  if (group < 0 || !list_names(group, &list))
    return gan_fail(GAN_BAD_FILE, "%s has no group /%s: is it a metrics file?", path, group_name);
  const size_t pointers = (list.count + 1) * sizeof *block;
  GAN_TRY(gan_allocate(pointers + list.bytes, 1, "the names of columns", &block));
  list.room = list.bytes;
  char *text = list.text = (char *)block + pointers;
  if (!list_names(group, &list)) {
    free(block);
    return gan_fail(GAN_BAD_FILE, "cannot list the columns of /%s in %s", group_name, path);
  }
  for (size_t i = 0; i < list.count; i++, text += strlen(text) + 1) block[i] = text;
  *names = block;
  return GAN_OK;
}

gan_status gan_metrics_columns(const char *path, const char *group, char ***names) {
  GAN_HDF5_QUIET;
  gan_status status = GAN_OK;
  int attempt = 0;
  *names = NULL;
  do {
    hid_t file = -1;
    status = open_file(path, &file);
    if (status == GAN_OK) status = read_names(file, path, group, names);
    gan_hdf5_close(&file);
  } while (try_again(status, attempt++));
  return status;
}

/* All columns, by the calls that a resumed run makes, and those that list them. */
static gan_status look_at_group(hid_t file, const char *path, const char *group) {
  char **names = NULL;
  if (H5Lexists(file, group, H5P_DEFAULT) == 0) return GAN_OK;
  GAN_TRY(read_names(file, path, group, &names));
  gan_status status = GAN_OK;
  for (size_t i = 0; names[i] && status == GAN_OK; i++) {
    size_t count = 0;
    double *values = NULL;
    status = gan_metrics_read_open(file, path, group, names[i], &count, &values);
    free(values);
  }
  free(names);
  return status;
}

static gan_status look_at_file(void *context) {
  GAN_HDF5_QUIET;
  const char *path = context;
  hid_t file = -1;
  GAN_TRY(open_file(path, &file));
  gan_status status = look_at_group(file, path, "train");
  if (status == GAN_OK) status = look_at_group(file, path, "eval");
  gan_hdf5_close(&file);
  return status;
}

gan_status gan_metrics_probe(const char *path) {
  return gan_probe_file(path, GAN_PROBE_METRICS, NULL, look_at_file, (void *)path);
}
