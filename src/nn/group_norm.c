/* Group normalisation (Wu and He 2018; numbers as PyTorch's GroupNorm): each sample by itself, its channels in groups
   of neighbours. With a group for each channel it is instance normalisation (Ulyanov et al. 2016; PyTorch's
   InstanceNorm, which has neither weight nor bias unless it is made `affine`). */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "nn/layer.h"
#include "nn/normalise.h"
#include "nn/pass.h"

enum { WEIGHT, BIAS };
enum { GROUPS };                        /* of layer->arguments */
enum { KEPT_MEAN, KEPT_INVERSE, KEPT }; /* of each row and group */

static int64_t group_count(const gan_layer *layer) { return (int64_t)layer->arguments[GROUPS]; }

/* Elements of one channel, and of one group. */
static size_t plane_size(const gan_layer *layer) { return (size_t)(layer->inputs / layer->input.size[0]); }
static size_t group_size(const gan_layer *layer) { return (size_t)(layer->inputs / group_count(layer)); }

static bool is_affine(const gan_layer *layer) { return layer->tensor_count > 0; }

static gan_status configure(gan_layer *layer, int64_t groups, bool affine) {
  const gan_shape channels = {.rank = 1, .size = {layer->input.size[0]}};
  if (layer->inputs / groups < 2)
    return gan_fail(GAN_BAD_USAGE, "it would normalise single values, and all would become zero");
  layer->arguments[GROUPS] = (double)groups;
  layer->kept_per_row = KEPT * (size_t)groups;
  GAN_TRY(gan_layer_set_output(layer, &layer->input));
  if (!affine) return GAN_OK;
  GAN_TRY(gan_layer_add_tensor(layer, "weight", &channels, false));
  return gan_layer_add_tensor(layer, "bias", &channels, false);
}

static gan_status configure_group(gan_layer *layer, int word_count, char *const *words) {
  int64_t groups;
  GAN_TRY(gan_layer_check_words(layer, word_count, 1, 1));
  GAN_TRY(gan_layer_parse_size("GROUPS", words[0], &groups));
  if (layer->input.size[0] % groups)
    return gan_fail(GAN_BAD_USAGE, "%" PRId64 " channels cannot be cut into %" PRId64 " groups of equal size",
                    layer->input.size[0], groups);
  return configure(layer, groups, true);
}

static gan_status configure_instance(gan_layer *layer, int word_count, char *const *words) {
  int axes;
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 1));
  GAN_TRY(gan_layer_axes(layer, &axes));
  if (word_count == 1 && strcmp(words[0], "affine") != 0)
    return gan_fail(GAN_BAD_USAGE, "there may only be \"affine\", not \"%.40s\"", words[0]);
  return configure(layer, layer->input.size[0], word_count == 1);
}

static void initialise(const gan_layer *layer, const gan_initialisation *how, double scale, gan_random_address address,
                       float *parameters, float *buffers) {
  (void)buffers;
  if (is_affine(layer)) gan_layer_initialise_norm(layer, how, scale, address, parameters);
}

/* A channel's weight and bias; 1 and 0 when there are none. */
static float weight_of(const gan_layer *layer, const gan_pass *pass, int64_t channel) {
  return is_affine(layer) ? pass->parameters[layer->tensors[WEIGHT].offset + (size_t)channel] : 1;
}
static float bias_of(const gan_layer *layer, const gan_pass *pass, int64_t channel) {
  return is_affine(layer) ? pass->parameters[layer->tensors[BIAS].offset + (size_t)channel] : 0;
}

/* What is kept of the group that the row's channel belongs to. */
static const float *kept_of(const gan_layer *layer, const gan_pass *pass, int64_t row, int64_t channel) {
  const int64_t group = channel * group_count(layer) / layer->input.size[0];
  return gan_pass_kept_row(pass, layer, row) + KEPT * group;
}

static void take_statistics(const gan_layer *layer, const float *input, float *kept) {
  const double epsilon = 1e-5, size = (double)group_size(layer);
  const gan_channels group = {1, 1, group_size(layer)};
  for (int64_t i = 0; i < group_count(layer); i++, input += group.inner, kept += KEPT) {
    double mean, squares;
    gan_channel_sums(group, input, &mean);
    mean /= size;
    gan_channel_square_sums(group, input, &mean, &squares);
    kept[KEPT_MEAN] = (float)mean;
    kept[KEPT_INVERSE] = (float)(1 / sqrt(squares / size + epsilon));
  }
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const gan_channels plane = {1, 1, plane_size(layer)};
  for (int64_t row = 0; row < pass->rows; row++) {
    take_statistics(layer, input, gan_pass_kept_row(pass, layer, row));
    for (int64_t channel = 0; channel < layer->input.size[0]; channel++, input += plane.inner, output += plane.inner) {
      const float *kept = kept_of(layer, pass, row, channel);
      const float weight = weight_of(layer, pass, channel), bias = bias_of(layer, pass, channel);
      gan_channel_normalise(plane, input, &kept[KEPT_MEAN], &kept[KEPT_INVERSE], &weight, &bias, output);
    }
  }
}

/* With g = dy * weight each group is a batch normalisation's channel with weight 1. */
static void backward_row(const gan_layer *layer, const gan_pass *pass, int64_t row, const float *x, const float *dy,
                         float *dx) {
  const gan_channels group = {1, 1, group_size(layer)};
  const size_t plane = plane_size(layer);
  const float *kept = gan_pass_kept_row(pass, layer, row), one = 1;
  memcpy(dx, dy, (size_t)layer->inputs * sizeof *dx);
  for (int64_t channel = 0; channel < layer->input.size[0] && is_affine(layer); channel++)
    gan_scale(plane, weight_of(layer, pass, channel), dx + (size_t)channel * plane);
  for (int64_t i = 0; i < group_count(layer); i++, x += group.inner, dx += group.inner, kept += KEPT) {
    double means[2];
    gan_channel_gradient_sums(group, x, dx, &kept[KEPT_MEAN], &kept[KEPT_INVERSE], means);
    for (int j = 0; j < 2; j++) means[j] /= (double)group.inner;
    gan_channel_normalise_backward(group, x, dx, &kept[KEPT_MEAN], &kept[KEPT_INVERSE], &one, means, dx);
  }
}

/* What one row adds to the gradients of weight and bias. */
static void add_gradient(const gan_layer *layer, const gan_pass *pass, int64_t row, const float *x, const float *dy,
                         float *gradient) {
  const gan_channels plane = {1, 1, plane_size(layer)};
  for (int64_t channel = 0; channel < layer->input.size[0]; channel++, x += plane.inner, dy += plane.inner) {
    const float *kept = kept_of(layer, pass, row, channel);
    double sums[2];
    gan_channel_gradient_sums(plane, x, dy, &kept[KEPT_MEAN], &kept[KEPT_INVERSE], sums);
    gradient[channel] += (float)sums[1];
    gradient[layer->tensors[WEIGHT].count + (size_t)channel] += (float)sums[0];
  }
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)output;
  for (int shard = 0; shard < pass->shards->local; shard++) {
    const int64_t first = gan_pass_first_row(pass, shard, -1), end = first + gan_pass_row_count(pass, shard, -1);
    float *gradient = pass->slots && is_affine(layer) ? gan_pass_gradient(pass, layer, shard) : NULL;
    if (gradient) memset(gradient, 0, layer->parameter_count * sizeof *gradient);
    for (int64_t row = first; row < end; row++) {
      const float *x = input + row * layer->inputs, *dy = output_gradient + row * layer->inputs;
      if (gradient) add_gradient(layer, pass, row, x, dy, gradient);
      if (input_gradient) backward_row(layer, pass, row, x, dy, input_gradient + row * layer->inputs);
    }
    if (gradient) gan_pass_fold(pass, layer, shard);
  }
}

const gan_layer_type gan_layer_group_norm = {
    .name = "group_norm",
    .usage = "group_norm GROUPS",
    .help = "normalises the channels of each sample in GROUPS groups",
    .backward_reads = GAN_READS_INPUT,
    .configure = configure_group,
    .initialise = initialise,
    .forward = forward,
    .backward = backward,
};

const gan_layer_type gan_layer_instance_norm = {
    .name = "instance_norm",
    .usage = "instance_norm [affine]",
    .help = "normalises each channel of each sample; affine: with a weight and a bias for each channel",
    .backward_reads = GAN_READS_INPUT,
    .configure = configure_instance,
    .initialise = initialise,
    .forward = forward,
    .backward = backward,
};
