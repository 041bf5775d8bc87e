/* y = scale x + shift with numbers of the description: what a trained network wants done to the samples that it is
   shown, such as 2 x - 1. Nothing in it is trained. */
#include <string.h>

#include "nn/layer.h"
#include "nn/pass.h"

/* Where the numbers are in layer->arguments: of each channel the scale, then of each the shift. */
enum { CHANNELS_MOST = GAN_LAYER_ARGUMENTS / 2, SCALES = 0, SHIFTS = CHANNELS_MOST };

/* Numbers from words[*next] on, up to `until` or the end: one for all channels, or one for each. */
static gan_status parse_numbers(gan_layer *layer, const char *what, int word_count, char *const *words, int *next,
                                const char *until, double *numbers) {
  const int64_t channels = layer->input.size[0];
  int count = 0;
  for (; *next < word_count && (!until || strcmp(words[*next], until) != 0); (*next)++, count++) {
    double *number = &numbers[count];
    if (count == CHANNELS_MOST)
      return gan_fail(GAN_BAD_USAGE, "more than %d numbers for its %s; it is written \"%s\"", CHANNELS_MOST, what,
                      layer->type->usage);
    GAN_TRY(gan_layer_parse_number(what, words[*next], number));
  }
  if (count != 1 && count != channels)
    return gan_fail(GAN_BAD_USAGE,
                    "for its %s there has to be one number, or one for each of the %lld channels, not %d", what,
                    (long long)channels, count);
  for (int i = count; i < CHANNELS_MOST; i++) numbers[i] = numbers[0];
  return GAN_OK;
}

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  static const char shift[] = "shift";
  int next = 0;
  GAN_TRY(gan_layer_check_words(layer, word_count, 1, word_count));
  GAN_TRY(parse_numbers(layer, "scale", word_count, words, &next, shift, layer->arguments + SCALES));
  if (next < word_count) {
    next++;
    GAN_TRY(parse_numbers(layer, shift, word_count, words, &next, NULL, layer->arguments + SHIFTS));
  }
  return gan_layer_set_output(layer, &layer->input);
}

/* y (rows, channels, positions) = scale x + (shifted ? shift : 0); y may be x. */
static void apply(const gan_layer *layer, const gan_pass *pass, bool shifted, const float *x, float *y) {
  const int64_t channels = layer->input.size[0], positions = layer->inputs / channels;
  for (int64_t plane = 0; plane < pass->rows * channels; plane++, x += positions, y += positions) {
    const int64_t channel = channels > CHANNELS_MOST ? 0 : plane % channels;
    const float scale = (float)layer->arguments[SCALES + channel];
    const float shift = shifted ? (float)layer->arguments[SHIFTS + channel] : 0;
    for (int64_t i = 0; i < positions; i++) y[i] = scale * x[i] + shift;
  }
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  apply(layer, pass, true, input, output);
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  (void)input, (void)output;
  if (input_gradient) apply(layer, pass, false, output_gradient, input_gradient);
}

static void tangent(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                    const float *input_tangent, float *output_tangent) {
  (void)input, (void)output;
  apply(layer, pass, false, input_tangent, output_tangent);
}

const gan_layer_type gan_layer_rescale = {
    .name = "rescale",
    .usage = "rescale SCALE [shift SHIFT]",
    .help = "SCALE * x + SHIFT; each one number, or one for each channel (up to 4); \"rescale 2 shift -1\" for [0, 1]",
    .backward_reads = GAN_READS_NEITHER,
    .in_place = true,
    .in_place_backward = true,
    .configure = configure,
    .forward = forward,
    .backward = backward,
    .tangent = tangent,
};
