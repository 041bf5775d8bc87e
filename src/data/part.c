#include "data/part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/idx_file.h"
#include "data/loader.h"

/* --- Parts --- */

enum { PIECE = 256 };
static const uint64_t order_seed = 0x70617274; /* never change it: parts of one data set are the same everywhere */

typedef struct part_state {
  gan_source *whole;
  int64_t first;
} part_state;

static gan_status read_part(gan_source *part, const int64_t *indices, int64_t n, float *out, int32_t *labels) {
  const part_state *state = part->state;
  const int64_t elements = gan_shape_count(&part->shape);
  for (int64_t done = 0, count; done < n; done += count) {
    int64_t places[PIECE];
    count = n - done < PIECE ? n - done : PIECE;
    for (int64_t i = 0; i < count; i++)
      places[i] = gan_sampler_index(order_seed, state->whole->count, state->first + indices[done + i]);
    GAN_TRY(gan_source_read(state->whole, places, count, out + done * elements, labels ? labels + done : NULL));
  }
  return GAN_OK;
}

static void close_part(gan_source *part) { free(part->state); }

/* Not of the table: no configuration names it. */
static const gan_source_type part_type = {.name = "part", .read = read_part, .close = close_part};

gan_status gan_source_part(gan_source *whole, int64_t first, int64_t count, gan_source **part) {
  gan_source *made = NULL;
  part_state *state = NULL;
  *part = NULL;
  GAN_TRY(gan_allocate(1, sizeof *made, "a part of the data", &made));
  const gan_status status = gan_allocate(1, sizeof *state, "a part of the data", &state);
  if (status != GAN_OK) {
    free(made);
    return status;
  }
  *state = (part_state){.whole = whole, .first = first};
  *made = (gan_source){.type = &part_type,
                       .options = {.flip = whole->options.flip},
                       .seed = whole->seed,
                       .shape = whole->shape,
                       .axes = whole->axes,
                       .count = count,
                       .label_count = whole->label_count,
                       .fingerprint = whole->fingerprint,
                       .earlier_fingerprint = whole->earlier_fingerprint,
                       .one_thread = whole->one_thread,
                       .state = state};
  *part = made;
  return GAN_OK;
}

/* --- Test samples --- */

static const char of_training[] = "train-", of_tests[] = "t10k-";

/* PATH, or PATH.gz, whichever is there; NULL in *found when neither is. */
static gan_status find(const char *path, char **found) {
  const size_t bytes = strlen(path) + sizeof ".gz";
  GAN_TRY(gan_allocate(bytes, 1, "a path", found));
  snprintf(*found, bytes, "%s", path);
  if (access(*found, F_OK) == 0) return GAN_OK;
  snprintf(*found, bytes, "%s.gz", path);
  if (access(*found, F_OK) == 0) return GAN_OK;
  free(*found);
  *found = NULL;
  return GAN_OK;
}

/* FOLDER/train-REST becomes FOLDER/t10k-REST. */
static gan_status find_beside(const char *folder, int folder_length, const char *name, char **found) {
  const char *rest = name + sizeof of_training - 1;
  char *path = NULL;
  const size_t bytes = (size_t)folder_length + strlen(rest) + sizeof of_tests + 1;
  GAN_TRY(gan_allocate(bytes, 1, "a path", &path));
  snprintf(path, bytes, "%.*s%s%s", folder_length, folder, of_tests, rest);
  const gan_status status = find(path, found);
  free(path);
  return status;
}

gan_status gan_source_find_tests(const gan_data_options *options, char **path) {
  struct stat about;
  *path = NULL;
  if (strcmp(options->source, "idx") != 0) return GAN_OK;
  if (stat(options->path, &about) == 0 && S_ISDIR(about.st_mode)) {
    char *folder = NULL;
    const size_t length = strlen(options->path);
    GAN_TRY(gan_allocate(length + 2, 1, "a path", &folder));
    snprintf(folder, length + 2, "%s/", options->path);
    const gan_status status = find_beside(folder, (int)length + 1, GAN_IDX_IMAGES, path);
    free(folder);
    return status;
  }
  const char *slash = strrchr(options->path, '/'), *name = slash ? slash + 1 : options->path;
  if (strncmp(name, of_training, sizeof of_training - 1) != 0) return GAN_OK;
  return find_beside(options->path, (int)(name - options->path), name, path);
}
