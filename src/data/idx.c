/* IDX files of images (idx_file.h).

   The images are decoded once per host into memory that its ranks share, and stay bytes there; floats are made when
   samples are read. Every rank checks the headers by itself before (open), the filling rank reads the data (load). The
   shared block is: pixels (count, elements), labels (count) when there are any, then a block_tail with what only the
   filling rank can know. */
#include <inttypes.h>
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
#include "kernels/kernels.h"

enum { SCRATCH_BYTES = 1 << 16 };

typedef struct block_tail {
  uint64_t fingerprint;
  int64_t label_count;
} block_tail;

typedef struct idx_state {
  gan_idx_file images, labels; /* labels.path is NULL when there are none */
  gan_data_share share;
  uint8_t *block; /* owned through share.unshare, or free() when there is none */
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
  static const char images_name[] = "train-images-idx3-ubyte", labels_name[] = "train-labels-idx1-ubyte";
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
  return folder ? find_in_folder(options->path, labels_name, &state->labels.path) : GAN_OK;
}

static gan_status check_images(gan_source *source, const gan_idx_file *images) {
  GAN_TRY(gan_idx_check_images(images, &source->shape));
  return gan_source_limit(source, images->size[0]);
}

static int64_t pixel_bytes(const gan_source *source) { return source->count * gan_shape_count(&source->shape); }

static int64_t label_bytes(const gan_source *source) {
  const idx_state *state = source->state;
  return state->labels.path ? source->count : 0;
}

/* Of the block that the ranks of a host share. */
static size_t block_bytes(const gan_source *source) {
  return (size_t)(pixel_bytes(source) + label_bytes(source)) + sizeof(block_tail);
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
  source->host_bytes = block_bytes(source);
  if (!state->labels.path) return GAN_OK;
  GAN_TRY(gan_idx_open(&state->labels, NULL));
  return gan_idx_check_labels(&state->labels, &state->images);
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

/* Called on one rank of each host. */
static gan_status fill_block(void *context, void *memory, size_t bytes) {
  const gan_source *source = context;
  const idx_state *state = source->state;
  uint8_t *pixels = memory, *labels = pixels + pixel_bytes(source);
  const int64_t label_count = label_bytes(source);
  GAN_TRY(fill_from_file(&state->images, pixel_bytes(source), pixels));
  if (label_count > 0) GAN_TRY(fill_from_file(&state->labels, label_count, labels));
  /* The same bytes in another shape are other data. */
  const XXH64_hash_t shape = XXH3_64bits(source->shape.size, sizeof source->shape.size);
  const size_t content = (size_t)(pixel_bytes(source) + label_count);
  block_tail tail = {.fingerprint = XXH3_64bits_withSeed(pixels, content, shape + (label_count > 0))};
  for (int64_t i = 0; i < label_count; i++)
    if (labels[i] >= tail.label_count) tail.label_count = labels[i] + 1;
  memcpy(pixels + bytes - sizeof tail, &tail, sizeof tail);
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
  block_tail tail;
  memcpy(&tail, state->block + bytes - sizeof tail, sizeof tail);
  source->fingerprint = tail.fingerprint;
  source->label_count = (int)tail.label_count;
  return GAN_OK;
}

static gan_status read_idx(gan_source *source, const int64_t *indices, int64_t n, float *out, int32_t *labels) {
  const idx_state *state = source->state;
  const int64_t elements = gan_shape_count(&source->shape);
  for (int64_t i = 0; i < n; i++)
    gan_bytes_to_floats((size_t)elements, state->block + indices[i] * elements, out + i * elements);
  if (labels && source->label_count > 0) {
    const uint8_t *all = state->block + pixel_bytes(source);
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
        "(data.labels) if there are any",
    .open = open_idx,
    .load = load_idx,
    .read = read_idx,
    .close = close_idx,
};
