#include "nn/spectral.h"

#include <math.h>
#include <string.h>

#include "kernels/singular.h"
#include "nn/layer.h"
#include "nn/normalise.h"

gan_status gan_layer_add_weight(gan_layer *layer, const gan_shape *shape, bool normalised) {
  return gan_layer_add_tensor(layer, normalised ? "weight_orig" : "weight", shape, GAN_TENSOR_PARAMETER);
}

gan_status gan_spectral_add(gan_layer *layer, size_t outer, size_t rows, size_t inner) {
  const gan_shape u = {.rank = 1, .size = {(int64_t)rows}}, v = {.rank = 1, .size = {(int64_t)(outer * inner)}};
  /* Below the first layer with parameters no gradient goes; and none of an embedding's inputs is there. */
  const bool from_output = layer->parameter_offset == 0 || layer->type == &gan_layer_embedding;
  layer->spectral = (gan_spectral){.outer = outer,
                                   .rows = rows,
                                   .inner = inner,
                                   .number = layer->network->spectral_count,
                                   .u = layer->tensor_count,
                                   .from_output = from_output};
  GAN_TRY(gan_layer_add_tensor(layer, "weight_u", &u, GAN_TENSOR_SINGULAR));
  GAN_TRY(gan_layer_add_tensor(layer, "weight_v", &v, GAN_TENSOR_SINGULAR));
  if (!from_output) return GAN_OK;
  layer->backward_reads = GAN_READS_BOTH;
  /* For gan_channel_sums, where there is a bias. */
  if (layer->spectral.u > 1 && layer->scratch_per_part < rows) layer->scratch_per_part = rows;
  return GAN_OK;
}

/* Linear in pieces, each of which goes through zero. */
static bool is_homogeneous(const gan_layer *layer) {
  return layer->type == &gan_layer_relu || layer->type == &gan_layer_leaky_relu;
}

void gan_spectral_join(gan_network *network) {
  for (int i = 0; i + 2 < network->layer_count; i++) {
    gan_layer *layer = &network->layers[i];
    const gan_layer *next = layer + 1, *taker = layer + 2;
    if (layer->spectral.rows == 0 || !layer->spectral.from_output || !is_homogeneous(next)) continue;
    if (taker->spectral.rows == 0 || taker->spectral.from_output) continue;
    layer->spectral.same = i + 2;
    layer->backward_reads = layer->type->backward_reads;
  }
}

void gan_spectral_initialise(const gan_layer *layer, gan_random_address address, float *buffers) {
  if (layer->spectral.rows == 0) return;
  address.sample = (uint64_t)address.stream;
  address.stream = GAN_STREAM_SPECTRAL;
  for (int i = layer->spectral.u; i < layer->spectral.u + 2; i++) {
    const gan_tensor_info *info = &layer->tensors[i];
    float *vector = buffers + info->offset;
    gan_random_normal(gan_layer_address(layer, i, address), info->count, vector);
    const double length = sqrt(gan_square_sum(info->count, vector));
    for (size_t j = 0; j < info->count; j++) vector[j] = (float)((double)vector[j] / length);
  }
}

static double *sum_of(const gan_pass *pass, const gan_layer *layer, int shard) {
  return pass->spectral_sums + (size_t)shard * (size_t)layer->network->spectral_count + layer->spectral.number;
}

void gan_spectral_begin_sums(gan_pass *pass, const gan_layer *layer) {
  const gan_layer *same = layer->spectral.same ? &layer->network->layers[layer->spectral.same] : NULL;
  for (int shard = 0; shard < pass->shards->local; shard++)
    *sum_of(pass, layer, shard) = same ? *sum_of(pass, same, shard) : 0;
}

/* Of one shard: values and gradients begin where its rows do, each `width` floats. */
static double dot_rows(const gan_pass *of, int shard, int64_t width, const float *values, const float *gradients) {
  const int64_t first = gan_pass_first_row(of, shard, -1) * width;
  return gan_dot((size_t)(gan_pass_row_count(of, shard, -1) * width), values + first, gradients + first);
}

void gan_spectral_add_inputs(gan_pass *pass, const gan_pass *of, const gan_layer *layer, const float *input,
                             const float *input_gradient) {
  for (int shard = 0; shard < of->shards->local; shard++)
    *sum_of(pass, layer, shard) += dot_rows(of, shard, layer->inputs, input, input_gradient);
}

/* dy . b of one shard's rows. The pass's scratch is not in use in between. */
static double dot_bias(const gan_pass *of, const gan_layer *layer, int shard, const float *output_gradient) {
  const gan_tensor_info *bias = &layer->tensors[1];
  const size_t rows = (size_t)gan_pass_row_count(of, shard, -1), outputs = (size_t)layer->outputs;
  double sum = 0;
  gan_channel_sums((gan_channels){rows, bias->count, outputs / bias->count},
                   output_gradient + (size_t)gan_pass_first_row(of, shard, -1) * outputs, of->scratch);
  for (size_t c = 0; c < bias->count; c++) sum += of->scratch[c] * (double)of->parameters[bias->offset + c];
  return sum;
}

void gan_spectral_add_outputs(gan_pass *pass, const gan_pass *of, const gan_layer *layer, bool with_bias,
                              const float *output, const float *output_gradient) {
  const bool has_bias = layer->spectral.u > 1;
  for (int shard = 0; shard < of->shards->local; shard++) {
    double sum = layer->spectral.same ? 0 : dot_rows(of, shard, layer->outputs, output, output_gradient);
    if (with_bias && has_bias) sum -= dot_bias(of, layer, shard, output_gradient);
    *sum_of(pass, layer, shard) += sum;
  }
}
