/* See image_set.h. Images are gathered until a chunk of the data set is full. A chunk holds as many images as make up
   about CHUNK_BYTES, and at least one: reading an image by itself costs little more than its own bytes, and a set of
   small images does not drown in chunks. */
#include "store/image_set.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/hdf5_tools.h"
#include "store/output.h"

enum { CHUNK_BYTES = 1 << 14, LABEL_CHUNK = 1 << 12 };

/* A data set that grows in whole chunks, and the rows of the chunk that is being filled. */
typedef struct growing_set {
  hid_t id;
  hid_t type; /* in memory */
  int rank;
  hsize_t size[GAN_SHAPE_RANK + 1]; /* of the whole, as written */
  hsize_t chunk_rows, waiting;
  size_t row_bytes;
  uint8_t *rows; /* (chunk_rows, row_bytes) */
} growing_set;

struct gan_image_set {
  char *path;
  char partial[PATH_MAX];
  gan_hdf5_output output;
  hid_t file;
  growing_set images, labels; /* labels.rows is NULL when there are none */
};

static gan_status fail_write(const gan_image_set *set) {
  char reason[GAN_HDF5_REASON];
  if (set->output.error) return gan_fail_write(set->path, set->output.error);
  return gan_fail(GAN_FAILED, "cannot write %s: %s", set->path, gan_hdf5_reason(reason));
}

/* Makes a data set of rows of a shape; growing->size and chunk_rows are set. */
static bool make_growing(hid_t file, const char *name, hid_t file_type, growing_set *growing) {
  hsize_t chunk[GAN_SHAPE_RANK + 1], most[GAN_SHAPE_RANK + 1];
  memcpy(chunk, growing->size, sizeof chunk);
  memcpy(most, growing->size, sizeof most);
  chunk[0] = growing->chunk_rows;
  most[0] = H5S_UNLIMITED;
  GAN_HDF5_ID space = H5Screate_simple(growing->rank, growing->size, most);
  GAN_HDF5_ID creation = H5Pcreate(H5P_DATASET_CREATE);
  if (space < 0 || creation < 0 || H5Pset_obj_track_times(creation, false) < 0) return false;
  if (H5Pset_chunk(creation, growing->rank, chunk) < 0 || H5Pset_fletcher32(creation) < 0) return false;
  growing->id = H5Dcreate2(file, name, file_type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  return growing->id >= 0;
}

/* Appends the rows that wait. */
static bool flush(growing_set *growing) {
  if (growing->waiting == 0) return true;
  hsize_t start[GAN_SHAPE_RANK + 1] = {growing->size[0]}, extent[GAN_SHAPE_RANK + 1];
  memcpy(extent, growing->size, sizeof extent);
  extent[0] = growing->waiting;
  growing->size[0] += growing->waiting;
  growing->waiting = 0;
  if (H5Dset_extent(growing->id, growing->size) < 0) return false;
  GAN_HDF5_ID space = H5Dget_space(growing->id);
  GAN_HDF5_ID memory = H5Screate_simple(growing->rank, extent, NULL);
  if (space < 0 || memory < 0) return false;
  if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, extent, NULL) < 0) return false;
  return H5Dwrite(growing->id, growing->type, memory, space, H5P_DEFAULT, growing->rows) >= 0;
}

static bool add_row(growing_set *growing, const void *row) {
  memcpy(growing->rows + growing->waiting++ * growing->row_bytes, row, growing->row_bytes);
  return growing->waiting < growing->chunk_rows || flush(growing);
}

static void release(gan_image_set *set) {
  free(set->images.rows);
  free(set->labels.rows);
  free(set->path);
  free(set);
}

/* Closes the file; false when something of it could not be written. */
static bool close_file(gan_image_set *set) {
  gan_hdf5_close(&set->images.id);
  gan_hdf5_close(&set->labels.id);
  const bool closed = set->file < 0 || H5Fclose(set->file) >= 0;
  set->file = set->images.id = set->labels.id = -1;
  return closed && !set->output.error;
}

static gan_status plan(gan_image_set *set, const char *path, const gan_shape *shape, bool labels) {
  growing_set *images = &set->images;
  GAN_TRY(gan_duplicate(path, &set->path));
  GAN_TRY(gan_partial_path(path, set->partial));
  images->rank = shape->rank + 1;
  for (int i = 0; i < shape->rank; i++) images->size[i + 1] = (hsize_t)shape->size[i];
  images->type = H5T_NATIVE_UINT8;
  images->row_bytes = (size_t)gan_shape_count(shape);
  images->chunk_rows = images->row_bytes < CHUNK_BYTES ? CHUNK_BYTES / images->row_bytes : 1;
  GAN_TRY(gan_allocate(images->chunk_rows, images->row_bytes, "images on their way to the file", &images->rows));
  set->labels.rank = 1;
  set->labels.type = H5T_NATIVE_UINT16;
  set->labels.row_bytes = sizeof(uint16_t);
  set->labels.chunk_rows = LABEL_CHUNK;
  return labels ? gan_allocate(LABEL_CHUNK, sizeof(uint16_t), "labels on their way to the file", &set->labels.rows)
                : GAN_OK;
}

gan_status gan_image_set_create(const char *path, const gan_shape *shape, bool labels, gan_image_set **set) {
  GAN_HDF5_QUIET;
  *set = NULL;
  gan_image_set *made = NULL;
  GAN_TRY(gan_allocate(1, sizeof *made, "a set of images", &made));
  made->file = made->images.id = made->labels.id = -1;
  gan_status status = plan(made, path, shape, labels);
  if (status != GAN_OK) {
    release(made);
    return status;
  }
  made->file = gan_hdf5_create(made->partial, 0, false, &made->output);
  if (made->file < 0 || !make_growing(made->file, "images", H5T_STD_U8LE, &made->images) ||
      !gan_hdf5_put_text(made->images.id, GAN_AXES_ATTRIBUTE, gan_shape_axes(shape)) ||
      (labels && !make_growing(made->file, "labels", H5T_STD_U16LE, &made->labels))) {
    status = fail_write(made);
    gan_image_set_discard(made);
    return status;
  }
  *set = made;
  return GAN_OK;
}

gan_status gan_image_set_add(gan_image_set *set, const uint8_t *pixels, int32_t label) {
  GAN_HDF5_QUIET;
  const uint16_t number = (uint16_t)label;
  const bool added = add_row(&set->images, pixels) && (!set->labels.rows || add_row(&set->labels, &number));
  return added && !set->output.error ? GAN_OK : fail_write(set);
}

static gan_status finish(gan_image_set *set, const char *preparation, const char *names) {
  bool written = flush(&set->images) && (!set->labels.rows || flush(&set->labels));
  if (written && preparation) written = gan_hdf5_put_text(set->images.id, "preparation", preparation);
  if (written && names && set->labels.rows) written = gan_hdf5_put_text(set->labels.id, "names", names);
  if (!written) return fail_write(set);
  if (!close_file(set)) return fail_write(set);
  GAN_TRY(gan_partial_sync(set->partial, set->path));
  return gan_partial_commit(set->partial, set->path);
}

gan_status gan_image_set_finish(gan_image_set *set, const char *preparation, const char *names) {
  GAN_HDF5_QUIET;
  const gan_status status = finish(set, preparation, names);
  if (status == GAN_OK)
    release(set);
  else
    gan_image_set_discard(set);
  return status;
}

void gan_image_set_discard(gan_image_set *set) {
  if (!set) return;
  GAN_HDF5_QUIET;
  (void)close_file(set);
  unlink(set->partial);
  release(set);
}
