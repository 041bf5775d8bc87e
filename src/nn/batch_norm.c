/* Batch normalisation (Ioffe and Szegedy 2015; numbers as PyTorch's BatchNorm1d and 2d): per feature of a vector, per
   channel of an image. In training the statistics are those of the part over the global batch, summed in double along
   the shard tree; or, without batch_norm_sync, of each shard's part by itself. Real and generated samples do not mix,
   and the result does not depend on the number of ranks. The variance is taken around the mean in a second sum, as
   E[x^2] - E[x]^2 would lose all digits where the mean is large. Two sums forward, and one pair backward. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "nn/layer.h"
#include "nn/normalise.h"
#include "nn/pass.h"
#include "nn/tangent.h"

enum { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VARIANCE };

static size_t channel_count(const gan_layer *layer) { return (size_t)layer->input.size[0]; }

/* Values of one channel in one sample. */
static int64_t inner_count(const gan_layer *layer) { return layer->inputs / layer->input.size[0]; }

static gan_channels view_of(const gan_layer *layer, int64_t rows) {
  return (gan_channels){(size_t)rows, channel_count(layer), (size_t)inner_count(layer)};
}

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  (void)words;
  const gan_shape channels = {.rank = 1, .size = {layer->input.size[0]}};
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 0));
  GAN_TRY(gan_layer_set_output(layer, &layer->input));
  GAN_TRY(gan_layer_add_tensor(layer, "weight", &channels, GAN_TENSOR_PARAMETER));
  GAN_TRY(gan_layer_add_tensor(layer, "bias", &channels, GAN_TENSOR_PARAMETER));
  GAN_TRY(gan_layer_add_tensor(layer, "running_mean", &channels, GAN_TENSOR_STATISTIC));
  GAN_TRY(gan_layer_add_tensor(layer, "running_var", &channels, GAN_TENSOR_STATISTIC));
  layer->kept_per_part = 2 * channel_count(layer); /* mean, 1 / deviation */
  layer->scratch_per_part = 2 * channel_count(layer);
  layer->tangent_kept_per_part = 2 * channel_count(layer); /* means of the tangent, and of it times the normalised x */
  layer->tangent_scratch_per_part = GAN_TANGENT_SUMS * channel_count(layer);
  return GAN_OK;
}

static gan_status check_batch(const gan_layer *layer, int64_t shard_samples, int64_t batch) {
  const bool sync = layer->network->options.batch_norm_sync;
  if ((sync ? batch : shard_samples) * inner_count(layer) >= 2) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE,
                  "batch statistics of a %s of one sample: each feature's variance needs two values; raise --batch%s",
                  sync ? "global batch" : "shard",
                  sync ? "" : ", lower --shards (and start no more ranks) or set --batch_norm.sync=yes");
}

static void initialise(const gan_layer *layer, const gan_initialisation *how, double scale, gan_random_address address,
                       float *parameters, float *buffers) {
  const gan_tensor_info *mean = &layer->tensors[RUNNING_MEAN], *variance = &layer->tensors[RUNNING_VARIANCE];
  gan_layer_initialise_norm(layer, how, scale, address, parameters);
  memset(buffers + mean->offset, 0, mean->count * sizeof *buffers);
  for (size_t c = 0; c < variance->count; c++) buffers[variance->offset + c] = 1;
}

/* How many values of a channel the statistics of a local shard are taken over. */
static double values_per_channel(const gan_layer *layer, const gan_pass *pass, int shard) {
  const int64_t samples =
      layer->network->options.batch_norm_sync ? pass->shards->batch : gan_shard_samples(pass->shards, shard);
  return (double)(samples * inner_count(layer));
}

/* values (local shards, parts, count): from sums over each shard to means over what its statistics are taken over. */
static void sums_to_means(const gan_layer *layer, gan_pass *pass, size_t count, double *values) {
  const size_t width = (size_t)pass->parts * count;
  const double *total = layer->network->options.batch_norm_sync ? gan_pass_sum_shards(pass, values, width) : NULL;
  for (int shard = 0; shard < pass->shards->local; shard++, values += width) {
    const double divisor = values_per_channel(layer, pass, shard);
    for (size_t i = 0; i < width; i++) values[i] = (total ? total[i] : values[i]) / divisor;
  }
}

/* Means and biased variances (local shards, parts, channels) of the input, in the pass's scratch memory. */
static void take_statistics(const gan_layer *layer, gan_pass *pass, const float *input, double **mean,
                            double **variance) {
  const size_t channels = channel_count(layer);
  const int pieces = pass->shards->local * pass->parts;
  *mean = pass->scratch;
  *variance = pass->scratch + (size_t)pieces * channels;
  for (int piece = 0; piece < pieces; piece++) {
    const int shard = piece / pass->parts, part = piece % pass->parts;
    gan_channel_sums(view_of(layer, gan_pass_row_count(pass, shard, part)),
                     input + gan_pass_first_row(pass, shard, part) * layer->inputs, *mean + (size_t)piece * channels);
  }
  sums_to_means(layer, pass, channels, *mean);
  for (int piece = 0; piece < pieces; piece++) {
    const int shard = piece / pass->parts, part = piece % pass->parts;
    gan_channel_square_sums(view_of(layer, gan_pass_row_count(pass, shard, part)),
                            input + gan_pass_first_row(pass, shard, part) * layer->inputs,
                            *mean + (size_t)piece * channels, *variance + (size_t)piece * channels);
  }
  sums_to_means(layer, pass, channels, *variance);
}

/* Keeps one part's statistics for backward, and puts them where the running ones are made from; the running variance is
   the unbiased one, as in PyTorch. */
static void keep_statistics(const gan_layer *layer, gan_pass *pass, int shard, int part, const double *mean,
                            const double *variance) {
  const size_t channels = channel_count(layer);
  const double values = values_per_channel(layer, pass, shard), unbiased = values / (values - 1);
  float *kept = gan_pass_kept_part(pass, layer, shard, part);
  double *statistics = pass->statistics[part] + (size_t)shard * layer->network->statistic_count;
  for (size_t c = 0; c < channels; c++) {
    kept[c] = (float)mean[c];
    kept[channels + c] = (float)(1 / sqrt(variance[c] + layer->network->options.batch_norm_epsilon));
    statistics[layer->tensors[RUNNING_MEAN].offset + c] = mean[c];
    statistics[layer->tensors[RUNNING_VARIANCE].offset + c] = variance[c] * unbiased;
  }
}

/* In inference: the running statistics, the same for every part. */
static void keep_running(const gan_layer *layer, gan_pass *pass, int shard, int part) {
  const size_t channels = channel_count(layer);
  const float *mean = pass->buffers + layer->tensors[RUNNING_MEAN].offset;
  const float *variance = pass->buffers + layer->tensors[RUNNING_VARIANCE].offset;
  float *kept = gan_pass_kept_part(pass, layer, shard, part);
  for (size_t c = 0; c < channels; c++) {
    kept[c] = mean[c];
    kept[channels + c] = (float)(1 / sqrt((double)variance[c] + layer->network->options.batch_norm_epsilon));
  }
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const size_t channels = channel_count(layer);
  double *mean = NULL, *variance = NULL;
  if (pass->training) take_statistics(layer, pass, input, &mean, &variance);
  for (int piece = 0; piece < pass->shards->local * pass->parts; piece++) {
    const int shard = piece / pass->parts, part = piece % pass->parts;
    const int64_t place = gan_pass_first_row(pass, shard, part) * layer->inputs;
    const float *kept = gan_pass_kept_part(pass, layer, shard, part);
    if (pass->training)
      keep_statistics(layer, pass, shard, part, mean + (size_t)piece * channels, variance + (size_t)piece * channels);
    else
      keep_running(layer, pass, shard, part);
    gan_channel_normalise(view_of(layer, gan_pass_row_count(pass, shard, part)), input + place, kept, kept + channels,
                          pass->parameters + layer->tensors[WEIGHT].offset,
                          pass->parameters + layer->tensors[BIAS].offset, output + place);
  }
}

/* sums (local shards, parts, 2, channels) are the parameters' gradients but for adding up the parts: of dy for the
   bias, of dy * normalised x for the weight. */
static void parameter_gradient(const gan_layer *layer, const gan_pass *pass, const double *sums) {
  const size_t channels = channel_count(layer);
  for (int shard = 0; shard < pass->shards->local; shard++) {
    float *gradient = gan_pass_gradient(pass, layer, shard);
    for (size_t c = 0; c < channels; c++) {
      double weight = 0, bias = 0;
      for (int part = 0; part < pass->parts; part++) {
        const double *of_part = sums + ((size_t)shard * (size_t)pass->parts + (size_t)part) * 2 * channels;
        bias += of_part[c];
        weight += of_part[channels + c];
      }
      gradient[c] = (float)weight;
      gradient[layer->tensors[WEIGHT].count + c] = (float)bias;
    }
    gan_pass_fold(pass, layer, shard);
  }
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)output;
  const size_t channels = channel_count(layer);
  const int pieces = pass->shards->local * pass->parts;
  double *sums = pass->scratch;
  for (int piece = 0; piece < pieces; piece++) {
    const int shard = piece / pass->parts, part = piece % pass->parts;
    const int64_t place = gan_pass_first_row(pass, shard, part) * layer->inputs;
    const float *kept = gan_pass_kept_part(pass, layer, shard, part);
    gan_channel_gradient_sums(view_of(layer, gan_pass_row_count(pass, shard, part)), input + place,
                              output_gradient + place, kept, kept + channels, sums + (size_t)piece * 2 * channels);
  }
  if (pass->slots) parameter_gradient(layer, pass, sums);
  if (!input_gradient) return;
  sums_to_means(layer, pass, 2 * channels, sums);
  for (int piece = 0; piece < pieces; piece++) {
    const int shard = piece / pass->parts, part = piece % pass->parts;
    const int64_t place = gan_pass_first_row(pass, shard, part) * layer->inputs;
    const float *kept = gan_pass_kept_part(pass, layer, shard, part);
    gan_channel_normalise_backward(view_of(layer, gan_pass_row_count(pass, shard, part)), input + place,
                                   output_gradient + place, kept, kept + channels,
                                   pass->parameters + layer->tensors[WEIGHT].offset,
                                   sums + (size_t)piece * 2 * channels, input_gradient + place);
  }
}

/* --- Second order --- */

/* One part of a shard: where its rows begin, and what was kept of it. */
typedef struct piece {
  gan_channels view;
  int64_t place;
  const float *mean, *inverse;
  float *tangent_means; /* (2, channels) */
} piece;

static piece piece_at(const gan_layer *layer, const gan_pass *pass, int shard, int part) {
  const float *kept = gan_pass_kept_part(pass, layer, shard, part);
  return (piece){.view = view_of(layer, gan_pass_row_count(pass, shard, part)),
                 .place = gan_pass_first_row(pass, shard, part) * layer->inputs,
                 .mean = kept,
                 .inverse = kept + channel_count(layer),
                 .tangent_means = gan_pass_tangent_kept_part(pass, layer, shard, part)};
}

static void tangent(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                    const float *input_tangent, float *output_tangent) {
  (void)output;
  const size_t count = 2 * channel_count(layer);
  const int pieces = pass->shards->local * pass->parts;
  double *means = pass->scratch;
  for (int i = 0; i < pieces; i++) {
    const piece at = piece_at(layer, pass, i / pass->parts, i % pass->parts);
    gan_channel_gradient_sums(at.view, input + at.place, input_tangent + at.place, at.mean, at.inverse,
                              means + (size_t)i * count);
  }
  sums_to_means(layer, pass, count, means);
  for (int i = 0; i < pieces; i++, means += count) {
    const piece at = piece_at(layer, pass, i / pass->parts, i % pass->parts);
    for (size_t j = 0; j < count; j++) at.tangent_means[j] = (float)means[j];
    gan_channel_normalise_backward(at.view, input + at.place, input_tangent + at.place, at.mean, at.inverse,
                                   pass->parameters + layer->tensors[WEIGHT].offset, means, output_tangent + at.place);
  }
}

static void piece_sums(const piece *at, const gan_tangent_rows *rows, double *sums) {
  gan_channel_tangent_sums(at->view, rows->input + at->place, rows->input_tangent + at->place,
                           rows->output_gradient + at->place, rows->output_tangent_gradient + at->place, at->mean,
                           at->inverse, sums);
}

static void tangent_gradient(const gan_layer *layer, gan_pass *pass, int shard, const gan_tangent_rows *rows,
                             float *gradient) {
  const size_t channels = channel_count(layer);
  float *bias = gradient + layer->tensors[WEIGHT].count;
  memset(gradient, 0, layer->parameter_count * sizeof *gradient);
  for (int part = 0; part < pass->parts; part++) {
    const piece at = piece_at(layer, pass, shard, part);
    const double *sums = pass->scratch;
    piece_sums(&at, rows, pass->scratch);
    for (size_t c = 0; c < channels; c++) {
      gradient[c] +=
          (float)gan_channel_tangent_weight(sums + c, channels, (double)at.inverse[c], (double)at.tangent_means[c],
                                            (double)at.tangent_means[channels + c]);
      bias[c] += (float)sums[GAN_SUM_Y * channels + c];
    }
  }
}

static void tangent_backward(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows) {
  const size_t count = GAN_TANGENT_SUMS * channel_count(layer);
  const int pieces = pass->shards->local * pass->parts;
  double *means = pass->scratch;
  for (int i = 0; i < pieces; i++) {
    const piece at = piece_at(layer, pass, i / pass->parts, i % pass->parts);
    piece_sums(&at, rows, means + (size_t)i * count);
  }
  sums_to_means(layer, pass, count, means);
  for (int i = 0; i < pieces; i++, means += count) {
    const piece at = piece_at(layer, pass, i / pass->parts, i % pass->parts);
    gan_channel_tangent_backward(at.view, rows->input + at.place, rows->input_tangent + at.place,
                                 rows->output_gradient + at.place, rows->output_tangent_gradient + at.place, at.mean,
                                 at.inverse, pass->parameters + layer->tensors[WEIGHT].offset, at.tangent_means, means,
                                 rows->input_gradient + at.place, rows->input_tangent_gradient + at.place);
  }
}

const gan_layer_type gan_layer_batch_norm = {
    .name = "batch_norm",
    .usage = "batch_norm",
    .help = "normalises each feature, or channel of an image, over the batch; over each shard with batch_norm.sync=no",
    .couples_samples = true,
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
    .check_batch = check_batch,
};
