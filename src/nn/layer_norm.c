/* Layer normalisation (Ba, Kiros and Hinton 2016; numbers as PyTorch's LayerNorm over a sample's whole shape): each
   sample by itself, so nothing depends on the rest of the batch, which is why critics with a gradient penalty use it.
 */
#include <math.h>
#include <string.h>

#include "base/multiversion.h"
#include "nn/layer.h"
#include "nn/normalise.h"
#include "nn/pass.h"
#include "nn/tangent.h"

enum { WEIGHT, BIAS };
enum { KEPT_MEAN, KEPT_INVERSE, KEPT };              /* of each row */
enum { TANGENT_MEAN, TANGENT_NORMAL, TANGENT_KEPT }; /* of each row: means of x', of x' times the normalised x */

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  (void)words;
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 0));
  GAN_TRY(gan_layer_set_output(layer, &layer->input));
  GAN_TRY(gan_layer_add_tensor(layer, "weight", &layer->input, GAN_TENSOR_PARAMETER));
  GAN_TRY(gan_layer_add_tensor(layer, "bias", &layer->input, GAN_TENSOR_PARAMETER));
  layer->kept_per_row = KEPT;
  layer->tangent_kept_per_row = TANGENT_KEPT;
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

/* --- Second order --- */

static void tangent(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                    const float *input_tangent, float *output_tangent) {
  (void)output;
  const size_t n = (size_t)layer->inputs;
  const gan_channels sample = {1, 1, n};
  const float one = 1;
  for (int64_t row = 0; row < pass->rows; row++, input += n, input_tangent += n, output_tangent += n) {
    const float *kept = gan_pass_kept_row(pass, layer, row), *mean = &kept[KEPT_MEAN], *inverse = &kept[KEPT_INVERSE];
    float *tangent_means = gan_pass_tangent_kept_row(pass, layer, row);
    double means[TANGENT_KEPT];
    gan_channel_gradient_sums(sample, input, input_tangent, mean, inverse, means);
    for (int i = 0; i < TANGENT_KEPT; i++) tangent_means[i] = (float)(means[i] /= (double)n);
    gan_channel_normalise_backward(sample, input, input_tangent, mean, inverse, &one, means, output_tangent);
    gan_multiply(n, output_tangent, pass->parameters + layer->tensors[WEIGHT].offset, output_tangent);
  }
}

/* With dy * weight and dy' * weight it is a batch normalisation's, as backward_row is. */
static void tangent_backward(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows) {
  const size_t n = (size_t)layer->inputs;
  const gan_channels sample = {1, 1, n};
  const float one = 1, *weight = pass->parameters + layer->tensors[WEIGHT].offset;
  for (int64_t row = 0; row < pass->rows; row++) {
    const size_t place = (size_t)row * n;
    const float *kept = gan_pass_kept_row(pass, layer, row), *mean = &kept[KEPT_MEAN], *inverse = &kept[KEPT_INVERSE];
    const float *x = rows->input + place, *input_tangent = rows->input_tangent + place;
    float *dx = rows->input_gradient + place, *tangent_dx = rows->input_tangent_gradient + place;
    double means[GAN_TANGENT_SUMS];
    gan_multiply(n, rows->output_gradient + place, weight, dx);
    gan_multiply(n, rows->output_tangent_gradient + place, weight, tangent_dx);
    gan_channel_tangent_sums(sample, x, input_tangent, dx, tangent_dx, mean, inverse, means);
    for (int i = 0; i < GAN_TANGENT_SUMS; i++) means[i] /= (double)n;
    gan_channel_tangent_backward(sample, x, input_tangent, dx, tangent_dx, mean, inverse, &one,
                                 gan_pass_tangent_kept_row(pass, layer, row), means, dx, tangent_dx);
  }
}

/* weight += dy' * P x', what the tangent of one row adds to the weight's gradient. */
GAN_MULTIVERSION static void add_tangent_gradient(size_t n, const float *x, const float *input_tangent,
                                                  const float *tangent_dy, const float *kept, const float *tangent_kept,
                                                  float *restrict weight) {
  const float mean = kept[KEPT_MEAN], inverse = kept[KEPT_INVERSE];
  const float tangent_mean = tangent_kept[TANGENT_MEAN], tangent_normal = tangent_kept[TANGENT_NORMAL];
  for (size_t i = 0; i < n; i++) {
    const float normal = (x[i] - mean) * inverse;
    weight[i] += tangent_dy[i] * (inverse * (input_tangent[i] - tangent_mean - normal * tangent_normal));
  }
}

static void tangent_gradient(const gan_layer *layer, gan_pass *pass, int shard, const gan_tangent_rows *rows,
                             float *gradient) {
  const size_t n = (size_t)layer->inputs;
  const int64_t first = gan_pass_first_row(pass, shard, -1), end = first + gan_pass_row_count(pass, shard, -1);
  memset(gradient, 0, layer->parameter_count * sizeof *gradient);
  for (int64_t row = first; row < end; row++) {
    const size_t place = (size_t)row * n;
    const float *x = rows->input + place, *kept = gan_pass_kept_row(pass, layer, row);
    add_gradient(n, x, rows->output_gradient + place, kept, gradient, gradient + layer->tensors[WEIGHT].count);
    add_tangent_gradient(n, x, rows->input_tangent + place, rows->output_tangent_gradient + place, kept,
                         gan_pass_tangent_kept_row(pass, layer, row), gradient);
  }
}

const gan_layer_type gan_layer_layer_norm = {
    .name = "layer_norm",
    .usage = "layer_norm",
    .help = "normalises each sample over all of its features",
    .curved = true,
    .backward_reads = GAN_READS_INPUT,
    .in_place_backward = true,
    .configure = configure,
    .initialise = initialise,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .tangent_backward = tangent_backward,
    .tangent_gradient = tangent_gradient,
};
