/* Sums over shards across ranks have the bits of a serial evaluation of the shard tree, for any number of ranks. */
#include <string.h>

#include "base/fault.h"
#include "dist/reduction.h"
#include "support.h"

/* The serial evaluations: node [low, high) is the sum of [low, middle) and [middle, high). */
static float tree_sum(int low, int high, size_t place) {
  if (high - low == 1) return (float)wild_value(low, place);
  const int middle = low + (high - low + 1) / 2;
  const float left = tree_sum(low, middle, place), right = tree_sum(middle, high, place);
  return left + right;
}

static double tree_sum_double(int low, int high, size_t place) {
  if (high - low == 1) return wild_value(low, place);
  const int middle = low + (high - low + 1) / 2;
  const double left = tree_sum_double(low, middle, place), right = tree_sum_double(middle, high, place);
  return left + right;
}

static bool same_bits(const void *left, const void *right, size_t bytes) { return memcmp(left, right, bytes) == 0; }

/* Does what a backward pass does: each shard's gradient into its slot, then the folds. */
static void fill_slots(gan_reduction *reduction, const gan_shards *shards, size_t count, size_t round) {
  float *const *slots = gan_reduction_slots(reduction);
  for (int i = 0; i < shards->local; i++) {
    float *slot = slots[shards->slot[i]];
    for (size_t j = 0; j < count; j++) slot[j] = (float)wild_value(shards->first + i, j + round);
    gan_shards_fold(shards, i, slots, 0, count);
  }
}

static bool gradient_is_tree_sum(const gan_reduction *reduction, int shard_count, size_t count, size_t round) {
  const float *gradient = gan_reduction_gradient(reduction);
  for (size_t j = 0; j < count; j++) {
    const float expected = tree_sum(0, shard_count, j + round);
    if (!same_bits(&gradient[j], &expected, sizeof expected)) return false;
  }
  return true;
}

typedef struct update_record {
  float *parameters;
  size_t covered;
  bool fits;
} update_record;

static void subtract_gradient(void *context, size_t offset, size_t count, const float *gradient) {
  update_record *record = context;
  record->covered += count;
  for (size_t i = 0; i < count; i++) record->parameters[offset + i] -= gradient[i];
}

static bool parameters_are_updated(gan_reduction *reduction, int shard_count, size_t count) {
  update_record record = {.parameters = gan_reduction_parameters(reduction)};
  for (size_t j = 0; j < count; j++) record.parameters[j] = 1;
  gan_reduction_apply(reduction, subtract_gradient, &record);
  if (gan_reduction_parameters(reduction) != record.parameters) return false;
  for (size_t j = 0; j < count; j++) {
    const float sum = tree_sum(0, shard_count, j + 1), expected = 1.0f - sum;
    if (!same_bits(&record.parameters[j], &expected, sizeof expected)) return false;
  }
  return true;
}

/* Two rounds, since the second meets what the first left in the buffers. */
static void check_reduction(gan_world *world, int shard_count, int64_t batch, size_t count, int *failures) {
  gan_shards shards = plan_shards(world, shard_count, batch);
  gan_reduction *reduction = NULL;
  char name[96];
  bool passed = gan_reduction_create(world, &shards, count, &reduction) == GAN_OK;
  for (size_t round = 0; passed && round < 2; round++) {
    fill_slots(reduction, &shards, count, round);
    gan_reduction_sum(reduction);
    passed = gradient_is_tree_sum(reduction, shard_count, count, round);
    if (gan_world_maximum(world, !passed) > 0) break;
  }
  snprintf(name, sizeof name, "reduction_of_%zu_parameters_over_%d_shards_is_the_tree_sum", count, shard_count);
  check(world, name, passed, failures);
  snprintf(name, sizeof name, "update_of_%zu_parameters_over_%d_shards_reaches_every_rank", count, shard_count);
  check(world, name, passed && parameters_are_updated(reduction, shard_count, count), failures);
  gan_reduction_destroy(reduction);
  gan_shards_release(&shards);
}

static void check_sum(gan_world *world, int shard_count, int64_t batch, size_t count, int *failures) {
  gan_shards shards = plan_shards(world, shard_count, batch);
  char name[96];
  double *per_shard = calloc((size_t)shards.local * count, sizeof *per_shard);
  double *total = calloc(count, sizeof *total);
  bool passed = per_shard && total;
  for (int i = 0; passed && i < shards.local; i++)
    for (size_t j = 0; j < count; j++) per_shard[(size_t)i * count + j] = wild_value(shards.first + i, j);
  gan_world_sum(world, &shards, per_shard, count, total);
  for (size_t j = 0; passed && j < count; j++) {
    const double expected = tree_sum_double(0, shard_count, j);
    passed = same_bits(&total[j], &expected, sizeof expected);
  }
  snprintf(name, sizeof name, "sum_of_%zu_numbers_over_%d_shards_is_the_tree_sum", count, shard_count);
  check(world, name, passed, failures);
  free(per_shard);
  free(total);
  gan_shards_release(&shards);
}

/* The check of the checks: with the values used here, another order of additions does change bits. */
static bool order_matters(int shard_count) {
  for (size_t place = 0; place < 100; place++) {
    float sum = 0;
    for (int shard = 0; shard < shard_count; shard++) sum += (float)wild_value(shard, place);
    const float expected = tree_sum(0, shard_count, place);
    if (!same_bits(&sum, &expected, sizeof expected)) return true;
  }
  return false;
}

/* GAN_FAULT is for whole programs; here the last rank alone runs out of memory at each of the allocations in turn. */
static bool lack_of_memory_is_agreed(gan_world *world, const gan_shards *shards) {
  const bool mine = gan_world_rank(world) == gan_world_size(world) - 1;
  for (int nth = 1; nth < 100; nth++) {
    gan_reduction *reduction = NULL;
    if (mine) gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    const gan_status status = gan_reduction_create(world, shards, 1000, &reduction);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (status == GAN_OK) {
      gan_reduction_destroy(reduction);
      return nth > 5;
    }
    if (status != GAN_FAILED || reduction || !strstr(gan_error_message(), "out of memory")) return false;
  }
  return false;
}

int main(int argc, char **argv) {
  static const int shard_counts[] = {8, 11, 24, 37};
  int failures = 0;
  gan_world *world = open_world(&argc, &argv);
  const int ranks = gan_world_size(world);
  check(world, "order_of_additions_matters_in_this_test", order_matters(8), &failures);
  for (size_t i = 0; i < sizeof shard_counts / sizeof *shard_counts; i++) {
    const int shards = shard_counts[i] < ranks ? ranks : shard_counts[i];
    check_sum(world, shards, shards, 1, &failures);
    check_sum(world, shards, 3 * shards + 5, 5000, &failures);
    check_reduction(world, shards, shards, 1, &failures);
    check_reduction(world, shards, 3 * shards + 5, 3 * 65536 + 17, &failures);
  }
  check_sum(world, ranks, ranks, 3, &failures);
  check_reduction(world, ranks, ranks, 65536, &failures);

  gan_shards shards = plan_shards(world, ranks, ranks);
  const bool agreed = lack_of_memory_is_agreed(world, &shards);
  check(world, "lack_of_memory_on_one_rank_fails_the_creation_on_all", agreed, &failures);
  gan_shards_release(&shards);
  gan_world_close(world);
  return failures > 0;
}
