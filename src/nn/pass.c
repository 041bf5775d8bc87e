/* Memory of a pass, the walk over the layers, and the sums over shards that layers may ask for. */
#include "nn/pass.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "nn/tangent.h"

/* gan_allocate, counted. */
static gan_status take(gan_pass *pass, size_t count, size_t size, const char *what, void *memory) {
  GAN_TRY(gan_allocate(count, size, what, memory));
  pass->bytes += count * size;
  return GAN_OK;
}

static gan_status take_floats(gan_pass *pass, size_t count, const char *what, float **memory) {
  return take(pass, count, sizeof **memory, what, memory);
}

/* A layer that only reshapes, or shows an earlier activation: they are one memory. */
static bool is_view(const gan_layer *layer) { return layer->type->forward == NULL; }

static gan_status take_activations(gan_pass *pass) {
  const gan_network *network = pass->network;
  const size_t rows = (size_t)pass->rows, layers = (size_t)network->layer_count;
  size_t widest = (size_t)gan_shape_count(&network->input), workspace = 0;
  GAN_TRY(take(pass, layers + 1, sizeof *pass->activations, "a pass", &pass->activations));
  GAN_TRY(take(pass, layers, sizeof *pass->kept, "a pass", &pass->kept));
  GAN_TRY(take_floats(pass, rows * widest, "a network's input", &pass->activations[0]));
  for (size_t i = 0; i < layers; i++) {
    const gan_layer *layer = &network->layers[i];
    const size_t outputs = (size_t)layer->outputs;
    const size_t kept =
        rows * layer->kept_per_row + (size_t)pass->shards->local * (size_t)pass->parts * layer->kept_per_part;
    if (outputs > widest) widest = outputs;
    if (layer->workspace > workspace) workspace = layer->workspace;
    if (is_view(layer))
      pass->activations[i + 1] = pass->activations[layer->source];
    else
      GAN_TRY(take_floats(pass, rows * outputs, "a layer's output", &pass->activations[i + 1]));
    if (kept > 0) GAN_TRY(take_floats(pass, kept, "a layer's statistics", &pass->kept[i]));
  }
  for (int i = 0; i < 2; i++) GAN_TRY(take_floats(pass, rows * widest, "a network's gradients", &pass->gradient[i]));
  return take_floats(pass, workspace, "a layer's columns", &pass->workspace);
}

static gan_status take_statistics(gan_pass *pass) {
  const gan_network *network = pass->network;
  const size_t local = (size_t)pass->shards->local, slots = (size_t)pass->shards->slot_count;
  size_t width = 0;
  for (int i = 0; i < network->layer_count; i++)
    if (network->layers[i].scratch_per_part > width) width = network->layers[i].scratch_per_part;
  width *= (size_t)pass->parts;
  for (int part = 0; part < pass->parts; part++)
    GAN_TRY(take(pass, local * network->buffer_count, sizeof *pass->statistics[0], "batch statistics",
                 &pass->statistics[part]));
  GAN_TRY(take(pass, (local + 1 + slots) * width, sizeof *pass->scratch, "batch statistics", &pass->scratch));
  GAN_TRY(take(pass, slots, sizeof *pass->sum_slots, "batch statistics", &pass->sum_slots));
  pass->total = pass->scratch + local * width;
  for (size_t i = 0; i < slots; i++) pass->sum_slots[i] = pass->total + (i + 1) * width;
  return GAN_OK;
}

gan_status gan_pass_create(const gan_network *network, const gan_shards *shards, int parts, gan_pass **pass) {
  assert(parts == 1 || parts == 2);
  gan_pass *made = NULL;
  *pass = NULL;
  GAN_TRY(gan_allocate(1, sizeof *made, "a pass", &made));
  made->network = network;
  made->shards = shards;
  made->parts = parts;
  made->most_parts = parts;
  made->rows = parts * gan_shards_samples(shards);
  made->training = true;
  made->bytes = sizeof *made;
  gan_status status = take_activations(made);
  if (status == GAN_OK) status = take_statistics(made);
  if (status == GAN_OK)
    *pass = made;
  else
    gan_pass_destroy(made);
  return status;
}

void gan_pass_destroy(gan_pass *pass) {
  if (!pass) return;
  gan_pass_release_tangents(pass);
  for (int i = 0; i < pass->network->layer_count; i++) {
    if (pass->activations && !is_view(&pass->network->layers[i])) free(pass->activations[i + 1]);
    if (pass->kept) free(pass->kept[i]);
  }
  if (pass->activations) free(pass->activations[0]);
  for (int i = 0; i < 2; i++) {
    free(pass->gradient[i]);
    free(pass->statistics[i]);
  }
  free(pass->activations);
  free(pass->kept);
  free(pass->scratch);
  free(pass->sum_slots);
  free(pass->workspace);
  free(pass);
}

void gan_pass_set_parts(gan_pass *pass, int parts) {
  assert(parts >= 1 && parts <= pass->most_parts);
  pass->parts = parts;
  pass->rows = parts * gan_shards_samples(pass->shards);
}

float *gan_pass_input(gan_pass *pass) { return pass->activations[0]; }

const float *gan_pass_output(const gan_pass *pass) { return pass->activations[pass->network->layer_count]; }

float *gan_pass_output_gradient(gan_pass *pass) { return pass->gradient[0]; }

int64_t gan_pass_first_row(const gan_pass *pass, int local_shard, int part) {
  const gan_shards *shards = pass->shards;
  const int64_t before = gan_shard_begin(shards, shards->first + local_shard) - gan_shard_begin(shards, shards->first);
  return pass->parts * before + (part > 0 ? part * gan_shard_samples(shards, local_shard) : 0);
}

int64_t gan_pass_row_count(const gan_pass *pass, int local_shard, int part) {
  return (part < 0 ? pass->parts : 1) * gan_shard_samples(pass->shards, local_shard);
}

void gan_pass_forward(gan_pass *pass) {
  for (int i = 0; i < pass->network->layer_count; i++) {
    const gan_layer *layer = &pass->network->layers[i];
    if (!is_view(layer)) layer->type->forward(layer, pass, pass->activations[i], pass->activations[i + 1]);
  }
}

int gan_pass_first_needed(const gan_pass *pass, bool input_gradient) {
  const gan_network *network = pass->network;
  if (input_gradient) return 0;
  if (!pass->slots) return network->layer_count;
  int first = 0;
  while (first < network->layer_count && network->layers[first].parameter_count == 0) first++;
  return first;
}

const float *gan_pass_backward(gan_pass *pass, bool input_gradient) {
  assert(pass->training);
  const int first = gan_pass_first_needed(pass, input_gradient);
  float *gradient = pass->gradient[0], *next = pass->gradient[1];
  for (int i = pass->network->layer_count - 1; i >= first; i--) {
    const gan_layer *layer = &pass->network->layers[i];
    const bool wanted = i > first || input_gradient;
    if (layer->type->backward) {
      layer->type->backward(layer, pass, pass->activations[i], pass->activations[i + 1], gradient,
                            wanted ? next : NULL);
      if (wanted) {
        float *done = gradient;
        gradient = next;
        next = done;
      }
    }
    if (pass->slots && pass->listener.filled && layer->parameter_count > 0)
      pass->listener.filled(pass->listener.context, layer->parameter_offset);
    if (pass->joined && wanted) gan_pass_tangent_step(pass->joined, i);
  }
  return input_gradient ? gradient : NULL;
}

const double *gan_pass_sum_shards(gan_pass *pass, const double *per_shard, size_t count) {
  const gan_shards *shards = pass->shards;
  if (pass->shard_sum.sum) {
    pass->shard_sum.sum(pass->shard_sum.context, per_shard, count, pass->total);
    return pass->total;
  }
  assert(shards->local == shards->count);
  for (int shard = 0; shard < shards->local; shard++) {
    memcpy(pass->sum_slots[shards->slot[shard]], per_shard + (size_t)shard * count, count * sizeof *per_shard);
    gan_shards_fold_double(shards, shard, pass->sum_slots, count);
  }
  return pass->sum_slots[0];
}

size_t gan_pass_bytes(const gan_pass *pass) { return pass->bytes; }
