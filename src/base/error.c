/* The last error's text of each thread. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 1024 };
static _Thread_local char message[MESSAGE_BYTES];

const char *gan_error_message(void) { return message; }

void gan_error_set(const char *text) { snprintf(message, sizeof message, "%s", text); }

gan_status gan_fail(gan_status status, const char *format, ...) {
  /* Formatted beside its place: an argument may be the recorded message itself. */
  char text[MESSAGE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  memcpy(message, text, sizeof message);
  return status;
}

gan_status gan_fail_prefix(gan_status status, const char *format, ...) {
  char text[MESSAGE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  int used = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (used >= 0 && used < MESSAGE_BYTES) snprintf(text + used, sizeof text - (size_t)used, "%s", message);
  memcpy(message, text, sizeof message);
  return status;
}
