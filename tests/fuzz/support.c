/* What fuzz targets share; see fuzz.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

void fuzz_require(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "not so: %s\n", what);
  abort();
}

const char *fuzz_file(const uint8_t *data, size_t size) {
  static int file = -1;
  static char path[64];
  if (file < 0) {
    file = memfd_create("input", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  }
  fuzz_require(file >= 0 && ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size,
               "a file in memory");
  return path;
}

size_t fuzz_read_file(const char *path, uint8_t *data) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t size = file < 0 ? -1 : read(file, data, FUZZ_INPUT_MOST);
  fuzz_require(size >= 0 && size < FUZZ_INPUT_MOST, "a seed that can be read and is not too large");
  close(file);
  return (size_t)size;
}

bool fuzz_accepted(gan_status status, gan_status refusal) {
  if (status == GAN_OK || status == refusal) return status == GAN_OK;
  fprintf(stderr, "status %d: %s\n", (int)status, gan_error_message());
  abort();
}
