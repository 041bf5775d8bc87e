/* Where samples come from: attributes of files that `sample -o FILE.h5` wrote. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/inspect.h"

enum { NAME_WIDTH = 21 };

/* "latent_stream" to "latent stream". */
static void print_name(const char *name) {
  int printed = 0;
  for (; name[printed]; printed++) putchar(name[printed] == '_' ? ' ' : name[printed]);
  printf("%*s", NAME_WIDTH > printed ? NAME_WIDTH - printed : 1, "");
}

static void print_value(const gan_samples_field *field, const void *value) {
  switch (field->type) {
    case GAN_SAMPLES_TEXT:
      printf("%s\n", (const char *)value);
      return;
    case GAN_SAMPLES_INTEGER:
      printf("%" PRId64 "\n", *(const int64_t *)value);
      return;
    case GAN_SAMPLES_UNSIGNED:
      printf("%" PRIu64 "\n", *(const uint64_t *)value);
      return;
    case GAN_SAMPLES_REAL:
      printf("%.9g\n", *(const double *)value);
      return;
  }
}

void gan_inspect_print_origin(const gan_samples_origin *origin) {
  if (!origin) return;
  printf("\nmade by gan_dist sample\n");
  for (int i = 0; i < gan_samples_field_count; i++) {
    printf("  ");
    print_name(gan_samples_fields[i].name);
    print_value(&gan_samples_fields[i], (const char *)origin + gan_samples_fields[i].offset);
  }
}

static struct json_object *json_of(const gan_samples_field *field, const void *value) {
  switch (field->type) {
    case GAN_SAMPLES_TEXT:
      return json_object_new_string(value);
    case GAN_SAMPLES_INTEGER:
      return json_object_new_int64(*(const int64_t *)value);
    case GAN_SAMPLES_UNSIGNED:
      return json_object_new_uint64(*(const uint64_t *)value);
    case GAN_SAMPLES_REAL:
      break;
  }
  return gan_json_number(*(const double *)value);
}

void gan_inspect_add_origin(struct json_object *object, const gan_samples_origin *origin) {
  if (!origin) return;
  struct json_object *members = json_object_new_object();
  for (int i = 0; i < gan_samples_field_count; i++)
    gan_json_add(members, gan_samples_fields[i].name,
                 json_of(&gan_samples_fields[i], (const char *)origin + gan_samples_fields[i].offset));
  gan_json_add(object, "origin", members);
}
