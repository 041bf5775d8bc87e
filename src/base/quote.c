#include "base/quote.h"

#include <stdio.h>
#include <string.h>

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./,:=+@%-";

const char *gan_quote(const char *text, size_t size, char *out) {
  const char *const before = text[0] == '-' ? "./" : "";
  if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
    snprintf(out, size, "%s%s", before, text);
    return out;
  }
  size_t used = (size_t)snprintf(out, size, "'%s", before);
  /* A quote ends the quoted part, stands for itself, and begins the next part. */
  for (; *text && used < size; text++)
    used += (size_t)(*text == '\'' ? snprintf(out + used, size - used, "'\\''")
                                   : snprintf(out + used, size - used, "%c", *text));
  if (used < size) snprintf(out + used, size - used, "'");
  return out;
}
