/* What blocks share: lines that begin one, begin a further part of it, and end it. A description stays a flat list of
   layers, worked on in order, so that a pass needs not know about blocks: the lines are layers themselves.

   Each part of a block has the block's input for its own: a line that begins a further part shows it again. "end" makes
   one of what the parts made, in a way that depends on the kind of block: a row of its own, which takes the place of
   the table's row when it is met. On the way back the parts are gone through from the last to the first; what has to
   wait meanwhile, gradients of parts that come later and of the block's input, is kept with "end" until the block's
   beginning has read it.

   Tensors are named as those of a PyTorch module that holds a Sequential for each part. */
#ifndef GAN_NN_BLOCKS_H
#define GAN_NN_BLOCKS_H

#include "nn/layer.h"
#include "nn/pass.h"

/* The innermost block that has no end yet; -1: none. */
int gan_block_innermost(const gan_network *network);
/* Sets path, once the layer is configured. */
void gan_block_name_layer(const gan_network *network, gan_layer *layer);

/* For lines of blocks. */

/* The block that the line begins, is in, or ends; and what it began with. */
static inline gan_block *gan_block_of(const gan_layer *layer) { return &layer->network->blocks[layer->block]; }
static inline const gan_layer_type *gan_block_kind(const gan_layer *layer) {
  return layer->network->layers[gan_block_of(layer)->begin].type;
}

/* The configure function of a line that begins a block. */
gan_status gan_block_begin(gan_layer *layer, int word_count, char *const *words) GAN_CHECKED;
/* Of a line that begins a further part of a block of that kind: it shows the block's input. GAN_BAD_USAGE where it is
   in no such block. */
gan_status gan_block_begin_part(gan_layer *layer, const gan_layer_type *kind, int word_count) GAN_CHECKED;

/* What the block's "end" keeps on the way back, (rows, kept_per_row): for values, and for tangents. */
float *gan_block_kept(const gan_layer *layer, const gan_pass *pass);
float *gan_block_kept_tangents(const gan_layer *layer, const gan_pass *pass);

/* A line's backward functions, of outputs alone and of outputs and tangents, from one of a single gradient:
   line_gradient(layer, pass, dy, dx, kept). dx is NULL where nobody asks for it; dy where it is zero
   (gan_tangent_rows): then dx is not to be written. */
#define GAN_BLOCK_BACKWARD(line)                                                                               \
  static void backward_##line(const gan_layer *layer, gan_pass *pass, const float *input, const float *output, \
                              float *output_gradient, float *input_gradient) {                                 \
    (void)input, (void)output;                                                                                 \
    line##_gradient(layer, pass, output_gradient, input_gradient, gan_block_kept(layer, pass));                \
  }                                                                                                            \
  static void tangent_backward_##line(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows) {  \
    line##_gradient(layer, pass, rows->output_gradient, rows->input_gradient, gan_block_kept(layer, pass));    \
    line##_gradient(layer, pass, rows->output_tangent_gradient, rows->input_tangent_gradient,                  \
                    gan_block_kept_tangents(layer, pass));                                                     \
  }

#endif
