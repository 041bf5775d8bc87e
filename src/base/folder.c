#include "base/folder.h"

#include <errno.h>
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
