/* Which subcommand a command line asks for. */
#ifndef GAN_CLI_COMMANDS_H
#define GAN_CLI_COMMANDS_H

#include "cli/command.h"

/* By name; NULL when unknown. */
const gan_command *gan_command_find(const char *name);

/* The subcommand of the words behind the program's name, and how many of them name it (1 or 0). Without a name it is
   `train`: when there is no word, when the first is an option, and when it is an INI file. GAN_BAD_USAGE for an unknown
   name, with the nearest offered. */
gan_status gan_command_choose(int count, char *const *words, const gan_command **command, int *used) GAN_CHECKED;

#endif
