/* Subcommands: one row each, and what the command line said. */
#ifndef GAN_CLI_COMMAND_H
#define GAN_CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "gan_dist/world.h"

/* An option that belongs to one subcommand only and is no key of the configuration ("--real 1,2,3"). */
typedef struct gan_flag {
  const char *name;  /* "--real" */
  const char *value; /* name of its value in the help text, "[NAME]" when it may be left out; NULL: a switch */
  const char *help;
} gan_flag;

enum { GAN_ARGUMENT_LIMIT = 64 };

typedef struct gan_arguments {
  gan_world *world;
  gan_config *config; /* defaults < preset < INI file < environment < command line */
  const char *ini;    /* the INI file; NULL: none */
  int positional_count;
  const char
      *positional[GAN_ARGUMENT_LIMIT]; /* without the subcommand, and without the INI file if the command takes one */
  /* -o and -n, --json, -q, -v: common to all subcommands, an error where a subcommand does not use them. */
  const char *output; /* NULL: not given */
  int64_t count;      /* 0: not given */
  bool json, quiet, verbose;
  int flag_count; /* this subcommand's own flags as given; value "" for switches */
  const char *flag_names[GAN_ARGUMENT_LIMIT];
  const char *flag_values[GAN_ARGUMENT_LIMIT];
  /* Configuration keys given by environment and command line, in order, to be laid over a checkpoint's configuration.
   */
  int key_count;
  int environment_key_count; /* the first so many come from the environment */
  const char *keys[GAN_ARGUMENT_LIMIT * 4];
  const char *values[GAN_ARGUMENT_LIMIT * 4];
} gan_arguments;

typedef struct gan_command {
  const char *name;
  const char *usage; /* "sample CHECKPOINT [-o FILE] [-n COUNT]" */
  const char *help;
  bool takes_config;   /* a first positional argument is an INI file */
  bool shares_work;    /* among ranks: MPI is asked how many there are, even where no launcher is seen */
  bool only_prints;    /* may be done by several processes at once, each of them alone by mistake */
  const char *writes;  /* its own flag that names a file to write, without which it only prints; NULL: there is none */
  const char *common;  /* which common options it uses, of "o n j q v" */
  const char *output;  /* where the result goes when -o does not say; NULL: nowhere, or the command needs it said */
  const char *preset;  /* taken where a command that takes a configuration is given none; NULL: ring8 */
  const char *keys;    /* sections and single keys that mean something here ("loss run.seed"); NULL: all do */
  const char *foreign; /* where all do: sections that another command has for itself */
  const char *refused; /* of these keys, those that it takes only to say what to do instead, which no help lists */
  const gan_flag *flags; /* ends with a NULL name; NULL: none */
  /* Runs on every rank. Only rank 0 writes to stdout. Whoever is called returns its own status; main agrees on it, and
     rank 0 prints the message once. */
  gan_status (*run)(gan_arguments *arguments);
  void (*stop)(void); /* a signal asks it to stop (cli/signals.h); NULL: the signal ends the process */
  /* NULL, or tries files that may crash the library that reads them (base/probe.h). Called on rank 0 before MPI starts,
     without a world; an error is that of the command, on all ranks. */
  gan_status (*probe)(const gan_arguments *arguments);
} gan_command;

extern const gan_command *const gan_commands[];
extern const int gan_command_count;

/* Whether a key of the configuration means something to the command. One that does not is refused on its command line,
   rather than ignored; the environment is for all subcommands. */
bool gan_command_uses(const gan_command *command, const gan_option *option);
/* GAN_BAD_USAGE where a preset or an INI file sets a key that means nothing to the command to other than its default.
   Collective; errors are agreed on, one for want of memory too. */
gan_status gan_command_check_config(const gan_command *command, const gan_arguments *arguments) GAN_CHECKED;
bool gan_command_refuses(const gan_command *command, const gan_option *option);
/* Whether nothing is written but to stdout. */
bool gan_command_only_prints(const gan_command *command, const gan_arguments *arguments);
/* The value of an own flag, or NULL when it was not given. */
const char *gan_argument(const gan_arguments *arguments, const char *flag);
/* Lays the keys of environment and command line over another configuration (a checkpoint's). */
gan_status gan_arguments_apply(const gan_arguments *arguments, gan_config *config) GAN_CHECKED;

/* One per file command_NAME.c. */
extern const gan_command gan_command_train, gan_command_sample, gan_command_inspect, gan_command_loss,
    gan_command_config, gan_command_info, gan_command_benchmark, gan_command_convert, gan_command_classify,
    gan_command_evaluate;

#endif
