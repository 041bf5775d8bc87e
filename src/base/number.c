/* Numbers as text.

   strtod and printf follow the program's locale, which a program that embeds the library may have set to one with a
   decimal comma; a configuration must read the same everywhere. So both run under the C locale here. */
#include "base/number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DOUBLE_DIGITS = 17 }; /* decimal digits that tell any two doubles apart */

/* The calling thread's locale becomes C; returns the one before. newlocale of "C" cannot fail in glibc, but if it did,
   the locale would stay as it is. */
static locale_t enter_c_locale(locale_t *c_locale) {
  *c_locale = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
  return *c_locale ? uselocale(*c_locale) : (locale_t)0;
}

static void leave_c_locale(locale_t c_locale, locale_t before) {
  if (before) uselocale(before);
  if (c_locale) freelocale(c_locale);
}

gan_status gan_parse_integer(const char *text, int64_t *value) {
  char *end = NULL;
  errno = 0;
  const long long parsed = strtoll(text, &end, 10);
  if (!*text || *end || strspn(text, "+-0123456789") != strlen(text))
    return gan_fail(GAN_BAD_USAGE, "'%.80s' is not a whole number", text);
  if (errno == ERANGE) return gan_fail(GAN_BAD_USAGE, "'%.80s' does not fit a 64-bit whole number", text);
  *value = parsed;
  return GAN_OK;
}

gan_status gan_parse_real(const char *text, double *value) {
  locale_t c_locale;
  const locale_t before = enter_c_locale(&c_locale);
  char *end = NULL;
  errno = 0;
  const double parsed = strtod(text, &end);
  const int error = errno;
  leave_c_locale(c_locale, before);
  if (!*text || *end || strspn(text, "+-.0123456789eE") != strlen(text))
    return gan_fail(GAN_BAD_USAGE, "'%.80s' is not a number", text);
  /* ERANGE also comes with numbers below 1e-308 that are kept with fewer digits; those are taken. */
  if (error == ERANGE && (parsed > 1 || parsed < -1 || parsed == 0))
    return gan_fail(GAN_BAD_USAGE, "'%.80s' does not fit a double-precision number", text);
  *value = parsed;
  return GAN_OK;
}

static const struct {
  const char *name;
  double bytes;
} units[] = {{"", 1},        {"B", 1},        {"kB", 1e3},     {"MB", 1e6},    {"GB", 1e9},
             {"k", 0x1p10},  {"M", 0x1p20},   {"G", 0x1p30},   {"Ki", 0x1p10}, {"Mi", 0x1p20},
             {"Gi", 0x1p30}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}};

static double unit_bytes(const char *name) {
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcasecmp(units[i].name, name) == 0) return units[i].bytes;
  return 0;
}

gan_status gan_parse_bytes(const char *text, int64_t *bytes) {
  const size_t digits = strspn(text, "+-.0123456789");
  const double unit = unit_bytes(text + digits + (text[digits] == ' '));
  char number[GAN_NUMBER_TEXT] = "";
  double value = 0;
  if (digits < sizeof number) memcpy(number, text, digits);
  if (unit == 0 || gan_parse_real(number, &value) != GAN_OK || value * unit != rint(value * unit))
    return gan_fail(GAN_BAD_USAGE, "'%.80s' is no number of bytes: 65536, 64KiB, 16MiB, 1GiB, 1MB (1000 kB)", text);
  if (value < 0 || value * unit >= 0x1p63)
    return gan_fail(GAN_BAD_USAGE, "'%.80s' is no number of bytes that there can be", text);
  *bytes = (int64_t)(value * unit);
  return GAN_OK;
}

int gan_print_plain(char *text, size_t size, const char *format, ...) {
  locale_t c_locale;
  const locale_t before = enter_c_locale(&c_locale);
  va_list arguments;
  va_start(arguments, format);
  const int used = vsnprintf(text, size, format, arguments);
  va_end(arguments);
  leave_c_locale(c_locale, before);
  return used;
}

char *gan_print_real(double value, char *text) {
  locale_t c_locale;
  const locale_t before = enter_c_locale(&c_locale);
  /* Whole numbers of everyday size as people write them: 120, not 1.2e+02. */
  const bool whole = fabs(value) < 1e6 && value == rint(value);
  for (int digits = whole ? 7 : 1; digits <= DOUBLE_DIGITS; digits++) {
    snprintf(text, GAN_NUMBER_TEXT, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  leave_c_locale(c_locale, before);
  return text;
}
