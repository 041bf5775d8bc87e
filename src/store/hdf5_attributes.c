/* Attributes of HDF5 objects; see hdf5_tools.h. */
#include <stdlib.h>
#include <string.h>

#include "store/hdf5_tools.h"

/* Attributes of fixed length end at 64 KiB; what a file says of its own texts is believed up to TEXT_MOST. */
enum { SHORT_TEXT_MOST = 32 << 10, TEXT_MOST = 1 << 20 };

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

/* UTF-8 of `bytes` bytes, a zero at the end among them; H5T_VARIABLE: of any length. */
static hid_t text_type(size_t bytes) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  if (type >= 0 && H5Tset_size(type, bytes) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0) return type;
  gan_hdf5_close(&type);
  return -1;
}

bool gan_hdf5_put_long_text(hid_t object, const char *name, const char *value) {
  GAN_HDF5_ID space = H5Screate(H5S_SCALAR);
  GAN_HDF5_ID type = text_type(H5T_VARIABLE);
  return type >= 0 && put_value(object, name, type, type, space, &value);
}

bool gan_hdf5_put_text(hid_t object, const char *name, const char *value) {
  const size_t bytes = strlen(value) + 1;
  if (bytes > SHORT_TEXT_MOST) return gan_hdf5_put_long_text(object, name, value);
  GAN_HDF5_ID space = H5Screate(H5S_SCALAR);
  GAN_HDF5_ID type = text_type(bytes);
  return type >= 0 && put_value(object, name, type, type, space, value);
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

/* Memory for a text of fixed length, and a zero behind it. */
static bool get_short_text(hid_t object, const char *name, size_t bytes, H5T_cset_t set, char **value) {
  if (bytes == 0 || bytes > TEXT_MOST) return false;
  GAN_HDF5_ID type = text_type(bytes + 1);
  if (type < 0 || H5Tset_cset(type, set) < 0) return false;
  *value = H5allocate_memory(bytes + 1, true);
  if (*value && get_value(object, name, H5T_STRING, type, *value)) return true;
  H5free_memory(*value);
  *value = NULL;
  return false;
}

bool gan_hdf5_get_text(hid_t object, const char *name, char **value) {
  *value = NULL;
  if (H5Aexists(object, name) <= 0) return false;
  GAN_HDF5_ID attribute = H5Aopen(object, name, H5P_DEFAULT);
  if (attribute < 0) return false;
  GAN_HDF5_ID type = H5Aget_type(attribute);
  if (type < 0 || H5Tget_class(type) != H5T_STRING) return false;
  if (!H5Tis_variable_str(type)) return get_short_text(object, name, H5Tget_size(type), H5Tget_cset(type), value);
  GAN_HDF5_ID variable = text_type(H5T_VARIABLE);
  if (variable < 0 || !get_value(object, name, H5T_STRING, variable, value)) return false;
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
