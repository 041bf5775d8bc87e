/* Blurring by the binomial filter [1, 2, 1] / 4 along each axis, each channel by itself, as StyleGAN does beside its
   upsampling and downsampling (Karras et al. 2019, arXiv 1812.04948): a picture that is then made smaller has no
   aliases. With `stride` it is made smaller at once (Zhang 2019, arXiv 1904.11486). Planes are worked on by themselves,
   so that shards play no part. */
#include <string.h>

#include "kernels/borders.h"
#include "nn/layer.h"
#include "nn/pass.h"
#include "nn/tangent.h"

/* The border is the layer's variant; sizes are those of a window, whose kernel is 3 along axes that are there. */
static gan_blurring blurring_of(const gan_layer *layer) {
  const gan_window *window = &layer->convolution.window;
  gan_blurring sizes = {.border = layer->variant};
  memcpy(sizes.in, window->in, sizeof sizes.in);
  memcpy(sizes.stride, window->stride, sizeof sizes.stride);
  for (int i = 0; i < GAN_AXES; i++) sizes.blurred[i] = window->kernel[i] > 1;
  return sizes;
}

/* The border's name may stand before "stride" or behind it. */
static gan_status parse(gan_layer *layer, int axes, int word_count, char *const *words) {
  const gan_axis_words stride = {.word = "stride", .least = 1, .sizes = layer->convolution.window.stride};
  bool strides = false;
  for (int next = 0; next < word_count;) {
    const char *word = words[next++];
    const bool is_stride = strcmp(word, stride.word) == 0;
    if (is_stride ? strides : layer->variant != NULL)
      return gan_fail(GAN_BAD_USAGE, "\"%.40s\" is too much; it is written \"%s\"", word, layer->type->usage);
    strides = strides || is_stride;
    if (is_stride)
      GAN_TRY(gan_layer_parse_axis_sizes(&stride, axes, word_count, words, &next));
    else
      GAN_TRY(gan_layer_parse_border(word, &layer->variant));
  }
  if (!layer->variant) layer->variant = gan_border_find("zeros");
  return GAN_OK;
}

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  gan_window *window = &layer->convolution.window;
  int axes;
  *window = (gan_window){.kernel = {1, 1, 1}, .stride = {1, 1, 1}};
  GAN_TRY(gan_layer_axes(layer, &axes));
  GAN_TRY(parse(layer, axes, word_count, words));
  GAN_TRY(gan_layer_check_window(window));
  gan_layer_positions(layer, window->in);
  for (int i = GAN_AXES - axes; i < GAN_AXES; i++) {
    window->kernel[i] = 3;
    window->padding[i] = 1;
    GAN_TRY(gan_layer_check_border(layer, layer->variant, i, window->padding[i]));
  }
  GAN_TRY(gan_layer_place_window(axes, window));
  layer->workspace = (size_t)window->in[GAN_AXES - 1];
  const gan_shape output = gan_layer_image(layer->input.size[0], axes, window->out);
  return gan_layer_set_output(layer, &output);
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const gan_blurring sizes = blurring_of(layer);
  gan_blur(&sizes, gan_layer_planes(layer, pass), input, output, pass->workspace);
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)input, (void)output;
  const gan_blurring sizes = blurring_of(layer);
  if (input_gradient)
    gan_blur_backward(&sizes, gan_layer_planes(layer, pass), output_gradient, input_gradient, pass->workspace);
}

const gan_layer_type gan_layer_blur = {
    .name = "blur",
    .usage = "blur [stride S] [zeros|reflect|replicate|circular]",
    .help = "blurs each channel by [1 2 1] / 4 along each axis; what lies beyond the ends is 0 unless said otherwise",
    .keeps_range = true,
    .backward_reads = GAN_READS_NEITHER,
    .configure = configure,
    .forward = forward,
    .backward = backward,
    .tangent = gan_tangent_of_linear,
};
