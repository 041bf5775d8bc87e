#include "data/hdf5_dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/axes.h"
#include "data/idx_file.h"
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
  const gan_status regular = gan_check_regular_file(path, &bytes);
  if (regular == GAN_BAD_FILE && gan_idx_in_folder(path))
    return gan_fail(regular, "%s is a folder of IDX files, which data.source = idx reads", path);
  GAN_TRY(regular);
  if (H5Fis_hdf5(path) <= 0)
    return gan_fail(GAN_BAD_FILE, "%s is not an HDF5 file, or cannot be read%s", path,
                    gan_idx_begins(path) ? "; it may be an IDX file, which data.source = idx reads" : "");
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

/* IEEE 754's half precision, which HDF5 has no name for. */
static bool is_half(hid_t type) {
  size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
  return H5Tget_class(type) == H5T_FLOAT && H5Tget_size(type) == 2 && H5Tget_precision(type) == 16 &&
         H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) >= 0 && sign == 15 &&
         exponent == 10 && exponent_bits == 5 && mantissa == 0 && mantissa_bits == 10 && H5Tget_ebias(type) == 15 &&
         H5Tget_norm(type) == H5T_NORM_IMPLIED;
}

/* Whether `type` is one of `types` (count). */
static bool is_one_of(hid_t type, size_t count, const hid_t *types) {
  for (size_t i = 0; i < count; i++)
    if (H5Tequal(type, types[i]) > 0) return true;
  return false;
}

/* Whole bytes of any byte order, or half, single and double precision; sets samples->bytes. */
static gan_status check_type(gan_hdf5_samples *samples) {
  const hid_t pixels[] = {H5T_STD_U8LE, H5T_STD_U8BE};
  const hid_t numbers[] = {H5T_IEEE_F32LE, H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_IEEE_F64BE, H5T_STD_I8LE,
                           H5T_STD_I8BE,   H5T_STD_I16LE,  H5T_STD_I16BE,  H5T_STD_U16LE,  H5T_STD_U16BE,
                           H5T_STD_I32LE,  H5T_STD_I32BE,  H5T_STD_U32LE,  H5T_STD_U32BE,  H5T_STD_I64LE,
                           H5T_STD_I64BE,  H5T_STD_U64LE,  H5T_STD_U64BE};
  const gan_hdf5_rows *rows = &samples->rows;
  samples->bytes = is_one_of(rows->type, sizeof pixels / sizeof *pixels, pixels);
  if (samples->bytes || is_one_of(rows->type, sizeof numbers / sizeof *numbers, numbers) || is_half(rows->type))
    return GAN_OK;
  const bool integer = H5Tget_class(rows->type) == H5T_INTEGER;
  return gan_fail(GAN_BAD_FILE,
                  "%s: data set %s has elements of an unusual type, %s of %d bits in %d bytes; samples are float16, "
                  "float32, float64 or integers of 1, 2, 4 or 8 bytes",
                  rows->path, rows->name, integer ? "integers" : "floating point numbers",
                  (int)H5Tget_precision(rows->type), (int)rows->element_bytes);
}

static gan_status check_samples(gan_hdf5_samples *samples) {
  const gan_hdf5_rows *rows = &samples->rows;
  GAN_TRY(check_type(samples));
  if (rows->rank < 2)
    return gan_fail(GAN_BAD_FILE, "%s: data set %s has 1 dimension; samples have 2 to 5, as (N, D) to (N, C, D, H, W)",
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
  int usual;                 /* of them, those of uint8 or float32 */
  int others, tables;        /* data sets that cannot, and those of them that are no lists, as labels are */
  char reason[512];          /* why the first of them will not do, of tables if there are any */
  char first[GAN_HDF5_NAME]; /* name of the first candidate; of the first usual one, once there is one */
  char list[512];            /* names of all of them */
  char link[GAN_HDF5_NAME];  /* name of the first soft or external link, "" for none */
  bool latents;
} candidates;

/* What samples were made of, in files that `gan_dist sample` wrote: never what somebody means to train on. */
static bool are_latents(hid_t root, const char *name) {
  return strcmp(name, "latents") == 0 &&
         (H5Lexists(root, "samples", H5P_DEFAULT) > 0 || H5Aexists(root, "latent_stream") > 0);
}

static bool is_list(hid_t root, const char *name) {
  const hid_t id = H5Dopen2(root, name, H5P_DEFAULT), space = id < 0 ? -1 : H5Dget_space(id);
  const int rank = space < 0 ? 0 : H5Sget_simple_extent_ndims(space);
  if (space >= 0) H5Sclose(space);
  if (id >= 0) H5Dclose(id);
  return rank == 1;
}

/* A data set that cannot be samples; why has just been recorded. */
static void pass_over(hid_t root, const char *name, candidates *found) {
  const bool list = is_list(root, name);
  if (found->others++ == 0 || (!list && found->tables == 0))
    snprintf(found->reason, sizeof found->reason, "%s", gan_error_message());
  found->tables += !list;
}

static herr_t visit(hid_t root, const char *name, const H5L_info_t *info, void *context) {
  candidates *found = context;
  H5O_info_t about;
  gan_hdf5_samples samples;
  if (info->type != H5L_TYPE_HARD) {
    if (found->link[0] == '\0') snprintf(found->link, sizeof found->link, "%s", name);
    return 0;
  }
  if (are_latents(root, name)) {
    found->latents = true;
    return 0;
  }
  if (H5Oget_info_by_name(root, name, &about, H5P_DEFAULT) < 0 || about.type != H5O_TYPE_DATASET) return 0;
  if (open_named(root, found->path, name, &samples) != GAN_OK) {
    pass_over(root, name, found);
    return 0;
  }
  const bool usual = samples.bytes || (H5Tget_class(samples.rows.type) == H5T_FLOAT && samples.rows.element_bytes == 4);
  gan_hdf5_rows_close(&samples.rows);
  if (found->count++ == 0 || (usual && found->usual == 0)) snprintf(found->first, sizeof found->first, "%s", name);
  found->usual += usual;
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
  /* The usual one goes first: earlier versions knew no other, and a run of theirs goes on with it. */
  if (found.count == 1 || found.usual == 1) return open_named(file, path, found.first, samples);
  if (found.count > 1)
    return gan_fail(GAN_BAD_USAGE, "%s has several data sets: choose one with data.dataset out of %s", path,
                    found.list);
  if (found.tables == 1) return gan_fail(GAN_BAD_FILE, "no samples found: %s", found.reason);
  if (found.link[0])
    return gan_fail(GAN_BAD_FILE,
                    "%s: no data set in its root can be samples; %s is a link, which is followed only where it is "
                    "named: data.dataset = %s",
                    path, found.link, found.link);
  if (found.latents)
    return gan_fail(GAN_BAD_FILE,
                    "%s is of gan_dist sample, and its data set samples is missing: latents are what they were made of",
                    path);
  if (found.others == 1) return gan_fail(GAN_BAD_FILE, "no samples found: %s", found.reason);
  return gan_fail(GAN_BAD_FILE,
                  "%s: no data set in its root can be samples, which are numbers of 2 to 5 dimensions, as (N, D) to "
                  "(N, C, D, H, W); one in a group can be named with data.dataset",
                  path);
}

/* A short text of fixed length, as the program writes it, and nothing else: whatever that says, it fits. */
static bool read_short_text(hid_t attribute, char text[GAN_AXES_TEXT]) {
  const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
  const bool suits = type >= 0 && space >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 &&
                     H5Tget_size(type) < GAN_AXES_TEXT && H5Sget_simple_extent_npoints(space) == 1;
  const bool read = suits && H5Aread(attribute, type, text) >= 0;
  if (type >= 0) H5Tclose(type);
  if (space >= 0) H5Sclose(space);
  return read;
}

void gan_hdf5_read_axes(const gan_hdf5_rows *rows, char axes[GAN_AXES_TEXT]) {
  char text[GAN_AXES_TEXT] = "";
  axes[0] = '\0';
  if (H5Aexists(rows->dataset, GAN_AXES_ATTRIBUTE) <= 0) return;
  const hid_t attribute = H5Aopen(rows->dataset, GAN_AXES_ATTRIBUTE, H5P_DEFAULT);
  const bool read = attribute >= 0 && read_short_text(attribute, text);
  if (attribute >= 0) H5Aclose(attribute);
  for (int i = 0; read && i < gan_axes_count; i++)
    if (strcmp(gan_axes_table[i].name, text) == 0 && (int)strlen(text) == rows->rank) memcpy(axes, text, GAN_AXES_TEXT);
}

/* `what`: "label". */
static gan_status check_list(const gan_hdf5_rows *rows, int64_t count, const char *what) {
  if (rows->rank == 1 && rows->size[0] == count) return GAN_OK;
  return gan_fail(GAN_BAD_FILE,
                  "%s: data set %s has %d dimension%s and %" PRId64 " row%s, where the %" PRId64
                  " sample%s need one %s each",
                  rows->path, rows->name, rows->rank, rows->rank == 1 ? "" : "s", rows->size[0],
                  rows->size[0] == 1 ? "" : "s", count, count == 1 ? "" : "s", what);
}

static gan_status check_labels(const gan_hdf5_rows *rows, int64_t count) {
  GAN_TRY(check_list(rows, count, "label"));
  if (H5Tget_class(rows->type) == H5T_INTEGER) return GAN_OK;
  return gan_fail(GAN_BAD_FILE,
                  "%s: data set %s has to be of an integer type to be labels, as .astype(\"i4\") makes it", rows->path,
                  rows->name);
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
  gan_status status = gan_hdf5_rows_open(file, path, name, &rows);
  if (status != GAN_OK) return gan_fail_labels(status);
  status = check_labels(&rows, count);
  if (status == GAN_OK) status = gan_allocate((size_t)count, sizeof **labels, "the labels", labels);
  if (status == GAN_OK) status = copy_labels(&rows, count, *labels);
  gan_hdf5_rows_close(&rows);
  if (status != GAN_OK) {
    free(*labels);
    *labels = NULL;
  }
  return gan_fail_labels(status);
}

/* A column, as tables are often stored, is a list as well. */
static bool is_column(const gan_hdf5_rows *rows, int64_t count) {
  return rows->rank == 2 && rows->size[0] == count && rows->row_elements == 1;
}

static gan_status check_weights(const gan_hdf5_rows *rows, int64_t count) {
  if (!is_column(rows, count)) GAN_TRY(check_list(rows, count, "weight"));
  const H5T_class_t class = H5Tget_class(rows->type);
  if (class == H5T_INTEGER || class == H5T_FLOAT) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "%s: data set %s has to be of numbers to be weights, as .astype(\"f4\") makes it",
                  rows->path, rows->name);
}

/* By way of a piece with room for elements of any size. */
static gan_status copy_weights(gan_hdf5_rows *rows, int64_t count, float *weights) {
  double values[LABELS_AT_ONCE];
  for (int64_t begin = 0; begin < count; begin += LABELS_AT_ONCE) {
    const int64_t length = count - begin < LABELS_AT_ONCE ? count - begin : LABELS_AT_ONCE;
    GAN_TRY(gan_hdf5_rows_read(rows, begin, length, H5T_NATIVE_DOUBLE, values));
    for (int64_t i = 0; i < length; i++) weights[begin + i] = (float)values[i];
  }
  return GAN_OK;
}

gan_status gan_hdf5_read_weights(hid_t file, const char *path, const char *name, int64_t rows, int64_t count,
                                 float *weights) {
  gan_hdf5_rows opened;
  GAN_TRY(gan_hdf5_rows_open(file, path, name, &opened));
  gan_status status = check_weights(&opened, rows);
  if (status == GAN_OK) status = copy_weights(&opened, count, weights);
  gan_hdf5_rows_close(&opened);
  return status;
}
