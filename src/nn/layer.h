/* What the layers' files share: the rows of the table, and the helpers that configure and initialise a layer.

   A new kind of layer is a file with a gan_layer_type and a row in layers.c. */
#ifndef GAN_NN_LAYER_H
#define GAN_NN_LAYER_H

#include "base/error.h"
#include "nn/network.h"

extern const gan_layer_type gan_layer_dense, gan_layer_batch_norm, gan_layer_layer_norm, gan_layer_flatten,
    gan_layer_reshape;
extern const gan_layer_type gan_layer_relu, gan_layer_leaky_relu, gan_layer_tanh, gan_layer_sigmoid, gan_layer_elu,
    gan_layer_gelu, gan_layer_silu, gan_layer_softplus;

/* Fails with GAN_BAD_USAGE for a name that is not in the table; offers the nearest one, or all of them. */
gan_status gan_layer_unknown(const char *name) GAN_CHECKED;

/* For configure functions. All fail with GAN_BAD_USAGE; gan_network_create puts the layer in front of the message. */

/* That there are at least `least` and at most `most` words after the layer's name. */
gan_status gan_layer_check_words(const gan_layer *layer, int word_count, int least, int most) GAN_CHECKED;
/* A word as a size from 1 to GAN_FEATURES_MOST; `what` names it in the message ("FEATURES"). */
gan_status gan_layer_parse_size(const char *what, const char *word, int64_t *size) GAN_CHECKED;
/* A word as a finite number. */
gan_status gan_layer_parse_number(const char *what, const char *word, double *number) GAN_CHECKED;
/* Sets output and outputs, unless the shape has more than GAN_FEATURES_MOST elements. */
gan_status gan_layer_set_output(gan_layer *layer, const gan_shape *shape) GAN_CHECKED;
/* Adds the layer's next tensor, behind those it has in the same vector. */
gan_status gan_layer_add_tensor(gan_layer *layer, const char *name, const gan_shape *shape, bool is_buffer) GAN_CHECKED;

/* For initialise functions. */

/* Where the random numbers of the layer's tensor (0, 1, ...) are: its own address, whatever the other layers are. */
gan_random_address gan_layer_address(const gan_layer *layer, int tensor, gan_random_address address);
/* Tensor 0 as a weight with these fans, tensor 1, if there is one, as its bias. */
void gan_layer_initialise_weight(const gan_layer *layer, const gan_initialisation *how, double scale, int64_t fan_in,
                                 int64_t fan_out, gan_random_address address, float *parameters);
/* Tensor 0 as the weight of a normalisation, tensor 1 as its bias. */
void gan_layer_initialise_norm(const gan_layer *layer, const gan_initialisation *how, double scale,
                               gan_random_address address, float *parameters);

#endif
