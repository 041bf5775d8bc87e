/* Lifetimes of a pass's values, and a place for each.

   With L layers, time i is layer i's forward step, time L the loss between the passes, time 2 L - i layer i's backward
   step, and 2 L + 1 when somebody looks at what came out:

        0 1 ... L-1 | L | L+1 ... 2L-1 2L | 2L+1
        forward 0 1 ...  loss  backward L-1 ... 0

   Places are given to the largest value first, each at the lowest place that is free for all of its lifetime ("greedy
   by size", Pisarchyk and Lee 2020, arXiv 2001.03288). */
#include "nn/plan.h"

#include <stdlib.h>

#include "base/memory.h"

enum { LINE = 16 }; /* floats of a cache line */

/* One stretch of memory; several values, one after the other, where a layer writes over its input. */
typedef struct region {
  size_t floats, place;
  int first, last; /* time of the first write and of the last read; first > last: never used */
} region;

typedef struct planner {
  const gan_network *network;
  gan_keep keep;
  int end; /* the last moment */
  region *regions;
  int count;
  int *activation, *gradient, *kept; /* [layer_count + 1]: their regions; -1: none */
} planner;

static int backward_time(const planner *state, int layer) { return 2 * state->network->layer_count - layer; }

static int add_region(planner *state, size_t floats, int first) {
  state->regions[state->count] = (region){.floats = (floats + LINE - 1) / LINE * LINE, .first = first, .last = first};
  return state->count++;
}

static void read_at(planner *state, int number, int time) {
  if (number >= 0 && state->regions[number].last < time) state->regions[number].last = time;
}

/* Layer i's output at time i. Reads of its input come first: they decide whether it may be written over. */
static void add_activation(planner *state, int i, size_t rows) {
  const gan_layer *layer = &state->network->layers[i];
  const int input = state->activation[i];
  if (!layer->type->forward) {
    state->activation[i + 1] = state->activation[layer->source];
    return;
  }
  const bool alone = state->keep != GAN_KEEP_ALL && input >= 0 && state->regions[input].last <= i;
  if (alone && layer->type->in_place)
    state->activation[i + 1] = input;
  else
    state->activation[i + 1] = add_region(state, rows * (size_t)layer->outputs, i);
}

/* The latest moment at which somebody reads activation `k` under this very number, and not that of a view of it. */
static int last_read(const planner *state, int k) {
  const gan_network *network = state->network;
  const gan_layer *reader = k < network->layer_count ? &network->layers[k] : NULL;
  const gan_layer *writer = k > 0 ? &network->layers[k - 1] : NULL;
  if (state->keep == GAN_KEEP_ALL || !reader) return state->end;
  int last = reader->type->forward ? k : -1;
  if (reader->read_again > last) last = reader->read_again;
  if (state->keep == GAN_KEEP_NOTHING) return last;
  const bool reader_reads = reader->backward_reads == GAN_READS_BOTH || reader->backward_reads == GAN_READS_INPUT;
  const bool writer_reads =
      writer && (writer->backward_reads == GAN_READS_BOTH || writer->backward_reads == GAN_READS_OUTPUT);
  if (reader_reads && reader->type->backward) last = backward_time(state, k);
  if (writer_reads && writer->type->backward) last = backward_time(state, k - 1);
  return last;
}

/* All reads of activation k and of its views, before the first layer that could write over it is planned. */
static int last_read_of_all(const planner *state, int k) {
  int last = last_read(state, k);
  for (int i = k; i < state->network->layer_count; i++) {
    const gan_layer *view = &state->network->layers[i];
    if (view->type->forward || view->source != k) continue;
    const int of_view = last_read_of_all(state, i + 1);
    if (of_view > last) last = of_view;
  }
  return last;
}

static void plan_activations(planner *state, size_t rows) {
  state->activation[0] = -1;
  for (int i = 0; i < state->network->layer_count; i++) {
    add_activation(state, i, rows);
    if (state->network->layers[i].type->forward)
      read_at(state, state->activation[i + 1], last_read_of_all(state, i + 1));
  }
}

/* Gradients come to be from the last to the first, each read by the backward step below it. */
static void plan_gradients(planner *state, size_t rows) {
  const gan_network *network = state->network;
  const int layers = network->layer_count;
  /* May be filled at any time before the backward pass; at its beginning, when most is alive, it is there anyhow. */
  state->gradient[layers] = add_region(state, rows * (size_t)network->layers[layers - 1].outputs, 0);
  for (int i = layers - 1; i >= 0; i--) {
    const gan_layer *layer = &network->layers[i];
    const int output = state->gradient[i + 1], time = backward_time(state, i);
    read_at(state, output, time);
    const bool over = layer->type->in_place_backward && state->keep != GAN_KEEP_ALL;
    if (!layer->type->backward || over)
      state->gradient[i] = output;
    else
      state->gradient[i] = add_region(state, rows * (size_t)layer->inputs, time);
  }
  read_at(state, state->gradient[0], state->end);
  if (state->keep != GAN_KEEP_ALL) return;
  for (int i = 0; i <= layers; i++) read_at(state, state->gradient[i], state->end);
}

static void plan_kept(planner *state, size_t rows, size_t pieces) {
  for (int i = 0; i < state->network->layer_count; i++) {
    const gan_layer *layer = &state->network->layers[i];
    const size_t floats = rows * layer->kept_per_row + pieces * layer->kept_per_part;
    state->kept[i] = -1;
    if (floats == 0) continue;
    const bool of_backward = layer->kept_until != i; /* a block's "end" keeps for the line that begins the block */
    if (state->keep == GAN_KEEP_NOTHING && of_backward) continue;
    state->kept[i] = add_region(state, floats, of_backward ? backward_time(state, i) : i);
    if (state->keep == GAN_KEEP_FOR_BACKWARD) read_at(state, state->kept[i], backward_time(state, layer->kept_until));
    if (state->keep == GAN_KEEP_ALL) read_at(state, state->kept[i], state->end);
  }
}

/* --- Places --- */

static int by_size(const void *a, const void *b) {
  const region *x = *(region *const *)a, *y = *(region *const *)b;
  if (x->floats != y->floats) return x->floats < y->floats ? 1 : -1;
  return (x > y) - (x < y);
}

static bool meet(const region *a, const region *b) { return a->first <= b->last && b->first <= a->last; }

/* The lowest place for `wanted` beside the first `count` of `placed`, which are in rising order of place. */
static size_t find_place(const region *wanted, region *const *placed, int count) {
  size_t place = 0;
  for (int i = 0; i < count; i++) {
    if (!meet(wanted, placed[i])) continue;
    if (placed[i]->place >= place + wanted->floats) break;
    const size_t behind = placed[i]->place + placed[i]->floats;
    if (behind > place) place = behind;
  }
  return place;
}

static void place_regions(planner *state, region **order, region **placed, gan_plan *plan) {
  for (int i = 0; i < state->count; i++) order[i] = &state->regions[i];
  qsort(order, (size_t)state->count, sizeof(region *), by_size);
  for (int count = 0; count < state->count; count++) {
    region *next = order[count];
    next->place = find_place(next, placed, count);
    int i = count;
    for (; i > 0 && placed[i - 1]->place > next->place; i--) placed[i] = placed[i - 1];
    placed[i] = next;
    plan->unshared += next->floats;
    if (next->place + next->floats > plan->floats) plan->floats = next->place + next->floats;
  }
}

static void write_places(const planner *state, gan_plan *plan) {
  const int layers = state->network->layer_count;
  for (int i = 0; i <= layers; i++) {
    const int activation = state->activation[i], gradient = state->gradient[i];
    plan->activations[i] = activation < 0 ? GAN_PLAN_INPUT : state->regions[activation].place;
    plan->gradients[i] = state->keep == GAN_KEEP_NOTHING ? 0 : state->regions[gradient].place;
    if (i < layers) plan->kept[i] = state->kept[i] < 0 ? 0 : state->regions[state->kept[i]].place;
  }
}

static gan_status make(planner *state, size_t rows, size_t pieces, gan_plan *plan) {
  const size_t layers = (size_t)state->network->layer_count, most = 3 * layers + 1;
  region **order = NULL;
  GAN_TRY(gan_allocate(layers + 1, sizeof(size_t), "a pass's plan", &plan->activations));
  GAN_TRY(gan_allocate(layers + 1, sizeof(size_t), "a pass's plan", &plan->gradients));
  GAN_TRY(gan_allocate(layers, sizeof(size_t), "a pass's plan", &plan->kept));
  GAN_TRY(gan_allocate(most, sizeof *state->regions, "a pass's plan", &state->regions));
  GAN_TRY(gan_allocate(3 * (layers + 1), sizeof(int), "a pass's plan", &state->activation));
  GAN_TRY(gan_allocate(2 * most, sizeof(region *), "a pass's plan", &order));
  state->gradient = state->activation + layers + 1;
  state->kept = state->gradient + layers + 1;
  plan_activations(state, rows);
  if (state->keep != GAN_KEEP_NOTHING) plan_gradients(state, rows);
  plan_kept(state, rows, pieces);
  place_regions(state, order, order + most, plan);
  write_places(state, plan);
  free(order);
  return GAN_OK;
}

/* More than any computer can address, and little enough that sums of some plans do not wrap. */
static const double most_floats = 0x1p54;

/* An upper bound of what a pass over so many rows takes, with tangents or without, computed where it cannot wrap. */
static gan_status check_size(const gan_network *network, double rows, double pieces) {
  double a_row = (double)gan_shape_count(&network->input), a_piece = 0;
  for (int i = 0; i < network->layer_count; i++) {
    const gan_layer *layer = &network->layers[i];
    const size_t scratch = layer->scratch_per_part + layer->tangent_scratch_per_part;
    a_row += 3.0 * (double)(layer->inputs + layer->outputs);
    a_row += (double)(layer->kept_per_row + layer->tangent_kept_per_row);
    a_piece += (double)(layer->kept_per_part + layer->tangent_kept_per_part) +
               4.0 * (double)(scratch + layer->statistic_count);
  }
  if (rows * a_row + pieces * a_piece <= most_floats) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE,
                  "%.0f samples at a time take more memory than any computer has; make the batch or the layers smaller",
                  rows);
}

gan_status gan_plan_create(const gan_network *network, size_t rows, size_t pieces, gan_keep keep, gan_plan **plan) {
  planner state = {.network = network, .keep = keep, .end = 2 * network->layer_count + 1};
  gan_plan *made = NULL;
  *plan = NULL;
  GAN_TRY(check_size(network, (double)rows, (double)pieces));
  GAN_TRY(gan_allocate(1, sizeof *made, "a pass's plan", &made));
  const gan_status status = make(&state, rows, pieces, made);
  free(state.regions);
  free(state.activation);
  if (status == GAN_OK)
    *plan = made;
  else
    gan_plan_destroy(made);
  return status;
}

void gan_plan_destroy(gan_plan *plan) {
  if (!plan) return;
  free(plan->activations);
  free(plan->gradients);
  free(plan->kept);
  free(plan);
}
