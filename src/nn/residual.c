/* Residual blocks (He et al. 2016): between "residual" and "end", y = main(x) + shortcut(x). The shortcut is x itself,
   or the layers after a line "shortcut", which change x's shape as the main path does:

        residual, relu, conv 64 kernel 3 padding 1, shortcut, conv 64 kernel 1, end

   A description stays a flat list of layers, worked on in order, so that a pass needs not know about blocks: the three
   lines are layers themselves. "shortcut" shows the block's input again. On the way back the gradient of the sum goes
   down the shortcut first, then down the main path, and what came out of the first is added to what comes out of the
   second; what waits meanwhile is kept with "end".

   Tensors are named as a PyTorch module would that has two Sequentials, main and shortcut. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nn/layer.h"
#include "nn/pass.h"
#include "nn/tangent.h"

static gan_block *block_of(const gan_layer *layer) { return &layer->network->blocks[layer->block]; }

int gan_block_innermost(const gan_network *network) {
  int block = network->block_count - 1;
  while (block >= 0 && network->blocks[block].end) block--;
  return block;
}

/* --- Names --- */

static bool ends_sequence(const gan_layer *layer) {
  return layer->type == &gan_layer_shortcut || layer->type == &gan_layer_end;
}

/* The block in which the layer is an element of a sequence; -1: none. */
static int sequence_of(const gan_layer *layer) {
  return layer->type == &gan_layer_residual ? block_of(layer)->enclosing : layer->block;
}

void gan_block_name_layer(const gan_network *network, gan_layer *layer) {
  if (ends_sequence(layer)) return;
  const int sequence = sequence_of(layer);
  const gan_block *block = sequence < 0 ? NULL : &network->blocks[sequence];
  const bool in_shortcut = block && block->shortcut >= 0;
  const int first = block ? (in_shortcut ? block->shortcut : block->begin) + 1 : 0;
  int number = 0;
  for (int i = first; i < layer->index; i++)
    number += !ends_sequence(&network->layers[i]) && sequence_of(&network->layers[i]) == sequence;
  /* Four blocks deep, with numbers below GAN_LAYERS_MOST, a path has at most 56 characters. */
  if (block)
    snprintf(layer->path, sizeof layer->path, "%.45s.%s.%d", network->layers[block->begin].path,
             in_shortcut ? "shortcut" : "main", number);
  else
    snprintf(layer->path, sizeof layer->path, "%d", number);
}

/* --- Configuration --- */

static gan_status configure_residual(gan_layer *layer, int word_count, char *const *words) {
  (void)words;
  const gan_network *network = layer->network;
  int depth = 1;
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 0));
  for (int block = layer->block; block >= 0; block = network->blocks[block].enclosing) depth++;
  if (depth > GAN_BLOCK_DEPTH)
    return gan_fail(GAN_BAD_USAGE, "more than %d blocks within each other; is an \"end\" missing?", GAN_BLOCK_DEPTH);
  network->blocks[network->block_count] = (gan_block){.begin = layer->index, .shortcut = -1, .enclosing = layer->block};
  layer->block = network->block_count;
  return gan_layer_set_output(layer, &layer->input);
}

static gan_status check_inside(const gan_layer *layer) {
  if (layer->block >= 0) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE, "there is no \"residual\" before it that it could belong to");
}

static gan_status configure_shortcut(gan_layer *layer, int word_count, char *const *words) {
  (void)words;
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 0));
  GAN_TRY(check_inside(layer));
  gan_block *block = block_of(layer);
  if (block->shortcut >= 0) return gan_fail(GAN_BAD_USAGE, "the block has a shortcut already");
  block->shortcut = layer->index;
  layer->source = block->begin;
  return gan_layer_set_output(layer, &layer->network->layers[block->begin].input);
}

static bool same_shape(const gan_shape *a, const gan_shape *b) {
  return a->rank == b->rank && memcmp(a->size, b->size, (size_t)a->rank * sizeof *a->size) == 0;
}

/* The stride of a convolution with a kernel of 1 that makes `to` of `from` but for the channels; 0: there is none. */
static int64_t stride_between(const gan_shape *from, const gan_shape *to) {
  for (int64_t stride = 1; stride <= from->size[1]; stride++) {
    int axis = 1;
    while (axis < to->rank && (from->size[axis] - 1) / stride + 1 == to->size[axis]) axis++;
    if (axis == to->rank) return stride;
  }
  return 0;
}

/* The factor by which all axes of `to` are longer; 0: there is none. */
static int64_t factor_between(const gan_shape *from, const gan_shape *to) {
  const int64_t factor = to->size[1] / from->size[1];
  for (int axis = 1; axis < to->rank; axis++)
    if (to->size[axis] != factor * from->size[axis]) return 0;
  return factor;
}

/* Layers that make `to` of `from`, the fewest that will do. */
static void describe_way(const gan_shape *from, const gan_shape *to, size_t room, char *text) {
  const bool images = from->rank == to->rank && to->rank > 1;
  const int64_t stride = images ? stride_between(from, to) : 0, factor = images ? factor_between(from, to) : 0;
  if (stride == 1)
    snprintf(text, room, "conv %" PRId64 " kernel 1", to->size[0]);
  else if (stride)
    snprintf(text, room, "conv %" PRId64 " kernel 1 stride %" PRId64, to->size[0], stride);
  else if (factor)
    snprintf(text, room, "upsample %" PRId64 ", conv %" PRId64 " kernel 1", factor, to->size[0]);
  else {
    int used = snprintf(text, room, "dense %" PRId64, gan_shape_count(to));
    if (to->rank > 1) used += snprintf(text + used, room - (size_t)used, ", reshape");
    for (int i = 0; to->rank > 1 && i < to->rank; i++)
      used += snprintf(text + used, room - (size_t)used, " %" PRId64, to->size[i]);
  }
}

static gan_status fail_sum(const gan_shape *main_output, const gan_shape *shortcut_output, bool has_shortcut) {
  enum { WAY = 160 };
  char from_main[GAN_SHAPE_TEXT], from_shortcut[GAN_SHAPE_TEXT], way[WAY];
  describe_way(shortcut_output, main_output, sizeof way, way);
  return gan_fail(GAN_BAD_USAGE,
                  "the block's layers give %s and its shortcut gives %s, which cannot be added; put layers that change "
                  "the shape likewise before this \"end\", e.g. \"%s%s\"",
                  gan_shape_print(main_output, from_main), gan_shape_print(shortcut_output, from_shortcut),
                  has_shortcut ? "" : "shortcut, ", way);
}

static gan_status configure_end(gan_layer *layer, int word_count, char *const *words) {
  (void)words;
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 0));
  GAN_TRY(check_inside(layer));
  gan_block *block = block_of(layer);
  const gan_layer *layers = layer->network->layers;
  const gan_shape *input = &layers[block->begin].input;
  const gan_shape *main_output = block->shortcut < 0 ? &layer->input : &layers[block->shortcut].input;
  const gan_shape *shortcut_output = block->shortcut < 0 ? input : &layer->input;
  if (!same_shape(main_output, shortcut_output)) return fail_sum(main_output, shortcut_output, block->shortcut >= 0);
  block->end = layer->index;
  layer->addend = block->shortcut < 0 ? block->begin : block->shortcut;
  layer->kept_until = block->begin;
  const int64_t inputs = gan_shape_count(input);
  layer->kept_per_row = layer->tangent_kept_per_row = (size_t)(inputs > layer->inputs ? inputs : layer->inputs);
  return gan_layer_set_output(layer, &layer->input);
}

/* --- Passes --- */

/* The gradient that waits, (rows, elements): the output's, and its tangent's. */
static float *waiting(const gan_layer *layer, const gan_pass *pass) { return pass->kept[block_of(layer)->end]; }

static float *tangent_waiting(const gan_layer *layer, const gan_pass *pass) {
  return gan_pass_tangent_kept_row(pass, &layer->network->layers[block_of(layer)->end], 0);
}

static void forward_end(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  gan_add_two((size_t)(pass->rows * layer->outputs), input, pass->activations[layer->addend], output);
}

static void tangent_end(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                        const float *input_tangent, float *output_tangent) {
  (void)input, (void)output;
  gan_add_two((size_t)(pass->rows * layer->outputs), input_tangent, gan_pass_tangent_rows(pass, layer->addend),
              output_tangent);
}

/* Each line's way back. dx is NULL where nobody asks for it; dy where it is zero (gan_tangent_rows): then dx is not
   written, and zeros wait, for layers of the block may be curved. */

/* Both paths have the sum's gradient. */
static void end_gradient(const gan_layer *layer, const gan_pass *pass, const float *dy, float *dx, float *waits) {
  const size_t bytes = (size_t)(pass->rows * layer->outputs) * sizeof *waits;
  if (!dy) {
    memset(waits, 0, (size_t)pass->rows * layer->kept_per_row * sizeof *waits);
    return;
  }
  memcpy(waits, dy, bytes);
  if (dx && dx != dy) memcpy(dx, dy, bytes);
}

/* The shortcut is done: its gradient waits, and the main path goes on with the sum's. */
static void shortcut_gradient(const gan_layer *layer, const gan_pass *pass, const float *dy, float *dx, float *waits) {
  if (!dy) return;
  if (dx) memcpy(dx, waits, (size_t)(pass->rows * layer->inputs) * sizeof *dx);
  memcpy(waits, dy, (size_t)(pass->rows * layer->outputs) * sizeof *dy);
}

static void residual_gradient(const gan_layer *layer, const gan_pass *pass, const float *dy, float *dx, float *waits) {
  if (dy && dx) gan_add_two((size_t)(pass->rows * layer->inputs), dy, waits, dx);
}

/* A line's backward, of outputs alone and of outputs and tangents. */
#define DEFINE_BACKWARD(line)                                                                                  \
  static void backward_##line(const gan_layer *layer, gan_pass *pass, const float *input, const float *output, \
                              float *output_gradient, float *input_gradient) {                                 \
    (void)input, (void)output;                                                                                 \
    line##_gradient(layer, pass, output_gradient, input_gradient, waiting(layer, pass));                       \
  }                                                                                                            \
  static void tangent_backward_##line(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows) {  \
    line##_gradient(layer, pass, rows->output_gradient, rows->input_gradient, waiting(layer, pass));           \
    line##_gradient(layer, pass, rows->output_tangent_gradient, rows->input_tangent_gradient,                  \
                    tangent_waiting(layer, pass));                                                             \
  }

DEFINE_BACKWARD(end)
DEFINE_BACKWARD(shortcut)
DEFINE_BACKWARD(residual)

const gan_layer_type gan_layer_residual = {
    .name = "residual",
    .usage = "residual",
    .help = "begins a residual block, which gives the sum of what its layers make of its input, and its input",
    .backward_reads = GAN_READS_NEITHER,
    .in_place_backward = true,
    .configure = configure_residual,
    .backward = backward_residual,
    .tangent_backward = tangent_backward_residual,
};

const gan_layer_type gan_layer_shortcut = {
    .name = "shortcut",
    .usage = "shortcut",
    .help = "in a residual block: the layers from here to its end are applied to the input that is added",
    .backward_reads = GAN_READS_NEITHER,
    .configure = configure_shortcut,
    .backward = backward_shortcut,
    .tangent_backward = tangent_backward_shortcut,
};

const gan_layer_type gan_layer_end = {
    .name = "end",
    .usage = "end",
    .help = "ends a residual block",
    .backward_reads = GAN_READS_NEITHER,
    .in_place = true,
    .in_place_backward = true,
    .configure = configure_end,
    .forward = forward_end,
    .backward = backward_end,
    .tangent = tangent_end,
    .tangent_backward = tangent_backward_end,
};
