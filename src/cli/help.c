/* Help texts. What is said about each command, option and key stands in their tables; only how they go together is said
   here. */
#include "cli/help.h"

#include <stdbool.h>
#include <string.h>

#include "cli/arguments.h"
#include "gan_dist/version.h"

enum { LEFT_COLUMN = 32, RIGHT_COLUMN = 86, NAME_TEXT = 96, LEFT_TEXT = 320 };

/* As many bytes of the text as fit the right column, up to a space. */
static int fitting(const char *text) {
  const size_t length = strlen(text);
  if (length <= RIGHT_COLUMN) return (int)length;
  int at = RIGHT_COLUMN;
  while (at > 0 && text[at] != ' ') at--;
  return at ? at : (int)length;
}

void gan_help_row(FILE *out, const char *left, const char *help) {
  const char *first = left;
  if (strlen(left) >= LEFT_COLUMN) {
    fprintf(out, "  %s\n", left);
    first = "";
  }
  do {
    const int length = fitting(help);
    fprintf(out, "  %-*s%.*s\n", LEFT_COLUMN, first, length, help);
    first = "";
    help += length + (help[length] == ' ');
  } while (*help);
}

const char *gan_help_value(const gan_option *option) {
  if (option->value_name) return option->value_name;
  switch (option->type) {
    case GAN_OPTION_NAME:
    case GAN_OPTION_PRESET:
      return "NAME";
    case GAN_OPTION_LAYERS:
      return "LAYERS";
    case GAN_OPTION_INTEGER:
      return "N";
    case GAN_OPTION_REAL:
      return "X";
    case GAN_OPTION_RATIO:
      return "N|1/N";
    case GAN_OPTION_BOOLEAN:
      return "yes|no";
    default:
      return "TEXT";
  }
}

static void key_row(FILE *out, const gan_option *option, const char *name) {
  char left[LEFT_TEXT];
  if (option->alone)
    snprintf(left, sizeof left, "%s[=%s]", name, gan_help_value(option));
  else
    snprintf(left, sizeof left, "%s %s", name, gan_help_value(option));
  gan_help_row(out, left, option->help);
}

static void short_forms(FILE *out) {
  fprintf(out, "\nShort forms of common keys\n");
  for (int i = 0; i < gan_option_count; i++)
    if (gan_options[i].short_form) key_row(out, &gan_options[i], gan_options[i].short_form);
}

/* True for the first key of its section. */
static bool begins_section(int i) {
  const size_t length = strcspn(gan_options[i].key, ".") + 1;
  return i == 0 || strncmp(gan_options[i - 1].key, gan_options[i].key, length) != 0;
}

static void section_names(FILE *out) {
  fprintf(out, "\nSections of keys, the same in INI files and as --section.key=VALUE:\n ");
  for (int i = 0; i < gan_option_count; i++)
    if (begins_section(i)) fprintf(out, " %.*s", (int)strcspn(gan_options[i].key, "."), gan_options[i].key);
  fprintf(out, "\n  `gan_dist config --list options` explains every key, `gan_dist config` prints their values.\n");
}

static void precedence(FILE *out) {
  fprintf(
      out,
      "\nValues come from: built-in defaults < preset < INI file < GAN_DIST_SECTION_KEY in the environment < command "
      "line.\nWith neither a preset nor an INI file the preset ring8 is the base: `gan_dist --batch 128` is ring8 "
      "with that batch.\n");
}

void gan_help_program(FILE *out) {
  fprintf(out, "gan_dist " GAN_DIST_VERSION
               ": trains generative adversarial networks with many processes\n\n"
               "usage: gan_dist [SUBCOMMAND] [CONFIG.ini] [--section.key=VALUE ...]\n"
               "       mpirun -np 8 gan_dist [SUBCOMMAND] ...\n\nSubcommands\n");
  for (int i = 0; i < gan_command_count; i++) gan_help_row(out, gan_commands[i]->name, gan_commands[i]->help);
  gan_help_row(out, "help [SUBCOMMAND]", "this text, or that of a subcommand, as --help does");
  gan_help_row(out, "--version", "the program's version");
  fprintf(out,
          "Without a subcommand it is train; without anything, train with the preset ring8, which needs no files.\n");
  short_forms(out);
  section_names(out);
  precedence(out);
  fprintf(
      out,
      "\nExit status: 0 done, 1 failed, 2 bad usage or configuration, 3 bad input file, 75 stopped after a checkpoint "
      "(run again\nwith --resume to go on).\n");
}

static void own_options(FILE *out, const gan_command *command) {
  bool any = false;
  for (const gan_flag *flag = command->flags; flag && flag->name; flag++, any = true) {
    char left[LEFT_TEXT];
    if (!any) fprintf(out, "\nOptions of %s\n", command->name);
    snprintf(left, sizeof left, "%s%s%s", flag->name, flag->value ? " " : "", flag->value ? flag->value : "");
    gan_help_row(out, left, flag->help);
  }
}

static void common_options(FILE *out, const gan_command *command) {
  fprintf(out, "\nCommon options\n");
  for (int i = 0; i < gan_common_option_count; i++) {
    const gan_common_option *common = &gan_common_options[i];
    char left[LEFT_TEXT];
    if (!command->common || !strchr(command->common, common->letter)) continue;
    snprintf(left, sizeof left, "%s%s%s%s%s", common->short_name ? common->short_name : "",
             common->short_name ? ", " : "", common->long_name, common->value ? " " : "",
             common->value ? common->value : "");
    gan_help_row(out, left, common->help);
  }
  gan_help_row(out, "-h, --help", "this text");
}

/* Every key of the sections that the command takes. */
static void keys(FILE *out, const gan_command *command) {
  const gan_option *before = NULL;
  for (int i = 0; i < gan_option_count; i++) {
    const gan_option *option = &gan_options[i];
    const size_t section = strcspn(option->key, ".");
    char name[NAME_TEXT];
    if (!gan_command_uses(command, option) || gan_command_refuses(command, option)) continue;
    if (!before || strncmp(before->key, option->key, section + 1) != 0)
      fprintf(out, "\nKeys of %.*s\n", (int)section, option->key);
    before = option;
    snprintf(name, sizeof name, "%s%s--%s", option->short_form ? option->short_form : "",
             option->short_form ? ", " : "", option->key);
    key_row(out, option, name);
  }
}

void gan_help_command(FILE *out, const gan_command *command) {
  fprintf(out, "usage: gan_dist %s\n\n%s\n", command->usage, command->help);
  own_options(out, command);
  common_options(out, command);
  if (command->keys || command->takes_config) {
    keys(out, command);
  } else {
    fprintf(out, "\nKeys of the configuration may be given as --section.key=VALUE, over those of the file:\n");
    section_names(out);
  }
  if (command->takes_config) precedence(out);
}
