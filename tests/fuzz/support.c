/* What fuzz targets share; see fuzz.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

void fuzz_require(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "not so: %s\n", what);
  abort();
}

static char file_path[4096];

static void remove_file(void) { unlink(file_path); }

/* In TMPDIR, or in memory where there is such a folder. A child of the driver uses its parent's. */
static void choose_path(void) {
  const char *folder = getenv("TMPDIR");
  if (!folder || !*folder) folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  snprintf(file_path, sizeof file_path, "%s/gan_fuzz_%ld", folder, (long)getpid());
  atexit(remove_file);
}

const char *fuzz_file(const uint8_t *data, size_t size) {
  if (!file_path[0]) choose_path();
  const int file = open(file_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  fuzz_require(file >= 0 && write(file, data, size) == (ssize_t)size && close(file) == 0, "a file for the input");
  return file_path;
}

long fuzz_inputs_read;
void fuzz_reached_the_end(void) { fuzz_inputs_read++; }

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
