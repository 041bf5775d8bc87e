/* The sampler: each epoch a permutation, each epoch another one, and none likelier than others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/loader.h"

static void check_epoch_is_permutation(uint64_t seed, int64_t count, int64_t epoch) {
  uint8_t *seen = calloc((size_t)count, 1);
  for (int64_t i = 0; i < count; i++) {
    const int64_t index = gan_sampler_index(seed, count, epoch * count + i);
    assert_in_range(index, 0, count - 1);
    assert_int_equal(seen[index], 0);
    seen[index] = 1;
  }
  free(seen);
}

static void every_epoch_is_a_permutation_for_every_count(void **state) {
  (void)state;
  for (int64_t count = 1; count <= 300; count++)
    for (int64_t epoch = 0; epoch < 5; epoch++) check_epoch_is_permutation(7, count, epoch);
  check_epoch_is_permutation(7, 60000, 3);
  check_epoch_is_permutation(8, 65536, 1000000);
  check_epoch_is_permutation(9, 65537, 0);
  check_epoch_is_permutation(10, 1000003, 2);
}

static void indices_stay_in_range_for_huge_counts_and_positions(void **state) {
  (void)state;
  const int64_t counts[] = {2, 3, INT32_MAX, (int64_t)UINT32_MAX + 2, ((int64_t)1 << 62) + 1, INT64_MAX};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
    for (int64_t back = 0; back < 100; back++) {
      const int64_t index = gan_sampler_index(1, counts[i], INT64_MAX - back);
      assert_true(index >= 0 && index < counts[i]);
    }
}

static void a_set_without_end_is_taken_in_order(void **state) {
  (void)state;
  assert_int_equal(gan_sampler_index(1, 0, 0), 0);
  assert_int_equal(gan_sampler_index(1, 0, 123456789012345), 123456789012345);
}

/* Two random orders of n agree in about one place, whatever n is (the number of fixed points is Poisson of mean 1). */
static int agreements(uint64_t seed_a, int64_t epoch_a, uint64_t seed_b, int64_t epoch_b, int64_t count) {
  int equal = 0;
  for (int64_t i = 0; i < count; i++)
    equal +=
        gan_sampler_index(seed_a, count, epoch_a * count + i) == gan_sampler_index(seed_b, count, epoch_b * count + i);
  return equal;
}

static void epochs_and_seeds_have_orders_of_their_own(void **state) {
  (void)state;
  assert_true(agreements(5, 0, 5, 1, 10000) < 10);
  assert_true(agreements(5, 1, 5, 2, 10000) < 10);
  assert_true(agreements(5, 0, 6, 0, 10000) < 10);
  assert_true(agreements(5, 0, 5 + ((uint64_t)1 << 32), 0, 10000) < 10);
  assert_int_equal(agreements(5, 3, 5, 3, 10000), 10000);
}

static void an_order_has_no_visible_relation_to_the_index(void **state) {
  (void)state;
  enum { COUNT = 50000 };
  double product = 0, neighbours = 0;
  int fixed = 0;
  int64_t before = 0;
  for (int64_t i = 0; i < COUNT; i++) {
    const int64_t index = gan_sampler_index(11, COUNT, i);
    const double middle = (COUNT - 1) / 2.0;
    product += ((double)i - middle) * ((double)index - middle);
    neighbours += i > 0 && llabs(index - before) == 1;
    fixed += index == i;
    before = index;
  }
  /* Correlation of n random pairs: deviation 1/sqrt(n). Neighbours that stay neighbours: Poisson of mean 2. */
  const double variance = ((double)COUNT * COUNT - 1) / 12;
  assert_true(fabs(product / COUNT / variance) < 5 / sqrt(COUNT));
  assert_true(neighbours < 12);
  assert_true(fixed < 10);
}

/* Chi-square statistic of counts against equal expectation, as a distance from its mean in standard deviations. */
static double chi_square_excess(const int *counts, int cells, double expected) {
  double statistic = 0;
  for (int i = 0; i < cells; i++) statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
  return (statistic - (cells - 1)) / sqrt(2.0 * (cells - 1));
}

static void the_first_place_is_anybodys(void **state) {
  (void)state;
  const int sizes[] = {2, 3, 5, 10, 17, 100, 257};
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    const int size = sizes[s], epochs = 200 * size;
    int *counts = calloc((size_t)size, sizeof *counts);
    for (int64_t epoch = 0; epoch < epochs; epoch++) counts[gan_sampler_index(3, size, epoch * size)]++;
    const double excess = chi_square_excess(counts, size, 200);
    free(counts);
    assert_true(excess < 5 && excess > -5);
  }
}

static void all_orders_of_four_and_of_five_are_equally_likely(void **state) {
  (void)state;
  for (int size = 4; size <= 5; size++) {
    const int orders = size == 4 ? 24 : 120, codes = 3125; /* 5^5 */
    int *by_code = calloc((size_t)codes, sizeof *by_code), *counts = calloc((size_t)orders, sizeof *counts), found = 0;
    for (int64_t epoch = 0; epoch < 400 * orders; epoch++) {
      int code = 0;
      for (int i = 0; i < size; i++) code = 5 * code + (int)gan_sampler_index(17, size, epoch * size + i);
      by_code[code]++;
    }
    for (int code = 0; code < codes; code++) {
      if (by_code[code] > 0 && found < orders) counts[found] = by_code[code];
      found += by_code[code] > 0;
    }
    const double excess = chi_square_excess(counts, orders, 400);
    free(by_code);
    free(counts);
    assert_int_equal(found, orders);
    assert_true(excess < 5 && excess > -5);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_epoch_is_a_permutation_for_every_count),
      cmocka_unit_test(indices_stay_in_range_for_huge_counts_and_positions),
      cmocka_unit_test(a_set_without_end_is_taken_in_order),
      cmocka_unit_test(epochs_and_seeds_have_orders_of_their_own),
      cmocka_unit_test(an_order_has_no_visible_relation_to_the_index),
      cmocka_unit_test(the_first_place_is_anybodys),
      cmocka_unit_test(all_orders_of_four_and_of_five_are_equally_likely),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
