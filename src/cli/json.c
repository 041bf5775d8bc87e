/* JSON output, over json-c. A member for which no memory is left becomes null. */
#include "cli/json.h"

#include <math.h>
#include <stdio.h>

#include "base/number.h"

struct json_object *gan_json_number(double value) {
  char text[32];
  if (!isfinite(value)) return NULL; /* json-c's null */
  gan_print_plain(text, sizeof text, "%.9g", gan_shown(value));
  return json_object_new_double_s(value, text);
}

void gan_json_add(struct json_object *object, const char *name, struct json_object *value) {
  json_object_object_add(object, name, value);
}

void gan_json_add_text(struct json_object *object, const char *name, const char *text) {
  json_object_object_add(object, name, json_object_new_string(text));
}

void gan_json_add_integer(struct json_object *object, const char *name, int64_t value) {
  json_object_object_add(object, name, json_object_new_int64(value));
}

void gan_json_print(struct json_object *object) {
  printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(object);
}
