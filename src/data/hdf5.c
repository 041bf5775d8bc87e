/* Samples in a data set of an HDF5 file. A small one (data.memory) is read once per host, into memory that its ranks
   share, as what it is made of: bytes, or float32. Of a larger one nothing is kept but the labels: each read takes the
   samples asked for out of the file, in rising order so that neighbours come in one piece and a compressed chunk is
   inflated once, and puts them where they were asked for. So a data set may be larger than memory, and a rank reads its
   own samples only.

   Samples whose channels are last in the file are turned round as they are read. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/advance.h"
#include "base/memory.h"
#include "base/number.h"
#include "data/axes.h"
#include "data/hdf5_dataset.h"
#include "data/scale.h"
#include "data/source_types.h"
#include "data/weights.h"

/* Neighbouring samples are read in pieces of about this many bytes. */
static const int64_t PIECE_BYTES = (int64_t)4 << 20, MEBIBYTE = (int64_t)1 << 20;
/* The fingerprint looks at so many samples, spread evenly. */
enum { FINGERPRINT_SAMPLES = 64 };

/* A sample, and its row of the output. */
typedef struct wanted {
  int64_t index, row;
} wanted;

typedef struct hdf5_state {
  hid_t file; /* 0: not open, or no longer needed */
  gan_hdf5_samples samples;
  int64_t elements;    /* of a sample */
  int64_t value_bytes; /* of an element as it is read and kept: uint8 or float32 */
  int64_t positions;   /* of samples that are turned round, each with `channels`; 0: they are not */
  int64_t channels;
  uint16_t *labels; /* (N), or NULL */
  void *piece;      /* (piece_rows, elements), with room for either the file's or our own */
  void *turned;     /* one sample, turned round; NULL where none is */
  int64_t piece_rows;
  wanted *order; /* (order_rows) */
  int64_t order_rows;

  bool held; /* in memory, all of them */
  gan_data_share share;
  uint8_t *block; /* (N, elements) when held; owned through share.unshare, or free() when there is none */
} hdf5_state;

static int64_t sample_bytes(const hdf5_state *state) { return state->elements * state->value_bytes; }

static void turn_round(const hdf5_state *state, int64_t rows) {
  for (int64_t row = 0; row < rows; row++) {
    uint8_t *sample = (uint8_t *)state->piece + row * sample_bytes(state);
    gan_axes_transpose(state->positions, state->channels, state->value_bytes, sample, state->turned);
    memcpy(sample, state->turned, (size_t)sample_bytes(state));
  }
}

/* Samples first .. first+rows-1 (at most piece_rows) to state->piece, channels first. */
static gan_status read_piece(hdf5_state *state, int64_t first, int64_t rows) {
  const gan_status status = gan_hdf5_rows_read(
      &state->samples.rows, first, rows, state->samples.bytes ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT, state->piece);
  if (status == GAN_OK && state->positions > 0) turn_round(state, rows);
  gan_advance();
  return status;
}

/* What an element, which is not a finite float32, is in the file. Reads into the piece. */
static double value_in_file(hdf5_state *state, int64_t index, int64_t element, float value) {
  const gan_hdf5_rows *rows = &state->samples.rows;
  const bool turned = state->positions > 0;
  const int64_t place = turned ? element % state->positions * state->channels + element / state->positions : element;
  if (rows->element_bytes != (int64_t)sizeof(double)) return value;
  const gan_status status = gan_hdf5_rows_read(&state->samples.rows, index, 1, H5T_NATIVE_DOUBLE, state->piece);
  return status == GAN_OK ? ((const double *)state->piece)[place] : (double)value;
}

static gan_status check_finite(const gan_source *source, int64_t index, const float *values) {
  hdf5_state *state = source->state;
  for (int64_t i = 0; i < state->elements; i++) {
    if (isfinite(values[i])) continue;
    const double value = value_in_file(state, index, i, values[i]);
    return gan_fail(GAN_BAD_FILE, "%s: element %" PRId64 " of sample %" PRId64 " is %g, %s", source->options.path, i,
                    index, gan_shown(value),
                    isfinite(value) ? "beyond float32's range (3.4e38): scale the data" : "not a finite float32");
  }
  return GAN_OK;
}

static gan_status take_row(const gan_source *source, int64_t piece_row, int64_t index, float *out) {
  const hdf5_state *state = source->state;
  const void *sample = (const uint8_t *)state->piece + piece_row * sample_bytes(state);
  if (!state->samples.bytes) GAN_TRY(check_finite(source, index, sample));
  return gan_scale_sample(&source->options, index, state->samples.bytes, state->elements, sample, out);
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
      GAN_TRY(take_row(source, order[i].index - first, order[i].index, out + order[i].row * state->elements));
  }
  return GAN_OK;
}

static gan_status read_from_file(gan_source *source, const int64_t *indices, int64_t n, float *out) {
  hdf5_state *state = source->state;
  GAN_TRY(sort_wanted(state, indices, n));
  const gan_hdf5_silence before = gan_hdf5_silence_begin();
  const gan_status status = read_sorted(source, state, n, out);
  gan_hdf5_silence_end(before);
  return status;
}

static gan_status read_hdf5(gan_source *source, const int64_t *indices, int64_t n, float *out, int32_t *labels) {
  const hdf5_state *state = source->state;
  const bool in_memory = state->held && state->block;
  if (!in_memory) GAN_TRY(read_from_file(source, indices, n, out));
  for (int64_t i = 0; in_memory && i < n; i++)
    GAN_TRY(gan_scale_sample(&source->options, indices[i], state->samples.bytes, state->elements,
                             state->block + indices[i] * sample_bytes(state), out + i * state->elements));
  for (int64_t i = 0; labels && state->labels && i < n; i++) labels[i] = state->labels[indices[i]];
  return GAN_OK;
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

static gan_status read_weights(gan_source *source, const hdf5_state *state) {
  const char *path = source->options.path, *name = source->options.weights;
  char what[PATH_MAX + GAN_HDF5_NAME + 16];
  if (name[0] == '\0') return GAN_OK;
  GAN_TRY(gan_allocate((size_t)source->count, sizeof *source->weights, "the samples' weights", &source->weights));
  gan_status status =
      gan_hdf5_read_weights(state->file, path, name, state->samples.rows.size[0], source->count, source->weights);
  if (status != GAN_OK) return gan_fail_prefix(status, "data.weights: ");
  snprintf(what, sizeof what, "data.weights: %s: data set %s", path, name);
  return gan_weights_check(what, source->count, source->weights);
}

/* Shape, type, number, labels, and the bytes of some samples; reading all of a large file would take too long. */
static gan_status take_fingerprint(gan_source *source, hdf5_state *state) {
  const int64_t about[] = {source->count,         source->shape.rank,    source->shape.size[0],
                           source->shape.size[1], source->shape.size[2], state->samples.bytes};
  uint64_t hash = XXH3_64bits(about, sizeof about);
  if (source->shape.rank > 3) hash = XXH3_64bits_withSeed(source->shape.size, sizeof source->shape.size, hash);
  const double scale[] = {source->options.minimum, source->options.maximum};
  if (gan_scale_is_given(&source->options)) hash = XXH3_64bits_withSeed(scale, sizeof scale, hash);
  if (state->labels) hash = XXH3_64bits_withSeed(state->labels, (size_t)source->count * sizeof *state->labels, hash);
  const int64_t looks = source->count < FINGERPRINT_SAMPLES ? source->count : FINGERPRINT_SAMPLES;
  for (int64_t look = 0; look < looks; look++) {
    GAN_TRY(read_piece(state, look * (source->count / looks), 1));
    hash = XXH3_64bits_withSeed(state->piece, (size_t)sample_bytes(state), hash);
  }
  source->fingerprint = hash;
  return GAN_OK;
}

/* What the axes mean, and with it the shape of a sample. */
static gan_status take_axes(gan_source *source, hdf5_state *state) {
  const gan_hdf5_rows *rows = &state->samples.rows;
  int64_t size[GAN_HDF5_DIMENSIONS] = {rows->size[0]};
  const char *layout = source->options.axes;
  char what[PATH_MAX + GAN_HDF5_NAME + 16], named[GAN_AXES_TEXT];
  for (int i = 1; i < rows->rank; i++) size[i] = rows->size[GAN_HDF5_DIMENSIONS - rows->rank + i];
  snprintf(what, sizeof what, "%s: data set %s", source->options.path, rows->name);
  gan_hdf5_read_axes(rows, named);
  if (layout[0] == '\0' || strcmp(layout, "auto") == 0) layout = named;
  GAN_TRY(gan_axes_choose(layout, what, rows->rank, size, &source->axes));
  source->shape = gan_axes_shape(source->axes, size);
  state->elements = rows->row_elements;
  state->value_bytes = state->samples.bytes ? 1 : (int64_t)sizeof(float);
  if (!gan_axes_channels_last(source->axes)) return GAN_OK;
  state->channels = source->shape.size[0];
  state->positions = state->elements / state->channels;
  return gan_allocate((size_t)sample_bytes(state), 1, "a sample that is turned round", &state->turned);
}

static gan_status take_piece(const gan_source *source, hdf5_state *state) {
  const int64_t in_file = state->samples.rows.element_bytes;
  const int64_t room = state->elements * (in_file > state->value_bytes ? in_file : state->value_bytes);
  state->piece_rows = PIECE_BYTES / room;
  if (state->piece_rows > source->count) state->piece_rows = source->count;
  if (state->piece_rows < 1) state->piece_rows = 1;
  return gan_allocate((size_t)state->piece_rows, (size_t)room, "reading samples", &state->piece);
}

/* Of all samples, where they are held. */
static int64_t block_bytes(const gan_source *source) { return source->count * sample_bytes(source->state); }

/* What lasts: a file that is held is closed. Chunks in the cache are decoded when they are first met. */
static void plan_memory(gan_source *source, hdf5_state *state) {
  const gan_hdf5_rows *rows = &state->samples.rows;
  const int64_t wide = rows->element_bytes > state->value_bytes ? rows->element_bytes : state->value_bytes;
  state->held = source->count <= source->options.memory * MEBIBYTE / sample_bytes(state);
  source->rank_bytes = state->labels ? (size_t)source->count * sizeof *state->labels : 0;
  if (source->weights) source->rank_bytes += (size_t)source->count * sizeof *source->weights;
  if (state->held) {
    source->host_bytes = (size_t)block_bytes(source);
    source->one_thread = false;
    return;
  }
  source->rank_bytes += (size_t)(state->piece_rows * state->elements * wide) +
                        (size_t)(rows->cache_size * rows->chunk_bytes + 2 * rows->work_bytes);
}

static gan_status open_dataset(gan_source *source, hdf5_state *state) {
  const char *path = source->options.path;
  GAN_TRY(gan_scale_check(&source->options));
  GAN_TRY(gan_hdf5_open_file(path, &state->file));
  GAN_TRY(gan_hdf5_open_samples(state->file, path, source->options.dataset, &state->samples));
  GAN_TRY(take_axes(source, state));
  GAN_TRY(gan_source_limit(source, state->samples.rows.size[0]));
  GAN_TRY(read_labels(source, state));
  GAN_TRY(read_weights(source, state));
  GAN_TRY(take_piece(source, state));
  plan_memory(source, state);
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

/* Called on one rank of each host. */
static gan_status fill_block(void *context, void *memory, size_t bytes) {
  const gan_source *source = context;
  hdf5_state *state = source->state;
  (void)bytes;
  for (int64_t first = 0, rows; state->held && first < source->count; first += rows) {
    rows = source->count - first < state->piece_rows ? source->count - first : state->piece_rows;
    GAN_TRY(read_piece(state, first, rows));
    for (int64_t i = 0; i < rows && !state->samples.bytes; i++)
      GAN_TRY(check_finite(source, first + i, (const float *)state->piece + i * state->elements));
    memcpy((uint8_t *)memory + first * sample_bytes(state), state->piece, (size_t)(rows * sample_bytes(state)));
  }
  return GAN_OK;
}

static void let_go_of_file(hdf5_state *state) {
  gan_hdf5_rows_close(&state->samples.rows);
  if (state->file > 0) H5Fclose(state->file);
  state->file = 0;
  free(state->piece);
  free(state->turned);
  state->piece = state->turned = NULL;
}

/* Where a rank's file is another one than that of its host's first rank, so that it takes the block for larger than it
   is, their fingerprints differ, and nobody will read. Ranks that would hold a file and ranks that would not share all
   the same: the others would wait for ever. */
static gan_status load_block(gan_source *source, hdf5_state *state) {
  const size_t bytes = state->held ? (size_t)block_bytes(source) : 1;
  void *memory = NULL;
  if (state->share.share) {
    GAN_TRY(state->share.share(state->share.context, bytes, fill_block, source, &memory));
    state->block = memory;
    return GAN_OK;
  }
  if (!state->held) return GAN_OK;
  GAN_TRY(gan_allocate(bytes, 1, "the samples of data.path", &state->block));
  return fill_block(source, state->block, bytes);
}

static gan_status load_hdf5(gan_source *source, const gan_data_share *share) {
  hdf5_state *state = source->state;
  state->share = *share;
  const gan_hdf5_silence before = gan_hdf5_silence_begin();
  const gan_status status = load_block(source, state);
  if (status == GAN_OK && state->held) let_go_of_file(state);
  gan_hdf5_silence_end(before);
  return status;
}

static void close_hdf5(gan_source *source) {
  hdf5_state *state = source->state;
  if (!state) return;
  const gan_hdf5_silence before = gan_hdf5_silence_begin();
  let_go_of_file(state);
  gan_hdf5_silence_end(before);
  if (state->block && state->share.share)
    state->share.unshare(state->share.context, state->block);
  else
    free(state->block);
  free(state->labels);
  free(state->order);
  free(state);
}

const gan_source_type gan_source_hdf5 = {
    .name = "hdf5",
    .help =
        "images, volumes, series or vectors in a data set (data.dataset) of an HDF5 file (data.path), with labels "
        "(data.labels) and weights (data.weights) if there are any",
    .open = open_hdf5,
    .load = load_hdf5,
    .read = read_hdf5,
    .keys =
        "data.path data.labels data.weights data.dataset data.axes data.minimum data.maximum data.memory data.origin "
        "data.samples data.flip",
    .close = close_hdf5,
    .fragile = true,
};
