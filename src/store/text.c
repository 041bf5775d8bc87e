#include "store/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/output.h"

gan_status gan_text_write(const char *path, const char *text) {
  char partial[PATH_MAX];
  GAN_TRY(gan_partial_path(path, partial));
  const int descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return gan_fail_write(path, errno);
  int error = gan_write_at(descriptor, text, strlen(text), 0);
  if (close(descriptor) != 0 && !error) error = errno;
  gan_status status = error ? gan_fail_write(path, error) : gan_partial_sync(partial, path);
  if (status == GAN_OK) status = gan_partial_commit(partial, path);
  if (status != GAN_OK) unlink(partial);
  return status;
}

/* 0 or an errno. */
static int append_at(int descriptor, const char *lines, off_t size) {
  char last = '\n';
  if (size > 0 && pread(descriptor, &last, 1, size - 1) != 1) return errno ? errno : EIO;
  const off_t begin = size + (last != '\n');
  int error = begin > size ? gan_write_at(descriptor, "\n", 1, (uint64_t)size) : 0;
  if (!error) error = gan_write_at(descriptor, lines, strlen(lines), (uint64_t)begin);
  return error;
}

/* What is there and cannot be opened is in the way; only then is it of use to remove it. */
static gan_status fail_open(const char *path, int error) {
  struct stat about;
  if (lstat(path, &about) != 0 || (error != EACCES && error != EPERM)) return gan_fail_write(path, error);
  return gan_fail(GAN_FAILED, "cannot write %s: %s; make it a file that you may write to, or remove it", path,
                  strerror(error));
}

gan_status gan_text_append(const char *path, const char *lines) {
  struct stat about;
  /* Neither into another file by a link, nor waiting for a pipe's reader. */
  const int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  if (descriptor < 0 && errno != ELOOP && errno != EISDIR) return fail_open(path, errno);
  if (descriptor < 0 || fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode)) {
    if (descriptor >= 0) close(descriptor);
    return gan_fail(GAN_FAILED, "cannot write %s: it is not a regular file; remove it", path);
  }
  int error = append_at(descriptor, lines, about.st_size);
  if (error && ftruncate(descriptor, about.st_size) != 0) error = errno;
  if (error && about.st_size == 0) unlink(path);
  if (close(descriptor) != 0 && !error) error = errno;
  return error ? gan_fail_write(path, error) : gan_partial_sync(path, path);
}
