/* Padding as a layer: what a convolution's own zeros are not. CycleGAN's generators reflect, models of periodic
   lattices go around. Planes are worked on by themselves, so that shards play no part. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kernels/borders.h"
#include "nn/layer.h"
#include "nn/pass.h"
#include "nn/tangent.h"

/* The border is the layer's variant; sizes are those of a window. */
static gan_padding padding_of(const gan_layer *layer) {
  gan_padding sizes = {.border = layer->variant};
  memcpy(sizes.in, layer->convolution.window.in, sizeof sizes.in);
  memcpy(sizes.amount, layer->convolution.window.padding, sizeof sizes.amount);
  return sizes;
}

static const char *const no_words[] = {NULL};

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  gan_window *window = &layer->convolution.window;
  int axes, next = 1;
  *window = (gan_window){.stride = {1, 1, 1}};
  GAN_TRY(gan_layer_axes(layer, &axes));
  GAN_TRY(gan_layer_check_words(layer, word_count, 2, axes + 1));
  GAN_TRY(gan_layer_parse_border(words[0], &layer->variant));
  const gan_axis_words amount = {.word = words[0], .least = 0, .sizes = window->padding};
  GAN_TRY(gan_layer_parse_axis_sizes(&amount, axes, word_count, words, &next));
  GAN_TRY(gan_layer_parse_flags(layer, word_count - next, words + next, no_words, NULL));
  gan_layer_positions(layer, window->in);
  for (int i = 0; i < GAN_AXES; i++) {
    GAN_TRY(gan_layer_check_border(layer, layer->variant, i, window->padding[i]));
    window->out[i] = window->in[i] + 2 * window->padding[i];
  }
  const gan_shape output = gan_layer_image(layer->input.size[0], axes, window->out);
  return gan_layer_set_output(layer, &output);
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const gan_padding sizes = padding_of(layer);
  gan_pad(&sizes, gan_layer_planes(layer, pass), input, output);
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)input, (void)output;
  const gan_padding sizes = padding_of(layer);
  if (input_gradient) gan_pad_backward(&sizes, gan_layer_planes(layer, pass), output_gradient, input_gradient);
}

const gan_layer_type gan_layer_pad = {
    .name = "pad",
    .usage = "pad zeros|reflect|replicate|circular SIZE",
    .help =
        "makes an image larger by SIZE at both ends of each axis: with zeros, mirrored, its edge repeated, or going "
        "on from the other end",
    .keeps_range = true,
    .backward_reads = GAN_READS_NEITHER,
    .configure = configure,
    .forward = forward,
    .backward = backward,
    .tangent = gan_tangent_of_linear,
};
