/* The words of the command line, and the environment.

   An option is, in this order: one of the subcommand's own, one of the common ones, a short form, or a key. Its value
   is behind "=", or the next word. Only options that mean something without a value may stand alone; they take the next
   word when it can be nothing else (yes or no behind a switch). */
#include "cli/arguments.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/number.h"
#include "base/words.h"
#include "config/ini.h"
#include "config/suggestion.h"
#include "config/value.h"

#define VARIABLE_PREFIX "GAN_DIST_"
#define DEFAULT_PRESET "ring8"

const gan_common_option gan_common_options[] = {
    {'o', "-o", "--output", "FILE", "where the result goes"},
    {'n', "-n", "--count", "COUNT", "how many"},
    {'j', NULL, "--json", NULL, "one JSON object on standard output"},
    {'q', "-q", "--quiet", NULL, "errors only"},
    {'v', "-v", "--verbose", NULL, "say more"},
};
const int gan_common_option_count = (int)(sizeof gan_common_options / sizeof *gan_common_options);

/* The words, and how far they have been read. */
typedef struct word_list {
  const gan_command *command;
  char *const *words;
  int count, next;
  const char *preset; /* the one asked for by environment or command line; NULL: none */
} word_list;

/* An option word: "--train.batch=64" has the name "--train.batch" and the value "64". */
typedef struct option_word {
  char name[GAN_VARIABLE_TEXT];
  const char *value; /* behind "="; NULL: none there */
} option_word;

static gan_status too_many(const char *what, int limit) {
  return gan_fail(GAN_BAD_USAGE, "more than %d %s were given", limit, what);
}

static gan_status means_nothing(const gan_command *command, const char *option) {
  return gan_fail(GAN_BAD_USAGE, "%s means nothing to %s (gan_dist %s --help)", option, command->name, command->name);
}

static gan_status add_key(gan_arguments *arguments, const char *key, const char *value) {
  const int limit = (int)(sizeof arguments->keys / sizeof *arguments->keys);
  if (arguments->key_count == limit) return too_many("keys", limit);
  arguments->keys[arguments->key_count] = key;
  arguments->values[arguments->key_count++] = value;
  return GAN_OK;
}

/* --- environment --- */

char *gan_environment_name(const char *key, char *text) {
  int length = snprintf(text, GAN_VARIABLE_TEXT, VARIABLE_PREFIX "%s", key);
  if (length >= GAN_VARIABLE_TEXT) length = GAN_VARIABLE_TEXT - 1;
  for (int i = 0; i < length; i++) text[i] = text[i] == '.' ? '_' : (char)toupper((unsigned char)text[i]);
  return text;
}

static gan_status unknown_variable(const char *name) {
  char variable[GAN_VARIABLE_TEXT] = "", text[GAN_SUGGESTION_TEXT];
  const gan_suggestion meant = gan_suggest_for_variable(name + sizeof VARIABLE_PREFIX - 1);
  if (meant.option) gan_environment_name(meant.option->key, variable);
  return gan_fail(GAN_BAD_USAGE, "unknown environment variable %s%s (%sSECTION_KEY sets section.key)", name,
                  gan_suggestion_print(&meant, variable, text), VARIABLE_PREFIX);
}

static gan_status take_variable(word_list *list, gan_arguments *arguments, const char *variable) {
  char name[GAN_VARIABLE_TEXT], known[GAN_VARIABLE_TEXT];
  const char *equals = strchr(variable, '=');
  snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - variable) : 0, variable);
  for (int i = 0; i < gan_option_count; i++) {
    const gan_option *option = &gan_options[i];
    if (strcmp(name, gan_environment_name(option->key, known)) != 0) continue;
    if (option->type != GAN_OPTION_PRESET) return add_key(arguments, option->key, equals + 1);
    list->preset = equals + 1;
    return GAN_OK;
  }
  return unknown_variable(name);
}

static gan_status take_environment(word_list *list, gan_arguments *arguments) {
  for (char **variable = environ; variable && *variable; variable++)
    if (strncmp(*variable, VARIABLE_PREFIX, sizeof VARIABLE_PREFIX - 1) == 0)
      GAN_TRY(take_variable(list, arguments, *variable));
  arguments->environment_key_count = arguments->key_count;
  return GAN_OK;
}

/* --- options --- */

static option_word split_option(const char *word) {
  option_word option = {.value = strchr(word, '=')};
  const int length = option.value ? (int)(option.value - word) : (int)strlen(word);
  snprintf(option.name, sizeof option.name, "%.*s", length, word);
  if (option.value) option.value++;
  return option;
}

/* The value behind "=", or the next word. A next word that is an option itself is none: a value was forgotten. */
static gan_status need_value(word_list *list, const option_word *option, const char **value) {
  *value = option->value;
  if (*value) return GAN_OK;
  if (list->next == list->count || strncmp(list->words[list->next], "--", 2) == 0)
    return gan_fail(GAN_BAD_USAGE, "%s needs a value: %s=VALUE", option->name, option->name);
  *value = list->words[list->next++];
  return GAN_OK;
}

static gan_status need_no_value(const option_word *option) {
  if (!option->value) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "%s takes no value", option->name);
}

/* The next word if it is no option; otherwise "". */
static const char *next_if_value(word_list *list, const option_word *option) {
  if (option->value) return option->value;
  if (list->next == list->count || list->words[list->next][0] == '-') return "";
  return list->words[list->next++];
}

static const gan_flag *find_flag(const gan_command *command, const char *name) {
  for (const gan_flag *flag = command->flags; flag && flag->name; flag++)
    if (strcmp(flag->name, name) == 0) return flag;
  return NULL;
}

static gan_status take_flag(word_list *list, gan_arguments *arguments, const gan_flag *flag,
                            const option_word *option) {
  const char *value = "";
  if (!flag->value)
    GAN_TRY(need_no_value(option));
  else if (flag->value[0] == '[')
    value = next_if_value(list, option);
  else
    GAN_TRY(need_value(list, option, &value));
  if (arguments->flag_count == GAN_ARGUMENT_LIMIT) return too_many("options", GAN_ARGUMENT_LIMIT);
  arguments->flag_names[arguments->flag_count] = flag->name;
  arguments->flag_values[arguments->flag_count++] = value;
  return GAN_OK;
}

static const gan_common_option *find_common(const char *name) {
  for (int i = 0; i < gan_common_option_count; i++) {
    const gan_common_option *common = &gan_common_options[i];
    if (strcmp(common->long_name, name) == 0 || (common->short_name && strcmp(common->short_name, name) == 0))
      return common;
  }
  return NULL;
}

static gan_status take_count(const char *name, const char *value, int64_t *count) {
  const gan_status status = gan_parse_integer(value, count);
  if (status != GAN_OK) return gan_fail_prefix(status, "%s: ", name);
  if (*count < 1) return gan_fail(GAN_BAD_USAGE, "%s has to be at least 1, not %s", name, value);
  return GAN_OK;
}

static gan_status take_common(word_list *list, gan_arguments *arguments, const gan_common_option *common,
                              const option_word *option) {
  const char *value = NULL;
  const char *used = list->command->common;
  if (!used || !strchr(used, common->letter)) return means_nothing(list->command, option->name);
  GAN_TRY(common->value ? need_value(list, option, &value) : need_no_value(option));
  switch (common->letter) {
    case 'o':
      arguments->output = value;
      break;
    case 'n':
      return take_count(option->name, value, &arguments->count);
    case 'j':
      arguments->json = true;
      break;
    case 'q':
      arguments->quiet = true;
      break;
    default:
      arguments->verbose = true;
      break;
  }
  return GAN_OK;
}

bool gan_command_uses(const gan_command *command, const gan_option *option) {
  if (command->keys) return gan_words_have_key(command->keys, option->key);
  return !command->foreign || !gan_words_have_key(command->foreign, option->key);
}

/* The environment is for all commands. */
static bool comes_from_environment(const gan_arguments *arguments, const gan_option *option) {
  for (int i = 0; i < arguments->environment_key_count; i++)
    if (strcmp(arguments->keys[i], option->key) == 0) return true;
  return false;
}

/* What a printed configuration lists because it lists all is no wish. */
static gan_status refuse_unless_default(const gan_command *command, const gan_arguments *arguments,
                                        const gan_option *option, const gan_config *defaults) {
  char *difference = NULL;
  GAN_TRY(gan_config_difference(option, defaults, arguments->config, &difference));
  const bool differs = difference;
  free(difference);
  if (!differs) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "%s, which %s sets, means nothing to %s (gan_dist %s --help)", option->key,
                  arguments->ini ? arguments->ini : "the preset", command->name, command->name);
}

gan_status gan_command_check_config(const gan_command *command, const gan_arguments *arguments) {
  gan_config *defaults = NULL;
  gan_status status = gan_config_create(&defaults);
  for (int i = 0; status == GAN_OK && i < gan_option_count; i++) {
    const gan_option *option = &gan_options[i];
    const bool set = arguments->config->given[i] || arguments->config->brought[i];
    if (!set || gan_command_uses(command, option) || comes_from_environment(arguments, option)) continue;
    status = refuse_unless_default(command, arguments, option, defaults);
  }
  gan_config_destroy(defaults);
  return gan_world_agree(arguments->world, status);
}

bool gan_command_refuses(const gan_command *command, const gan_option *option) {
  return command->refused && gan_words_have_key(command->refused, option->key);
}

static gan_status take_key(word_list *list, gan_arguments *arguments, const gan_option *known,
                           const option_word *option) {
  const char *value = option->value;
  bool truth;
  if (!gan_command_uses(list->command, known) || (known->type == GAN_OPTION_PRESET && !list->command->takes_config))
    return means_nothing(list->command, option->name);
  if (!known->alone)
    GAN_TRY(need_value(list, option, &value));
  else if (!value && list->next < list->count && gan_parse_boolean(list->words[list->next], &truth))
    value = list->words[list->next++];
  if (known->type != GAN_OPTION_PRESET) return add_key(arguments, known->key, value ? value : known->alone);
  list->preset = value;
  return GAN_OK;
}

/* "-n" for "-n5": the letter of a common option with its value right behind it. */
static option_word split_short(const char *word) {
  option_word option = {.name = {word[0], word[1]}};
  if (word[2]) option.value = word + 2 + (word[2] == '=');
  return option;
}

/* The flag, common option or short form that is nearest, without its dashes, so that a dash more or less does not
   count. */
static const char *nearest_short(const gan_command *command, const char *bare) {
  enum { NAME_LIMIT = 4 * GAN_ARGUMENT_LIMIT };
  const char *names[NAME_LIMIT + 1] = {NULL};
  int count = 0;
  for (const gan_flag *flag = command->flags; flag && flag->name && count < GAN_ARGUMENT_LIMIT; flag++)
    names[count++] = flag->name + strspn(flag->name, "-");
  for (int i = 0; i < gan_common_option_count; i++)
    if (command->common && strchr(command->common, gan_common_options[i].letter))
      names[count++] = gan_common_options[i].long_name + 2;
  for (int i = 0; i < gan_option_count && count < NAME_LIMIT - 2; i++)
    if (gan_options[i].short_form && gan_command_uses(command, &gan_options[i]))
      names[count++] = gan_options[i].short_form + 2;
  names[count++] = "help";
  names[count++] = "version";
  /* "--out" is the beginning of one name, however near it is to another. */
  for (int i = 0; i < count && strlen(bare) > 2; i++)
    if (strncmp(names[i], bare, strlen(bare)) == 0) return names[i];
  return *bare ? gan_nearest_name(bare, names) : NULL;
}

/* What was meant, as far as this subcommand takes it. */
static gan_suggestion suggest(const gan_command *command, const char *bare) {
  const gan_suggestion nothing = {.option = NULL};
  const gan_suggestion meant = *bare ? gan_suggest(bare) : nothing;
  if (!meant.option || gan_command_uses(command, meant.option)) return meant;
  const bool counts = meant.renamed && strcmp(meant.option->key, "samples.count") == 0 && command->common &&
                      strchr(command->common, 'n');
  return counts ? (gan_suggestion){.renamed = true, .note = "here it is -n COUNT"} : nothing;
}

static gan_status unknown_option(const gan_command *command, const char *name) {
  const char *bare = name + strspn(name, "-");
  char text[GAN_SUGGESTION_TEXT], written[GAN_VARIABLE_TEXT] = "";
  const gan_suggestion meant = suggest(command, bare);
  const char *nearest = meant.renamed ? NULL : nearest_short(command, bare);
  if (nearest) return gan_fail(GAN_BAD_USAGE, "unknown option %s; did you mean --%s?", name, nearest);
  if (meant.option && meant.option->short_form && !strchr(bare, '.'))
    snprintf(written, sizeof written, "%s", meant.option->short_form);
  else if (meant.option)
    snprintf(written, sizeof written, "--%s", meant.option->key);
  gan_suggestion_print(&meant, written, text);
  if (*text) return gan_fail(GAN_BAD_USAGE, "unknown option %s%s", name, text);
  return gan_fail(GAN_BAD_USAGE, "unknown option %s (gan_dist %s --help lists them)", name, command->name);
}

static gan_status take_option(word_list *list, gan_arguments *arguments, const char *word) {
  const bool is_long = word[1] == '-';
  const option_word option = is_long ? split_option(word) : split_short(word);
  const gan_flag *flag = find_flag(list->command, option.name);
  if (flag) return take_flag(list, arguments, flag, &option);
  const gan_common_option *common = find_common(option.name);
  if (common) return take_common(list, arguments, common, &option);
  const gan_option *known = is_long ? gan_option_find(option.name) : NULL;
  if (!known && is_long && option.name[2] != '-') known = gan_option_find(option.name + 2);
  if (known) return take_key(list, arguments, known, &option);
  return unknown_option(list->command, is_long ? option.name : word);
}

/* --- all of it --- */

static gan_status take_words(word_list *list, gan_arguments *arguments) {
  bool options_over = false;
  while (list->next < list->count) {
    const char *word = list->words[list->next++];
    if (!options_over && strcmp(word, "--") == 0)
      options_over = true;
    else if (!options_over && word[0] == '-' && word[1])
      GAN_TRY(take_option(list, arguments, word));
    else if (arguments->positional_count == GAN_ARGUMENT_LIMIT)
      return too_many("words", GAN_ARGUMENT_LIMIT);
    else
      arguments->positional[arguments->positional_count++] = word;
  }
  return GAN_OK;
}

/* The INI file, taken from the front of the positional words; NULL when there is none. */
static const char *take_ini(const gan_command *command, gan_arguments *arguments) {
  if (!command->takes_config || arguments->positional_count == 0) return NULL;
  const char *path = arguments->positional[0];
  arguments->positional_count--;
  memmove(arguments->positional, arguments->positional + 1,
          (size_t)arguments->positional_count * sizeof *arguments->positional);
  return path;
}

static gan_status build_config(const word_list *list, gan_arguments *arguments) {
  const char *ini = arguments->ini = take_ini(list->command, arguments);
  const char *preset = list->command->takes_config ? list->preset : NULL;
  const bool overruled = preset != NULL;
  if (list->command->takes_config && !preset && !ini)
    preset = list->command->preset ? list->command->preset : DEFAULT_PRESET;
  GAN_TRY(gan_config_create(&arguments->config));
  if (preset) GAN_TRY(gan_config_use_preset(arguments->config, preset));
  if (!overruled)
    gan_config_count_as_default(arguments->config); /* nobody asked for it: a run that goes on has its own */
  if (ini)
    GAN_TRY(gan_ini_read_file(arguments->config, ini, overruled ? GAN_INI_PRESET_OVERRULED : GAN_INI_PRESET_TAKEN));
  return gan_arguments_apply(arguments, arguments->config);
}

gan_status gan_arguments_parse(const gan_command *command, int count, char *const *words, gan_arguments *arguments) {
  word_list list = {.command = command, .words = words, .count = count};
  GAN_TRY(take_environment(&list, arguments));
  GAN_TRY(take_words(&list, arguments));
  if (!arguments->output) arguments->output = command->output;
  return build_config(&list, arguments);
}

void gan_arguments_release(gan_arguments *arguments) {
  gan_config_destroy(arguments->config);
  arguments->config = NULL;
}

gan_status gan_arguments_apply(const gan_arguments *arguments, gan_config *config) {
  char variable[GAN_VARIABLE_TEXT];
  for (int i = 0; i < arguments->key_count; i++) {
    const gan_status status = gan_config_set(config, arguments->keys[i], arguments->values[i]);
    if (status != GAN_OK && i < arguments->environment_key_count)
      return gan_fail_prefix(status, "environment variable %s: ", gan_environment_name(arguments->keys[i], variable));
    GAN_TRY(status);
  }
  return GAN_OK;
}

bool gan_command_only_prints(const gan_command *command, const gan_arguments *arguments) {
  return command->only_prints && !(command->writes && gan_argument(arguments, command->writes));
}

const char *gan_argument(const gan_arguments *arguments, const char *flag) {
  for (int i = arguments->flag_count - 1; i >= 0; i--)
    if (strcmp(arguments->flag_names[i], flag) == 0) return arguments->flag_values[i];
  return NULL;
}
