/* Dropout (Srivastava et al. 2014, scaled in training as PyTorch does): which elements are dropped is addressed by the
   step, the layer, the part, and the sample's place in the global batch, and so the same for any number of ranks and
   after a resumption. */
#include <string.h>

#include "nn/layer.h"
#include "nn/pass.h"
#include "nn/tangent.h"

enum { PROBABILITY }; /* of layer->arguments */

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  GAN_TRY(gan_layer_check_words(layer, word_count, 1, 1));
  GAN_TRY(gan_layer_parse_number("PROBABILITY", words[0], &layer->arguments[PROBABILITY]));
  if (layer->arguments[PROBABILITY] < 0 || layer->arguments[PROBABILITY] >= 1)
    return gan_fail(GAN_BAD_USAGE, "PROBABILITY has to be at least 0 and below 1, not %.40s", words[0]);
  layer->kept_per_row = (size_t)layer->inputs; /* what each element is multiplied with */
  return gan_layer_set_output(layer, &layer->input);
}

/* The factors of one part of a shard: 0 with the probability, else what keeps the mean. */
static void draw_factors(const gan_layer *layer, const gan_pass *pass, int shard, int part) {
  const float probability = (float)layer->arguments[PROBABILITY], factor = 1 / (1 - probability);
  const size_t rows = (size_t)gan_pass_row_count(pass, shard, part), n = (size_t)layer->inputs;
  float *kept = gan_pass_kept_row(pass, layer, gan_pass_first_row(pass, shard, part));
  gan_random_address address = pass->random;
  address.step = (address.step * GAN_LAYERS_MOST + (uint64_t)layer->index) * GAN_PARTS_MOST + (uint64_t)part;
  address.sample = (uint64_t)gan_shard_begin(pass->shards, pass->shards->first + shard);
  gan_random_uniform_rows(address, rows, n, kept);
  for (size_t i = 0; i < rows * n; i++) kept[i] = kept[i] < probability ? 0 : factor;
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const size_t n = (size_t)(pass->rows * layer->inputs);
  if (!pass->training) {
    if (output != input) memcpy(output, input, n * sizeof *output);
    return;
  }
  for (int piece = 0; piece < pass->shards->local * pass->parts; piece++)
    draw_factors(layer, pass, piece / pass->parts, piece % pass->parts);
  gan_multiply(n, input, gan_pass_kept_row(pass, layer, 0), output);
}

static void tangent(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                    const float *input_tangent, float *output_tangent) {
  (void)input, (void)output;
  gan_multiply((size_t)(pass->rows * layer->inputs), input_tangent, gan_pass_kept_row(pass, layer, 0), output_tangent);
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)input, (void)output;
  if (input_gradient)
    gan_multiply((size_t)(pass->rows * layer->inputs), output_gradient, gan_pass_kept_row(pass, layer, 0),
                 input_gradient);
}

const gan_layer_type gan_layer_dropout = {
    .name = "dropout",
    .usage = "dropout PROBABILITY",
    .help = "sets each value to 0 with this probability while training, and scales up the others",
    .keeps_range = true,
    .backward_reads = GAN_READS_NEITHER,
    .in_place = true,
    .in_place_backward = true,
    .configure = configure,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
};
