#include "cli/evaluate_inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/folder.h"
#include "base/memory.h"
#include "base/number.h"
#include "cli/run_folder.h"
#include "data/idx_file.h"
#include "data/npy_file.h"
#include "data/part.h"
#include "dist/world.h"
#include "store/checkpoint.h"
#include "store/kind.h"
#include "train/real_rows.h"

/* --- What a word is --- */

/* The data source that reads a file or folder, NULL for a checkpoint and for a run's folder. GAN_BAD_FILE for what is
   none of these. */
static gan_status source_of(const char *path, const char **source) {
  gan_file_kind kind;
  *source = NULL;
  if (gan_is_folder(path)) {
    if (gan_idx_in_folder(path)) *source = "idx";
    return GAN_OK;
  }
  GAN_TRY(gan_file_kind_of(path, &kind));
  if (kind == GAN_KIND_CHECKPOINT) return GAN_OK;
  if (kind == GAN_KIND_SAMPLES || kind == GAN_KIND_IMAGES || kind == GAN_KIND_HDF5) *source = "hdf5";
  if (kind == GAN_KIND_UNKNOWN) *source = gan_npy_begins(path) ? "npy" : gan_idx_begins(path) ? "idx" : NULL;
  if (*source) return GAN_OK;
  return gan_fail(GAN_BAD_FILE,
                  "%s is neither a checkpoint nor samples (HDF5, NumPy's .npy, IDX)%s%s, or its start is damaged", path,
                  kind == GAN_KIND_UNKNOWN ? "" : " but ", kind == GAN_KIND_UNKNOWN ? "" : gan_file_kind_name(kind));
}

/* --- What is judged --- */

void gan_judged_release(gan_judged *judged) {
  free(judged->checkpoints);
  *judged = (gan_judged){.count = 0};
}

static gan_status add(gan_judged *judged, const char *path) {
  for (int i = 0; i < judged->count; i++)
    if (gan_same_file(judged->checkpoints[i], path))
      return gan_fail(GAN_BAD_USAGE, "%s is the checkpoint %s, which is named already: name each once", path,
                      judged->checkpoints[i]);
  char(*larger)[PATH_MAX] = NULL;
  GAN_TRY(gan_allocate((size_t)judged->count + 1, sizeof *larger, "the list of checkpoints", &larger));
  if (judged->count) memcpy(larger, judged->checkpoints, (size_t)judged->count * sizeof *larger);
  free(judged->checkpoints);
  judged->checkpoints = larger;
  if (snprintf(larger[judged->count], PATH_MAX, "%s", path) >= PATH_MAX)
    return gan_fail(GAN_BAD_USAGE, "the path %.80s... is too long", path);
  judged->count++;
  return GAN_OK;
}

/* All checkpoints of a run's folder that verify, oldest first. */
static gan_status add_all(gan_judged *judged, const char *folder) {
  int64_t *iterations = NULL;
  size_t count;
  const int before = judged->count;
  GAN_TRY(gan_checkpoint_list(folder, &count, &iterations));
  gan_status status = GAN_OK;
  for (size_t i = 0; i < count && status == GAN_OK; i++) {
    char path[PATH_MAX];
    gan_checkpoint_path(folder, iterations[i], path);
    status = gan_checkpoint_verify(path);
    judged->damaged += status == GAN_BAD_FILE;
    status = status == GAN_OK ? add(judged, path) : status == GAN_BAD_FILE ? GAN_OK : status;
  }
  free(iterations);
  if (status != GAN_OK || judged->count > before) return status;
  return gan_fail(GAN_BAD_FILE, "%s has no checkpoint (checkpoint-*.h5) that can be read in it: name a run's folder",
                  folder);
}

static gan_status add_newest(gan_judged *judged, const char *path) {
  char file[PATH_MAX];
  int damaged;
  gan_checkpoint_file *opened = NULL;
  GAN_TRY(gan_run_checkpoint_open(path, file, &damaged, &opened));
  gan_checkpoint_close(opened);
  judged->damaged += damaged;
  return add(judged, file);
}

static gan_status take_word(const gan_arguments *arguments, const char *path, gan_judged *judged) {
  const bool all = gan_argument(arguments, "--all") != NULL;
  const char *source;
  GAN_TRY(source_of(path, &source));
  if (source && arguments->positional_count > 1)
    return gan_fail(GAN_BAD_USAGE,
                    "%s holds samples, which are judged by themselves; the real ones are named with --against", path);
  if (source) return all ? gan_fail(GAN_BAD_USAGE, "--all is for a run's folder, and %s holds samples", path) : GAN_OK;
  if (all && !gan_is_folder(path)) return gan_fail(GAN_BAD_USAGE, "--all is for a run's folder, and %s is none", path);
  return all ? add_all(judged, path) : add_newest(judged, path);
}

static gan_status find(const gan_arguments *arguments, gan_judged *judged) {
  if (arguments->positional_count == 0)
    return gan_fail(GAN_BAD_USAGE,
                    "what is to be evaluated? gan_dist evaluate RUN_FOLDER, a checkpoint, or a file of "
                    "samples with --against");
  for (int i = 0; i < arguments->positional_count; i++) GAN_TRY(take_word(arguments, arguments->positional[i], judged));
  judged->curve = judged->count > 1 || gan_argument(arguments, "--all") != NULL;
  return GAN_OK;
}

gan_status gan_judged_find(gan_world *world, const gan_arguments *arguments, gan_judged *judged) {
  *judged = (gan_judged){.count = 0};
  const bool first = !world || gan_world_rank(world) == 0;
  gan_status status = first ? find(arguments, judged) : GAN_OK;
  if (!world) return status;
  GAN_TRY(gan_world_agree(world, status));
  char(*checkpoints)[PATH_MAX] = judged->checkpoints;
  gan_world_broadcast(world, judged, sizeof *judged);
  judged->checkpoints = checkpoints;
  if (!first) status = gan_allocate((size_t)judged->count, PATH_MAX, "the list of checkpoints", &judged->checkpoints);
  GAN_TRY(gan_world_agree(world, status));
  gan_world_broadcast(world, judged->checkpoints, (size_t)judged->count * PATH_MAX);
  return GAN_OK;
}

/* --- The real data --- */

void gan_evaluate_data_release(gan_evaluate_data *data) {
  gan_config_destroy(data->config);
  gan_config_destroy(data->defaults);
  free(data->against);
  free(data->held_out_path);
  *data = (gan_evaluate_data){.config = NULL};
}

/* Keys about the data that somebody gave. Labels and the like may be left out of what a run trained on. */
static bool gives_data(const gan_arguments *arguments) {
  for (int i = 0; i < arguments->key_count; i++)
    if (strncmp(arguments->keys[i], "data.", 5) == 0 || strncmp(arguments->keys[i], "shower.", 7) == 0) return true;
  return false;
}

/* A run's configuration with the arguments' keys over it. The seed of its synthetic data stays the run's: --seed asks
   for other latents. */
static gan_status take_run(const gan_arguments *arguments, const char *path, gan_evaluate_data *data) {
  char file[PATH_MAX];
  int damaged;
  gan_checkpoint_file *opened = NULL;
  gan_checkpoint checkpoint = {0};
  GAN_TRY(gan_run_checkpoint_open(path, file, &damaged, &opened));
  gan_status status = gan_checkpoint_header(opened, &checkpoint);
  gan_checkpoint_close(opened);
  GAN_TRY(status);
  status = gan_config_read_text(data->config, checkpoint.config, file);
  gan_checkpoint_release(&checkpoint);
  GAN_TRY(status);
  const int64_t seed = data->config->run.seed;
  GAN_TRY(gan_arguments_apply(arguments, data->config));
  data->config->run.seed = seed;
  data->of_run = !gives_data(arguments);
  return gan_duplicate(file, &data->against);
}

static gan_status take_data_file(const gan_arguments *arguments, const char *path, const char *source,
                                 gan_evaluate_data *data) {
  GAN_TRY(gan_config_set(data->config, "data.source", source));
  GAN_TRY(gan_config_set(data->config, "data.path", path));
  GAN_TRY(gan_arguments_apply(arguments, data->config));
  return gan_duplicate(path, &data->against);
}

static gan_status take_reference(const gan_arguments *arguments, const gan_judged *judged, gan_evaluate_data *data) {
  const char *against = gan_argument(arguments, "--against"), *source = NULL;
  GAN_TRY(gan_config_create(&data->config));
  if (against) {
    GAN_TRY(source_of(against, &source));
    return source ? take_data_file(arguments, against, source, data) : take_run(arguments, against, data);
  }
  if (judged->count) return take_run(arguments, judged->checkpoints[0], data);
  if (!gives_data(arguments))
    return gan_fail(GAN_BAD_USAGE,
                    "which are the real samples? --against RUN_FOLDER (its data), a checkpoint or a data file; or "
                    "--data.source and --data.path");
  return gan_arguments_apply(arguments, data->config);
}

/* --- Samples held out of training --- */

static gan_status take_held_out(const char *path, const char *source, gan_evaluate_data *data) {
  GAN_TRY(gan_duplicate(path, &data->held_out_path));
  data->held_out = gan_held_out_options(&data->config->data, source, data->held_out_path);
  data->has_held_out = true;
  return GAN_OK;
}

static gan_status find_held_out(const gan_arguments *arguments, gan_evaluate_data *data) {
  const char *named = gan_argument(arguments, "--held-out"), *source = NULL;
  char *beside = NULL;
  if (named) {
    GAN_TRY(source_of(named, &source));
    if (source) return take_held_out(named, source, data);
    return gan_fail(GAN_BAD_USAGE, "--held-out %s: it has to be a file of samples that training has not seen", named);
  }
  GAN_TRY(gan_source_find_tests(&data->config->data, &beside));
  const gan_status status = beside ? take_held_out(beside, "idx", data) : GAN_OK;
  free(beside);
  return status;
}

/* --- Samples that are judged --- */

/* "0,255". */
static gan_status parse_range(const char *text, double *low, double *high) {
  char first[64];
  const size_t length = strcspn(text, ",");
  if (!text[length] || length >= sizeof first)
    return gan_fail(GAN_BAD_USAGE, "--range takes two numbers, the values that become -1 and 1: --range 0,1");
  snprintf(first, sizeof first, "%.*s", (int)length, text);
  gan_status status = gan_parse_real(first, low);
  if (status == GAN_OK) status = gan_parse_real(text + length + 1, high);
  if (status != GAN_OK) return gan_fail_prefix(status, "--range: ");
  if (*low < *high) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "--range: %g is not less than %g", *low, *high);
}

static gan_status take_file(const gan_arguments *arguments, const gan_judged *judged, gan_evaluate_data *data) {
  const char *range = gan_argument(arguments, "--range"), *dataset = gan_argument(arguments, "--dataset"),
             *axes = gan_argument(arguments, "--axes");
  if (judged->count && (range || dataset || axes))
    return gan_fail(GAN_BAD_USAGE, "--range, --dataset and --axes are for files of samples, and %s is a checkpoint",
                    judged->checkpoints[0]);
  if (judged->count) return GAN_OK;
  GAN_TRY(gan_config_create(&data->defaults));
  data->file = data->defaults->data;
  data->file.path = arguments->positional[0];
  data->file.memory = 0; /* each rank reads its own samples, and once */
  GAN_TRY(source_of(data->file.path, &data->file.source));
  if (dataset) data->file.dataset = dataset;
  if (axes) data->file.axes = axes;
  if (range) GAN_TRY(parse_range(range, &data->file.minimum, &data->file.maximum));
  if (strcmp(data->file.source, "idx") == 0 && (range || dataset))
    return gan_fail(GAN_BAD_USAGE, "--range and --dataset mean nothing to %s, an IDX file", data->file.path);
  if (strcmp(data->file.source, "npy") == 0 && dataset)
    return gan_fail(GAN_BAD_USAGE, "--dataset means nothing to %s, which has one array", data->file.path);
  return GAN_OK;
}

gan_status gan_evaluate_file_error(gan_status status) {
  const char *message = gan_error_message();
  if (status != GAN_BAD_USAGE || (!strstr(message, "data.dataset") && !strstr(message, "data.axes"))) return status;
  return gan_fail(status, "%s; for the samples that are judged, --dataset and --axes say it", message);
}

gan_status gan_evaluate_data_error(const gan_evaluate_data *data, gan_status status) {
  if (status != GAN_BAD_FILE || !data->of_run) return status;
  return gan_fail(status,
                  "%s; these are the data of the run, by its configuration: --data.path says where they are now",
                  gan_error_message());
}

gan_status gan_evaluate_data_find(const gan_arguments *arguments, const gan_judged *judged, gan_evaluate_data *data) {
  *data = (gan_evaluate_data){.config = NULL};
  GAN_TRY(take_reference(arguments, judged, data));
  GAN_TRY(find_held_out(arguments, data));
  return take_file(arguments, judged, data);
}

/* --- Before MPI starts --- */

static void try_kind(const char *path) {
  if (path && !gan_is_folder(path)) gan_file_kind_try(path);
}

static gan_status probe_data(const gan_arguments *arguments, const gan_judged *judged) {
  gan_evaluate_data data;
  gan_status status = gan_evaluate_data_find(arguments, judged, &data);
  if (status == GAN_OK) status = gan_evaluate_data_error(&data, gan_source_probe(&data.config->data));
  if (status == GAN_OK && data.has_held_out) status = gan_source_probe(&data.held_out);
  if (status == GAN_OK && !judged->count) status = gan_evaluate_file_error(gan_source_probe(&data.file));
  gan_evaluate_data_release(&data);
  return status;
}

gan_status gan_evaluate_probe(const gan_arguments *arguments) {
  gan_judged judged;
  for (int i = 0; i < arguments->positional_count; i++) try_kind(arguments->positional[i]);
  try_kind(gan_argument(arguments, "--against"));
  try_kind(gan_argument(arguments, "--held-out"));
  gan_status status = gan_judged_find(NULL, arguments, &judged);
  if (status == GAN_OK) status = probe_data(arguments, &judged);
  gan_judged_release(&judged);
  return status;
}
