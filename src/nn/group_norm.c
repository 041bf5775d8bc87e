/* Group normalisation (Wu and He 2018; numbers as PyTorch's GroupNorm): each sample by itself, its channels in groups
   of neighbours. With a group for each channel it is instance normalisation (Ulyanov et al. 2016; PyTorch's
   InstanceNorm, which has neither weight nor bias unless it is made `affine`). */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "nn/layer.h"
#include "nn/normalise.h"
#include "nn/pass.h"
#include "nn/tangent.h"

enum { WEIGHT, BIAS };
enum { GROUPS };                                     /* of layer->arguments */
enum { KEPT_MEAN, KEPT_INVERSE, KEPT };              /* of each row and group */
enum { TANGENT_MEAN, TANGENT_NORMAL, TANGENT_KEPT }; /* likewise: means of x', of x' times the normalised x */

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
  layer->tangent_kept_per_row = TANGENT_KEPT * (size_t)groups;
  GAN_TRY(gan_layer_set_output(layer, &layer->input));
  if (!affine) return GAN_OK;
  GAN_TRY(gan_layer_add_tensor(layer, "weight", &channels, GAN_TENSOR_PARAMETER));
  return gan_layer_add_tensor(layer, "bias", &channels, GAN_TENSOR_PARAMETER);
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

static int64_t group_of(const gan_layer *layer, int64_t channel) {
  return channel * group_count(layer) / layer->input.size[0];
}

/* What is kept of the group that the row's channel belongs to. */
static const float *kept_of(const gan_layer *layer, const gan_pass *pass, int64_t row, int64_t channel) {
  return gan_pass_kept_row(pass, layer, row) + KEPT * group_of(layer, channel);
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

/* y (channels, plane) times each channel's weight. */
static void scale_channels(const gan_layer *layer, const gan_pass *pass, float *y) {
  const size_t plane = plane_size(layer);
  for (int64_t channel = 0; channel < layer->input.size[0] && is_affine(layer); channel++)
    gan_scale(plane, weight_of(layer, pass, channel), y + (size_t)channel * plane);
}

/* With g = dy * weight each group is a batch normalisation's channel with weight 1. */
static void backward_row(const gan_layer *layer, const gan_pass *pass, int64_t row, const float *x, const float *dy,
                         float *dx) {
  const gan_channels group = {1, 1, group_size(layer)};
  const float *kept = gan_pass_kept_row(pass, layer, row), one = 1;
  memcpy(dx, dy, (size_t)layer->inputs * sizeof *dx);
  scale_channels(layer, pass, dx);
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

/* --- Second order --- */

static void tangent(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                    const float *input_tangent, float *output_tangent) {
  (void)output;
  const gan_channels group = {1, 1, group_size(layer)};
  const float one = 1;
  for (int64_t row = 0; row < pass->rows; row++) {
    const float *kept = gan_pass_kept_row(pass, layer, row);
    float *tangent_means = gan_pass_tangent_kept_row(pass, layer, row), *row_tangent = output_tangent;
    for (int64_t i = 0; i < group_count(layer); i++, kept += KEPT, tangent_means += TANGENT_KEPT) {
      double means[TANGENT_KEPT];
      gan_channel_gradient_sums(group, input, input_tangent, &kept[KEPT_MEAN], &kept[KEPT_INVERSE], means);
      for (int j = 0; j < TANGENT_KEPT; j++) tangent_means[j] = (float)(means[j] /= (double)group.inner);
      gan_channel_normalise_backward(group, input, input_tangent, &kept[KEPT_MEAN], &kept[KEPT_INVERSE], &one, means,
                                     output_tangent);
      input += group.inner;
      input_tangent += group.inner;
      output_tangent += group.inner;
    }
    scale_channels(layer, pass, row_tangent);
  }
}

static void tangent_backward_row(const gan_layer *layer, const gan_pass *pass, int64_t row,
                                 const gan_tangent_rows *rows) {
  const gan_channels group = {1, 1, group_size(layer)};
  const size_t place = (size_t)(row * layer->inputs), bytes = (size_t)layer->inputs * sizeof(float);
  const float *kept = gan_pass_kept_row(pass, layer, row), one = 1;
  const float *tangent_means = gan_pass_tangent_kept_row(pass, layer, row);
  const float *x = rows->input + place, *input_tangent = rows->input_tangent + place;
  float *dx = rows->input_gradient + place, *tangent_dx = rows->input_tangent_gradient + place;
  memcpy(dx, rows->output_gradient + place, bytes);
  memcpy(tangent_dx, rows->output_tangent_gradient + place, bytes);
  scale_channels(layer, pass, dx);
  scale_channels(layer, pass, tangent_dx);
  for (int64_t i = 0; i < group_count(layer); i++, kept += KEPT, tangent_means += TANGENT_KEPT) {
    const size_t at = (size_t)i * group.inner;
    double means[GAN_TANGENT_SUMS];
    gan_channel_tangent_sums(group, x + at, input_tangent + at, dx + at, tangent_dx + at, &kept[KEPT_MEAN],
                             &kept[KEPT_INVERSE], means);
    for (int j = 0; j < GAN_TANGENT_SUMS; j++) means[j] /= (double)group.inner;
    gan_channel_tangent_backward(group, x + at, input_tangent + at, dx + at, tangent_dx + at, &kept[KEPT_MEAN],
                                 &kept[KEPT_INVERSE], &one, tangent_means, means, dx + at, tangent_dx + at);
  }
}

static void tangent_backward(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows) {
  for (int64_t row = 0; row < pass->rows; row++) tangent_backward_row(layer, pass, row, rows);
}

/* What one row adds to the gradients of weight and bias. */
static void add_tangent_gradient(const gan_layer *layer, const gan_pass *pass, int64_t row,
                                 const gan_tangent_rows *rows, float *gradient) {
  const gan_channels plane = {1, 1, plane_size(layer)};
  size_t place = (size_t)(row * layer->inputs);
  for (int64_t channel = 0; channel < layer->input.size[0]; channel++, place += plane.inner) {
    const float *kept = kept_of(layer, pass, row, channel);
    const float *tangent_kept = gan_pass_tangent_kept_row(pass, layer, row) + TANGENT_KEPT * group_of(layer, channel);
    double sums[GAN_TANGENT_SUMS];
    gan_channel_tangent_sums(plane, rows->input + place, rows->input_tangent + place, rows->output_gradient + place,
                             rows->output_tangent_gradient + place, &kept[KEPT_MEAN], &kept[KEPT_INVERSE], sums);
    gradient[channel] += (float)gan_channel_tangent_weight(
        sums, 1, (double)kept[KEPT_INVERSE], (double)tangent_kept[TANGENT_MEAN], (double)tangent_kept[TANGENT_NORMAL]);
    gradient[layer->tensors[WEIGHT].count + (size_t)channel] += (float)sums[GAN_SUM_Y];
  }
}

static void tangent_gradient(const gan_layer *layer, gan_pass *pass, int shard, const gan_tangent_rows *rows,
                             float *gradient) {
  const int64_t first = gan_pass_first_row(pass, shard, -1), end = first + gan_pass_row_count(pass, shard, -1);
  memset(gradient, 0, layer->parameter_count * sizeof *gradient);
  for (int64_t row = first; row < end; row++) add_tangent_gradient(layer, pass, row, rows, gradient);
}

const gan_layer_type gan_layer_group_norm = {
    .name = "group_norm",
    .usage = "group_norm GROUPS",
    .help = "normalises the channels of each sample in GROUPS groups",
    .curved = true,
    .backward_reads = GAN_READS_INPUT,
    .configure = configure_group,
    .initialise = initialise,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .tangent_backward = tangent_backward,
    .tangent_gradient = tangent_gradient,
};

const gan_layer_type gan_layer_instance_norm = {
    .name = "instance_norm",
    .usage = "instance_norm [affine]",
    .help = "normalises each channel of each sample; affine: with a weight and a bias for each channel",
    .curved = true,
    .backward_reads = GAN_READS_INPUT,
    .configure = configure_instance,
    .initialise = initialise,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .tangent_backward = tangent_backward,
    .tangent_gradient = tangent_gradient,
};
