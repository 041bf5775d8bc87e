/* See folder_lock.h. The holder removes its file when it ends, so a lock that was obtained may be one on a file that no
   longer is in the folder: it counts only if the path still leads to that file. */
#include "store/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/folder.h"
#include "base/memory.h"
#include "store/holder.h"
#include "store/output.h"

enum { LEAVING_SECONDS = 60 };

struct gan_folder_lock {
  char folder[PATH_MAX], path[PATH_MAX];
  int directory;        /* the folder, whatever its name becomes */
  int file;             /* holds the lock; -1: none yet */
  bool made;            /* the folder was not there before */
  struct stat identity; /* of the file */
  struct timespec taken;
};

typedef enum attempt { TAKEN, HELD, AGAIN, BROKEN } attempt;

static bool same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool leads_to(const char *path, const struct stat *file) {
  struct stat found;
  return stat(path, &found) == 0 && same_file(&found, file);
}

/* 0: it is ours; EAGAIN: another has it; another errno: there are no locks here. */
static int lock_descriptor(int descriptor) {
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (gan_fault_strikes(GAN_FAULT_LOCK) || gan_fault_has_struck(GAN_FAULT_LOCK)) return ENOLCK;
  if (fcntl(descriptor, F_OFD_SETLK, &whole) == 0) return 0;
  return errno == EACCES ? EAGAIN : errno;
}

/* The file open; *created: it was not there. -1 with errno; ENOENT when it went, or its folder did, meanwhile. */
static int open_lock(const char *path, bool *created) {
  int descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  *created = descriptor >= 0;
  if (descriptor < 0 && errno == EEXIST) descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  return descriptor;
}

/* Without locks: the file of a holder that is gone makes way. Under another name first, to see whether it is still the
   one that was read, and not that of somebody who was faster here. */
static attempt remove_left_behind(const char *path, const struct stat *left) {
  char aside[PATH_MAX];
  if (gan_partial_path(path, aside) != GAN_OK) return BROKEN;
  if (rename(path, aside) != 0) return AGAIN;
  if (!leads_to(aside, left)) (void)!link(aside, path);
  unlink(aside);
  return AGAIN;
}

/* Says in the file who holds it from now on. */
static attempt sign(gan_folder_lock *lock, int descriptor) {
  char text[GAN_HOLDER_TEXT];
  gan_holder_print_own(text);
  int error = ftruncate(descriptor, 0) == 0 ? gan_write_at(descriptor, text, strlen(text), 0) : errno;
  if (!error && fstat(descriptor, &lock->identity) != 0) error = errno;
  if (error) {
    errno = error;
    return BROKEN;
  }
  lock->taken = lock->identity.st_mtim;
  lock->file = descriptor;
  return TAKEN;
}

/* TAKEN leaves the descriptor to the lock. *bars: whoever holds it. */
static attempt try_open(gan_folder_lock *lock, int descriptor, bool created, gan_holder *bars) {
  struct stat about;
  const int error = lock_descriptor(descriptor);
  gan_holder_read(descriptor, bars);
  bars->locked = error == EAGAIN;
  if (fstat(descriptor, &about) != 0) return BROKEN;
  if (!leads_to(lock->path, &about)) return AGAIN;
  if (error == EAGAIN) return HELD;
  if (error && !created) return gan_holder_lives(bars) ? HELD : remove_left_behind(lock->path, &about);
  const attempt result = sign(lock, descriptor);
  if (result == BROKEN && created) unlink(lock->path);
  return result;
}

static attempt try_once(gan_folder_lock *lock, gan_holder *bars) {
  bool created = false;
  const int descriptor = open_lock(lock->path, &created);
  if (descriptor < 0) return errno == ENOENT ? AGAIN : BROKEN;
  const attempt result = try_open(lock, descriptor, created, bars);
  const int error = errno;
  if (result != TAKEN) close(descriptor);
  errno = error;
  return result;
}

static gan_status fail_held(const gan_folder_lock *lock, const gan_holder *bars) {
  char who[GAN_HOLDER_TEXT];
  const bool certain = gan_holder_is_certain(bars);
  return gan_fail(GAN_BAD_USAGE, "%s is in use by %s: wait for its end, or choose another folder with --run.dir%s%s",
                  lock->folder, gan_holder_describe(bars, who), certain ? "" : "; if it is known to be dead, remove ",
                  certain ? "" : lock->path);
}

/* The folder by its path, remembered by what it is. */
static gan_status open_folder(gan_folder_lock *lock) {
  lock->made = lock->made || access(lock->folder, F_OK) != 0;
  GAN_TRY(gan_folder_create(lock->folder));
  if (lock->directory >= 0) close(lock->directory);
  lock->directory = open(lock->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return lock->directory < 0 && errno != ENOENT ? gan_fail_write(lock->folder, errno) : GAN_OK;
}

static gan_status take(gan_folder_lock *lock, double patience) {
  const double end = gan_seconds() + patience;
  const struct timespec pause = {0, 20 * 1000 * 1000};
  for (int races = 0;; nanosleep(&pause, NULL)) {
    gan_holder bars = {0};
    GAN_TRY(open_folder(lock));
    const attempt result = try_once(lock, &bars);
    if (result == TAKEN) return GAN_OK;
    if (result == BROKEN) return gan_fail_write(lock->path, errno);
    if (result == HELD && gan_seconds() >= end + (gan_holder_is_leaving(&bars) ? LEAVING_SECONDS : 0))
      return fail_held(lock, &bars);
    if (result == AGAIN && ++races > 500)
      return gan_fail(GAN_FAILED, "cannot take %s: the file comes and goes", lock->path);
  }
}

gan_status gan_folder_lock_take(const char *folder, double patience, gan_folder_lock **lock) {
  gan_folder_lock *made = NULL;
  *lock = NULL;
  GAN_TRY(gan_allocate(1, sizeof *made, "a folder's lock", &made));
  made->directory = made->file = -1;
  gan_status status = GAN_OK;
  if (snprintf(made->folder, PATH_MAX, "%s", folder) >= PATH_MAX ||
      snprintf(made->path, PATH_MAX, "%s/" GAN_LOCK_FILE, folder) >= PATH_MAX)
    status = gan_fail_write(folder, ENAMETOOLONG);
  if (status == GAN_OK) status = take(made, patience);
  if (status == GAN_OK)
    *lock = made;
  else
    gan_folder_lock_release(made);
  return status;
}

/* Where the folder is now; NULL when it was removed, or nobody knows. */
static const char *place_now(const gan_folder_lock *lock, char *place) {
  char link[64];
  struct stat about;
  snprintf(link, sizeof link, "/proc/self/fd/%d", lock->directory);
  const ssize_t length = readlink(link, place, PATH_MAX - 1);
  place[length > 0 ? length : 0] = '\0';
  return length > 0 && fstat(lock->directory, &about) == 0 && leads_to(place, &about) ? place : NULL;
}

static gan_status fail_gone(const gan_folder_lock *lock) {
  char place[PATH_MAX];
  const char *now = place_now(lock, place);
  return gan_fail(GAN_FAILED, "the run's folder %s was %s%s while training%s", lock->folder,
                  now ? "moved to " : "removed", now ? now : "",
                  now ? ": go on from there with --run.dir and --resume" : "");
}

/* Somebody cleaned up: without the file another start would not be refused. */
static gan_status take_again(gan_folder_lock *lock) {
  gan_holder bars = {0};
  const int before = lock->file;
  attempt result = AGAIN;
  for (int races = 0; result == AGAIN && races < 10; races++) result = try_once(lock, &bars);
  if (result == HELD)
    return gan_fail(GAN_FAILED, "%s was removed while training, and %s has taken the folder since", lock->path,
                    gan_holder_describe(&bars, (char[GAN_HOLDER_TEXT]){0}));
  if (result != TAKEN) return gan_fail_write(lock->path, errno);
  close(before);
  return GAN_OK;
}

gan_status gan_folder_lock_check(gan_folder_lock *lock) {
  struct stat folder;
  if (fstat(lock->directory, &folder) != 0) return gan_fail_write(lock->folder, errno);
  if (!leads_to(lock->folder, &folder)) return fail_gone(lock);
  return leads_to(lock->path, &lock->identity) ? GAN_OK : take_again(lock);
}

void gan_folder_lock_touch(const gan_folder_lock *lock) { (void)futimens(lock->file, NULL); }

struct timespec gan_folder_lock_time(const gan_folder_lock *lock) {
  return lock->taken;
}

/* The file goes before the lock: who obtains the lock then sees that the path leads elsewhere. */
void gan_folder_lock_release(gan_folder_lock *lock) {
  if (!lock) return;
  if (lock->file >= 0) {
    if (leads_to(lock->path, &lock->identity)) unlink(lock->path);
    close(lock->file);
  }
  struct stat folder;
  if (lock->made && fstat(lock->directory, &folder) == 0 && leads_to(lock->folder, &folder)) rmdir(lock->folder);
  if (lock->directory >= 0) close(lock->directory);
  free(lock);
}
