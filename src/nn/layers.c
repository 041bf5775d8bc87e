/* The table of layers, and what their configure functions share. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "base/number.h"
#include "nn/layer.h"

const gan_layer_type *const gan_layer_types[] = {
    &gan_layer_dense,
    &gan_layer_conv,
    &gan_layer_conv_transpose,
    &gan_layer_embedding,
    &gan_layer_upsample,
    &gan_layer_resize,
    &gan_layer_max_pool,
    &gan_layer_average_pool,
    &gan_layer_global_average_pool,
    &gan_layer_pad,
    &gan_layer_blur,
    &gan_layer_pixel_shuffle,
    &gan_layer_pixel_unshuffle,
    &gan_layer_batch_norm,
    &gan_layer_layer_norm,
    &gan_layer_instance_norm,
    &gan_layer_group_norm,
    &gan_layer_normalise,
    &gan_layer_minibatch_stddev,
    &gan_layer_dropout,
    &gan_layer_scale,
    &gan_layer_rescale,
    &gan_layer_flatten,
    &gan_layer_reshape,
    &gan_layer_attention,
    &gan_layer_residual,
    &gan_layer_shortcut,
    &gan_layer_concatenate,
    &gan_layer_with,
    &gan_layer_end,
    &gan_layer_relu,
    &gan_layer_leaky_relu,
    &gan_layer_tanh,
    &gan_layer_sigmoid,
    &gan_layer_elu,
    &gan_layer_gelu,
    &gan_layer_silu,
    &gan_layer_softplus,
};
enum { TYPE_COUNT = sizeof gan_layer_types / sizeof gan_layer_types[0] };
const int gan_layer_type_count = TYPE_COUNT;

const gan_layer_type *gan_layer_type_find(const char *name) {
  for (int i = 0; i < TYPE_COUNT; i++)
    if (strcmp(gan_layer_types[i]->name, name) == 0) return gan_layer_types[i];
  return NULL;
}

/* What others call layers, where the nearest name would be another layer's or none: in lower case. */
static const char *const synonyms[][2] = {
    {"linear", "dense"},
    {"fc", "dense"},
    {"fully_connected", "dense"},
    {"deconv", "conv_transpose"},
    {"deconv2d", "conv_transpose"},
    {"lrelu", "leaky_relu"},
    {"swish", "silu"},
    {"view", "reshape"},
    {"unflatten", "reshape"},
    {"bn", "batch_norm"},
    {"avgpool2d", "average_pool"},
    {"avg_pool", "average_pool"},
    {"gap", "global_average_pool"},
    {"adaptiveavgpool2d", "global_average_pool"},
    {"interpolate", "resize"},
    {"branch", "concatenate"},
    {"branches", "concatenate"},
    {"concat", "concatenate"},
    {"cat", "concatenate"},
    {"upsampling2d", "upsample"},
    {"zeropad2d", "pad"},
    {"reflectionpad2d", "pad"},
    {"reflectionpad3d", "pad"},
    {"replicationpad2d", "pad"},
    {"replicationpad3d", "pad"},
    {"depth_to_space", "pixel_shuffle"},
    {"space_to_depth", "pixel_unshuffle"},
    {"blurpool", "blur"},
    {"pixel_norm", "normalise"},
    {"pixelnorm", "normalise"},
    {"self_attention", "attention"},
    {"nonlocal", "attention"},
};

static const char *other_name(const char *name) {
  for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++)
    if (strcasecmp(synonyms[i][0], name) == 0) return synonyms[i][1];
  return NULL;
}

gan_status gan_layer_unknown(const char *name) {
  const char *names[TYPE_COUNT + 1] = {NULL};
  char list[512] = "";
  size_t used = 0;
  for (int i = 0; i < TYPE_COUNT; i++) {
    names[i] = gan_layer_types[i]->name;
    if (used < sizeof list)
      used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", gan_layer_types[i]->name);
  }
  const char *other = other_name(name), *nearest = gan_nearest_name(name, names);
  if (other) return gan_fail(GAN_BAD_USAGE, "there is no layer \"%.40s\"; here it is \"%s\"", name, other);
  if (nearest) return gan_fail(GAN_BAD_USAGE, "there is no layer \"%.40s\"; did you mean \"%s\"?", name, nearest);
  return gan_fail(GAN_BAD_USAGE, "there is no layer \"%.40s\"; there are %s", name, list);
}

gan_status gan_layer_check_words(const gan_layer *layer, int word_count, int least, int most) {
  if (word_count < least)
    return gan_fail(GAN_BAD_USAGE, "something is missing; it is written \"%s\"", layer->type->usage);
  if (word_count > most) return gan_fail(GAN_BAD_USAGE, "there is too much; it is written \"%s\"", layer->type->usage);
  return GAN_OK;
}

gan_status gan_layer_parse_size_from(int64_t least, const char *what, const char *word, int64_t *size) {
  char *end = NULL;
  errno = 0;
  const long long value = strtoll(word, &end, 10);
  if (end == word || *end) return gan_fail(GAN_BAD_USAGE, "%s has to be a whole number, not \"%.40s\"", what, word);
  if (errno || value < least || value > GAN_FEATURES_MOST)
    return gan_fail(GAN_BAD_USAGE, "%s has to be from %" PRId64 " to %" PRId64 ", not %.40s", what, least,
                    GAN_FEATURES_MOST, word);
  *size = value;
  return GAN_OK;
}

gan_status gan_layer_parse_size(const char *what, const char *word, int64_t *size) {
  return gan_layer_parse_size_from(1, what, word, size);
}

gan_status gan_layer_parse_number(const char *what, const char *word, double *number) {
  double value;
  if (gan_parse_real(word, &value) != GAN_OK || !isfinite((float)value))
    return gan_fail(GAN_BAD_USAGE, "%s has to be a finite number, not \"%.40s\"", what, word);
  *number = value;
  return GAN_OK;
}

gan_status gan_layer_parse_flags(const gan_layer *layer, int word_count, char *const *words, const char *const *others,
                                 bool *flags) {
  for (int i = 0; i < word_count; i++) {
    int place = 0;
    while (others[place] && strcmp(others[place], words[i]) != 0) place++;
    if (!others[place])
      return gan_fail(GAN_BAD_USAGE, "\"%.40s\" is not known here; it is written \"%s\"", words[i], layer->type->usage);
    if (flags[place])
      return gan_fail(GAN_BAD_USAGE, "\"%.40s\" is there twice; it is written \"%s\"", words[i], layer->type->usage);
    flags[place] = true;
  }
  return GAN_OK;
}

gan_status gan_layer_set_output(gan_layer *layer, const gan_shape *shape) {
  char text[GAN_SHAPE_TEXT];
  if (!gan_product_within(GAN_FEATURES_MOST, shape->rank, shape->size))
    return gan_fail(GAN_BAD_USAGE, "its output %s has more than %" PRId64 " elements for each sample",
                    gan_shape_print(shape, text), GAN_FEATURES_MOST);
  layer->output = *shape;
  layer->outputs = gan_shape_count(shape);
  return GAN_OK;
}

gan_status gan_layer_add_tensor(gan_layer *layer, const char *name, const gan_shape *shape, gan_tensor_kind kind) {
  const struct {
    size_t before, *count;
    const char *of;
  } vectors[] = {
      [GAN_TENSOR_PARAMETER] = {layer->parameter_offset, &layer->parameter_count, "parameters"},
      [GAN_TENSOR_STATISTIC] = {layer->statistic_offset, &layer->statistic_count, "running statistics"},
      [GAN_TENSOR_SINGULAR] = {layer->singular_offset, &layer->singular_count, "elements of singular vectors"},
  };
  const size_t offset = vectors[kind].before + *vectors[kind].count;
  if (!gan_product_within(GAN_PARAMETERS_MOST - (int64_t)offset, shape->rank, shape->size))
    return gan_fail(GAN_BAD_USAGE,
                    "with its %s the network has more than %" PRId64 " %s; make this or an earlier layer smaller", name,
                    GAN_PARAMETERS_MOST, vectors[kind].of);
  const int64_t count = gan_shape_count(shape);
  gan_tensor_info *tensor = &layer->tensors[layer->tensor_count++];
  snprintf(tensor->name, sizeof tensor->name, "%s", name);
  tensor->shape = *shape;
  tensor->kind = kind;
  tensor->offset = offset;
  tensor->count = (size_t)count;
  *vectors[kind].count += (size_t)count;
  return GAN_OK;
}
