/* Attributes of HDF5 objects; see hdf5_tools.h. */
#include <stdlib.h>
#include <string.h>

#include "store/hdf5_tools.h"

static bool put_value(hid_t object, const char *name, hid_t file_type, hid_t memory_type, hid_t space,
                      const void *value) {
  if (space < 0) return false;
  GAN_HDF5_ID attribute = H5Acreate2(object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT);
  return attribute >= 0 && H5Awrite(attribute, memory_type, value) >= 0;
}

bool gan_hdf5_put_integer(hid_t object, const char *name, int64_t value) {
  GAN_HDF5_ID space = H5Screate(H5S_SCALAR);
  return put_value(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, space, &value);
}

bool gan_hdf5_put_unsigned(hid_t object, const char *name, uint64_t value) {
  GAN_HDF5_ID space = H5Screate(H5S_SCALAR);
  return put_value(object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, space, &value);
}

bool gan_hdf5_put_real(hid_t object, const char *name, double value) {
  GAN_HDF5_ID space = H5Screate(H5S_SCALAR);
  return put_value(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, space, &value);
}

bool gan_hdf5_put_integers(hid_t object, const char *name, size_t count, const int64_t *values) {
  const hsize_t size = count;
  GAN_HDF5_ID space = H5Screate_simple(1, &size, NULL);
  return put_value(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, space, values);
}

static hid_t text_type(void) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  if (type >= 0 && H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0) return type;
  gan_hdf5_close(&type);
  return -1;
}

/* Of variable length, since attributes of fixed length end at 64 KiB: a configuration might not. */
bool gan_hdf5_put_text(hid_t object, const char *name, const char *value) {
  GAN_HDF5_ID space = H5Screate(H5S_SCALAR);
  GAN_HDF5_ID type = text_type();
  return type >= 0 && put_value(object, name, type, type, space, &value);
}

/* One value of a class and at most 8 bytes of it, so that the caller's variable holds what is read. */
static bool get_value(hid_t object, const char *name, H5T_class_t class, hid_t memory_type, void *value) {
  if (H5Aexists(object, name) <= 0) return false;
  GAN_HDF5_ID attribute = H5Aopen(object, name, H5P_DEFAULT);
  if (attribute < 0) return false;
  GAN_HDF5_ID space = H5Aget_space(attribute);
  GAN_HDF5_ID type = H5Aget_type(attribute);
  if (space < 0 || type < 0 || H5Tget_class(type) != class || H5Sget_simple_extent_npoints(space) != 1) return false;
  return H5Aread(attribute, memory_type, value) >= 0;
}

bool gan_hdf5_get_integer(hid_t object, const char *name, int64_t *value) {
  return get_value(object, name, H5T_INTEGER, H5T_NATIVE_INT64, value);
}

bool gan_hdf5_get_unsigned(hid_t object, const char *name, uint64_t *value) {
  return get_value(object, name, H5T_INTEGER, H5T_NATIVE_UINT64, value);
}

bool gan_hdf5_get_real(hid_t object, const char *name, double *value) {
  return get_value(object, name, H5T_FLOAT, H5T_NATIVE_DOUBLE, value);
}

bool gan_hdf5_get_text(hid_t object, const char *name, char **value) {
  GAN_HDF5_ID type = text_type();
  *value = NULL;
  if (type < 0 || !get_value(object, name, H5T_STRING, type, value)) return false;
  return *value != NULL;
}

bool gan_hdf5_get_integers(hid_t object, const char *name, size_t limit, size_t *count, int64_t *values) {
  if (H5Aexists(object, name) <= 0) return false;
  GAN_HDF5_ID attribute = H5Aopen(object, name, H5P_DEFAULT);
  if (attribute < 0) return false;
  GAN_HDF5_ID space = H5Aget_space(attribute);
  GAN_HDF5_ID type = H5Aget_type(attribute);
  if (space < 0 || type < 0 || H5Tget_class(type) != H5T_INTEGER) return false;
  const hssize_t points = H5Sget_simple_extent_npoints(space);
  if (H5Sget_simple_extent_ndims(space) != 1 || points < 0 || (size_t)points > limit) return false;
  *count = (size_t)points;
  return H5Aread(attribute, H5T_NATIVE_INT64, values) >= 0;
}
