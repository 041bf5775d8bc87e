#include "data/npy_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "data/source_types.h"

static const char MAGIC[] = "\223NUMPY";
/* NumPy's own headers take 128 bytes, and it refuses those above 10,000. */
enum { MAGIC_BYTES = 6, HEADER_MOST = 10000 };

bool gan_npy_begins(const char *path) {
  char start[MAGIC_BYTES] = "";
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  const bool whole = fread(start, 1, sizeof start, file) == sizeof start;
  fclose(file);
  return whole && memcmp(start, MAGIC, MAGIC_BYTES) == 0;
}

gan_status gan_npy_read(const gan_npy_file *file, const char *path, int64_t offset, int64_t bytes, void *out) {
  for (int64_t done = 0; done < bytes;) {
    const ssize_t got = pread(file->descriptor, (char *)out + done, (size_t)(bytes - done), (off_t)(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return gan_fail(GAN_BAD_FILE, "cannot read %s: %s", path, strerror(errno));
    if (got == 0) return gan_fail(GAN_BAD_FILE, "%s is cut short: %" PRId64 " bytes are missing", path, bytes - done);
    done += got;
  }
  return GAN_OK;
}

/* --- The dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (100, 2), } --- */

typedef struct dictionary {
  const char *next; /* of a text that ends with NUL */
  char type[8];
  bool has_type, has_order, has_shape, fortran;
  int dimensions;
  int64_t size[GAN_NPY_DIMENSIONS + 1];
} dictionary;

static void skip_blanks(dictionary *read) {
  while (isspace((unsigned char)*read->next)) read->next++;
}

static bool take(dictionary *read, const char *word) {
  skip_blanks(read);
  if (strncmp(read->next, word, strlen(word)) != 0) return false;
  read->next += strlen(word);
  return true;
}

/* A text between quotes, without anything that is escaped. */
static bool take_text(dictionary *read, char *text, size_t room) {
  skip_blanks(read);
  const char quote = *read->next;
  if (quote != '\'' && quote != '"') return false;
  const char *end = strchr(++read->next, quote);
  if (!end || (size_t)(end - read->next) >= room) return false;
  memcpy(text, read->next, (size_t)(end - read->next));
  text[end - read->next] = '\0';
  read->next = end + 1;
  return true;
}

static bool take_number(dictionary *read, int64_t *number) {
  skip_blanks(read);
  if (!isdigit((unsigned char)*read->next)) return false;
  for (*number = 0; isdigit((unsigned char)*read->next); read->next++)
    if (__builtin_mul_overflow(*number, 10, number) || __builtin_add_overflow(*number, *read->next - '0', number))
      return false;
  if (*read->next == 'L') read->next++; /* as Python 2 wrote them */
  return true;
}

/* (), (3,), (3, 4): more numbers than samples have axes are counted no further. */
static bool take_shape(dictionary *read) {
  if (!take(read, "(")) return false;
  for (read->dimensions = 0; !take(read, ")");) {
    int64_t number;
    if (!take_number(read, &number)) return false;
    if (read->dimensions <= GAN_NPY_DIMENSIONS) read->size[read->dimensions++] = number;
    if (!take(read, ",")) return take(read, ")");
  }
  return true;
}

static bool take_entry(dictionary *read) {
  char key[16];
  if (!take_text(read, key, sizeof key) || !take(read, ":")) return false;
  if (strcmp(key, "descr") == 0) return read->has_type = take_text(read, read->type, sizeof read->type);
  if (strcmp(key, "shape") == 0) return read->has_shape = take_shape(read);
  if (strcmp(key, "fortran_order") != 0) return false;
  read->fortran = take(read, "True");
  return read->has_order = read->fortran || take(read, "False");
}

static bool take_dictionary(dictionary *read) {
  if (!take(read, "{")) return false;
  while (!take(read, "}")) {
    if (!take_entry(read)) return false;
    if (!take(read, ",") && *read->next != '}') return false;
  }
  skip_blanks(read);
  return *read->next == '\0' && read->has_type && read->has_order && read->has_shape;
}

/* --- What it says --- */

static const struct {
  const char *name;
  gan_npy_type type;
  int64_t bytes;
} types[] = {{"|u1", GAN_NPY_UINT8, 1}, {"<f4", GAN_NPY_FLOAT32, 4}, {"<f8", GAN_NPY_FLOAT64, 8}};

static gan_status take_type(const char *path, const dictionary *read, gan_npy_file *file) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (strcmp(read->type, types[i].name) != 0) continue;
    file->type = types[i].type;
    file->element_bytes = types[i].bytes;
    return GAN_OK;
  }
  char shown[sizeof read->type];
  for (size_t i = 0; i < sizeof shown; i++)
    shown[i] = read->type[i] && !isprint((unsigned char)read->type[i]) ? '?' : read->type[i];
  return gan_fail(GAN_BAD_FILE,
                  "%s has elements of type '%s'; uint8, float32 and float64 of this machine's byte order can be read: "
                  "numpy.save(name, array.astype('float32'))",
                  path, shown);
}

static gan_status take_sizes(const char *path, const dictionary *read, int64_t file_bytes, gan_npy_file *file) {
  int64_t bytes = file->element_bytes;
  if (read->fortran)
    return gan_fail(GAN_BAD_FILE,
                    "%s is in Fortran's order, column by column: numpy.save(name, numpy.ascontiguousarray(array))",
                    path);
  if (read->dimensions < 2 || read->dimensions > GAN_NPY_DIMENSIONS)
    return gan_fail(GAN_BAD_FILE, "%s has %s axes; samples have 2 to %d, the first being their number", path,
                    read->dimensions < 2 ? "fewer than 2" : "too many", GAN_NPY_DIMENSIONS);
  file->dimensions = read->dimensions;
  for (int i = 0; i < read->dimensions; i++) {
    file->size[i] = read->size[i];
    if (read->size[i] == 0) return gan_fail(GAN_BAD_FILE, "%s holds nothing: its axis %d has no elements", path, i);
    if (__builtin_mul_overflow(bytes, read->size[i], &bytes)) bytes = INT64_MAX;
  }
  if (bytes == file_bytes - file->data) return GAN_OK;
  if (bytes > file_bytes - file->data)
    return gan_fail(GAN_BAD_FILE, "%s is cut short: its header tells of more elements than it holds", path);
  return gan_fail(GAN_BAD_FILE, "%s has %" PRId64 " bytes more than its header tells of", path,
                  file_bytes - file->data - bytes);
}

/* The length of the text: 2 bytes in version 1, 4 in those after it. */
static gan_status read_start(const char *path, int64_t file_bytes, gan_npy_file *file, int64_t *length) {
  uint8_t start[MAGIC_BYTES + 6];
  if (file_bytes < (int64_t)sizeof start) return gan_fail(GAN_BAD_FILE, "%s is no file of NumPy, or cut short", path);
  GAN_TRY(gan_npy_read(file, path, 0, sizeof start, start));
  if (memcmp(start, MAGIC, MAGIC_BYTES) != 0)
    return gan_fail(GAN_BAD_FILE, "%s is no file of NumPy (.npy): it does not begin as one", path);
  const uint8_t version = start[MAGIC_BYTES], *bytes = start + MAGIC_BYTES + 2;
  if (version < 1 || version > 3)
    return gan_fail(GAN_BAD_FILE, "%s has version %d of NumPy's format; 1 to 3 can be read", path, version);
  *length = bytes[0] | (int64_t)bytes[1] << 8;
  if (version > 1) *length |= (int64_t)bytes[2] << 16 | (int64_t)bytes[3] << 24;
  file->data = MAGIC_BYTES + 2 + (version > 1 ? 4 : 2);
  if (*length <= HEADER_MOST && *length <= file_bytes - file->data) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "%s: its header would take %" PRId64 " bytes, which none of NumPy does", path, *length);
}

static gan_status read_header(const char *path, int64_t file_bytes, gan_npy_file *file) {
  char text[HEADER_MOST + 1];
  dictionary read = {.next = text};
  int64_t length = 0;
  GAN_TRY(read_start(path, file_bytes, file, &length));
  GAN_TRY(gan_npy_read(file, path, file->data, length, text));
  text[length] = '\0';
  file->data += length;
  if (strlen(text) != (size_t)length || !take_dictionary(&read))
    return gan_fail(GAN_BAD_FILE, "%s: its header is damaged, or no header of NumPy", path);
  GAN_TRY(take_type(path, &read, file));
  return take_sizes(path, &read, file_bytes, file);
}

gan_status gan_npy_open(const char *path, gan_npy_file *file) {
  int64_t bytes;
  GAN_TRY(gan_check_regular_file(path, &bytes));
  *file = (gan_npy_file){.descriptor = open(path, O_RDONLY | O_CLOEXEC)};
  if (file->descriptor < 0) return gan_fail(GAN_BAD_FILE, "cannot open %s: %s", path, strerror(errno));
  const gan_status status = read_header(path, bytes, file);
  if (status != GAN_OK) gan_npy_close(file);
  return status;
}

void gan_npy_close(gan_npy_file *file) {
  if (file->descriptor >= 0) close(file->descriptor);
  file->descriptor = -1;
}
