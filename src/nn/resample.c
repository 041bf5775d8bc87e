/* Layers that make images larger or smaller without weights. Planes are worked on by themselves, so that shards play no
   part. */
#include "kernels/resample.h"

#include <inttypes.h>
#include <string.h>

#include "nn/layer.h"
#include "nn/pass.h"
#include "nn/tangent.h"

/* --- Upsampling --- */

enum { LINEAR }; /* of layer->arguments */

/* The factors are the strides of a window. */
static gan_upsampling upsampling_of(const gan_layer *layer) {
  gan_upsampling sizes = {.linear = layer->arguments[LINEAR] != 0};
  memcpy(sizes.in, layer->convolution.window.in, sizeof sizes.in);
  memcpy(sizes.factor, layer->convolution.window.stride, sizeof sizes.factor);
  return sizes;
}

static gan_status configure_upsample(gan_layer *layer, int word_count, char *const *words) {
  gan_window *window = &layer->convolution.window;
  int axes, next = 0;
  *window = (gan_window){.stride = {1, 1, 1}};
  GAN_TRY(gan_layer_axes(layer, &axes));
  GAN_TRY(gan_layer_check_words(layer, word_count, 1, axes + 1));
  const gan_axis_words factor = {.word = "upsample", .least = 1, .sizes = window->stride};
  GAN_TRY(gan_layer_parse_axis_sizes(&factor, axes, word_count, words, &next));
  const char *how = next < word_count ? words[next] : "nearest";
  layer->arguments[LINEAR] = strcmp(how, "bilinear") == 0;
  if ((!layer->arguments[LINEAR] && strcmp(how, "nearest") != 0) || next + 1 < word_count)
    return gan_fail(GAN_BAD_USAGE, "after the factor there may only be \"nearest\" or \"bilinear\", not \"%.40s\"",
                    words[word_count - 1]);
  gan_layer_positions(layer, window->in);
  for (int i = 0; i < GAN_AXES; i++) window->out[i] = window->in[i] * window->stride[i];
  const gan_shape output = gan_layer_image(layer->input.size[0], axes, window->out);
  return gan_layer_set_output(layer, &output);
}

static void forward_upsample(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const gan_upsampling sizes = upsampling_of(layer);
  gan_upsample(&sizes, gan_layer_planes(layer, pass), input, output);
}

static void backward_upsample(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                              float *output_gradient, float *input_gradient) {
  (void)input, (void)output;
  const gan_upsampling sizes = upsampling_of(layer);
  if (input_gradient) gan_upsample_backward(&sizes, gan_layer_planes(layer, pass), output_gradient, input_gradient);
}

/* --- Resizing --- */

enum { FROM_CORNER }; /* of layer->arguments */

/* The sizes are the positions before and after a window. */
static gan_resizing resizing_of(const gan_layer *layer) {
  gan_resizing sizes = {.from_corner = layer->arguments[FROM_CORNER] != 0};
  memcpy(sizes.in, layer->convolution.window.in, sizeof sizes.in);
  memcpy(sizes.out, layer->convolution.window.out, sizeof sizes.out);
  return sizes;
}

static gan_status configure_resize(gan_layer *layer, int word_count, char *const *words) {
  gan_window *window = &layer->convolution.window;
  static const char *const others[] = {"from_corner", NULL};
  const gan_axis_words size = {.word = "resize", .least = 1, .sizes = window->out};
  int axes, next = 0;
  bool from_corner = false;
  *window = (gan_window){.out = {1, 1, 1}};
  GAN_TRY(gan_layer_axes(layer, &axes));
  GAN_TRY(gan_layer_check_words(layer, word_count, 1, axes + 1));
  GAN_TRY(gan_layer_parse_axis_sizes(&size, axes, word_count, words, &next));
  GAN_TRY(gan_layer_parse_flags(layer, word_count - next, words + next, others, &from_corner));
  layer->arguments[FROM_CORNER] = from_corner;
  gan_layer_positions(layer, window->in);
  const gan_shape output = gan_layer_image(layer->input.size[0], axes, window->out);
  return gan_layer_set_output(layer, &output);
}

static void forward_resize(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const gan_resizing sizes = resizing_of(layer);
  gan_resize(&sizes, gan_layer_planes(layer, pass), input, output);
}

static void backward_resize(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                            float *output_gradient, float *input_gradient) {
  (void)input, (void)output;
  const gan_resizing sizes = resizing_of(layer);
  if (input_gradient) gan_resize_backward(&sizes, gan_layer_planes(layer, pass), output_gradient, input_gradient);
}

/* --- Pooling --- */

/* PyTorch's limit: with more padding a window could lie outside of the input altogether. */
static gan_status check_padding(const gan_window *window) {
  for (int i = 0; i < GAN_AXES; i++)
    if (window->padding[i] > window->kernel[i] / 2)
      return gan_fail(GAN_BAD_USAGE, "a padding of %" PRId64 " is more than half of the kernel of %" PRId64,
                      window->padding[i], window->kernel[i]);
  return GAN_OK;
}

enum { INSIDE }; /* of layer->arguments: an average pool's mean is over what lies inside of the input */

static gan_status configure_pool(gan_layer *layer, int word_count, char *const *words) {
  gan_window *window = &layer->convolution.window;
  static const char *const max_words[] = {NULL}, *const average_words[] = {"exclude_padding", NULL};
  const char *const *others = layer->type == &gan_layer_average_pool ? average_words : max_words;
  bool inside = false;
  const gan_axis_words kernel = {.word = layer->type->name, .least = 1, .sizes = window->kernel};
  const gan_axis_words known[] = {{.word = "stride", .least = 1, .sizes = window->stride},
                                  {.word = "padding", .sizes = window->padding}};
  int axes, next = 0;
  *window = (gan_window){.kernel = {1, 1, 1}, .stride = {1, 1, 1}};
  GAN_TRY(gan_layer_axes(layer, &axes));
  GAN_TRY(gan_layer_check_words(layer, word_count, 1, word_count));
  GAN_TRY(gan_layer_parse_axis_sizes(&kernel, axes, word_count, words, &next));
  memcpy(window->stride, window->kernel, sizeof window->stride);
  GAN_TRY(gan_layer_parse_axes(layer, axes, word_count - next, words + next, known, 2, others, &inside));
  layer->arguments[INSIDE] = inside;
  GAN_TRY(check_padding(window));
  gan_layer_positions(layer, window->in);
  GAN_TRY(gan_layer_place_window(axes, window));
  const gan_shape output = gan_layer_image(layer->input.size[0], axes, window->out);
  return gan_layer_set_output(layer, &output);
}

/* An average pool whose kernel is the whole plane. */
static gan_status configure_global(gan_layer *layer, int word_count, char *const *words) {
  (void)words;
  gan_window *window = &layer->convolution.window;
  const gan_shape channels = {.rank = 1, .size = {layer->input.size[0]}};
  int axes;
  *window = (gan_window){.out = {1, 1, 1}, .stride = {1, 1, 1}};
  GAN_TRY(gan_layer_axes(layer, &axes));
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 0));
  gan_layer_positions(layer, window->in);
  gan_layer_positions(layer, window->kernel);
  return gan_layer_set_output(layer, &channels);
}

static void forward_max(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  gan_max_pool(&layer->convolution.window, gan_layer_planes(layer, pass), input, output);
}

static void tangent_max(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                        const float *input_tangent, float *output_tangent) {
  (void)output;
  gan_max_pool_tangent(&layer->convolution.window, gan_layer_planes(layer, pass), input, input_tangent, output_tangent);
}

static void backward_max(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                         float *output_gradient, float *input_gradient) {
  (void)output;
  if (input_gradient)
    gan_max_pool_backward(&layer->convolution.window, gan_layer_planes(layer, pass), input, output_gradient,
                          input_gradient);
}

static void forward_average(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  gan_average_pool(&layer->convolution.window, layer->arguments[INSIDE] != 0, gan_layer_planes(layer, pass), input,
                   output);
}

static void backward_average(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                             float *output_gradient, float *input_gradient) {
  (void)input, (void)output;
  if (input_gradient)
    gan_average_pool_backward(&layer->convolution.window, layer->arguments[INSIDE] != 0, gan_layer_planes(layer, pass),
                              output_gradient, input_gradient);
}

const gan_layer_type gan_layer_upsample = {
    .name = "upsample",
    .usage = "upsample FACTOR [nearest|bilinear]",
    .help = "makes an image FACTOR times as large by repeating (default) or by interpolation along each axis",
    .keeps_range = true,
    .backward_reads = GAN_READS_NEITHER,
    .configure = configure_upsample,
    .forward = forward_upsample,
    .backward = backward_upsample,
    .tangent = gan_tangent_of_linear,
};

const gan_layer_type gan_layer_resize = {
    .name = "resize",
    .usage = "resize SIZE [from_corner]",
    .help =
        "gives an image this size along each axis by linear interpolation, between centres of pixels or from_corner",
    .keeps_range = true,
    .backward_reads = GAN_READS_NEITHER,
    .configure = configure_resize,
    .forward = forward_resize,
    .backward = backward_resize,
    .tangent = gan_tangent_of_linear,
};

const gan_layer_type gan_layer_max_pool = {
    .name = "max_pool",
    .usage = "max_pool KERNEL [stride S] [padding P]",
    .help = "the largest value of each window; stride as the kernel unless given",
    .keeps_range = true,
    .backward_reads = GAN_READS_INPUT,
    .configure = configure_pool,
    .forward = forward_max,
    .backward = backward_max,
    .tangent = tangent_max,
};

const gan_layer_type gan_layer_average_pool = {
    .name = "average_pool",
    .usage = "average_pool KERNEL [stride S] [padding P] [exclude_padding]",
    .help = "the mean of each window, padding counted as zeros or not at all; stride as the kernel unless given",
    .keeps_range = true,
    .backward_reads = GAN_READS_NEITHER,
    .configure = configure_pool,
    .forward = forward_average,
    .backward = backward_average,
    .tangent = gan_tangent_of_linear,
};

const gan_layer_type gan_layer_global_average_pool = {
    .name = "global_average_pool",
    .usage = "global_average_pool",
    .help = "the mean of each channel: an image becomes a vector",
    .keeps_range = true,
    .backward_reads = GAN_READS_NEITHER,
    .configure = configure_global,
    .forward = forward_average,
    .backward = backward_average,
    .tangent = gan_tangent_of_linear,
};
