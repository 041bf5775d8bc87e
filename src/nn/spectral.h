/* Spectral normalisation (Miyato et al. 2018, arXiv 1802.05957): a layer works with W / sigma instead of its weight W,
   sigma being the largest singular value of W as a matrix of one row for each output. As in PyTorch's
   torch.nn.utils.spectral_norm, whose names and shapes of tensors these are, sigma = u' W v with two vectors that are
   kept, `weight_u` and `weight_v`, which follow W by power iteration; the parameter itself is `weight_orig`.

   Where PyTorch makes one round of the iteration in each forward pass in training, here it is one after each update
   (nn/prepare.h): real samples, generated ones and the generator's step then meet one and the same critic, rather than
   three, and any number of passes may be made in between without a trace in the result. With a single forward pass
   between two updates both are the same. Samples are drawn with the vectors as they are, as in PyTorch's eval mode.

   The gradient. With u and v held fixed, G the loss's gradient of W / sigma, and <,> the sum of elementwise products,

       dloss/dW = (G - c u v') / sigma        c = <G, W / sigma>

   G is summed along the shard tree, a rank has parts of that sum only, and on the way to it no shard's gradient is a
   vector of its own (kernels/shard_products.h). But c is linear in G, so it is a sum over shards as well, one number
   for each weight and shard, which goes along the tree with the step's other scalars; and the correction is made where
   the sum is complete, before its norm is taken and the optimiser sees it (gan_reduction_transform). No shard's
   gradient is needed for its c, either: the layer is linear, y = (W / sigma) x + b, so <G, W / sigma> of some rows is

       sum of x . dx        or, which is the same,        sum of dy . (y - b)

   over these rows, dx = (W / sigma)' dy being what goes back to the layer below anyway. The former is there for all
   layers but the first one with parameters, whose dx nobody asks for, and embeddings, which have none: those take the
   latter, and keep their outputs for it; but for those that only a relu stands between and another normalised layer,
   whose x . dx is the same number, as f(y) = f'(y) y. Tangents (nn/tangent.h) are mapped without the bias and add x' .
   dx' alike. */
#ifndef GAN_NN_SPECTRAL_H
#define GAN_NN_SPECTRAL_H

#include "nn/pass.h"

/* For configure functions. Adds the layer's weight, as tensor 0, named as normalised or not. */
gan_status gan_layer_add_weight(gan_layer *layer, const gan_shape *shape, bool normalised) GAN_CHECKED;
/* After the last parameter: adds u and v of a weight that lies as (outer, rows, inner). */
gan_status gan_spectral_add(gan_layer *layer, size_t outer, size_t rows, size_t inner) GAN_CHECKED;

/* Once all layers of a network are there: finds layers whose sum another one takes. */
void gan_spectral_join(gan_network *network);

/* u and v as PyTorch begins them: normally distributed, of length 1. Nothing for a layer without. The address is that
   of gan_network_initialise. */
void gan_spectral_initialise(const gan_layer *layer, gan_random_address address, float *buffers);

/* For the walks backward (pass.c, tangent.c), of layers that are normalised, into the pass's spectral_sums: begins the
   layer's sums of all shards; and adds those of values and gradients, (rows, in) both or (rows, out) both, that lie in
   the pass `of`, which may be another one. Those of outputs contain the bias, those of tangents do not. */
void gan_spectral_begin_sums(gan_pass *pass, const gan_layer *layer);
void gan_spectral_add_inputs(gan_pass *pass, const gan_pass *of, const gan_layer *layer, const float *input,
                             const float *input_gradient);
void gan_spectral_add_outputs(gan_pass *pass, const gan_pass *of, const gan_layer *layer, bool with_bias,
                              const float *output, const float *output_gradient);

/* Whether a backward pass that fills slots has these sums to make of the layer. */
static inline bool gan_spectral_sums(const gan_pass *pass, const gan_layer *layer) {
  return layer->spectral.rows > 0 && pass->slots != NULL && pass->spectral_sums != NULL;
}

#endif
