/* See hdf5_tools.h. Attributes are in hdf5_attributes.c. */
#include "store/hdf5_tools.h"

#include <stdio.h>
#include <string.h>

gan_hdf5_printer gan_hdf5_silence(void) {
  gan_hdf5_printer printer = {NULL, NULL};
  H5Eget_auto2(H5E_DEFAULT, &printer.print, &printer.context);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  return printer;
}

void gan_hdf5_unsilence(const gan_hdf5_printer *printer) {
  H5Eset_auto2(H5E_DEFAULT, printer->print, printer->context);
}

/* Scopes end between an error and its message: closing must not wipe out what HDF5 noted about the error. */
void gan_hdf5_close(const hid_t *id) {
  if (*id < 0) return;
  const hid_t errors = H5Eget_num(H5E_DEFAULT) > 0 ? H5Eget_current_stack() : -1;
  H5Idec_ref(*id);
  if (errors >= 0) H5Eset_current_stack(errors);
}

static herr_t take_first(unsigned place, const H5E_error2_t *error, void *text) {
  if (place == 0 && error->desc) snprintf(text, GAN_HDF5_REASON, "%s", error->desc);
  return 0;
}

char *gan_hdf5_reason(char *text) {
  static const char before[] = "error message = '";
  snprintf(text, GAN_HDF5_REASON, "HDF5 gives no reason");
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, text);
  /* Where the operating system said why, its words are all that a user needs. */
  char *start = strstr(text, before);
  if (!start) return text;
  start += sizeof before - 1;
  char *end = strchr(start, '\'');
  if (end) *end = '\0';
  memmove(text, start, strlen(start) + 1);
  return text;
}

static bool keep_order(hid_t properties) {
  return H5Pset_obj_track_times(properties, false) >= 0 &&
         H5Pset_link_creation_order(properties, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0;
}

/* A process that is killed stops writing between two pages of memory. Nothing that is rewritten while readers follow
   lies across such a border, so a checksum and what it is of are both old or both new. */
static bool keep_to_pages(hid_t properties) {
  return H5Pset_file_space_strategy(properties, H5F_FSPACE_STRATEGY_PAGE, false, 1) >= 0 &&
         H5Pset_file_space_page_size(properties, GAN_HDF5_PAGE) >= 0;
}

hid_t gan_hdf5_create(const char *path, hsize_t user_block, bool live, gan_hdf5_output *output) {
  GAN_HDF5_ID creation = H5Pcreate(H5P_FILE_CREATE);
  GAN_HDF5_ID access = H5Pcreate(H5P_FILE_ACCESS);
  if (creation < 0 || access < 0 || !keep_order(creation) || H5Pset_userblock(creation, user_block) < 0) return -1;
  if (H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0) return -1;
  if (live && !keep_to_pages(creation)) return -1;
  if (live && H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST) < 0) return -1;
  if (gan_hdf5_set_output(access, output) < 0) return -1;
  return H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
}

/* Metadata that are just being written are read again, after 1, 2, 4, ... ns. HDF5 goes on up to 2^99 ns, which for a
   damaged file is for ever; with this many attempts it gives up after 17 ms. */
enum { LIVE_READ_ATTEMPTS = 24 };

hid_t gan_hdf5_open(const char *path, bool live) {
  GAN_HDF5_ID access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0 || H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0) return -1;
  if (H5Pset_file_locking(access, false, true) < 0) return -1;
  if (live && (H5Pset_metadata_read_attempts(access, LIVE_READ_ATTEMPTS) < 0 || gan_hdf5_set_input(access) < 0))
    return -1;
  return H5Fopen(path, H5F_ACC_RDONLY | (live ? H5F_ACC_SWMR_READ : 0u), access);
}

hid_t gan_hdf5_make_group(hid_t parent, const char *name) {
  GAN_HDF5_ID creation = H5Pcreate(H5P_GROUP_CREATE);
  if (creation < 0 || !keep_order(creation)) return -1;
  return H5Gcreate2(parent, name, H5P_DEFAULT, creation, H5P_DEFAULT);
}

/* One chunk up to 4 MiB; above, the leading dimensions are cut, evenly, so that little of the last chunk stays empty.
 */
static void choose_chunk(int rank, const hsize_t *size, hsize_t *chunk) {
  const hsize_t limit = (4 << 20) / sizeof(float);
  hsize_t inner = 1; /* elements of one index of dimension i */
  for (int i = 0; i < rank; i++) inner *= size[i];
  for (int i = 0; i < rank; i++) {
    inner /= size[i];
    const hsize_t fit = inner >= limit ? 1 : limit / inner;
    const hsize_t pieces = (size[i] + fit - 1) / fit;
    chunk[i] = (size[i] + pieces - 1) / pieces;
  }
}

static hid_t array_properties(int rank, const hsize_t *size, hsize_t count) {
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk[GAN_SHAPE_RANK];
  bool done = creation >= 0 && H5Pset_obj_track_times(creation, false) >= 0;
  if (done && rank > 0 && count > 0) {
    choose_chunk(rank, size, chunk);
    done = H5Pset_chunk(creation, rank, chunk) >= 0 && H5Pset_fletcher32(creation) >= 0;
  }
  if (done) return creation;
  gan_hdf5_close(&creation);
  return -1;
}

bool gan_hdf5_put_array(hid_t parent, const char *name, const gan_shape *shape, const float *values) {
  hsize_t size[GAN_SHAPE_RANK], count = 1;
  if (shape->rank < 0 || shape->rank > GAN_SHAPE_RANK) return false;
  for (int i = 0; i < shape->rank; i++) {
    size[i] = (hsize_t)shape->size[i];
    count *= size[i];
  }
  GAN_HDF5_ID space = shape->rank ? H5Screate_simple(shape->rank, size, NULL) : H5Screate(H5S_SCALAR);
  GAN_HDF5_ID creation = array_properties(shape->rank, size, count);
  if (space < 0 || creation < 0) return false;
  GAN_HDF5_ID data_set = H5Dcreate2(parent, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  if (data_set < 0) return false;
  return count == 0 || H5Dwrite(data_set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
}

bool gan_hdf5_put_number(hid_t parent, const char *name, int64_t value) {
  GAN_HDF5_ID space = H5Screate(H5S_SCALAR);
  GAN_HDF5_ID creation = array_properties(0, NULL, 1);
  if (space < 0 || creation < 0) return false;
  GAN_HDF5_ID data_set = H5Dcreate2(parent, name, H5T_STD_I64LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  return data_set >= 0 && H5Dwrite(data_set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) >= 0;
}

bool gan_hdf5_get_number(hid_t data_set, int64_t *value) {
  GAN_HDF5_ID type = H5Dget_type(data_set);
  GAN_HDF5_ID space = H5Dget_space(data_set);
  if (type < 0 || space < 0 || H5Tequal(type, H5T_STD_I64LE) <= 0 || H5Sget_simple_extent_type(space) != H5S_SCALAR)
    return false;
  return H5Dread(data_set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0;
}

/* A data set may be a link into another file, or take its bytes from one: a file that was sent to somebody could so
   make the program read out others. HDF5 calls this for such a link. */
static herr_t refuse_link(const char *parent_file, const char *parent_group, const char *file, const char *object,
                          unsigned *flags, hid_t access, void *context) {
  (void)parent_file, (void)parent_group, (void)file, (void)object, (void)flags, (void)access, (void)context;
  return -1;
}

hid_t gan_hdf5_open_array(hid_t parent, const char *path) {
  GAN_HDF5_ID access = H5Pcreate(H5P_DATASET_ACCESS);
  if (access < 0 || H5Pset_elink_cb(access, refuse_link, NULL) < 0) return -1;
  const hid_t data_set = H5Dopen2(parent, path, access);
  GAN_HDF5_ID creation = data_set < 0 ? -1 : H5Dget_create_plist(data_set);
  const H5D_layout_t layout = creation < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(creation);
  if ((layout == H5D_CHUNKED || layout == H5D_CONTIGUOUS || layout == H5D_COMPACT) &&
      H5Pget_external_count(creation) == 0)
    return data_set;
  gan_hdf5_close(&data_set);
  return -1;
}

bool gan_hdf5_get_shape(hid_t data_set, gan_shape *shape) {
  GAN_HDF5_ID type = H5Dget_type(data_set);
  GAN_HDF5_ID space = H5Dget_space(data_set);
  hsize_t size[GAN_SHAPE_RANK] = {0};
  if (type < 0 || space < 0 || H5Tequal(type, H5T_IEEE_F32LE) <= 0) return false;
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0 || rank > GAN_SHAPE_RANK || H5Sget_simple_extent_type(space) == H5S_NULL) return false;
  if (H5Sget_simple_extent_dims(space, size, NULL) < 0) return false;
  *shape = (gan_shape){.rank = rank};
  for (int i = 0; i < rank; i++) {
    if (size[i] > INT64_MAX) return false;
    shape->size[i] = (int64_t)size[i];
  }
  return true;
}
