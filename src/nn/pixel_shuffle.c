/* Pixel shuffle as layers: an image made larger out of its channels, and smaller into them (torch.nn.PixelShuffle and
   PixelUnshuffle, here over one to three axes). Each is the other's inverse, and so its gradient. */
#include <inttypes.h>
#include <string.h>

#include "kernels/shuffling.h"
#include "nn/layer.h"
#include "nn/pass.h"
#include "nn/tangent.h"

/* The factors are the strides of a window, whose `in` are the positions of the input. */
static bool makes_larger(const gan_layer *layer) { return layer->type == &gan_layer_pixel_shuffle; }

static gan_shuffling shuffling_of(const gan_layer *layer) {
  const gan_window *window = &layer->convolution.window;
  const bool larger = makes_larger(layer);
  gan_shuffling sizes = {.channels = larger ? layer->output.size[0] : layer->input.size[0]};
  memcpy(sizes.small, larger ? window->in : window->out, sizeof sizes.small);
  memcpy(sizes.factor, window->stride, sizeof sizes.factor);
  return sizes;
}

static const char *const no_words[] = {NULL};

/* Reads the factors. */
static gan_status configure(gan_layer *layer, int word_count, char *const *words, int *axes) {
  gan_window *window = &layer->convolution.window;
  int next = 0;
  *window = (gan_window){.stride = {1, 1, 1}};
  GAN_TRY(gan_layer_axes(layer, axes));
  GAN_TRY(gan_layer_check_words(layer, word_count, 1, *axes));
  const gan_axis_words factor = {.word = layer->type->name, .least = 1, .sizes = window->stride};
  GAN_TRY(gan_layer_parse_axis_sizes(&factor, *axes, word_count, words, &next));
  GAN_TRY(gan_layer_parse_flags(layer, word_count - next, words + next, no_words, NULL));
  gan_layer_positions(layer, window->in);
  return gan_layer_check_window(window);
}

static gan_status configure_shuffle(gan_layer *layer, int word_count, char *const *words) {
  gan_window *window = &layer->convolution.window;
  int axes;
  GAN_TRY(configure(layer, word_count, words, &axes));
  const int64_t block = gan_positions(window->stride);
  if (layer->input.size[0] % block)
    return gan_fail(GAN_BAD_USAGE,
                    "each channel of its output is made of %" PRId64 " channels, and its input has %" PRId64
                    ", no multiple of that",
                    block, layer->input.size[0]);
  for (int i = 0; i < GAN_AXES; i++) window->out[i] = window->in[i] * window->stride[i];
  const gan_shape output = gan_layer_image(layer->input.size[0] / block, axes, window->out);
  return gan_layer_set_output(layer, &output);
}

static gan_status configure_unshuffle(gan_layer *layer, int word_count, char *const *words) {
  gan_window *window = &layer->convolution.window;
  char text[GAN_SHAPE_TEXT];
  int axes;
  GAN_TRY(configure(layer, word_count, words, &axes));
  const int64_t block = gan_positions(window->stride);
  for (int i = 0; i < GAN_AXES; i++) {
    if (window->in[i] % window->stride[i])
      return gan_fail(GAN_BAD_USAGE, "its input %s cannot be cut into blocks of %" PRId64 " along each axis",
                      gan_shape_print(&layer->input, text), window->stride[i]);
    window->out[i] = window->in[i] / window->stride[i];
  }
  const gan_shape output = gan_layer_image(layer->input.size[0] * block, axes, window->out);
  return gan_layer_set_output(layer, &output);
}

/* x of the layer's input shape -> y of its output's, or the other way round. */
static void shuffle(const gan_layer *layer, const gan_pass *pass, bool larger, const float *x, float *y) {
  const gan_shuffling sizes = shuffling_of(layer);
  if (larger)
    gan_pixel_shuffle(&sizes, (size_t)pass->rows, x, y);
  else
    gan_pixel_unshuffle(&sizes, (size_t)pass->rows, x, y);
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  shuffle(layer, pass, makes_larger(layer), input, output);
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)input, (void)output;
  if (input_gradient) shuffle(layer, pass, !makes_larger(layer), output_gradient, input_gradient);
}

const gan_layer_type gan_layer_pixel_shuffle = {
    .name = "pixel_shuffle",
    .usage = "pixel_shuffle FACTOR",
    .help = "makes an image FACTOR times as large along each axis, of FACTOR^2 channels each (FACTOR^3 of volumes)",
    .keeps_range = true,
    .backward_reads = GAN_READS_NEITHER,
    .configure = configure_shuffle,
    .forward = forward,
    .backward = backward,
    .tangent = gan_tangent_of_linear,
};

const gan_layer_type gan_layer_pixel_unshuffle = {
    .name = "pixel_unshuffle",
    .usage = "pixel_unshuffle FACTOR",
    .help = "the way back: makes an image FACTOR times smaller along each axis, with more channels; nothing is lost",
    .keeps_range = true,
    .backward_reads = GAN_READS_NEITHER,
    .configure = configure_unshuffle,
    .forward = forward,
    .backward = backward,
    .tangent = gan_tangent_of_linear,
};
