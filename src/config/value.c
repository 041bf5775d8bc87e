/* How an option's text becomes a field, and a field text again.

   What is accepted can always be written to an INI file and read back the same. So a text may not hold what INI files
   cannot: control characters, white space at its ends, or a ';' where a comment would begin. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/number.h"
#include "config/config.h"
#include "config/value.h"

enum {
  TEXT_LIMIT = 4096,    /* the longest path of the system */
  LAYERS_LIMIT = 16384, /* some 500 layers; a checkpoint keeps the configuration as an attribute of at most 64 KiB */
  CHOICES_TEXT = 512
};

/* Fields are reached through memcpy: a text's field may be a `char *` or a `const char *`, an integer's an int or an
   int64_t. */
static void *field_of(const gan_option *option, gan_config *config) { return (char *)config + option->offset; }

static char *text_of(const gan_option *option, const gan_config *config) {
  char *text;
  memcpy(&text, (const char *)config + option->offset, sizeof text);
  return text;
}

/* Takes `text` over. */
static void store_text(const gan_option *option, gan_config *config, char *text) {
  free(text_of(option, config));
  memcpy(field_of(option, config), &text, sizeof text);
}

static void store_integer(const gan_option *option, gan_config *config, int64_t value) {
  const int narrow = (int)value; /* the table's range is that of an int where the field is one */
  if (option->size == sizeof narrow)
    memcpy(field_of(option, config), &narrow, sizeof narrow);
  else
    memcpy(field_of(option, config), &value, sizeof value);
}

static int64_t integer_of(const gan_option *option, const gan_config *config) {
  const char *field = (const char *)config + option->offset;
  int64_t wide;
  int narrow;
  if (option->size == sizeof narrow) {
    memcpy(&narrow, field, sizeof narrow);
    return narrow;
  }
  memcpy(&wide, field, sizeof wide);
  return wide;
}

static double real_of(const gan_option *option, const gan_config *config) {
  double value;
  memcpy(&value, (const char *)config + option->offset, sizeof value);
  return value;
}

static gan_step_ratio ratio_of(const gan_option *option, const gan_config *config) {
  gan_step_ratio value;
  memcpy(&value, (const char *)config + option->offset, sizeof value);
  return value;
}

static bool boolean_of(const gan_option *option, const gan_config *config) {
  bool value;
  memcpy(&value, (const char *)config + option->offset, sizeof value);
  return value;
}

char *gan_option_range(const gan_option *option, char *text) {
  char low[GAN_NUMBER_TEXT], high[GAN_NUMBER_TEXT];
  if (option->type == GAN_OPTION_INTEGER) {
    /* INT64_MAX is not a double; the table's 2^63 stands for it. */
    const int64_t maximum = option->maximum >= (double)INT64_MAX ? INT64_MAX : (int64_t)option->maximum;
    snprintf(text, GAN_RANGE_TEXT, "between %" PRId64 " and %" PRId64, (int64_t)option->minimum, maximum);
    return text;
  }
  gan_print_real(option->minimum, low);
  gan_print_real(option->maximum, high);
  if (option->type == GAN_OPTION_RATIO) {
    snprintf(text, GAN_RANGE_TEXT, "whole and between %s and %s, or 1/k of such a k", low, high);
    return text;
  }
  if (option->minimum_exclusive)
    snprintf(text, GAN_RANGE_TEXT, "above %s and %s %s", low, option->maximum_exclusive ? "below" : "at most", high);
  else if (option->maximum_exclusive)
    snprintf(text, GAN_RANGE_TEXT, "at least %s and below %s", low, high);
  else
    snprintf(text, GAN_RANGE_TEXT, "%sbetween %s and %s", option->or_zero ? "0 or " : "", low, high);
  return text;
}

static gan_status out_of_range(const gan_option *option, const char *value) {
  char range[GAN_RANGE_TEXT];
  return gan_fail(GAN_BAD_USAGE, "%s has to be %s, not %.80s", option->key, gan_option_range(option, range), value);
}

static bool in_range(const gan_option *option, double value) {
  if (option->or_zero && value == 0) return true;
  if (option->minimum_exclusive ? value <= option->minimum : value < option->minimum) return false;
  return option->maximum_exclusive ? value < option->maximum : value <= option->maximum;
}

static bool is_whole(const char *value) {
  value += *value == '-' || *value == '+';
  return *value && strspn(value, "0123456789") == strlen(value);
}

static gan_status set_integer(const gan_option *option, gan_config *config, const char *value) {
  int64_t number;
  const gan_status status = gan_parse_integer(value, &number);
  if (status != GAN_OK && is_whole(value)) return out_of_range(option, value); /* not even int64_t holds it */
  if (status != GAN_OK) return gan_fail_prefix(status, "%s: ", option->key);
  if (!in_range(option, (double)number)) return out_of_range(option, value);
  store_integer(option, config, number);
  return GAN_OK;
}

static gan_status set_real(const gan_option *option, gan_config *config, const char *value) {
  double number = NAN;
  if (option->unset && strcmp(value, option->unset) == 0) {
    memcpy(field_of(option, config), &number, sizeof number);
    return GAN_OK;
  }
  const gan_status status = gan_parse_real(value, &number);
  if (status != GAN_OK) return gan_fail_prefix(status, "%s: ", option->key);
  if (!in_range(option, number)) return out_of_range(option, value);
  memcpy(field_of(option, config), &number, sizeof number);
  return GAN_OK;
}

/* A whole number, its reciprocal as 1/k, or that as a decimal fraction. */
static gan_status set_ratio(const gan_option *option, gan_config *config, const char *value) {
  const bool fraction = strncmp(value, "1/", 2) == 0;
  double number;
  const gan_status status = gan_parse_real(fraction ? value + 2 : value, &number);
  if (status != GAN_OK) return gan_fail_prefix(status, "%s: ", option->key);
  const bool below = fraction || (number > 0 && number < 1);
  const double count = below && !fraction ? 1 / number : number, whole = nearbyint(count);
  if (!(fabs(count - whole) <= 1e-9 * whole) || !in_range(option, whole)) return out_of_range(option, value);
  const gan_step_ratio ratio = {.critic = below ? 1 : (int64_t)whole, .generator = below ? (int64_t)whole : 1};
  memcpy(field_of(option, config), &ratio, sizeof ratio);
  return GAN_OK;
}

static gan_status print_ratio(gan_step_ratio ratio, char **text) {
  char number[GAN_NUMBER_TEXT];
  const bool below = ratio.generator > 1;
  snprintf(number, sizeof number, "%s%" PRId64, below ? "1/" : "", below ? ratio.generator : ratio.critic);
  return gan_duplicate(number, text);
}

bool gan_parse_boolean(const char *text, bool *value) {
  static const char *const words[][2] = {{"no", "yes"}, {"false", "true"}, {"off", "on"}, {"0", "1"}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    for (int meaning = 0; meaning <= 1; meaning++)
      if (strcasecmp(text, words[i][meaning]) == 0) {
        *value = meaning;
        return true;
      }
  return false;
}

static gan_status set_boolean(const gan_option *option, gan_config *config, const char *value) {
  bool truth;
  if (!gan_parse_boolean(value, &truth))
    return gan_fail(GAN_BAD_USAGE, "%s has to be yes or no, not '%.80s'", option->key, value);
  memcpy(field_of(option, config), &truth, sizeof truth);
  return GAN_OK;
}

/* "a, b, c", cut off when there is no more room. */
static void print_choices(const gan_option *option, char *text) {
  size_t used = 0;
  const char *name;
  text[0] = '\0';
  for (int i = 0; (name = option->choice(i, NULL)) && used < CHOICES_TEXT; i++) {
    const int written = snprintf(text + used, CHOICES_TEXT - used, "%s%s", i ? ", " : "", name);
    if (written < 0) return;
    used += (size_t)written;
  }
}

static gan_status unknown_choice(const gan_option *option, const char *value) {
  enum { CHOICE_LIMIT = 64 };
  const char *names[CHOICE_LIMIT + 1] = {NULL};
  for (int i = 0; i < CHOICE_LIMIT && (names[i] = option->choice(i, NULL)); i++) continue;
  const char *nearest = gan_nearest_name(value, names);
  char choices[CHOICES_TEXT];
  print_choices(option, choices);
  return gan_fail(GAN_BAD_USAGE, "%s: unknown name '%.80s'%s%s%s; there %s %s", option->key, value,
                  nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "",
                  names[0] && names[1] ? "are" : "is", choices);
}

static bool is_choice(const gan_option *option, const char *value) {
  const char *name;
  for (int i = 0; (name = option->choice(i, NULL)); i++)
    if (strcmp(name, value) == 0) return true;
  return false;
}

static gan_status set_text(const gan_option *option, gan_config *config, const char *value) {
  char *copy;
  GAN_TRY(gan_duplicate(value, &copy));
  store_text(option, config, copy);
  return GAN_OK;
}

/* Refuses what an INI file would not give back. */
static gan_status check_text(const gan_option *option, const char *value) {
  const size_t length = strlen(value);
  if (length > TEXT_LIMIT) return gan_fail(GAN_BAD_USAGE, "%s is longer than %d bytes", option->key, (int)TEXT_LIMIT);
  for (size_t i = 0; i < length; i++) {
    if (iscntrl((unsigned char)value[i]))
      return gan_fail(GAN_BAD_USAGE, "%s holds a line end or another control character", option->key);
    if (value[i] == ';' && (i == 0 || isspace((unsigned char)value[i - 1])))
      return gan_fail(GAN_BAD_USAGE, "%s holds a ';' where an INI file would begin a comment", option->key);
  }
  if (length && (isspace((unsigned char)value[0]) || isspace((unsigned char)value[length - 1])))
    return gan_fail(GAN_BAD_USAGE, "%s begins or ends with a space", option->key);
  return GAN_OK;
}

/* One layer a line, without empty lines and outer blanks: the form in which layers are kept. */
static void normalise_layers(char *text) {
  char *out = text;
  for (char *in = text; *in;) {
    while (isspace((unsigned char)*in) || *in == ',') in++;
    const size_t length = strcspn(in, ",\n");
    size_t kept = length;
    while (kept && isspace((unsigned char)in[kept - 1])) kept--;
    if (kept && out > text) *out++ = '\n';
    memmove(out, in, kept);
    out += kept;
    in += length;
  }
  *out = '\0';
}

static gan_status set_layers(const gan_option *option, gan_config *config, const char *value) {
  if (strlen(value) > LAYERS_LIMIT)
    return gan_fail(GAN_BAD_USAGE, "%s is longer than %d bytes", option->key, (int)LAYERS_LIMIT);
  for (const char *c = value; *c; c++)
    if (*c == ';' || *c == '#' || (iscntrl((unsigned char)*c) && !isspace((unsigned char)*c)))
      return gan_fail(GAN_BAD_USAGE,
                      "%s: layers are separated by commas or line ends, and hold no ';', '#' or control "
                      "character",
                      option->key);
  char *copy;
  GAN_TRY(gan_duplicate(value, &copy));
  normalise_layers(copy);
  store_text(option, config, copy);
  return GAN_OK;
}

static gan_status set_value(const gan_option *option, gan_config *config, const char *value) {
  switch (option->type) {
    case GAN_OPTION_TEXT:
      GAN_TRY(check_text(option, value));
      return set_text(option, config, value);
    case GAN_OPTION_NAME:
      return is_choice(option, value) ? set_text(option, config, value) : unknown_choice(option, value);
    case GAN_OPTION_LAYERS:
      return set_layers(option, config, value);
    case GAN_OPTION_INTEGER:
      return set_integer(option, config, value);
    case GAN_OPTION_REAL:
      return set_real(option, config, value);
    case GAN_OPTION_RATIO:
      return set_ratio(option, config, value);
    case GAN_OPTION_BOOLEAN:
      return set_boolean(option, config, value);
    case GAN_OPTION_PRESET:
      return is_choice(option, value) ? gan_config_use_preset(config, value) : unknown_choice(option, value);
  }
  return gan_fail(GAN_FAILED, "%s: its row in the option table has no type", option->key);
}

gan_status gan_option_set(const gan_option *option, gan_config *config, const char *value) {
  GAN_TRY(set_value(option, config, value));
  config->given[option - gan_options] = true;
  config->brought[option - gan_options] = config->takes_preset;
  return GAN_OK;
}

gan_status gan_option_print(const gan_option *option, const gan_config *config, char **text) {
  char number[GAN_NUMBER_TEXT];
  switch (option->type) {
    case GAN_OPTION_TEXT:
    case GAN_OPTION_NAME:
    case GAN_OPTION_LAYERS:
      return gan_duplicate(text_of(option, config), text);
    case GAN_OPTION_INTEGER:
      snprintf(number, sizeof number, "%" PRId64, integer_of(option, config));
      return gan_duplicate(number, text);
    case GAN_OPTION_RATIO:
      return print_ratio(ratio_of(option, config), text);
    case GAN_OPTION_REAL:
      if (option->unset && isnan(real_of(option, config))) return gan_duplicate(option->unset, text);
      return gan_duplicate(gan_print_real(real_of(option, config), number), text);
    case GAN_OPTION_BOOLEAN:
      return gan_duplicate(boolean_of(option, config) ? "yes" : "no", text);
    case GAN_OPTION_PRESET:
      return gan_duplicate("", text); /* what the preset said is in the other keys */
  }
  return gan_fail(GAN_FAILED, "%s: its row in the option table has no type", option->key);
}

const char *gan_option_text(const gan_option *option, const gan_config *config) { return text_of(option, config); }

double gan_option_number(const gan_option *option, const gan_config *config) {
  if (option->type == GAN_OPTION_BOOLEAN) return boolean_of(option, config);
  return option->type == GAN_OPTION_REAL ? real_of(option, config) : (double)integer_of(option, config);
}

bool gan_option_is_text(const gan_option *option) {
  return option->type == GAN_OPTION_TEXT || option->type == GAN_OPTION_NAME || option->type == GAN_OPTION_LAYERS;
}

gan_status gan_option_copy(const gan_option *option, const gan_config *from, gan_config *to) {
  if (gan_option_is_text(option)) return set_text(option, to, text_of(option, from));
  if (option->size) memcpy(field_of(option, to), (const char *)from + option->offset, option->size);
  return GAN_OK;
}

void gan_option_release(const gan_option *option, gan_config *config) {
  if (gan_option_is_text(option)) store_text(option, config, NULL);
}
