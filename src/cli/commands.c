/* The table of subcommands. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/nearest.h"

const gan_command *const gan_commands[] = {
    &gan_command_train,   &gan_command_sample,   &gan_command_evaluate, &gan_command_benchmark, &gan_command_inspect,
    &gan_command_convert, &gan_command_classify, &gan_command_loss,     &gan_command_config,    &gan_command_info,
};
enum { COMMAND_COUNT = sizeof gan_commands / sizeof *gan_commands };
const int gan_command_count = COMMAND_COUNT;

const gan_command *gan_command_find(const char *name) {
  for (int i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(gan_commands[i]->name, name) == 0) return gan_commands[i];
  return NULL;
}

/* Anything that can be read, a pipe too, or a name that says so, which then gets the better error when it is missing.
 */
static bool is_ini_file(const char *word) {
  struct stat about;
  const size_t length = strlen(word);
  if (length > 4 && strcmp(word + length - 4, ".ini") == 0) return true;
  return stat(word, &about) == 0 && !S_ISDIR(about.st_mode);
}

static gan_status unknown_command(const char *name) {
  const char *names[COMMAND_COUNT + 2] = {NULL};
  for (int i = 0; i < COMMAND_COUNT; i++) names[i] = gan_commands[i]->name;
  names[COMMAND_COUNT] = "help";
  const char *nearest = gan_nearest_name(name, names);
  if (nearest) return gan_fail(GAN_BAD_USAGE, "unknown subcommand %.80s; did you mean %s?", name, nearest);
  return gan_fail(GAN_BAD_USAGE, "%.80s is neither a subcommand (gan_dist --help lists them) nor an INI file", name);
}

gan_status gan_command_choose(int count, char *const *words, const gan_command **command, int *used) {
  *used = 0;
  *command = &gan_command_train;
  if (count == 0 || words[0][0] == '-') return GAN_OK;
  const gan_command *named = gan_command_find(words[0]);
  if (!named) return is_ini_file(words[0]) ? GAN_OK : unknown_command(words[0]);
  *command = named;
  *used = 1;
  return GAN_OK;
}
