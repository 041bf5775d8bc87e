#include "store/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
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
