/* Whose the run's folder is: finding one, and holding it for as long as the trainer lives. Rank 0's affair, but for the
   folder's name.

   Who goes on with a run takes its folder before looking for the newest checkpoint there, so that nobody writes a newer
   one meanwhile. A new run takes its folder when it first writes: a program may train without ever doing so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folder.h"
#include "store/kind.h"
#include "train/internal.h"

enum { NUMBERED_FOLDERS = 10000 };

/* Seconds for a holder to go: ranks whose mpirun was killed may be at work for a moment more. */
static const double PATIENCE = 2;

static bool holds_run(const char *folder) {
  char path[PATH_MAX + 16];
  struct stat about;
  snprintf(path, sizeof path, "%s/metrics.h5", folder);
  return stat(path, &about) == 0;
}

/* BASE, BASE-2, BASE-3, ... False when that is too long. */
static bool number_folder(const char *base, int number, char *folder) {
  const int length =
      number == 1 ? snprintf(folder, PATH_MAX, "%s", base) : snprintf(folder, PATH_MAX, "%s-%d", base, number);
  return length < PATH_MAX;
}

/* Where run.dir is not set: runs/NAME, or runs/NAME-2, -3, ...: the first that holds no run yet; to resume, the last
   that holds one. */
static void choose_folder(const char *base, bool resume, char *folder) {
  char next[PATH_MAX];
  bool taken = true;
  snprintf(folder, PATH_MAX, "%s", base);
  for (int number = 1; taken && number < NUMBERED_FOLDERS && number_folder(base, number, next); number++) {
    taken = holds_run(next);
    if (taken || !resume) snprintf(folder, PATH_MAX, "%s", next);
  }
}

gan_status gan_folder_choose(const gan_config *config, char *folder) {
  char base[PATH_MAX];
  GAN_TRY(gan_config_folder(config, base));
  if (config->run.dir[0])
    snprintf(folder, PATH_MAX, "%s", base);
  else
    choose_folder(base, strcmp(config->run.resume, "no") != 0, folder);
  return GAN_OK;
}

/* Of several new runs that start together each gets a folder: what another has taken since, or is just taking, is
   passed over. */
static gan_status take_next(gan_trainer *trainer) {
  char base[PATH_MAX], next[PATH_MAX];
  GAN_TRY(gan_config_folder(trainer->config, base));
  gan_status status = GAN_BAD_USAGE;
  for (int number = 1; status == GAN_BAD_USAGE && number < NUMBERED_FOLDERS; number++) {
    if (!number_folder(base, number, next)) break;
    if (holds_run(next)) continue;
    status = gan_folder_lock_take(next, 0, &trainer->lock);
    if (status != GAN_OK || !holds_run(next)) continue;
    gan_folder_lock_release(trainer->lock);
    trainer->lock = NULL;
    status = GAN_BAD_USAGE;
  }
  if (status == GAN_OK) snprintf(trainer->folder, sizeof trainer->folder, "%s", next);
  return status;
}

gan_status gan_folder_take(gan_trainer *trainer) {
  if (trainer->lock) return gan_folder_lock_check(trainer->lock);
  if (!trainer->config->run.dir[0] && trainer->resume == GAN_RESUME_NOT) return take_next(trainer);
  return gan_folder_lock_take(trainer->folder, PATIENCE, &trainer->lock);
}

gan_status gan_folder_explain(gan_trainer *trainer, gan_status status) {
  if (status == GAN_FAILED && trainer->lock) GAN_TRY(gan_folder_lock_check(trainer->lock));
  return status;
}

gan_status gan_folder_claim(gan_trainer *trainer) {
  const gan_status mine = gan_world_rank(trainer->world) == 0 ? gan_folder_take(trainer) : GAN_OK;
  GAN_TRY(gan_world_agree(trainer->world, mine));
  if (!trainer->claimed) gan_world_broadcast(trainer->world, trainer->folder, sizeof trainer->folder);
  trainer->claimed = true;
  return GAN_OK;
}

/* Whether the path, if need be through links, is a file that the run writes in its folder. A trace is yet to be made.
 */
static bool is_own(const char *folder, const char *path) {
  char real[PATH_MAX], place[PATH_MAX];
  if (!path[0]) return false;
  snprintf(place, sizeof place, "%s", realpath(path, real) ? real : path);
  char *slash = strrchr(place, '/');
  const char *name = slash ? slash + 1 : place;
  if (!gan_run_owns(name)) return false;
  if (slash) *slash = '\0';
  return gan_same_file(folder, !slash ? "." : place[0] ? place : "/");
}

gan_status gan_folder_check_files(const gan_trainer *trainer, bool resumes) {
  const gan_config *config = trainer->config;
  const char *const files[][2] = {{"data.path", config->data.path},
                                  {"data.labels", config->data.labels},
                                  {"data.weights", config->data.weights},
                                  {"trace.file", config->trace.file}};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (is_own(trainer->folder, files[i][1]))
      return gan_fail(GAN_BAD_USAGE, "%s: %s is a file that the run itself writes in its folder: name another one",
                      files[i][0], files[i][1]);
  if (!config->trace.file[0]) return GAN_OK;
  if (resumes && access(config->trace.file, F_OK) == 0)
    return gan_fail(
        GAN_BAD_USAGE,
        "--trace %s is there already, perhaps from the run's earlier part: name another file for what it goes "
        "on with, or none (--trace=)",
        config->trace.file);
  return gan_file_may_become("--trace", config->trace.file, GAN_KIND_TRACE);
}
