/* Sums over shards across ranks have the bits of a serial evaluation of the shard tree, for any number of ranks. */
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fault.h"
#include "dist/reduction.h"
#include "kernels/kernels.h"
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

enum { ROUNDS = 4 };

/* The sums that all rounds expect: round r has sums[r .. r + count - 1] for its gradient. */
static float *tree_sums(int shard_count, size_t count) {
  float *sums = malloc((count + ROUNDS) * sizeof *sums);
  for (size_t place = 0; sums && place < count + ROUNDS; place++) sums[place] = tree_sum(0, shard_count, place);
  return sums;
}

/* Each block's squares in double, blocks in rising order: as dist/reduction.h has it. */
static double blockwise_norm(const float *gradient, size_t count) {
  double squares = 0;
  for (size_t begin = 0; begin < count; begin += GAN_REDUCTION_BLOCK)
    squares +=
        gan_square_sum(count - begin < GAN_REDUCTION_BLOCK ? count - begin : GAN_REDUCTION_BLOCK, gradient + begin);
  return squares;
}

/* Does what a backward pass does, from the last layer to the first: each shard's gradient into its slot, then the
   folds; and tells, unless it is to be quiet, how far it is. What is not told yet is left as NaN. */
static void fill_slots(gan_reduction *reduction, const gan_shards *shards, size_t count, size_t round, bool tells) {
  enum { LAYERS = 7 };
  float *const *slots = gan_reduction_slots(reduction);
  for (int slot = 0; slot < shards->slot_count; slot++)
    for (size_t j = 0; j < count; j++) slots[slot][j] = NAN;
  for (size_t layer = LAYERS; layer-- > 0;) {
    const size_t begin = count * layer / LAYERS, end = count * (layer + 1) / LAYERS;
    for (int i = 0; i < shards->local; i++) {
      float *slot = slots[shards->slot[i]];
      for (size_t j = begin; j < end; j++) slot[j] = (float)wild_value(shards->first + i, j + round);
      gan_shards_fold(shards, i, slots, begin, end - begin);
    }
    if (tells) gan_reduction_filled(reduction, begin);
  }
}

static bool gradient_is(gan_world *world, gan_reduction *reduction, const float *expected, size_t count) {
  const float *gradient = gan_reduction_gradient(reduction);
  if (gan_world_rank(world) != 0) return gradient == NULL;
  return expected && same_bits(gradient, expected, count * sizeof *expected);
}

/* What the parameters and the states are updated to: parameters += gradient, state i += (i + 2) gradient. */
enum { STATES = 2 };
typedef struct update_record {
  float *vectors[1 + STATES];
} update_record;

static void add_gradient(void *context, size_t offset, size_t count, const float *gradient) {
  update_record *record = context;
  for (int v = 0; v <= STATES; v++)
    for (size_t i = 0; i < count; i++) record->vectors[v][offset + i] += (float)(v + 1) * gradient[i];
}

static float initial_value(int vector, size_t place) { return (float)wild_value(1000 + vector, place); }

/* What the rounds' gradients are to be scaled by; NULL: by nothing. */
static bool vector_is_updated(const float *values, int vector, const float *sums, const float *factors, size_t count,
                              size_t rounds) {
  for (size_t j = 0; j < count; j++) {
    float expected = initial_value(vector, j);
    for (size_t round = 0; round < rounds; round++) {
      const float gradient = factors && factors[round] < 1 ? sums[j + round] * factors[round] : sums[j + round];
      const float step = (float)(vector + 1) * gradient;
      expected += step;
    }
    if (!same_bits(&values[j], &expected, sizeof expected)) return false;
  }
  return true;
}

static update_record vectors_of(gan_reduction *reduction) {
  update_record record = {.vectors = {gan_reduction_parameters(reduction)}};
  for (int i = 0; i < STATES; i++) record.vectors[1 + i] = gan_reduction_state(reduction, i);
  return record;
}

/* Rank 0's content for all, once it has been seen that everything starts as zeroes. */
static bool initialise(gan_world *world, gan_reduction *reduction, size_t count) {
  const update_record record = vectors_of(reduction);
  bool zeroes = true;
  for (int v = 0; v <= STATES; v++)
    for (size_t j = 0; j < count; j++) zeroes = zeroes && record.vectors[v][j] == 0;
  gan_world_barrier(world);
  for (int v = 0; v <= STATES && gan_world_rank(world) == 0; v++)
    for (size_t j = 0; j < count; j++) record.vectors[v][j] = initial_value(v, j);
  gan_reduction_distribute(reduction);
  return zeroes;
}

/* A bound for each round: that none has, one below the norm, one above it, one far below. */
static double bound_of(size_t round, double norm) {
  const double bounds[ROUNDS] = {0, norm / 3, 2 * norm, 1e-3};
  return bounds[round];
}

/* PyTorch's clip_grad_norm_: min(1, max_norm / (total_norm + 1e-6)). */
static float clip_factor(double bound, double norm) {
  const double factor = bound / (norm + 1e-6);
  return bound > 0 && factor < 1 ? (float)factor : 1;
}

/* Several rounds, since each meets what the one before left in the buffers; some look at the gradient, and some meet
   the other ranks between filling and updating, as a training step does. */
static bool rounds_are_exact(gan_world *world, gan_reduction *reduction, const gan_shards *shards, size_t count,
                             bool bounded) {
  float *sums = tree_sums(shards->count, count), factors[ROUNDS];
  bool passed = initialise(world, reduction, count) && sums;
  update_record record = vectors_of(reduction);
  for (size_t round = 0; round < ROUNDS; round++) {
    double nothing[64] = {0}, sum = 0;
    const bool keep = round % 2;
    const double expected = sums ? blockwise_norm(sums + round, count) : 0;
    const double bound = bounded ? bound_of(round, sqrt(expected)) : 0;
    factors[round] = clip_factor(bound, sqrt(expected));
    gan_reduction_await(reduction);
    gan_reduction_bound_norm(reduction, bound);
    passed = passed && vector_is_updated(record.vectors[0], 0, sums, factors, count, round);
    fill_slots(reduction, shards, count, round, round != 1);
    if (round >= 2) gan_world_sum(world, shards, nothing, 1, &sum);
    gan_reduction_update(reduction, add_gradient, &record, keep);
    if (keep) passed = gradient_is(world, reduction, passed ? sums + round : NULL, count) && passed;
    const double norm = gan_reduction_await(reduction);
    passed = passed && same_bits(&norm, &expected, sizeof norm);
    passed = passed && gan_reduction_factor(reduction) == (double)factors[round];
  }
  gan_reduction_bound_norm(reduction, 0);
  gan_reduction_collect(reduction);
  passed = passed && gan_reduction_parameters(reduction) == record.vectors[0];
  for (int v = 0; v <= (gan_world_rank(world) == 0 ? STATES : 0); v++)
    passed = passed && vector_is_updated(record.vectors[v], v, sums, factors, count, ROUNDS);
  for (int i = 0; i < STATES; i++) {
    gan_reduction_show(reduction, i);
    passed = passed && vector_is_updated(record.vectors[1 + i], 1 + i, sums, factors, count, ROUNDS);
  }
  free(sums);
  return passed;
}

/* What is planned without any other rank is what was taken. */
static bool takes_what_was_measured(gan_world *world, const gan_shards *shards, const char *variant, size_t count,
                                    const gan_reduction *reduction) {
  const gan_layout layout = {.ranks = gan_world_size(world), .hosts = gan_world_host_count(world)};
  gan_reduction_bytes planned;
  size_t shared = 0;
  if (gan_reduction_measure(layout, shards, variant, count, STATES, &planned) != GAN_OK) return false;
  const size_t taken = gan_reduction_taken(reduction, &shared);
  const size_t vectors = planned.parameters + planned.states + planned.slots;
  return strcmp(planned.variant, gan_reduction_name(reduction)) == 0 && planned.shared == (shared > 0) &&
         shared == (planned.shared ? vectors : 0) && taken == planned.others + (planned.shared ? 0 : vectors);
}

static void check_reduction(gan_world *world, const char *variant, int shard_count, int64_t batch, size_t count,
                            int *failures) {
  gan_shards shards = plan_shards(world, shard_count, batch);
  gan_reduction *reduction = NULL;
  char name[128];
  bool passed = gan_reduction_create(world, &shards, variant, count, STATES, &reduction) == GAN_OK;
  passed = passed && !*gan_reduction_reason(reduction) && rounds_are_exact(world, reduction, &shards, count, false);
  snprintf(name, sizeof name, "%s_reduction_of_%zu_parameters_over_%d_shards_is_the_tree_sum", variant, count,
           shard_count);
  check(world, name, passed, failures);
  snprintf(name, sizeof name, "%s_reduction_of_%zu_parameters_over_%d_shards_takes_the_memory_measured", variant, count,
           shard_count);
  check(world, name, takes_what_was_measured(world, &shards, variant, count, reduction), failures);
  gan_reduction_destroy(reduction);
  gan_shards_release(&shards);
}

/* One shard's gradient has a value that is not finite; the round after it is as if nothing had been. */
static bool spoilt_gradient_changes_nothing(gan_world *world, gan_reduction *reduction, const gan_shards *shards,
                                            size_t count) {
  float *sums = tree_sums(shards->count, count);
  bool passed = initialise(world, reduction, count) && sums;
  update_record record = vectors_of(reduction);
  gan_reduction_await(reduction);
  gan_reduction_bound_norm(reduction, 1);
  fill_slots(reduction, shards, count, 0, false);
  if (gan_world_rank(world) == gan_world_size(world) - 1) gan_reduction_slots(reduction)[0][count / 2] = NAN;
  gan_reduction_update(reduction, add_gradient, &record, false);
  passed = isnan(gan_reduction_await(reduction)) && passed;
  passed = passed && vector_is_updated(record.vectors[0], 0, sums, NULL, count, 0);
  fill_slots(reduction, shards, count, 0, true);
  gan_reduction_update(reduction, add_gradient, &record, false);
  const double norm = gan_reduction_await(reduction);
  const float factor = clip_factor(1, sqrt(norm));
  passed = passed && vector_is_updated(record.vectors[0], 0, sums, &factor, count, 1);
  free(sums);
  return passed;
}

static void check_bound(gan_world *world, const char *variant, int shard_count, size_t count, int *failures) {
  gan_shards shards = plan_shards(world, shard_count, shard_count);
  gan_reduction *exact = NULL, *spoilt = NULL;
  char name[128];
  bool passed = gan_reduction_create(world, &shards, variant, count, STATES, &exact) == GAN_OK &&
                rounds_are_exact(world, exact, &shards, count, true);
  snprintf(name, sizeof name, "bounded_norms_of_%zu_parameters_are_alike_on_all_ranks_in_%s", count, variant);
  check(world, name, passed, failures);
  passed = gan_reduction_create(world, &shards, variant, count, STATES, &spoilt) == GAN_OK &&
           spoilt_gradient_changes_nothing(world, spoilt, &shards, count);
  snprintf(name, sizeof name, "gradient_of_bounded_norm_that_is_not_finite_changes_none_of_%zu_parameters_in_%s", count,
           variant);
  check(world, name, passed, failures);
  gan_reduction_destroy(exact);
  gan_reduction_destroy(spoilt);
  gan_shards_release(&shards);
}

/* Only the first host has no room. */
static void check_fallback(gan_world *world, int *failures) {
  gan_shards shards = plan_shards(world, gan_world_size(world), gan_world_size(world));
  gan_reduction *reduction = NULL;
  if (gan_world_rank(world) == 0) gan_fault_arm(GAN_FAULT_WINDOW, 1);
  const gan_status status = gan_reduction_create(world, &shards, "auto", 20000, STATES, &reduction);
  const bool sharing = gan_world_maximum(world, gan_fault_has_struck(GAN_FAULT_WINDOW)) > 0;
  gan_fault_arm(GAN_FAULT_WINDOW, 0);
  bool passed = status == GAN_OK && sharing == (gan_world_maximum(world, gan_world_host_size(world)) > 1);
  if (passed && sharing)
    passed = !strcmp(gan_reduction_name(reduction), "flat") && strstr(gan_reduction_reason(reduction), "/dev/shm");
  passed = passed && rounds_are_exact(world, reduction, &shards, 20000, false);
  check(world, "without_room_to_share_the_reduction_is_flat_and_says_why", passed, failures);
  gan_reduction_destroy(reduction);
  gan_shards_release(&shards);
}

static void check_choice(gan_world *world, int *failures) {
  gan_shards shards = plan_shards(world, gan_world_size(world), gan_world_size(world));
  gan_reduction *reduction = NULL;
  const int hosts = gan_world_host_count(world);
  const char *expected = gan_world_size(world) == 1 ? "flat" : hosts == 1 ? "shared" : "hierarchical";
  gan_status status = gan_reduction_create(world, &shards, "auto", 100000, 1, &reduction);
  bool passed = status == GAN_OK && strcmp(gan_reduction_name(reduction), expected) == 0;
  check(world, "auto_suits_the_hosts", passed, failures);
  gan_reduction_destroy(reduction);
  status = gan_reduction_create(world, &shards, "shared", 1000, 1, &reduction);
  passed = hosts == 1 ? status == GAN_OK
                      : status == GAN_BAD_USAGE && !reduction && strstr(gan_error_message(), "hierarchical");
  check(world, "shared_is_refused_on_several_hosts", passed, failures);
  gan_reduction_destroy(reduction);
  status = gan_reduction_create(world, &shards, "sideways", 1000, 1, &reduction);
  check(world, "unknown_reduction_is_refused", status == GAN_BAD_USAGE && !reduction, failures);
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
static bool lack_of_memory_is_agreed(gan_world *world, const gan_shards *shards, const char *variant) {
  const bool mine = gan_world_rank(world) == gan_world_size(world) - 1;
  for (int nth = 1; nth < 100; nth++) {
    gan_reduction *reduction = NULL;
    if (mine) gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    const gan_status status = gan_reduction_create(world, shards, variant, 1000, STATES, &reduction);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (status == GAN_OK) {
      gan_reduction_destroy(reduction);
      return nth > 5;
    }
    if (status != GAN_FAILED || reduction || !strstr(gan_error_message(), "out of memory")) return false;
  }
  return false;
}

#ifndef __SANITIZE_ADDRESS__ /* which takes terabytes of address space for itself */
/* Bytes of address space that this process has taken; 0 where the system does not tell. */
static rlim_t address_space(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return 0;
  if (fscanf(file, "%ld", &pages) != 1) pages = 0;
  fclose(file);
  return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Where one rank has no address space left (ulimit -v) for its part, nor for memory to share, all of them are told. */
static bool limited_address_space_is_agreed(gan_world *world, const char *variant) {
  const int ranks = gan_world_size(world);
  struct rlimit before = {0};
  gan_shards shards = plan_shards(world, ranks, ranks);
  gan_reduction *reduction = NULL;
  getrlimit(RLIMIT_AS, &before);
  if (gan_world_rank(world) == ranks / 2) {
    const struct rlimit limit = {.rlim_cur = address_space() + ((rlim_t)24 << 20), .rlim_max = before.rlim_max};
    if (setrlimit(RLIMIT_AS, &limit) != 0) perror("setrlimit");
  }
  const gan_status status = gan_reduction_create(world, &shards, variant, (size_t)8 << 20, STATES, &reduction);
  setrlimit(RLIMIT_AS, &before);
  const bool passed = status == GAN_FAILED && strstr(gan_error_message(), "out of memory") && !reduction;
  gan_reduction_destroy(reduction);
  gan_shards_release(&shards);
  return passed;
}
#endif

/* A step whose error the ranks agree on comes to no update; what is under way then must not be in the way of anything.
 */
static void check_given_up_update(gan_world *world, const char *variant, int *failures) {
  const size_t count = 20 * GAN_REDUCTION_BLOCK;
  gan_shards shards = plan_shards(world, 2 * gan_world_size(world), 2 * gan_world_size(world));
  gan_reduction *given_up = NULL, *next = NULL;
  bool passed = gan_reduction_create(world, &shards, variant, count, STATES, &given_up) == GAN_OK;
  if (passed) fill_slots(given_up, &shards, count, 0, true);
  gan_reduction_destroy(given_up);
  passed = passed && gan_reduction_create(world, &shards, variant, count, STATES, &next) == GAN_OK;
  passed = passed && rounds_are_exact(world, next, &shards, count, true);
  char name[128];
  snprintf(name, sizeof name, "update_given_up_leaves_nothing_of_%s_under_way", variant);
  check(world, name, passed, failures);
  gan_reduction_destroy(next);
  gan_shards_release(&shards);
}

/* Everything, for one variant. */
static void check_variant(gan_world *world, const char *variant, int *failures) {
  static const int shard_counts[] = {8, 11, 37};
  const int ranks = gan_world_size(world);
  for (size_t i = 0; i < sizeof shard_counts / sizeof *shard_counts; i++) {
    const int shards = shard_counts[i] < ranks ? ranks : shard_counts[i];
    check_reduction(world, variant, shards, shards, 1, failures);
    check_reduction(world, variant, shards, 3 * shards + 5, 3 * GAN_REDUCTION_BLOCK + 17, failures);
  }
  check_reduction(world, variant, ranks + 3, ranks + 3, 19 * GAN_REDUCTION_BLOCK + 17, failures);
  check_reduction(world, variant, ranks, ranks, 2 * 65536 + 17, failures);

  check_bound(world, variant, ranks, 5, failures);
  check_bound(world, variant, ranks + 3, 19 * GAN_REDUCTION_BLOCK + 17, failures);
  check_bound(world, variant, 2 * ranks + 1, 65536 + 17, failures);

  check_given_up_update(world, variant, failures);
  gan_shards shards = plan_shards(world, ranks, ranks);
  char name[128];
  snprintf(name, sizeof name, "lack_of_memory_on_one_rank_fails_the_creation_of_%s_on_all", variant);
  check(world, name, lack_of_memory_is_agreed(world, &shards, variant), failures);
#ifndef __SANITIZE_ADDRESS__
  snprintf(name, sizeof name, "lack_of_address_space_on_one_rank_fails_the_creation_of_%s_on_all", variant);
  check(world, name, limited_address_space_is_agreed(world, variant), failures);
#endif
  gan_shards_release(&shards);
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
  }
  check_sum(world, ranks, ranks, 3, &failures);
  check_choice(world, &failures);
  check_fallback(world, &failures);
  for (int i = 0; i < gan_reduction_variant_count(); i++) {
    const char *variant = gan_reduction_variant_name(i);
    if (gan_world_host_count(world) == 1 || strcmp(variant, "shared") != 0) check_variant(world, variant, &failures);
  }
  gan_world_close(world);
  return failures > 0;
}
