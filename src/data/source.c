/* The table of data sources, and what all of them have in common.

   Opening goes in two halves with one agreement between them. The first (type->open) is each rank's own: options,
   headers, sizes. Then all ranks say how it went. Only if it went well everywhere comes the second (type->load), which
   takes memory together; a rank that found its file missing would otherwise leave the others waiting there. */
#include "data/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/probe.h"
#include "base/words.h"
#include "data/picture_hint.h"
#include "data/source_types.h"

const gan_source_type *const gan_source_types[] = {
    &gan_source_ring, &gan_source_grid, &gan_source_swiss_roll, &gan_source_showers,
    &gan_source_idx,  &gan_source_hdf5, &gan_source_npy,
};
const int gan_source_type_count = (int)(sizeof gan_source_types / sizeof gan_source_types[0]);

const gan_source_type *gan_source_type_find(const char *name) {
  for (int i = 0; i < gan_source_type_count; i++)
    if (strcmp(gan_source_types[i]->name, name) == 0) return gan_source_types[i];
  return NULL;
}

bool gan_source_type_reads(const gan_source_type *type, const char *key) {
  return strcmp(key, "data.source") == 0 || gan_words_have_key(type->keys, key);
}

static gan_status unknown_source(const char *name) {
  char names[256] = "";
  size_t used = 0;
  for (int i = 0; i < gan_source_type_count && used < sizeof names; i++)
    used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", gan_source_types[i]->name);
  return gan_fail(GAN_BAD_USAGE, "data.source: there is no source \"%s\"; known are %s", name, names);
}

static gan_status copy_options(const gan_data_options *options, gan_data_options *copy) {
  const char *const texts[] = {options->source, options->path, options->labels, options->dataset,
                               options->origin, options->axes, options->weights};
  char *copies[7] = {NULL};
  gan_status status = GAN_OK;
  for (int i = 0; i < 7 && status == GAN_OK; i++) status = gan_duplicate(texts[i] ? texts[i] : "", &copies[i]);
  *copy = *options;
  copy->source = copies[0];
  copy->path = copies[1];
  copy->labels = copies[2];
  copy->dataset = copies[3];
  copy->origin = copies[4];
  copy->axes = copies[5];
  copy->weights = copies[6];
  return status;
}

/* Who finds no data is told where they come from. */
static gan_status add_origin(const gan_data_options *options, gan_status status) {
  if (options->origin[0] == '\0' || access(options->path, F_OK) == 0) return status;
  return gan_fail(status, "%s; %s", gan_error_message(), options->origin);
}

static gan_status check_flip(const gan_source *source) {
  char shape[GAN_SHAPE_TEXT];
  if (!source->options.flip || gan_shape_has_sides(&source->shape)) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "data.flip = yes: samples of shape %s have no left and right; leave it out",
                  gan_shape_print(&source->shape, shape));
}

/* This rank's half of opening; *source is NULL only when there was no memory for it. */
static gan_status open_alone(const gan_data_options *options, uint64_t seed, gan_source **source) {
  const gan_source_type *type = gan_source_type_find(options->source ? options->source : "");
  if (!type) return unknown_source(options->source ? options->source : "");
  GAN_TRY(gan_allocate(1, sizeof **source, "a data source", source));
  (*source)->seed = seed;
  GAN_TRY(copy_options(options, &(*source)->options));
  if (options->samples < 0)
    return gan_fail(GAN_BAD_USAGE, "data.samples: %" PRId64 " is negative; 0 means all there are", options->samples);
  (*source)->type = type; /* from here on there is something to close */
  gan_status status = type->open(*source);
  if (status == GAN_OK) status = check_flip(*source);
  if (status != GAN_BAD_FILE) return status;
  return gan_hint_at_pictures("data.path: ", (*source)->options.path, add_origin(&(*source)->options, status));
}

/* The same samples with other weights are other data. */
static void hash_weights(gan_source *source) {
  if (!source->weights) return;
  source->fingerprint = gan_hash(source->weights, (size_t)source->count * sizeof *source->weights, source->fingerprint);
  source->earlier_fingerprint = source->fingerprint;
}

gan_status gan_source_open(const gan_data_options *options, uint64_t seed, const gan_data_share *share,
                           gan_source **source) {
  static const gan_data_share alone = {.context = NULL};
  if (!share) share = &alone;
  gan_source *opened = NULL;
  gan_status status = open_alone(options, seed, &opened);
  if (share->agree) status = share->agree(share->context, status);
  if (status == GAN_OK) opened->earlier_fingerprint = opened->fingerprint;
  if (status == GAN_OK && opened->type->load) status = opened->type->load(opened, share);
  if (status == GAN_OK) hash_weights(opened);
  if (status != GAN_OK) {
    gan_source_close(opened);
    opened = NULL;
  }
  *source = opened;
  return status;
}

bool gan_source_is_fragile(const gan_data_options *options) {
  const gan_source_type *type = gan_source_type_find(options->source ? options->source : "");
  return type && type->fragile;
}

/* Opening reads labels, samples spread over the data, and all of what says where they are; then the first sample. (The
   copy of the options holds nothing in memory: a child need not read all of it.) */
static gan_status look_at_data(void *context) {
  const gan_data_options *options = context;
  gan_source *source = NULL;
  float *sample = NULL;
  GAN_TRY(gan_source_open(options, 0, NULL, &source));
  gan_status status = gan_allocate((size_t)gan_shape_count(&source->shape), sizeof *sample, "a sample", &sample);
  if (status == GAN_OK) status = gan_source_read(source, (int64_t[]){0}, 1, sample, NULL);
  free(sample);
  gan_source_close(source);
  return status;
}

gan_status gan_source_probe(const gan_data_options *options) {
  const char *const texts[] = {options->source, options->dataset, options->labels, options->axes, options->weights};
  gan_data_options copy = *options;
  uint64_t way = (uint64_t)options->samples;
  if (!gan_source_is_fragile(options)) return GAN_OK;
  copy.memory = 0;
  for (int i = 0; i < 5; i++) way = texts[i] ? gan_hash(texts[i], strlen(texts[i]), way) : way;
  return gan_probe_file(options->path, way, NULL, look_at_data, &copy);
}

gan_status gan_source_open_headers(const gan_data_options *options, uint64_t seed, gan_source **source) {
  gan_source *opened = NULL;
  const gan_status status = open_alone(options, seed, &opened);
  if (status != GAN_OK) {
    gan_source_close(opened);
    opened = NULL;
  }
  *source = opened;
  return status;
}

void gan_source_close(gan_source *source) {
  if (!source) return;
  if (source->type) source->type->close(source);
  free((char *)source->options.source);
  free((char *)source->options.path);
  free((char *)source->options.labels);
  free((char *)source->options.dataset);
  free((char *)source->options.origin);
  free((char *)source->options.axes);
  free((char *)source->options.weights);
  free(source->weights);
  free(source);
}

gan_status gan_source_read(gan_source *source, const int64_t *indices, int64_t n, float *out, int32_t *labels) {
  for (int64_t i = 0; i < n; i++)
    if (indices[i] < 0 || (source->count > 0 && indices[i] >= source->count))
      return gan_fail(GAN_FAILED, "sample %" PRId64 " was asked for, but data.source %s has %" PRId64 " samples",
                      indices[i], source->type->name, source->count);
  return source->type->read(source, indices, n, out, labels);
}

gan_status gan_source_modes(const gan_source *source, int *modes, float **centres) {
  const int count = gan_synthetic_modes(source);
  GAN_TRY(gan_allocate((size_t)count * 2, sizeof **centres, "the centres of the modes", centres));
  for (int mode = 0; mode < count; mode++) {
    double centre[2];
    gan_synthetic_mode_centre(source, mode, centre);
    (*centres)[2 * mode] = (float)centre[0];
    (*centres)[2 * mode + 1] = (float)centre[1];
  }
  *modes = count;
  return GAN_OK;
}

gan_status gan_source_limit(gan_source *source, int64_t available) {
  const int64_t wanted = source->options.samples;
  if (wanted > available)
    return gan_fail(GAN_BAD_USAGE, "data.samples: %" PRId64 " samples are wanted, but %s has %" PRId64, wanted,
                    source->options.path, available);
  source->count = wanted > 0 ? wanted : available;
  return GAN_OK;
}

gan_status gan_fail_labels(gan_status status) {
  if (status != GAN_BAD_FILE) return status;
  return gan_fail(status, "%s (data.labels = none does without labels)", gan_error_message());
}

gan_status gan_check_regular_file(const char *path, int64_t *bytes) {
  struct stat about;
  if (path[0] == '\0') return gan_fail(GAN_BAD_USAGE, "data.path: this data source reads a file; name it");
  if (stat(path, &about) != 0) return gan_fail(GAN_BAD_FILE, "cannot open %s: %s", path, strerror(errno));
  if (S_ISDIR(about.st_mode)) return gan_fail(GAN_BAD_FILE, "%s is a folder: name a file", path);
  if (!S_ISREG(about.st_mode)) return gan_fail(GAN_BAD_FILE, "%s is not a regular file", path);
  *bytes = (int64_t)about.st_size;
  return GAN_OK;
}
