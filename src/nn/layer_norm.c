/* Layer normalisation (Ba, Kiros and Hinton 2016; numbers as PyTorch's LayerNorm over a sample's whole shape): each
   sample by itself, so nothing depends on the rest of the batch, which is why critics with a gradient penalty use it.
 */
#include <math.h>
#include <string.h>

#include "kernels/multiversion.h"
#include "nn/layer.h"
#include "nn/normalise.h"
#include "nn/pass.h"

enum { WEIGHT, BIAS };
enum { KEPT_MEAN, KEPT_INVERSE, KEPT }; /* of each row */

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  (void)words;
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 0));
  GAN_TRY(gan_layer_set_output(layer, &layer->input));
  GAN_TRY(gan_layer_add_tensor(layer, "weight", &layer->input, false));
  GAN_TRY(gan_layer_add_tensor(layer, "bias", &layer->input, false));
  layer->kept_per_row = KEPT;
  return GAN_OK;
}

static void initialise(const gan_layer *layer, const gan_initialisation *how, double scale, gan_random_address address,
                       float *parameters, float *buffers) {
  (void)buffers;
  gan_layer_initialise_norm(layer, how, scale, address, parameters);
}

/* y = (x - mean) * inverse * weight + bias; x, y, weight, bias (n). */
GAN_MULTIVERSION static void normalise_row(size_t n, const float *x, const float *kept, const float *weight,
                                           const float *bias, float *restrict y) {
  const float mean = kept[KEPT_MEAN], inverse = kept[KEPT_INVERSE];
  for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) * inverse * weight[i] + bias[i];
}

/* What one row adds to the gradients of weight and bias. */
GAN_MULTIVERSION static void add_gradient(size_t n, const float *x, const float *dy, const float *kept,
                                          float *restrict weight, float *restrict bias) {
  const float mean = kept[KEPT_MEAN], inverse = kept[KEPT_INVERSE];
  for (size_t i = 0; i < n; i++) {
    weight[i] += dy[i] * ((x[i] - mean) * inverse);
    bias[i] += dy[i];
  }
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const double epsilon = 1e-5;
  const size_t n = (size_t)layer->inputs;
  const gan_channels sample = {1, 1, n};
  const float *weight = pass->parameters + layer->tensors[WEIGHT].offset;
  const float *bias = pass->parameters + layer->tensors[BIAS].offset;
  for (int64_t row = 0; row < pass->rows; row++, input += n, output += n) {
    float *kept = gan_pass_kept_row(pass, layer, row);
    double mean, squares;
    gan_channel_sums(sample, input, &mean);
    mean /= (double)n;
    gan_channel_square_sums(sample, input, &mean, &squares);
    kept[KEPT_MEAN] = (float)mean;
    kept[KEPT_INVERSE] = (float)(1 / sqrt(squares / (double)n + epsilon));
    normalise_row(n, input, kept, weight, bias, output);
  }
}

/* With g = dy * weight it is a batch normalisation's backward with one channel, the sample, and weight 1. */
static void backward_row(const gan_layer *layer, const gan_pass *pass, const float *x, const float *dy,
                         const float *kept, float *dx) {
  const size_t n = (size_t)layer->inputs;
  const gan_channels sample = {1, 1, n};
  const float one = 1;
  double means[2];
  gan_multiply(n, dy, pass->parameters + layer->tensors[WEIGHT].offset, dx);
  gan_channel_gradient_sums(sample, x, dx, &kept[KEPT_MEAN], &kept[KEPT_INVERSE], means);
  for (int i = 0; i < 2; i++) means[i] /= (double)n;
  gan_channel_normalise_backward(sample, x, dx, &kept[KEPT_MEAN], &kept[KEPT_INVERSE], &one, means, dx);
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)output;
  const size_t n = (size_t)layer->inputs;
  for (int shard = 0; shard < pass->shards->local; shard++) {
    const int64_t first = gan_pass_first_row(pass, shard, -1), end = first + gan_pass_row_count(pass, shard, -1);
    float *gradient = pass->slots ? gan_pass_gradient(pass, layer, shard) : NULL;
    if (gradient) memset(gradient, 0, layer->parameter_count * sizeof *gradient);
    for (int64_t row = first; row < end; row++) {
      const float *x = input + row * layer->inputs, *dy = output_gradient + row * layer->inputs;
      const float *kept = gan_pass_kept_row(pass, layer, row);
      if (gradient) add_gradient(n, x, dy, kept, gradient, gradient + layer->tensors[WEIGHT].count);
      if (input_gradient) backward_row(layer, pass, x, dy, kept, input_gradient + row * layer->inputs);
    }
    if (gradient) gan_pass_fold(pass, layer, shard);
  }
}

const gan_layer_type gan_layer_layer_norm = {
    .name = "layer_norm",
    .usage = "layer_norm",
    .help = "normalises each sample over all of its features",
    .backward_reads = GAN_READS_INPUT,
    .in_place_backward = true,
    .configure = configure,
    .initialise = initialise,
    .forward = forward,
    .backward = backward,
};
