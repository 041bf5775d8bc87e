/* The help texts, made from the tables. */
#ifndef GAN_CLI_HELP_H
#define GAN_CLI_HELP_H

#include <stdio.h>

#include "cli/command.h"

/* The program's: subcommands, short forms, sections of keys. */
void gan_help_program(FILE *out);

/* A subcommand's: usage, its own options, the common ones it uses, and the keys of the configuration it takes. */
void gan_help_command(FILE *out, const gan_command *command);

/* A row of two columns: a name, and what it is, wrapped. For tables of other commands too. */
void gan_help_row(FILE *out, const char *left, const char *help);

/* What an option accepts, in a word: "NAME", "N", "X", "yes|no", "LAYERS", "FILE". */
const char *gan_help_value(const gan_option *option);

#endif
