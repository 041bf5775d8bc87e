#include "data/hdf5_dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/source_types.h"

static const int64_t LABEL_MAX = UINT16_MAX;
enum { LABELS_AT_ONCE = 1 << 13 };

gan_hdf5_silence gan_hdf5_silence_begin(void) {
  gan_hdf5_silence before = {NULL, NULL};
  H5Eget_auto2(H5E_DEFAULT, &before.function, &before.data);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  return before;
}

void gan_hdf5_silence_end(gan_hdf5_silence before) { H5Eset_auto2(H5E_DEFAULT, before.function, before.data); }

gan_status gan_hdf5_open_file(const char *path, hid_t *file) {
  int64_t bytes;
  GAN_TRY(gan_check_regular_file(path, &bytes));
  if (H5Fis_hdf5(path) <= 0) return gan_fail(GAN_BAD_FILE, "%s is not an HDF5 file, or cannot be read", path);
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_sec2(access); /* whatever HDF5_DRIVER says: hdf5_rows.c asks for the file's descriptor */
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, true, true); /* parallel file systems often have no locks: do without */
#endif
  *file = H5Fopen(path, H5F_ACC_RDONLY, access);
  const gan_status status = *file < 0 ? gan_hdf5_fail(path, "open", "it as an HDF5 file") : GAN_OK;
  H5Pclose(access);
  return status;
}

/* uint8 or float32 of any byte order; sets samples->bytes. */
static gan_status check_type(gan_hdf5_samples *samples) {
  const gan_hdf5_rows *rows = &samples->rows;
  samples->bytes = H5Tequal(rows->type, H5T_STD_U8LE) > 0 || H5Tequal(rows->type, H5T_STD_U8BE) > 0;
  if (samples->bytes || H5Tequal(rows->type, H5T_IEEE_F32LE) > 0 || H5Tequal(rows->type, H5T_IEEE_F32BE) > 0)
    return GAN_OK;
  const bool integer = H5Tget_class(rows->type) == H5T_INTEGER;
  const bool without_sign = integer && H5Tget_sign(rows->type) == H5T_SGN_NONE;
  return gan_fail(GAN_BAD_FILE, "%s: data set %s has elements of type %s%s%d; samples are uint8 or float32", rows->path,
                  rows->name, without_sign ? "u" : "", integer ? "int" : "float", (int)(8 * rows->element_bytes));
}

static gan_status check_samples(gan_hdf5_samples *samples) {
  const gan_hdf5_rows *rows = &samples->rows;
  GAN_TRY(check_type(samples));
  if (rows->rank < 2)
    return gan_fail(GAN_BAD_FILE, "%s: data set %s has 1 dimension; samples are (N, D), (N, H, W) or (N, C, H, W)",
                    rows->path, rows->name);
  if (rows->row_elements > GAN_SAMPLE_ELEMENTS_MAX)
    return gan_fail(GAN_BAD_FILE,
                    "%s: data set %s has samples of %" PRId64 " elements each; at most %" PRId64 " can be trained on",
                    rows->path, rows->name, rows->row_elements, GAN_SAMPLE_ELEMENTS_MAX);
  return GAN_OK;
}

static gan_status open_named(hid_t file, const char *path, const char *name, gan_hdf5_samples *samples) {
  GAN_TRY(gan_hdf5_rows_open(file, path, name, &samples->rows));
  const gan_status status = check_samples(samples);
  if (status != GAN_OK) gan_hdf5_rows_close(&samples->rows);
  return status;
}

/* What a walk over the root found. */
typedef struct candidates {
  const char *path;
  int count;                 /* data sets that can be samples */
  int others;                /* data sets that cannot */
  char first[GAN_HDF5_NAME]; /* name of the first candidate */
  char list[512];            /* names of all of them */
} candidates;

static herr_t visit(hid_t root, const char *name, const H5L_info_t *info, void *context) {
  candidates *found = context;
  H5O_info_t about;
  gan_hdf5_samples samples;
  if (info->type != H5L_TYPE_HARD) return 0;
  if (H5Oget_info_by_name(root, name, &about, H5P_DEFAULT) < 0 || about.type != H5O_TYPE_DATASET) return 0;
  if (open_named(root, found->path, name, &samples) != GAN_OK) {
    found->others++;
    return 0;
  }
  gan_hdf5_rows_close(&samples.rows);
  if (found->count++ == 0) snprintf(found->first, sizeof found->first, "%s", name);
  const size_t used = strlen(found->list);
  snprintf(found->list + used, sizeof found->list - used, "%s%s", used ? ", " : "", name);
  return 0;
}

gan_status gan_hdf5_open_samples(hid_t file, const char *path, const char *name, gan_hdf5_samples *samples) {
  if (name[0] != '\0') return open_named(file, path, name, samples);
  candidates found = {.path = path};
  /* H5_ITER_NATIVE: damage met while it makes an ordered table crashes HDF5. */
  if (H5Literate(file, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit, &found) < 0)
    return gan_hdf5_fail(path, "list", "its root group");
  if (found.count == 1) return open_named(file, path, found.first, samples);
  if (found.count > 1)
    return gan_fail(GAN_BAD_USAGE, "%s has several data sets: choose one with data.dataset out of %s", path,
                    found.list);
  /* The only data set there is: why it will not do has just been recorded. */
  if (found.others == 1) return gan_fail_prefix(GAN_BAD_FILE, "no samples found: ");
  return gan_fail(
      GAN_BAD_FILE,
      "%s: no data set in its root can be samples, which are uint8 or float32 of shape (N, D), (N, H, W) or "
      "(N, C, H, W); one in a group can be named with data.dataset",
      path);
}

static gan_status check_labels(const gan_hdf5_rows *rows, int64_t count) {
  if (rows->rank != 1 || rows->size[0] != count)
    return gan_fail(GAN_BAD_FILE,
                    "%s: data set %s has %d dimensions and %" PRId64 " rows, where the %" PRId64
                    " samples need one label each (data.labels = none does without)",
                    rows->path, rows->name, rows->rank, rows->size[0], count);
  if (H5Tget_class(rows->type) == H5T_INTEGER) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "%s: data set %s has to be of an integer type to be labels", rows->path, rows->name);
}

static gan_status copy_labels(gan_hdf5_rows *rows, int64_t count, uint16_t *labels) {
  long long values[LABELS_AT_ONCE];
  for (int64_t begin = 0; begin < count; begin += LABELS_AT_ONCE) {
    const int64_t length = count - begin < LABELS_AT_ONCE ? count - begin : LABELS_AT_ONCE;
    GAN_TRY(gan_hdf5_rows_read(rows, begin, length, H5T_NATIVE_LLONG, values));
    for (int64_t i = 0; i < length; i++) {
      if (values[i] < 0 || values[i] > LABEL_MAX)
        return gan_fail(GAN_BAD_FILE, "%s: label %" PRId64 " in data set %s is %lld, not in 0 .. %" PRId64, rows->path,
                        begin + i, rows->name, values[i], LABEL_MAX);
      labels[begin + i] = (uint16_t)values[i];
    }
  }
  return GAN_OK;
}

gan_status gan_hdf5_read_labels(hid_t file, const char *path, const char *name, int64_t count, uint16_t **labels) {
  gan_hdf5_rows rows;
  *labels = NULL;
  GAN_TRY(gan_hdf5_rows_open(file, path, name, &rows));
  gan_status status = check_labels(&rows, count);
  if (status == GAN_OK) status = gan_allocate((size_t)count, sizeof **labels, "the labels", labels);
  if (status == GAN_OK) status = copy_labels(&rows, count, *labels);
  gan_hdf5_rows_close(&rows);
  if (status != GAN_OK) {
    free(*labels);
    *labels = NULL;
  }
  return status;
}
