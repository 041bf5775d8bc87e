/* Every row of the table of metrics that can be computed of images, vectors or volumes, with features, logits and
   labels: the same bits on every rank, for any number of ranks, as for one process alone. A new row joins by itself. */
#include <string.h>

#include "base/fault.h"
#include "base/hash.h"
#include "base/random.h"
#include "eval/metric.h"
#include "support.h"

enum { REAL = 70, FAKE = 61, FEATURES = 12, CLASSES = 4 };

/* All that a metric may look at, of one set. */
typedef struct full_set {
  gan_sample_set set;
  float *samples, *features, *logits;
  int32_t *labels;
} full_set;

static float *normals(uint64_t seed, int64_t count, int64_t width) {
  float *values = malloc((size_t)(count * width) * sizeof *values);
  gan_random_normal_rows((gan_random_address){.seed = seed, .stream = GAN_STREAM_SYNTHETIC}, (size_t)count,
                         (size_t)width, values);
  return values;
}

static full_set make_set(uint64_t seed, int64_t count, gan_shape shape) {
  full_set made = {.samples = normals(seed, count, gan_shape_count(&shape)),
                   .features = normals(seed + 100, count, FEATURES),
                   .logits = normals(seed + 200, count, CLASSES),
                   .labels = malloc((size_t)count * sizeof(int32_t))};
  for (int64_t i = 0; i < count; i++) made.labels[i] = (int32_t)(i % CLASSES);
  made.set = (gan_sample_set){.count = count,
                              .shape = shape,
                              .samples = made.samples,
                              .feature_count = FEATURES,
                              .features = made.features,
                              .classes = CLASSES,
                              .logits = made.logits,
                              .labels = made.labels};
  return made;
}

static void release_set(full_set *set) {
  free(set->samples);
  free(set->features);
  free(set->logits);
  free(set->labels);
}

static void check_row(gan_world *world, gan_world *alone, const gan_metric *row, const char *what,
                      gan_comparison comparison, int *failures) {
  double mine[GAN_METRIC_VALUES] = {0}, expected[GAN_METRIC_VALUES] = {0};
  gan_difference difference;
  char name[128];
  if (row->unable && row->unable(&comparison)) return;
  snprintf(name, sizeof name, "%s_of_%s_has_the_same_bits_for_any_number_of_ranks", row->name, what);
  comparison.world = alone;
  const gan_status by_itself = row->compute(&comparison, expected);
  comparison.world = world;
  const gan_status together = row->compute(&comparison, mine);
  const bool same = gan_world_same_hash(world, gan_hash(mine, sizeof mine, 1), &difference);
  check(world, name, by_itself == GAN_OK && together == GAN_OK && same && memcmp(mine, expected, sizeof mine) == 0,
        failures);
}

/* A rank that finds no memory: all leave with the error. */
static void check_lack_of_memory(gan_world *world, const gan_metric *row, const char *what, gan_comparison comparison,
                                 int *failures) {
  double values[GAN_METRIC_VALUES];
  char name[128];
  if (row->unable && row->unable(&comparison)) return;
  snprintf(name, sizeof name, "%s_of_%s_fails_on_all_ranks_where_one_has_no_memory", row->name, what);
  comparison.world = world;
  bool well = true;
  for (int nth = 1; nth <= 4; nth++) {
    gan_fault_arm(GAN_FAULT_ALLOCATION, gan_world_rank(world) == gan_world_size(world) - 1 ? nth : 0);
    const gan_status status = row->compute(&comparison, values);
    const bool struck = gan_world_maximum(world, gan_fault_has_struck(GAN_FAULT_ALLOCATION)) > 0;
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    well = well && (status == GAN_FAILED) == struck;
  }
  check(world, name, well, failures);
}

static void check_shape(gan_world *world, gan_world *alone, const char *what, gan_shape shape, int *failures) {
  full_set real = make_set(1, REAL, shape), fake = make_set(2, FAKE, shape), held_out = make_set(3, FAKE, shape);
  const gan_backend *backend = NULL;
  const float centres[] = {0, 0, 1, 1};
  check(world, "the_backend_opens", gan_backend_open("openblas", GAN_FLOAT32, &backend) == GAN_OK, failures);
  const gan_comparison comparison = {.backend = backend,
                                     .real = &real.set,
                                     .fake = &fake.set,
                                     .held_out = &held_out.set,
                                     .seed = 5,
                                     .neighbours = 3,
                                     .modes = gan_shape_count(&shape) == 2 ? 2 : 0,
                                     .centres = centres,
                                     .sigma = 0.25,
                                     .power = 0.5};
  for (int row = 0; row < gan_metric_count; row++) {
    check_row(world, alone, gan_metrics[row], what, comparison, failures);
    check_lack_of_memory(world, gan_metrics[row], what, comparison, failures);
  }
  release_set(&real);
  release_set(&fake);
  release_set(&held_out);
}

int main(int argc, char **argv) {
  int failures = 0;
  gan_world *world = open_world(&argc, &argv), *alone = NULL;
  if (gan_world_alone(&alone) != GAN_OK) return 1;
  check_shape(world, alone, "points", (gan_shape){.rank = 1, .size = {2}}, &failures);
  check_shape(world, alone, "tables", (gan_shape){.rank = 1, .size = {7}}, &failures);
  check_shape(world, alone, "images", (gan_shape){.rank = 3, .size = {3, 32, 20}}, &failures);
  check_shape(world, alone, "volumes", (gan_shape){.rank = 4, .size = {1, 4, 5, 6}}, &failures);
  gan_world_close(alone);
  gan_world_close(world);
  return failures > 0;
}
