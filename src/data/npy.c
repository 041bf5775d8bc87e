/* Samples in a file of NumPy: what other programs' generators write. Rows are read where they lie when they are asked
   for, so that a file may be larger than memory, and a rank reads its own samples only. Channels that are last in the
   file are turned round. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/advance.h"
#include "base/memory.h"
#include "base/number.h"
#include "data/npy_file.h"
#include "data/scale.h"
#include "data/source_types.h"

/* The fingerprint looks at so many samples, spread evenly. */
enum { FINGERPRINT_SAMPLES = 64 };

typedef struct npy_state {
  gan_npy_file file;           /* descriptor -1: not open */
  int64_t elements;            /* of a sample */
  int64_t positions, channels; /* of samples that are turned round; 0: they are not */
  void *row;                   /* one sample as it is in the file, */
  void *kept;                  /* and as uint8 or float32, channels first */
} npy_state;

static int64_t kept_bytes(const npy_state *state) { return state->file.type == GAN_NPY_UINT8 ? 1 : 4; }

/* Elements of the row, as float32. */
static gan_status to_floats(const gan_source *source, int64_t index, float *out) {
  const npy_state *state = source->state;
  for (int64_t i = 0; i < state->elements; i++) {
    const double value =
        state->file.type == GAN_NPY_FLOAT64 ? ((const double *)state->row)[i] : (double)((const float *)state->row)[i];
    out[i] = (float)value;
    if (isfinite(out[i])) continue;
    return gan_fail(GAN_BAD_FILE, "%s: element %" PRId64 " of sample %" PRId64 " is %g, %s", source->options.path, i,
                    index, gan_shown(value),
                    isfinite(value) ? "beyond float32's range (3.4e38): scale the data" : "not a finite float32");
  }
  return GAN_OK;
}

static gan_status read_row(const gan_source *source, int64_t index) {
  const npy_state *state = source->state;
  const int64_t bytes = state->elements * state->file.element_bytes;
  GAN_TRY(gan_npy_read(&state->file, source->options.path, state->file.data + index * bytes, bytes, state->row));
  gan_advance();
  return GAN_OK;
}

static gan_status read_sample(const gan_source *source, int64_t index, float *out) {
  const npy_state *state = source->state;
  const bool bytes = state->file.type == GAN_NPY_UINT8;
  const void *sample = bytes ? state->row : (const void *)out;
  GAN_TRY(read_row(source, index));
  if (!bytes) GAN_TRY(to_floats(source, index, out));
  if (state->positions > 0) {
    gan_axes_transpose(state->positions, state->channels, kept_bytes(state), sample, state->kept);
    sample = state->kept;
  }
  return gan_scale_sample(&source->options, index, bytes, state->elements, sample, out);
}

static gan_status read_npy(gan_source *source, const int64_t *indices, int64_t n, float *out, int32_t *labels) {
  (void)labels; /* there are none */
  const npy_state *state = source->state;
  for (int64_t i = 0; i < n; i++) GAN_TRY(read_sample(source, indices[i], out + i * state->elements));
  return GAN_OK;
}

static gan_status take_axes(gan_source *source, npy_state *state) {
  const gan_npy_file *file = &state->file;
  const char *path = source->options.path;
  GAN_TRY(gan_axes_choose(source->options.axes, path, file->dimensions, file->size, &source->axes));
  source->shape = gan_axes_shape(source->axes, file->size);
  state->elements = gan_shape_count(&source->shape);
  if (state->elements > GAN_SAMPLE_ELEMENTS_MAX)
    return gan_fail(GAN_BAD_FILE, "%s has samples of %" PRId64 " elements each; at most %" PRId64 " can be taken", path,
                    state->elements, GAN_SAMPLE_ELEMENTS_MAX);
  if (!gan_axes_channels_last(source->axes)) return GAN_OK;
  state->channels = source->shape.size[0];
  state->positions = state->elements / state->channels;
  return gan_allocate((size_t)state->elements, (size_t)kept_bytes(state), "a sample that is turned round",
                      &state->kept);
}

static gan_status take_fingerprint(gan_source *source, const npy_state *state) {
  const double scale[] = {source->options.minimum, source->options.maximum};
  const int64_t about[] = {source->count, state->file.type, source->shape.rank};
  const size_t bytes = (size_t)(state->elements * state->file.element_bytes);
  uint64_t hash = XXH3_64bits(about, sizeof about);
  hash = XXH3_64bits_withSeed(source->shape.size, sizeof source->shape.size, hash);
  hash = XXH3_64bits_withSeed(scale, sizeof scale, hash);
  const int64_t looks = source->count < FINGERPRINT_SAMPLES ? source->count : FINGERPRINT_SAMPLES;
  for (int64_t look = 0; look < looks; look++) {
    GAN_TRY(read_row(source, look * (source->count / looks)));
    hash = XXH3_64bits_withSeed(state->row, bytes, hash);
  }
  source->fingerprint = hash;
  return GAN_OK;
}

static gan_status open_npy(gan_source *source) {
  npy_state *state;
  GAN_TRY(gan_scale_check(&source->options));
  GAN_TRY(gan_allocate(1, sizeof *state, "the data source", &state));
  state->file.descriptor = -1;
  source->state = state;
  GAN_TRY(gan_npy_open(source->options.path, &state->file));
  GAN_TRY(take_axes(source, state));
  GAN_TRY(gan_source_limit(source, state->file.size[0]));
  GAN_TRY(gan_allocate((size_t)state->elements, (size_t)state->file.element_bytes, "a sample", &state->row));
  source->rank_bytes = (size_t)(state->elements * state->file.element_bytes);
  if (state->kept) source->rank_bytes += (size_t)(state->elements * kept_bytes(state));
  return take_fingerprint(source, state);
}

static void close_npy(gan_source *source) {
  npy_state *state = source->state;
  if (!state) return;
  gan_npy_close(&state->file);
  free(state->row);
  free(state->kept);
  free(state);
}

const gan_source_type gan_source_npy = {
    .name = "npy",
    .help = "images, volumes, series or vectors of a NumPy file (data.path), of uint8, float32 or float64",
    .open = open_npy,
    .read = read_npy,
    .close = close_npy,
    .keys = "data.path data.axes data.minimum data.maximum data.origin data.samples data.flip",
};
