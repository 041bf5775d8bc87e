/* Residual blocks (He et al. 2016): between "residual" and "end", y = main(x) + shortcut(x). The shortcut is x itself,
   or the layers after a line "shortcut", which change x's shape as the main path does:

        residual, relu, conv 64 kernel 3 padding 1, shortcut, conv 64 kernel 1, end

   On the way back the gradient of the sum goes down the shortcut first, then down the main path, and what came out of
   the first is added to what comes out of the second (blocks.h). What waits meanwhile is kept with "end".

   Tensors are named as a PyTorch module would that has two Sequentials, main and shortcut. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nn/blocks.h"
#include "nn/tangent.h"

/* --- Configuration --- */

static bool has_shortcut(const gan_layer *layer) { return gan_block_of(layer)->parts > 1; }

static gan_status configure_shortcut(gan_layer *layer, int word_count, char *const *words) {
  (void)words;
  if (layer->block >= 0 && gan_block_kind(layer) == &gan_layer_residual && has_shortcut(layer))
    return gan_fail(GAN_BAD_USAGE, "the block has a shortcut already");
  return gan_block_begin_part(layer, &gan_layer_residual, word_count);
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

static gan_status fail_sum(const gan_shape *main_output, const gan_shape *shortcut_output, bool in_shortcut) {
  enum { WAY = 160 };
  char from_main[GAN_SHAPE_TEXT], from_shortcut[GAN_SHAPE_TEXT], way[WAY];
  describe_way(shortcut_output, main_output, sizeof way, way);
  return gan_fail(GAN_BAD_USAGE,
                  "the block's layers give %s and its shortcut gives %s, which cannot be added; put layers that change "
                  "the shape likewise before this \"end\", e.g. \"%s%s\"",
                  gan_shape_print(main_output, from_main), gan_shape_print(shortcut_output, from_shortcut),
                  in_shortcut ? "" : "shortcut, ", way);
}

/* Without a shortcut, what is added to the main path's output is the block's input; with one, the main path's output is
   what is added to the shortcut's. */
static gan_status configure_end(gan_layer *layer, int word_count, char *const *words) {
  (void)words, (void)word_count;
  const gan_block *block = gan_block_of(layer);
  gan_layer *layers = layer->network->layers;
  const gan_shape *input = &layers[block->begin].input;
  const gan_shape *main_output = has_shortcut(layer) ? &layers[block->last_part].input : &layer->input;
  const gan_shape *shortcut_output = has_shortcut(layer) ? &layer->input : input;
  if (!same_shape(main_output, shortcut_output)) return fail_sum(main_output, shortcut_output, has_shortcut(layer));
  layers[block->last_part].read_again = layer->index;
  const int64_t inputs = gan_shape_count(input);
  layer->kept_per_row = layer->tangent_kept_per_row = (size_t)(inputs > layer->inputs ? inputs : layer->inputs);
  return gan_layer_set_output(layer, &layer->input);
}

/* --- Passes --- */

static void forward_end(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  gan_add_two((size_t)(pass->rows * layer->outputs), input, pass->activations[gan_block_of(layer)->last_part], output);
}

static void tangent_end(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                        const float *input_tangent, float *output_tangent) {
  (void)input, (void)output;
  gan_add_two((size_t)(pass->rows * layer->outputs), input_tangent,
              gan_pass_tangent_rows(pass, gan_block_of(layer)->last_part), output_tangent);
}

/* Where the sum's gradient is zero, zeros wait: layers of the block may be curved. */

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

GAN_BLOCK_BACKWARD(end)
GAN_BLOCK_BACKWARD(shortcut)
GAN_BLOCK_BACKWARD(residual)

static const gan_layer_type sum_end = {
    .name = "end",
    .usage = "end",
    .help = "gives the sum",
    .backward_reads = GAN_READS_NEITHER,
    .in_place = true,
    .in_place_backward = true,
    .configure = configure_end,
    .forward = forward_end,
    .backward = backward_end,
    .tangent = tangent_end,
    .tangent_backward = tangent_backward_end,
    .ends_part = true,
};

const gan_layer_type gan_layer_residual = {
    .name = "residual",
    .usage = "residual",
    .help = "begins a residual block, which gives the sum of what its layers make of its input, and its input",
    .backward_reads = GAN_READS_NEITHER,
    .in_place_backward = true,
    .configure = gan_block_begin,
    .backward = backward_residual,
    .tangent_backward = tangent_backward_residual,
    .end = &sum_end,
};

const gan_layer_type gan_layer_shortcut = {
    .name = "shortcut",
    .usage = "shortcut",
    .help = "in a residual block: the layers from here to its end are applied to the input that is added",
    .backward_reads = GAN_READS_NEITHER,
    .configure = configure_shortcut,
    .backward = backward_shortcut,
    .tangent_backward = tangent_backward_shortcut,
    .ends_part = true,
};
