/* `gan_dist config`: the effective configuration, and lists of everything that a configuration can name.

   A list is a row with a function that gives its entries one by one, so that the text table and the JSON array are one
   loop each. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/number.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/config_memory.h"
#include "cli/help.h"
#include "cli/json.h"
#include "config/relevance.h"
#include "config/value.h"
#include "data/source.h"
#include "nn/network.h"
#include "train/regularisers.h"

enum { NOTES_TEXT = 1024 };

typedef struct list_entry {
  const char *name; /* NULL: past the end */
  const char *help;
} list_entry;

typedef struct name_list {
  const char *name;
  const char *help;
  list_entry (*entry)(int i);
  void (*details)(int i, struct json_object *row); /* further members in JSON; NULL: none */
} name_list;

/* The choices of the option with this key, which are rows of some table. */
static list_entry choice_entry(const char *key, int i) {
  list_entry entry = {NULL, ""};
  entry.name = gan_option_find(key)->choice(i, &entry.help);
  return entry;
}

static list_entry preset_entry(int i) { return choice_entry("run.preset", i); }

/* Each is a key of the section critic, which is 0 or "no" where it is not used. */
static list_entry regulariser_entry(int i) {
  static const char *const keys[] = {"critic.clip",   "critic.clip_norm",    "critic.gradient_penalty",
                                     "critic.dragan", "critic.r1",           "critic.r2",
                                     "critic.lecam",  "critic.spectral_norm"};
  if (i >= (int)(sizeof keys / sizeof *keys)) return (list_entry){NULL, NULL};
  return (list_entry){strchr(keys[i], '.') + 1, gan_option_find(keys[i])->help};
}

static list_entry loss_entry(int i) { return choice_entry("loss.name", i); }
static list_entry optimizer_entry(int i) { return choice_entry("optimizer.name", i); }
static list_entry schedule_entry(int i) { return choice_entry("optimizer.schedule", i); }
static list_entry initialisation_entry(int i) { return choice_entry("generator.init", i); }
static list_entry source_entry(int i) { return choice_entry("data.source", i); }
static list_entry backend_entry(int i) { return choice_entry("run.backend", i); }

static list_entry augmentation_entry(int i) {
  if (i >= GAN_AUGMENTATIONS) return (list_entry){NULL, NULL};
  return (list_entry){gan_augmentation_types[i].name, gan_augmentation_types[i].help};
}

static void augmentation_details(int i, struct json_object *row) {
  gan_json_add_text(row, "source", gan_augmentation_types[i].source);
  if (gan_augmentation_types[i].policy) gan_json_add_text(row, "policy", gan_augmentation_types[i].policy);
}

/* The text table shows how a layer is written, which begins with its name. */
static list_entry layer_entry(int i) {
  if (i >= gan_layer_type_count) return (list_entry){NULL, NULL};
  return (list_entry){gan_layer_types[i]->usage, gan_layer_types[i]->help};
}

static void layer_details(int i, struct json_object *row) {
  gan_json_add_text(row, "name", gan_layer_types[i]->name);
  gan_json_add_text(row, "usage", gan_layer_types[i]->usage);
}

static list_entry option_entry(int i) {
  if (i >= gan_option_count) return (list_entry){NULL, NULL};
  return (list_entry){gan_options[i].key, gan_options[i].help};
}

static void option_choices(const gan_option *option, struct json_object *row) {
  struct json_object *array = json_object_new_array();
  const char *name;
  for (int i = 0; (name = option->choice(i, NULL)); i++) json_object_array_add(array, json_object_new_string(name));
  gan_json_add(row, "choices", array);
}

static void option_details(int i, struct json_object *row) {
  const gan_option *option = &gan_options[i];
  char variable[GAN_VARIABLE_TEXT];
  gan_json_add_text(row, "value", gan_help_value(option));
  gan_json_add_text(row, "default", option->default_value);
  gan_json_add_text(row, "environment", gan_environment_name(option->key, variable));
  if (option->short_form) gan_json_add_text(row, "short_form", option->short_form);
  if (option->choice) option_choices(option, row);
  if (option->type != GAN_OPTION_INTEGER && option->type != GAN_OPTION_REAL) return;
  gan_json_add(row, "minimum", json_object_new_double(option->minimum));
  gan_json_add(row, "maximum", json_object_new_double(option->maximum));
}

static const name_list lists[] = {
    {"presets", "ready-made configurations, for --preset NAME", preset_entry, NULL},
    {"layers", "layers of a network, for generator.layers and critic.layers", layer_entry, layer_details},
    {"losses", "what the networks minimise, for loss.name", loss_entry, NULL},
    {"augmentations", "what happens to samples on their way into the critic, for augment.operations",
     augmentation_entry, augmentation_details},
    {"regularisers", "what keeps the critic in bounds: section critic has a key for each", regulariser_entry, NULL},
    {"optimizers", "how gradients become updates, for optimizer.name", optimizer_entry, NULL},
    {"schedules", "how the learning rate changes, for optimizer.schedule", schedule_entry, NULL},
    {"initialisations", "how weights start, for generator.init and critic.init", initialisation_entry, NULL},
    {"sources", "where real samples come from, for data.source", source_entry, NULL},
    {"backends", "who computes the matrix products, for run.backend", backend_entry, NULL},
    {"options", "every key of the configuration", option_entry, option_details},
};
enum { LIST_COUNT = sizeof lists / sizeof *lists };

/* An option's short form, default and range or choices, below its help. */
static void print_option_notes(const gan_option *option) {
  char range[GAN_RANGE_TEXT] = "", text[NOTES_TEXT];
  const char *name;
  const bool number =
      option->type == GAN_OPTION_INTEGER || option->type == GAN_OPTION_REAL || option->type == GAN_OPTION_RATIO;
  if (number) gan_option_range(option, range);
  int used = snprintf(text, sizeof text, "%s%sdefault %s%s%s", option->short_form ? option->short_form : "",
                      option->short_form ? "; " : "", *option->default_value ? option->default_value : "empty",
                      number ? "; " : "", range);
  for (int i = 0; option->choice && (name = option->choice(i, NULL)) && used < NOTES_TEXT; i++)
    used += snprintf(text + used, sizeof text - (size_t)used, "%s%s", i ? ", " : "; one of ", name);
  gan_help_row(stdout, "", text);
}

static void print_list(const name_list *list) {
  list_entry entry;
  for (int i = 0; (entry = list->entry(i)).name; i++) {
    gan_help_row(stdout, entry.name, entry.help);
    if (list->entry == option_entry) print_option_notes(&gan_options[i]);
  }
}

static void print_list_json(const name_list *list) {
  struct json_object *object = json_object_new_object(), *array = json_object_new_array();
  list_entry entry;
  for (int i = 0; (entry = list->entry(i)).name; i++) {
    struct json_object *row = json_object_new_object();
    gan_json_add_text(row, "name", entry.name);
    gan_json_add_text(row, "help", entry.help);
    if (list->details) list->details(i, row);
    json_object_array_add(array, row);
  }
  gan_json_add(object, list->name, array);
  gan_json_print(object);
}

static list_entry list_of_lists_entry(int i) {
  if (i >= LIST_COUNT) return (list_entry){NULL, NULL};
  return (list_entry){lists[i].name, lists[i].help};
}

static gan_status find_list(const char *name, const name_list **list) {
  static const name_list list_of_lists = {"lists", "", list_of_lists_entry, NULL};
  const char *names[LIST_COUNT + 1] = {NULL};
  *list = &list_of_lists;
  if (!*name) return GAN_OK;
  for (int i = 0; i < LIST_COUNT; i++) {
    *list = &lists[i];
    if (strcmp(lists[i].name, name) == 0) return GAN_OK;
    names[i] = lists[i].name;
  }
  const char *nearest = gan_nearest_name(name, names);
  return gan_fail(GAN_BAD_USAGE, "there is no list of '%.80s'%s%s%s (gan_dist config --list names them)", name,
                  nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* A value with its JSON type. The texts come from gan_option_print, so the numbers parse. */
static gan_status json_value(const gan_option *option, const gan_config *config, struct json_object **value) {
  char *text;
  int64_t integer = 0;
  double real = 0;
  GAN_TRY(gan_option_print(option, config, &text));
  gan_status status = GAN_OK;
  if (option->type == GAN_OPTION_INTEGER || (option->type == GAN_OPTION_RATIO && !strchr(text, '/'))) {
    status = gan_parse_integer(text, &integer);
    *value = json_object_new_int64(integer);
  } else if (option->type == GAN_OPTION_REAL && !(option->unset && strcmp(text, option->unset) == 0)) {
    status = gan_parse_real(text, &real);
    *value = json_object_new_double_s(real, text);
  } else if (option->type == GAN_OPTION_BOOLEAN) {
    *value = json_object_new_boolean(strcmp(text, "yes") == 0);
  } else {
    *value = json_object_new_string(text);
  }
  free(text);
  return status;
}

static gan_status fill_json(const gan_config *config, struct json_object *object) {
  for (int i = 0; i < gan_option_count; i++) {
    const gan_option *option = &gan_options[i];
    struct json_object *section = NULL, *value = NULL;
    char name[64];
    if (option->type == GAN_OPTION_PRESET) continue;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(option->key, "."), option->key);
    if (!json_object_object_get_ex(object, name, &section))
      gan_json_add(object, name, section = json_object_new_object());
    GAN_TRY(json_value(option, config, &value));
    gan_json_add(section, strchr(option->key, '.') + 1, value);
  }
  return GAN_OK;
}

static gan_status print_config(const gan_arguments *arguments) {
  if (arguments->json) {
    struct json_object *object = json_object_new_object();
    const gan_status status = fill_json(arguments->config, object);
    if (status == GAN_OK)
      gan_json_print(object);
    else
      json_object_put(object);
    return status;
  }
  char *text;
  GAN_TRY(gan_config_print(arguments->config, &text));
  fputs(text, stdout);
  free(text);
  return GAN_OK;
}

/* As training would have it. */
static gan_status settle(gan_config *config) {
  char *idle;
  GAN_TRY(gan_config_settle(config, &idle));
  free(idle);
  if (!isnan(config->critic.clip)) config->critic.clip = gan_clip_of(config);
  return GAN_OK;
}

static gan_status run(gan_arguments *arguments) {
  if (arguments->positional_count)
    return gan_fail(GAN_BAD_USAGE, "config takes one INI file at most, and '%.80s' is left over",
                    arguments->positional[0]);
  const char *wanted = gan_argument(arguments, "--list");
  const name_list *list = NULL;
  const bool memory = gan_argument(arguments, "--memory");
  if (wanted) GAN_TRY(find_list(wanted, &list));
  if (memory && wanted) return gan_fail(GAN_BAD_USAGE, "--list and --memory print different things; ask for one");
  if (!memory && (gan_argument(arguments, "--np") || gan_argument(arguments, "--hosts")))
    return gan_fail(GAN_BAD_USAGE, "--np and --hosts are for --memory; a configuration does not depend on ranks");
  if (!wanted) GAN_TRY(settle(arguments->config));
  if (memory) return gan_config_memory(arguments);
  if (gan_world_rank(arguments->world) != 0) return GAN_OK;
  if (!list) return print_config(arguments);
  if (arguments->json)
    print_list_json(list);
  else
    print_list(list);
  return GAN_OK;
}

/* The memory that data take is told by their file. */
static gan_status probe_config(const gan_arguments *arguments) {
  return gan_argument(arguments, "--memory") ? gan_source_probe(&arguments->config->data) : GAN_OK;
}

static const gan_flag flags[] = {
    {"--list", "[LIST]",
     "presets, layers, losses, augmentations, regularisers, optimizers, schedules, initialisations, sources, backends "
     "or options; alone: the lists"},
    {"--memory", NULL, "prints what training would take on each rank and on each host, without taking it"},
    {"--np", "RANKS", "for --memory: with so many ranks; without: those there are"},
    {"--hosts", "HOSTS", "for --memory: with the ranks on so many hosts; without: 1, or those there are"},
    {NULL, NULL, NULL},
};

const gan_command gan_command_config = {
    .name = "config",
    .usage =
        "config [CONFIG.ini] [--preset NAME] [--section.key=VALUE ...] [--json]\n"
        "       gan_dist config [CONFIG.ini] ... --memory [--np RANKS] [--hosts HOSTS] [--json]\n"
        "       gan_dist config --list [LIST] [--json]",
    .help =
        "prints the effective configuration as an INI file; lists presets, layers, losses, options, ...; tells how "
        "much "
        "memory training takes",
    .takes_config = true,
    .common = "j",
    .flags = flags,
    .only_prints = true,
    .run = run,
    .probe = probe_config,
};
