/* Fully connected layers: y = x W' + b, W (out, in) as in PyTorch's Linear. Each shard is one matrix product over all
   of its rows, both parts together; never one over several shards, whose bits could depend on how many this rank owns.
 */
#include <string.h>

#include "nn/layer.h"
#include "nn/pass.h"

enum { WEIGHT, BIAS };

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  gan_shape output = {.rank = 1};
  GAN_TRY(gan_layer_check_words(layer, word_count, 1, 2));
  GAN_TRY(gan_layer_parse_size("FEATURES", words[0], &output.size[0]));
  const bool bias = word_count < 2;
  if (!bias && strcmp(words[1], "no_bias") != 0)
    return gan_fail(GAN_BAD_USAGE, "after FEATURES there may only be \"no_bias\", not \"%.40s\"", words[1]);
  GAN_TRY(gan_layer_set_output(layer, &output));
  const gan_shape weight = {.rank = 2, .size = {layer->outputs, layer->inputs}};
  GAN_TRY(gan_layer_add_tensor(layer, "weight", &weight, false));
  if (bias) GAN_TRY(gan_layer_add_tensor(layer, "bias", &output, false));
  return GAN_OK;
}

static bool has_bias(const gan_layer *layer) { return layer->tensor_count > BIAS; }

static void initialise(const gan_layer *layer, const gan_initialisation *how, double scale, gan_random_address address,
                       float *parameters, float *buffers) {
  (void)buffers;
  gan_layer_initialise_weight(layer, how, scale, layer->inputs, layer->outputs, address, parameters);
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const gan_backend *backend = layer->network->options.backend;
  const int64_t in = layer->inputs, out = layer->outputs;
  const float *weight = pass->parameters + layer->tensors[WEIGHT].offset;
  for (int shard = 0; shard < pass->shards->local; shard++) {
    const int64_t first = gan_pass_first_row(pass, shard, -1), rows = gan_pass_row_count(pass, shard, -1);
    float *y = output + first * out;
    backend->gemm(false, true, rows, out, in, 1, input + first * in, in, weight, in, 0, y, out);
    if (has_bias(layer)) gan_add_bias((size_t)rows, (size_t)out, pass->parameters + layer->tensors[BIAS].offset, y);
  }
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)output;
  const gan_backend *backend = layer->network->options.backend;
  const int64_t in = layer->inputs, out = layer->outputs;
  const float *weight = pass->parameters + layer->tensors[WEIGHT].offset;
  for (int shard = 0; shard < pass->shards->local; shard++) {
    const int64_t first = gan_pass_first_row(pass, shard, -1), rows = gan_pass_row_count(pass, shard, -1);
    const float *dy = output_gradient + first * out;
    if (pass->slots) {
      float *gradient = gan_pass_gradient(pass, layer, shard);
      backend->gemm(true, false, out, in, rows, 1, dy, out, input + first * in, in, 0, gradient, in);
      if (has_bias(layer)) gan_column_sums((size_t)rows, (size_t)out, dy, gradient + layer->tensors[WEIGHT].count);
      gan_pass_fold(pass, layer, shard);
      gan_pass_done(pass, layer, GAN_WORK_WEIGHTS, rows);
    }
    if (input_gradient)
      backend->gemm(false, false, rows, in, out, 1, dy, out, weight, in, 0, input_gradient + first * in, in);
  }
}

static double flops(const gan_layer *layer) { return 2.0 * (double)layer->inputs * (double)layer->outputs; }

const gan_layer_type gan_layer_dense = {
    .name = "dense",
    .usage = "dense FEATURES [no_bias]",
    .help = "fully connected layer; an input of any shape is taken as one vector",
    .backward_reads = GAN_READS_INPUT,
    .configure = configure,
    .initialise = initialise,
    .forward = forward,
    .backward = backward,
    .flops = flops,
};
