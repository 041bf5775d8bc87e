#include "data/hdf5_dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/source_types.h"

/* HDF5 reads and decompresses whole chunks. */
static const int64_t CHUNK_BYTES_MAX = (int64_t)256 << 20;
/* Chunks kept while samples of them are wanted one by one. */
static const size_t CHUNK_CACHE_BYTES = (size_t)64 << 20;
static const size_t CHUNK_CACHE_SLOTS = 12421; /* a prime, as HDF5's hash wants, well above the number of chunks kept */
/* The best that deflate, HDF5's usual filter, can do; a data set that claims more has mostly never been written. */
static const int64_t COMPRESSION_MAX = 1032;
static const int64_t LABEL_MAX = UINT16_MAX;
enum { LABELS_AT_ONCE = 1 << 13 };

gan_hdf5_silence gan_hdf5_silence_begin(void) {
  gan_hdf5_silence before = {NULL, NULL};
  H5Eget_auto2(H5E_DEFAULT, &before.function, &before.data);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  return before;
}

void gan_hdf5_silence_end(gan_hdf5_silence before) { H5Eset_auto2(H5E_DEFAULT, before.function, before.data); }

/* Keeps the description of the innermost error, the first of an upward walk. */
static herr_t note_cause(unsigned depth, const H5E_error2_t *error, void *context) {
  if (depth == 0 && error->desc) snprintf(context, 256, "%s", error->desc);
  return 0;
}

gan_status gan_hdf5_fail(const char *path, const char *action, const char *name) {
  char cause[256] = "no cause given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, note_cause, cause);
  return gan_fail(GAN_BAD_FILE, "%s: cannot %s %s: %s", path, action, name, cause);
}

gan_status gan_hdf5_open_file(const char *path, hid_t *file) {
  int64_t bytes;
  GAN_TRY(gan_check_regular_file(path, &bytes));
  if (H5Fis_hdf5(path) <= 0) return gan_fail(GAN_BAD_FILE, "%s is not an HDF5 file, or cannot be read", path);
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, true, true); /* parallel file systems often have no locks: do without */
#endif
  *file = H5Fopen(path, H5F_ACC_RDONLY, access);
  const gan_status status = *file < 0 ? gan_hdf5_fail(path, "open", "it as an HDF5 file") : GAN_OK;
  H5Pclose(access);
  return status;
}

/* "float64", "int32", ... for messages. */
static void describe_type(hid_t type, char *text, size_t bytes) {
  const H5T_class_t class = H5Tget_class(type);
  const size_t bits = 8 * H5Tget_size(type);
  if (class == H5T_INTEGER)
    snprintf(text, bytes, "%sint%zu", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
  else if (class == H5T_FLOAT)
    snprintf(text, bytes, "float%zu", bits);
  else
    snprintf(text, bytes, "neither integers nor floating point");
}

static gan_status check_type(const char *path, const char *name, gan_hdf5_dataset *dataset) {
  const hid_t type = H5Dget_type(dataset->id);
  if (type < 0) return gan_hdf5_fail(path, "read the type of", name);
  dataset->bytes = H5Tequal(type, H5T_STD_U8LE) > 0 || H5Tequal(type, H5T_STD_U8BE) > 0;
  gan_status status = GAN_OK;
  if (!dataset->bytes && H5Tequal(type, H5T_IEEE_F32LE) <= 0 && H5Tequal(type, H5T_IEEE_F32BE) <= 0) {
    char text[64];
    describe_type(type, text, sizeof text);
    status = gan_fail(GAN_BAD_FILE, "%s: data set %s has elements of type %s; samples are uint8 or float32", path, name,
                      text);
  }
  H5Tclose(type);
  return status;
}

/* Reads the extents; `most` is the number of dimensions that there is room for. */
static gan_status read_shape(hid_t id, const char *path, const char *name, int most, int *dimensions, int64_t *size) {
  hsize_t extent[H5S_MAX_RANK] = {0};
  const hid_t space = H5Dget_space(id);
  if (space < 0) return gan_hdf5_fail(path, "read the shape of", name);
  *dimensions = H5Sget_simple_extent_dims(space, extent, NULL);
  H5Sclose(space);
  if (*dimensions < 0) return gan_fail(GAN_BAD_FILE, "%s: data set %s has no simple shape", path, name);
  for (int i = 0; i < *dimensions && i < most; i++) {
    if (extent[i] == 0) return gan_fail(GAN_BAD_FILE, "%s: data set %s is empty: dimension %d is 0", path, name, i);
    if (extent[i] > INT64_MAX) return gan_fail(GAN_BAD_FILE, "%s: data set %s has an impossible size", path, name);
    size[i] = (int64_t)extent[i];
  }
  return GAN_OK;
}

/* `bytes` of data in elements of `element_bytes` have to be in this file, in pieces that fit in memory. */
static gan_status check_storage(hid_t id, const char *path, const char *name, int64_t element_bytes, int64_t bytes) {
  const hid_t creation = H5Dget_create_plist(id);
  if (creation < 0) return gan_hdf5_fail(path, "read the layout of", name);
  const H5D_layout_t layout = H5Pget_layout(creation);
  hsize_t chunk[H5S_MAX_RANK];
  const int chunk_rank = layout == H5D_CHUNKED ? H5Pget_chunk(creation, H5S_MAX_RANK, chunk) : 0;
  const int external = H5Pget_external_count(creation);
  H5Pclose(creation);
  if (layout == H5D_VIRTUAL || external > 0)
    return gan_fail(GAN_BAD_FILE, "%s: data set %s has its data in other files; copy it into one with h5repack", path,
                    name);
  if (layout < 0 || chunk_rank < 0) return gan_hdf5_fail(path, "read the layout of", name);
  int64_t chunk_bytes = element_bytes;
  for (int i = 0; i < chunk_rank; i++)
    if (chunk[i] > (hsize_t)CHUNK_BYTES_MAX || (chunk_bytes *= (int64_t)chunk[i]) > CHUNK_BYTES_MAX)
      return gan_fail(GAN_BAD_FILE,
                      "%s: data set %s has chunks of more than %" PRId64 " MiB; make them smaller with h5repack -l",
                      path, name, CHUNK_BYTES_MAX >> 20);
  const hsize_t stored = H5Dget_storage_size(id);
  if (stored < (hsize_t)(bytes / COMPRESSION_MAX) || stored == 0)
    return gan_fail(GAN_BAD_FILE,
                    "%s: data set %s announces %" PRId64 " bytes, but only %" PRIu64
                    " are stored: it was not written "
                    "in full, or is damaged",
                    path, name, bytes, (uint64_t)stored);
  return GAN_OK;
}

/* Fills in *dataset from dataset->id, and checks everything that can be without reading samples. */
static gan_status inspect(const char *path, const char *name, gan_hdf5_dataset *dataset) {
  GAN_TRY(check_type(path, name, dataset));
  GAN_TRY(read_shape(dataset->id, path, name, GAN_HDF5_DIMENSIONS_MAX, &dataset->dimensions, dataset->size));
  if (dataset->dimensions < 2 || dataset->dimensions > GAN_HDF5_DIMENSIONS_MAX)
    return gan_fail(GAN_BAD_FILE, "%s: data set %s has %d dimensions; samples are (N, D), (N, H, W) or (N, C, H, W)",
                    path, name, dataset->dimensions);
  const int64_t element_bytes = dataset->bytes ? 1 : 4;
  int64_t elements = 1, bytes;
  for (int i = 1; i < dataset->dimensions; i++)
    if (__builtin_mul_overflow(elements, dataset->size[i], &elements) || elements > GAN_SAMPLE_ELEMENTS_MAX)
      return gan_fail(GAN_BAD_FILE,
                      "%s: data set %s has more than %" PRId64 " elements in each sample, too many to train on", path,
                      name, GAN_SAMPLE_ELEMENTS_MAX);
  if (__builtin_mul_overflow(dataset->size[0], elements * element_bytes, &bytes))
    return gan_fail(GAN_BAD_FILE, "%s: data set %s announces more bytes than any file holds", path, name);
  dataset->elements = elements;
  return check_storage(dataset->id, path, name, element_bytes, bytes);
}

static gan_status open_named(hid_t file, const char *path, const char *name, gan_hdf5_dataset *dataset) {
  const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  H5Pset_chunk_cache(access, CHUNK_CACHE_SLOTS, CHUNK_CACHE_BYTES, H5D_CHUNK_CACHE_W0_DEFAULT);
  dataset->id = H5Dopen2(file, name, access);
  gan_status status = dataset->id < 0 ? gan_hdf5_fail(path, "open data set", name) : inspect(path, name, dataset);
  H5Pclose(access);
  if (status != GAN_OK && dataset->id > 0) H5Dclose(dataset->id);
  if (status != GAN_OK) dataset->id = 0;
  return status;
}

/* What a walk over the root found. */
typedef struct candidates {
  const char *path;
  int count;       /* data sets that can be samples */
  int others;      /* data sets that cannot */
  char first[256]; /* name of the first candidate */
  char list[512];  /* names of all of them */
} candidates;

static herr_t visit(hid_t root, const char *name, const H5L_info_t *info, void *context) {
  candidates *found = context;
  H5O_info_t about;
  gan_hdf5_dataset dataset;
  /* Names too long for the list can still be given in data.dataset. */
  if (info->type != H5L_TYPE_HARD || strlen(name) >= sizeof found->first) return 0;
  if (H5Oget_info_by_name(root, name, &about, H5P_DEFAULT) < 0 || about.type != H5O_TYPE_DATASET) return 0;
  if (open_named(root, found->path, name, &dataset) != GAN_OK) {
    found->others++;
    return 0;
  }
  H5Dclose(dataset.id);
  if (found->count++ == 0) snprintf(found->first, sizeof found->first, "%s", name);
  const size_t used = strlen(found->list);
  snprintf(found->list + used, sizeof found->list - used, "%s%s", used ? ", " : "", name);
  return 0;
}

gan_status gan_hdf5_open_samples(hid_t file, const char *path, const char *name, gan_hdf5_dataset *dataset) {
  memset(dataset, 0, sizeof *dataset);
  if (name[0] != '\0') return open_named(file, path, name, dataset);
  candidates found = {.path = path};
  if (H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, NULL, visit, &found) < 0)
    return gan_hdf5_fail(path, "list", "its root group");
  if (found.count == 1) return open_named(file, path, found.first, dataset);
  if (found.count > 1)
    return gan_fail(GAN_BAD_USAGE, "%s has several data sets: choose one with data.dataset out of %s", path,
                    found.list);
  if (found.others == 1) return gan_fail_prefix(GAN_BAD_FILE, "no samples found: ");
  return gan_fail(
      GAN_BAD_FILE,
      "%s: no data set in its root can be samples, which are uint8 or float32 of shape (N, D), (N, H, W) or "
      "(N, C, H, W); one in a group can be named with data.dataset",
      path);
}

static gan_status check_labels(hid_t id, const char *path, const char *name, int64_t count) {
  int dimensions;
  int64_t size[1];
  GAN_TRY(read_shape(id, path, name, 1, &dimensions, size));
  if (dimensions != 1 || size[0] != count)
    return gan_fail(GAN_BAD_FILE,
                    "%s: data set %s has %d dimensions and %" PRId64 " rows, where the %" PRId64
                    " samples need one label each (data.labels: none does without)",
                    path, name, dimensions, dimensions > 0 ? size[0] : 0, count);
  const hid_t type = H5Dget_type(id);
  if (type < 0) return gan_hdf5_fail(path, "read the type of", name);
  const bool integers = H5Tget_class(type) == H5T_INTEGER;
  const int64_t element_bytes = (int64_t)H5Tget_size(type);
  H5Tclose(type);
  if (!integers || element_bytes > 8)
    return gan_fail(GAN_BAD_FILE, "%s: data set %s has to be of an integer type to be labels", path, name);
  int64_t bytes;
  if (__builtin_mul_overflow(count, element_bytes, &bytes)) bytes = INT64_MAX;
  return check_storage(id, path, name, element_bytes, bytes);
}

static gan_status copy_labels(hid_t id, const char *path, const char *name, int64_t count, uint16_t *labels) {
  gan_status status = GAN_OK;
  const hid_t space = H5Dget_space(id);
  for (int64_t begin = 0; begin < count && status == GAN_OK; begin += LABELS_AT_ONCE) {
    long long values[LABELS_AT_ONCE];
    const hsize_t start = (hsize_t)begin;
    const hsize_t length = (hsize_t)(count - begin < LABELS_AT_ONCE ? count - begin : LABELS_AT_ONCE);
    const hid_t memory = H5Screate_simple(1, &length, NULL);
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &length, NULL) < 0 ||
        H5Dread(id, H5T_NATIVE_LLONG, memory, space, H5P_DEFAULT, values) < 0)
      status = gan_hdf5_fail(path, "read data set", name);
    H5Sclose(memory);
    for (hsize_t i = 0; i < length && status == GAN_OK; i++) {
      if (values[i] < 0 || values[i] > LABEL_MAX)
        status = gan_fail(GAN_BAD_FILE, "%s: label %" PRId64 " in data set %s is %lld, not in 0 .. %" PRId64, path,
                          begin + (int64_t)i, name, values[i], LABEL_MAX);
      labels[begin + (int64_t)i] = (uint16_t)values[i];
    }
  }
  H5Sclose(space);
  return status;
}

gan_status gan_hdf5_read_labels(hid_t file, const char *path, const char *name, int64_t count, uint16_t **labels) {
  const hid_t id = H5Dopen2(file, name, H5P_DEFAULT);
  *labels = NULL;
  if (id < 0) return gan_hdf5_fail(path, "open data set", name);
  gan_status status = check_labels(id, path, name, count);
  if (status == GAN_OK) status = gan_allocate((size_t)count, sizeof **labels, "the labels", labels);
  if (status == GAN_OK) status = copy_labels(id, path, name, count, *labels);
  H5Dclose(id);
  if (status != GAN_OK) {
    free(*labels);
    *labels = NULL;
  }
  return status;
}
