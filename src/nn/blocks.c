#include "nn/blocks.h"

#include <stdio.h>

#include "nn/tangent.h"

int gan_block_innermost(const gan_network *network) {
  int block = network->block_count - 1;
  while (block >= 0 && network->blocks[block].end) block--;
  return block;
}

/* --- Names --- */

/* The block in which the layer is an element of a sequence; -1: none. */
static int sequence_of(const gan_layer *layer) {
  return layer->type->end ? gan_block_of(layer)->enclosing : layer->block;
}

/* The name of the block's last part so far. */
static void name_part(const gan_network *network, const gan_block *block, size_t room, char *name) {
  if (network->layers[block->begin].type == &gan_layer_residual)
    snprintf(name, room, "%s", block->parts > 1 ? "shortcut" : "main");
  else
    snprintf(name, room, "branches.%d", block->parts - 1);
}

void gan_block_name_layer(const gan_network *network, gan_layer *layer) {
  if (layer->type->ends_part) return;
  const int sequence = sequence_of(layer);
  const gan_block *block = sequence < 0 ? NULL : &network->blocks[sequence];
  char part[24];
  int number = 0;
  for (int i = block ? block->last_part + 1 : 0; i < layer->index; i++)
    number += !network->layers[i].type->ends_part && sequence_of(&network->layers[i]) == sequence;
  if (!block) {
    snprintf(layer->path, sizeof layer->path, "%d", number);
    return;
  }
  if (network->layers[block->begin].type == &gan_layer_attention) {
    static const char *const names[] = {"theta", "phi", "g", "o"};
    snprintf(layer->path, sizeof layer->path, "%.122s.%s", network->layers[block->begin].path, names[block->parts - 1]);
    return;
  }
  /* Eight blocks deep, with numbers below GAN_LAYERS_MOST, a path has at most 139 characters. */
  name_part(network, block, sizeof part, part);
  snprintf(layer->path, sizeof layer->path, "%.122s.%s.%d", network->layers[block->begin].path, part, number);
}

/* --- Configuration --- */

gan_status gan_block_begin(gan_layer *layer, int word_count, char *const *words) {
  (void)words;
  const gan_network *network = layer->network;
  int depth = 1;
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 0));
  for (int block = layer->block; block >= 0; block = network->blocks[block].enclosing) depth++;
  if (depth > GAN_BLOCK_DEPTH)
    return gan_fail(GAN_BAD_USAGE, "more than %d blocks within each other; is an \"end\" missing?", GAN_BLOCK_DEPTH);
  network->blocks[network->block_count] =
      (gan_block){.begin = layer->index, .last_part = layer->index, .parts = 1, .enclosing = layer->block};
  layer->block = network->block_count;
  return gan_layer_set_output(layer, &layer->input);
}

gan_status gan_block_begin_part(gan_layer *layer, const gan_layer_type *kind, int word_count) {
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 0));
  if (layer->block < 0)
    return gan_fail(GAN_BAD_USAGE, "there is no \"%s\" before it that it could belong to", kind->name);
  gan_block *block = gan_block_of(layer);
  if (gan_block_kind(layer) != kind)
    return gan_fail(GAN_BAD_USAGE, "the block that it is in begins with \"%s\", and it belongs to one of \"%s\"",
                    gan_block_kind(layer)->name, kind->name);
  block->last_part = layer->index;
  block->parts++;
  layer->source = block->begin;
  return gan_layer_set_output(layer, &layer->network->layers[block->begin].input);
}

static gan_status configure_end(gan_layer *layer, int word_count, char *const *words) {
  GAN_TRY(gan_layer_check_words(layer, word_count, 0, 0));
  if (layer->block < 0)
    return gan_fail(GAN_BAD_USAGE, "there is no block before it that it could end; one begins with \"%s\" or \"%s\"",
                    gan_layer_residual.name, gan_layer_concatenate.name);
  layer->type = gan_block_kind(layer)->end;
  layer->backward_reads = layer->type->backward_reads;
  GAN_TRY(layer->type->configure(layer, word_count, words));
  gan_block_of(layer)->end = layer->index;
  layer->kept_until = gan_block_of(layer)->begin;
  return GAN_OK;
}

/* --- Passes --- */

float *gan_block_kept(const gan_layer *layer, const gan_pass *pass) { return pass->kept[gan_block_of(layer)->end]; }

float *gan_block_kept_tangents(const gan_layer *layer, const gan_pass *pass) {
  return gan_pass_tangent_kept_row(pass, &layer->network->layers[gan_block_of(layer)->end], 0);
}

const gan_layer_type gan_layer_end = {
    .name = "end",
    .usage = "end",
    .help = "ends a block",
    .ends_part = true,
    .configure = configure_end,
};
