/* Sets that ranks fill together: the same on every rank and for any number of ranks, halves and noise too; and an error
   on one rank is everybody's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "eval/sample_sets.h"
#include "support.h"

enum { ROWS = 1000, ELEMENTS = 6 };

static const gan_evaluation_watch nobody = {.step = NULL};
static const gan_shape shape = {.rank = 3, .size = {1, 2, 3}};

/* What element j of sample i is. */
static float value_of(int64_t row, int64_t column) { return (float)wild_value((int)row, (size_t)column); }

static gan_status make(void *context, int64_t first, int64_t count, float *samples, int32_t *labels) {
  const int64_t *fails_at = context;
  if (*fails_at >= first && *fails_at < first + count) return gan_fail(GAN_BAD_FILE, "sample cannot be read");
  for (int64_t i = 0; i < count; i++) {
    for (int64_t j = 0; j < ELEMENTS; j++) samples[i * ELEMENTS + j] = value_of(first + i, j);
    if (labels) labels[i] = (int32_t)((first + i) % 7);
  }
  return GAN_OK;
}

static gan_set_maker maker_of(int64_t *fails_at) {
  return (gan_set_maker){.make = make, .context = fails_at, .count = ROWS, .shape = shape, .label_count = 7};
}

static bool is_whole(const gan_sample_set *set) {
  bool well = set->count == ROWS && set->classes == 7 && set->features == set->samples && !set->logits &&
              set->feature_count == ELEMENTS;
  for (int64_t i = 0; i < ROWS && well; i++) {
    well = set->labels[i] == i % 7;
    for (int64_t j = 0; j < ELEMENTS; j++) well = well && set->samples[i * ELEMENTS + j] == value_of(i, j);
  }
  return well;
}

/* Rows of the whole set, each once at most, with their own labels; *sum tells which. */
static bool is_half(const gan_sample_set *half, int64_t *sum) {
  bool taken[ROWS] = {false}, well = half->count == ROWS / 2;
  *sum = 0;
  for (int64_t i = 0; i < half->count && well; i++) {
    int64_t row = 0;
    while (row < ROWS && half->samples[i * ELEMENTS] != value_of(row, 0)) row++;
    well =
        row < ROWS && !taken[row] && half->labels[i] == row % 7 && half->samples[i * ELEMENTS + 5] == value_of(row, 5);
    if (well) taken[row] = true;
    *sum = (*sum * 31 + row) % 1000003;
  }
  return well;
}

static void check_sets(gan_world *world, int *failures) {
  int64_t never = -1, one = 0, other = 0, again = 0;
  gan_filled_set set, half = {.set = {.count = 0}};
  const gan_set_maker maker = maker_of(&never);
  bool well = gan_set_fill(world, &maker, NULL, "samples", &nobody, &set) == GAN_OK;
  check(world, "all_ranks_have_all_samples_and_labels", well && is_whole(&set.set), failures);
  int64_t *const sums[] = {&one, &other, &again};
  for (int i = 0; i < 3; i++) {
    well = gan_set_half(world, &set.set, 5, (uint64_t)(i == 1), &half) == GAN_OK && is_half(&half.set, sums[i]);
    check(world, "half_of_a_set_has_its_rows_once", well, failures);
    gan_set_release(&half);
  }
  check(world, "each_step_draws_another_half_and_always_the_same", one != other && one == again, failures);
  const gan_sample_set slice = gan_set_slice(&set.set, 10, 20);
  check(world, "a_slice_is_a_part_of_a_set",
        slice.count == 20 && slice.samples[0] == value_of(10, 0) && slice.labels[0] == 3, failures);
  gan_set_release(&set);
}

/* Each element in its own range, spread over it, and a row the same whoever makes it. */
static void check_noise(gan_world *world, int *failures) {
  int64_t never = -1;
  gan_filled_set real, set;
  gan_noise noise;
  const gan_set_maker maker = maker_of(&never);
  bool well = gan_set_fill(world, &maker, NULL, "samples", &nobody, &real) == GAN_OK &&
              gan_noise_create(&real.set, 3, &noise) == GAN_OK;
  const gan_set_maker noisy = {.make = gan_noise_make, .context = &noise, .count = ROWS, .shape = shape};
  well = well && gan_set_fill(world, &noisy, NULL, "noise", &nobody, &set) == GAN_OK && !set.set.labels;
  for (int64_t j = 0; j < ELEMENTS && well; j++) {
    const double low = noise.ranges[j], high = noise.ranges[ELEMENTS + j];
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < ROWS; i++) {
      const double place = (set.set.samples[i * ELEMENTS + j] - low) / (high - low);
      well = well && place >= 0 && place <= 1 && real.set.samples[i * ELEMENTS + j] >= low &&
             real.set.samples[i * ELEMENTS + j] <= high;
      sum += place / ROWS;
      squares += place * place / ROWS;
    }
    well = well && fabs(sum - 0.5) < 0.05 && fabs(squares - sum * sum - 1.0 / 12) < 0.01;
  }
  float row[ELEMENTS];
  well = well && gan_noise_make(&noise, 777, 1, row, NULL) == GAN_OK;
  well = well && memcmp(row, set.set.samples + 777 * ELEMENTS, sizeof row) == 0;
  check(world, "noise_is_uniform_in_the_range_of_each_element", well, failures);
  gan_noise_release(&noise);
  gan_set_release(&set);
  gan_set_release(&real);
}

static void check_errors(gan_world *world, int *failures) {
  int64_t last = ROWS - 1, never = -1;
  gan_filled_set set;
  gan_set_maker maker = maker_of(&last); /* one rank's block */
  gan_status status = gan_set_fill(world, &maker, NULL, "samples", &nobody, &set);
  check(world, "a_sample_that_cannot_be_made_fails_on_all",
        status == GAN_BAD_FILE && strstr(gan_error_message(), "sample cannot be read") && !set.samples, failures);
  maker = maker_of(&never);
  gan_fault_arm(GAN_FAULT_ALLOCATION, gan_world_rank(world) == gan_world_size(world) - 1 ? 2 : 0);
  status = gan_set_fill(world, &maker, NULL, "samples", &nobody, &set);
  gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
  check(world, "want_of_memory_on_one_rank_fails_on_all", status == GAN_FAILED && !set.samples, failures);
}

int main(int argc, char **argv) {
  int failures = 0;
  gan_world *world = open_world(&argc, &argv);
  check_sets(world, &failures);
  check_noise(world, &failures);
  check_errors(world, &failures);
  /* Ranks whose host has no room for a window have copies of their own. */
  gan_fault_arm(GAN_FAULT_WINDOW, 1);
  check_sets(world, &failures);
  gan_fault_arm(GAN_FAULT_WINDOW, 0);
  gan_world_close(world);
  return failures > 0;
}
