/* Radix sort, least significant digit first: of a million doubles it takes about a fifth of qsort's time, which is what
   distances by sorted projections mostly consist of.

   The bits of a double, read as an integer, are in order but for signs: negative numbers come last and the wrong way
   round. With all bits of those and the sign of the others turned over, they are in order. */
#include "base/sort.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DIGIT_BITS = 11, DIGITS = 6, BUCKETS = 1 << DIGIT_BITS, RADIX_LEAST = 512 };
/* Keys take the place of the values, in the same memory. */
typedef uint64_t stored_key __attribute__((may_alias));
static const uint64_t SIGN = UINT64_C(1) << 63;

static uint64_t key_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits & SIGN ? ~bits : bits | SIGN;
}

static double value_of(uint64_t key) {
  const uint64_t bits = key & SIGN ? key & ~SIGN : ~key;
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static size_t digit_of(uint64_t key, int digit) { return (size_t)(key >> (digit * DIGIT_BITS)) & (BUCKETS - 1); }

static int compare(const void *left, const void *right) {
  const uint64_t a = key_of(*(const double *)left), b = key_of(*(const double *)right);
  return (a > b) - (a < b);
}

/* From counts to where each bucket begins; false where all values are in one, so that there is nothing to move. */
static bool find_places(size_t n, uint32_t *counts) {
  uint32_t place = 0;
  for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
    const uint32_t count = counts[bucket];
    if (count == n) return false;
    counts[bucket] = place;
    place += count;
  }
  return true;
}

/* Values become keys, and the keys' digits are counted. */
static void make_keys(size_t n, const double *values, stored_key *made, uint32_t (*counts)[BUCKETS]) {
  memset(counts, 0, DIGITS * sizeof *counts);
  for (size_t i = 0; i < n; i++) {
    const uint64_t bits = key_of(values[i]);
    made[i] = bits;
    for (int digit = 0; digit < DIGITS; digit++) counts[digit][digit_of(bits, digit)]++;
  }
}

static void radix_sort(size_t n, double *values, double *scratch) {
  uint32_t counts[DIGITS][BUCKETS];
  stored_key *from = (stored_key *)values, *to = (stored_key *)scratch;
  make_keys(n, values, from, counts);
  for (int digit = 0; digit < DIGITS; digit++) {
    uint32_t *places = counts[digit];
    if (!find_places(n, places)) continue;
    for (size_t i = 0; i < n; i++) to[places[digit_of(from[i], digit)]++] = from[i];
    stored_key *sorted = to;
    to = from;
    from = sorted;
  }
  for (size_t i = 0; i < n; i++) values[i] = value_of(from[i]);
}

void gan_sort_doubles(size_t n, double *values, double *scratch) {
  if (scratch && n >= RADIX_LEAST && n <= UINT32_MAX)
    radix_sort(n, values, scratch);
  else if (n > 1)
    qsort(values, n, sizeof *values, compare);
}
