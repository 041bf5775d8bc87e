/* Second order without a graph: what gradient penalties need of a network.

   A penalty looks at g(x) = d (sum of the critic's scores) / dx, and training needs its gradient with respect to the
   parameters. With u = d penalty / dg held fixed this is d/dparameters of u . g(x), and u . g(x) is the derivative of
   the scores along u. So each layer y = f(x) also maps a tangent, y' = J(x) x' with J = df/dx, and can be gone through
   backward as a function of both, (x, x') -> (y, y'):

        d/dx' = J^T d/dy'          d/dx = J^T d/dy + d/dx [d/dy' . J(x) x']

   and likewise to the parameters. With x' = u at the input, d/dy = 0 and d/dy' = 1 at the scores, what comes out is the
   penalty's gradient. With d/dy = d loss / dy instead, it is that of loss and penalty together, where both look at the
   same samples.

   A penalty at other samples than the loss's has a pass of its own, with tangents; gan_pass_backward_jointly takes it
   back layer by layer beside the loss's pass, and adds its gradient shard by shard before the shard is folded into the
   tree. Sums over shards of the two, added at the end, would depend on which sums this rank has; and each rank would
   exchange twice as much.

   d/dy is zero at the scores, and stays so down to the first layer that is curved. In a critic of relu and linear
   layers there is none, and half of the way back is left out. */
#ifndef GAN_NN_TANGENT_H
#define GAN_NN_TANGENT_H

#include "nn/pass.h"

/* What a layer's step back works on. */
struct gan_tangent_rows {
  const float *input, *output; /* x (rows, in), y (rows, out) */
  const float *input_tangent;  /* x' (rows, in) */
  /* d/dy, d/dy' (rows, out). d/dy is NULL where it is zero as a whole, and the layer is not curved. It is then not to
     be written below either. */
  float *output_gradient, *output_tangent_gradient;
  float *input_gradient, *input_tangent_gradient; /* d/dx, d/dx' (rows, in), to be written */
};

/* Takes the memory for tangents: as much again as all outputs of layers, and four times the widest. Once, for a pass
   that was created with GAN_KEEP_ALL, since several passes go over what forward computed; it goes with the pass. Fails
   with GAN_BAD_USAGE when the network has a layer that has no tangent. */
gan_status gan_pass_take_tangents(gan_pass *pass) GAN_CHECKED;
/* Whether all layers have tangents; the same error. */
gan_status gan_network_check_tangents(const gan_network *network) GAN_CHECKED;
/* The bytes that gan_pass_take_tangents adds to those of a pass with so many parts. */
size_t gan_pass_measure_tangents(const gan_network *network, const gan_shards *shards, int parts);

/* (rows, input elements): x', to be filled before gan_pass_tangent. (rows, output elements): y', valid until the next
   gan_pass_tangent. */
float *gan_pass_input_tangent(gan_pass *pass);
const float *gan_pass_output_tangent(const gan_pass *pass);
/* (rows, output elements): d/dy', to be filled before the way back, as gan_pass_output_gradient is with d/dy. */
float *gan_pass_output_tangent_gradient(gan_pass *pass);

/* g (rows, input elements): the gradient of the sum of all outputs with respect to the input; after gan_pass_forward in
   training, valid until the next pass. Leaves slots alone. */
const float *gan_pass_score_gradient(gan_pass *pass);

/* Maps the tangent, at the input of the last gan_pass_forward. Collective as forward is. */
void gan_pass_tangent(gan_pass *pass);

/* Follows gan_pass_tangent. Parameter gradients go into pass->slots, if set, as in gan_pass_backward. With
   `input_gradient` true, writes where d/dx and d/dx' (rows, input elements) are, valid until the next pass; both may be
   NULL otherwise. */
void gan_pass_tangent_backward(gan_pass *pass, bool input_gradient, const float **gradient,
                               const float **tangent_gradient);

/* gan_pass_backward of `pass`, to the parameters only, and gan_pass_tangent_backward of `tangents` at once: the sum of
   both gradients goes into the slots of `pass`. Both are of one network and of the same shards. */
void gan_pass_backward_jointly(gan_pass *pass, gan_pass *tangents);

/* What a penalty calls. `pass` has tangents, its input has been through gan_pass_forward, and u (rows, input elements)
   is in gan_pass_input_tangent: the parameters' gradient of u . d (sum of outputs) / d input, u held fixed. It goes
   into the slots of `pass`; or, with `ordinary`, a pass that is ready for its backward pass, it is added to that one's
   gradient in that one's slots. */
void gan_pass_gradient_product(gan_pass *pass, gan_pass *ordinary);

/* For layers whose parameters' gradient is a product of output gradients and inputs: where its shards' products are
   larger than the rows that they are made of, rows of both passes are put side by side, and one product for each shard
   does what would else be two or three, added. */
typedef struct gan_joined_rows {
  int64_t parts; /* rows of a shard, as a multiple of its samples */
  const float *input, *output_gradient;
  float *room; /* the layer's parameters */
  const float
      *values_gradient; /* d/dy of the joined pass, as gan_tangent_rows has it: a bias has no part in tangents */
} gan_joined_rows;
/* Of a pass with another one joined: false where it does not pay. */
bool gan_pass_join_rows(const gan_pass *pass, const gan_layer *layer, const float *input, const float *output_gradient,
                        gan_joined_rows *rows);

/* For pass.c: takes both gradients from layer i's output to its input; adds to the spectral sums of the pass what the
   joined one's rows give, once where they are at the layer's output and once where they are at its input; and frees
   what was taken. */
void gan_pass_tangent_step(gan_pass *pass, int i);
void gan_pass_add_joined_sums(gan_pass *pass, int i, bool at_output);
void gan_pass_release_tangents(gan_pass *pass);

/* For layers. */

/* The tangent of activation i (rows, elements). */
const float *gan_pass_tangent_rows(const gan_pass *pass, int i);

/* What the layer keeps from tangent to tangent_backward, of one row and of one local shard's part. */
float *gan_pass_tangent_kept_row(const gan_pass *pass, const gan_layer *layer, int64_t row);
float *gan_pass_tangent_kept_part(const gan_pass *pass, const gan_layer *layer, int local_shard, int part);
/* gan_layer.tangent_workspace floats; hold nothing from one call to the next. */
float *gan_pass_tangent_workspace(const gan_pass *pass);
/* The tangent of a layer whose forward is linear and has no bias: forward itself. */
void gan_tangent_of_linear(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                           const float *input_tangent, float *output_tangent);

#endif
