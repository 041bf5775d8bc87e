/* A run and its starts: what of a configuration config.ini and checkpoints keep, and what a start that goes on takes
   over from there.

   Whoever goes on with a run expects it to stay what it was in all that he does not ask for otherwise, even if he gave
   an option at the first start alone, or a newer program has other defaults. So the configuration that the run has had
   (src/train/resume.c) stands in for the built-in defaults, key by key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/value.h"

void gan_config_count_as_default(gan_config *config) {
  memset(config->given, 0, sizeof config->given);
  memset(config->brought, 0, sizeof config->brought);
}

static bool is_taken_over(const gan_option *option) { return option->scope <= GAN_SCOPE_RUN; }

gan_status gan_config_take_over(gan_config *config, const gan_config *from) {
  gan_status status = GAN_OK;
  for (int i = 0; i < gan_option_count && status == GAN_OK; i++) {
    if (!is_taken_over(&gan_options[i]) || config->given[i]) continue;
    status = gan_option_copy(&gan_options[i], from, config);
    config->brought[i] = true;
  }
  return status;
}

/* Layer by layer, counted from 1; of many, the first ones. Cuts up both texts. */
static void print_other_layers(FILE *out, char *before, char *after) {
  enum { LAYERS_NAMED = 4 };
  int named = 0;
  for (int layer = 1; before || after; layer++) {
    const char *old = before ? strsep(&before, "\n") : "none", *new = after ? strsep(&after, "\n") : "none";
    if (strcmp(old, new) == 0) continue;
    if (named == LAYERS_NAMED) {
      fprintf(out, ", and others");
      return;
    }
    fprintf(out, "%s %d: %s -> %s", named++ ? "," : "", layer, old, new);
  }
}

static void print_difference(FILE *out, const gan_option *option, char *before, char *after) {
  fprintf(out, "%s:", option->key);
  if (option->type == GAN_OPTION_LAYERS)
    print_other_layers(out, before, after);
  else
    fprintf(out, " %s -> %s", before, after);
}

static gan_status print_whether(const gan_option *option, char *before, char *after, char **text) {
  size_t bytes;
  if (strcmp(before, after) == 0) return GAN_OK;
  FILE *out = open_memstream(text, &bytes);
  if (out) print_difference(out, option, before, after);
  const bool failed = !out || ferror(out);
  if ((out && fclose(out) != 0) || failed) {
    free(*text);
    *text = NULL;
    return gan_fail(GAN_FAILED, "out of memory: comparing configurations");
  }
  return GAN_OK;
}

gan_status gan_config_difference(const gan_option *option, const gan_config *before, const gan_config *after,
                                 char **text) {
  char *old = NULL, *new = NULL;
  *text = NULL;
  gan_status status = gan_option_print(option, before, &old);
  if (status == GAN_OK) status = gan_option_print(option, after, &new);
  if (status == GAN_OK) status = print_whether(option, old, new, text);
  free(old);
  free(new);
  return status;
}

gan_status gan_config_print_run(const gan_config *config, char **text) {
  gan_config *run = NULL;
  GAN_TRY(gan_config_copy(config, &run));
  gan_status status = GAN_OK;
  for (int i = 0; i < gan_option_count && status == GAN_OK; i++)
    if (gan_options[i].scope == GAN_SCOPE_ONCE && gan_options[i].type != GAN_OPTION_PRESET)
      status = gan_option_set(&gan_options[i], run, gan_options[i].default_value);
  if (status == GAN_OK) status = gan_config_print(run, text);
  gan_config_destroy(run);
  return status;
}
