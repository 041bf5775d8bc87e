/* Fully connected layers: y = x W' + b, W (out, in) as in PyTorch's Linear. Each shard is one matrix product over all
   of its rows, both parts together; one over several shards only by kernels of our own, whose bits do not depend on how
   many of them this rank owns. */
#include <string.h>

#include "kernels/shard_products.h"
#include "nn/layer.h"
#include "nn/pass.h"
#include "nn/spectral.h"
#include "nn/tangent.h"

enum { WEIGHT, BIAS };

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  gan_shape output = {.rank = 1};
  static const char *const others[] = {"no_bias", "spectral_norm", NULL};
  bool given[] = {false, false};
  GAN_TRY(gan_layer_check_words(layer, word_count, 1, 3));
  GAN_TRY(gan_layer_parse_size("FEATURES", words[0], &output.size[0]));
  GAN_TRY(gan_layer_parse_flags(layer, word_count - 1, words + 1, others, given));
  GAN_TRY(gan_layer_set_output(layer, &output));
  const gan_shape weight = {.rank = 2, .size = {layer->outputs, layer->inputs}};
  const bool normalised = given[1] || layer->network->options.spectral_norm;
  GAN_TRY(gan_layer_add_weight(layer, &weight, normalised));
  if (!given[0]) GAN_TRY(gan_layer_add_tensor(layer, "bias", &output, GAN_TENSOR_PARAMETER));
  return normalised ? gan_spectral_add(layer, 1, (size_t)layer->outputs, (size_t)layer->inputs) : GAN_OK;
}

static void initialise(const gan_layer *layer, const gan_initialisation *how, double scale, gan_random_address address,
                       float *parameters, float *buffers) {
  (void)buffers;
  gan_layer_initialise_weight(layer, how, scale, layer->inputs, layer->outputs, address, parameters);
}

/* to (rows, columns) = from op(W): of all rows at once, where their bits do not depend on how many there are, else
   shard by shard. With a single shard there is nothing to depend on. */
static void multiply(const gan_layer *layer, const gan_pass *pass, bool transpose, const float *from, float *to) {
  const gan_backend *backend = layer->network->options.backend;
  const gan_shards *shards = pass->shards;
  const int64_t inner = transpose ? layer->inputs : layer->outputs, in = layer->inputs;
  const int64_t columns = transpose ? layer->outputs : layer->inputs;
  const float *weight = pass->parameters + layer->tensors[WEIGHT].offset;
  if (backend->row_products && backend->row_products(pass->parts * (shards->batch / shards->count), transpose,
                                                     pass->rows, columns, inner, from, weight, to))
    return;
  for (int shard = 0; shard < shards->local; shard++) {
    const int64_t first = gan_pass_first_row(pass, shard, -1), rows = gan_pass_row_count(pass, shard, -1);
    backend->gemm(false, transpose, rows, columns, inner, 1, from + first * inner, inner, weight, in, 0,
                  to + first * columns, columns);
  }
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  multiply(layer, pass, true, input, output);
  if (gan_layer_has_bias(layer))
    gan_add_bias((size_t)pass->rows, (size_t)layer->outputs, pass->parameters + layer->tensors[BIAS].offset, output);
}

static void tangent(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                    const float *input_tangent, float *output_tangent) {
  (void)input, (void)output;
  multiply(layer, pass, true, input_tangent, output_tangent);
}

/* dW = dy' x, of one shard's rows, or added to what is there. */
static void weight_gradient(const gan_layer *layer, const gan_pass *pass, int shard, bool add, const float *input,
                            const float *output_gradient, float *gradient) {
  const int64_t in = layer->inputs, out = layer->outputs, first = gan_pass_first_row(pass, shard, -1);
  layer->network->options.backend->gemm(true, false, out, in, gan_pass_row_count(pass, shard, -1), 1,
                                        output_gradient + first * out, out, input + first * in, in, add ? 1 : 0,
                                        gradient, in);
}

/* Of the bias, of one shard whose gradient of the layer's parameters begins at `gradient`. */
static void bias_gradient(const gan_layer *layer, const gan_pass *pass, int shard, const float *output_gradient,
                          float *gradient) {
  const int64_t out = layer->outputs, first = gan_pass_first_row(pass, shard, -1);
  gan_column_sums((size_t)gan_pass_row_count(pass, shard, -1), (size_t)out, output_gradient + first * out,
                  gradient + layer->tensors[WEIGHT].count);
}

/* Of the weight and the bias, of one shard. */
static void parameter_gradient(const gan_layer *layer, const gan_pass *pass, int shard, const float *input,
                               const float *output_gradient, float *gradient) {
  weight_gradient(layer, pass, shard, false, input, output_gradient, gradient);
  if (gan_layer_has_bias(layer)) bias_gradient(layer, pass, shard, output_gradient, gradient);
}

static void tangent_gradient(const gan_layer *layer, gan_pass *pass, int shard, const gan_tangent_rows *rows,
                             float *gradient) {
  const bool values = rows->output_gradient != NULL;
  if (values)
    parameter_gradient(layer, pass, shard, rows->input, rows->output_gradient, gradient);
  else if (gan_layer_has_bias(layer))
    memset(gradient + layer->tensors[WEIGHT].count, 0, layer->tensors[BIAS].count * sizeof *gradient);
  weight_gradient(layer, pass, shard, values, rows->input_tangent, rows->output_tangent_gradient, gradient);
}

/* Of all shards, into the slots. What a joined pass adds to each shard's has to be written first. */
static void sum_gradients(const gan_layer *layer, gan_pass *pass, const float *input, const float *output_gradient) {
  const gan_shards *shards = pass->shards;
  const int64_t out = layer->outputs;
  gan_joined_rows joined = {.parts = pass->parts, .input = input, .output_gradient = output_gradient};
  const bool apart = pass->joined && !gan_pass_join_rows(pass, layer, input, output_gradient, &joined);
  const gan_shard_rows rows = {shards, joined.parts, out, layer->inputs, joined.output_gradient, joined.input};
  if (!apart) gan_shard_products(layer->network->options.backend, &rows, pass->slots, layer->parameter_offset);
  for (int shard = 0; shard < shards->local; shard++) {
    float *gradient = gan_pass_gradient(pass, layer, shard);
    if (apart) {
      parameter_gradient(layer, pass, shard, input, output_gradient, gradient);
      gan_pass_fold(pass, layer, shard);
    } else if (gan_layer_has_bias(layer)) {
      const size_t weights = layer->tensors[WEIGHT].count;
      bias_gradient(layer, pass, shard, output_gradient, gradient);
      if (joined.values_gradient) {
        bias_gradient(layer, pass->joined, shard, joined.values_gradient, joined.room);
        gan_add(layer->tensors[BIAS].count, joined.room + weights, gradient + weights);
      }
      gan_shards_fold(shards, shard, pass->slots, layer->parameter_offset + weights, layer->parameter_count - weights);
    }
  }
  gan_pass_done(pass, layer, GAN_WORK_WEIGHTS, pass->rows);
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)output;
  if (pass->slots) sum_gradients(layer, pass, input, output_gradient);
  if (input_gradient) multiply(layer, pass, false, output_gradient, input_gradient);
}

static double flops(const gan_layer *layer) { return 2.0 * (double)layer->inputs * (double)layer->outputs; }

const gan_layer_type gan_layer_dense = {
    .name = "dense",
    .usage = "dense FEATURES [no_bias] [spectral_norm]",
    .has_matrix = true,
    .help = "fully connected layer; an input of any shape is taken as one vector",
    .backward_reads = GAN_READS_INPUT,
    .configure = configure,
    .initialise = initialise,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .tangent_gradient = tangent_gradient,
    .flops = flops,
};
