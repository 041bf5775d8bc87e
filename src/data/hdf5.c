/* Samples in a data set of an HDF5 file. Nothing is kept but the labels: each read takes the samples asked for out of
   the file, in rising order so that neighbours come in one piece and a compressed chunk is inflated once, and puts them
   where they were asked for. So a data set may be larger than memory, and a rank reads its own samples only. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/advance.h"
#include "base/memory.h"
#include "base/number.h"
#include "data/hdf5_dataset.h"
#include "data/source_types.h"
#include "kernels/kernels.h"

/* Neighbouring samples are read in pieces of about this many bytes. */
static const int64_t PIECE_BYTES = (int64_t)4 << 20;
/* The fingerprint looks at so many samples, spread evenly. */
enum { FINGERPRINT_SAMPLES = 64 };

/* A sample, and its row of the output. */
typedef struct wanted {
  int64_t index, row;
} wanted;

typedef struct hdf5_state {
  hid_t file; /* 0: not open */
  gan_hdf5_samples samples;
  uint16_t *labels; /* (N), or NULL */
  void *piece;      /* (piece_rows, elements) of uint8 or float32 */
  int64_t piece_rows;
  wanted *order; /* (order_rows) */
  int64_t order_rows;
} hdf5_state;

static int64_t sample_bytes(const hdf5_state *state) {
  return state->samples.rows.row_elements * state->samples.rows.element_bytes;
}

/* Samples first .. first+rows-1 (at most piece_rows) to state->piece. */
static gan_status read_piece(hdf5_state *state, int64_t first, int64_t rows) {
  const gan_status status = gan_hdf5_rows_read(
      &state->samples.rows, first, rows, state->samples.bytes ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT, state->piece);
  gan_advance();
  return status;
}

static gan_status convert_row(const gan_source *source, const hdf5_state *state, int64_t piece_row, int64_t index,
                              float *out) {
  const int64_t elements = state->samples.rows.row_elements;
  if (state->samples.bytes) {
    gan_bytes_to_floats((size_t)elements, (const uint8_t *)state->piece + piece_row * elements, out);
    return GAN_OK;
  }
  const float *values = (const float *)state->piece + piece_row * elements;
  for (int64_t i = 0; i < elements; i++)
    if (!isfinite(values[i]))
      return gan_fail(GAN_BAD_FILE, "%s: element %" PRId64 " of sample %" PRId64 " is %g, not a finite number",
                      source->options.path, i, index, gan_shown(values[i]));
  memcpy(out, values, (size_t)elements * sizeof *out);
  return GAN_OK;
}

static int by_index(const void *left, const void *right) {
  const int64_t a = ((const wanted *)left)->index, b = ((const wanted *)right)->index;
  return (a > b) - (a < b);
}

/* state->order: what is asked for, by rising index. */
static gan_status sort_wanted(hdf5_state *state, const int64_t *indices, int64_t n) {
  if (state->order_rows < n) {
    free(state->order);
    state->order = NULL;
    state->order_rows = 0;
    GAN_TRY(gan_allocate((size_t)n, sizeof *state->order, "the order of reading", &state->order));
    state->order_rows = n;
  }
  for (int64_t i = 0; i < n; i++) state->order[i] = (wanted){indices[i], i};
  qsort(state->order, (size_t)n, sizeof *state->order, by_index);
  return GAN_OK;
}

static gan_status read_sorted(const gan_source *source, hdf5_state *state, int64_t n, float *out) {
  const wanted *order = state->order;
  for (int64_t begin = 0, end; begin < n; begin = end) {
    const int64_t first = order[begin].index;
    for (end = begin + 1; end < n; end++)
      if (order[end].index > order[end - 1].index + 1 || order[end].index - first >= state->piece_rows) break;
    GAN_TRY(read_piece(state, first, order[end - 1].index - first + 1));
    for (int64_t i = begin; i < end; i++)
      GAN_TRY(convert_row(source, state, order[i].index - first, order[i].index,
                          out + order[i].row * state->samples.rows.row_elements));
  }
  return GAN_OK;
}

static gan_status read_hdf5(gan_source *source, const int64_t *indices, int64_t n, float *out, int32_t *labels) {
  hdf5_state *state = source->state;
  GAN_TRY(sort_wanted(state, indices, n));
  const gan_hdf5_silence before = gan_hdf5_silence_begin();
  const gan_status status = read_sorted(source, state, n, out);
  gan_hdf5_silence_end(before);
  if (status == GAN_OK && labels && state->labels)
    for (int64_t i = 0; i < n; i++) labels[i] = state->labels[indices[i]];
  return status;
}

/* Path of the labels: data.labels, or "labels" in the group of the samples if there is such a thing; *name is owned by
   the caller, NULL when there are none. */
static gan_status find_labels(const gan_source *source, const hdf5_state *state, char **name) {
  static const char labels[] = "labels";
  *name = NULL;
  if (strcmp(source->options.labels, "none") == 0) return GAN_OK;
  if (source->options.labels[0] != '\0') return gan_duplicate(source->options.labels, name);
  const char *slash = strrchr(source->options.dataset, '/');
  const size_t group = slash ? (size_t)(slash - source->options.dataset) + 1 : 0;
  GAN_TRY(gan_allocate(group + sizeof labels, 1, "a name", name));
  memcpy(*name, source->options.dataset, group);
  memcpy(*name + group, labels, sizeof labels);
  if (H5Lexists(state->file, *name, H5P_DEFAULT) > 0) return GAN_OK;
  free(*name);
  *name = NULL;
  return GAN_OK;
}

static gan_status read_labels(gan_source *source, hdf5_state *state) {
  char *name;
  GAN_TRY(find_labels(source, state, &name));
  if (!name) return GAN_OK;
  const gan_status status =
      gan_hdf5_read_labels(state->file, source->options.path, name, state->samples.rows.size[0], &state->labels);
  free(name);
  if (status != GAN_OK) return status;
  for (int64_t i = 0; i < source->count; i++)
    if (state->labels[i] >= source->label_count) source->label_count = state->labels[i] + 1;
  return GAN_OK;
}

/* Shape, type, number, labels, and the bytes of some samples; reading all of a large file would take too long. */
static gan_status take_fingerprint(gan_source *source, hdf5_state *state) {
  const int64_t about[] = {source->count,         source->shape.rank,    source->shape.size[0],
                           source->shape.size[1], source->shape.size[2], state->samples.bytes};
  uint64_t hash = XXH3_64bits(about, sizeof about);
  if (state->labels) hash = XXH3_64bits_withSeed(state->labels, (size_t)source->count * sizeof *state->labels, hash);
  const int64_t looks = source->count < FINGERPRINT_SAMPLES ? source->count : FINGERPRINT_SAMPLES;
  for (int64_t look = 0; look < looks; look++) {
    GAN_TRY(read_piece(state, look * (source->count / looks), 1));
    hash = XXH3_64bits_withSeed(state->piece, (size_t)sample_bytes(state), hash);
  }
  source->fingerprint = hash;
  return GAN_OK;
}

/* (N, D) -> (D); (N, H, W) -> (1, H, W); (N, C, H, W) -> (C, H, W). */
static void set_shape(gan_source *source, const gan_hdf5_rows *rows) {
  const int64_t *size = rows->size;
  if (rows->rank == 2)
    source->shape = (gan_shape){.rank = 1, .size = {size[3]}};
  else
    source->shape = (gan_shape){.rank = 3, .size = {size[1], size[2], size[3]}};
}

static gan_status open_dataset(gan_source *source, hdf5_state *state) {
  const char *path = source->options.path;
  const gan_hdf5_rows *rows = &state->samples.rows;
  GAN_TRY(gan_hdf5_open_file(path, &state->file));
  GAN_TRY(gan_hdf5_open_samples(state->file, path, source->options.dataset, &state->samples));
  set_shape(source, rows);
  GAN_TRY(gan_source_limit(source, rows->size[0]));
  GAN_TRY(read_labels(source, state));
  state->piece_rows = PIECE_BYTES / sample_bytes(state);
  if (state->piece_rows > source->count) state->piece_rows = source->count;
  if (state->piece_rows < 1) state->piece_rows = 1;
  GAN_TRY(gan_allocate((size_t)state->piece_rows, (size_t)sample_bytes(state), "reading samples", &state->piece));
  /* Chunks in the cache are decoded when they are first met. */
  source->rank_bytes = (size_t)(state->piece_rows * sample_bytes(state)) +
                       (state->labels ? (size_t)source->count * sizeof *state->labels : 0) +
                       (size_t)(rows->cache_size * rows->chunk_bytes + 2 * rows->work_bytes);
  return take_fingerprint(source, state);
}

static gan_status open_hdf5(gan_source *source) {
  hdf5_state *state;
  hbool_t threadsafe = false;
  GAN_TRY(gan_allocate(1, sizeof *state, "the data source", &state));
  source->state = state;
  source->one_thread = H5is_library_threadsafe(&threadsafe) < 0 || !threadsafe;
  const gan_hdf5_silence before = gan_hdf5_silence_begin();
  const gan_status status = open_dataset(source, state);
  gan_hdf5_silence_end(before);
  return status;
}

static void close_hdf5(gan_source *source) {
  hdf5_state *state = source->state;
  if (!state) return;
  const gan_hdf5_silence before = gan_hdf5_silence_begin();
  gan_hdf5_rows_close(&state->samples.rows);
  if (state->file > 0) H5Fclose(state->file);
  gan_hdf5_silence_end(before);
  free(state->labels);
  free(state->piece);
  free(state->order);
  free(state);
}

const gan_source_type gan_source_hdf5 = {
    .name = "hdf5",
    .help =
        "uint8 images or float32 samples in a data set (data.dataset) of an HDF5 file (data.path), with labels "
        "(data.labels) if there are any",
    .open = open_hdf5,
    .read = read_hdf5,
    .close = close_hdf5,
    .fragile = true,
};
