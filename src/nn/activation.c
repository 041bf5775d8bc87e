/* Activations as layers: one row each, which finds its loops by name in the kernels' table. */
#include <math.h>
#include <string.h>

#include "nn/layer.h"
#include "nn/pass.h"
#include "nn/tangent.h"

static const gan_activation *find_activation(const char *name) {
  for (int i = 0; i < gan_activation_count; i++)
    if (strcmp(gan_activations[i].name, name) == 0) return &gan_activations[i];
  return NULL;
}

/* elu goes down to -ALPHA; leaky_relu does not go below 0 where the slope makes nothing negative. */
static void set_range(gan_layer *layer) {
  const double argument = layer->arguments[0];
  const bool is_elu = layer->type == &gan_layer_elu, is_leaky = layer->type == &gan_layer_leaky_relu;
  if (!is_elu && !(is_leaky && argument <= 0)) return;
  layer->lowest = is_elu && argument > 0 ? -argument : 0;
  layer->highest = INFINITY;
}

static gan_status configure(gan_layer *layer, int word_count, char *const *words) {
  const gan_activation *activation = find_activation(layer->type->name);
  const bool takes_argument = !isnan(activation->argument);
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, takes_argument));
  layer->variant = activation;
  layer->arguments[0] = takes_argument ? activation->argument : 0;
  if (word_count == 1) GAN_TRY(gan_layer_parse_number("its argument", words[0], &layer->arguments[0]));
  /* With a negative slope, an output's sign is not its input's. */
  const bool from_output = activation->from_output && layer->arguments[0] >= 0;
  layer->backward_reads = from_output ? GAN_READS_OUTPUT : GAN_READS_INPUT;
  set_range(layer);
  return gan_layer_set_output(layer, &layer->input);
}

static void forward(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const gan_activation *activation = layer->variant;
  activation->forward((size_t)(pass->rows * layer->inputs), (float)layer->arguments[0], input, output);
}

static void backward(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                     float *output_gradient, float *input_gradient) {
  const gan_activation *activation = layer->variant;
  /* One of the two is left (kernels.h). */
  const float *left = layer->backward_reads == GAN_READS_OUTPUT ? output : input;
  if (input_gradient)
    activation->backward((size_t)(pass->rows * layer->inputs), (float)layer->arguments[0], left, left, output_gradient,
                         input_gradient);
}

/* f is applied to each element: J is diagonal, and the tangent is the backward pass's product. */
static void tangent(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                    const float *input_tangent, float *output_tangent) {
  const gan_activation *activation = layer->variant;
  activation->backward((size_t)(pass->rows * layer->inputs), (float)layer->arguments[0], input, output, input_tangent,
                       output_tangent);
}

static void tangent_backward(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows) {
  const gan_activation *activation = layer->variant;
  const size_t n = (size_t)(pass->rows * layer->inputs);
  const float argument = (float)layer->arguments[0];
  activation->backward(n, argument, rows->input, rows->output, rows->output_gradient, rows->input_gradient);
  activation->second(n, argument, rows->input, rows->output, rows->input_tangent, rows->output_tangent_gradient,
                     rows->input_gradient);
  activation->backward(n, argument, rows->input, rows->output, rows->output_tangent_gradient,
                       rows->input_tangent_gradient);
}

/* A constant of this file cannot take texts from a table of another; that they are the same is a test's task. */
#define DEFINE_LAYER(word, usage_text, help_text, least, most, is_curved, tangent_backward_or_null) \
  const gan_layer_type gan_layer_##word = {                                                         \
      .name = #word,                                                                                \
      .usage = usage_text,                                                                          \
      .help = help_text,                                                                            \
      .curved = is_curved,                                                                          \
      .lowest = least,                                                                              \
      .highest = most,                                                                              \
      .in_place = true,                                                                             \
      .in_place_backward = true,                                                                    \
      .configure = configure,                                                                       \
      .forward = forward,                                                                           \
      .backward = backward,                                                                         \
      .tangent = tangent,                                                                           \
      .tangent_backward = tangent_backward_or_null,                                                 \
  }
#define LINEAR_IN_PIECES(word, usage_text, help_text, least, most) \
  DEFINE_LAYER(word, usage_text, help_text, least, most, false, NULL)
#define CURVED(word, usage_text, help_text, least, most) \
  DEFINE_LAYER(word, usage_text, help_text, least, most, true, tangent_backward)

/* gelu and silu have their least value at -0.7518 and -1.2785. */
LINEAR_IN_PIECES(relu, "relu", "max(0, x)", 0, INFINITY);
LINEAR_IN_PIECES(leaky_relu, "leaky_relu [SLOPE]", "x where positive, else SLOPE * x (default 0.2)", 0, 0);
CURVED(tanh, "tanh", "hyperbolic tangent, for images in [-1, 1]", -1, 1);
CURVED(sigmoid, "sigmoid", "1 / (1 + exp(-x))", 0, 1);
CURVED(elu, "elu [ALPHA]", "x where positive, else ALPHA * (exp(x) - 1) (default 1)", 0, 0);
CURVED(gelu, "gelu", "x * P(N(0, 1) <= x), exact and not the tanh approximation", -0.16998, INFINITY);
CURVED(silu, "silu", "x * sigmoid(x)", -0.27847, INFINITY);
CURVED(softplus, "softplus", "log(1 + exp(x))", 0, INFINITY);
