/* Data files, read as training would read them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/number.h"
#include "cli/inspect.h"
#include "data/source.h"

/* Enough for a range; not so many that a large file takes long. */
enum { SAMPLE_LIMIT = 1000, VALUE_LIMIT = 1 << 22 };

/* The range of the first samples; *read is how many. */
static gan_status range_of_samples(gan_source *source, int64_t *read, gan_value_range *range) {
  const int64_t elements = gan_shape_count(&source->shape);
  int64_t n = VALUE_LIMIT / elements;
  n = n < 1 ? 1 : n > SAMPLE_LIMIT ? SAMPLE_LIMIT : n;
  if (n > source->count) n = source->count;
  int64_t indices[SAMPLE_LIMIT];
  for (int64_t i = 0; i < n; i++) indices[i] = i;
  float *values = NULL;
  GAN_TRY(gan_allocate((size_t)n, (size_t)elements * sizeof *values, "the first samples", &values));
  const gan_status status = gan_source_read(source, indices, n, values, NULL);
  if (status == GAN_OK) *range = gan_range_of_floats(n * elements, values);
  *read = n;
  free(values);
  return status;
}

/* How many samples count for nothing, and the range of all weights. */
static int64_t weightless(const gan_source *source) {
  int64_t count = 0;
  for (int64_t i = 0; i < source->count; i++) count += source->weights[i] == 0;
  return count;
}

static void print_weights(const gan_source *source) {
  if (!source->weights) return;
  const gan_value_range range = gan_range_of_floats(source->count, source->weights);
  printf("  weights            %.5g to %.5g, mean %.5g; %" PRId64 " are 0\n", gan_shown(range.minimum),
         gan_shown(range.maximum), gan_shown(range.mean), weightless(source));
}

static void add_weights(struct json_object *object, const gan_source *source) {
  if (!source->weights) return;
  const gan_value_range range = gan_range_of_floats(source->count, source->weights);
  struct json_object *weights = json_object_new_object();
  gan_json_add(weights, "minimum", gan_json_number(range.minimum));
  gan_json_add(weights, "maximum", gan_json_number(range.maximum));
  gan_json_add(weights, "mean", gan_json_number(range.mean));
  gan_json_add_integer(weights, "zeros", weightless(source));
  gan_json_add(object, "weights", weights);
}

static void print_text(const char *path, const gan_source *source, int64_t read, const gan_value_range *range,
                       const gan_samples_origin *origin) {
  char text[GAN_SHAPE_TEXT];
  printf("data %s\n\n", path);
  printf("  source             %s\n", source->type->name);
  printf("  samples            %" PRId64 "\n", source->count);
  if (source->axes) printf("  axes of the file   %s (%s)\n", source->axes->name, source->axes->help);
  printf("  shape of a sample  %s\n", gan_shape_print(&source->shape, text));
  if (source->label_count)
    printf("  classes            %d\n", source->label_count);
  else
    printf("  classes            no labels\n");
  print_weights(source);
  printf("  fingerprint        %016" PRIx64 "\n", source->fingerprint);
  printf("  first %" PRId64 " sample%s, as training sees them:\n", read, read == 1 ? "" : "s");
  printf("    minimum %.5g  maximum %.5g  mean %.5g  deviation %.5g\n", gan_shown(range->minimum),
         gan_shown(range->maximum), gan_shown(range->mean), gan_shown(range->standard_deviation));
  if (range->other) printf("    %" PRId64 " values are not finite\n", range->other);
  gan_inspect_print_origin(origin);
}

static void print_json(const char *path, const gan_source *source, int64_t read, const gan_value_range *range,
                       const gan_samples_origin *origin) {
  char fingerprint[17];
  snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, source->fingerprint);
  struct json_object *object = gan_inspect_object("data", path);
  gan_json_add_text(object, "source", source->type->name);
  gan_json_add_integer(object, "samples", source->count);
  if (source->axes) gan_json_add_text(object, "axes", source->axes->name);
  gan_inspect_add_shape(object, "shape", &source->shape);
  gan_json_add_integer(object, "classes", source->label_count);
  add_weights(object, source);
  gan_json_add_text(object, "fingerprint", fingerprint);
  gan_json_add_integer(object, "samples_read", read);
  gan_json_add(object, "minimum", gan_json_number(range->minimum));
  gan_json_add(object, "maximum", gan_json_number(range->maximum));
  gan_json_add(object, "mean", gan_json_number(range->mean));
  gan_json_add(object, "standard_deviation", gan_json_number(range->standard_deviation));
  gan_json_add_integer(object, "not_finite", range->other);
  gan_inspect_add_origin(object, origin);
  gan_json_print(object);
}

gan_status gan_inspect_data(const gan_arguments *arguments, const char *path, const char *source_name) {
  /* data.dataset, data.labels and data.weights may be given on the command line. */
  gan_data_options options = arguments->config->data;
  options.source = source_name;
  options.path = path;
  options.memory = 0; /* a look at the first samples needs no more of them */
  gan_source *source = NULL;
  gan_samples_origin origin;
  bool known = false;
  if (strcmp(source_name, "hdf5") == 0) GAN_TRY(gan_samples_read_origin(path, &known, &origin));
  GAN_TRY(gan_source_open(&options, 0, NULL, &source));
  gan_value_range range;
  int64_t read;
  const gan_status status = range_of_samples(source, &read, &range);
  if (status == GAN_OK && arguments->json) print_json(path, source, read, &range, known ? &origin : NULL);
  if (status == GAN_OK && !arguments->json) print_text(path, source, read, &range, known ? &origin : NULL);
  gan_source_close(source);
  return status;
}
