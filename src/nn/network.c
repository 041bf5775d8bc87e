/* From a description to layers. The description is cut at commas and line ends into layers, and these at blanks into
   words; each word list is given to the layer type of its first word, which fills in the rest. */
#include "nn/network.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "nn/blocks.h"
#include "nn/layer.h"
#include "nn/spectral.h"

enum { WORDS_MOST = 32, LAYER_TEXT = 64 };
static const char separators[] = ",\n", blanks[] = " \t\r\v\f";

static gan_status check_input(const gan_shape *input) {
  bool fits = input->rank >= 1 && input->rank < GAN_SHAPE_RANK;
  for (int i = 0; fits && i < input->rank; i++) fits = input->size[i] >= 1;
  if (fits && gan_product_within(GAN_FEATURES_MOST, input->rank, input->size)) return GAN_OK;
  char text[GAN_SHAPE_TEXT];
  return gan_fail(GAN_BAD_USAGE,
                  "an input of shape %s: samples have one to four dimensions and from 1 to %" PRId64 " elements",
                  gan_shape_print(input, text), GAN_FEATURES_MOST);
}

/* At most as many lines as there are separators and one, of which some stand for several layers. */
static size_t layer_room(const char *description) {
  const size_t length = strlen(gan_layer_attention.name);
  size_t room = 1;
  for (; *description; description++) {
    if (strchr(separators, *description)) room++;
    if (strncmp(description, gan_layer_attention.name, length) == 0) room += GAN_LINE_LAYERS - 1;
  }
  return room < GAN_LAYERS_MOST ? room : GAN_LAYERS_MOST;
}

/* Cuts an entry at its blanks, in place. Returns the number of words, WORDS_MOST + 1 when there are more. */
static int split_words(char *entry, char **words) {
  int count = 0;
  char *rest = NULL;
  for (char *word = strtok_r(entry, blanks, &rest); word; word = strtok_r(NULL, blanks, &rest)) {
    if (count == WORDS_MOST) return WORDS_MOST + 1;
    words[count++] = word;
  }
  return count;
}

/* Makes the next layer, of a kind, NULL: the first word's; the network counts it only when it is whole. */
static gan_status add_layer(gan_network *network, const gan_layer_type *type, int word_count, char *const *words) {
  if (network->layer_count == GAN_LAYERS_MOST)
    return gan_fail(GAN_BAD_USAGE, "a network has at most %d layers", GAN_LAYERS_MOST);
  gan_layer *layer = &network->layers[network->layer_count];
  *layer = (gan_layer){.type = type ? type : gan_layer_type_find(words[0]),
                       .index = network->layer_count,
                       .line = network->line_count,
                       .block = gan_block_innermost(network),
                       .source = network->layer_count,
                       .read_again = -1,
                       .kept_until = network->layer_count,
                       .input = network->output,
                       .inputs = gan_shape_count(&network->output),
                       .parameter_offset = network->parameter_count,
                       .statistic_offset = network->statistic_count,
                       .singular_offset = network->singular_count,
                       .network = network};
  if (!layer->type) return gan_layer_unknown(words[0]);
  if (word_count > WORDS_MOST)
    return gan_fail(GAN_BAD_USAGE, "there is too much; it is written \"%s\"", layer->type->usage);
  layer->backward_reads = layer->type->backward_reads;
  layer->lowest = layer->type->lowest;
  layer->highest = layer->type->highest;
  GAN_TRY(layer->type->configure(layer, word_count - 1, words + 1));
  network->layer_count++;
  if (layer->block == network->block_count) network->block_count++;
  gan_block_name_layer(network, layer);
  network->output = layer->output;
  network->parameter_count += layer->parameter_count;
  network->statistic_count += layer->statistic_count;
  network->singular_count += layer->singular_count;
  if (layer->spectral.rows > 0) network->spectral_count++;
  network->couples_samples = network->couples_samples || layer->type->couples_samples;
  return layer->type->expand ? layer->type->expand(network) : GAN_OK;
}

gan_status gan_network_add(gan_network *network, const gan_layer_type *type, const char *line) {
  char text[LAYER_TEXT + 1], *words[WORDS_MOST];
  snprintf(text, sizeof text, "%s", line);
  return add_layer(network, type, split_words(text, words), words);
}

int gan_network_layer_of_line(const gan_network *network, int line) {
  int index = 0;
  while (index < network->layer_count && network->layers[index].line < line) index++;
  return index;
}

/* A layer's entry without the blanks around it, cut to what a message can hold. */
static void copy_entry(const char *entry, char *text) {
  entry += strspn(entry, blanks);
  size_t length = strlen(entry);
  while (length > 0 && strchr(blanks, entry[length - 1])) length--;
  snprintf(text, LAYER_TEXT, "%.*s", length < LAYER_TEXT ? (int)length : LAYER_TEXT, entry);
}

static gan_status parse(gan_network *network, char *description) {
  char *rest = NULL;
  for (char *entry = strtok_r(description, separators, &rest); entry; entry = strtok_r(NULL, separators, &rest)) {
    char text[LAYER_TEXT];
    char *words[WORDS_MOST];
    copy_entry(entry, text);
    const int word_count = split_words(entry, words);
    if (word_count == 0) continue;
    const gan_status status = add_layer(network, NULL, word_count, words);
    network->line_count++;
    if (status != GAN_OK) return gan_fail_prefix(status, "layer %d (\"%s\"): ", network->line_count, text);
  }
  const int open = gan_block_innermost(network);
  if (open >= 0)
    return gan_fail(GAN_BAD_USAGE, "layer %d (\"%s\"): the block has no \"end\"",
                    network->layers[network->blocks[open].begin].line + 1,
                    network->layers[network->blocks[open].begin].type->name);
  if (network->layer_count == 0)
    return gan_fail(GAN_BAD_USAGE, "a network needs at least one layer, for example \"dense 64, relu, dense 1\"");
  return GAN_OK;
}

/* Vectors that follow weights lie behind all statistics, which a trainer sums and averages in one go. */
static void place_buffers(gan_network *network) {
  network->buffer_count = network->statistic_count + network->singular_count;
  for (int i = 0; i < network->layer_count; i++) {
    gan_layer *layer = &network->layers[i];
    for (int j = 0; j < layer->tensor_count; j++)
      if (layer->tensors[j].kind == GAN_TENSOR_SINGULAR) layer->tensors[j].offset += network->statistic_count;
  }
}

gan_status gan_network_create(const char *description, const gan_shape *input, const gan_network_options *options,
                              gan_network **network) {
  *network = NULL;
  GAN_TRY(check_input(input));
  gan_network *made = NULL;
  char *copy = NULL;
  gan_status status = gan_allocate(1, sizeof *made, "a network", &made);
  if (status == GAN_OK) {
    made->input = made->output = *input;
    made->options = *options;
    status = gan_allocate(layer_room(description), sizeof *made->layers, "a network's layers", &made->layers);
  }
  if (status == GAN_OK)
    status = gan_allocate(layer_room(description), sizeof *made->blocks, "a network's blocks", &made->blocks);
  if (status == GAN_OK) status = gan_duplicate(description, &copy);
  if (status == GAN_OK) status = parse(made, copy);
  free(copy);
  if (status != GAN_OK) {
    gan_network_destroy(made);
    return status;
  }
  place_buffers(made);
  gan_spectral_join(made);
  *network = made;
  return GAN_OK;
}

const gan_layer *gan_network_couples_samples(const gan_network *network) {
  for (int i = 0; i < network->layer_count; i++)
    if (network->layers[i].type->couples_samples) return &network->layers[i];
  return NULL;
}

const gan_layer *gan_network_couples_shards(const gan_network *network) {
  for (int i = 0; i < network->layer_count && network->options.batch_norm_sync; i++)
    if (network->layers[i].type == &gan_layer_batch_norm) return &network->layers[i];
  return NULL;
}

void gan_network_destroy(gan_network *network) {
  if (!network) return;
  free(network->layers);
  free(network->blocks);
  free(network);
}

void gan_network_initialise(const gan_network *network, const gan_initialisation *how, double scale,
                            gan_random_address address, float *parameters, float *buffers) {
  if (scale == 0) scale = how->default_scale;
  for (int i = 0; i < network->layer_count; i++) {
    const gan_layer *layer = &network->layers[i];
    if (layer->type->initialise) layer->type->initialise(layer, how, scale, address, parameters, buffers);
    gan_spectral_initialise(layer, address, buffers);
  }
}

bool gan_network_normalises_spectrally(const gan_network *network) { return network->spectral_count > 0; }

static bool is_word(const char *text, size_t length, const char *word) {
  return strlen(word) == length && strncmp(text, word, length) == 0;
}

static bool names_matrix(const char *word, size_t length) {
  for (int i = 0; i < gan_layer_type_count; i++)
    if ((gan_layer_types[i]->has_matrix || gan_layer_types[i]->expand) &&
        is_word(word, length, gan_layer_types[i]->name))
      return true;
  return false;
}

/* Of one layer's line: whether it names a layer with a weight matrix, without the word that normalises it. */
static bool is_unnormalised(const char *line, size_t length, bool *any) {
  bool matrix = false, normalised = false;
  for (size_t at = 0, word = 0; at < length; at += word) {
    while (at < length && strchr(blanks, line[at])) at++;
    for (word = 0; at + word < length && !strchr(blanks, line[at + word]);) word++;
    matrix = matrix || names_matrix(line + at, word);
    normalised = normalised || is_word(line + at, word, "spectral_norm");
  }
  *any = *any || matrix;
  return matrix && !normalised;
}

bool gan_layers_normalise_all(const char *description) {
  bool any = false;
  while (*description) {
    const size_t length = strcspn(description, separators);
    if (is_unnormalised(description, length, &any)) return false;
    description += length + (description[length] != '\0');
  }
  return any;
}

/* Behind the first `count` entries that are layers, and not blank. */
static const char *skip_layers(const char *description, int64_t count) {
  while (count > 0 && *description) {
    const size_t length = strcspn(description, separators);
    if (strspn(description, blanks) < length) count--;
    description += length + (description[length] != '\0');
  }
  return description;
}

gan_status gan_layers_split(const char *description, int64_t count, char **first, char **rest) {
  const char *cut = skip_layers(description, count);
  *first = *rest = NULL;
  GAN_TRY(gan_duplicate(description, first));
  (*first)[cut - description] = '\0';
  const gan_status status = gan_duplicate(cut, rest);
  if (status == GAN_OK) return GAN_OK;
  free(*first);
  *first = NULL;
  return status;
}

gan_status gan_network_check_batch(const gan_network *network, int64_t shard_samples, int64_t batch) {
  for (int i = 0; i < network->layer_count; i++) {
    const gan_layer *layer = &network->layers[i];
    const gan_status status = layer->type->check_batch ? layer->type->check_batch(layer, shard_samples, batch) : GAN_OK;
    if (status != GAN_OK) return gan_fail_prefix(status, "layer %d (\"%s\"): ", layer->line + 1, layer->type->name);
  }
  return GAN_OK;
}

double gan_network_flops(const gan_network *network) {
  double flops = 0;
  for (int i = 0; i < network->layer_count; i++)
    if (network->layers[i].type->flops) flops += network->layers[i].type->flops(&network->layers[i]);
  return flops;
}
