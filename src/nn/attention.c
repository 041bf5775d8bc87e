/* Self-attention on images (SAGAN: Zhang et al. 2018, arXiv 1805.08318), as in its authors' code and BigGAN's (Brock et
   al. 2018, arXiv 1809.11096): each place looks at all others, and adds what it finds to what it is,

        query = theta x    key = pool(phi x)    value = pool(g x)
        A = softmax over places of query' key    y = gamma o (value A') + x

   theta, phi, g and o being 1 x 1 convolutions without bias, pool the largest value of each window, so that there are
   fewer places to look at, and gamma a number that begins as 0.

   One line of the description stands for several layers, a block (blocks.h) with all that is linear made of the layers
   that there are, so that spectral normalisation, memory and second derivatives of these are theirs:

        attention | conv, | conv, max_pool, | conv, max_pool, | attend, conv | end
          gamma   theta   phi                 g                 o

   Bars are views of the block's input, but for "attend", which has the three parts for its input. Tensors are named as
   in BigGAN's PyTorch code: theta.weight, phi.weight, g.weight, o.weight, and gamma, the first as PyTorch has it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kernels/singular.h"
#include "kernels/softmax.h"
#include "nn/blocks.h"
#include "nn/tangent.h"

static const gan_layer_type attention_part, attend, attention_end;

enum { KEY, VALUE, POOL, SPECTRAL_NORM }; /* of the first line's arguments */

/* --- Configuration --- */

static gan_status fail_missing(const char *what, int64_t channels, int64_t divisor) {
  return gan_fail(GAN_BAD_USAGE,
                  "without \"%s\", its %ss have a channel for each %" PRId64 " of its input, which has %" PRId64
                  "; say how many with \"%s CHANNELS\"",
                  what, what, divisor, channels, what);
}

static gan_status configure_attention(gan_layer *layer, int word_count, char *const *words) {
  enum { KEY_PART = 8, VALUE_PART = 2 }; /* of the input's channels */
  static const char *const others[] = {"spectral_norm", NULL};
  int64_t key[GAN_AXES] = {0}, value[GAN_AXES] = {0}, pool[GAN_AXES] = {0, 0, 2};
  const gan_axis_words known[] = {
      {.word = "key", .least = 1, .sizes = key, .single = true},
      {.word = "value", .least = 1, .sizes = value, .single = true},
      {.word = "pool", .least = 1, .sizes = pool, .single = true},
  };
  const int64_t channels = layer->input.size[0];
  const gan_shape one = {.rank = 1, .size = {1}};
  int axes;
  bool normalised = false;
  GAN_TRY(gan_layer_axes(layer, &axes));
  GAN_TRY(gan_layer_parse_axes(layer, axes, word_count, words, known, 3, others, &normalised));
  if (key[GAN_AXES - 1] == 0 && channels < KEY_PART) return fail_missing("key", channels, KEY_PART);
  if (value[GAN_AXES - 1] == 0 && channels < VALUE_PART) return fail_missing("value", channels, VALUE_PART);
  for (int i = 1; i <= axes; i++)
    if (layer->input.size[i] < pool[GAN_AXES - 1])
      return gan_fail(GAN_BAD_USAGE,
                      "its keys are pooled over %" PRId64 " places along each axis, and its input has %" PRId64
                      " along one; write \"pool 1\"",
                      pool[GAN_AXES - 1], layer->input.size[i]);
  layer->arguments[KEY] = (double)(key[GAN_AXES - 1] ? key[GAN_AXES - 1] : channels / KEY_PART);
  layer->arguments[VALUE] = (double)(value[GAN_AXES - 1] ? value[GAN_AXES - 1] : channels / VALUE_PART);
  layer->arguments[POOL] = (double)pool[GAN_AXES - 1];
  layer->arguments[SPECTRAL_NORM] = normalised;
  GAN_TRY(gan_block_begin(layer, 0, NULL));
  return gan_layer_add_tensor(layer, "gamma", &one, GAN_TENSOR_PARAMETER);
}

static gan_status add_conv(gan_network *network, int64_t channels, bool normalised) {
  char line[80];
  snprintf(line, sizeof line, "conv %" PRId64 " kernel 1 no_bias%s", channels, normalised ? " spectral_norm" : "");
  return gan_network_add(network, &gan_layer_conv, line);
}

static gan_status add_pool(gan_network *network, int64_t size) {
  char line[32];
  snprintf(line, sizeof line, "max_pool %" PRId64, size);
  return size > 1 ? gan_network_add(network, &gan_layer_max_pool, line) : GAN_OK;
}

/* The layers behind the first. */
static gan_status expand(gan_network *network) {
  const gan_layer *first = &network->layers[network->layer_count - 1];
  const int64_t key = (int64_t)first->arguments[KEY], value = (int64_t)first->arguments[VALUE];
  const int64_t pool = (int64_t)first->arguments[POOL], channels = first->input.size[0];
  const bool normalised = first->arguments[SPECTRAL_NORM] != 0;
  GAN_TRY(add_conv(network, key, normalised));
  GAN_TRY(gan_network_add(network, &attention_part, "attention"));
  GAN_TRY(add_conv(network, key, normalised));
  GAN_TRY(add_pool(network, pool));
  GAN_TRY(gan_network_add(network, &attention_part, "attention"));
  GAN_TRY(add_conv(network, value, normalised));
  GAN_TRY(add_pool(network, pool));
  GAN_TRY(gan_network_add(network, &attend, "attention"));
  GAN_TRY(add_conv(network, channels, normalised));
  return gan_network_add(network, &attention_end, "attention");
}

static gan_status configure_part(gan_layer *layer, int word_count, char *const *words) {
  (void)words, (void)word_count;
  return gan_block_begin_part(layer, &gan_layer_attention, 0);
}

/* The line, up to `line`, that ends the query or the key: its input is that. */
static const gan_layer *end_of(const gan_layer *layer, int part) {
  const gan_layer *at = &layer->network->layers[gan_block_of(layer)->begin];
  for (int ends = 0; ends < part;)
    if ((++at)->type == &attention_part) ends++;
  return at;
}

enum { QUERY_END = 1, KEY_END = 2 };

/* Sizes of one sample's matrices: query (depth, places), key (depth, keys), value (channels, keys), A (places, keys).
 */
typedef struct sizes {
  int64_t depth, channels, places, keys;
  int query, key, value; /* their activations */
} sizes;

static sizes sizes_of(const gan_layer *layer) {
  const gan_layer *query = end_of(layer, QUERY_END), *key = end_of(layer, KEY_END);
  return (sizes){.depth = query->input.size[0],
                 .channels = layer->input.size[0],
                 .places = query->inputs / query->input.size[0],
                 .keys = layer->inputs / layer->input.size[0],
                 .query = query->index,
                 .key = key->index,
                 .value = layer->index};
}

static gan_status configure_attend(gan_layer *layer, int word_count, char *const *words) {
  (void)words, (void)word_count;
  gan_layer *layers = layer->network->layers;
  gan_block *block = gan_block_of(layer);
  const sizes of = sizes_of(layer);
  gan_shape output = layers[block->begin].input;
  output.size[0] = of.channels;
  if (of.places > GAN_FEATURES_MOST / of.keys)
    return gan_fail(GAN_BAD_USAGE,
                    "%" PRId64 " places that look at %" PRId64 " others: each sample has more than %" PRId64
                    " pairs; attend to a smaller image, or write \"pool\" with a larger number",
                    of.places, of.keys, GAN_FEATURES_MOST);
  layers[of.query].read_again = layers[of.key].read_again = layer->index;
  const size_t pairs = (size_t)(of.places * of.keys);
  layer->kept_per_row = layer->tangent_kept_per_row = layer->workspace = pairs;
  layer->tangent_workspace = 3 * pairs;
  block->last_part = layer->index;
  block->parts++;
  return gan_layer_set_output(layer, &output);
}

static gan_status configure_end(gan_layer *layer, int word_count, char *const *words) {
  (void)words, (void)word_count;
  gan_block *block = gan_block_of(layer);
  layer->network->layers[block->begin].read_again = layer->index;
  layer->kept_per_row = layer->tangent_kept_per_row =
      (size_t)(layer->inputs + end_of(layer, QUERY_END)->inputs + end_of(layer, KEY_END)->inputs);
  layer->kept_per_part = layer->tangent_kept_per_part = 1;
  block->end = layer->index;
  layer->kept_until = block->begin;
  return gan_layer_set_output(layer, &layer->input);
}

static void initialise(const gan_layer *layer, const gan_initialisation *how, double scale, gan_random_address address,
                       float *parameters, float *buffers) {
  (void)how, (void)scale, (void)address, (void)buffers;
  parameters[layer->tensors[0].offset] = 0;
}

/* --- What waits on the way back, with "end": (rows, block's inputs), the sum of what comes to the block's input; the
   gradients of query and key, (rows, inputs of the line that ends them); and of each shard what gamma has of it. --- */

static float *waiting(const gan_layer *layer, const gan_pass *pass, int part, float *kept) {
  const gan_layer *begin = &layer->network->layers[gan_block_of(layer)->begin];
  return kept + pass->rows * (begin->inputs + (part == KEY_END ? end_of(layer, QUERY_END)->inputs : 0));
}

static const gan_layer *block_end(const gan_layer *layer) { return &layer->network->layers[gan_block_of(layer)->end]; }

static float *gamma_share(const gan_layer *layer, const gan_pass *pass, int shard) {
  return gan_pass_kept_part(pass, block_end(layer), shard, 0);
}

static float *gamma_tangent_share(const gan_layer *layer, const gan_pass *pass, int shard) {
  return gan_pass_tangent_kept_part(pass, block_end(layer), shard, 0);
}

/* --- The end: y = gamma u + x --- */

static float gamma_of(const gan_layer *layer, const gan_pass *pass) {
  return pass->parameters[layer->network->layers[gan_block_of(layer)->begin].tensors[0].offset];
}

static void forward_end(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const size_t count = (size_t)(pass->rows * layer->outputs);
  gan_scale_to(count, gamma_of(layer, pass), input, output);
  gan_add(count, pass->activations[gan_block_of(layer)->begin], output);
}

static void tangent_end(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                        const float *input_tangent, float *output_tangent) {
  (void)input, (void)output;
  const size_t count = (size_t)(pass->rows * layer->outputs);
  gan_scale_to(count, gamma_of(layer, pass), input_tangent, output_tangent);
  gan_add(count, gan_pass_tangent_rows(pass, gan_block_of(layer)->begin), output_tangent);
}

/* Of values or tangents alike: `u` is the input, or its tangent, `share` where each shard's <dy, u> goes. */
static void end_gradient(const gan_layer *layer, const gan_pass *pass, const float *u, const float *dy, float *dx,
                         float *kept, float *(*share)(const gan_layer *, const gan_pass *, int)) {
  const size_t count = (size_t)(pass->rows * layer->outputs);
  for (int shard = 0; shard < pass->shards->local; shard++) {
    const int64_t first = gan_pass_first_row(pass, shard, -1) * layer->outputs;
    const int64_t floats = gan_pass_row_count(pass, shard, -1) * layer->outputs;
    *share(layer, pass, shard) = dy ? (float)gan_dot((size_t)floats, dy + first, u + first) : 0;
  }
  if (!dy) {
    memset(kept, 0, (size_t)pass->rows * layer->kept_per_row * sizeof *kept);
    return;
  }
  memcpy(kept, dy, count * sizeof *kept);
  if (dx) gan_scale_to(count, gamma_of(layer, pass), dy, dx);
}

static void backward_end(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                         float *output_gradient, float *input_gradient) {
  (void)output;
  end_gradient(layer, pass, input, output_gradient, input_gradient, gan_block_kept(layer, pass), gamma_share);
}

static void tangent_backward_end(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows) {
  end_gradient(layer, pass, rows->input, rows->output_gradient, rows->input_gradient, gan_block_kept(layer, pass),
               gamma_share);
  end_gradient(layer, pass, rows->input_tangent, rows->output_tangent_gradient, rows->input_tangent_gradient,
               gan_block_kept_tangents(layer, pass), gamma_tangent_share);
}

/* --- Attending --- */

/* C (m, n) = op(A) op(B), or more than it was. Row lengths are those of matrices without gaps. */
static void multiply(const gan_layer *layer, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                     const float *a, const float *b, bool add, float *c) {
  layer->network->options.backend->gemm(transpose_a, transpose_b, m, n, k, 1, a, transpose_a ? m : k, b,
                                        transpose_b ? k : n, add ? 1 : 0, c, n);
}

static const float *row_of(const gan_pass *pass, float *const *rows, int activation, int64_t row) {
  return rows[activation] + row * pass->network->layers[activation].inputs;
}

static void forward_attend(const gan_layer *layer, gan_pass *pass, const float *input, float *output) {
  const sizes of = sizes_of(layer);
  for (int64_t row = 0; row < pass->rows; row++) {
    float *weights = gan_pass_kept_row(pass, layer, row);
    multiply(layer, true, false, of.places, of.keys, of.depth, row_of(pass, pass->activations, of.query, row),
             row_of(pass, pass->activations, of.key, row), false, weights);
    gan_softmax((size_t)of.places, (size_t)of.keys, weights);
    multiply(layer, false, true, of.channels, of.places, of.keys, input + row * layer->inputs, weights, false,
             output + row * layer->outputs);
  }
}

/* dquery, dkey = or += of one sample, from the gradient of query' key. */
static void pair_gradients(const gan_layer *layer, const sizes *of, const float *query, const float *key,
                           const float *dpairs, bool add, float *dquery, float *dkey) {
  multiply(layer, false, true, of->depth, of->places, of->keys, key, dpairs, add, dquery);
  multiply(layer, false, false, of->depth, of->keys, of->places, query, dpairs, add, dkey);
}

static void backward_attend(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                            float *output_gradient, float *input_gradient) {
  (void)output;
  const sizes of = sizes_of(layer);
  float *pairs = pass->workspace, *kept = gan_block_kept(layer, pass);
  for (int64_t row = 0; row < pass->rows; row++) {
    const float *weights = gan_pass_kept_row(pass, layer, row), *dy = output_gradient + row * layer->outputs;
    multiply(layer, false, false, of.channels, of.keys, of.places, dy, weights, false,
             input_gradient + row * layer->inputs);
    multiply(layer, true, false, of.places, of.keys, of.channels, dy, input + row * layer->inputs, false, pairs);
    gan_softmax_product((size_t)of.places, (size_t)of.keys, weights, pairs, pairs);
    pair_gradients(layer, &of, row_of(pass, pass->activations, of.query, row),
                   row_of(pass, pass->activations, of.key, row), pairs, false,
                   waiting(layer, pass, QUERY_END, kept) + row * of.depth * of.places,
                   waiting(layer, pass, KEY_END, kept) + row * of.depth * of.keys);
  }
}

static const float *tangent_row(const gan_pass *pass, int activation, int64_t row) {
  return gan_pass_tangent_rows(pass, activation) + row * pass->network->layers[activation].inputs;
}

/* Keeps the tangent of query' key. */
static void tangent_attend(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                           const float *input_tangent, float *output_tangent) {
  (void)output;
  const sizes of = sizes_of(layer);
  float *moved = gan_pass_tangent_workspace(pass);
  for (int64_t row = 0; row < pass->rows; row++) {
    const float *weights = gan_pass_kept_row(pass, layer, row);
    float *pairs = gan_pass_tangent_kept_row(pass, layer, row), *to = output_tangent + row * layer->outputs;
    multiply(layer, true, false, of.places, of.keys, of.depth, tangent_row(pass, of.query, row),
             row_of(pass, pass->activations, of.key, row), false, pairs);
    multiply(layer, true, false, of.places, of.keys, of.depth, row_of(pass, pass->activations, of.query, row),
             tangent_row(pass, of.key, row), true, pairs);
    gan_softmax_product((size_t)of.places, (size_t)of.keys, weights, pairs, moved);
    multiply(layer, false, true, of.channels, of.places, of.keys, input_tangent + row * layer->inputs, weights, false,
             to);
    multiply(layer, false, true, of.channels, of.places, of.keys, input + row * layer->inputs, moved, true, to);
  }
}

/* One sample of the way back through values and tangents. With A' the tangent of A, and S' that of query' key:
   output = value A^T, tangent = value' A^T + value A'^T, A' = J(A) S'. */
static void tangent_backward_row(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows, const sizes *of,
                                 int64_t row) {
  const size_t n = (size_t)of->places, m = (size_t)of->keys;
  const float *weights = gan_pass_kept_row(pass, layer, row), *pairs = gan_pass_tangent_kept_row(pass, layer, row);
  const float *value = rows->input + row * layer->inputs, *value_tangent = rows->input_tangent + row * layer->inputs;
  const float *query = row_of(pass, pass->activations, of->query, row);
  const float *key = row_of(pass, pass->activations, of->key, row);
  const float *dy = rows->output_gradient + row * layer->outputs;
  const float *dt = rows->output_tangent_gradient + row * layer->outputs;
  float *of_values = gan_block_kept(layer, pass), *of_tangents = gan_block_kept_tangents(layer, pass);
  float *dquery = waiting(layer, pass, QUERY_END, of_values) + row * of->depth * of->places;
  float *dkey = waiting(layer, pass, KEY_END, of_values) + row * of->depth * of->keys;
  float *dvalue = rows->input_gradient + row * layer->inputs;
  float *moved = gan_pass_tangent_workspace(pass), *dmoved = moved + n * m, *dweights = dmoved + n * m;
  gan_softmax_product(n, m, weights, pairs, moved);
  multiply(layer, true, false, of->places, of->keys, of->channels, dt, value, false, dmoved);
  multiply(layer, true, false, of->places, of->keys, of->channels, dy, value, false, dweights);
  multiply(layer, true, false, of->places, of->keys, of->channels, dt, value_tangent, true, dweights);
  gan_softmax_second(n, m, weights, pairs, dmoved, dweights);
  gan_softmax_product(n, m, weights, dweights, dweights);
  gan_softmax_product(n, m, weights, dmoved, dmoved);
  multiply(layer, false, false, of->channels, of->keys, of->places, dy, weights, false, dvalue);
  multiply(layer, false, false, of->channels, of->keys, of->places, dt, moved, true, dvalue);
  multiply(layer, false, false, of->channels, of->keys, of->places, dt, weights, false,
           rows->input_tangent_gradient + row * layer->inputs);
  pair_gradients(layer, of, query, key, dweights, false, dquery, dkey);
  pair_gradients(layer, of, tangent_row(pass, of->query, row), tangent_row(pass, of->key, row), dmoved, true, dquery,
                 dkey);
  pair_gradients(layer, of, query, key, dmoved, false,
                 waiting(layer, pass, QUERY_END, of_tangents) + row * of->depth * of->places,
                 waiting(layer, pass, KEY_END, of_tangents) + row * of->depth * of->keys);
}

static void tangent_backward_attend(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows) {
  const sizes of = sizes_of(layer);
  for (int64_t row = 0; row < pass->rows; row++) tangent_backward_row(layer, pass, rows, &of, row);
}

static double flops_attend(const gan_layer *layer) {
  const sizes of = sizes_of(layer);
  return 2.0 * (double)of.places * (double)of.keys * (double)(of.depth + of.channels);
}

/* --- The views of the block's input --- */

/* The part behind this line is done: what came out of it joins the sum, and the part before has what waited for it. */
static void part_gradient(const gan_layer *layer, const gan_pass *pass, const float *dy, float *dx, float *kept) {
  const int part = layer == end_of(layer, QUERY_END) ? QUERY_END : KEY_END;
  if (!dy) return;
  gan_add((size_t)(pass->rows * layer->outputs), dy, kept);
  if (dx) memcpy(dx, waiting(layer, pass, part, kept), (size_t)(pass->rows * layer->inputs) * sizeof *dx);
}

static void attention_gradient(const gan_layer *layer, const gan_pass *pass, const float *dy, float *dx, float *kept) {
  if (dy && dx) gan_add_two((size_t)(pass->rows * layer->inputs), dy, kept, dx);
}

GAN_BLOCK_BACKWARD(part)

static void backward_attention(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                               float *output_gradient, float *input_gradient) {
  (void)input, (void)output;
  attention_gradient(layer, pass, output_gradient, input_gradient, gan_block_kept(layer, pass));
  for (int shard = 0; pass->slots && shard < pass->shards->local; shard++) {
    *gan_pass_gradient(pass, layer, shard) = *gamma_share(layer, pass, shard);
    gan_pass_fold(pass, layer, shard);
  }
}

static void tangent_backward_attention(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows) {
  attention_gradient(layer, pass, rows->output_gradient, rows->input_gradient, gan_block_kept(layer, pass));
  attention_gradient(layer, pass, rows->output_tangent_gradient, rows->input_tangent_gradient,
                     gan_block_kept_tangents(layer, pass));
}

static void tangent_gradient_attention(const gan_layer *layer, gan_pass *pass, int shard, const gan_tangent_rows *rows,
                                       float *gradient) {
  (void)rows;
  *gradient = *gamma_share(layer, pass, shard) + *gamma_tangent_share(layer, pass, shard);
}

static const gan_layer_type attention_part = {
    .name = "attention",
    .usage = "attention",
    .help = "begins the next of an attention block's parts",
    .backward_reads = GAN_READS_INPUT,
    .configure = configure_part,
    .backward = backward_part,
    .tangent_backward = tangent_backward_part,
    .ends_part = true,
};

static const gan_layer_type attend = {
    .name = "attention",
    .usage = "attention",
    .help = "weighs values by how queries and keys agree",
    .curved = true,
    .backward_reads = GAN_READS_INPUT,
    .configure = configure_attend,
    .forward = forward_attend,
    .backward = backward_attend,
    .tangent = tangent_attend,
    .tangent_backward = tangent_backward_attend,
    .flops = flops_attend,
    .ends_part = true,
};

static const gan_layer_type attention_end = {
    .name = "attention",
    .usage = "attention",
    .help = "adds what attention found to the block's input",
    .backward_reads = GAN_READS_INPUT,
    .configure = configure_end,
    .forward = forward_end,
    .backward = backward_end,
    .tangent = tangent_end,
    .tangent_backward = tangent_backward_end,
    .ends_part = true,
};

const gan_layer_type gan_layer_attention = {
    .name = "attention",
    .usage = "attention [key CHANNELS] [value CHANNELS] [pool N] [spectral_norm]",
    .help =
        "self-attention on images as in SAGAN and BigGAN: keys of an eighth and values of half of the channels, pooled "
        "by 2",
    .backward_reads = GAN_READS_NEITHER,
    .in_place_backward = true,
    .configure = configure_attention,
    .expand = expand,
    .initialise = initialise,
    .backward = backward_attention,
    .tangent_backward = tangent_backward_attention,
    .tangent_gradient = tangent_gradient_attention,
    .end = &attention_end,
};
