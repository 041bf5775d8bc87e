#include "base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

gan_status gan_folder_create(const char *path) {
  char part[PATH_MAX];
  if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
    return gan_fail(GAN_FAILED, "%s: the path is too long", path);
  for (char *slash = part + 1;; slash++) {
    if (*slash != '/' && *slash != '\0') continue;
    const char separator = *slash;
    *slash = '\0';
    struct stat about;
    const int reason = mkdir(part, 0777) == 0 ? 0 : errno;
    if (reason && (stat(part, &about) != 0 || !S_ISDIR(about.st_mode)))
      return gan_fail(GAN_FAILED, "cannot make the folder %s: %s", part, strerror(reason));
    if (separator == '\0') return GAN_OK;
    *slash = separator;
  }
}

static bool same(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool gan_same_file(const char *path, const char *other) {
  struct stat a, b;
  return stat(path, &a) == 0 && stat(other, &b) == 0 && same(&a, &b);
}

bool gan_folder_has(const char *folder, const char *path) {
  struct stat file, found;
  bool has = false;
  DIR *directory = stat(path, &file) == 0 ? opendir(folder) : NULL;
  if (!directory) return false;
  for (const struct dirent *entry = readdir(directory); entry && !has; entry = readdir(directory))
    has = fstatat(dirfd(directory), entry->d_name, &found, 0) == 0 && same(&file, &found);
  closedir(directory);
  return has;
}
