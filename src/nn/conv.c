/* Convolutions and transposed convolutions over one, two or three axes, with tensors as in PyTorch's Conv2d and
   ConvTranspose2d. A transposed convolution is a convolution's way back: the sizes in layer->convolution are those of
   the convolution that it transposes, whose input is this layer's output.

   What a description says and the shapes that follow are here; the arithmetic is in kernels/convolution.c or the
   backend's. Each shard by itself, its parts together, as in dense.c. */
#include <inttypes.h>
#include <string.h>

#include "nn/layer.h"
#include "nn/normalise.h"
#include "nn/pass.h"
#include "nn/spectral.h"
#include "nn/tangent.h"

enum { WEIGHT, BIAS };
enum { NO_BIAS, SPECTRAL_NORM, FLAGS }; /* words that stand for themselves */
enum { ORDINARY_WORDS = 5 };            /* of those before numbers; a transposed one has one more */

static bool is_transposed(const gan_layer *layer) { return layer->type == &gan_layer_conv_transpose; }

/* Elements of one filter's window. */
static int64_t kernel_size(const gan_layer *layer) { return gan_positions(layer->convolution.window.kernel); }

/* Input channels of the convolution that one of its output channels is made of. */
static int64_t group_inputs(const gan_convolution *sizes) { return sizes->in_channels / gan_group_count(sizes); }

/* --- Configuration --- */

/* Reads "CHANNELS kernel K ..."; the window's kernel, stride, padding and gaps, and the groups, are set from it. */
static gan_status parse(gan_layer *layer, int axes, int word_count, char *const *words, int64_t *channels,
                        int64_t output_padding[GAN_AXES], bool flags[FLAGS]) {
  gan_window *window = &layer->convolution.window;
  int64_t dilation[GAN_AXES] = {1, 1, 1}, groups[GAN_AXES] = {1, 1, 1};
  static const char *const others[] = {[NO_BIAS] = "no_bias", [SPECTRAL_NORM] = "spectral_norm", [FLAGS] = NULL};
  const gan_axis_words known[] = {
      {.word = "kernel", .least = 1, .sizes = window->kernel},
      {.word = "stride", .least = 1, .sizes = window->stride},
      {.word = "padding", .sizes = window->padding},
      {.word = "dilation", .least = 1, .sizes = dilation},
      {.word = "groups", .least = 1, .sizes = groups, .single = true},
      {.word = "output_padding", .sizes = output_padding},
  };
  *window = (gan_window){.kernel = {1, 1, 1}, .stride = {1, 1, 1}};
  window->kernel[GAN_AXES - 1] = 0; /* not given */
  GAN_TRY(gan_layer_check_words(layer, word_count, 3, word_count));
  GAN_TRY(gan_layer_parse_size("CHANNELS", words[0], channels));
  GAN_TRY(gan_layer_parse_axes(layer, axes, word_count - 1, words + 1, known,
                               is_transposed(layer) ? ORDINARY_WORDS + 1 : ORDINARY_WORDS, others, flags));
  for (int i = 0; i < GAN_AXES; i++) window->gap[i] = dilation[i] - 1;
  layer->convolution.groups = groups[GAN_AXES - 1];
  if (window->kernel[GAN_AXES - 1] > 0) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "the kernel is missing; it is written \"%s\"", layer->type->usage);
}

static gan_status check_groups(int64_t groups, const char *of, int64_t channels) {
  if (channels % groups == 0) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE,
                  "groups %" PRId64 " does not divide its %s, of which there are %" PRId64
                  "; take a number that divides input and output channels",
                  groups, of, channels);
}

/* Adds the tensors, (out_channels, in_channels / groups, kernel) of the convolution and a bias for each output channel,
   and says what passes need. */
static gan_status add_tensors(gan_layer *layer, int axes, const bool flags[FLAGS]) {
  const gan_convolution *sizes = &layer->convolution;
  const gan_shape channels = {.rank = 1, .size = {layer->output.size[0]}};
  gan_shape weight = {.rank = 2 + axes, .size = {sizes->out_channels, group_inputs(sizes)}};
  for (int i = 0; i < axes; i++) weight.size[2 + i] = sizes->window.kernel[GAN_AXES - axes + i];
  GAN_TRY(check_groups(sizes->groups, "input channels", layer->input.size[0]));
  GAN_TRY(check_groups(sizes->groups, "output channels", layer->output.size[0]));
  const bool normalised = flags[SPECTRAL_NORM] || layer->network->options.spectral_norm;
  GAN_TRY(gan_layer_add_weight(layer, &weight, normalised));
  if (!flags[NO_BIAS]) GAN_TRY(gan_layer_add_tensor(layer, "bias", &channels, GAN_TENSOR_PARAMETER));
  layer->workspace = gan_convolution_scratch(layer->network->options.backend, sizes);
  layer->tangent_workspace = layer->parameter_count;
  layer->scratch_per_part = flags[NO_BIAS] ? 0 : (size_t)layer->output.size[0];
  if (!normalised) return GAN_OK;
  /* A row of the matrix for each channel of the layer's output, which a transposed weight has second: there, those of
     one group only, as PyTorch has it. */
  const size_t first = (size_t)sizes->out_channels, second = (size_t)group_inputs(sizes);
  const size_t kernel = (size_t)kernel_size(layer);
  return is_transposed(layer) ? gan_spectral_add(layer, first, second, kernel)
                              : gan_spectral_add(layer, 1, first, second * kernel);
}

static gan_status configure_conv(gan_layer *layer, int word_count, char *const *words) {
  gan_convolution *sizes = &layer->convolution;
  int64_t unused[GAN_AXES];
  int axes;
  bool flags[FLAGS] = {false};
  GAN_TRY(gan_layer_axes(layer, &axes));
  GAN_TRY(parse(layer, axes, word_count, words, &sizes->out_channels, unused, flags));
  sizes->in_channels = layer->input.size[0];
  gan_layer_positions(layer, sizes->window.in);
  GAN_TRY(gan_layer_place_window(axes, &sizes->window));
  const gan_shape output = gan_layer_image(sizes->out_channels, axes, sizes->window.out);
  GAN_TRY(gan_layer_set_output(layer, &output));
  return add_tensors(layer, axes, flags);
}

/* Where the transposed convolution's output ends: (in - 1) stride - 2 padding + kernel + output_padding, the kernel
   with its gaps. */
static gan_status place_transposed(gan_window *window, const int64_t output_padding[GAN_AXES]) {
  for (int i = 0; i < GAN_AXES; i++) {
    if (output_padding[i] >= window->stride[i])
      return gan_fail(GAN_BAD_USAGE, "output_padding has to be less than the stride, which is %" PRId64,
                      window->stride[i]);
    window->in[i] = (window->out[i] - 1) * window->stride[i] - 2 * window->padding[i] + gan_kernel_reach(window, i) +
                    output_padding[i];
    if (window->in[i] < 1)
      return gan_fail(GAN_BAD_USAGE, "with a padding of %" PRId64 " nothing is left of its output; make it smaller",
                      window->padding[i]);
    if (window->in[i] > GAN_FEATURES_MOST)
      return gan_fail(GAN_BAD_USAGE, "its output has more than %" PRId64 " elements for each sample",
                      GAN_FEATURES_MOST);
  }
  return gan_layer_check_window(window);
}

static gan_status configure_transposed(gan_layer *layer, int word_count, char *const *words) {
  gan_convolution *sizes = &layer->convolution;
  int64_t output_padding[GAN_AXES] = {0};
  int axes;
  bool flags[FLAGS] = {false};
  GAN_TRY(gan_layer_axes(layer, &axes));
  GAN_TRY(parse(layer, axes, word_count, words, &sizes->in_channels, output_padding, flags));
  sizes->out_channels = layer->input.size[0];
  gan_layer_positions(layer, sizes->window.out);
  GAN_TRY(place_transposed(&sizes->window, output_padding));
  const gan_shape output = gan_layer_image(sizes->in_channels, axes, sizes->window.in);
  GAN_TRY(gan_layer_set_output(layer, &output));
  return add_tensors(layer, axes, flags);
}

/* Fans as torch.nn.init counts them: those of the weight's first two sizes, also when transposed. */
static void initialise(const gan_layer *layer, const gan_initialisation *how, double scale, gan_random_address address,
                       float *parameters, float *buffers) {
  (void)buffers;
  const gan_convolution *sizes = &layer->convolution;
  gan_layer_initialise_weight(layer, how, scale, gan_filter_size(sizes), sizes->out_channels * kernel_size(layer),
                              address, parameters);
}

/* --- Passes --- */

static gan_channels output_view(const gan_layer *layer, int64_t rows) {
  const int64_t channels = layer->output.size[0];
  return (gan_channels){(size_t)rows, (size_t)channels, (size_t)(layer->outputs / channels)};
}

/* The layer's output in one shard, without the bias. */
static void convolve(const gan_layer *layer, const gan_pass *pass, int shard, const float *input, float *output) {
  const gan_backend *backend = layer->network->options.backend;
  const int64_t first = gan_pass_first_row(pass, shard, -1), rows = gan_pass_row_count(pass, shard, -1);
  const float *weight = pass->parameters + layer->tensors[WEIGHT].offset, *x = input + first * layer->inputs;
  float *y = output + first * layer->outputs;
  if (is_transposed(layer))
    gan_convolution_backward_data(backend, &layer->convolution, rows, x, weight, y, pass->workspace);
  else
    gan_convolution_forward(backend, &layer->convolution, rows, x, weight, y, pass->workspace);
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  for (int shard = 0; shard < pass->shards->local; shard++) {
    convolve(layer, pass, shard, input, output);
    if (!gan_layer_has_bias(layer)) continue;
    const gan_channels view = output_view(layer, gan_pass_row_count(pass, shard, -1));
    gan_add_channel_bias(view.rows, view.channels, view.inner, pass->parameters + layer->tensors[BIAS].offset,
                         output + gan_pass_first_row(pass, shard, -1) * layer->outputs);
  }
}

static void tangent(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                    const float *input_tangent, float *output_tangent) {
  (void)input, (void)output;
  for (int shard = 0; shard < pass->shards->local; shard++) convolve(layer, pass, shard, input_tangent, output_tangent);
}

static void weight_gradient(const gan_layer *layer, const gan_pass *pass, int64_t rows, const float *x, const float *dy,
                            float *gradient) {
  const bool transposed = is_transposed(layer);
  gan_convolution_backward_weights(layer->network->options.backend, &layer->convolution, rows, transposed ? dy : x,
                                   transposed ? x : dy, gradient, pass->workspace);
}

/* Of the bias, from one shard's rows; the gradient of the layer's parameters begins at `gradient`. */
static void bias_gradient(const gan_layer *layer, gan_pass *pass, int64_t rows, const float *dy, float *gradient) {
  gan_channel_sums(output_view(layer, rows), dy, pass->scratch);
  float *bias = gradient + layer->tensors[WEIGHT].count;
  for (size_t c = 0; c < layer->tensors[BIAS].count; c++) bias[c] = (float)pass->scratch[c];
}

/* Of the weight and the bias, from one shard's rows. */
static void parameter_gradient(const gan_layer *layer, gan_pass *pass, int64_t rows, const float *x, const float *dy,
                               float *gradient) {
  weight_gradient(layer, pass, rows, x, dy, gradient);
  if (gan_layer_has_bias(layer)) bias_gradient(layer, pass, rows, dy, gradient);
}

static void tangent_gradient(const gan_layer *layer, gan_pass *pass, int shard, const gan_tangent_rows *rows,
                             float *gradient) {
  const int64_t first = gan_pass_first_row(pass, shard, -1), count = gan_pass_row_count(pass, shard, -1);
  const int64_t in = first * layer->inputs, out = first * layer->outputs;
  float *of_values = gan_pass_tangent_workspace(pass);
  weight_gradient(layer, pass, count, rows->input_tangent + in, rows->output_tangent_gradient + out, gradient);
  if (rows->output_gradient) {
    parameter_gradient(layer, pass, count, rows->input + in, rows->output_gradient + out, of_values);
    gan_add(layer->tensors[WEIGHT].count, of_values, gradient);
  }
  if (!gan_layer_has_bias(layer)) return;
  const size_t weights = layer->tensors[WEIGHT].count, bytes = layer->tensors[BIAS].count * sizeof *gradient;
  if (rows->output_gradient)
    memcpy(gradient + weights, of_values + weights, bytes);
  else
    memset(gradient + weights, 0, bytes);
}

/* What the values of a joined pass add to the bias's gradient of a shard. */
static void add_joined_bias(const gan_layer *layer, gan_pass *pass, int shard, const gan_joined_rows *joined,
                            float *gradient) {
  const size_t weights = layer->tensors[WEIGHT].count;
  bias_gradient(layer, pass, gan_pass_row_count(pass, shard, -1),
                joined->values_gradient + gan_pass_first_row(pass, shard, -1) * layer->outputs, joined->room);
  gan_add(layer->tensors[BIAS].count, joined->room + weights, gradient + weights);
}

/* Of all shards, into the slots. What a joined pass adds to each shard's has to be written first. */
static void sum_gradients(const gan_layer *layer, gan_pass *pass, const float *x, const float *dy) {
  const gan_shards *shards = pass->shards;
  const size_t offset = layer->parameter_offset, weights = layer->tensors[WEIGHT].count;
  const bool transposed = is_transposed(layer);
  gan_joined_rows joined = {.parts = pass->parts, .input = x, .output_gradient = dy};
  const bool apart = pass->joined && !gan_pass_join_rows(pass, layer, x, dy, &joined);
  const gan_shard_rows rows = {shards,
                               joined.parts,
                               transposed ? layer->inputs : layer->outputs,
                               transposed ? layer->outputs : layer->inputs,
                               transposed ? joined.input : joined.output_gradient,
                               transposed ? joined.output_gradient : joined.input};
  if (!apart)
    gan_convolution_shard_weights(layer->network->options.backend, &layer->convolution, &rows, pass->slots, offset,
                                  pass->workspace);
  for (int shard = 0; shard < shards->local; shard++) {
    const int64_t first = gan_pass_first_row(pass, shard, -1), count = gan_pass_row_count(pass, shard, -1);
    float *gradient = gan_pass_gradient(pass, layer, shard);
    if (apart) {
      parameter_gradient(layer, pass, count, x + first * layer->inputs, dy + first * layer->outputs, gradient);
      gan_pass_fold(pass, layer, shard);
    } else if (gan_layer_has_bias(layer)) {
      bias_gradient(layer, pass, count, dy + first * layer->outputs, gradient);
      if (joined.values_gradient) add_joined_bias(layer, pass->joined, shard, &joined, gradient);
      gan_shards_fold(shards, shard, pass->slots, offset + weights, layer->parameter_count - weights);
    }
  }
  gan_pass_done(pass, layer, GAN_WORK_WEIGHTS, pass->rows);
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)output;
  const gan_backend *backend = layer->network->options.backend;
  const gan_convolution *sizes = &layer->convolution;
  const float *weight = pass->parameters + layer->tensors[WEIGHT].offset;
  if (pass->slots) sum_gradients(layer, pass, input, output_gradient);
  if (!input_gradient) return;
  for (int shard = 0; shard < pass->shards->local; shard++) {
    const int64_t first = gan_pass_first_row(pass, shard, -1), rows = gan_pass_row_count(pass, shard, -1);
    const float *dy = output_gradient + first * layer->outputs;
    float *dx = input_gradient + first * layer->inputs;
    if (is_transposed(layer))
      gan_convolution_forward(backend, sizes, rows, dy, weight, dx, pass->workspace);
    else
      gan_convolution_backward_data(backend, sizes, rows, dy, weight, dx, pass->workspace);
  }
}

/* Products with the padding's zeros count, as is usual. */
static double flops(const gan_layer *layer) {
  const gan_convolution *sizes = &layer->convolution;
  return 2.0 * (double)gan_filter_size(sizes) * (double)sizes->out_channels * (double)gan_positions(sizes->window.out);
}

const gan_layer_type gan_layer_conv = {
    .name = "conv",
    .usage = "conv CHANNELS kernel K [stride S] [padding P] [dilation D] [groups G] [no_bias] [spectral_norm]",
    .has_matrix = true,
    .help = "convolution over the 1 to 3 axes of an image; each size once, or for each axis (\"kernel 3 5\")",
    .backward_reads = GAN_READS_INPUT,
    .configure = configure_conv,
    .initialise = initialise,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .tangent_gradient = tangent_gradient,
    .flops = flops,
};

const gan_layer_type gan_layer_conv_transpose = {
    .name = "conv_transpose",
    .usage =
        "conv_transpose CHANNELS kernel K [stride S] [padding P] [output_padding O] [dilation D] [groups G] [no_bias] "
        "[spectral_norm]",
    .has_matrix = true,
    .help = "transposed convolution, which makes images larger: \"kernel 4 stride 2 padding 1\" doubles them",
    .backward_reads = GAN_READS_INPUT,
    .configure = configure_transposed,
    .initialise = initialise,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
    .tangent_gradient = tangent_gradient,
    .flops = flops,
};
