#include "eval/sample_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "dist/world.h"
#include "eval/neighbours.h"

/* Steps of GAN_STREAM_EVALUATION, away from the directions and splits of metrics, which count from 0. */
static const uint64_t STEP_NOISE = UINT64_C(1) << 40, STEP_HALVES = UINT64_C(2) << 40;

/* Of a row, in units of a float as the other tables have it. */
enum { NEIGHBOUR_WIDTH = sizeof(gan_neighbour) / sizeof(float) };

double gan_set_bytes(int64_t count, int64_t elements, const gan_features_about *features, bool labelled) {
  const double of_features = features ? (double)features->feature_count + features->classes : 0;
  return (double)count * sizeof(float) * ((double)elements + of_features + labelled);
}

/* --- The tables of a set --- */

static gan_status take_table(gan_world *world, int64_t count, int64_t width, const char *what, gan_rows **rows) {
  return width ? gan_rows_create(world, count, (size_t)width * sizeof(float), GAN_SET_BLOCK, what, rows) : GAN_OK;
}

static const void *memory_of(const gan_rows *rows) { return rows ? gan_rows_memory(rows) : NULL; }

/* Tables for `count` rows of what `like` says. own_features: beside the samples. */
static gan_status take_tables(gan_world *world, int64_t count, const gan_sample_set *like, bool own_features,
                              bool labelled, gan_filled_set *filled) {
  const int64_t elements = gan_shape_count(&like->shape), features = own_features ? like->feature_count : 0;
  *filled = (gan_filled_set){
      .set = {.count = count, .shape = like->shape, .feature_count = like->feature_count, .classes = like->classes}};
  gan_status status = take_table(world, count, elements, "samples", &filled->samples);
  if (status == GAN_OK) status = take_table(world, count, features, "features", &filled->features);
  if (status == GAN_OK)
    status = take_table(world, count, own_features && like->logits ? like->classes : 0, "logits", &filled->logits);
  if (status == GAN_OK) status = take_table(world, count, labelled, "labels", &filled->labels);
  if (status == GAN_OK)
    status =
        take_table(world, count, like->nearest_training ? NEIGHBOUR_WIDTH : 0, "nearest neighbours", &filled->nearest);
  if (status != GAN_OK) {
    gan_set_release(filled);
    return status;
  }
  filled->set.samples = memory_of(filled->samples);
  filled->set.features = own_features ? memory_of(filled->features) : filled->set.samples;
  filled->set.logits = memory_of(filled->logits);
  filled->set.labels = memory_of(filled->labels);
  filled->set.nearest_training = memory_of(filled->nearest);
  return GAN_OK;
}

/* Agrees on how the ranks' rows went, and brings them together. */
static gan_status complete(gan_world *world, gan_status mine, gan_filled_set *filled) {
  gan_rows *const tables[] = {filled->samples, filled->features, filled->logits, filled->labels, filled->nearest};
  const int count = sizeof tables / sizeof *tables;
  const gan_status status = gan_world_agree(world, mine);
  for (int i = 0; i < count && status == GAN_OK; i++)
    if (tables[i]) gan_rows_complete(tables[i]);
  if (status != GAN_OK) gan_set_release(filled);
  return status;
}

void gan_set_release(gan_filled_set *filled) {
  gan_rows_destroy(filled->samples);
  gan_rows_destroy(filled->features);
  gan_rows_destroy(filled->logits);
  gan_rows_destroy(filled->labels);
  gan_rows_destroy(filled->nearest);
  *filled = (gan_filled_set){.set = {.count = 0}};
}

/* --- Filling --- */

static float *row_of(gan_rows *rows, int64_t row, int64_t width) {
  return rows ? (float *)gan_rows_memory(rows) + row * width : NULL;
}

static gan_status fill_block(const gan_set_maker *maker, gan_features *features, gan_filled_set *filled, int64_t first,
                             int64_t count) {
  const gan_sample_set *set = &filled->set;
  float *samples = row_of(filled->samples, first, gan_shape_count(&set->shape));
  int32_t *labels = filled->labels ? (int32_t *)gan_rows_memory(filled->labels) + first : NULL;
  GAN_TRY(maker->make(maker->context, first, count, samples, labels));
  if (!features) return GAN_OK;
  return gan_features_of(features, count, samples, row_of(filled->features, first, set->feature_count),
                         row_of(filled->logits, first, set->classes));
}

static gan_status fill_mine(const gan_set_maker *maker, gan_features *features, const char *what,
                            const gan_evaluation_watch *watch, gan_filled_set *filled) {
  const gan_row_range mine = gan_rows_mine(filled->samples);
  for (int64_t first = mine.first, count; first < mine.end; first += count) {
    count = mine.end - first < GAN_SET_BLOCK ? mine.end - first : GAN_SET_BLOCK;
    if (watch->step) watch->step(watch->context, what, (double)(first - mine.first) / (double)(mine.end - mine.first));
    GAN_TRY(fill_block(maker, features, filled, first, count));
  }
  if (watch->step) watch->step(watch->context, what, 1);
  return GAN_OK;
}

gan_status gan_set_fill(gan_world *world, const gan_set_maker *maker, gan_features *features, const char *what,
                        const gan_evaluation_watch *watch, gan_filled_set *filled) {
  static const float some;
  gan_sample_set like = {.shape = maker->shape, .feature_count = gan_shape_count(&maker->shape)};
  if (features) {
    const gan_features_about about = gan_features_tell(features);
    like.feature_count = about.feature_count;
    like.classes = about.classes;
    like.logits = about.classes ? &some : NULL;
  }
  GAN_TRY(take_tables(world, maker->count, &like, features != NULL, maker->label_count > 0, filled));
  if (!filled->set.classes) filled->set.classes = maker->label_count;
  return complete(world, fill_mine(maker, features, what, watch, filled), filled);
}

/* --- Parts of a set --- */

gan_sample_set gan_set_slice(const gan_sample_set *set, int64_t first, int64_t count) {
  gan_sample_set slice = *set;
  slice.count = count;
  slice.samples += first * gan_shape_count(&set->shape);
  if (set->features) slice.features += first * set->feature_count;
  if (set->logits) slice.logits += first * set->classes;
  if (set->labels) slice.labels += first;
  if (set->nearest_training) slice.nearest_training += first;
  return slice;
}

bool gan_set_varies(const gan_sample_set *set) {
  const size_t bytes = (size_t)set->feature_count * sizeof *set->features;
  for (int64_t row = 1; row < set->count; row++)
    if (memcmp(set->features, set->features + row * set->feature_count, bytes) != 0) return true;
  return false;
}

/* Half of the numbers 0 .. count-1 to the front of order (count), by the first half of Fisher and Yates' shuffle. */
static gan_status draw_half(int64_t count, uint64_t seed, uint64_t step, int32_t *order) {
  uint32_t *words = NULL;
  GAN_TRY(gan_allocate((size_t)(count / 2), sizeof *words, "the order of samples", &words));
  gan_random_bits((gan_random_address){.seed = seed, .stream = GAN_STREAM_EVALUATION, .step = STEP_HALVES + step},
                  (size_t)(count / 2), words);
  for (int64_t i = 0; i < count; i++) order[i] = (int32_t)i;
  for (int64_t i = 0; i < count / 2; i++) {
    const int64_t other = i + (int64_t)(words[i] * (uint64_t)(count - i) >> 32);
    const int32_t taken = order[other];
    order[other] = order[i];
    order[i] = taken;
  }
  free(words);
  return GAN_OK;
}

static void gather(gan_rows *rows, const void *from, int64_t width, const int32_t *order) {
  if (!rows) return;
  const gan_row_range mine = gan_rows_mine(rows);
  const size_t bytes = (size_t)width * sizeof(float);
  for (int64_t row = mine.first; row < mine.end; row++)
    memcpy((char *)gan_rows_memory(rows) + (size_t)row * bytes, (const char *)from + (size_t)order[row] * bytes, bytes);
}

gan_status gan_set_half(gan_world *world, const gan_sample_set *set, uint64_t seed, uint64_t step,
                        gan_filled_set *half) {
  int32_t *order = NULL;
  const bool own_features = set->features && set->features != set->samples;
  GAN_TRY(take_tables(world, set->count / 2, set, own_features, set->labels != NULL, half));
  gan_status status = gan_allocate((size_t)set->count, sizeof *order, "the order of samples", &order);
  if (status == GAN_OK) status = draw_half(set->count, seed, step, order);
  if (status == GAN_OK) {
    gather(half->samples, set->samples, gan_shape_count(&set->shape), order);
    gather(half->features, set->features, set->feature_count, order);
    gather(half->logits, set->logits, set->classes, order);
    gather(half->labels, set->labels, 1, order);
    gather(half->nearest, set->nearest_training, NEIGHBOUR_WIDTH, order);
  }
  free(order);
  return complete(world, status, half);
}

/* --- Noise --- */

gan_status gan_noise_create(const gan_sample_set *real, uint64_t seed, gan_noise *noise) {
  const int64_t elements = gan_shape_count(&real->shape);
  *noise = (gan_noise){.elements = elements, .seed = seed};
  GAN_TRY(gan_allocate(2 * (size_t)elements, sizeof(float), "the ranges of noise", &noise->ranges));
  float *low = noise->ranges, *high = low + elements;
  memcpy(low, real->samples, (size_t)elements * sizeof *low);
  memcpy(high, real->samples, (size_t)elements * sizeof *high);
  for (int64_t row = 1; row < real->count; row++) {
    const float *sample = real->samples + row * elements;
    for (int64_t i = 0; i < elements; i++) {
      low[i] = sample[i] < low[i] ? sample[i] : low[i];
      high[i] = sample[i] > high[i] ? sample[i] : high[i];
    }
  }
  return GAN_OK;
}

void gan_noise_release(gan_noise *noise) {
  free(noise->ranges);
  *noise = (gan_noise){.ranges = NULL};
}

gan_status gan_noise_make(void *context, int64_t first, int64_t count, float *samples, int32_t *labels) {
  (void)labels; /* noise has none */
  const gan_noise *noise = context;
  const float *low = noise->ranges, *high = low + noise->elements;
  gan_random_uniform_rows(
      (gan_random_address){
          .seed = noise->seed, .stream = GAN_STREAM_EVALUATION, .step = STEP_NOISE, .sample = (uint64_t)first},
      (size_t)count, (size_t)noise->elements, samples);
  for (int64_t row = 0; row < count; row++) {
    float *sample = samples + row * noise->elements;
    for (int64_t i = 0; i < noise->elements; i++)
      sample[i] = (float)(low[i] + (double)sample[i] * ((double)high[i] - low[i]));
  }
  return GAN_OK;
}
