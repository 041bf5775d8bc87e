/* The configuration that a run goes on with: what the start is given; for the rest what the last start in its folder
   was given, which config.ini there tells, even if it was killed before its first checkpoint; and what neither says, as
   the checkpoint has it.

   Rank 0 has the files; all ranks get both configurations as text, and complete their own from them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "config/ini.h"
#include "kernels/kernels.h"
#include "train/internal.h"
#include "train/regularisers.h"

typedef struct texts {
  char *checkpoint, *folder; /* NULL: there is none */
  char folder_path[PATH_MAX + 16];
} texts;

static gan_status read_checkpoint(gan_trainer *trainer, char **text) {
  gan_checkpoint checkpoint = {0};
  GAN_TRY(gan_checkpoint_header(trainer->resumed, &checkpoint));
  const gan_status status = gan_checkpoint_check_gan(&checkpoint, gan_checkpoint_name(trainer->resumed),
                                                     "a training goes on from two networks");
  trainer->shards_before = checkpoint.shards;
  *text = checkpoint.config;
  checkpoint.config = NULL;
  gan_checkpoint_release(&checkpoint);
  return status;
}

/* What somebody has made unreadable is for him to decide about: to pass over it would silently train something else. */
static gan_status fail_folder(const gan_trainer *trainer, gan_status status) {
  if (status == GAN_OK || status == GAN_FAILED) return status;
  return gan_fail(GAN_BAD_USAGE, "%s; mend the file, or remove it: then %s", gan_error_message(),
                  trainer->shards_before ? "the checkpoint's values are taken" : "what is not given has its default");
}

static gan_status read_folder(const char *path, char **text) {
  struct stat about;
  if (stat(path, &about) != 0 && errno == ENOENT) return GAN_OK;
  if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
    return gan_fail(GAN_BAD_FILE, "%s: cannot read the configuration: it is not a regular file", path);
  return gan_ini_read_whole(path, text);
}

/* Rank 0. */
static gan_status read_texts(gan_trainer *trainer, texts *found) {
  if (trainer->resumed) GAN_TRY(read_checkpoint(trainer, &found->checkpoint));
  if (!trainer->goes_on_there) return GAN_OK;
  return fail_folder(trainer, read_folder(found->folder_path, &found->folder));
}

/* The text of rank 0, which may be NULL, for all. Collective. */
static gan_status spread_text(gan_world *world, char **text) {
  const bool first = gan_world_rank(world) == 0;
  size_t bytes = first && *text ? strlen(*text) + 1 : 0;
  gan_world_broadcast(world, &bytes, sizeof bytes);
  if (bytes == 0) return GAN_OK;
  GAN_TRY(gan_world_agree(world, first ? GAN_OK : gan_allocate(bytes, 1, "a configuration", text)));
  gan_world_broadcast(world, *text, bytes);
  return GAN_OK;
}

/* A backend that this build does not have; the run goes on with one that it has, which is said. The line becomes a
   comment. */
static void forget_other_backend(char *text) {
  static const char key[] = "\nbackend = ";
  char *line = strstr(text, key);
  if (!line) return;
  const char *name = line + sizeof key - 1;
  const size_t length = strcspn(name, "\n");
  for (int i = 0; i < gan_backend_count; i++)
    if (strlen(gan_backends[i]->name) == length && strncmp(gan_backends[i]->name, name, length) == 0) return;
  line[1] = ';';
}

/* What cannot be read, of a newer version, is no reason not to go on. */
static gan_status read_before(gan_trainer *trainer, const char *path, char *text) {
  gan_config *before = NULL;
  GAN_TRY(gan_config_create(&before));
  forget_other_backend(text);
  if (gan_config_read_text(before, text, path) != GAN_OK) {
    gan_config_destroy(before);
    gan_notice(trainer,
               "the configuration in the checkpoint cannot be read, so what is not given%s has its default: %s",
               trainer->goes_on_there ? " nor in config.ini" : "", gan_error_message());
    gan_error_set("");
    return GAN_OK;
  }
  before->train.shards = trainer->shards_before;
  trainer->before = before;
  return GAN_OK;
}

/* Of all that the run has had so far, key by key. */
static gan_status collect(gan_trainer *trainer, const texts *found, gan_config *kept) {
  if (trainer->before) GAN_TRY(gan_config_take_over(kept, trainer->before));
  if (!found->folder) return GAN_OK;
  forget_other_backend(found->folder);
  return fail_folder(trainer, gan_config_read_text(kept, found->folder, found->folder_path));
}

static gan_status take_over(gan_trainer *trainer, const char *path, const texts *found) {
  gan_config *kept = NULL;
  if (found->checkpoint) GAN_TRY(read_before(trainer, path, found->checkpoint));
  if (!trainer->before && !found->folder) return GAN_OK;
  GAN_TRY(gan_config_create(&kept));
  gan_status status = collect(trainer, found, kept);
  if (status == GAN_OK) status = gan_config_take_over(trainer->config, kept);
  if (status == GAN_OK) gan_clip_keep(trainer->config, kept);
  gan_config_destroy(kept);
  return status;
}

static gan_status spread(gan_trainer *trainer, texts *found) {
  gan_world_broadcast(trainer->world, &trainer->shards_before, sizeof trainer->shards_before);
  GAN_TRY(spread_text(trainer->world, &found->checkpoint));
  return spread_text(trainer->world, &found->folder);
}

gan_status gan_resume_configuration(gan_trainer *trainer, const char *path) {
  texts found = {0};
  const bool first = gan_world_rank(trainer->world) == 0;
  snprintf(found.folder_path, sizeof found.folder_path, "%s/config.ini", trainer->folder);
  gan_status status = gan_world_agree(trainer->world, first ? read_texts(trainer, &found) : GAN_OK);
  if (status == GAN_OK) status = spread(trainer, &found);
  if (status == GAN_OK) status = gan_world_agree(trainer->world, take_over(trainer, path, &found));
  free(found.checkpoint);
  free(found.folder);
  return status;
}
