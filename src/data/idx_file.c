#include "data/idx_file.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/float_bits.h"
#include "base/memory.h"
#include "data/source_types.h"

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

bool gan_idx_begins(const char *path) {
  unsigned char start[2] = {0xff, 0xff};
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  const bool whole = fread(start, 1, sizeof start, file) == sizeof start;
  fclose(file);
  return whole && ((start[0] == 0 && start[1] == 0) || (start[0] == 0x1f && start[1] == 0x8b));
}

bool gan_idx_in_folder(const char *path) {
  static const char *const names[] = {GAN_IDX_IMAGES, GAN_IDX_IMAGES ".gz"};
  char file[PATH_MAX];
  for (int i = 0; i < 2; i++)
    if (snprintf(file, sizeof file, "%s/%s", path, names[i]) < (int)sizeof file && access(file, F_OK) == 0) return true;
  return false;
}

/* 0: cannot be read. */
static int element_bytes(const gan_idx_file *file, uint8_t code) {
  if (code == GAN_IDX_UBYTE) return 1;
  if (!file->numbers) return 0;
  return code == GAN_IDX_FLOAT32 ? 4 : code == GAN_IDX_FLOAT64 ? 8 : 0;
}

static gan_status check_magic(const gan_idx_file *file, const uint8_t magic[4]) {
  if (memcmp(magic, "\211HDF", 4) == 0)
    return gan_fail(GAN_BAD_FILE, "%s is an HDF5 file, which data.source = hdf5 reads, not an IDX file", file->path);
  if (magic[0] != 0 || magic[1] != 0)
    return gan_fail(GAN_BAD_FILE, "%s is not an IDX file: it starts with bytes %02x %02x %02x %02x, not 00 00",
                    file->path, magic[0], magic[1], magic[2], magic[3]);
  if (element_bytes(file, magic[2]) == 0)
    return gan_fail(GAN_BAD_FILE, "%s has elements of type %s (code 0x%02x); only unsigned bytes (0x08)%s can be read",
                    file->path, type_name(magic[2]), magic[2],
                    file->numbers ? ", float32 (0x0d) and float64 (0x0e)" : "");
  return GAN_OK;
}

/* The product of the dimensions, each of which has to be at least 1, and of an element's bytes. */
static gan_status multiply_sizes(gan_idx_file *file) {
  file->data_bytes = file->element_bytes;
  for (int i = 0; i < file->dimensions; i++) {
    if (file->size[i] == 0) return gan_fail(GAN_BAD_FILE, "%s holds nothing: dimension %d is 0", file->path, i);
    if (__builtin_mul_overflow(file->data_bytes, file->size[i], &file->data_bytes))
      return gan_fail(GAN_BAD_FILE, "%s: the dimensions in its header multiply to more than any file holds",
                      file->path);
  }
  return GAN_OK;
}

gan_status gan_idx_read(gan_byte_stream *stream, const gan_idx_file *file, int64_t bytes, void *out) {
  int64_t got;
  GAN_TRY(gan_byte_stream_read(stream, bytes, out, &got));
  if (got == bytes) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "%s is cut short: %" PRId64 " bytes are missing", file->path, bytes - got);
}

static gan_status read_header(gan_byte_stream *stream, gan_idx_file *file) {
  uint8_t magic[4], words[4 * GAN_IDX_DIMENSIONS];
  GAN_TRY(gan_idx_read(stream, file, sizeof magic, magic));
  GAN_TRY(check_magic(file, magic));
  file->type = magic[2];
  file->element_bytes = element_bytes(file, magic[2]);
  file->dimensions = magic[3];
  if (file->dimensions < 1 || file->dimensions > GAN_IDX_DIMENSIONS)
    return gan_fail(GAN_BAD_FILE,
                    "%s has %d dimensions; images have 3 (n, height, width) or 4 (n, channels, height, width)",
                    file->path, file->dimensions);
  file->header_bytes = 4 + 4 * file->dimensions;
  GAN_TRY(gan_idx_read(stream, file, 4 * file->dimensions, words));
  for (int i = 0; i < file->dimensions; i++) {
    const uint8_t *word = words + 4 * i;
    file->size[i] = (int64_t)word[0] << 24 | word[1] << 16 | word[2] << 8 | word[3];
  }
  GAN_TRY(multiply_sizes(file));
  int64_t total;
  if (__builtin_add_overflow(file->data_bytes, file->header_bytes, &total)) total = INT64_MAX;
  return gan_byte_stream_check_claim(stream, total);
}

gan_status gan_idx_open(gan_idx_file *file, gan_byte_stream **stream) {
  gan_byte_stream *opened;
  GAN_TRY(gan_byte_stream_open(file->path, &opened));
  const gan_status status = read_header(opened, file);
  if (status == GAN_OK && stream)
    *stream = opened;
  else
    gan_byte_stream_close(opened);
  return status;
}

gan_status gan_idx_check_images(const gan_idx_file *images, gan_shape *shape) {
  if (images->dimensions < 3)
    return gan_fail(GAN_BAD_FILE,
                    "%s has %d dimension%s; images have 3 (n, height, width) or 4 (n, channels, height, width)%s",
                    images->path, images->dimensions, images->dimensions == 1 ? "" : "s",
                    images->dimensions == 1 ? "; labels go to data.labels" : "");
  const bool channels = images->dimensions == 4;
  *shape = (gan_shape){.rank = 3,
                       .size = {channels ? images->size[1] : 1, images->size[images->dimensions - 2],
                                images->size[images->dimensions - 1]}};
  /* No overflow: the product with the number of images has been checked. */
  const int64_t elements = gan_shape_count(shape);
  if (elements > GAN_SAMPLE_ELEMENTS_MAX)
    return gan_fail(GAN_BAD_FILE, "%s has images of %" PRId64 " elements each; at most %" PRId64 " can be trained on",
                    images->path, elements, GAN_SAMPLE_ELEMENTS_MAX);
  return GAN_OK;
}

/* Replaces the last `old` in the text, at or behind `from`, by `new`, which is as long. */
static bool replace_last(char *text, size_t from, const char *old, const char *new) {
  char *last = NULL;
  for (char *found = text + from; (found = strstr(found, old)); found++) last = found;
  if (last) memcpy(last, new, strlen(new));
  return last != NULL;
}

gan_status gan_idx_find_labels(const char *images, char **labels) {
  const size_t length = strlen(images);
  const char *slash = strrchr(images, '/');
  const size_t name = slash ? (size_t)(slash + 1 - images) : 0;
  char *path = NULL;
  *labels = NULL;
  GAN_TRY(gan_allocate(length + sizeof ".gz", 1, "a path", &path));
  memcpy(path, images, length + 1);
  bool found = replace_last(path, name, "images", "labels");
  if (found && !replace_last(path, name, "idx3", "idx1")) replace_last(path, name, "idx4", "idx1");
  if (length > 3 && strcmp(path + length - 3, ".gz") == 0) path[length - 3] = '\0';
  if (found && access(path, F_OK) != 0) {
    strcat(path, ".gz");
    found = access(path, F_OK) == 0;
  }
  if (found)
    *labels = path;
  else
    free(path);
  return GAN_OK;
}

/* `what`: "label". */
static gan_status check_list(const gan_idx_file *list, const gan_idx_file *images, const char *what) {
  if (list->dimensions != 1)
    return gan_fail(GAN_BAD_FILE, "%s has %d dimensions; a file of %ss has 1", list->path, list->dimensions, what);
  if (list->size[0] != images->size[0])
    return gan_fail(GAN_BAD_FILE, "%s has %" PRId64 " %s%s for the %" PRId64 " image%s of %s", list->path,
                    list->size[0], what, list->size[0] == 1 ? "" : "s", images->size[0],
                    images->size[0] == 1 ? "" : "s", images->path);
  return GAN_OK;
}

gan_status gan_idx_check_labels(const gan_idx_file *labels, const gan_idx_file *images) {
  return check_list(labels, images, "label");
}

/* Big-endian. */
static float number_of_bytes(const uint8_t *bytes, int type) {
  uint64_t bits = 0;
  double number;
  if (type == GAN_IDX_UBYTE) return bytes[0];
  for (int i = 0; i < (type == GAN_IDX_FLOAT32 ? 4 : 8); i++) bits = bits << 8 | bytes[i];
  if (type == GAN_IDX_FLOAT32) return float_of_bits((uint32_t)bits);
  memcpy(&number, &bits, sizeof number);
  return (float)number;
}

/* All of the file: one that is damaged behind the weights in use is damaged. */
static gan_status read_weights(gan_byte_stream *stream, const gan_idx_file *file, int64_t count, float *weights) {
  uint8_t element[sizeof(double)];
  for (int64_t i = 0; i < file->size[0]; i++) {
    GAN_TRY(gan_idx_read(stream, file, file->element_bytes, element));
    if (i < count) weights[i] = number_of_bytes(element, file->type);
  }
  return gan_byte_stream_expect_end(stream);
}

gan_status gan_idx_read_weights(const char *path, const gan_idx_file *images, int64_t count, float *weights) {
  gan_idx_file file = {.numbers = true};
  gan_byte_stream *stream = NULL;
  GAN_TRY(gan_duplicate(path, &file.path));
  gan_status status = gan_idx_open(&file, &stream);
  if (status == GAN_OK) status = check_list(&file, images, "weight");
  if (status == GAN_OK) status = read_weights(stream, &file, count, weights);
  gan_byte_stream_close(stream);
  free(file.path);
  return status;
}
