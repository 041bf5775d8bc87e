/* `gan_dist inspect FILE`: tells what a file is by its contents, never by its name, and hands it to the function that
   knows this kind. */
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "base/probe.h"
#include "cli/inspect.h"
#include "cli/run_folder.h"
#include "data/idx_file.h"
#include "data/npy_file.h"
#include "data/picture_hint.h"
#include "data/source.h"
#include "store/kind.h"
#include "store/safetensors.h"

struct json_object *gan_inspect_object(const char *kind, const char *path) {
  struct json_object *object = json_object_new_object();
  gan_json_add_text(object, "kind", kind);
  gan_json_add_text(object, "path", path);
  return object;
}

void gan_inspect_add_shape(struct json_object *object, const char *name, const gan_shape *shape) {
  struct json_object *sizes = json_object_new_array();
  for (int i = 0; i < shape->rank; i++) json_object_array_add(sizes, json_object_new_int64(shape->size[i]));
  gan_json_add(object, name, sizes);
}

/* Running mean and sum of squared deviations (Welford, "Note on a method for calculating corrected sums of squares and
   products", 1962), which stays exact where the mean is large against the deviation. */
typedef struct running_moments {
  gan_value_range range;
  double squares;
} running_moments;

static void add_value(running_moments *moments, double value) {
  gan_value_range *range = &moments->range;
  if (!isfinite(value)) {
    range->other++;
    return;
  }
  range->minimum = range->finite ? fmin(range->minimum, value) : value;
  range->maximum = range->finite ? fmax(range->maximum, value) : value;
  range->finite++;
  const double before = value - range->mean;
  range->mean += before / (double)range->finite;
  moments->squares += before * (value - range->mean);
}

static gan_value_range finish_range(const running_moments *moments) {
  gan_value_range range = moments->range;
  if (range.finite)
    range.standard_deviation = sqrt(moments->squares / (double)range.finite);
  else
    range.minimum = range.maximum = range.mean = range.standard_deviation = NAN;
  return range;
}

gan_value_range gan_range_of_floats(int64_t count, const float *values) {
  running_moments moments = {.squares = 0.0};
  for (int64_t i = 0; i < count; i++) add_value(&moments, values[i]);
  return finish_range(&moments);
}

gan_value_range gan_range_of_doubles(int64_t count, const double *values) {
  running_moments moments = {.squares = 0.0};
  for (int64_t i = 0; i < count; i++) add_value(&moments, values[i]);
  return finish_range(&moments);
}

/* A trace is for other programs to read; that it is one is all there is to say here. */
static void show_trace(const gan_arguments *arguments, const char *path) {
  if (arguments->json)
    gan_json_print(gan_inspect_object("trace", path));
  else
    printf("trace %s\nWhat every update computed, in groups /initial, /update_000000 and on; \"h5ls -r\" lists them.\n",
           path);
}

/* Of the keys on the command line, all have to mean something to who reads the file: `source`, or NULL, which is no
   data source and has no use for any. */
static gan_status refuse_other_keys(const gan_arguments *arguments, const char *path, const char *source) {
  const gan_source_type *type = source ? gan_source_type_find(source) : NULL;
  for (int i = arguments->environment_key_count; i < arguments->key_count; i++)
    if (!type || !gan_source_type_reads(type, arguments->keys[i]))
      return gan_fail(GAN_BAD_USAGE, "--%s means nothing to %s, which is no %s", arguments->keys[i], path,
                      type ? "HDF5 file" : "data file");
  return GAN_OK;
}

static gan_status inspect_samples(const gan_arguments *arguments, const char *path, const char *source) {
  GAN_TRY(refuse_other_keys(arguments, path, source));
  return gan_inspect_data(arguments, path, source);
}

/* A trained network that another program has written; whether it is a sound one is for its reader to say. */
static void show_safetensors(const gan_arguments *arguments, const char *path) {
  if (arguments->json)
    gan_json_print(gan_inspect_object("safetensors", path));
  else
    printf(
        "safetensors %s\nTensors of a network; one that has its layers too gives features: gan_dist evaluate .. "
        "--features %s\n",
        path, path);
}

static gan_status inspect_kind(const gan_arguments *arguments, const char *path, gan_file_kind kind) {
  switch (kind) {
    case GAN_KIND_CHECKPOINT:
      return gan_inspect_checkpoint(arguments, path);
    case GAN_KIND_METRICS:
      return gan_inspect_metrics(arguments, path);
    case GAN_KIND_TABLE:
      return gan_inspect_table(arguments, path);
    case GAN_KIND_SAMPLES:
    case GAN_KIND_IMAGES:
    case GAN_KIND_HDF5:
      return inspect_samples(arguments, path, "hdf5");
    case GAN_KIND_TRACE:
      show_trace(arguments, path);
      return GAN_OK;
    case GAN_KIND_PICTURE:
    case GAN_KIND_JSON:
    case GAN_KIND_UNKNOWN:
      break;
  }
  if (gan_npy_begins(path)) return inspect_samples(arguments, path, "npy");
  if (gan_idx_begins(path)) return inspect_samples(arguments, path, "idx");
  if (gan_safetensors_begins(path)) {
    GAN_TRY(refuse_other_keys(arguments, path, NULL));
    show_safetensors(arguments, path);
    return GAN_OK;
  }
  const gan_status status = gan_fail(
      GAN_BAD_FILE,
      "%s is no checkpoint, metrics, trace, benchmark or data file (HDF5, IDX or NumPy), or its start is damaged",
      path);
  return gan_hint_at_pictures("", path, status);
}

static gan_status inspect_file(const gan_arguments *arguments, const char *path) {
  gan_file_kind kind;
  GAN_TRY(gan_file_kind_of(path, &kind));
  const bool data = kind == GAN_KIND_SAMPLES || kind == GAN_KIND_IMAGES || kind == GAN_KIND_HDF5;
  if (!data && kind != GAN_KIND_UNKNOWN) GAN_TRY(refuse_other_keys(arguments, path, NULL));
  return inspect_kind(arguments, path, kind);
}

/* The file that is meant; who means pictures is told how they become one. */
static gan_status find_file(const char *path, char *file, int *damaged) {
  const gan_status status = gan_run_file(path, file, damaged);
  return status == GAN_BAD_FILE ? gan_hint_at_pictures("", path, status) : status;
}

static gan_status look(void *context) {
  const gan_arguments *arguments = context;
  char file[PATH_MAX];
  int damaged;
  GAN_TRY(find_file(arguments->positional[0], file, &damaged));
  /* JSON is for programs; whoever reads it here sees the notice none the less. */
  if (damaged) gan_run_tell_damaged(arguments->json ? stderr : stdout, damaged);
  return inspect_file(arguments, file);
}

/* All that will be read, by a child whose report nobody sees. */
static gan_status probe_inspect(const gan_arguments *arguments) {
  char file[PATH_MAX];
  int damaged;
  if (arguments->positional_count != 1) return GAN_OK;
  GAN_TRY(find_file(arguments->positional[0], file, &damaged));
  if (!gan_file_is_fragile(file)) return GAN_OK;
  return gan_probe_file(file, GAN_PROBE_INSPECT, NULL, look, (void *)arguments);
}

static gan_status run_inspect(gan_arguments *arguments) {
  if (arguments->positional_count != 1)
    return gan_fail(GAN_BAD_USAGE, "inspect takes one file or run's folder, and %d were given: gan_dist inspect FILE",
                    arguments->positional_count);
  if (gan_world_rank(arguments->world) != 0) return GAN_OK;
  return look(arguments);
}

const gan_command gan_command_inspect = {
    .name = "inspect",
    .usage = "inspect FILE|RUN_FOLDER [--json] [-v]",
    .help =
        "shows what a checkpoint, metrics, benchmark or data file holds; of a run's folder its metrics.h5, or else its "
        "newest checkpoint; -v adds a checkpoint's configuration",
    .common = "jv",
    .keys = "data.labels data.weights data.dataset data.axes data.minimum data.maximum data.samples",
    .only_prints = true,
    .run = run_inspect,
    .probe = probe_inspect};
