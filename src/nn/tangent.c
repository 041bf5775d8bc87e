/* Memory for tangents, and the walks over layers that carry them; see tangent.h. */
#include "nn/tangent.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "nn/spectral.h"

enum { VALUE, TANGENT, LANES }; /* the two gradients that go back side by side */

struct gan_tangents {
  float **rows; /* [layer_count + 1]: (rows, elements), the tangents of the pass's activations */
  float **kept; /* [layer_count] */
  /* (rows, widest layer): the gradients at the layer that is next, and room for those at its input. */
  float *memory[LANES][2];
  float *gradient[LANES]; /* of the values NULL: zero */
  float *added;           /* the largest layer's parameters: a gradient to be added to another */
  float *joined[2]; /* inputs and output gradients of both passes' rows, of the largest layer that is to have it */
  bool reuses;      /* the tangent's gradients are what pass->gradients has: the way to g was the same */
  float *workspace;
};

/* --- Memory --- */

/* gan_allocate, counted. */
static gan_status take(gan_pass *pass, size_t count, size_t size, void *memory) {
  GAN_TRY(gan_allocate(count, size, "a network's tangents", memory));
  pass->bytes += count * size;
  return GAN_OK;
}

gan_status gan_network_check_tangents(const gan_network *network) {
  for (int i = 0; i < network->layer_count; i++) {
    const gan_layer_type *type = network->layers[i].type;
    assert(!type->curved || !type->tangent || type->tangent_backward);
    if (type->forward && !type->tangent)
      return gan_fail(
          GAN_BAD_USAGE,
          "layer %d (\"%s\"): it has no second derivatives, which a gradient penalty needs; leave it out or "
          "train without the penalty",
          network->layers[i].line + 1, type->name);
  }
  return GAN_OK;
}

static size_t at_least(size_t a, size_t b) { return a > b ? a : b; }

/* Exchanges pass->scratch, and what lies behind it, for a larger one. */
static gan_status widen_scratch(gan_pass *pass) {
  const size_t local = (size_t)pass->room->local, slots = (size_t)pass->room->slot_count;
  const size_t vectors = local + 1 + slots, parts = (size_t)pass->most_parts;
  const size_t before = parts * gan_pass_scratch_width(pass->network, false),
               width = parts * gan_pass_scratch_width(pass->network, true);
  if (width == before) return GAN_OK;
  double *scratch = NULL;
  GAN_TRY(take(pass, vectors * width, sizeof *scratch, &scratch));
  free(pass->scratch);
  pass->bytes -= vectors * before * sizeof *scratch;
  pass->scratch = scratch;
  pass->total = scratch + local * width;
  for (size_t i = 0; i < slots; i++) pass->sum_slots[i] = pass->total + (i + 1) * width;
  return GAN_OK;
}

/* Floats that a layer keeps. */
static size_t kept_by(const gan_layer *layer, size_t rows, size_t pieces) {
  return rows * layer->tangent_kept_per_row + pieces * layer->tangent_kept_per_part;
}

static gan_status take_layer(gan_pass *pass, int i, size_t rows) {
  const gan_layer *layer = &pass->network->layers[i];
  gan_tangents *tangents = pass->tangents;
  const size_t kept = kept_by(layer, rows, (size_t)pass->room->local * (size_t)pass->most_parts);
  if (gan_layer_is_view(layer))
    tangents->rows[i + 1] = tangents->rows[layer->source];
  else
    GAN_TRY(take(pass, rows * (size_t)layer->outputs, sizeof(float), &tangents->rows[i + 1]));
  return kept > 0 ? take(pass, kept, sizeof(float), &tangents->kept[i]) : GAN_OK;
}

/* Floats of what layers share. */
typedef struct largest {
  size_t widest; /* elements of a row */
  size_t parameters, workspace;
  size_t inputs, outputs; /* of layers whose rows are joined */
} largest;

/* The most parts that a pass has which another one is joined with, and of both together. */
enum { ORDINARY_PARTS = 2 };
static int joined_parts(int parts) { return ORDINARY_PARTS + LANES * parts; }

/* By what is the same on all ranks. */
static bool joining_pays(const gan_layer *layer, const gan_shards *shards, int parts) {
  const int64_t samples = (shards->batch + shards->count - 1) / shards->count;
  return (int64_t)layer->parameter_count >= joined_parts(parts) * samples * (layer->inputs + layer->outputs);
}

static largest find_largest(const gan_network *network, const gan_shards *shards, int parts) {
  largest found = {.widest = (size_t)gan_shape_count(&network->input)};
  for (int i = 0; i < network->layer_count; i++) {
    const gan_layer *layer = &network->layers[i];
    if (joining_pays(layer, shards, parts)) {
      found.inputs = at_least(found.inputs, (size_t)layer->inputs);
      found.outputs = at_least(found.outputs, (size_t)layer->outputs);
    }
    found.widest = at_least(found.widest, (size_t)layer->outputs);
    found.parameters = at_least(found.parameters, layer->parameter_count);
    found.workspace = at_least(found.workspace, layer->tangent_workspace);
  }
  return found;
}

size_t gan_pass_measure_tangents(const gan_network *network, const gan_shards *shards, int parts) {
  const size_t rows = (size_t)parts * (size_t)gan_shards_samples(shards),
               pieces = (size_t)shards->local * (size_t)parts;
  const size_t vectors = (size_t)shards->local + 1 + (size_t)shards->slot_count;
  const size_t wider = gan_pass_scratch_width(network, true) - gan_pass_scratch_width(network, false);
  const largest shared = find_largest(network, shards, parts);
  const size_t joined = (size_t)joined_parts(parts) * (size_t)gan_shards_samples(shards);
  size_t floats = rows * (size_t)gan_shape_count(&network->input) + LANES * 2 * rows * shared.widest +
                  shared.parameters + shared.workspace + joined * (shared.inputs + shared.outputs);
  for (int i = 0; i < network->layer_count; i++) {
    const gan_layer *layer = &network->layers[i];
    floats += (gan_layer_is_view(layer) ? 0 : rows * (size_t)layer->outputs) + kept_by(layer, rows, pieces);
  }
  return sizeof(gan_tangents) + (2 * (size_t)network->layer_count + 1) * sizeof(float *) + floats * sizeof(float) +
         vectors * (size_t)parts * wider * sizeof(double);
}

gan_status gan_pass_take_tangents(gan_pass *pass) {
  const gan_network *network = pass->network;
  const size_t layers = (size_t)network->layer_count;
  const size_t rows = (size_t)pass->most_parts * (size_t)gan_shards_samples(pass->room);
  const largest shared = find_largest(network, pass->room, pass->most_parts);
  const size_t joined = (size_t)joined_parts(pass->most_parts) * (size_t)gan_shards_samples(pass->room);
  assert(pass->keep == GAN_KEEP_ALL && !pass->tangents);
  GAN_TRY(gan_network_check_tangents(network));
  GAN_TRY(take(pass, 1, sizeof *pass->tangents, &pass->tangents));
  gan_tangents *tangents = pass->tangents;
  GAN_TRY(take(pass, layers + 1, sizeof *tangents->rows, &tangents->rows));
  GAN_TRY(take(pass, layers, sizeof *tangents->kept, &tangents->kept));
  GAN_TRY(take(pass, rows * (size_t)gan_shape_count(&network->input), sizeof(float), &tangents->rows[0]));
  for (int i = 0; i < network->layer_count; i++) GAN_TRY(take_layer(pass, i, rows));
  for (int i = 0; i < LANES * 2; i++)
    GAN_TRY(take(pass, rows * shared.widest, sizeof(float), &tangents->memory[i / 2][i % 2]));
  GAN_TRY(take(pass, shared.parameters, sizeof(float), &tangents->added));
  GAN_TRY(take(pass, joined * shared.inputs, sizeof(float), &tangents->joined[0]));
  GAN_TRY(take(pass, joined * shared.outputs, sizeof(float), &tangents->joined[1]));
  GAN_TRY(take(pass, shared.workspace, sizeof(float), &tangents->workspace));
  return widen_scratch(pass);
}

void gan_pass_release_tangents(gan_pass *pass) {
  gan_tangents *tangents = pass->tangents;
  if (!tangents) return;
  for (int i = 0; i < pass->network->layer_count; i++) {
    if (tangents->rows && !gan_layer_is_view(&pass->network->layers[i])) free(tangents->rows[i + 1]);
    if (tangents->kept) free(tangents->kept[i]);
  }
  if (tangents->rows) free(tangents->rows[0]);
  for (int i = 0; i < LANES * 2; i++) free(tangents->memory[i / 2][i % 2]);
  free(tangents->rows);
  free(tangents->kept);
  free(tangents->added);
  for (int i = 0; i < 2; i++) free(tangents->joined[i]);
  free(tangents->workspace);
  free(tangents);
  pass->tangents = NULL;
}

float *gan_pass_input_tangent(gan_pass *pass) { return pass->tangents->rows[0]; }

const float *gan_pass_output_tangent(const gan_pass *pass) { return pass->tangents->rows[pass->network->layer_count]; }

float *gan_pass_output_tangent_gradient(gan_pass *pass) { return pass->tangents->memory[TANGENT][0]; }

float *gan_pass_tangent_kept_row(const gan_pass *pass, const gan_layer *layer, int64_t row) {
  return pass->tangents->kept[layer->index] + (size_t)row * layer->tangent_kept_per_row;
}

float *gan_pass_tangent_kept_part(const gan_pass *pass, const gan_layer *layer, int local_shard, int part) {
  const size_t piece = (size_t)local_shard * (size_t)pass->parts + (size_t)part;
  return gan_pass_tangent_kept_row(pass, layer, pass->rows) + piece * layer->tangent_kept_per_part;
}

const float *gan_pass_tangent_rows(const gan_pass *pass, int i) { return pass->tangents->rows[i]; }

float *gan_pass_tangent_workspace(const gan_pass *pass) { return pass->tangents->workspace; }

/* --- Forward --- */

void gan_tangent_of_linear(const gan_layer *layer, gan_pass *pass, const float *input, const float *output,
                           const float *input_tangent, float *output_tangent) {
  (void)input, (void)output;
  layer->type->forward(layer, pass, input_tangent, output_tangent);
}

void gan_pass_tangent(gan_pass *pass) {
  float *const *rows = pass->tangents->rows;
  assert(pass->training);
  for (int i = 0; i < pass->network->layer_count; i++) {
    const gan_layer *layer = &pass->network->layers[i];
    if (!gan_layer_is_view(layer))
      layer->type->tangent(layer, pass, pass->activations[i], pass->activations[i + 1], rows[i], rows[i + 1]);
  }
}

/* --- Backward --- */

static size_t output_count(const gan_pass *pass) {
  return (size_t)pass->rows * (size_t)gan_shape_count(&pass->network->output);
}

static void fill(size_t n, float value, float *y) {
  for (size_t i = 0; i < n; i++) y[i] = value;
}

const float *gan_pass_score_gradient(gan_pass *pass) {
  float *const *slots = pass->slots;
  fill(output_count(pass), 1, gan_pass_output_gradient(pass));
  pass->slots = NULL;
  const float *gradient = gan_pass_backward(pass, true);
  pass->slots = slots;
  pass->slopes_known = pass->keep == GAN_KEEP_ALL;
  return gradient;
}

/* At the outputs. Without `values`, d/dy is zero. */
static void begin(gan_pass *pass, bool values) {
  pass->tangents->gradient[VALUE] = values ? gan_pass_output_gradient(pass) : NULL;
  pass->tangents->gradient[TANGENT] = gan_pass_output_tangent_gradient(pass);
  pass->tangents->reuses = false;
}

/* With 1 at the tangents of the outputs, and 0 at the outputs. What goes back along tangents is then what went back
   from the sum of the outputs: J^T does not depend on what it carries. It need not be computed twice. */
static void begin_product(gan_pass *pass) {
  gan_tangents *tangents = pass->tangents;
  if (!pass->slopes_known) fill(output_count(pass), 1, gan_pass_output_tangent_gradient(pass));
  begin(pass, false);
  tangents->reuses = pass->slopes_known;
  if (tangents->reuses) tangents->gradient[TANGENT] = pass->gradients[pass->network->layer_count];
}

/* The one of the lane's two memories that the lane's gradient is not in. */
static float *room(const gan_tangents *tangents, int lane) {
  return tangents->memory[lane][tangents->gradient[lane] == tangents->memory[lane][0]];
}

/* A curved layer adds to the values' gradient: from there on it is no longer zero. */
static void meet_curve(const gan_pass *pass, const gan_layer *layer) {
  gan_tangents *tangents = pass->tangents;
  if (!layer->type->curved || tangents->gradient[VALUE]) return;
  tangents->gradient[VALUE] = tangents->memory[VALUE][0];
  fill((size_t)(pass->rows * layer->outputs), 0, tangents->gradient[VALUE]);
}

static gan_tangent_rows rows_at(const gan_pass *pass, int i) {
  const gan_tangents *tangents = pass->tangents;
  meet_curve(pass, &pass->network->layers[i]);
  return (gan_tangent_rows){.input = pass->activations[i],
                            .output = pass->activations[i + 1],
                            .input_tangent = tangents->rows[i],
                            .output_gradient = tangents->gradient[VALUE],
                            .output_tangent_gradient = tangents->gradient[TANGENT],
                            .input_gradient = room(tangents, VALUE),
                            .input_tangent_gradient = tangents->reuses ? pass->gradients[i] : room(tangents, TANGENT)};
}

/* A linear layer's J does not depend on x: both gradients go back as one does. */
static void backward_twice(const gan_layer *layer, gan_pass *pass, const gan_tangent_rows *rows) {
  float *const *slots = pass->slots;
  pass->slots = NULL;
  if (rows->output_gradient)
    layer->type->backward(layer, pass, rows->input, rows->output, rows->output_gradient, rows->input_gradient);
  if (!pass->tangents->reuses)
    layer->type->backward(layer, pass, rows->input, rows->output, rows->output_tangent_gradient,
                          rows->input_tangent_gradient);
  pass->slots = slots;
}

void gan_pass_tangent_step(gan_pass *pass, int i) {
  const gan_layer *layer = &pass->network->layers[i];
  const gan_tangent_rows rows = rows_at(pass, i);
  if (!layer->type->backward) return;
  if (layer->type->tangent_backward)
    layer->type->tangent_backward(layer, pass, &rows);
  else
    backward_twice(layer, pass, &rows);
  pass->tangents->gradient[VALUE] = rows.output_gradient ? rows.input_gradient : NULL;
  pass->tangents->gradient[TANGENT] = rows.input_tangent_gradient;
}

/* Of the layer's parameters, in all shards. */
static void fill_slots(gan_pass *pass, const gan_layer *layer) {
  const gan_tangent_rows rows = rows_at(pass, layer->index);
  for (int shard = 0; shard < pass->shards->local; shard++) {
    layer->type->tangent_gradient(layer, pass, shard, &rows, gan_pass_gradient(pass, layer, shard));
    gan_pass_fold(pass, layer, shard);
  }
  gan_shards_join(pass->shards, pass->slots, layer->parameter_offset, layer->parameter_count);
  if (pass->listener.filled) pass->listener.filled(pass->listener.context, layer->parameter_offset);
}

/* Adds what the rows of `tangents` give to spectral sums of `pass`, from where their gradients are: x . dx + x' . dx',
   or the outputs'. */
static void add_spectral_sums(gan_pass *pass, const gan_pass *tangents, int i, bool at_output) {
  const gan_layer *layer = &pass->network->layers[i];
  const gan_tangents *of = tangents->tangents;
  const float *value = of->gradient[VALUE], *tangent = of->gradient[TANGENT];
  if (!gan_spectral_sums(pass, layer) || layer->spectral.from_output != at_output) return;
  if (at_output) {
    if (value) gan_spectral_add_outputs(pass, tangents, layer, true, tangents->activations[i + 1], value);
    gan_spectral_add_outputs(pass, tangents, layer, false, of->rows[i + 1], tangent);
  } else {
    if (value) gan_spectral_add_inputs(pass, tangents, layer, tangents->activations[i], value);
    gan_spectral_add_inputs(pass, tangents, layer, of->rows[i], tangent);
  }
}

void gan_pass_add_joined_sums(gan_pass *pass, int i, bool at_output) {
  add_spectral_sums(pass, pass->joined, i, at_output);
}

static void go_back(gan_pass *pass, bool input_gradient) {
  const int first = gan_pass_first_needed(pass, input_gradient);
  for (int i = pass->network->layer_count - 1; i >= first; i--) {
    const gan_layer *layer = &pass->network->layers[i];
    if (pass->slots && layer->parameter_count > 0) fill_slots(pass, layer);
    if (gan_spectral_sums(pass, layer)) gan_spectral_begin_sums(pass, layer);
    add_spectral_sums(pass, pass, i, true);
    if (i > first || input_gradient) gan_pass_tangent_step(pass, i);
    add_spectral_sums(pass, pass, i, false);
  }
}

void gan_pass_tangent_backward(gan_pass *pass, bool input_gradient, const float **gradient,
                               const float **tangent_gradient) {
  begin(pass, true);
  go_back(pass, input_gradient);
  if (!input_gradient) return;
  *gradient = pass->tangents->gradient[VALUE];
  *tangent_gradient = pass->tangents->gradient[TANGENT];
}

void gan_pass_add_joined(const gan_pass *pass, const gan_layer *layer, int local_shard) {
  gan_pass *joined = pass->joined;
  const gan_tangent_rows rows = rows_at(joined, layer->index);
  /* The layer's time is what its own rows take. */
  gan_pass_done(pass, layer, GAN_WORK_WEIGHTS, 0);
  layer->type->tangent_gradient(layer, joined, local_shard, &rows, joined->tangents->added);
  gan_add(layer->parameter_count, joined->tangents->added, gan_pass_gradient(pass, layer, local_shard));
  gan_pass_done(pass, NULL, GAN_WORK_WEIGHTS, 0);
}

/* One shard's rows behind those that are there: of each of the sources (not NULL), `count` rows from `first` on. */
static float *append(float *to, size_t elements, int64_t first, int64_t count, const float *source) {
  if (!source) return to;
  const size_t floats = (size_t)count * elements;
  memcpy(to, source + (size_t)first * elements, floats * sizeof *to);
  return to + floats;
}

bool gan_pass_join_rows(const gan_pass *pass, const gan_layer *layer, const float *input, const float *output_gradient,
                        gan_joined_rows *joined) {
  gan_pass *other = pass->joined;
  if (pass->parts > ORDINARY_PARTS || !joining_pays(layer, pass->shards, other->most_parts)) return false;
  const gan_tangent_rows rows = rows_at(other, layer->index);
  const size_t in = (size_t)layer->inputs, out = (size_t)layer->outputs;
  const float *values = rows.output_gradient ? rows.input : NULL;
  float *x = other->tangents->joined[0], *dy = other->tangents->joined[1];
  *joined = (gan_joined_rows){.parts = pass->parts + (values ? 2 : 1) * other->parts,
                              .input = x,
                              .output_gradient = dy,
                              .room = other->tangents->added,
                              .values_gradient = rows.output_gradient};
  for (int shard = 0; shard < pass->shards->local; shard++) {
    int64_t first = gan_pass_first_row(pass, shard, -1), count = gan_pass_row_count(pass, shard, -1);
    x = append(x, in, first, count, input);
    dy = append(dy, out, first, count, output_gradient);
    first = gan_pass_first_row(other, shard, -1), count = gan_pass_row_count(other, shard, -1);
    x = append(x, in, first, count, values);
    dy = append(dy, out, first, count, rows.output_gradient);
    x = append(x, in, first, count, rows.input_tangent);
    dy = append(dy, out, first, count, rows.output_tangent_gradient);
  }
  return true;
}

static void go_back_jointly(gan_pass *pass, gan_pass *tangents) {
  assert(pass->slots && pass->network == tangents->network && pass->shards->local == tangents->shards->local);
  pass->joined = tangents;
  gan_pass_backward(pass, false);
  pass->joined = NULL;
}

void gan_pass_backward_jointly(gan_pass *pass, gan_pass *tangents) {
  begin(tangents, true);
  go_back_jointly(pass, tangents);
}

void gan_pass_gradient_product(gan_pass *pass, gan_pass *ordinary) {
  gan_pass_tangent(pass);
  begin_product(pass);
  if (ordinary)
    go_back_jointly(ordinary, pass);
  else
    go_back(pass, false);
}
