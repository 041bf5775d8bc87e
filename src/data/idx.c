/* IDX files of images, the format of MNIST and its kin: two zero bytes, a type code, the number of dimensions, the
   dimensions as big-endian 32-bit numbers, then the elements (http://yann.lecun.com/exdb/mnist/).

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
#include "data/source_types.h"
#include "kernels/kernels.h"

enum { DIMENSIONS_MAX = 4, TYPE_UBYTE = 0x08, SCRATCH_BYTES = 1 << 16 };

typedef struct idx_file {
  char *path;
  int dimensions;
  int64_t size[DIMENSIONS_MAX];
  int64_t header_bytes, data_bytes;
} idx_file;

typedef struct block_tail {
  uint64_t fingerprint;
  int64_t label_count;
} block_tail;

typedef struct idx_state {
  idx_file images, labels; /* labels.path is NULL when there are none */
  gan_data_share share;
  uint8_t *block; /* owned through share.unshare, or free() when there is none */
} idx_state;

static const char *type_name(uint8_t code) {
  switch (code) {
    case 0x09:
      return "int8";
    case 0x0b:
      return "int16";
    case 0x0c:
      return "int32";
    case 0x0d:
      return "float32";
    case 0x0e:
      return "float64";
    default:
      return "unknown";
  }
}

static gan_status check_magic(const idx_file *file, const uint8_t magic[4]) {
  if (magic[0] != 0 || magic[1] != 0)
    return gan_fail(GAN_BAD_FILE, "%s is not an IDX file: it starts with bytes %02x %02x %02x %02x, not 00 00",
                    file->path, magic[0], magic[1], magic[2], magic[3]);
  if (magic[2] != TYPE_UBYTE)
    return gan_fail(GAN_BAD_FILE, "%s has elements of type %s (code 0x%02x); only unsigned bytes (0x08) can be read",
                    file->path, type_name(magic[2]), magic[2]);
  return GAN_OK;
}

/* The product of the dimensions, each of which has to be at least 1. */
static gan_status multiply_sizes(idx_file *file) {
  file->data_bytes = 1;
  for (int i = 0; i < file->dimensions; i++) {
    if (file->size[i] == 0) return gan_fail(GAN_BAD_FILE, "%s holds nothing: dimension %d is 0", file->path, i);
    if (__builtin_mul_overflow(file->data_bytes, file->size[i], &file->data_bytes))
      return gan_fail(GAN_BAD_FILE, "%s: the dimensions in its header multiply to more than any file holds",
                      file->path);
  }
  return GAN_OK;
}

static gan_status read_exactly(gan_byte_stream *stream, const idx_file *file, int64_t bytes, void *out) {
  int64_t got;
  GAN_TRY(gan_byte_stream_read(stream, bytes, out, &got));
  if (got == bytes) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "%s is cut short: %" PRId64 " bytes are missing", file->path, bytes - got);
}

static gan_status read_header(gan_byte_stream *stream, idx_file *file) {
  uint8_t magic[4], words[4 * DIMENSIONS_MAX];
  GAN_TRY(read_exactly(stream, file, sizeof magic, magic));
  GAN_TRY(check_magic(file, magic));
  file->dimensions = magic[3];
  if (file->dimensions < 1 || file->dimensions > DIMENSIONS_MAX)
    return gan_fail(GAN_BAD_FILE,
                    "%s has %d dimensions; images have 3 (n, height, width) or 4 (n, channels, height, width)",
                    file->path, file->dimensions);
  file->header_bytes = 4 + 4 * file->dimensions;
  GAN_TRY(read_exactly(stream, file, 4 * file->dimensions, words));
  for (int i = 0; i < file->dimensions; i++) {
    const uint8_t *word = words + 4 * i;
    file->size[i] = (int64_t)word[0] << 24 | word[1] << 16 | word[2] << 8 | word[3];
  }
  GAN_TRY(multiply_sizes(file));
  int64_t total;
  if (__builtin_add_overflow(file->data_bytes, file->header_bytes, &total)) total = INT64_MAX;
  return gan_byte_stream_check_claim(stream, total);
}

/* Reads and checks the header of file->path; the stream, when asked for, stands behind it and is the caller's. */
static gan_status open_file(idx_file *file, gan_byte_stream **stream) {
  gan_byte_stream *opened;
  GAN_TRY(gan_byte_stream_open(file->path, &opened));
  const gan_status status = read_header(opened, file);
  if (status == GAN_OK && stream)
    *stream = opened;
  else
    gan_byte_stream_close(opened);
  return status;
}

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

static gan_status check_images(gan_source *source, const idx_file *images) {
  if (images->dimensions < 3)
    return gan_fail(GAN_BAD_FILE,
                    "%s has %d dimensions; images have 3 (n, height, width) or 4 (n, channels, height, width)%s",
                    images->path, images->dimensions, images->dimensions == 1 ? "; labels go to data.labels" : "");
  const bool channels = images->dimensions == 4;
  source->shape = (gan_shape){.rank = 3,
                              .size = {channels ? images->size[1] : 1, images->size[images->dimensions - 2],
                                       images->size[images->dimensions - 1]}};
  /* No overflow: the product with the number of images has been checked. */
  const int64_t elements = gan_shape_count(&source->shape);
  if (elements > GAN_SAMPLE_ELEMENTS_MAX)
    return gan_fail(GAN_BAD_FILE, "%s has images of %" PRId64 " elements each; at most %" PRId64 " can be trained on",
                    images->path, elements, GAN_SAMPLE_ELEMENTS_MAX);
  return gan_source_limit(source, images->size[0]);
}

static gan_status check_labels(const idx_file *labels, const idx_file *images) {
  if (labels->dimensions != 1)
    return gan_fail(GAN_BAD_FILE, "%s has %d dimensions; a file of labels has 1", labels->path, labels->dimensions);
  if (labels->size[0] != images->size[0])
    return gan_fail(GAN_BAD_FILE, "%s has %" PRId64 " labels for the %" PRId64 " images of %s", labels->path,
                    labels->size[0], images->size[0], images->path);
  return GAN_OK;
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
  GAN_TRY(open_file(&state->images, NULL));
  GAN_TRY(check_images(source, &state->images));
  source->host_bytes = block_bytes(source);
  if (!state->labels.path) return GAN_OK;
  GAN_TRY(open_file(&state->labels, NULL));
  return check_labels(&state->labels, &state->images);
}

/* Reads to the file's end, throwing away: a file that is damaged behind the samples in use is damaged. */
static gan_status skip(gan_byte_stream *stream, const idx_file *file, int64_t bytes) {
  uint8_t scratch[SCRATCH_BYTES];
  while (bytes > 0) {
    const int64_t piece = bytes < SCRATCH_BYTES ? bytes : SCRATCH_BYTES;
    GAN_TRY(read_exactly(stream, file, piece, scratch));
    bytes -= piece;
  }
  return gan_byte_stream_expect_end(stream);
}

/* The first `bytes` bytes of the file's elements to `out`, after a look whether the file still is what it was. */
static gan_status fill_from_file(const idx_file *file, int64_t bytes, uint8_t *out) {
  idx_file now = {.path = file->path};
  gan_byte_stream *stream = NULL;
  GAN_TRY(open_file(&now, &stream));
  gan_status status = GAN_OK;
  if (now.dimensions != file->dimensions || memcmp(now.size, file->size, sizeof now.size) != 0)
    status = gan_fail(GAN_BAD_FILE, "%s has changed while it was being read", file->path);
  if (status == GAN_OK) status = read_exactly(stream, file, bytes, out);
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
