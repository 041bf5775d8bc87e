/* See samples.h. */
#include "store/samples.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/hdf5_tools.h"
#include "store/kind.h"
#include "store/output.h"

#define FIELD(member, kind) \
  { #member, kind, offsetof(gan_samples_origin, member), sizeof(((gan_samples_origin *)NULL)->member) }
const gan_samples_field gan_samples_fields[] = {
    FIELD(program_version, GAN_SAMPLES_TEXT),  FIELD(checkpoint, GAN_SAMPLES_TEXT),
    FIELD(checkpoint_hash, GAN_SAMPLES_TEXT),  FIELD(iteration, GAN_SAMPLES_INTEGER),
    FIELD(weights, GAN_SAMPLES_TEXT),          FIELD(backend, GAN_SAMPLES_TEXT),
    FIELD(precision, GAN_SAMPLES_TEXT),        FIELD(seed, GAN_SAMPLES_UNSIGNED),
    FIELD(latent_stream, GAN_SAMPLES_INTEGER), FIELD(latent_distribution, GAN_SAMPLES_TEXT),
    FIELD(truncation, GAN_SAMPLES_REAL),       FIELD(interpolation_steps, GAN_SAMPLES_INTEGER),
};
const int gan_samples_field_count = sizeof gan_samples_fields / sizeof *gan_samples_fields;

/* A chunk holds as many rows, a power of two, as make up about CHUNK_BYTES, so that one sample is soon read by itself;
   a piece to write is some whole chunks, so that none is written twice. */
enum { CHUNK_BYTES = 1 << 16, CHUNK_ROWS_MOST = 1 << 12, PIECE_BYTES = 1 << 22, PIECE_ROWS_MOST = 1 << 12 };

typedef struct rows_set {
  hid_t id;
  int rank;
  hsize_t size[GAN_SHAPE_RANK + 1];
} rows_set;

struct gan_samples_file {
  char *path;
  char partial[PATH_MAX];
  gan_hdf5_output output;
  hid_t file;
  rows_set samples, latents;
  hsize_t done;
};

static int64_t row_bytes(const rows_set *set) {
  int64_t bytes = sizeof(float);
  for (int i = 1; i < set->rank; i++) bytes *= (int64_t)set->size[i];
  return bytes;
}

/* The largest power of two that is at most `most`, and at least 1. */
static int64_t power_of_two(int64_t most) {
  int64_t power = 1;
  while (2 * power <= most) power *= 2;
  return power;
}

static gan_status fail_write(const gan_samples_file *file) {
  char reason[GAN_HDF5_REASON];
  if (file->output.error) return gan_fail_write(file->path, file->output.error);
  return gan_fail(GAN_FAILED, "cannot write %s: %s", file->path, gan_hdf5_reason(reason));
}

static bool make_set(hid_t file, const char *name, rows_set *set) {
  hsize_t chunk[GAN_SHAPE_RANK + 1];
  const int64_t fit = CHUNK_BYTES / row_bytes(set);
  memcpy(chunk, set->size, sizeof chunk);
  chunk[0] = (hsize_t)power_of_two(fit < CHUNK_ROWS_MOST ? fit : CHUNK_ROWS_MOST);
  if (chunk[0] > set->size[0]) chunk[0] = set->size[0];
  GAN_HDF5_ID space = H5Screate_simple(set->rank, set->size, NULL);
  GAN_HDF5_ID creation = H5Pcreate(H5P_DATASET_CREATE);
  if (space < 0 || creation < 0 || H5Pset_obj_track_times(creation, false) < 0) return false;
  if (H5Pset_chunk(creation, set->rank, chunk) < 0 || H5Pset_fletcher32(creation) < 0) return false;
  set->id = H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  return set->id >= 0;
}

static bool put_field(hid_t file, const gan_samples_field *field, const gan_samples_origin *origin) {
  const void *value = (const char *)origin + field->offset;
  switch (field->type) {
    case GAN_SAMPLES_TEXT:
      return gan_hdf5_put_text(file, field->name, value);
    case GAN_SAMPLES_INTEGER:
      return gan_hdf5_put_integer(file, field->name, *(const int64_t *)value);
    case GAN_SAMPLES_UNSIGNED:
      return gan_hdf5_put_unsigned(file, field->name, *(const uint64_t *)value);
    case GAN_SAMPLES_REAL:
      return gan_hdf5_put_real(file, field->name, *(const double *)value);
  }
  return false;
}

static bool put_origin(hid_t file, const gan_samples_origin *origin) {
  bool put = gan_hdf5_put_text(file, GAN_KIND_ATTRIBUTE, GAN_KIND_TEXT_SAMPLES);
  for (int i = 0; put && i < gan_samples_field_count; i++) put = put_field(file, &gan_samples_fields[i], origin);
  return put;
}

gan_status gan_samples_create(const char *path, const gan_shape *shape, int64_t latent, int64_t count,
                              const gan_samples_origin *origin, gan_samples_file **file) {
  GAN_HDF5_QUIET;
  gan_samples_file *made = NULL;
  *file = NULL;
  GAN_TRY(gan_allocate(1, sizeof *made, "a file of samples", &made));
  made->file = made->samples.id = made->latents.id = -1;
  made->samples.rank = shape->rank + 1;
  for (int i = 0; i < shape->rank; i++) made->samples.size[i + 1] = (hsize_t)shape->size[i];
  made->latents.rank = 2;
  made->latents.size[1] = (hsize_t)latent;
  made->samples.size[0] = made->latents.size[0] = (hsize_t)count;
  gan_status status = gan_duplicate(path, &made->path);
  if (status == GAN_OK) status = gan_partial_path(path, made->partial);
  if (status == GAN_OK) {
    made->file = gan_hdf5_create(made->partial, 0, false, &made->output);
    if (made->file < 0 || !put_origin(made->file, origin) || !make_set(made->file, "samples", &made->samples) ||
        !gan_hdf5_put_text(made->samples.id, GAN_AXES_ATTRIBUTE, gan_shape_axes(shape)) ||
        !make_set(made->file, "latents", &made->latents))
      status = fail_write(made);
  }
  if (status != GAN_OK)
    gan_samples_discard(made);
  else
    *file = made;
  return status;
}

int64_t gan_samples_piece(const gan_samples_file *file) {
  const int64_t samples = row_bytes(&file->samples), latents = row_bytes(&file->latents);
  const int64_t fit = PIECE_BYTES / (samples > latents ? samples : latents);
  return power_of_two(fit < PIECE_ROWS_MOST ? fit : PIECE_ROWS_MOST);
}

static bool write_rows(const rows_set *set, hsize_t first, hsize_t rows, const float *values) {
  hsize_t start[GAN_SHAPE_RANK + 1] = {first}, extent[GAN_SHAPE_RANK + 1];
  memcpy(extent, set->size, sizeof extent);
  extent[0] = rows;
  GAN_HDF5_ID space = H5Dget_space(set->id);
  GAN_HDF5_ID memory = H5Screate_simple(set->rank, extent, NULL);
  if (space < 0 || memory < 0) return false;
  if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, extent, NULL) < 0) return false;
  return H5Dwrite(set->id, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, values) >= 0;
}

gan_status gan_samples_add(gan_samples_file *file, int64_t rows, const float *latents, const float *samples) {
  GAN_HDF5_QUIET;
  if (!write_rows(&file->samples, file->done, (hsize_t)rows, samples) ||
      !write_rows(&file->latents, file->done, (hsize_t)rows, latents) || file->output.error)
    return fail_write(file);
  file->done += (hsize_t)rows;
  return GAN_OK;
}

/* Closes the file; false when something of it could not be written. */
static bool close_file(gan_samples_file *file) {
  gan_hdf5_close(&file->samples.id);
  gan_hdf5_close(&file->latents.id);
  const bool closed = file->file < 0 || H5Fclose(file->file) >= 0;
  file->file = file->samples.id = file->latents.id = -1;
  return closed && !file->output.error;
}

static void release(gan_samples_file *file) {
  free(file->path);
  free(file);
}

gan_status gan_samples_finish(gan_samples_file *file) {
  GAN_HDF5_QUIET;
  gan_status status = close_file(file) ? GAN_OK : fail_write(file);
  if (status == GAN_OK) status = gan_partial_sync(file->partial, file->path);
  if (status == GAN_OK) status = gan_partial_commit(file->partial, file->path);
  if (status != GAN_OK) unlink(file->partial);
  release(file);
  return status;
}

void gan_samples_discard(gan_samples_file *file) {
  GAN_HDF5_QUIET;
  if (!file) return;
  (void)close_file(file);
  if (file->partial[0]) unlink(file->partial);
  release(file);
}

/* --- Reading --- */

/* What came from elsewhere is for a terminal to show. */
static bool get_text(hid_t file, const gan_samples_field *field, char *value) {
  char *text = NULL;
  if (!gan_hdf5_get_text(file, field->name, &text)) return false;
  snprintf(value, field->size, "%s", text);
  H5free_memory(text);
  for (char *c = value; *c; c++)
    if (iscntrl((unsigned char)*c)) *c = '?';
  return true;
}

static bool get_field(hid_t file, const gan_samples_field *field, gan_samples_origin *origin) {
  void *value = (char *)origin + field->offset;
  switch (field->type) {
    case GAN_SAMPLES_TEXT:
      return get_text(file, field, value);
    case GAN_SAMPLES_INTEGER:
      return gan_hdf5_get_integer(file, field->name, value) && *(const int64_t *)value >= 0;
    case GAN_SAMPLES_UNSIGNED:
      return gan_hdf5_get_unsigned(file, field->name, value);
    case GAN_SAMPLES_REAL:
      return gan_hdf5_get_real(file, field->name, value) && isfinite(*(const double *)value);
  }
  return false;
}

gan_status gan_samples_read_origin(const char *path, bool *known, gan_samples_origin *origin) {
  GAN_HDF5_QUIET;
  char reason[GAN_HDF5_REASON], *kind = NULL;
  memset(origin, 0, sizeof *origin);
  GAN_HDF5_ID file = gan_hdf5_open(path, false);
  if (file < 0) return gan_fail(GAN_BAD_FILE, "cannot read %s: %s", path, gan_hdf5_reason(reason));
  *known = gan_hdf5_get_text(file, GAN_KIND_ATTRIBUTE, &kind) && strcmp(kind, GAN_KIND_TEXT_SAMPLES) == 0;
  H5free_memory(kind);
  for (int i = 0; *known && i < gan_samples_field_count; i++)
    if (!get_field(file, &gan_samples_fields[i], origin))
      return gan_fail(GAN_BAD_FILE, "%s: its attribute %s is absent or makes no sense", path,
                      gan_samples_fields[i].name);
  return GAN_OK;
}
