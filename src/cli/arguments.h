/* From the words of the command line and the environment to a subcommand's arguments. */
#ifndef GAN_CLI_ARGUMENTS_H
#define GAN_CLI_ARGUMENTS_H

#include "cli/command.h"

/* An option that many subcommands share and that is no key of the configuration. */
typedef struct gan_common_option {
  char letter;            /* how gan_command.common names it */
  const char *short_name; /* "-o", or NULL */
  const char *long_name;  /* "--output" */
  const char *value;      /* name of its value in the help text; NULL: a switch */
  const char *help;
} gan_common_option;

extern const gan_common_option gan_common_options[];
extern const int gan_common_option_count;

/* Reads `count` words (those after the subcommand) and the GAN_DIST_* environment, and builds the configuration:
   built-in defaults < preset < INI file < environment < command line. Where the command takes a configuration and is
   given neither a preset nor an INI file, the command's preset is the base, ring8 unless it says another. Words are
   borrowed; what is allocated is released by gan_arguments_release, after an error too. GAN_BAD_USAGE, GAN_BAD_FILE
   (the INI file). */
gan_status gan_arguments_parse(const gan_command *command, int count, char *const *words,
                               gan_arguments *arguments) GAN_CHECKED;
void gan_arguments_release(gan_arguments *arguments);

/* "GAN_DIST_TRAIN_BATCH" for "train.batch", into a text of GAN_VARIABLE_TEXT bytes; returns it. */
enum { GAN_VARIABLE_TEXT = 80 };
char *gan_environment_name(const char *key, char *text);

#endif
