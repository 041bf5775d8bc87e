/* One learned factor for a whole activation: gamma of SAGAN's attention (Zhang et al. 2019, arXiv 1805.08318, eq. 3),
   alpha of ReZero (Bachlechner et al. 2020, arXiv 2003.04887). At the end of a residual block that begins with 0, the
   block begins as its input, and learns how much of it to change. */
#include <string.h>

#include "nn/layer.h"
#include "nn/normalise.h"
#include "nn/pass.h"
#include "nn/tangent.h"

enum { WEIGHT };
enum { INITIAL }; /* of layer->arguments */

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  const gan_shape one = {.rank = 1, .size = {1}};
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 1));
  if (word_count == 1) GAN_TRY(gan_layer_parse_number("INITIAL", words[0], &layer->arguments[INITIAL]));
  GAN_TRY(gan_layer_set_output(layer, &layer->input));
  return gan_layer_add_tensor(layer, "weight", &one, GAN_TENSOR_PARAMETER);
}

static void initialise(const gan_layer *layer, const gan_initialisation *how, double scale, gan_random_address address,
                       float *parameters, float *buffers) {
  (void)how, (void)scale, (void)address, (void)buffers;
  parameters[layer->tensors[WEIGHT].offset] = (float)layer->arguments[INITIAL];
}

/* y = factor * x; y may be x. */
static void multiply(const gan_layer *layer, const gan_pass *pass, const float *x, float *y) {
  const size_t count = (size_t)(pass->rows * layer->inputs);
  if (y != x) memcpy(y, x, count * sizeof *y);
  gan_scale(count, pass->parameters[layer->tensors[WEIGHT].offset], y);
}

/* The factor's gradient is the scalar product of what it multiplies and what came back; here of one shard's rows. */
static double product(const gan_layer *layer, const gan_pass *pass, int shard, const float *x, const float *dy) {
  const int64_t first = gan_pass_first_row(pass, shard, -1) * layer->inputs;
  const gan_channels rows = {(size_t)gan_pass_row_count(pass, shard, -1), 1, (size_t)layer->inputs};
  double sum;
  gan_channel_product_sums(rows, x + first, dy + first, &sum);
  return sum;
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  multiply(layer, pass, input, output);
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)output;
  for (int shard = 0; shard < pass->shards->local && pass->slots; shard++) {
    *gan_pass_gradient(pass, layer, shard) = (float)product(layer, pass, shard, input, output_gradient);
    gan_pass_fold(pass, layer, shard);
  }
  if (input_gradient) multiply(layer, pass, output_gradient, input_gradient);
}

static void tangent(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                    const float *input_tangent, float *output_tangent) {
  (void)input, (void)output;
  multiply(layer, pass, input_tangent, output_tangent);
}

static void tangent_gradient(const gan_layer *layer, gan_pass *pass, int shard, const gan_tangent_rows *rows,
                             float *gradient) {
  double sum = product(layer, pass, shard, rows->input_tangent, rows->output_tangent_gradient);
  if (rows->output_gradient) sum += product(layer, pass, shard, rows->input, rows->output_gradient);
  *gradient = (float)sum;
}

const gan_layer_type gan_layer_scale = {
    .name = "scale",
    .usage = "scale [INITIAL]",
    .help =
        "multiplies everything by one learned factor, at first INITIAL (default 0, for the end of a residual block)",
    .backward_reads = GAN_READS_INPUT,
    .in_place = true,
    .in_place_backward = true,
    .configure = configure,
    .initialise = initialise,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .tangent_gradient = tangent_gradient,
};
