/* Networks: from a description to layers over flat parameter vectors.

   A network is a list of layers, one a line or separated by commas ("dense 128, leaky_relu 0.2, dense 1"). Each layer
   knows its input and output shape and the offsets of its tensors in two flat float32 vectors: parameters (trained) and
   buffers (running statistics, and behind all of these the vectors of spectral normalisation, nn/spectral.h). The
   network owns neither vector: callers allocate parameter_count and buffer_count floats and pass them in, so that one
   network serves the raw and the averaged weights alike. */
#ifndef GAN_NN_NETWORK_H
#define GAN_NN_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "base/shape.h"
#include "base/shards.h"
#include "kernels/convolution.h"
#include "kernels/kernels.h"

typedef struct gan_layer gan_layer;
typedef struct gan_network gan_network;
typedef struct gan_pass gan_pass;
typedef struct gan_tangent_rows gan_tangent_rows;

enum { GAN_LAYER_TENSORS = 4, GAN_LAYER_ARGUMENTS = 8, GAN_TENSOR_NAME = 48, GAN_LAYER_PATH = 160 };

typedef enum gan_tensor_kind {
  GAN_TENSOR_PARAMETER, /* trained */
  GAN_TENSOR_STATISTIC, /* a buffer that moves towards each batch's statistics */
  GAN_TENSOR_SINGULAR   /* a buffer that follows a weight: a singular vector of it */
} gan_tensor_kind;

/* One tensor of a layer: name as in PyTorch ("weight", "running_mean"), shape in PyTorch's layout, row-major. */
typedef struct gan_tensor_info {
  char name[GAN_TENSOR_NAME];
  gan_shape shape;
  gan_tensor_kind kind;
  size_t offset; /* in the vector of parameters, or of buffers */
  size_t count;
} gan_tensor_info;

/* Weight initialisations (`generator.init`), as PyTorch's torch.nn.init names them; `pytorch` is what PyTorch's own
   modules do by default. `scale` is the standard deviation for `normal`, a gain for the others. */
typedef struct gan_initialisation {
  const char *name;
  const char *help;
  double default_scale;
  /* Fills weight (count) given its fans. */
  void (*fill)(gan_random_address address, double scale, int64_t fan_in, int64_t fan_out, size_t count, float *weight);
  bool zero_bias;          /* biases start at 0; otherwise uniform within 1/sqrt(fan_in), PyTorch's default */
  bool random_norm_weight; /* weights of normalisation layers from N(1, scale), as DCGAN does; otherwise 1 */
  bool normal_embedding;   /* embeddings from N(0, scale); otherwise as a weight, fan_in the features of a row */
} gan_initialisation;
/* pytorch, normal, xavier_uniform, xavier_normal, he_uniform, he_normal. */
extern const gan_initialisation gan_initialisations[];
extern const int gan_initialisation_count;
const gan_initialisation *gan_initialisation_find(const char *name);

/* A block: the layers between a line that begins one ("residual", "concatenate") and its "end", in one part or several,
   each of which has the block's input for its own. Lines are given by their index in the description. */
typedef struct gan_block {
  int begin, end; /* lines; end 0: not yet met */
  int last_part;  /* the line that begins its last part so far: `begin`, or a "shortcut" or "with" */
  int parts;      /* so far */
  int enclosing;  /* the block around it; -1: none */
} gan_block;
enum { GAN_BLOCK_DEPTH = 8 }; /* of blocks in blocks: skips of a U-Net from 256 x 256 down to 1 x 1 */

/* What a layer's backward step reads of the forward pass: all else may be gone by then (nn/plan.h). A row that says
   nothing reads both. */
typedef enum gan_backward_reads {
  GAN_READS_BOTH,
  GAN_READS_INPUT,
  GAN_READS_OUTPUT,
  GAN_READS_NEITHER
} gan_backward_reads;

/* A kind of layer: one row of the table of layers. */
typedef struct gan_layer_type {
  const char *name;
  const char *usage; /* "dense FEATURES [no_bias]" */
  const char *help;
  /* True when a sample's output depends on the other samples of its batch or shard (batch norm). */
  bool couples_samples;
  /* True when that is so in samples drawn from a generator, too: they would depend on how many are drawn together. */
  bool critics_only;
  /* True when tensor 0 is a weight matrix, which spectral_norm normalises. */
  bool has_matrix;
  /* True when the derivative of the output with respect to the input depends on the input, other than in steps: such a
     layer has second derivatives. */
  bool curved;
  double lowest, highest; /* of its outputs, unless configure knows better; both 0: any number, or not known */
  bool keeps_range;       /* outputs are within the range of the inputs (or 0), in samples that are drawn */
  gan_backward_reads backward_reads; /* each layer's, unless configure knows better */
  bool in_place;                     /* forward: output may be input, of as many elements */
  bool in_place_backward;            /* input_gradient may be output_gradient */
  /* Checks the words after the layer's name, sets output shape, tensors, numbers, and what a pass keeps. The layer
     comes with type, index, input, inputs, offsets and network set. */
  gan_status (*configure)(gan_layer *layer, int word_count, char *const *words);
  /* Of a line that stands for several layers: adds those behind the first, which is the network's last one so far, by
     gan_network_add (layer.h); NULL: there are none. */
  gan_status (*expand)(gan_network *network);
  /* NULL for a layer without tensors. */
  void (*initialise)(const gan_layer *layer, const gan_initialisation *how, double scale, gan_random_address address,
                     float *parameters, float *buffers);
  /* input (rows, in) -> output (rows, out), rows arranged as gan_pass says. NULL for a layer that only gives its input
     another shape, or shows another one: the pass then shares the memory. */
  void (*forward)(const gan_layer *layer, gan_pass *pass, const float *input, float *output);
  /* output_gradient (rows, out) -> input_gradient (rows, in), not when NULL; and, when pass->slots is set, the
     parameters' gradient of each local shard i into gan_pass_gradient(pass, layer, i), then gan_pass_fold. NULL where
     the input gradient is the output gradient as it is. */
  void (*backward)(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                   float *output_gradient, float *input_gradient);
  /* The tangent pair (nn/tangent.h). input_tangent (rows, in) -> output_tangent (rows, out), the derivative of the
     output along it. NULL for views, as forward; and for a layer that a gradient penalty cannot meet. */
  void (*tangent)(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                  const float *input_tangent, float *output_tangent);
  /* Back through output and tangent together: writes rows->input_gradient and rows->input_tangent_gradient. A layer
     that is not curved may have NULL: both gradients then go through backward, one after the other. */
  void (*tangent_backward)(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows);
  /* The parameters' gradient of the same, of one local shard, into `gradient` (parameter_count). NULL without them. */
  void (*tangent_gradient)(const gan_layer *layer, gan_pass *pass, int local_shard, const gan_tangent_rows *rows,
                           float *gradient);
  /* Floating-point operations of one sample's matrix products, 2 per multiply-add; NULL for none. */
  double (*flops)(const gan_layer *layer);
  /* GAN_BAD_USAGE when a training batch is too small for the layer (gan_network_check_batch); NULL: any will do. */
  gan_status (*check_batch)(const gan_layer *layer, int64_t shard_samples, int64_t batch);
  /* Of a line that begins a block: the row that "end" stands for in it, which is not in the table. */
  const struct gan_layer_type *end;
  bool ends_part; /* a line that ends a part of a block */
} gan_layer_type;

extern const gan_layer_type *const gan_layer_types[];
extern const int gan_layer_type_count;
/* Finds by name; NULL when there is none. */
const gan_layer_type *gan_layer_type_find(const char *name);

/* How a layer's weight, its tensor 0, is normalised (nn/spectral.h): it lies as (outer, rows, inner) and is the matrix
   (rows, outer * inner). No rows: it is not. */
typedef struct gan_spectral {
  size_t outer, rows, inner;
  int number;       /* which of the network's normalised weights it is */
  int u;            /* tensor u is the layer's vector u (rows), the next v (outer * inner) */
  bool from_output; /* <G, W> is summed where outputs are, not inputs */
  int same;         /* the layer whose sum that is, but for the bias (gan_spectral_join); 0: it takes its own */
} gan_spectral;

struct gan_layer {
  const gan_layer_type *type;
  int index; /* place in the network */
  int line;  /* of the description, from 0, without blank ones; one line may stand for several layers */
  /* Name as in PyTorch's state_dict: its place in the Sequential that it belongs to ("4"); in a block, after the
     block's own and that of its part ("4.main.0", "4.shortcut.0", "4.branches.2.0"). */
  char path[GAN_LAYER_PATH];
  int block;                         /* of gan_network.blocks: the innermost that it belongs to, or ends; -1: none */
  int source;                        /* without forward: the activation that it shows, by default its input's */
  int read_again;                    /* the layer whose forward reads this one's input, too; -1: none */
  gan_backward_reads backward_reads; /* its type's, or less */
  double lowest, highest;            /* its type's, or those that its argument makes */
  gan_shape input, output;
  int64_t inputs, outputs; /* elements of them */
  double arguments[GAN_LAYER_ARGUMENTS];
  const void *variant;         /* the row of a sub-table, e.g. a gan_activation */
  gan_convolution convolution; /* of layers that move a window over their input */
  int tensor_count;
  gan_tensor_info tensors[GAN_LAYER_TENSORS];
  size_t parameter_offset, parameter_count; /* the layer's range in the flat vector, its tensors in order */
  size_t statistic_offset, statistic_count; /* in the buffers */
  size_t singular_offset, singular_count;   /* in the buffers, behind all statistics */
  gan_spectral spectral;
  /* Floats that forward keeps for backward: per row, and per shard and part. */
  size_t kept_per_row, kept_per_part;
  int kept_until; /* the layer whose backward step reads it last: itself; another one's is kept from backward on only */
  size_t scratch_per_part; /* doubles of gan_pass.scratch per local shard and part */
  size_t workspace;        /* floats of gan_pass.workspace */
  /* The same for tangents, taken only by passes that have them: floats that tangent keeps for tangent_backward, and
     what scratch_per_part is to be at least. */
  size_t tangent_kept_per_row, tangent_kept_per_part, tangent_scratch_per_part;
  size_t tangent_workspace; /* floats of gan_pass_tangent_workspace */
  const gan_network *network;
};

/* A layer that only reshapes, or shows an earlier activation: they are one memory. */
static inline bool gan_layer_is_view(const gan_layer *layer) { return layer->type->forward == NULL; }

typedef struct gan_network_options {
  const gan_backend *backend;
  bool batch_norm_sync;       /* statistics over the global batch instead of per shard */
  double batch_norm_momentum; /* 0.1 as in PyTorch */
  double batch_norm_epsilon;  /* 1e-5 */
  bool spectral_norm;         /* of the weights of all dense, conv, conv_transpose, embedding and attention layers */
} gan_network_options;

struct gan_network {
  gan_shape input, output;
  int line_count; /* of the description, without blank ones */
  int layer_count;
  gan_layer *layers;
  int block_count;
  gan_block *blocks; /* in the order of their beginnings */
  size_t parameter_count, buffer_count;
  size_t statistic_count; /* of the buffers: those in front, which are averages over batches */
  size_t singular_count;  /* those behind */
  int spectral_count;     /* weights that are normalised spectrally */
  bool couples_samples;   /* any layer does */
  gan_network_options options;
};

enum { GAN_LAYERS_MOST = 1000 };
#define GAN_FEATURES_MOST ((int64_t)1 << 24)     /* elements of one sample, into or out of any layer */
#define GAN_PARAMETERS_MOST ((int64_t)INT32_MAX) /* of one network; buffers likewise */

/* Parses a description. Errors (GAN_BAD_USAGE) name the layer, its number (the first is 1) and what is wrong, and offer
   the nearest known layer for an unknown name. The network is owned by the caller. */
gan_status gan_network_create(const char *description, const gan_shape *input, const gan_network_options *options,
                              gan_network **network) GAN_CHECKED;
void gan_network_destroy(gan_network *network);

/* The first layer of that line or of one behind it; layer_count where there is none. */
int gan_network_layer_of_line(const gan_network *network, int line);

/* The first layer by which samples enter each other's outputs, as batch norm has it; NULL: none. */
const gan_layer *gan_network_couples_samples(const gan_network *network);
/* The first by which samples of other shards do: batch norm over the global batch; NULL: none. */
const gan_layer *gan_network_couples_shards(const gan_network *network);

/* Fills parameters (parameter_count) and buffers (buffer_count). A scale of 0 takes the initialisation's default. The
   address's step is overwritten with the tensor's place, so values do not depend on other layers' sizes. */
void gan_network_initialise(const gan_network *network, const gan_initialisation *how, double scale,
                            gan_random_address address, float *parameters, float *buffers);

/* Tells a trainer whether batches are large enough: shard_samples of the smallest shard, batch of the global batch.
   Fails with GAN_BAD_USAGE when batch normalisation would see fewer than two values of a feature. */
gan_status gan_network_check_batch(const gan_network *network, int64_t shard_samples, int64_t batch) GAN_CHECKED;

/* Whether any of its weights is normalised spectrally: the network then runs on prepared parameters (nn/prepare.h). */
bool gan_network_normalises_spectrally(const gan_network *network);
/* Of a description, which may be wrong: whether it has layers with a weight matrix, and the word spectral_norm is in
   the lines of all of them. */
bool gan_layers_normalise_all(const char *description);

/* Cuts a description behind its first `count` layers: two texts, owned by the caller, the second empty where there are
   no more. What is wrong in them is for gan_network_create to find. */
gan_status gan_layers_split(const char *description, int64_t count, char **first, char **rest) GAN_CHECKED;

/* Floating-point operations of one sample's forward pass (2 per multiply-add of matrix products). */
double gan_network_flops(const gan_network *network);

#endif
