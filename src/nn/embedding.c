/* Embeddings: a table of COUNT rows of FEATURES weights, of which each value of the input picks one by its number
   (PyTorch's Embedding). Indices come as float32 numbers, as everything in a pass does; up to GAN_FEATURES_MOST, 2^24,
   each is exact.

   A number that is no index of the table (a fraction, negative, COUNT or more, NaN) reads nothing: its features are
   NaN, so that nobody takes them for values, and gan_pass_check tells of it.

   A step's gradient is 0 but in the rows that its samples picked, and added up sample after sample within a shard. None
   flows to the input: a row's number is no quantity that could change a little. */
#include <math.h>
#include <string.h>

#include "nn/layer.h"
#include "nn/pass.h"
#include "nn/spectral.h"

enum { WEIGHT };

/* Rows of the table, and values of each. */
static int64_t row_count(const gan_layer *layer) { return layer->tensors[WEIGHT].shape.size[0]; }
static int64_t feature_count(const gan_layer *layer) { return layer->tensors[WEIGHT].shape.size[1]; }

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  gan_shape weight = {.rank = 2}, output = layer->input;
  static const char *const others[] = {"spectral_norm", NULL};
  bool given = false;
  GAN_TRY(gan_layer_check_words(layer, word_count, 2, 3));
  GAN_TRY(gan_layer_parse_size("COUNT", words[0], &weight.size[0]));
  GAN_TRY(gan_layer_parse_size("FEATURES", words[1], &weight.size[1]));
  GAN_TRY(gan_layer_parse_flags(layer, word_count - 2, words + 2, others, &given));
  if (layer->inputs == 1) output.rank = 0; /* one index gives a vector */
  if (output.rank == GAN_SHAPE_RANK - 1)
    return gan_fail(GAN_BAD_USAGE, "its input has %d dimensions already; put a flatten before it", output.rank);
  output.size[output.rank++] = weight.size[1];
  GAN_TRY(gan_layer_set_output(layer, &output));
  const bool normalised = given || layer->network->options.spectral_norm;
  GAN_TRY(gan_layer_add_weight(layer, &weight, normalised));
  return normalised ? gan_spectral_add(layer, 1, (size_t)weight.size[0], (size_t)weight.size[1]) : GAN_OK;
}

static void initialise(const gan_layer *layer, const gan_initialisation *how, double scale, gan_random_address address,
                       float *parameters, float *buffers) {
  (void)buffers;
  gan_layer_initialise_embedding(layer, how, scale, address, parameters);
}

/* The row that a number picks; -1: none. */
static int64_t row_of(const gan_layer *layer, float number) {
  const bool within = number >= 0 && number < (float)row_count(layer); /* false for NaN */
  return within && truncf(number) == number ? (int64_t)number : -1;
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const float *weight = pass->parameters + layer->tensors[WEIGHT].offset;
  const int64_t features = feature_count(layer), count = pass->rows * layer->inputs;
  for (int64_t i = 0; i < count; i++) {
    const int64_t row = row_of(layer, input[i]);
    float *out = output + i * features;
    if (row >= 0) {
      memcpy(out, weight + row * features, (size_t)features * sizeof *out);
    } else {
      for (int64_t j = 0; j < features; j++) out[j] = NAN;
      gan_pass_reject(pass, layer, input[i]);
    }
  }
}

/* What each row of the table was picked for, of the shard's inputs (count). */
static void weight_gradient(const gan_layer *layer, int64_t count, const float *input, const float *output_gradient,
                            float *gradient) {
  const int64_t features = feature_count(layer);
  memset(gradient, 0, layer->tensors[WEIGHT].count * sizeof *gradient);
  for (int64_t i = 0; i < count; i++) {
    const int64_t row = row_of(layer, input[i]);
    if (row < 0) continue;
    for (int64_t j = 0; j < features; j++) gradient[row * features + j] += output_gradient[i * features + j];
  }
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)output;
  for (int shard = 0; shard < pass->shards->local && pass->slots; shard++) {
    const int64_t first = gan_pass_first_row(pass, shard, -1), rows = gan_pass_row_count(pass, shard, -1);
    weight_gradient(layer, rows * layer->inputs, input + first * layer->inputs,
                    output_gradient + first * layer->outputs, gan_pass_gradient(pass, layer, shard));
    gan_pass_fold(pass, layer, shard);
  }
  if (input_gradient) memset(input_gradient, 0, (size_t)(pass->rows * layer->inputs) * sizeof *input_gradient);
}

const gan_layer_type gan_layer_embedding = {
    .name = "embedding",
    .usage = "embedding COUNT FEATURES [spectral_norm]",
    .has_matrix = true,
    .help = "FEATURES weights for each value, which is the index, 0 to COUNT - 1, of a row of weights",
    .backward_reads = GAN_READS_INPUT,
    .configure = configure,
    .initialise = initialise,
    .forward = forward,
    .backward = backward,
};
