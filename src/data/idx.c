/* IDX files of images (idx_file.h).

   The images are decoded once per host into memory that its ranks share, and stay bytes there; floats are made when
   samples are read. Every rank checks the headers by itself before (open), the filling rank reads the data (load). The
   shared block is: a block_head with what only the filling rank can know, pixels (count, elements), labels (count) when
   there are any. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/memory.h"
#include "data/byte_stream.h"
#include "data/idx_file.h"
#include "data/source_types.h"
#include "data/weights.h"
#include "kernels/kernels.h"

enum { SCRATCH_BYTES = 1 << 16 };

typedef struct block_head {
  int64_t content; /* bytes behind the head */
  uint64_t shape;  /* hash of a sample's */
  uint64_t fingerprint, pixel_fingerprint;
  int64_t label_count;
} block_head;

typedef struct idx_state {
  gan_idx_file images, labels; /* labels.path is NULL when there are none */
  gan_data_share share;
  bool found_labels; /* beside a file of images that was named alone: earlier versions did without them */
  uint8_t *block;    /* owned through share.unshare, or free() when there is none */
} idx_state;

/* FOLDER/NAME or FOLDER/NAME.gz, whichever exists; NULL in *path when neither does. */
static gan_status find_in_folder(const char *folder, const char *name, char **path) {
  static const char *const endings[] = {"", ".gz"};
  const size_t bytes = strlen(folder) + strlen(name) + sizeof "/.gz";
  GAN_TRY(gan_allocate(bytes, 1, "a path", path));
  for (int i = 0; i < 2; i++) {
    snprintf(*path, bytes, "%s/%s%s", folder, name, endings[i]);
    if (access(*path, F_OK) == 0) return GAN_OK;
  }
  free(*path);
  *path = NULL;
  return GAN_OK;
}

/* Sets the paths of both files from data.path and data.labels. */
static gan_status find_files(const gan_data_options *options, idx_state *state) {
  static const char images_name[] = GAN_IDX_IMAGES, labels_name[] = "train-labels-idx1-ubyte";
  struct stat about;
  const bool folder = stat(options->path, &about) == 0 && S_ISDIR(about.st_mode);
  if (folder) {
    GAN_TRY(find_in_folder(options->path, images_name, &state->images.path));
    if (!state->images.path)
      return gan_fail(GAN_BAD_FILE, "data.path: the folder %s has neither %s nor %s.gz in it; name the file of images",
                      options->path, images_name, images_name);
  } else {
    GAN_TRY(gan_duplicate(options->path, &state->images.path));
  }
  if (strcmp(options->labels, "none") == 0) return GAN_OK;
  if (options->labels[0] != '\0') return gan_duplicate(options->labels, &state->labels.path);
  if (folder) return find_in_folder(options->path, labels_name, &state->labels.path);
  GAN_TRY(gan_idx_find_labels(options->path, &state->labels.path));
  state->found_labels = state->labels.path != NULL;
  return GAN_OK;
}

/* Without data.axes: three dimensions are images, whatever their sizes; four are (N, C, H, W), as convert takes them,
   unless only the last one can be the channels. */
static gan_status choose_axes(gan_source *source, const gan_idx_file *images) {
  const char *wanted = source->options.axes;
  const int64_t *size = images->size;
  const bool guess = wanted[0] == '\0' || strcmp(wanted, "auto") == 0;
  if (!guess) return gan_axes_choose(wanted, images->path, images->dimensions, size, &source->axes);
  if (images->dimensions == 3) return gan_axes_choose("NHW", images->path, 3, size, &source->axes);
  if (gan_axes_choose("auto", images->path, 4, size, &source->axes) == GAN_OK) return GAN_OK;
  gan_error_set("");
  return gan_axes_choose("NCHW", images->path, 4, size, &source->axes);
}

static gan_status check_images(gan_source *source, const gan_idx_file *images) {
  GAN_TRY(gan_idx_check_images(images, &source->shape));
  GAN_TRY(choose_axes(source, images));
  source->shape = gan_axes_shape(source->axes, images->size);
  return gan_source_limit(source, images->size[0]);
}

static int64_t pixel_bytes(const gan_source *source) { return source->count * gan_shape_count(&source->shape); }

static int64_t label_bytes(const gan_source *source) {
  const idx_state *state = source->state;
  return state->labels.path ? source->count : 0;
}

/* Of the block that the ranks of a host share. */
static size_t block_bytes(const gan_source *source) {
  return sizeof(block_head) + (size_t)(pixel_bytes(source) + label_bytes(source));
}

static gan_status read_weights(gan_source *source, const gan_idx_file *images) {
  const char *path = source->options.weights;
  char what[PATH_MAX + 16];
  if (path[0] == '\0') return GAN_OK;
  source->rank_bytes = (size_t)source->count * sizeof *source->weights;
  GAN_TRY(gan_allocate((size_t)source->count, sizeof *source->weights, "the samples' weights", &source->weights));
  const gan_status status = gan_idx_read_weights(path, images, source->count, source->weights);
  if (status != GAN_OK) return gan_fail_prefix(status, "data.weights: ");
  snprintf(what, sizeof what, "data.weights: %s", path);
  return gan_weights_check(what, source->count, source->weights);
}

static gan_status open_idx(gan_source *source) {
  idx_state *state;
  if (source->options.path[0] == '\0')
    return gan_fail(GAN_BAD_USAGE, "data.path: data.source idx reads a file of images, or a folder with one; name it");
  GAN_TRY(gan_allocate(1, sizeof *state, "the data source", &state));
  source->state = state;
  GAN_TRY(find_files(&source->options, state));
  GAN_TRY(gan_idx_open(&state->images, NULL));
  GAN_TRY(check_images(source, &state->images));
  GAN_TRY(read_weights(source, &state->images));
  source->host_bytes = block_bytes(source);
  if (!state->labels.path) return GAN_OK;
  const gan_status status = gan_idx_open(&state->labels, NULL);
  return gan_fail_labels(status == GAN_OK ? gan_idx_check_labels(&state->labels, &state->images) : status);
}

/* Reads to the file's end, throwing away: a file that is damaged behind the samples in use is damaged. */
static gan_status skip(gan_byte_stream *stream, const gan_idx_file *file, int64_t bytes) {
  uint8_t scratch[SCRATCH_BYTES];
  while (bytes > 0) {
    const int64_t piece = bytes < SCRATCH_BYTES ? bytes : SCRATCH_BYTES;
    GAN_TRY(gan_idx_read(stream, file, piece, scratch));
    bytes -= piece;
  }
  return gan_byte_stream_expect_end(stream);
}

/* The first `bytes` bytes of the file's elements to `out`, after a look whether the file still is what it was. */
static gan_status fill_from_file(const gan_idx_file *file, int64_t bytes, uint8_t *out) {
  gan_idx_file now = {.path = file->path};
  gan_byte_stream *stream = NULL;
  GAN_TRY(gan_idx_open(&now, &stream));
  gan_status status = GAN_OK;
  if (now.dimensions != file->dimensions || memcmp(now.size, file->size, sizeof now.size) != 0)
    status = gan_fail(GAN_BAD_FILE, "%s has changed while it was being read", file->path);
  if (status == GAN_OK) status = gan_idx_read(stream, file, bytes, out);
  if (status == GAN_OK) status = skip(stream, file, file->data_bytes - bytes);
  gan_byte_stream_close(stream);
  return status;
}

/* Samples whose channels are last in the file: channels first. */
static gan_status turn_round(const gan_source *source, uint8_t *pixels) {
  const int64_t elements = gan_shape_count(&source->shape), channels = source->shape.size[0];
  uint8_t *sample = NULL;
  if (!gan_axes_channels_last(source->axes)) return GAN_OK;
  GAN_TRY(gan_allocate((size_t)elements, 1, "an image", &sample));
  for (int64_t i = 0; i < source->count; i++) {
    memcpy(sample, pixels + i * elements, (size_t)elements);
    gan_axes_transpose(elements / channels, channels, 1, sample, pixels + i * elements);
  }
  free(sample);
  return GAN_OK;
}

/* The same bytes in another shape are other data. */
static XXH64_hash_t hash_shape(const gan_source *source) {
  return XXH3_64bits(source->shape.size, sizeof source->shape.size);
}

/* Called on one rank of each host. */
static gan_status fill_block(void *context, void *memory, size_t bytes) {
  const gan_source *source = context;
  const idx_state *state = source->state;
  uint8_t *pixels = (uint8_t *)memory + sizeof(block_head), *labels = pixels + pixel_bytes(source);
  const int64_t label_count = label_bytes(source);
  const size_t content = bytes - sizeof(block_head);
  const XXH64_hash_t shape = hash_shape(source);
  GAN_TRY(fill_from_file(&state->images, pixel_bytes(source), pixels));
  GAN_TRY(turn_round(source, pixels));
  if (label_count > 0) GAN_TRY(fill_from_file(&state->labels, label_count, labels));
  block_head head = {.content = (int64_t)content,
                     .shape = shape,
                     .fingerprint = XXH3_64bits_withSeed(pixels, content, shape + (label_count > 0)),
                     .pixel_fingerprint = XXH3_64bits_withSeed(pixels, (size_t)pixel_bytes(source), shape)};
  for (int64_t i = 0; i < label_count; i++)
    if (labels[i] >= head.label_count) head.label_count = labels[i] + 1;
  memcpy(memory, &head, sizeof head);
  return GAN_OK;
}

static gan_status load_idx(gan_source *source, const gan_data_share *share) {
  idx_state *state = source->state;
  const size_t bytes = block_bytes(source);
  void *memory = NULL;
  state->share = *share;
  if (share->share) {
    GAN_TRY(share->share(share->context, bytes, fill_block, source, &memory));
    state->block = memory;
  } else {
    GAN_TRY(gan_allocate(bytes, 1, "the images of data.path", &state->block));
    GAN_TRY(fill_block(source, state->block, bytes));
  }
  block_head head;
  memcpy(&head, state->block, sizeof head);
  /* A rank whose file is not that of its host's first rank: its fingerprint says so, and nobody will read. */
  const bool alike = head.content == (int64_t)(bytes - sizeof head) && head.shape == hash_shape(source);
  source->fingerprint = alike ? head.fingerprint : ~head.fingerprint;
  source->earlier_fingerprint = state->found_labels ? head.pixel_fingerprint : head.fingerprint;
  source->label_count = (int)head.label_count;
  return GAN_OK;
}

static gan_status read_idx(gan_source *source, const int64_t *indices, int64_t n, float *out, int32_t *labels) {
  const idx_state *state = source->state;
  const int64_t elements = gan_shape_count(&source->shape);
  const uint8_t *pixels = state->block + sizeof(block_head);
  for (int64_t i = 0; i < n; i++)
    gan_bytes_to_floats((size_t)elements, pixels + indices[i] * elements, out + i * elements);
  if (labels && source->label_count > 0) {
    const uint8_t *all = pixels + pixel_bytes(source);
    for (int64_t i = 0; i < n; i++) labels[i] = all[indices[i]];
  }
  return GAN_OK;
}

static void close_idx(gan_source *source) {
  idx_state *state = source->state;
  if (!state) return;
  if (state->block && state->share.share)
    state->share.unshare(state->share.context, state->block);
  else
    free(state->block);
  free(state->images.path);
  free(state->labels.path);
  free(state);
}

const gan_source_type gan_source_idx = {
    .name = "idx",
    .help =
        "images of an IDX file, plain or gzip (data.path: the file, or a folder as of MNIST), with labels "
        "(data.labels) and weights (data.weights) if there are any",
    .open = open_idx,
    .load = load_idx,
    .read = read_idx,
    .keys = "data.path data.labels data.weights data.axes data.origin data.samples data.flip",
    .close = close_idx,
};
