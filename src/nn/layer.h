/* What the layers' files share: the rows of the table, and the helpers that configure and initialise a layer.

   A new kind of layer is a file with a gan_layer_type and a row in layers.c. */
#ifndef GAN_NN_LAYER_H
#define GAN_NN_LAYER_H

#include "base/error.h"
#include "kernels/borders.h"
#include "nn/network.h"

extern const gan_layer_type gan_layer_dense, gan_layer_conv, gan_layer_conv_transpose, gan_layer_embedding;
extern const gan_layer_type gan_layer_upsample, gan_layer_resize, gan_layer_max_pool, gan_layer_average_pool,
    gan_layer_global_average_pool;
extern const gan_layer_type gan_layer_pad, gan_layer_blur, gan_layer_pixel_shuffle, gan_layer_pixel_unshuffle;
extern const gan_layer_type gan_layer_scale, gan_layer_normalise;
extern const gan_layer_type gan_layer_batch_norm, gan_layer_layer_norm, gan_layer_instance_norm, gan_layer_group_norm;
extern const gan_layer_type gan_layer_minibatch_stddev, gan_layer_dropout;
extern const gan_layer_type gan_layer_flatten, gan_layer_reshape, gan_layer_rescale;
extern const gan_layer_type gan_layer_attention;
extern const gan_layer_type gan_layer_residual, gan_layer_shortcut, gan_layer_concatenate, gan_layer_with,
    gan_layer_end;
extern const gan_layer_type gan_layer_relu, gan_layer_leaky_relu, gan_layer_tanh, gan_layer_sigmoid, gan_layer_elu,
    gan_layer_gelu, gan_layer_silu, gan_layer_softplus;

/* Fails with GAN_BAD_USAGE for a name that is not in the table; offers the nearest one, or all of them. */
gan_status gan_layer_unknown(const char *name) GAN_CHECKED;

/* For expand functions: adds a layer of this kind, `line` as in a description; at most GAN_LINE_LAYERS of a line. */
enum { GAN_LINE_LAYERS = 11 };
gan_status gan_network_add(gan_network *network, const gan_layer_type *type, const char *line) GAN_CHECKED;

/* For configure functions. All fail with GAN_BAD_USAGE; gan_network_create puts the layer in front of the message. */

/* That there are at least `least` and at most `most` words after the layer's name. */
gan_status gan_layer_check_words(const gan_layer *layer, int word_count, int least, int most) GAN_CHECKED;
/* A word as a size from 1 to GAN_FEATURES_MOST; `what` names it in the message ("FEATURES"). */
gan_status gan_layer_parse_size(const char *what, const char *word, int64_t *size) GAN_CHECKED;
/* The same, from `least` on. */
gan_status gan_layer_parse_size_from(int64_t least, const char *what, const char *word, int64_t *size) GAN_CHECKED;
/* A word as a finite number. */
gan_status gan_layer_parse_number(const char *what, const char *word, double *number) GAN_CHECKED;
/* Reads words that stand for themselves, in any order. A word that `others` names (ends with NULL) sets the flag of its
   place. */
gan_status gan_layer_parse_flags(const gan_layer *layer, int word_count, char *const *words, const char *const *others,
                                 bool *flags) GAN_CHECKED;
/* Sets output and outputs, unless the shape has more than GAN_FEATURES_MOST elements. */
gan_status gan_layer_set_output(gan_layer *layer, const gan_shape *shape) GAN_CHECKED;
/* Adds the layer's next tensor, behind those of its kind. */
gan_status gan_layer_add_tensor(gan_layer *layer, const char *name, const gan_shape *shape,
                                gan_tensor_kind kind) GAN_CHECKED;

/* Whether tensor 1 is the bias of a layer whose tensor 0 is its weight. */
static inline bool gan_layer_has_bias(const gan_layer *layer) {
  return layer->tensor_count > 1 && layer->tensors[1].kind == GAN_TENSOR_PARAMETER;
}

/* For layers over images: samples (channels, width), (channels, height, width) or (channels, depth, height, width). */

/* How many axes the input has beside its channels, 1 to 3; fails for a vector. */
gan_status gan_layer_axes(const gan_layer *layer, int *axes) GAN_CHECKED;

/* What may follow a layer's name: a word and its whole numbers, one for all axes or one for each. */
typedef struct gan_axis_words {
  const char *word; /* "kernel" */
  int64_t least;
  int64_t *sizes; /* [GAN_AXES], with its defaults; leading axes that the input does not have are left alone */
  bool single;    /* one number that has nothing to do with axes: the last of sizes */
} gan_axis_words;
/* Reads them in any order. A word that `others` names (ends with NULL) sets the flag of its place. */
gan_status gan_layer_parse_axes(const gan_layer *layer, int axes, int word_count, char *const *words,
                                const gan_axis_words *known, int known_count, const char *const *others,
                                bool *flags) GAN_CHECKED;
/* Reads numbers for each axis from words[*next] on, and moves *next behind them. */
gan_status gan_layer_parse_axis_sizes(const gan_axis_words *what, int axes, int word_count, char *const *words,
                                      int *next) GAN_CHECKED;
/* The input's positions, 1 along leading axes that it does not have. */
void gan_layer_positions(const gan_layer *layer, int64_t positions[GAN_AXES]);
/* Channels of all rows of a pass together, each a plane of positions. */
size_t gan_layer_planes(const gan_layer *layer, const gan_pass *pass);
/* (channels, positions) over the last `axes` axes. */
gan_shape gan_layer_image(int64_t channels, int axes, const int64_t positions[GAN_AXES]);
/* Fails where kernel or strides, over all axes together, are more than GAN_FEATURES_MOST. */
gan_status gan_layer_check_window(const gan_window *window) GAN_CHECKED;
/* A word as the name of a border, whose row (kernels/borders.h) becomes *border. */
gan_status gan_layer_parse_border(const char *word, const void **border) GAN_CHECKED;
/* Fails where `reach` positions beyond the ends of axis `axis` (of GAN_AXES) are more than the border has values for.
 */
gan_status gan_layer_check_border(const gan_layer *layer, const gan_border *border, int axis,
                                  int64_t reach) GAN_CHECKED;
/* Sets window.out from the rest; fails where the window is larger than the padded input, or as above. */
gan_status gan_layer_place_window(int axes, gan_window *window) GAN_CHECKED;

/* For initialise functions. */

/* Where the random numbers of the layer's tensor (0, 1, ...) are: its own address, whatever the other layers are. */
gan_random_address gan_layer_address(const gan_layer *layer, int tensor, gan_random_address address);
/* Tensor 0 as a weight with these fans, tensor 1, if there is one, as its bias. */
void gan_layer_initialise_weight(const gan_layer *layer, const gan_initialisation *how, double scale, int64_t fan_in,
                                 int64_t fan_out, gan_random_address address, float *parameters);
/* Tensor 0 (rows, features) as a table of which rows are picked. */
void gan_layer_initialise_embedding(const gan_layer *layer, const gan_initialisation *how, double scale,
                                    gan_random_address address, float *parameters);
/* Tensor 0 as the weight of a normalisation, tensor 1 as its bias. */
void gan_layer_initialise_norm(const gan_layer *layer, const gan_initialisation *how, double scale,
                               gan_random_address address, float *parameters);

#endif
