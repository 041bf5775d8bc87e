/* Branches side by side (Szegedy et al. 2015, arXiv 1409.4842): between "concatenate" and "end", the branches, which
   "with" separates, all work on the block's input, and what they make is put together along the channels:

        concatenate, conv 64 kernel 1, with, conv 48 kernel 1, relu, conv 64 kernel 5 padding 2, with, max_pool 3, end

   A branch without layers gives the block's input itself. A sample lies channel after channel, so that a row of the
   output is a row of the first branch, one of the second, and so on.

   On the way back each branch has its channels of the output's gradient, and the block's input has the sum of what
   comes out of all of them. With "end" are kept the gradient that branches wait for, as it was, and that sum
   (blocks.h).

   Tensors are named as a PyTorch module would that has its branches in a ModuleList. */
#include <inttypes.h>
#include <string.h>

#include "nn/blocks.h"
#include "nn/tangent.h"

/* --- Configuration --- */

static gan_status configure_with(gan_layer *layer, int word_count, char *const *words) {
  (void)words;
  return gan_block_begin_part(layer, &gan_layer_concatenate, word_count);
}

/* The line that ends the next branch of the block: layers[line].input is what the branch made. Branches are in order;
   to begin with, `line` is the block's beginning. */
static int next_end(const gan_network *network, int block, int line) {
  const gan_layer *layers = network->layers;
  do line++;
  while (!layers[line].type->ends_part || layers[line].block != block);
  return line;
}

static bool fits_beside(const gan_shape *a, const gan_shape *b) {
  return a->rank == b->rank && memcmp(a->size + 1, b->size + 1, (size_t)(a->rank - 1) * sizeof *a->size) == 0;
}

static gan_status fail_shape(int branch, const gan_shape *shape, const gan_shape *first) {
  char text[GAN_SHAPE_TEXT], other[GAN_SHAPE_TEXT];
  return gan_fail(GAN_BAD_USAGE,
                  "branch %d gives %s and the first one %s, which cannot be put together: only their channels, the "
                  "first size, may differ; change strides or paddings",
                  branch, gan_shape_print(shape, text), gan_shape_print(first, other));
}

static gan_status configure_end(gan_layer *layer, int word_count, char *const *words) {
  (void)words, (void)word_count;
  const gan_block *block = gan_block_of(layer);
  gan_layer *layers = layer->network->layers;
  if (block->parts == 1)
    return gan_fail(GAN_BAD_USAGE, "the block has one branch; put \"with\" before each further one");
  int line = next_end(layer->network, layer->block, block->begin);
  const gan_shape *first = &layers[line].input;
  gan_shape output = *first;
  for (int branch = 2; branch <= block->parts; branch++) {
    layers[line].read_again = layer->index;
    line = next_end(layer->network, layer->block, line);
    if (!fits_beside(&layers[line].input, first)) return fail_shape(branch, &layers[line].input, first);
    output.size[0] += layers[line].input.size[0];
  }
  GAN_TRY(gan_layer_set_output(layer, &output));
  const int64_t inputs = gan_shape_count(&layers[block->begin].input);
  layer->kept_per_row = layer->tangent_kept_per_row = (size_t)(inputs + layer->outputs - layer->inputs);
  return GAN_OK;
}

/* --- Passes --- */

/* Copies rows of `width` floats that lie `from_stride` apart, `to_stride` apart. */
static void copy_columns(int64_t rows, int64_t width, int64_t from_stride, const float *from, int64_t to_stride,
                         float *to) {
  for (int64_t row = 0; row < rows; row++)
    memcpy(to + row * to_stride, from + row * from_stride, (size_t)width * sizeof *to);
}

/* Puts what the branches made side by side: of all lines that end one, rows[line] (rows, inputs of the line). */
static void put_together(const gan_layer *layer, const gan_pass *pass, const float *(*rows_at)(const gan_pass *, int),
                         float *output) {
  int64_t column = 0;
  for (int line = gan_block_of(layer)->begin; line != layer->index;) {
    line = next_end(layer->network, layer->block, line);
    const int64_t width = layer->network->layers[line].inputs;
    copy_columns(pass->rows, width, width, rows_at(pass, line), layer->outputs, output + column);
    column += width;
  }
}

static const float *values_at(const gan_pass *pass, int activation) { return pass->activations[activation]; }

static void forward_end(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  (void)input;
  put_together(layer, pass, values_at, output);
}

static void tangent_end(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                        const float *input_tangent, float *output_tangent) {
  (void)input, (void)output, (void)input_tangent;
  put_together(layer, pass, gan_pass_tangent_rows, output_tangent);
}

/* What "end" keeps: first (rows, inputs of the block), the sum; then (rows, waiting), the columns of the output's
   gradient that belong to all branches but the last. */
static float *waiting_columns(const gan_layer *end, const gan_pass *pass, float *kept) {
  return kept + pass->rows * end->network->layers[gan_block_of(end)->begin].inputs;
}

/* Where the output's gradient is zero, zeros are kept: layers of branches may be curved. */

static void end_gradient(const gan_layer *layer, const gan_pass *pass, const float *dy, float *dx, float *kept) {
  const int64_t waiting = layer->outputs - layer->inputs;
  if (!dy) {
    memset(kept, 0, (size_t)pass->rows * layer->kept_per_row * sizeof *kept);
    return;
  }
  copy_columns(pass->rows, waiting, layer->outputs, dy, waiting, waiting_columns(layer, pass, kept));
  if (dx) copy_columns(pass->rows, layer->inputs, layer->outputs, dy + waiting, layer->inputs, dx);
}

/* The branch behind this line is done: what came out of it joins the sum, and the branch before has its columns. */
static void with_gradient(const gan_layer *layer, const gan_pass *pass, const float *dy, float *dx, float *kept) {
  const gan_block *block = gan_block_of(layer);
  const gan_layer *end = &layer->network->layers[block->end];
  const size_t count = (size_t)(pass->rows * layer->outputs);
  if (!dy) return;
  if (layer->index == block->last_part)
    memcpy(kept, dy, count * sizeof *kept);
  else
    gan_add(count, dy, kept);
  if (!dx) return;
  int64_t column = -layer->inputs;
  for (int line = block->begin; line != layer->index;) {
    line = next_end(layer->network, layer->block, line);
    column += layer->network->layers[line].inputs;
  }
  copy_columns(pass->rows, layer->inputs, end->outputs - end->inputs, waiting_columns(end, pass, kept) + column,
               layer->inputs, dx);
}

static void concatenate_gradient(const gan_layer *layer, const gan_pass *pass, const float *dy, float *dx,
                                 float *kept) {
  if (dy && dx) gan_add_two((size_t)(pass->rows * layer->inputs), dy, kept, dx);
}

GAN_BLOCK_BACKWARD(end)
GAN_BLOCK_BACKWARD(with)
GAN_BLOCK_BACKWARD(concatenate)

static const gan_layer_type concatenation_end = {
    .name = "end",
    .usage = "end",
    .help = "puts the branches together",
    .backward_reads = GAN_READS_NEITHER,
    .configure = configure_end,
    .forward = forward_end,
    .backward = backward_end,
    .tangent = tangent_end,
    .tangent_backward = tangent_backward_end,
    .ends_part = true,
};

const gan_layer_type gan_layer_concatenate = {
    .name = "concatenate",
    .usage = "concatenate",
    .help = "begins a block of branches, which all work on its input; it gives their outputs side by side, as channels",
    .backward_reads = GAN_READS_NEITHER,
    .in_place_backward = true,
    .configure = gan_block_begin,
    .backward = backward_concatenate,
    .tangent_backward = tangent_backward_concatenate,
    .end = &concatenation_end,
};

const gan_layer_type gan_layer_with = {
    .name = "with",
    .usage = "with",
    .help = "in a block of branches: begins the next branch",
    .backward_reads = GAN_READS_NEITHER,
    .configure = configure_with,
    .backward = backward_with,
    .tangent_backward = tangent_backward_with,
    .ends_part = true,
};
