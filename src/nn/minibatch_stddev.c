/* Minibatch standard deviation (Karras et al. 2018, "Progressive growing of GANs", section 3): one more channel, which
   shows the critic how much samples differ. Of each feature the standard deviation over a group of samples, averaged
   over all features, is the value of the whole channel for these samples:

        s = 1/F sum_f sqrt(1/N sum_n (x_nf - mean_f)^2 + 1e-8)

   A group is the samples of one shard and part, or each N of them one after the other, what is left over being a group
   of its own, or, where it is a single sample, which does not differ from itself, part of the last one. Never more than
   a shard, so that nothing depends on the number of ranks. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "nn/layer.h"
#include "nn/normalise.h"
#include "nn/pass.h"
#include "nn/tangent.h"

enum { GROUP }; /* of layer->arguments: most samples of a group; 0: all */

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  int64_t group = 0;
  gan_shape output = layer->input;
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 1));
  if (word_count == 1) GAN_TRY(gan_layer_parse_size("GROUP", words[0], &group));
  if (group == 1) return gan_fail(GAN_BAD_USAGE, "GROUP has to be at least 2: one sample does not differ from itself");
  layer->arguments[GROUP] = (double)group;
  output.size[0]++;
  layer->scratch_per_part = 2 * (size_t)layer->inputs; /* mean, deviation */
  layer->tangent_scratch_per_part = 4 * (size_t)layer->inputs;
  return gan_layer_set_output(layer, &output);
}

static gan_status check_batch(const gan_layer *layer, int64_t shard_samples, int64_t batch) {
  (void)layer, (void)batch;
  if (shard_samples >= 2) return GAN_OK;
  return gan_fail(
      GAN_BAD_USAGE,
      "a shard of one sample has no deviation; raise --batch or lower --shards (and start no more ranks) to have two "
      "in each");
}

/* A group: `count` samples from row `first` on. */
typedef struct sample_group {
  int piece; /* of shard and part */
  int64_t done;
  int64_t first, count;
} sample_group;

/* The next one, beginning with all zeros; false after the last. */
static bool next_group(const gan_layer *layer, const gan_pass *pass, sample_group *at) {
  if (at->piece == pass->shards->local * pass->parts) return false;
  const int shard = at->piece / pass->parts, part = at->piece % pass->parts;
  const int64_t rows = gan_pass_row_count(pass, shard, part), rest = rows - at->done;
  const int64_t most = layer->arguments[GROUP] > 0 ? (int64_t)layer->arguments[GROUP] : rows;
  at->first = gan_pass_first_row(pass, shard, part) + at->done;
  at->count = rest <= most + 1 ? rest : most;
  at->done += at->count;
  if (at->done == rows) {
    at->done = 0;
    at->piece++;
  }
  return true;
}

/* Of each feature over the group, x (count, inputs): in the pass's scratch memory mean (inputs), deviation (inputs). */
static void take_deviations(const gan_layer *layer, gan_pass *pass, int64_t count, const float *x) {
  const size_t features = (size_t)layer->inputs;
  const gan_channels view = {(size_t)count, features, 1};
  double *mean = pass->scratch, *deviation = pass->scratch + features;
  gan_channel_sums(view, x, mean);
  for (size_t f = 0; f < features; f++) mean[f] /= (double)count;
  gan_channel_square_sums(view, x, mean, deviation);
  for (size_t f = 0; f < features; f++) deviation[f] = sqrt(deviation[f] / (double)count + 1e-8);
}

/* output (rows, outputs): the group's rows of input (rows, inputs), and the value of the channel behind each. */
static void append_channel(const gan_layer *layer, const sample_group *at, double value, const float *input,
                           float *output) {
  const int64_t in = layer->inputs, out = layer->outputs;
  for (int64_t row = at->first; row < at->first + at->count; row++) {
    memcpy(output + row * out, input + row * in, (size_t)in * sizeof *output);
    for (int64_t i = in; i < out; i++) output[row * out + i] = (float)value;
  }
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const int64_t in = layer->inputs;
  for (sample_group at = {0}; next_group(layer, pass, &at);) {
    double sum = 0;
    take_deviations(layer, pass, at.count, input + at.first * in);
    for (int64_t f = 0; f < in; f++) sum += pass->scratch[in + f];
    append_channel(layer, &at, sum / (double)in, input, output);
  }
}

/* The gradient of a group's value, over the elements that it enters. */
static double channel_gradient(const gan_layer *layer, const sample_group *at, const float *output_gradient) {
  double gradient = 0;
  for (int64_t row = at->first; row < at->first + at->count; row++)
    for (int64_t i = layer->inputs; i < layer->outputs; i++)
      gradient += (double)output_gradient[row * layer->outputs + i];
  return gradient / ((double)layer->inputs * (double)at->count);
}

/* ds / dx_nf = (x_nf - mean_f) / (F N deviation_f), times the channel's gradient over the whole group. */
static void backward_group(const gan_layer *layer, const gan_pass *pass, const sample_group *at, const float *input,
                           const float *output_gradient, float *input_gradient) {
  const int64_t in = layer->inputs, out = layer->outputs;
  const double gradient = channel_gradient(layer, at, output_gradient);
  for (int64_t row = at->first; row < at->first + at->count; row++)
    for (int64_t f = 0; f < in; f++)
      input_gradient[row * in + f] =
          (float)((double)output_gradient[row * out + f] +
                  gradient * ((double)input[row * in + f] - pass->scratch[f]) / pass->scratch[in + f]);
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)output;
  if (!input_gradient) return;
  for (sample_group at = {0}; next_group(layer, pass, &at);) {
    take_deviations(layer, pass, at.count, input + at.first * layer->inputs);
    backward_group(layer, pass, &at, input, output_gradient, input_gradient);
  }
}

/* --- Second order --- */

/* Of each feature over the group, beside take_deviations' two: mean (inputs) of the tangent t, and
   product (inputs) = sum_n (x_n - mean) t_n. */
static void take_products(const gan_layer *layer, gan_pass *pass, int64_t count, const float *x, const float *t) {
  const int64_t in = layer->inputs;
  const gan_channels view = {(size_t)count, (size_t)in, 1};
  const double *mean = pass->scratch;
  double *tangent_mean = pass->scratch + 2 * in, *product = pass->scratch + 3 * in;
  gan_channel_sums(view, t, tangent_mean);
  gan_channel_product_sums(view, x, t, product);
  for (int64_t f = 0; f < in; f++) {
    product[f] -= mean[f] * tangent_mean[f];
    tangent_mean[f] /= (double)count;
  }
}

/* s' = 1/F sum_f product_f / (N deviation_f). */
static void tangent(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                    const float *input_tangent, float *output_tangent) {
  (void)output;
  const int64_t in = layer->inputs;
  const double *deviation = pass->scratch + in, *product = pass->scratch + 3 * in;
  for (sample_group at = {0}; next_group(layer, pass, &at);) {
    double sum = 0;
    take_deviations(layer, pass, at.count, input + at.first * in);
    take_products(layer, pass, at.count, input + at.first * in, input_tangent + at.first * in);
    for (int64_t f = 0; f < in; f++) sum += product[f] / deviation[f];
    append_channel(layer, &at, sum / ((double)in * (double)at.count), input_tangent, output_tangent);
  }
}

/* What the gradient of s' adds to that of x:
       ds' / dx_nf = ((t_nf - mean t_f) - product_f (x_nf - mean_f) / (N deviation_f^2)) / (F N deviation_f) */
static void add_second(const gan_layer *layer, const gan_pass *pass, const sample_group *at,
                       const gan_tangent_rows *rows) {
  const int64_t in = layer->inputs;
  const double *mean = pass->scratch, *deviation = mean + in, *tangent_mean = mean + 2 * in, *product = mean + 3 * in;
  const double gradient = channel_gradient(layer, at, rows->output_tangent_gradient);
  for (int64_t row = at->first; row < at->first + at->count; row++)
    for (int64_t f = 0; f < in; f++) {
      const double x = (double)rows->input[row * in + f] - mean[f];
      const double t = (double)rows->input_tangent[row * in + f] - tangent_mean[f];
      const double bend = t - product[f] * x / ((double)at->count * deviation[f] * deviation[f]);
      rows->input_gradient[row * in + f] += (float)(gradient * bend / deviation[f]);
    }
}

static void tangent_backward(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows) {
  const int64_t in = layer->inputs;
  for (sample_group at = {0}; next_group(layer, pass, &at);) {
    take_deviations(layer, pass, at.count, rows->input + at.first * in);
    take_products(layer, pass, at.count, rows->input + at.first * in, rows->input_tangent + at.first * in);
    backward_group(layer, pass, &at, rows->input, rows->output_gradient, rows->input_gradient);
    backward_group(layer, pass, &at, rows->input, rows->output_tangent_gradient, rows->input_tangent_gradient);
    add_second(layer, pass, &at, rows);
  }
}

const gan_layer_type gan_layer_minibatch_stddev = {
    .name = "minibatch_stddev",
    .usage = "minibatch_stddev [GROUP]",
    .help = "adds a channel: how much the samples of a shard, or of each GROUP in it, differ; for critics",
    .couples_samples = true,
    .critics_only = true,
    .curved = true,
    .backward_reads = GAN_READS_INPUT,
    .configure = configure,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .tangent_backward = tangent_backward,
    .check_batch = check_batch,
};
