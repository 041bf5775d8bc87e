/* Copies searched for in all training samples, which come block by block: what a plain search over all of them finds,
   from any number of ranks, whether features are kept or made again; and an error on one rank is everybody's. */
#include "eval/training.h"

#include <math.h>
#include <string.h>

#include "base/fault.h"
#include "eval/memorisation.h"
#include "eval/metric.h"
#include "eval/neighbours.h"
#include "support.h"

enum { TRAINING = 3000, JUDGED = 300, SIDE = 4, ELEMENTS = SIDE * SIDE, PERIOD = 2900, COPY = 7 };

static const gan_evaluation_watch nobody = {.step = NULL};

static float value_of(int set, int64_t row, int64_t column) {
  const double wild = wild_value(set * 100000 + (int)row, (size_t)column);
  return (float)(wild - 2 * floor(wild / 2) - 1);
}

/* Training samples: the last 100 are the first 100 once more, so that some are equally near. */
static gan_status make_training(void *context, int64_t first, int64_t count, float *samples, int32_t *labels) {
  const int64_t *fails_at = context;
  (void)labels;
  if (*fails_at >= first && *fails_at < first + count) return gan_fail(GAN_BAD_FILE, "sample cannot be read");
  for (int64_t i = 0; i < count * ELEMENTS; i++)
    samples[i] = value_of(0, (first + i / ELEMENTS) % PERIOD, i % ELEMENTS);
  return GAN_OK;
}

/* Sample i: training sample COPY i with a little noise, which is the more the larger i. */
static gan_status make_judged(void *context, int64_t first, int64_t count, float *samples, int32_t *labels) {
  (void)context;
  (void)labels;
  for (int64_t i = 0; i < count * ELEMENTS; i++) {
    const int64_t row = first + i / ELEMENTS, column = i % ELEMENTS;
    samples[i] = value_of(0, COPY * row, column) + (float)row * 0.01f * value_of(1, row, column);
  }
  return GAN_OK;
}

static const gan_set_maker judged_maker = {
    .make = make_judged, .count = JUDGED, .shape = {.rank = 3, .size = {1, SIDE, SIDE}}};

static gan_set_maker training_maker(int64_t *fails_at) {
  return (gan_set_maker){.make = make_training, .context = fails_at, .count = TRAINING, .shape = judged_maker.shape};
}

/* The first nearest of the training set's rows, in double. */
static gan_neighbour plain_search(const gan_sample_set *training, const float *point) {
  gan_neighbour best = GAN_NO_NEIGHBOUR;
  for (int64_t i = 0; i < training->count; i++) {
    double square = 0;
    for (int64_t j = 0; j < training->feature_count; j++) {
      const double difference = (double)training->features[i * training->feature_count + j] - (double)point[j];
      square += difference * difference;
    }
    if (square < best.square * (1 - 1e-13)) best = (gan_neighbour){square, i};
  }
  return best;
}

static bool is_right(const gan_sample_set *judged, const gan_sample_set *training) {
  bool well = judged->nearest_training != NULL;
  for (int64_t i = 0; i < judged->count && well; i++) {
    const gan_neighbour right = plain_search(training, judged->features + i * judged->feature_count);
    const gan_neighbour is = judged->nearest_training[i];
    well = is.index == right.index && fabs(is.square - right.square) <= 1e-12 * right.square;
  }
  return well;
}

/* What of a search depends on how it is made: nothing. */
static gan_status search(gan_world *world, const gan_backend *backend, gan_features *features, bool keeps,
                         gan_filled_set *judged) {
  int64_t never = -1;
  const gan_set_maker maker = training_maker(&never);
  gan_training training;
  GAN_TRY(gan_set_fill(world, &judged_maker, features, "judged", &nobody, judged));
  gan_status status = gan_training_open(world, &maker, features, NULL, &nobody, &training);
  if (status == GAN_OK && !keeps) training.points = NULL;
  if (status == GAN_OK) status = gan_training_search(world, backend, &training, &nobody, judged);
  gan_training_close(&training);
  if (status != GAN_OK) gan_set_release(judged);
  return status;
}

static void check_searches(gan_world *world, gan_world *alone, const gan_backend *backend, gan_features *features,
                           const char *name, int *failures) {
  int64_t never = -1;
  const gan_set_maker maker = training_maker(&never);
  gan_filled_set all, kept, streamed, single;
  bool well = gan_set_fill(alone, &maker, features, "all", &nobody, &all) == GAN_OK &&
              search(world, backend, features, true, &kept) == GAN_OK &&
              search(world, backend, features, false, &streamed) == GAN_OK &&
              search(alone, backend, features, true, &single) == GAN_OK;
  const size_t bytes = JUDGED * sizeof(gan_neighbour);
  well = well && is_right(&kept.set, &all.set);
  well = well && memcmp(kept.set.nearest_training, streamed.set.nearest_training, bytes) == 0 &&
         memcmp(kept.set.nearest_training, single.set.nearest_training, bytes) == 0;
  well = well && kept.set.nearest_training[1].index == COPY; /* which is there twice */
  check(world, name, well, failures);
  gan_set_release(&all);
  gan_set_release(&kept);
  gan_set_release(&streamed);
  gan_set_release(&single);
}

/* A set that is there gives its own features; halves and slices keep what was found; pairs and the metric take it. */
static void check_use(gan_world *world, const gan_backend *backend, int *failures) {
  int64_t never = -1, found = 0;
  const gan_set_maker maker = training_maker(&never);
  gan_filled_set all, judged, half;
  gan_training training;
  gan_close_pair pairs[3];
  bool well = gan_set_fill(world, &maker, NULL, "all", &nobody, &all) == GAN_OK &&
              gan_set_fill(world, &judged_maker, NULL, "judged", &nobody, &judged) == GAN_OK &&
              gan_training_open(world, &maker, NULL, &all.set, &nobody, &training) == GAN_OK &&
              gan_training_search(world, backend, &training, &nobody, &judged) == GAN_OK;
  check(world, "samples_that_are_there_are_searched", well && is_right(&judged.set, &all.set), failures);
  well = gan_set_half(world, &judged.set, 1, 0, &half) == GAN_OK && is_right(&half.set, &all.set);
  check(world, "a_half_has_its_samples_neighbours", well && half.set.count == JUDGED / 2, failures);
  const gan_sample_set slice = gan_set_slice(&judged.set, 100, 50), few = gan_set_slice(&all.set, 2000, 100),
                       others = gan_set_slice(&all.set, 500, 64);
  check(world, "a_slice_has_its_samples_neighbours", is_right(&slice, &all.set), failures);
  gan_comparison comparison = {.world = world,
                               .backend = backend,
                               .real = &few,
                               .fake = &judged.set,
                               .held_out = &others,
                               .training_count = TRAINING};
  double of_all = 0;
  int value;
  const gan_metric *metric = gan_metric_find("memorisation", &value);
  well = gan_memorisation_pairs(&comparison, 3, pairs, &found) == GAN_OK && found == 3;
  for (int i = 0; i < 3 && well; i++) well = pairs[i].generated == i && pairs[i].training == COPY * i;
  check(world, "pairs_are_of_all_training_samples", well, failures);
  well = metric->compute(&comparison, &of_all) == GAN_OK;
  double nearer[2] = {0, 0};
  for (int64_t i = 0; i < JUDGED; i++) {
    const float *point = judged.set.features + i * ELEMENTS;
    const double difference = plain_search(&all.set, point).square - plain_search(&others, point).square;
    nearer[0] += difference < 0 ? 1 : difference > 0 ? 0 : 0.5;
    nearer[1] += difference > 0 ? 1 : difference < 0 ? 0 : 0.5;
  }
  const double share = nearer[0] / TRAINING / (nearer[0] / TRAINING + nearer[1] / 64);
  check(world, "memorisation_is_of_all_training_samples", well && fabs(of_all - share) < 1e-12, failures);
  gan_training_close(&training);
  gan_set_release(&half);
  gan_set_release(&judged);
  gan_set_release(&all);
}

static void check_errors(gan_world *world, const gan_backend *backend, gan_features *features, int *failures) {
  int64_t last = TRAINING - 1;
  const gan_set_maker maker = training_maker(&last); /* in one rank's block */
  gan_filled_set judged;
  gan_training training;
  gan_status status = gan_training_open(world, &maker, features, NULL, &nobody, &training);
  check(world, "a_training_sample_that_cannot_be_read_fails_on_all", status == GAN_BAD_FILE && !training.kept,
        failures);
  status = gan_set_fill(world, &judged_maker, NULL, "judged", &nobody, &judged);
  if (status == GAN_OK) status = gan_training_open(world, &maker, NULL, NULL, &nobody, &training);
  if (status == GAN_OK) status = gan_training_search(world, backend, &training, &nobody, &judged);
  check(world, "nor_in_a_search", status == GAN_BAD_FILE && !judged.set.nearest_training, failures);
  gan_training_close(&training);
  gan_set_release(&judged);
  bool well = true;
  int count = 0;
  for (;; count++) {
    if (gan_world_rank(world) == gan_world_size(world) - 1) gan_fault_arm(GAN_FAULT_ALLOCATION, 3 * count + 1);
    status = search(world, backend, features, count % 2, &judged);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (status == GAN_OK) break;
    well = well && status == GAN_FAILED;
  }
  gan_set_release(&judged);
  check(world, "lack_of_memory_on_one_rank_fails_on_all", well && count > 5, failures);
}

int main(int argc, char **argv) {
  int failures = 0;
  gan_world *world = open_world(&argc, &argv), *alone = NULL;
  const gan_backend *backend = NULL;
  gan_features *features = NULL;
  gan_status status = gan_world_alone(&alone);
  if (status == GAN_OK) status = gan_backend_open("auto", GAN_FLOAT32, &backend);
  if (status == GAN_OK) status = gan_features_open(world, "random", &judged_maker.shape, backend, &features);
  check(world, "the_feature_network_opens", status == GAN_OK, &failures);
  if (status == GAN_OK) {
    check_searches(world, alone, backend, NULL, "any_number_of_ranks_finds_what_a_plain_search_finds", &failures);
    check_searches(world, alone, backend, features, "of_features_too_kept_or_not", &failures);
    check_use(world, backend, &failures);
    check_errors(world, backend, features, &failures);
    gan_fault_arm(GAN_FAULT_WINDOW, 1); /* the first rank's host has no room for a window */
    check_searches(world, alone, backend, features, "without_shared_memory_too", &failures);
    gan_fault_arm(GAN_FAULT_WINDOW, 0);
  }
  gan_features_close(features);
  gan_world_close(alone);
  gan_world_close(world);
  return failures > 0;
}
