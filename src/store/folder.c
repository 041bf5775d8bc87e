/* The checkpoints of a run's folder: their names, which is the newest, links to them, and which may go. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/checkpoint.h"
#include "store/folder_lock.h"
#include "store/holder.h"
#include "store/output.h"

static const char PREFIX[] = "checkpoint-";
static const char SUFFIX[] = ".h5";
enum { DIGITS = 7 };

/* A path that is too long becomes "", which no call takes for a file, rather than the name of another one. */
static void join(const char *folder, const char *name, char *path) {
  if (snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX) path[0] = '\0';
}

static void checkpoint_name(int64_t iteration, char *name, size_t size) {
  snprintf(name, size, "%s%0*" PRId64 "%s", PREFIX, DIGITS, iteration, SUFFIX);
}

void gan_checkpoint_path(const char *folder, int64_t iteration, char *path) {
  char name[64];
  checkpoint_name(iteration, name, sizeof name);
  join(folder, name, path);
}

/* The iteration in a checkpoint's name, -1 when it is not exactly such a name. */
static int64_t iteration_of(const char *name) {
  char again[64];
  if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0 || !isdigit((unsigned char)name[sizeof PREFIX - 1])) return -1;
  errno = 0;
  const int64_t iteration = strtoll(name + sizeof PREFIX - 1, NULL, 10);
  if (errno) return -1;
  checkpoint_name(iteration, again, sizeof again);
  return strcmp(name, again) == 0 ? iteration : -1;
}

typedef struct iteration_list {
  int64_t *values;
  size_t count, capacity;
} iteration_list;

static gan_status append(iteration_list *list, int64_t iteration) {
  if (list->count == list->capacity) {
    int64_t *larger = NULL;
    const size_t capacity = list->capacity ? 2 * list->capacity : 64;
    GAN_TRY(gan_allocate(capacity, sizeof *larger, "a folder's checkpoints", &larger));
    if (list->count) memcpy(larger, list->values, list->count * sizeof *larger);
    free(list->values);
    list->values = larger;
    list->capacity = capacity;
  }
  list->values[list->count++] = iteration;
  return GAN_OK;
}

static int newest_first(const void *left, const void *right) {
  const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
  return (a < b) - (a > b);
}

/* The iterations of all checkpoints in the folder, newest first. A folder that is not there has none. */
static gan_status list_checkpoints(const char *folder, iteration_list *list) {
  gan_status status = GAN_OK;
  *list = (iteration_list){0};
  DIR *directory = opendir(folder);
  if (!directory && errno == ENOENT) return GAN_OK;
  if (!directory) return gan_fail(GAN_FAILED, "cannot list the folder %s: %s", folder, strerror(errno));
  for (const struct dirent *entry = readdir(directory); entry && status == GAN_OK; entry = readdir(directory)) {
    const int64_t iteration = iteration_of(entry->d_name);
    if (iteration >= 0) status = append(list, iteration);
  }
  closedir(directory);
  if (status != GAN_OK) {
    free(list->values);
    *list = (iteration_list){0};
  } else if (list->count) {
    qsort(list->values, list->count, sizeof *list->values, newest_first);
  }
  return status;
}

gan_status gan_checkpoint_list(const char *folder, size_t *count, int64_t **iterations) {
  iteration_list list;
  *count = 0;
  *iterations = NULL;
  GAN_TRY(list_checkpoints(folder, &list));
  for (size_t i = 0; i < list.count / 2; i++) {
    const int64_t newer = list.values[i];
    list.values[i] = list.values[list.count - 1 - i];
    list.values[list.count - 1 - i] = newer;
  }
  *count = list.count;
  *iterations = list.values;
  return GAN_OK;
}

gan_status gan_checkpoint_open_newest(const char *folder, int64_t after, char *path, int *damaged,
                                      gan_checkpoint_file **opened) {
  iteration_list list;
  gan_status status = GAN_BAD_FILE;
  *damaged = 0;
  *opened = NULL;
  path[0] = '\0';
  GAN_TRY(list_checkpoints(folder, &list));
  for (size_t i = 0; i < list.count && list.values[i] > after && status == GAN_BAD_FILE; i++) {
    gan_checkpoint_path(folder, list.values[i], path);
    status = gan_checkpoint_open(path, opened);
    *damaged += status == GAN_BAD_FILE;
  }
  free(list.values);
  if (status != GAN_OK) path[0] = '\0';
  return status == GAN_BAD_FILE ? GAN_OK : status;
}

gan_status gan_checkpoint_newest(const char *folder, char *path, int *damaged) {
  gan_checkpoint_file *opened = NULL;
  const gan_status status = gan_checkpoint_open_newest(folder, -1, path, damaged, &opened);
  gan_checkpoint_close(opened);
  return status;
}

bool gan_run_owns(const char *name) {
  static const char *const names[] = {"metrics.h5",  "latest.h5", "best.h5",    "config.ini",
                                      "history.txt", "real.png",  GAN_LOCK_FILE};
  static const char samples[] = "samples-";
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return true;
  if (strncmp(name, samples, sizeof samples - 1) != 0) return iteration_of(name) >= 0;
  const char *number = name + sizeof samples - 1;
  const size_t digits = strspn(number, "0123456789");
  return digits > 0 && strcmp(number + digits, ".png") == 0;
}

static const char *name_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

gan_status gan_checkpoint_link(const char *folder, const char *name, const char *path) {
  char link[PATH_MAX], partial[PATH_MAX];
  join(folder, name, link);
  GAN_TRY(gan_partial_path(link, partial));
  unlink(partial); /* what an interrupted call of an earlier process of the same number may have left */
  if (symlink(name_of(path), partial) != 0) return gan_fail_write(link, errno);
  const gan_status status = gan_partial_commit(partial, link);
  if (status != GAN_OK) unlink(partial);
  return status;
}

int64_t gan_checkpoint_linked(const char *folder, const char *name) {
  char link[PATH_MAX], target[PATH_MAX];
  join(folder, name, link);
  const ssize_t length = readlink(link, target, sizeof target - 1);
  if (length < 0) return -1;
  target[length] = '\0';
  return iteration_of(target);
}

/* The process in a name that is that of a write of this program on its way: one of its own file names, ".partial-",
   digits. 0: no such name. */
static pid_t writer_of(const char *name) {
  static const char mark[] = ".partial-";
  static const char *const own[] = {"checkpoint-", "samples-",   "metrics.h5", "latest.h5",
                                    "best.h5",     "config.ini", "real.png",   GAN_LOCK_FILE};
  const char *tail = strstr(name, mark);
  bool known = false;
  if (!tail) return 0;
  tail += sizeof mark - 1;
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) known = known || strncmp(name, own[i], strlen(own[i])) == 0;
  if (!known || tail[strspn(tail, "0123456789")] != '\0') return 0;
  return (pid_t)strtol(tail, NULL, 10);
}

static bool is_older(const char *path, struct timespec since) {
  struct stat about;
  if (lstat(path, &about) != 0) return false;
  const struct timespec *written = &about.st_mtim;
  return written->tv_sec != since.tv_sec ? written->tv_sec < since.tv_sec : written->tv_nsec < since.tv_nsec;
}

static void remove_partial_files(const char *folder, struct timespec since) {
  char path[PATH_MAX];
  DIR *directory = opendir(folder);
  if (!directory) return;
  for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
    const pid_t writer = writer_of(entry->d_name);
    if (writer <= 0 || (writer != getpid() && gan_process_lives(writer))) continue;
    join(folder, entry->d_name, path);
    if (is_older(path, since)) unlink(path);
  }
  closedir(directory);
}

void gan_checkpoint_prune(const char *folder, int keep, struct timespec since) {
  iteration_list list;
  char path[PATH_MAX];
  remove_partial_files(folder, since);
  const int64_t best = gan_checkpoint_linked(folder, "best.h5"), latest = gan_checkpoint_linked(folder, "latest.h5");
  if (list_checkpoints(folder, &list) != GAN_OK) return;
  for (size_t i = keep > 0 ? (size_t)keep : 0; i < list.count; i++) {
    if (list.values[i] == best || list.values[i] == latest) continue;
    gan_checkpoint_path(folder, list.values[i], path);
    unlink(path);
  }
  free(list.values);
}
