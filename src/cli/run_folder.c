#include "cli/run_folder.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool gan_is_folder(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* The folder without slashes at its end, and with a name behind it, "" for none. */
static gan_status join(const char *folder, const char *name, char *path) {
  size_t length = strlen(folder);
  while (length > 1 && folder[length - 1] == '/') length--;
  const int written = snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, folder, *name ? "/" : "", name);
  if (written < 0 || written >= PATH_MAX) return gan_fail(GAN_BAD_USAGE, "the path %.80s... is too long", folder);
  return GAN_OK;
}

gan_status gan_run_checkpoint_open(const char *path, char *file, int *damaged, gan_checkpoint_file **opened) {
  char folder[PATH_MAX];
  *damaged = 0;
  *opened = NULL;
  GAN_TRY(join(path, "", folder));
  GAN_TRY(join(path, "", file));
  if (!gan_is_folder(path)) return gan_checkpoint_open(path, opened);
  GAN_TRY(gan_checkpoint_open_newest(folder, -1, file, damaged, opened));
  if (*opened) return GAN_OK;
  if (*damaged) return gan_fail(GAN_BAD_FILE, "all checkpoints in %s are damaged", folder);
  return gan_fail(GAN_BAD_FILE,
                  "%s is a folder without a checkpoint (checkpoint-*.h5) in it: name a run's folder or a file", folder);
}

void gan_run_tell_damaged(FILE *stream, int damaged) {
  fprintf(stream, "%d damaged checkpoint%s passed over\n", damaged, damaged == 1 ? "" : "s");
}

gan_status gan_run_file(const char *path, char *file, int *damaged) {
  *damaged = 0;
  gan_checkpoint_file *opened = NULL;
  if (!gan_is_folder(path)) return join(path, "", file);
  GAN_TRY(join(path, "metrics.h5", file));
  if (access(file, F_OK) == 0) return GAN_OK;
  const gan_status status = gan_run_checkpoint_open(path, file, damaged, &opened);
  gan_checkpoint_close(opened);
  return status;
}
