/* Configurations as wholes: made, copied, printed; keys by name. */
#include "config/config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/ini.h"
#include "config/suggestion.h"
#include "config/value.h"

gan_status gan_config_create(gan_config **config) {
  GAN_TRY(gan_allocate(1, sizeof **config, "a configuration", config));
  gan_status status = GAN_OK;
  for (int i = 0; i < gan_option_count && status == GAN_OK; i++)
    if (gan_options[i].type != GAN_OPTION_PRESET)
      status = gan_option_set(&gan_options[i], *config, gan_options[i].default_value);
  gan_config_count_as_default(*config);
  if (status != GAN_OK) {
    gan_config_destroy(*config);
    *config = NULL;
  }
  return status;
}

gan_status gan_config_copy(const gan_config *config, gan_config **copy) {
  GAN_TRY(gan_allocate(1, sizeof **copy, "a configuration", copy));
  gan_status status = GAN_OK;
  for (int i = 0; i < gan_option_count && status == GAN_OK; i++)
    status = gan_option_copy(&gan_options[i], config, *copy);
  memcpy((*copy)->given, config->given, sizeof config->given);
  memcpy((*copy)->brought, config->brought, sizeof config->brought);
  if (status != GAN_OK) {
    gan_config_destroy(*copy);
    *copy = NULL;
  }
  return status;
}

void gan_config_destroy(gan_config *config) {
  if (!config) return;
  for (int i = 0; i < gan_option_count; i++) gan_option_release(&gan_options[i], config);
  free(config);
}

gan_status gan_option_find_key(const char *key, const gan_option **option) {
  /* Short forms belong to the command line. */
  *option = strncmp(key, "--", 2) == 0 ? NULL : gan_option_find(key);
  if (*option) return GAN_OK;
  char text[GAN_SUGGESTION_TEXT];
  const gan_suggestion meant = gan_suggest(key);
  return gan_fail(GAN_BAD_USAGE, "unknown key %.80s%s", key,
                  gan_suggestion_print(&meant, meant.option ? meant.option->key : "", text));
}

gan_status gan_config_set(gan_config *config, const char *key, const char *value) {
  const gan_option *option;
  GAN_TRY(gan_option_find_key(key, &option));
  return gan_option_set(option, config, value);
}

gan_status gan_config_get(const gan_config *config, const char *key, char **value) {
  const gan_option *option;
  GAN_TRY(gan_option_find_key(key, &option));
  return gan_option_print(option, config, value);
}

gan_status gan_config_use_preset(gan_config *config, const char *name) {
  const gan_preset *preset = gan_preset_find(name);
  /* The row of run.preset knows how to refuse an unknown name; for a known one it comes back here. */
  if (!preset) return gan_config_set(config, "run.preset", name);
  config->takes_preset = true;
  gan_status status = gan_config_set(config, "run.name", name);
  if (status == GAN_OK) status = gan_ini_read_text(config, preset->text, name, GAN_INI_PRESET_OVERRULED);
  config->takes_preset = false;
  return status;
}

gan_status gan_config_read_text(gan_config *config, const char *text, const char *origin) {
  return gan_ini_read_text(config, text, origin, GAN_INI_PRESET_TAKEN);
}

gan_status gan_config_read_file(gan_config *config, const char *path) {
  return gan_ini_read_file(config, path, GAN_INI_PRESET_TAKEN);
}

gan_status gan_config_folder(const gan_config *config, char *folder) {
  const bool named = *config->run.dir == '\0';
  if (named && !*config->run.name)
    return gan_fail(GAN_BAD_USAGE, "run.dir and run.name are both empty, so the run has no folder; set one of them");
  const int length =
      snprintf(folder, PATH_MAX, "%s%s", named ? "runs/" : "", named ? config->run.name : config->run.dir);
  if (length < 0 || length >= PATH_MAX) return gan_fail(GAN_BAD_USAGE, "the path of the run's folder is too long");
  return GAN_OK;
}

/* "key = value", or for layers "key =" and an indented line for each. */
static gan_status print_option(FILE *out, const gan_option *option, const gan_config *config) {
  char *value;
  GAN_TRY(gan_option_print(option, config, &value));
  fprintf(out, "%s =", strchr(option->key, '.') + 1);
  if (option->type == GAN_OPTION_LAYERS)
    for (char *rest = value, *layer; (layer = strsep(&rest, "\n"));) fprintf(out, *layer ? "\n  %s" : "%s", layer);
  else if (*value)
    fprintf(out, " %s", value);
  fputc('\n', out);
  free(value);
  return GAN_OK;
}

static gan_status print_all(FILE *out, const gan_config *config) {
  const char *section = "";
  size_t length = 0;
  for (int i = 0; i < gan_option_count; i++) {
    const gan_option *option = &gan_options[i];
    if (option->type == GAN_OPTION_PRESET) continue;
    if (length != strcspn(option->key, ".") || strncmp(section, option->key, length) != 0) {
      fprintf(out, "%s[%.*s]\n", length ? "\n" : "", (int)strcspn(option->key, "."), option->key);
      section = option->key;
      length = strcspn(section, ".");
    }
    GAN_TRY(print_option(out, option, config));
  }
  return GAN_OK;
}

gan_status gan_config_print(const gan_config *config, char **text) {
  size_t bytes;
  FILE *out = open_memstream(text, &bytes);
  if (!out) return gan_fail(GAN_FAILED, "out of memory: printing the configuration");
  gan_status status = print_all(out, config);
  const bool failed = ferror(out);
  if ((fclose(out) != 0 || failed) && status == GAN_OK)
    status = gan_fail(GAN_FAILED, "out of memory: printing the configuration");
  if (status != GAN_OK) {
    free(*text);
    *text = NULL;
  }
  return status;
}
