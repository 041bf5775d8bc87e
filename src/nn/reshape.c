/* Layers that give a sample another shape and leave its numbers where they are. */
#include <inttypes.h>

#include "nn/layer.h"

static gan_status configure_flatten(gan_layer *layer, int word_count, char *const *words) {
  (void)words;
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 0));
  return gan_layer_set_output(layer, &(gan_shape){.rank = 1, .size = {layer->inputs}});
}

static gan_status configure_reshape(gan_layer *layer, int word_count, char *const *words) {
  gan_shape shape = {.rank = word_count};
  char from[GAN_SHAPE_TEXT], to[GAN_SHAPE_TEXT];
  GAN_TRY(gan_layer_check_words(layer, word_count, 1, GAN_SHAPE_RANK - 1));
  for (int i = 0; i < word_count; i++) GAN_TRY(gan_layer_parse_size("each size", words[i], &shape.size[i]));
  GAN_TRY(gan_layer_set_output(layer, &shape));
  if (layer->outputs != layer->inputs)
    return gan_fail(GAN_BAD_USAGE,
                    "its input %s has %" PRId64 " elements, and %s would have %" PRId64 ": put \"dense %" PRId64
                    "\" before it, or choose other sizes",
                    gan_shape_print(&layer->input, from), layer->inputs, gan_shape_print(&shape, to), layer->outputs,
                    layer->outputs);
  return GAN_OK;
}

const gan_layer_type gan_layer_flatten = {
    .name = "flatten",
    .usage = "flatten",
    .help = "takes the input as one vector",
    .keeps_range = true,
    .configure = configure_flatten,
};

const gan_layer_type gan_layer_reshape = {
    .name = "reshape",
    .usage = "reshape SIZE [SIZE [SIZE [SIZE]]]",
    .help = "gives the input another shape of as many elements, e.g. \"reshape 1 28 28\"",
    .keeps_range = true,
    .configure = configure_reshape,
};
