/* One JSON object on standard output, as --json asks for. */
#ifndef GAN_CLI_JSON_H
#define GAN_CLI_JSON_H

#include <json-c/json.h>
#include <stdint.h>

#include "base/error.h"

/* A number with nine significant digits, enough for any float32; null where JSON has no word for it (infinity, NaN). */
struct json_object *gan_json_number(double value);

/* Members of an object, which takes them over. */
void gan_json_add(struct json_object *object, const char *name, struct json_object *value);
void gan_json_add_text(struct json_object *object, const char *name, const char *text);
void gan_json_add_integer(struct json_object *object, const char *name, int64_t value);

/* Prints the object on a line of standard output and releases it. */
void gan_json_print(struct json_object *object);

#endif
