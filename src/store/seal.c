/* See seal.h. */
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/advance.h"
#include "base/memory.h"
#include "store/checkpoint.h"
#include "store/kind.h"
#include "store/output.h"

enum { READ_BYTES = 1 << 20 };

static char *print_hash(char *text, XXH128_hash_t hash) {
  snprintf(text, GAN_SEAL_HASH, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
  return text;
}

static void print_seal(char *seal, int format, uint64_t length, XXH128_hash_t hash) {
  char text[GAN_SEAL_HASH];
  memset(seal, 0, GAN_SEAL_BYTES);
  snprintf(seal, GAN_SEAL_BYTES, GAN_SEAL_WORDS "%d\nlength %" PRIu64 "\nxxh3-128 %s\n", format, length,
           print_hash(text, hash));
}

/* Reads up to `size` bytes at `offset`; *got is less at the file's end only. 0 or an errno. */
static int read_at(int descriptor, void *data, size_t size, uint64_t offset, size_t *got) {
  for (*got = 0; *got < size;) {
    const ssize_t count = pread(descriptor, (char *)data + *got, size - *got, (off_t)(offset + *got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) break;
    *got += (size_t)count;
  }
  return 0;
}

/* Hashes all that comes after the seal. */
static gan_status hash_rest(int descriptor, const char *path, uint64_t *length, XXH128_hash_t *hash) {
  struct stat about;
  if (fstat(descriptor, &about) != 0) return gan_fail_read(path, errno);
  const size_t piece = about.st_size > 0 && about.st_size < READ_BYTES ? (size_t)about.st_size : READ_BYTES;
  char *buffer = NULL;
  XXH3_state_t *state = XXH3_createState();
  gan_status status = GAN_OK;
  size_t got = piece;
  if (!state || XXH3_128bits_reset(state) != XXH_OK) status = gan_fail(GAN_FAILED, "out of memory for a checksum");
  if (status == GAN_OK) status = gan_allocate(piece, 1, "reading a checkpoint", &buffer);
  for (*length = 0; status == GAN_OK && got == piece; *length += got) {
    const int error = read_at(descriptor, buffer, piece, GAN_SEAL_BYTES + *length, &got);
    if (error) status = gan_fail_read(path, error);
    if (!error) XXH3_128bits_update(state, buffer, got);
    gan_advance();
  }
  if (status == GAN_OK) *hash = XXH3_128bits_digest(state);
  XXH3_freeState(state);
  free(buffer);
  return status;
}

gan_status gan_seal_write(const char *partial, const char *path) {
  char seal[GAN_SEAL_BYTES];
  uint64_t length = 0;
  XXH128_hash_t hash = {0, 0};
  const int descriptor = open(partial, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return gan_fail_write(path, errno);
  gan_status status = hash_rest(descriptor, path, &length, &hash);
  if (status == GAN_OK) {
    print_seal(seal, GAN_CHECKPOINT_FORMAT, length, hash);
    const int error = gan_write_at(descriptor, seal, sizeof seal, 0);
    if (error) status = gan_fail_write(path, error);
  }
  if (close(descriptor) != 0 && status == GAN_OK) status = gan_fail_write(path, errno);
  return status;
}

static gan_status fail_kind(const char *path) {
  gan_file_kind kind = GAN_KIND_UNKNOWN;
  GAN_TRY(gan_file_kind_probe(path, &kind));
  if (kind == GAN_KIND_CHECKPOINT) return gan_fail(GAN_BAD_FILE, "%s is damaged: its first lines do not read", path);
  return gan_fail(GAN_BAD_FILE, "%s is no checkpoint but %s", path, gan_file_kind_name(kind));
}

static gan_status check_open(int descriptor, const char *path, char *text) {
  char seal[GAN_SEAL_BYTES + 1] = "", expected[GAN_SEAL_BYTES];
  size_t got = 0;
  long long format = 0;
  uint64_t stated = 0, length = 0;
  XXH128_hash_t hash = {0, 0};
  const int error = read_at(descriptor, seal, GAN_SEAL_BYTES, 0, &got);
  if (error) return gan_fail_read(path, error);
  if (sscanf(seal, GAN_SEAL_WORDS "%9lld\nlength %" SCNu64, &format, &stated) != 2) return fail_kind(path);
  if (format > GAN_CHECKPOINT_FORMAT)
    return gan_fail(GAN_BAD_FILE,
                    "%s has checkpoint format %lld, this program knows up to %d: a newer gan_dist reads it", path,
                    format, (int)GAN_CHECKPOINT_FORMAT);
  GAN_TRY(hash_rest(descriptor, path, &length, &hash));
  if (length != stated)
    return gan_fail(GAN_BAD_FILE, "%s is damaged: %" PRIu64 " bytes long instead of %" PRIu64, path,
                    length + (uint64_t)got, stated + GAN_SEAL_BYTES);
  print_seal(expected, GAN_CHECKPOINT_FORMAT, length, hash);
  if (memcmp(seal, expected, sizeof expected) != 0)
    return gan_fail(GAN_BAD_FILE, "%s is damaged: its contents do not agree with its checksum", path);
  if (text) print_hash(text, hash);
  return GAN_OK;
}

gan_status gan_seal_check(const char *path, char *hash) {
  struct stat about;
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return gan_fail_read(path, errno);
  gan_status status = GAN_OK;
  if (fstat(descriptor, &about) != 0) status = gan_fail_read(path, errno);
  if (status == GAN_OK && !S_ISREG(about.st_mode)) status = gan_fail(GAN_BAD_FILE, "%s is no regular file", path);
  if (status == GAN_OK) status = check_open(descriptor, path, hash);
  close(descriptor);
  return status;
}
