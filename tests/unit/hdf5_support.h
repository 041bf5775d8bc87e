/* What the tests of HDF5 sources share: files with data sets of every storage there is. */
#ifndef GAN_TESTS_UNIT_HDF5_SUPPORT_H
#define GAN_TESTS_UNIT_HDF5_SUPPORT_H

#include <hdf5.h>

#include "data_support.h"

enum { SAMPLES = 50 };

/* How a test file's data set is stored. */
typedef struct storage_kind {
  hid_t type;    /* in the file */
  hsize_t chunk; /* samples in each; 0: contiguous */
  int deflate;
  bool split; /* chunks do not hold whole samples: half of each other dimension, rounded up */
  bool shuffle, fletcher;
} storage_kind;

/* Adds data set `name` of `rank` dimensions with `values` of memory type `memory_type` to an open file. */
static inline void hdf5_add_dataset(hid_t file, const char *name, int rank, const hsize_t *size, storage_kind storage,
                                    hid_t memory_type, const void *values) {
  hsize_t chunk[8];
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, size, NULL);
  if (storage.chunk > 0) {
    memcpy(chunk, size, (size_t)rank * sizeof *chunk);
    chunk[0] = storage.chunk;
    for (int i = 1; i < rank && storage.split; i++) chunk[i] = (size[i] + 1) / 2;
    H5Pset_chunk(creation, rank, chunk);
    if (storage.shuffle) H5Pset_shuffle(creation);
    if (storage.fletcher) H5Pset_fletcher32(creation);
    if (storage.deflate > 0) H5Pset_deflate(creation, (unsigned)storage.deflate);
  }
  const hid_t id = H5Dcreate2(file, name, storage.type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  assert_true(id > 0);
  if (values) assert_true(H5Dwrite(id, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(id);
  H5Sclose(space);
  H5Pclose(creation);
}

static inline hid_t hdf5_create_file(const char *name) {
  const hid_t file = H5Fcreate(data_path(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(file > 0);
  return file;
}

/* A file with one data set `x`, uint8 counting up or float32 in halves. */
static inline const char *hdf5_make_file(const char *name, int rank, const hsize_t *size, storage_kind storage) {
  size_t count = 1;
  for (int i = 0; i < rank; i++) count *= size[i];
  const bool bytes = H5Tget_class(storage.type) == H5T_INTEGER;
  uint8_t *as_bytes = malloc(count);
  float *as_floats = malloc(count * sizeof *as_floats);
  for (size_t i = 0; i < count; i++) {
    as_bytes[i] = (uint8_t)i;
    as_floats[i] = (float)i / 2;
  }
  const hid_t file = hdf5_create_file(name);
  hdf5_add_dataset(file, "x", rank, size, storage, bytes ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT,
                   bytes ? (void *)as_bytes : (void *)as_floats);
  H5Fclose(file);
  free(as_bytes);
  free(as_floats);
  return data_path(name);
}

static inline gan_data_options hdf5_options(const char *path) {
  return (gan_data_options){.source = "hdf5", .path = path};
}

/* Element k of the whole data set, as hdf5_make_file wrote it. */
static inline float expected_value(bool bytes, int64_t k) {
  return bytes ? (float)((uint8_t)k / 127.5 - 1) : (float)k / 2;
}

/* images (50, 4) uint8 and labels 2 i in a group, the labels of integer type `type`. */
static inline const char *hdf5_make_labelled(const char *name, const char *prefix, hid_t type, hsize_t label_count,
                                             long long special) {
  const hsize_t size[] = {SAMPLES, 4};
  uint8_t images[SAMPLES * 4];
  long long labels[SAMPLES + 1];
  char dataset[64];
  for (int i = 0; i < SAMPLES * 4; i++) images[i] = (uint8_t)i;
  for (int i = 0; i <= SAMPLES; i++) labels[i] = 2 * i;
  if (special) labels[10] = special;
  const hid_t file = hdf5_create_file(name);
  if (prefix[0] != '\0') H5Gclose(H5Gcreate2(file, prefix, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  snprintf(dataset, sizeof dataset, "%s/images", prefix);
  hdf5_add_dataset(file, dataset, 2, size, (storage_kind){.type = H5T_STD_U8LE}, H5T_NATIVE_UINT8, images);
  snprintf(dataset, sizeof dataset, "%s/labels", prefix);
  hdf5_add_dataset(file, dataset, 1, &label_count, (storage_kind){.type = type}, H5T_NATIVE_LLONG, labels);
  H5Fclose(file);
  return data_path(name);
}

#endif
