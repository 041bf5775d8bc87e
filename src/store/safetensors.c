/* See safetensors.h. */
#include "store/safetensors.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/float_bits.h"
#include "base/memory.h"
#include "store/output.h"

enum { LENGTH_BYTES = 8, JSON_DEPTH = 4 };

struct gan_safetensors {
  char *path;
  int descriptor;
  uint64_t file_bytes;
  uint64_t data; /* where elements begin */
  struct json_object *header;
  size_t count;
  gan_safetensor *tensors;
};

/* --- Elements --- */

static uint64_t bits_of(const uint8_t *bytes, int count) {
  uint64_t bits = 0;
  for (int i = count - 1; i >= 0; i--) bits = bits << 8 | bytes[i];
  return bits;
}

static float from_f32(const uint8_t *bytes) { return float_of_bits((uint32_t)bits_of(bytes, 4)); }
static float from_bf16(const uint8_t *bytes) { return float_of_bits((uint32_t)bits_of(bytes, 2) << 16); }

static float from_f64(const uint8_t *bytes) {
  const uint64_t bits = bits_of(bytes, 8);
  double value;
  memcpy(&value, &bits, sizeof value);
  return (float)value;
}

/* IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of fraction. Subnormal ones are fraction * 2^-24. */
static float from_f16(const uint8_t *bytes) {
  const uint32_t bits = (uint32_t)bits_of(bytes, 2), sign = (bits & 0x8000u) << 16;
  const uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
  if (exponent == 31) return float_of_bits(sign | 0x7f800000u | fraction << 13);
  if (exponent > 0) return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
  const float small = (float)fraction * 0x1p-24f;
  return sign ? -small : small;
}

/* The format's types; those without a function are no weights of this program's layers. */
static const struct element_type {
  const char *name;
  int bytes;
  float (*read)(const uint8_t *bytes);
} element_types[] = {
    {"F32", 4, from_f32}, {"F16", 2, from_f16}, {"BF16", 2, from_bf16}, {"F64", 8, from_f64}, {"I64", 8, NULL},
    {"U64", 8, NULL},     {"I32", 4, NULL},     {"U32", 4, NULL},       {"I16", 2, NULL},     {"U16", 2, NULL},
    {"I8", 1, NULL},      {"U8", 1, NULL},      {"BOOL", 1, NULL},      {"F8_E4M3", 1, NULL}, {"F8_E5M2", 1, NULL},
};

static const struct element_type *type_of(const char *name) {
  for (size_t i = 0; i < sizeof element_types / sizeof *element_types; i++)
    if (strcmp(element_types[i].name, name) == 0) return &element_types[i];
  return NULL;
}

/* --- The header --- */

static gan_status fail_tensor(const gan_safetensors *file, const char *name, const char *why) {
  return gan_fail(GAN_BAD_FILE, "%s: tensor %.80s %s; the file is damaged, or no safetensors", file->path, name, why);
}

static gan_status read_bytes(const gan_safetensors *file, uint64_t offset, size_t bytes, void *to) {
  uint8_t *next = to;
  while (bytes > 0) {
    const ssize_t got = pread(file->descriptor, next, bytes, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return gan_fail_read(file->path, errno);
    if (got == 0) return gan_fail(GAN_BAD_FILE, "%s is cut short: %zu bytes are missing", file->path, bytes);
    next += got;
    offset += (uint64_t)got;
    bytes -= (size_t)got;
  }
  return GAN_OK;
}

/* A whole number from `least` to what a file can have. */
static bool get_size(struct json_object *value, int64_t least, int64_t *size) {
  if (!value || !json_object_is_type(value, json_type_int)) return false;
  *size = json_object_get_int64(value);
  return *size >= least && *size < INT64_MAX;
}

static struct json_object *get_list(struct json_object *entry, const char *name) {
  struct json_object *list = NULL;
  if (!json_object_object_get_ex(entry, name, &list) || !json_object_is_type(list, json_type_array)) return NULL;
  return list;
}

static gan_status take_shape(const gan_safetensors *file, struct json_object *entry, gan_safetensor *tensor) {
  struct json_object *list = get_list(entry, "shape");
  if (!list) return fail_tensor(file, tensor->name, "has no shape");
  const size_t rank = json_object_array_length(list);
  if (rank > GAN_SHAPE_RANK)
    return gan_fail(GAN_BAD_FILE, "%s: tensor %.80s has %zu dimensions, and no layer has more than %d", file->path,
                    tensor->name, rank, GAN_SHAPE_RANK);
  tensor->shape.rank = (int)rank;
  for (size_t i = 0; i < rank; i++)
    if (!get_size(json_object_array_get_idx(list, i), 1, &tensor->shape.size[i]))
      return fail_tensor(file, tensor->name, "has a shape that is not of whole numbers from 1 on");
  return GAN_OK;
}

/* Where its elements are, which has to be as many bytes as the shape says. */
static gan_status take_place(const gan_safetensors *file, struct json_object *entry, int element_bytes,
                             gan_safetensor *tensor) {
  struct json_object *list = get_list(entry, "data_offsets");
  int64_t begin, end;
  if (!list || json_object_array_length(list) != 2 || !get_size(json_object_array_get_idx(list, 0), 0, &begin) ||
      !get_size(json_object_array_get_idx(list, 1), 0, &end) || begin > end)
    return fail_tensor(file, tensor->name, "has no place");
  const uint64_t data_bytes = file->file_bytes - file->data;
  if ((uint64_t)end > data_bytes) return fail_tensor(file, tensor->name, "ends behind the end of the file");
  if (!gan_product_within((end - begin) / element_bytes, tensor->shape.rank, tensor->shape.size) ||
      gan_shape_count(&tensor->shape) * element_bytes != end - begin)
    return fail_tensor(file, tensor->name, "has another number of bytes than its shape says");
  tensor->offset = file->data + (uint64_t)begin;
  tensor->bytes = (uint64_t)(end - begin);
  return GAN_OK;
}

static gan_status take_tensor(const gan_safetensors *file, const char *name, struct json_object *entry,
                              gan_safetensor *tensor) {
  struct json_object *type = NULL;
  *tensor = (gan_safetensor){.name = name};
  if (!json_object_is_type(entry, json_type_object)) return fail_tensor(file, name, "is not described");
  if (!json_object_object_get_ex(entry, "dtype", &type) || !json_object_is_type(type, json_type_string))
    return fail_tensor(file, name, "has no type");
  const struct element_type *known = type_of(json_object_get_string(type));
  if (!known)
    return gan_fail(GAN_BAD_FILE, "%s: tensor %.80s has the type \"%.20s\", which is not known here", file->path, name,
                    json_object_get_string(type));
  tensor->type = known->name;
  GAN_TRY(take_shape(file, entry, tensor));
  return take_place(file, entry, known->bytes, tensor);
}

static int by_offset(const void *a, const void *b) {
  const gan_safetensor *x = a, *y = b;
  return (x->offset > y->offset) - (x->offset < y->offset);
}

/* One behind the other, from the first byte of the data to the last of the file. */
static gan_status check_places(const gan_safetensors *file) {
  uint64_t next = file->data;
  for (size_t i = 0; i < file->count; i++) {
    const gan_safetensor *tensor = &file->tensors[i];
    if (tensor->offset < next) return fail_tensor(file, tensor->name, "lies where another one is");
    if (tensor->offset > next) return fail_tensor(file, tensor->name, "has bytes before it that belong to none");
    next += tensor->bytes;
  }
  if (next == file->file_bytes) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "%s has %" PRIu64 " bytes behind its last tensor; it is damaged, or no safetensors",
                  file->path, file->file_bytes - next);
}

static gan_status check_metadata(const gan_safetensors *file, struct json_object *metadata) {
  const gan_status bad = GAN_BAD_FILE;
  if (!json_object_is_type(metadata, json_type_object))
    return gan_fail(bad, "%s: its metadata are no object; it is no safetensors", file->path);
  json_object_object_foreach(metadata, name, value) {
    if (!json_object_is_type(value, json_type_string))
      return gan_fail(bad, "%s: of its metadata, %.80s is no text; it is no safetensors", file->path, name);
  }
  return GAN_OK;
}

static const char metadata_name[] = "__metadata__";

static gan_status take_entries(gan_safetensors *file) {
  GAN_TRY(gan_allocate((size_t)json_object_object_length(file->header), sizeof *file->tensors, "the list of tensors",
                       &file->tensors));
  json_object_object_foreach(file->header, name, entry) {
    if (strcmp(name, metadata_name) == 0)
      GAN_TRY(check_metadata(file, entry));
    else
      GAN_TRY(take_tensor(file, name, entry, &file->tensors[file->count++]));
  }
  qsort(file->tensors, file->count, sizeof *file->tensors, by_offset);
  return check_places(file);
}

/* Spaces may follow the object, and nothing else. */
static gan_status parse_header(gan_safetensors *file, const char *text, size_t length) {
  struct json_tokener *parser = json_tokener_new_ex(JSON_DEPTH);
  if (!parser) return gan_fail(GAN_FAILED, "no memory for the header of %s", file->path);
  json_tokener_set_flags(parser, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  file->header = json_tokener_parse_ex(parser, text, (int)length);
  const enum json_tokener_error error = json_tokener_get_error(parser);
  json_tokener_free(parser);
  if (error == json_tokener_success && json_object_is_type(file->header, json_type_object)) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "%s: its header is not as safetensors have it (%s)", file->path,
                  error == json_tokener_success ? "no object" : json_tokener_error_desc(error));
}

static gan_status read_header(gan_safetensors *file) {
  uint8_t length_bytes[LENGTH_BYTES];
  char *text = NULL;
  if (file->file_bytes < LENGTH_BYTES) return gan_fail(GAN_BAD_FILE, "%s is too short for safetensors", file->path);
  GAN_TRY(read_bytes(file, 0, LENGTH_BYTES, length_bytes));
  const uint64_t length = bits_of(length_bytes, LENGTH_BYTES);
  if (length > file->file_bytes - LENGTH_BYTES || length > GAN_SAFETENSORS_HEADER_MOST)
    return gan_fail(GAN_BAD_FILE,
                    "%s: a header of %" PRIu64 " bytes; the file has %" PRIu64
                    " for it, and %d are the most: it is "
                    "damaged, or no safetensors",
                    file->path, length, file->file_bytes - LENGTH_BYTES, GAN_SAFETENSORS_HEADER_MOST);
  file->data = LENGTH_BYTES + length;
  GAN_TRY(gan_allocate((size_t)length + 1, 1, "a file's header", &text));
  gan_status status = read_bytes(file, LENGTH_BYTES, (size_t)length, text);
  if (status == GAN_OK && strlen(text) != length)
    status = gan_fail(GAN_BAD_FILE, "%s: its header has a byte of 0; it is damaged, or no safetensors", file->path);
  if (status == GAN_OK) status = parse_header(file, text, (size_t)length);
  free(text);
  return status;
}

/* --- Files --- */

static gan_status open_file(const char *path, gan_safetensors *file) {
  struct stat about;
  GAN_TRY(gan_duplicate(path, &file->path));
  /* A pipe might keep its reader waiting for ever. */
  file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file->descriptor < 0 || fstat(file->descriptor, &about) != 0) return gan_fail_read(path, errno);
  if (!S_ISREG(about.st_mode)) return gan_fail(GAN_BAD_FILE, "%s is not a regular file", path);
  file->file_bytes = (uint64_t)about.st_size;
  GAN_TRY(read_header(file));
  return take_entries(file);
}

gan_status gan_safetensors_open(const char *path, gan_safetensors **file) {
  gan_safetensors *opened = NULL;
  *file = NULL;
  GAN_TRY(gan_allocate(1, sizeof *opened, "a file of tensors", &opened));
  opened->descriptor = -1;
  const gan_status status = open_file(path, opened);
  if (status == GAN_OK)
    *file = opened;
  else
    gan_safetensors_close(opened);
  return status;
}

void gan_safetensors_close(gan_safetensors *file) {
  if (!file) return;
  if (file->descriptor >= 0) close(file->descriptor);
  json_object_put(file->header);
  free(file->tensors);
  free(file->path);
  free(file);
}

bool gan_safetensors_begins(const char *path) {
  uint8_t start[LENGTH_BYTES + 1];
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return false;
  const bool whole = pread(descriptor, start, sizeof start, 0) == (ssize_t)sizeof start;
  close(descriptor);
  return whole && bits_of(start, LENGTH_BYTES) <= GAN_SAFETENSORS_HEADER_MOST && start[LENGTH_BYTES] == '{';
}

size_t gan_safetensors_count(const gan_safetensors *file) { return file->count; }

const gan_safetensor *gan_safetensors_at(const gan_safetensors *file, size_t i) { return &file->tensors[i]; }

const gan_safetensor *gan_safetensors_find(const gan_safetensors *file, const char *name) {
  for (size_t i = 0; i < file->count; i++)
    if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
  return NULL;
}

const char *gan_safetensors_metadata(const gan_safetensors *file, const char *name) {
  struct json_object *metadata = NULL, *value = NULL;
  if (!json_object_object_get_ex(file->header, metadata_name, &metadata)) return NULL;
  return json_object_object_get_ex(metadata, name, &value) ? json_object_get_string(value) : NULL;
}

gan_status gan_safetensors_read(const gan_safetensors *file, const gan_safetensor *tensor, size_t count,
                                float *values) {
  enum { PIECE = 1 << 16 };
  const struct element_type *type = type_of(tensor->type);
  const size_t size = (size_t)type->bytes, step = PIECE / size;
  uint8_t piece[PIECE];
  assert(count == tensor->bytes / size);
  if (!type->read)
    return gan_fail(GAN_BAD_FILE, "%s: tensor %.80s has elements of type %s; weights have F32, F16, BF16 or F64",
                    file->path, tensor->name, type->name);
  for (size_t done = 0; done < count; done += step) {
    const size_t now = count - done < step ? count - done : step;
    GAN_TRY(read_bytes(file, tensor->offset + done * size, now * size, piece));
    for (size_t i = 0; i < now; i++) values[done + i] = type->read(piece + i * size);
  }
  return GAN_OK;
}
