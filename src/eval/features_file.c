/* The feature network of a file: a checkpoint with the group /classifier, as `gan_dist classify` writes it
   (docs/classifiers.md), or a trained network from elsewhere (store/network_file.h).

   Rank 0 reads; the others get what it has read. The file is whole, which its seal says, but may come from anywhere:
   its network is built from its text, and everything that it asks for is compared with what the file can hold before
   memory is taken. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "dist/world.h"
#include "eval/features_internal.h"
#include "store/checkpoint.h"
#include "store/network_file.h"
#include "store/tensors.h"

/* What all ranks have to know. */
typedef struct about_file {
  gan_shape shape;
  int64_t feature_layers, classes;
  double batch_norm_epsilon;
  char name[GAN_FEATURES_NAME];
  size_t text_bytes; /* of the network's description, with its end */
} about_file;

typedef struct reading {
  gan_world *world;
  const char *path;
  const gan_shape *shape;    /* of the samples */
  gan_checkpoint_file *file; /* rank 0's, or NULL */
  gan_network_file *foreign; /* rank 0's: then it is no checkpoint */
  about_file about;
  char *layers;
  gan_network *network;
  float *parameters, *buffers;
} reading;

static bool is_reader(const reading *now) { return gan_world_rank(now->world) == 0; }

static void name_file(const gan_checkpoint_classifier *classifier, const char *file, char name[GAN_FEATURES_NAME]) {
  if (classifier->classes == 0)
    snprintf(name, GAN_FEATURES_NAME, "the network of %s", file);
  else if (isnan(classifier->accuracy))
    snprintf(name, GAN_FEATURES_NAME, "classifier %s", file);
  else
    snprintf(name, GAN_FEATURES_NAME, "classifier %s (%.2f %% of %" PRId64 " test samples right)", file,
             100 * classifier->accuracy, classifier->test_samples);
}

static gan_status take_header(reading *now, const gan_checkpoint *header) {
  const gan_checkpoint_classifier *classifier = &header->classifier;
  if (!classifier->layers)
    return gan_fail(GAN_BAD_FILE,
                    "%s is a checkpoint of a GAN, which has no feature network; gan_dist classify makes one",
                    now->path);
  now->about = (about_file){.shape = header->data_shape,
                            .feature_layers = classifier->feature_layers,
                            .classes = classifier->classes,
                            .batch_norm_epsilon = classifier->batch_norm_epsilon,
                            .text_bytes = strlen(classifier->layers) + 1};
  name_file(classifier, gan_checkpoint_name(now->file), now->about.name);
  return gan_duplicate(classifier->layers, &now->layers);
}

/* Rank 0. How many logits it gives, its layers say. */
static gan_status open_foreign(reading *now) {
  GAN_TRY(gan_network_file_open(now->path, now->shape, &now->foreign));
  const gan_network_file *file = now->foreign;
  now->about = (about_file){.shape = file->shape,
                            .feature_layers = file->feature_layers,
                            .classes = -1,
                            .batch_norm_epsilon = file->batch_norm_epsilon,
                            .text_bytes = strlen(file->layers) + 1};
  snprintf(now->about.name, GAN_FEATURES_NAME, "%s", file->name[0] ? file->name : now->path);
  return gan_duplicate(file->layers, &now->layers);
}

/* Rank 0. */
static gan_status open_file(reading *now) {
  if (gan_network_file_begins(now->path)) return open_foreign(now);
  gan_checkpoint header = {0};
  GAN_TRY(gan_checkpoint_open(now->path, &now->file));
  GAN_TRY(gan_checkpoint_header(now->file, &header));
  const gan_status status = take_header(now, &header);
  gan_checkpoint_release(&header);
  return status;
}

/* The description and what is known of it, from rank 0 to all. Collective. */
static gan_status spread_header(reading *now) {
  gan_world_broadcast(now->world, &now->about, sizeof now->about);
  const gan_status mine =
      is_reader(now) ? GAN_OK : gan_allocate(now->about.text_bytes, 1, "a network's description", &now->layers);
  GAN_TRY(gan_world_agree(now->world, mine));
  gan_world_broadcast(now->world, now->layers, now->about.text_bytes);
  return GAN_OK;
}

static gan_status check_shape(const reading *now, const gan_shape *shape) {
  char takes[GAN_SHAPE_TEXT], given[GAN_SHAPE_TEXT];
  const gan_shape *own = &now->about.shape;
  if (own->rank == shape->rank && memcmp(own->size, shape->size, (size_t)own->rank * sizeof *own->size) == 0)
    return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "%s takes samples of shape %s, and these are %s: use features that were made for such",
                  now->path, gan_shape_print(own, takes), gan_shape_print(shape, given));
}

/* Tensors lie in the file as they are. Rank 0. */
static gan_status check_size(const reading *now) {
  struct stat file;
  if (now->foreign) return gan_network_file_check(now->foreign, now->network);
  const gan_network *network = now->network;
  const uint64_t bytes = ((uint64_t)network->parameter_count + network->buffer_count) * sizeof(float);
  if (stat(now->path, &file) == 0 && bytes > (uint64_t)file.st_size)
    return gan_fail(GAN_BAD_FILE, "%s: its network has %" PRIu64 " bytes of weights, which it is too small to hold",
                    now->path, bytes);
  return GAN_OK;
}

static gan_status check_network(const reading *now) {
  const gan_network *network = now->network;
  const bool classifies = now->about.feature_layers < network->line_count;
  const int64_t outputs = gan_shape_count(&network->output);
  if (now->about.feature_layers < 1 || now->about.feature_layers > network->line_count)
    return gan_fail(GAN_BAD_FILE, "%s: features after %" PRId64 " layers, and its network has %d", now->path,
                    now->about.feature_layers, network->line_count);
  if (now->about.classes >= 0 && now->about.classes != (classifies ? outputs : 0))
    return gan_fail(GAN_BAD_FILE, "%s: its network gives %" PRId64 " logits for %" PRId64 " classes", now->path,
                    classifies ? outputs : 0, now->about.classes);
  return is_reader(now) ? check_size(now) : GAN_OK;
}

static gan_status fail_layers(const reading *now, gan_status status) {
  return status == GAN_BAD_USAGE ? gan_fail(GAN_BAD_FILE, "%s: its layers: %s", now->path, gan_error_message())
                                 : status;
}

static gan_status build(reading *now, const gan_backend *backend) {
  const gan_network_options options = {
      .backend = backend, .batch_norm_momentum = 0.1, .batch_norm_epsilon = now->about.batch_norm_epsilon};
  GAN_TRY(fail_layers(now, gan_network_create(now->layers, &now->about.shape, &options, &now->network)));
  GAN_TRY(fail_layers(now, gan_features_check(now->network)));
  GAN_TRY(check_network(now));
  GAN_TRY(gan_allocate(now->network->parameter_count, sizeof(float), "a feature network", &now->parameters));
  return gan_allocate(now->network->buffer_count, sizeof(float), "a feature network", &now->buffers);
}

/* Rank 0. */
static gan_status read_tensors(reading *now) {
  gan_tensor *tensors = NULL;
  if (now->foreign) return gan_network_file_read(now->foreign, now->network, now->parameters, now->buffers);
  GAN_TRY(gan_allocate(gan_model_tensor_count(now->network), sizeof *tensors, "the list of tensors", &tensors));
  const size_t count =
      gan_model_tensors("/" GAN_CLASSIFIER_GROUP, now->network, now->parameters, now->buffers, -1, tensors);
  gan_status status = gan_checkpoint_tensors(now->file, count, tensors);
  const gan_tensor *odd = status == GAN_OK ? gan_model_not_finite(count, tensors) : NULL;
  if (odd) status = gan_fail(GAN_BAD_FILE, "%s: %s holds numbers that are not finite", now->path, odd->path);
  free(tensors);
  return status;
}

static gan_status make_features(const reading *now, gan_features **features) {
  const gan_status status = gan_features_create(now->network, now->layers, now->about.feature_layers, now->parameters,
                                                now->buffers, features);
  if (status == GAN_OK) gan_features_rename(*features, now->about.name);
  return fail_layers(now, status);
}

static gan_status read_all(reading *now, const gan_shape *shape, const gan_backend *backend, gan_features **features) {
  gan_world *world = now->world;
  GAN_TRY(gan_world_agree(world, is_reader(now) ? open_file(now) : GAN_OK));
  GAN_TRY(spread_header(now));
  GAN_TRY(gan_world_agree(world, check_shape(now, shape)));
  GAN_TRY(gan_world_agree(world, build(now, backend)));
  GAN_TRY(gan_world_agree(world, is_reader(now) ? read_tensors(now) : GAN_OK));
  gan_world_broadcast(world, now->parameters, now->network->parameter_count * sizeof(float));
  gan_world_broadcast(world, now->buffers, now->network->buffer_count * sizeof(float));
  return make_features(now, features);
}

gan_status gan_features_read(gan_world *world, const char *path, const gan_shape *shape, const gan_backend *backend,
                             gan_features **features) {
  reading now = {.world = world, .path = path, .shape = shape};
  *features = NULL;
  const gan_status status = read_all(&now, shape, backend, features);
  gan_checkpoint_close(now.file);
  gan_network_file_close(now.foreign);
  gan_network_destroy(now.network);
  free(now.layers);
  free(now.parameters);
  free(now.buffers);
  return status;
}

gan_status gan_features_open(gan_world *world, const char *path, const gan_shape *shape, const gan_backend *backend,
                             gan_features **features) {
  gan_status mine;
  if (strcmp(path, "none") == 0)
    mine = gan_features_create_none(shape, features);
  else if (path[0] == '\0' || strcmp(path, "random") == 0)
    mine = gan_features_create_random(shape, backend, features);
  else
    mine = gan_features_read(world, path, shape, backend, features);
  const gan_status all = gan_world_agree(world, mine);
  if (all != GAN_OK) {
    gan_features_close(*features);
    *features = NULL;
  }
  return all;
}

gan_status gan_features_choose(gan_world *world, const char *name, const gan_shape *shape, const gan_backend *backend,
                               gan_features **features, gan_features_about *about) {
  *features = NULL;
  *about = (gan_features_about){.name = "the samples themselves", .feature_count = gan_shape_count(shape)};
  if (!name || !name[0]) name = shape->rank == 1 ? "none" : "random";
  if (strcmp(name, "none") == 0) return GAN_OK;
  GAN_TRY(gan_features_open(world, name, shape, backend, features));
  *about = gan_features_tell(*features);
  return GAN_OK;
}
