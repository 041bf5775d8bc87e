/* The configuration that a run goes on with: what the start is given, and for the rest what the run has had so far.

   Rank 0 has the checkpoint; all ranks get its configuration as text, and complete their own from it. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/kernels.h"
#include "train/internal.h"

/* Rank 0: `text`, owned by the caller. */
static gan_status read_configuration(gan_trainer *trainer, char **text) {
  gan_checkpoint checkpoint = {0};
  GAN_TRY(gan_checkpoint_header(trainer->resumed, &checkpoint));
  trainer->shards_before = checkpoint.shards;
  *text = checkpoint.config;
  checkpoint.config = NULL;
  gan_checkpoint_release(&checkpoint);
  return GAN_OK;
}

/* The text of rank 0 for all, owned by the caller. Collective. */
static gan_status spread_text(gan_trainer *trainer, char **text) {
  const bool first = gan_world_rank(trainer->world) == 0;
  size_t bytes = first ? strlen(*text) + 1 : 0;
  gan_world_broadcast(trainer->world, &trainer->shards_before, sizeof trainer->shards_before);
  gan_world_broadcast(trainer->world, &bytes, sizeof bytes);
  GAN_TRY(gan_world_agree(trainer->world, first ? GAN_OK : gan_allocate(bytes, 1, "a configuration", text)));
  gan_world_broadcast(trainer->world, *text, bytes);
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
static gan_status take_over(gan_trainer *trainer, const char *path, char *text) {
  gan_config *before = NULL;
  GAN_TRY(gan_config_create(&before));
  forget_other_backend(text);
  if (gan_config_read_text(before, text, path) != GAN_OK) {
    gan_config_destroy(before);
    gan_notice(trainer, "the configuration in the checkpoint cannot be read, so what is not given has its default: %s",
               gan_error_message());
    gan_error_set("");
    return GAN_OK;
  }
  before->train.shards = trainer->shards_before;
  trainer->before = before;
  return gan_config_take_over(trainer->config, before);
}

gan_status gan_resume_configuration(gan_trainer *trainer, const char *path) {
  char *text = NULL;
  const bool first = gan_world_rank(trainer->world) == 0;
  gan_status status = gan_world_agree(trainer->world, first ? read_configuration(trainer, &text) : GAN_OK);
  if (status == GAN_OK) status = spread_text(trainer, &text);
  if (status == GAN_OK) status = gan_world_agree(trainer->world, take_over(trainer, path, text));
  free(text);
  return status;
}
