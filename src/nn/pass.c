/* Memory of a pass, the walk over the layers, and the sums over shards that layers may ask for. */
#include "nn/pass.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/number.h"
#include "nn/spectral.h"
#include "nn/tangent.h"

/* --- Sizes --- */

static size_t pieces_of(const gan_shards *shards, int parts) { return (size_t)shards->local * (size_t)parts; }

static size_t rows_of(const gan_shards *shards, int parts) {
  return (size_t)parts * (size_t)gan_shards_samples(shards);
}

static size_t largest_workspace(const gan_network *network) {
  size_t largest = 0;
  for (int i = 0; i < network->layer_count; i++)
    if (network->layers[i].workspace > largest) largest = network->layers[i].workspace;
  return largest;
}

size_t gan_pass_scratch_width(const gan_network *network, bool tangents) {
  size_t width = 0;
  for (int i = 0; i < network->layer_count; i++) {
    const gan_layer *layer = &network->layers[i];
    if (layer->scratch_per_part > width) width = layer->scratch_per_part;
    if (tangents && layer->tangent_scratch_per_part > width) width = layer->tangent_scratch_per_part;
  }
  return width;
}

static size_t scratch_width(const gan_network *network, int parts) {
  return (size_t)parts * gan_pass_scratch_width(network, false);
}

static size_t scratch_doubles(const gan_network *network, const gan_shards *shards, int parts) {
  return ((size_t)shards->local + 1 + (size_t)shards->slot_count) * scratch_width(network, parts);
}

/* Of one part. */
static size_t statistics_doubles(const gan_network *network, const gan_shards *shards) {
  return (size_t)shards->local * network->statistic_count;
}

/* Pointers for each layer, and for what follows the last. */
static size_t pointer_count(const gan_network *network) { return 3 * (size_t)network->layer_count + 2; }

static size_t plan_bytes(const gan_network *network, int parts) {
  return (size_t)parts * (sizeof(gan_plan) + pointer_count(network) * sizeof(size_t));
}

static gan_status plan_all(const gan_network *network, const gan_shards *shards, int parts, gan_keep keep,
                           gan_plan *plans[]) {
  for (int i = 0; i < parts; i++)
    GAN_TRY(gan_plan_create(network, rows_of(shards, i + 1), pieces_of(shards, i + 1), keep, &plans[i]));
  return GAN_OK;
}

/* Of values with any number of parts: fewer do not always take less, since places are of whole cache lines. */
static size_t most_values(const gan_pass_sizes *sizes, int parts) {
  size_t most = 0;
  for (int i = 0; i < parts; i++)
    if (sizes->values[i] > most) most = sizes->values[i];
  return most;
}

/* Everything but the values' places, which are in the plans. */
static void measure(const gan_network *network, const gan_shards *shards, int parts, gan_plan *const plans[],
                    gan_pass_sizes *sizes) {
  *sizes = (gan_pass_sizes){
      .workspace = largest_workspace(network),
      .input = rows_of(shards, parts) * (size_t)gan_shape_count(&network->input),
      .statistics = ((size_t)parts * statistics_doubles(network, shards) + scratch_doubles(network, shards, parts)) *
                    sizeof(double),
      .bookkeeping = sizeof(gan_pass) + pointer_count(network) * sizeof(float *) + plan_bytes(network, parts) +
                     (size_t)shards->slot_count * sizeof(double *)};
  for (int i = 0; i < parts; i++) {
    sizes->values[i] = plans[i]->floats;
    sizes->unshared[i] = plans[i]->unshared;
  }
  sizes->bytes = (most_values(sizes, parts) + sizes->workspace + sizes->input) * sizeof(float) + sizes->statistics +
                 sizes->bookkeeping;
}

gan_status gan_pass_measure(const gan_network *network, const gan_shards *shards, int parts, gan_keep keep,
                            gan_pass_sizes *sizes) {
  gan_plan *plans[GAN_PARTS_MOST] = {NULL};
  const gan_status status = plan_all(network, shards, parts, keep, plans);
  if (status == GAN_OK) measure(network, shards, parts, plans, sizes);
  for (int i = 0; i < GAN_PARTS_MOST; i++) gan_plan_destroy(plans[i]);
  return status;
}

/* --- Memory --- */

/* gan_allocate, counted. */
static gan_status take(gan_pass *pass, size_t count, size_t size, const char *what, void *memory) {
  GAN_TRY(gan_allocate(count, size, what, memory));
  pass->bytes += count * size;
  return GAN_OK;
}

/* Values and workspace are taken only where nobody lends them. */
static gan_status take_values(gan_pass *pass, const gan_pass_memory *lent, const gan_pass_sizes *sizes) {
  const size_t layers = (size_t)pass->network->layer_count;
  GAN_TRY(take(pass, layers + 1, sizeof *pass->activations, "a pass", &pass->activations));
  GAN_TRY(take(pass, layers + 1, sizeof *pass->gradients, "a pass", &pass->gradients));
  GAN_TRY(take(pass, layers, sizeof *pass->kept, "a pass", &pass->kept));
  GAN_TRY(take(pass, sizes->input, sizeof *pass->input, "a network's input", &pass->input));
  if (lent) {
    pass->memory = *lent;
    return GAN_OK;
  }
  const size_t most = most_values(sizes, pass->most_parts);
  GAN_TRY(take(pass, most, sizeof(float), "the outputs of a network's layers", &pass->own_values));
  GAN_TRY(take(pass, sizes->workspace, sizeof(float), "a layer's columns", &pass->own_workspace));
  pass->memory.workspace = pass->own_workspace;
  for (int i = 0; i < pass->most_parts; i++) pass->memory.values[i] = pass->own_values;
  return GAN_OK;
}

static gan_status take_statistics(gan_pass *pass) {
  const gan_network *network = pass->network;
  const size_t slots = (size_t)pass->shards->slot_count, width = scratch_width(network, pass->most_parts);
  for (int part = 0; part < pass->most_parts; part++)
    GAN_TRY(take(pass, statistics_doubles(network, pass->shards), sizeof *pass->statistics[0], "batch statistics",
                 &pass->statistics[part]));
  GAN_TRY(take(pass, scratch_doubles(network, pass->shards, pass->most_parts), sizeof *pass->scratch,
               "batch statistics", &pass->scratch));
  GAN_TRY(take(pass, slots, sizeof *pass->sum_slots, "batch statistics", &pass->sum_slots));
  pass->total = pass->scratch + (size_t)pass->shards->local * width;
  for (size_t i = 0; i < slots; i++) pass->sum_slots[i] = pass->total + (i + 1) * width;
  return GAN_OK;
}

static gan_status create(gan_pass *pass, const gan_pass_memory *memory) {
  gan_pass_sizes sizes;
  GAN_TRY(plan_all(pass->network, pass->shards, pass->most_parts, pass->keep, pass->plans));
  measure(pass->network, pass->shards, pass->most_parts, pass->plans, &sizes);
  pass->bytes = sizeof *pass + plan_bytes(pass->network, pass->most_parts);
  GAN_TRY(take_values(pass, memory, &sizes));
  return take_statistics(pass);
}

gan_status gan_pass_create_in(const gan_network *network, const gan_shards *shards, int parts, gan_keep keep,
                              const gan_pass_memory *memory, gan_pass **pass) {
  assert(parts >= 1 && parts <= GAN_PARTS_MOST);
  gan_pass *made = NULL;
  *pass = NULL;
  GAN_TRY(gan_allocate(1, sizeof *made, "a pass", &made));
  made->network = network;
  made->shards = made->room = shards;
  made->keep = keep;
  made->most_parts = parts;
  made->training = true;
  const gan_status status = create(made, memory);
  if (status != GAN_OK) {
    gan_pass_destroy(made);
    return status;
  }
  gan_pass_set_parts(made, parts);
  *pass = made;
  return GAN_OK;
}

gan_status gan_pass_create(const gan_network *network, const gan_shards *shards, int parts, gan_pass **pass) {
  return gan_pass_create_in(network, shards, parts, GAN_KEEP_FOR_BACKWARD, NULL, pass);
}

void gan_pass_destroy(gan_pass *pass) {
  if (!pass) return;
  gan_pass_release_tangents(pass);
  for (int i = 0; i < GAN_PARTS_MOST; i++) {
    gan_plan_destroy(pass->plans[i]);
    free(pass->statistics[i]);
  }
  free(pass->own_values);
  free(pass->own_workspace);
  free(pass->input);
  free(pass->activations);
  free(pass->gradients);
  free(pass->kept);
  free(pass->scratch);
  free(pass->sum_slots);
  free(pass);
}

/* Points everything to its place for so many parts. */
void gan_pass_set_parts(gan_pass *pass, int parts) {
  assert(parts >= 1 && parts <= pass->most_parts);
  const gan_plan *plan = pass->plans[parts - 1];
  float *values = pass->memory.values[parts - 1];
  pass->parts = parts;
  pass->rows = (int64_t)rows_of(pass->shards, parts);
  pass->workspace = pass->memory.workspace;
  for (int i = 0; i <= pass->network->layer_count; i++) {
    const size_t place = plan->activations[i];
    pass->activations[i] = place == GAN_PLAN_INPUT ? pass->input : values + place;
    pass->gradients[i] = pass->keep == GAN_KEEP_NOTHING ? NULL : values + plan->gradients[i];
    if (i < pass->network->layer_count) pass->kept[i] = values + plan->kept[i];
  }
}

void gan_pass_set_shards(gan_pass *pass, const gan_shards *shards) {
  assert(shards->local <= pass->room->local && gan_shards_samples(shards) <= gan_shards_samples(pass->room));
  pass->shards = shards;
  gan_pass_set_parts(pass, pass->parts);
}

float *gan_pass_input(const gan_pass *pass) { return pass->activations[0]; }

const float *gan_pass_output(const gan_pass *pass) { return pass->activations[pass->network->layer_count]; }

float *gan_pass_output_gradient(gan_pass *pass) { return pass->gradients[pass->network->layer_count]; }

int64_t gan_pass_first_row(const gan_pass *pass, int local_shard, int part) {
  const gan_shards *shards = pass->shards;
  const int64_t before = gan_shard_begin(shards, shards->first + local_shard) - gan_shard_begin(shards, shards->first);
  return pass->parts * before + (part > 0 ? part * gan_shard_samples(shards, local_shard) : 0);
}

int64_t gan_pass_row_count(const gan_pass *pass, int local_shard, int part) {
  return (part < 0 ? pass->parts : 1) * gan_shard_samples(pass->shards, local_shard);
}

void gan_pass_copy_part(const gan_pass *pass, int part, size_t width, const float *rows, float *copy) {
  for (int shard = 0; shard < pass->shards->local; shard++) {
    const size_t first = (size_t)gan_pass_first_row(pass, shard, part);
    const size_t floats = (size_t)gan_pass_row_count(pass, shard, part) * width;
    memcpy(copy, rows + first * width, floats * sizeof *copy);
    copy += floats;
  }
}

void gan_pass_copy_between(const gan_pass *from, int part, size_t width, const float *rows, const gan_pass *to,
                           int to_part, float *to_rows) {
  for (int shard = 0; shard < from->shards->local; shard++)
    memcpy(to_rows + (size_t)gan_pass_first_row(to, shard, to_part) * width,
           rows + (size_t)gan_pass_first_row(from, shard, part) * width,
           (size_t)gan_pass_row_count(from, shard, part) * width * sizeof *rows);
}

void gan_pass_forward(gan_pass *pass) {
  gan_pass_done(pass, NULL, GAN_WORK_FORWARD, 0);
  pass->rejected_by = NULL;
  pass->slopes_known = false;
  for (int i = 0; i < pass->network->layer_count; i++) {
    const gan_layer *layer = &pass->network->layers[i];
    if (gan_layer_is_view(layer)) continue;
    layer->type->forward(layer, pass, pass->activations[i], pass->activations[i + 1]);
    gan_pass_done(pass, layer, GAN_WORK_FORWARD, pass->rows);
  }
}

gan_status gan_pass_check(const gan_pass *pass) {
  const gan_layer *layer = pass->rejected_by; /* an embedding */
  if (!layer) return GAN_OK;
  return gan_fail(GAN_FAILED,
                  "layer %d (\"%s\"): its input holds %g, but has to be a whole number from 0 to %lld; make COUNT "
                  "larger, or the data indices",
                  layer->line + 1, layer->type->name, gan_shown(pass->rejected),
                  (long long)layer->tensors[0].shape.size[0] - 1);
}

int gan_pass_first_needed(const gan_pass *pass, bool input_gradient) {
  const gan_network *network = pass->network;
  if (input_gradient) return 0;
  if (!pass->slots) return network->layer_count;
  int first = 0;
  while (first < network->layer_count && network->layers[first].parameter_count == 0) first++;
  return first;
}

/* After layer i's step back: what spectral normalisation needs of its rows. */
static void add_spectral_sums(gan_pass *pass, int i) {
  const gan_layer *layer = &pass->network->layers[i];
  gan_spectral_begin_sums(pass, layer);
  if (layer->spectral.from_output)
    gan_spectral_add_outputs(pass, pass, layer, true, pass->activations[i + 1], pass->gradients[i + 1]);
  else
    gan_spectral_add_inputs(pass, pass, layer, pass->activations[i], pass->gradients[i]);
}

const float *gan_pass_backward(gan_pass *pass, bool input_gradient) {
  assert(pass->training && pass->keep != GAN_KEEP_NOTHING);
  const int first = gan_pass_first_needed(pass, input_gradient);
  pass->slopes_known = false;
  gan_pass_done(pass, NULL, GAN_WORK_INPUT, 0);
  for (int i = pass->network->layer_count - 1; i >= first; i--) {
    const gan_layer *layer = &pass->network->layers[i];
    const bool wanted = i > first || input_gradient;
    if (layer->type->backward) {
      layer->type->backward(layer, pass, pass->activations[i], pass->activations[i + 1], pass->gradients[i + 1],
                            wanted ? pass->gradients[i] : NULL);
      if (gan_spectral_sums(pass, layer)) add_spectral_sums(pass, i);
      gan_pass_done(pass, layer, GAN_WORK_INPUT, wanted ? pass->rows : 0);
    }
    if (pass->slots) gan_shards_join(pass->shards, pass->slots, layer->parameter_offset, layer->parameter_count);
    if (pass->slots && pass->listener.filled && layer->parameter_count > 0) {
      pass->listener.filled(pass->listener.context, layer->parameter_offset);
      gan_pass_done(pass, NULL, GAN_WORK_INPUT, 0);
    }
    if (pass->joined) {
      gan_pass_add_joined_sums(pass, i, true);
      if (wanted) gan_pass_tangent_step(pass->joined, i);
      gan_pass_add_joined_sums(pass, i, false);
      gan_pass_done(pass, NULL, GAN_WORK_INPUT, 0);
    }
  }
  return input_gradient ? pass->gradients[0] : NULL;
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
