/* Minibatch standard deviation (Karras et al. 2018, "Progressive growing of GANs", section 3): one more channel, which
   shows the critic how much samples differ. Of each feature the standard deviation over a group of samples, averaged
   over all features, is the value of the whole channel for these samples:

        s = 1/F sum_f sqrt(1/N sum_n (x_nf - mean_f)^2 + 1e-8)

   A group is the samples of one shard and part, or each N of them one after the other; never more than a shard, so that
   nothing depends on the number of ranks. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "nn/layer.h"
#include "nn/normalise.h"
#include "nn/pass.h"

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
  return gan_layer_set_output(layer, &output);
}

static gan_status check_batch(const gan_layer *layer, int64_t shard_samples, int64_t batch) {
  (void)layer, (void)batch;
  if (shard_samples >= 2) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE,
                  "a shard of one sample has no deviation; raise --batch or lower --shards to have two in each");
}

/* Calls `work` for each group: `count` samples from row `first` on. */
typedef void group_work(const gan_layer *layer, gan_pass *pass, int64_t first, int64_t count, const float *from,
                        float *to, const float *other);
static void for_each_group(const gan_layer *layer, gan_pass *pass, group_work *work, const float *from, float *to,
                           const float *other) {
  for (int piece = 0; piece < pass->shards->local * pass->parts; piece++) {
    const int shard = piece / pass->parts, part = piece % pass->parts;
    const int64_t begin = gan_pass_first_row(pass, shard, part), rows = gan_pass_row_count(pass, shard, part);
    const int64_t most = layer->arguments[GROUP] > 0 ? (int64_t)layer->arguments[GROUP] : rows;
    for (int64_t done = 0; done < rows; done += most)
      work(layer, pass, begin + done, rows - done < most ? rows - done : most, from, to, other);
  }
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

static void forward_group(const gan_layer *layer, gan_pass *pass, int64_t first, int64_t count, const float *input,
                          float *output, const float *other) {
  (void)other;
  const int64_t in = layer->inputs, out = layer->outputs;
  take_deviations(layer, pass, count, input + first * in);
  double sum = 0;
  for (int64_t f = 0; f < in; f++) sum += pass->scratch[in + f];
  for (int64_t row = first; row < first + count; row++) {
    memcpy(output + row * out, input + row * in, (size_t)in * sizeof *output);
    for (int64_t i = in; i < out; i++) output[row * out + i] = (float)(sum / (double)in);
  }
}

/* ds / dx_nf = (x_nf - mean_f) / (F N deviation_f), times the channel's gradient over the whole group. */
static void backward_group(const gan_layer *layer, gan_pass *pass, int64_t first, int64_t count,
                           const float *output_gradient, float *input_gradient, const float *input) {
  const int64_t in = layer->inputs, out = layer->outputs;
  double gradient = 0;
  take_deviations(layer, pass, count, input + first * in);
  for (int64_t row = first; row < first + count; row++)
    for (int64_t i = in; i < out; i++) gradient += (double)output_gradient[row * out + i];
  gradient /= (double)in * (double)count;
  for (int64_t row = first; row < first + count; row++)
    for (int64_t f = 0; f < in; f++)
      input_gradient[row * in + f] =
          (float)((double)output_gradient[row * out + f] +
                  gradient * ((double)input[row * in + f] - pass->scratch[f]) / pass->scratch[in + f]);
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  for_each_group(layer, pass, forward_group, input, output, NULL);
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)output;
  if (input_gradient) for_each_group(layer, pass, backward_group, output_gradient, input_gradient, input);
}

const gan_layer_type gan_layer_minibatch_stddev = {
    .name = "minibatch_stddev",
    .usage = "minibatch_stddev [GROUP]",
    .help = "adds a channel: how much the samples of a shard, or of each GROUP in it, differ; for critics",
    .couples_samples = true,
    .backward_reads = GAN_READS_INPUT,
    .configure = configure,
    .forward = forward,
    .backward = backward,
    .check_batch = check_batch,
};
