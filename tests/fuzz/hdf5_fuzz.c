/* HDF5 files as data to train on: chunked or not, with filters, with labels. What libhdf5 itself makes of a made-up
   file is passed over. */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/source.h"
#include "fuzz/fuzz.h"

enum { ROWS = 12, WIDTH = 5 };

const bool fuzz_passes_hdf5 = true;
const char *const fuzz_words[] = {"images", "labels", "axes", "TREE", "SNOD", "HEAP", "OHDR", "\x89HDF\r\n\x1a\n",
                                  NULL};

typedef struct storage {
  bool floats, doubles, shuffle, fletcher;
  const char *axes; /* of the images, (ROWS, WIDTH, WIDTH) unless there are more; the attribute, when not NULL */
  hsize_t chunk;    /* rows; 0: contiguous */
  unsigned deflate;
  bool latest; /* the format of HDF5 1.10 and later */
} storage;
static const storage storages[] = {
    {.chunk = 5, .deflate = 6},
    {.chunk = 5},
    {.floats = true},
    {.floats = true, .chunk = 4, .deflate = 6, .shuffle = true, .fletcher = true},
    {.chunk = 3, .deflate = 1, .latest = true},
    {.doubles = true, .axes = "NLC"},
    {.chunk = 3, .deflate = 6, .axes = "NHWC"},
};

static void add_axes(hid_t dataset, const char *axes) {
  const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(axes));
  const hid_t id = H5Acreate2(dataset, "axes", type, space, H5P_DEFAULT, H5P_DEFAULT);
  fuzz_require(id >= 0 && H5Awrite(id, type, axes) >= 0, "a seed's axes");
  H5Aclose(id);
  H5Sclose(space);
  H5Tclose(type);
}

static void add_dataset(hid_t file, const char *name, int rank, hid_t file_type, hid_t type, const void *values,
                        const storage *how) {
  const hsize_t size[] = {ROWS, WIDTH, rank > 3 ? 1 : WIDTH, WIDTH}, chunk[] = {how->chunk, WIDTH, 1, 3};
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, size, NULL);
  if (how->chunk > 0) H5Pset_chunk(creation, rank, chunk);
  if (how->shuffle) H5Pset_shuffle(creation);
  if (how->deflate > 0) H5Pset_deflate(creation, how->deflate);
  if (how->fletcher) H5Pset_fletcher32(creation);
  const hid_t id = H5Dcreate2(file, name, file_type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  fuzz_require(id >= 0 && H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0, "a seed");
  if (rank > 1 && how->axes) add_axes(id, how->axes);
  H5Dclose(id);
  H5Sclose(space);
  H5Pclose(creation);
}

static void make_file(const char *path, const storage *how) {
  float floats[ROWS * WIDTH * WIDTH];
  uint8_t bytes[ROWS * WIDTH * WIDTH];
  int labels[ROWS];
  for (int i = 0; i < ROWS * WIDTH * WIDTH; i++) bytes[i] = (uint8_t)(floats[i] = (float)(i % 100));
  for (int i = 0; i < ROWS; i++) labels[i] = i % 3;
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (how->latest) H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_LATEST);
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  const int rank = how->axes ? (int)strlen(how->axes) : 3;
  if (how->doubles)
    add_dataset(file, "images", rank, H5T_IEEE_F64LE, H5T_NATIVE_FLOAT, floats, how);
  else if (how->floats)
    add_dataset(file, "images", 3, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, floats, how);
  else
    add_dataset(file, "images", rank, H5T_STD_U8LE, H5T_NATIVE_UINT8, bytes, how);
  add_dataset(file, "labels", 1, H5T_STD_I32LE, H5T_NATIVE_INT, labels, how);
  H5Fclose(file);
  H5Pclose(access);
}

size_t fuzz_seed(int index, uint8_t *data) {
  if (index >= (int)(sizeof storages / sizeof *storages)) return 0;
  char path[64];
  snprintf(path, sizeof path, "/tmp/gan_hdf5_fuzz_%ld", (long)getpid());
  make_file(path, &storages[index]);
  const size_t size = fuzz_read_file(path, data);
  unlink(path);
  return size;
}

/* Whether it can be opened at all. */
static bool check_source(const char *path, int64_t memory, const char *weights) {
  const gan_data_options options = {.source = "hdf5", .path = path, .memory = memory, .weights = weights};
  gan_source *source = NULL;
  const gan_status status = gan_source_open(&options, 1, NULL, &source);
  if (status == GAN_BAD_USAGE) return false; /* several data sets, or layouts, are possible: the user is asked */
  if (!fuzz_accepted(status, GAN_BAD_FILE)) return false;
  int32_t label;
  float *sample = malloc((size_t)gan_shape_count(&source->shape) * sizeof *sample);
  fuzz_require(sample != NULL, "memory for a sample");
  int64_t i = 0;
  while (i < source->count && i < 2 * ROWS &&
         fuzz_accepted(gan_source_read(source, &i, 1, sample, &label), GAN_BAD_FILE))
    i++;
  if (i == ROWS) fuzz_reached_the_end();
  free(sample);
  gan_source_close(source);
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *path = fuzz_file(data, size);
  /* Read from the file as it is asked for, then all at once into memory; then with labels that are weights, too. */
  if (check_source(path, 0, "") && check_source(path, 1, "")) (void)check_source(path, 1, "labels");
  return 0;
}
