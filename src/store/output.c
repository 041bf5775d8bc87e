/* Writing, syncing and renaming files; see output.h. */
#include "store/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/advance.h"
#include "base/fault.h"

/* Small enough that a full disk is met close to where it fills, and that tests can fill it in the middle of a tensor.
 */
enum { WRITE_BYTES = 1 << 20, SYNC_BYTES = 16 << 20, PAGE_BYTES = 4096 };

/* What a process that is killed leaves of a write: Linux takes a signal between two pages of the file. */
static void die_at_a_border(int descriptor, const char *bytes, size_t size, uint64_t offset) {
  for (size_t done = 0; done < size; done += PAGE_BYTES - (size_t)((offset + done) % PAGE_BYTES)) {
    if (!gan_fault_strikes(GAN_FAULT_KILL)) continue;
    if (pwrite(descriptor, bytes, done, (off_t)offset) == (ssize_t)done) raise(SIGKILL);
  }
}

int gan_write_at(int descriptor, const void *data, size_t size, uint64_t offset) {
  const char *bytes = data;
  while (size > 0) {
    if (gan_fault_strikes(GAN_FAULT_WRITE)) return ENOSPC;
    while (gan_fault_strikes(GAN_FAULT_HANG) || gan_fault_has_struck(GAN_FAULT_HANG)) pause();
    if (gan_fault_armed(GAN_FAULT_KILL)) die_at_a_border(descriptor, bytes, size, offset);
    const ssize_t written = pwrite(descriptor, bytes, size < WRITE_BYTES ? size : WRITE_BYTES, (off_t)offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;
    gan_advance();
    bytes += written;
    size -= (size_t)written;
    offset += (uint64_t)written;
  }
  return 0;
}

gan_status gan_fail_write(const char *path, int error) {
  const char *help = "";
  if (error == ENOSPC || error == EDQUOT) help = "; make room there, or write to another disk";
  if (error == ENOENT) help = "; its folder has to be there";
  if (error == EACCES || error == EPERM || error == EROFS) help = "; it has to be a folder that you may write to";
  return gan_fail(GAN_FAILED, "cannot write %s: %s%s", path, strerror(error), help);
}

gan_status gan_fail_read(const char *path, int error) {
  return gan_fail(GAN_BAD_FILE, "cannot read %s: %s", path, strerror(error));
}

/* The names that were given last; a process has few such files at a time. Those that are in place are gone. */
enum { REMEMBERED = 4 };
static char remembered[REMEMBERED][PATH_MAX];
static int next_place;
static pthread_mutex_t remembering = PTHREAD_MUTEX_INITIALIZER;

static void remember(const char *partial) {
  pthread_mutex_lock(&remembering);
  bool known = false;
  for (int i = 0; i < REMEMBERED; i++) known = known || strcmp(remembered[i], partial) == 0;
  if (!known) {
    memcpy(remembered[next_place], partial, strlen(partial) + 1);
    next_place = (next_place + 1) % REMEMBERED;
  }
  pthread_mutex_unlock(&remembering);
}

bool gan_partial_remove_all(void) {
  bool removed = false;
  pthread_mutex_lock(&remembering); /* for good */
  for (int i = 0; i < REMEMBERED; i++) removed = (remembered[i][0] && unlink(remembered[i]) == 0) || removed;
  return removed;
}

gan_status gan_partial_path(const char *path, char *partial) {
  const int length = snprintf(partial, PATH_MAX, "%s.partial-%ld", path, (long)getpid());
  if (length >= PATH_MAX) return gan_fail_write(path, ENAMETOOLONG);
  remember(partial);
  return GAN_OK;
}

/* File systems that cannot sync a folder (or a file) say so; there is nothing better to be had there. */
static int error_of_sync(int result) {
  return result == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS || errno == ESPIPE ? 0 : errno;
}

/* Writes out all but the last piece of a large file, piece by piece: a call that syncs all of it would show for minutes
   no sign that the disk is at work. */
static int write_out(int descriptor) {
  const off_t size = lseek(descriptor, 0, SEEK_END);
  int error = 0;
  for (off_t offset = 0; !error && offset + SYNC_BYTES < size; offset += SYNC_BYTES) {
    error = error_of_sync(
        sync_file_range(descriptor, offset, SYNC_BYTES,
                        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
    gan_advance();
  }
  return error;
}

static int sync_path(const char *path, int flags) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC | flags);
  if (descriptor < 0) return errno;
  int error = flags & O_DIRECTORY ? 0 : write_out(descriptor);
  if (!error) error = error_of_sync(fsync(descriptor));
  close(descriptor);
  return error;
}

gan_status gan_partial_sync(const char *partial, const char *path) {
  const int error = gan_fault_strikes(GAN_FAULT_WRITE) ? ENOSPC : sync_path(partial, 0);
  return error ? gan_fail_write(path, error) : GAN_OK;
}

/* The folder that a file of this name is in. False when the name is too long for a file. */
static bool find_folder(const char *path, char folder[PATH_MAX]) {
  const char *slash = strrchr(path, '/');
  const size_t length = slash ? (size_t)(slash - path) + 1 : 0; /* with the slash: it has to be no file */
  if (strlen(path) >= PATH_MAX) return false;
  memcpy(folder, path, length);
  snprintf(folder + length, PATH_MAX - length, "%s", slash ? "" : ".");
  return true;
}

static int sync_folder_of(const char *path) {
  char folder[PATH_MAX];
  return find_folder(path, folder) ? sync_path(folder, O_DIRECTORY) : ENAMETOOLONG;
}

gan_status gan_folder_may_take(const char *path) {
  char folder[PATH_MAX];
  if (!find_folder(path, folder)) return gan_fail_write(path, ENAMETOOLONG);
  return access(folder, W_OK | X_OK) == 0 ? GAN_OK : gan_fail_write(path, errno);
}

gan_status gan_partial_commit(const char *partial, const char *path) {
  int error = gan_fault_strikes(GAN_FAULT_WRITE) ? ENOSPC : 0;
  if (!error && rename(partial, path) != 0) error = errno;
  if (!error) error = sync_folder_of(path);
  return error ? gan_fail_write(path, error) : GAN_OK;
}
