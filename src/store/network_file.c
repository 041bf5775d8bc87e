/* See network_file.h. */
#include "store/network_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/number.h"
#include "store/safetensors.h"

static const char kind_name[] = "gan_dist", kind_text[] = "network 1";

bool gan_network_file_begins(const char *path) { return gan_safetensors_begins(path); }

/* Puts the file's name before an error's message. */
static gan_status name_file(const gan_network_file *file, gan_status status) {
  return status == GAN_OK ? GAN_OK : gan_fail_prefix(status, "%s: ", file->path);
}

/* --- What it is --- */

static const char *text_of(const gan_network_file *file, const char *name) {
  return gan_safetensors_metadata(file->tensors, name);
}

static gan_status fail_text(const gan_network_file *file, const char *name, const char *what) {
  const char *text = text_of(file, name);
  if (!text) return gan_fail(GAN_BAD_FILE, "its metadata have no \"%s\", which has to be %s", name, what);
  return gan_fail(GAN_BAD_FILE, "its \"%s\" is \"%.40s\", and has to be %s", name, text, what);
}

static gan_status get_integer(const gan_network_file *file, const char *name, int64_t *value) {
  const char *text = text_of(file, name);
  if (text && gan_parse_integer(text, value) == GAN_OK && *value >= 1) return GAN_OK;
  return fail_text(file, name, "a whole number from 1 on");
}

static gan_status get_epsilon(gan_network_file *file) {
  static const char name[] = "batch_norm_epsilon";
  const char *text = text_of(file, name);
  file->batch_norm_epsilon = 1e-5;
  if (!text || (gan_parse_real(text, &file->batch_norm_epsilon) == GAN_OK && file->batch_norm_epsilon > 0))
    return GAN_OK;
  return fail_text(file, name, "a number above 0");
}

/* "3 32 32" */
static gan_status parse_shape(const gan_network_file *file, gan_shape *shape) {
  const char *text = text_of(file, "shape");
  char word[24];
  int length = 0;
  *shape = (gan_shape){0};
  while (sscanf(text, "%23s%n", word, &length) == 1) {
    if (shape->rank == GAN_SHAPE_RANK - 1 || gan_parse_integer(word, &shape->size[shape->rank]) != GAN_OK ||
        shape->size[shape->rank] < 1 || shape->size[shape->rank] > GAN_FEATURES_MOST)
      break;
    shape->rank++;
    text += length;
  }
  if (shape->rank > 0 && text[strspn(text, " ")] == '\0') return GAN_OK;
  return fail_text(file, "shape", "one to four sizes");
}

static bool same_shape(const gan_shape *a, const gan_shape *b) {
  return a->rank == b->rank && memcmp(a->size, b->size, (size_t)a->rank * sizeof *a->size) == 0;
}

/* What the file's own layers take, given samples of `shape`. */
static gan_status find_own_shape(const gan_network_file *file, const gan_shape *shape, gan_shape *own) {
  *own = *shape;
  if (text_of(file, "shape")) {
    GAN_TRY(parse_shape(file, own));
    return GAN_OK;
  }
  GAN_TRY(get_integer(file, "channels", &own->size[0]));
  return own->size[0] <= GAN_FEATURES_MOST ? GAN_OK : fail_text(file, "channels", "a number of channels");
}

/* Samples with one channel where the network takes three: this one is repeated. */
static bool can_repeat(const gan_shape *shape, const gan_shape *own) {
  gan_shape repeated = *shape;
  repeated.size[0] = own->size[0];
  return shape->rank > 1 && shape->size[0] == 1 && own->size[0] == 3 && same_shape(&repeated, own);
}

static gan_status fit_to_shape(gan_network_file *file, const gan_shape *shape, const gan_shape *own) {
  static const char repeating[] = "concatenate, with, with, end\n";
  const char *layers = text_of(file, "layers");
  char takes[GAN_SHAPE_TEXT], given[GAN_SHAPE_TEXT];
  file->shape = *shape;
  if (same_shape(shape, own)) return gan_duplicate(layers, &file->layers);
  if (!can_repeat(shape, own))
    return gan_fail(GAN_BAD_USAGE,
                    "it takes samples of shape %s, and these are %s: use features that were made for such",
                    gan_shape_print(own, takes), gan_shape_print(shape, given));
  file->added_layers = 4;
  file->feature_layers += file->added_layers;
  GAN_TRY(gan_allocate(sizeof repeating + strlen(layers), 1, "a network's description", &file->layers));
  strcpy(file->layers, repeating);
  strcat(file->layers, layers);
  return GAN_OK;
}

static gan_status read_about(gan_network_file *file, const gan_shape *shape) {
  const char *kind = text_of(file, kind_name), *name = text_of(file, "name");
  gan_shape own;
  if (!kind || strcmp(kind, kind_text) != 0) return fail_text(file, kind_name, "\"network 1\"");
  if (!text_of(file, "layers")) return fail_text(file, "layers", "the network's layers");
  file->name = name ? name : "";
  GAN_TRY(get_epsilon(file));
  GAN_TRY(get_integer(file, "feature_layers", &file->feature_layers));
  if (file->feature_layers > GAN_LAYERS_MOST) return fail_text(file, "feature_layers", "a number of layers");
  GAN_TRY(find_own_shape(file, shape, &own));
  return fit_to_shape(file, shape, &own);
}

gan_status gan_network_file_open(const char *path, const gan_shape *shape, gan_network_file **file) {
  gan_network_file *opened = NULL;
  *file = NULL;
  GAN_TRY(gan_allocate(1, sizeof *opened, "a network's file", &opened));
  gan_status status = gan_duplicate(path, &opened->path);
  if (status == GAN_OK) status = gan_safetensors_open(path, &opened->tensors);
  if (status == GAN_OK) status = name_file(opened, read_about(opened, shape));
  if (status == GAN_OK)
    *file = opened;
  else
    gan_network_file_close(opened);
  return status;
}

void gan_network_file_close(gan_network_file *file) {
  if (!file) return;
  gan_safetensors_close(file->tensors);
  free(file->layers);
  free(file->path);
  free(file);
}

/* --- Tensors --- */

/* The name that the file has for a tensor. Layers that were added in front are one block, and count as one in names. */
static void name_tensor(const gan_network_file *file, const gan_layer *layer, const gan_tensor_info *info,
                        char name[GAN_LAYER_PATH + GAN_TENSOR_NAME]) {
  char *rest;
  const long first = strtol(layer->path, &rest, 10) - (file->added_layers > 0);
  snprintf(name, GAN_LAYER_PATH + GAN_TENSOR_NAME, "%ld%s.%s", first, rest, info->name);
}

static gan_status find_tensor(const gan_network_file *file, const gan_layer *layer, const gan_tensor_info *info,
                              const gan_safetensor **tensor) {
  char name[GAN_LAYER_PATH + GAN_TENSOR_NAME], has[GAN_SHAPE_TEXT], needs[GAN_SHAPE_TEXT];
  name_tensor(file, layer, info, name);
  *tensor = gan_safetensors_find(file->tensors, name);
  if (!*tensor) return gan_fail(GAN_BAD_FILE, "the file has no tensor %s, which its layers need", name);
  if (same_shape(&(*tensor)->shape, &info->shape)) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "tensor %s: the file has %s, its layers need %s", name,
                  gan_shape_print(&(*tensor)->shape, has), gan_shape_print(&info->shape, needs));
}

/* All of the network's layers have found theirs: are there more? */
static gan_status check_count(const gan_network_file *file, size_t needed) {
  const size_t count = gan_safetensors_count(file->tensors);
  if (count == needed) return GAN_OK;
  return gan_fail(GAN_BAD_FILE, "the file has %zu tensors, and its layers need %zu: it is of another network", count,
                  needed);
}

static gan_status check_tensors(const gan_network_file *file, const gan_network *network) {
  const gan_safetensor *tensor;
  size_t needed = 0;
  for (int i = 0; i < network->layer_count; i++)
    for (int j = 0; j < network->layers[i].tensor_count; j++, needed++)
      GAN_TRY(find_tensor(file, &network->layers[i], &network->layers[i].tensors[j], &tensor));
  return check_count(file, needed);
}

static gan_status read_tensor(const gan_network_file *file, const gan_layer *layer, const gan_tensor_info *info,
                              float *values) {
  const gan_safetensor *tensor;
  GAN_TRY(find_tensor(file, layer, info, &tensor));
  GAN_TRY(gan_safetensors_read(file->tensors, tensor, info->count, values));
  for (size_t i = 0; i < info->count; i++)
    if (!isfinite(values[i]))
      return gan_fail(GAN_BAD_FILE, "tensor %s of the file holds numbers that are not finite", tensor->name);
  return GAN_OK;
}

static gan_status read_tensors(const gan_network_file *file, const gan_network *network, float *parameters,
                               float *buffers) {
  GAN_TRY(check_tensors(file, network));
  for (int i = 0; i < network->layer_count; i++)
    for (int j = 0; j < network->layers[i].tensor_count; j++) {
      const gan_tensor_info *info = &network->layers[i].tensors[j];
      float *vector = info->kind == GAN_TENSOR_PARAMETER ? parameters : buffers;
      GAN_TRY(read_tensor(file, &network->layers[i], info, vector + info->offset));
    }
  return GAN_OK;
}

gan_status gan_network_file_check(const gan_network_file *file, const gan_network *network) {
  return name_file(file, check_tensors(file, network));
}

gan_status gan_network_file_read(const gan_network_file *file, const gan_network *network, float *parameters,
                                 float *buffers) {
  return name_file(file, read_tensors(file, network, parameters, buffers));
}
