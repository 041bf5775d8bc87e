/* Random numbers: the bits against published answers and an own Philox, the distributions against theory. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

/* Philox4x32-10 written down from the paper (section 3.3): ten rounds of two multiplications, key raised in between. */
static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t x[4], k[2] = {key[0], key[1]};
  memcpy(x, counter, sizeof x);
  for (int round = 0; round < 10; round++) {
    const uint64_t first = UINT64_C(0xD2511F53) * x[0], second = UINT64_C(0xCD9E8D57) * x[2];
    const uint32_t next[4] = {(uint32_t)(second >> 32) ^ x[1] ^ k[0], (uint32_t)second,
                              (uint32_t)(first >> 32) ^ x[3] ^ k[1], (uint32_t)first};
    memcpy(x, next, sizeof x);
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  memcpy(out, x, sizeof x);
}

/* kat_vectors of Random123. */
static void this_tests_own_philox_gives_the_published_answers(void **state) {
  (void)state;
  static const struct {
    uint32_t counter[4], key[2], answer[4];
  } known[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint32_t out[4];
    philox(known[i].counter, known[i].key, out);
    assert_memory_equal(out, known[i].answer, sizeof out);
  }
}

static void bits_at_the_zero_address_are_the_published_answer(void **state) {
  (void)state;
  static const uint32_t answer[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  uint32_t out[4];
  gan_random_bits((gan_random_address){0}, 4, out);
  assert_memory_equal(out, answer, sizeof out);
}

static void bits_are_philox_of_seed_stream_step_sample_and_index(void **state) {
  (void)state;
  static const gan_random_address addresses[] = {
      {1, GAN_STREAM_SHUFFLE, 2, 3},
      {0x123456789abcdef0, GAN_STREAM_INTERPOLATION, 0xfedcba98765432, 0xffffffff},
      {UINT64_MAX, GAN_STREAM_LATENT_CRITIC, (UINT64_C(1) << 56) - 1, 0},
      {0, GAN_STREAM_INITIALISE_GENERATOR, UINT64_C(1) << 32, 77},
  };
  for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
    const gan_random_address *at = &addresses[i];
    uint32_t out[4000];
    gan_random_bits(*at, 4000, out);
    for (uint32_t block = 0; block < 1000; block++) {
      const uint32_t key[2] = {(uint32_t)at->seed, (uint32_t)(at->seed >> 32)};
      const uint32_t counter[4] = {block, (uint32_t)at->sample, (uint32_t)at->step,
                                   (uint32_t)at->stream << 24 | (uint32_t)(at->step >> 32)};
      uint32_t expected[4];
      philox(counter, key, expected);
      assert_memory_equal(out + (size_t)4 * block, expected, sizeof expected);
    }
  }
}

static void every_part_of_the_address_changes_the_numbers(void **state) {
  (void)state;
  static const gan_random_address base = {5, GAN_STREAM_LABELS, 6, 7};
  static const gan_random_address others[] = {
      {6, GAN_STREAM_LABELS, 6, 7}, {5 + (UINT64_C(1) << 32), GAN_STREAM_LABELS, 6, 7}, {5, GAN_STREAM_SYNTHETIC, 6, 7},
      {5, GAN_STREAM_LABELS, 7, 7}, {5, GAN_STREAM_LABELS, 6 + (UINT64_C(1) << 32), 7}, {5, GAN_STREAM_LABELS, 6, 8},
  };
  uint32_t first[8], second[8];
  gan_random_bits(base, 8, first);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    gan_random_bits(others[i], 8, second);
    for (int word = 0; word < 8; word++) assert_int_not_equal(first[word], second[word]);
  }
}

static void a_shorter_request_is_the_beginning_of_a_longer(void **state) {
  (void)state;
  static const gan_random_address at = {9, GAN_STREAM_LATENT_SAMPLES, 1, 2};
  uint32_t bits[13], more_bits[21];
  float uniform[13], more_uniform[21], normal[13], more_normal[21];
  gan_random_bits(at, 21, more_bits);
  gan_random_uniform(at, 21, more_uniform);
  gan_random_normal(at, 21, more_normal);
  for (size_t count = 0; count <= 13; count++) {
    gan_random_bits(at, count, bits);
    gan_random_uniform(at, count, uniform);
    gan_random_normal(at, count, normal);
    assert_memory_equal(bits, more_bits, count * sizeof *bits);
    assert_memory_equal(uniform, more_uniform, count * sizeof *uniform);
    assert_memory_equal(normal, more_normal, count * sizeof *normal);
  }
}

static void rows_are_consecutive_samples(void **state) {
  (void)state;
  enum { ROWS = 5, COUNT = 7 };
  gan_random_address at = {11, GAN_STREAM_LATENT_GENERATOR, 3, 100};
  float normal[ROWS][COUNT], uniform[ROWS][COUNT], row[COUNT];
  gan_random_normal_rows(at, ROWS, COUNT, normal[0]);
  gan_random_uniform_rows(at, ROWS, COUNT, uniform[0]);
  for (int i = 0; i < ROWS; i++, at.sample++) {
    gan_random_normal(at, COUNT, row);
    assert_memory_equal(row, normal[i], sizeof row);
    gan_random_uniform(at, COUNT, row);
    assert_memory_equal(row, uniform[i], sizeof row);
  }
}

static void uniform_and_normal_are_made_of_the_words(void **state) {
  (void)state;
  enum { COUNT = 1000 };
  static const gan_random_address at = {13, GAN_STREAM_EVALUATION, 0, 0};
  uint32_t words[COUNT];
  float uniform[COUNT], normal[COUNT];
  gan_random_bits(at, COUNT, words);
  gan_random_uniform(at, COUNT, uniform);
  gan_random_normal(at, COUNT, normal);
  for (int i = 0; i < COUNT; i += 2) {
    const double first = (words[i] + 0.5) / 4294967296.0, second = (words[i + 1] + 0.5) / 4294967296.0;
    assert_true(uniform[i] == (float)first && uniform[i + 1] == (float)second);
    const double radius = sqrt(-2 * log(first)), angle = 2 * acos(-1.0) * second;
    assert_true(fabs(normal[i] - radius * cos(angle)) < 1e-5);
    assert_true(fabs(normal[i + 1] - radius * sin(angle)) < 1e-5);
  }
}

/* Places of the extreme words, found by search. */
static void extreme_words_stay_inside_the_open_interval(void **state) {
  (void)state;
  static const gan_random_address largest = {0, GAN_STREAM_INITIALISE_GENERATOR, 0, 5196741};
  static const gan_random_address smallest = {0, GAN_STREAM_INITIALISE_GENERATOR, 0, 23172842};
  uint32_t words[4];
  float values[4];
  gan_random_bits(largest, 4, words);
  assert_int_equal(words[3], 0xffffff87);
  gan_random_uniform(largest, 4, values);
  assert_true(values[3] == nextafterf(1, 0));
  gan_random_bits(smallest, 4, words);
  assert_int_equal(words[2], 0);
  gan_random_uniform(smallest, 4, values);
  assert_true(values[2] == 0x1p-33f);
  gan_random_normal(smallest, 4, values);
  assert_true(isfinite(values[2]) && isfinite(values[3]));
  /* The largest radius that there is: sqrt(2 ln 2^33) = 6.763... */
  assert_true(fabs(hypot(values[2], values[3]) - sqrt(66 * log(2.0))) < 1e-5);
}

static int compare_floats(const void *left, const void *right) {
  const float a = *(const float *)left, b = *(const float *)right;
  return (a > b) - (a < b);
}

/* Kolmogorov and Smirnov's statistic times sqrt(count); above 1.95 with probability 0.001. Sorts the values. */
static double kolmogorov_smirnov(float *values, size_t count, double (*distribution)(double)) {
  double largest = 0;
  qsort(values, count, sizeof *values, compare_floats);
  for (size_t i = 0; i < count; i++) {
    const double expected = distribution(values[i]);
    largest = fmax(largest, fmax(expected - (double)i / (double)count, (double)(i + 1) / (double)count - expected));
  }
  return largest * sqrt((double)count);
}

static double uniform_distribution(double x) { return x; }
static double normal_distribution(double x) { return 0.5 * erfc(-x / sqrt(2.0)); }

enum { ROWS = 1000, COLUMNS = 200, VALUES = ROWS * COLUMNS };

/* Means of x, x^2, x^4 and of the products of neighbours in a row and in a column. */
typedef struct moments {
  double first, second, fourth, along_row, along_column;
} moments;

static moments moments_of(const float *values, double centre) {
  moments sum = {0};
  for (size_t i = 0; i < VALUES; i++) {
    const double x = values[i] - centre;
    sum.first += x / VALUES;
    sum.second += x * x / VALUES;
    sum.fourth += x * x * x * x / VALUES;
    if (i + 1 < VALUES) sum.along_row += x * (values[i + 1] - centre) / VALUES;
    if (i + COLUMNS < VALUES) sum.along_column += x * (values[i + COLUMNS] - centre) / VALUES;
  }
  return sum;
}

/* Within four standard errors of the expectation; the standard error of a mean of VALUES terms is sigma / sqrt(VALUES).
 */
static void assert_mean(double mean, double expected, double sigma) {
  assert_true(fabs(mean - expected) < 4 * sigma / sqrt(VALUES));
}

static void uniform_numbers_are_uniform_and_independent(void **state) {
  (void)state;
  float *values = malloc(VALUES * sizeof *values);
  assert_non_null(values);
  gan_random_uniform_rows((gan_random_address){17, GAN_STREAM_LATENT_CRITIC, 0, 0}, ROWS, COLUMNS, values);
  const moments found = moments_of(values, 0.5);
  assert_mean(found.first, 0, sqrt(1.0 / 12));
  assert_mean(found.second, 1.0 / 12, sqrt(1.0 / 80 - 1.0 / 144));
  assert_mean(found.fourth, 1.0 / 80, sqrt(1.0 / 2304 - 1.0 / 6400));
  assert_mean(found.along_row, 0, 1.0 / 12);
  assert_mean(found.along_column, 0, 1.0 / 12);
  assert_true(kolmogorov_smirnov(values, VALUES, uniform_distribution) < 1.95);
  free(values);
}

static void normal_numbers_are_normal_and_independent(void **state) {
  (void)state;
  float *values = malloc(VALUES * sizeof *values);
  assert_non_null(values);
  gan_random_normal_rows((gan_random_address){19, GAN_STREAM_LATENT_GENERATOR, 0, 0}, ROWS, COLUMNS, values);
  const moments found = moments_of(values, 0);
  assert_mean(found.first, 0, 1);
  assert_mean(found.second, 1, sqrt(2.0));
  assert_mean(found.fourth, 3, sqrt(96.0));
  assert_mean(found.along_row, 0, 1);
  assert_mean(found.along_column, 0, 1);
  assert_true(kolmogorov_smirnov(values, VALUES, normal_distribution) < 1.95);
  free(values);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(this_tests_own_philox_gives_the_published_answers),
      cmocka_unit_test(bits_at_the_zero_address_are_the_published_answer),
      cmocka_unit_test(bits_are_philox_of_seed_stream_step_sample_and_index),
      cmocka_unit_test(every_part_of_the_address_changes_the_numbers),
      cmocka_unit_test(a_shorter_request_is_the_beginning_of_a_longer),
      cmocka_unit_test(rows_are_consecutive_samples),
      cmocka_unit_test(uniform_and_normal_are_made_of_the_words),
      cmocka_unit_test(extreme_words_stay_inside_the_open_interval),
      cmocka_unit_test(uniform_numbers_are_uniform_and_independent),
      cmocka_unit_test(normal_numbers_are_normal_and_independent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
