/* The shard tree written down once more, for the tests of who sums along it, with values whose order of addition shows.
 */
#ifndef GAN_TESTS_UNIT_TREE_SUPPORT_H
#define GAN_TESTS_UNIT_TREE_SUPPORT_H

#include <stdint.h>

/* Values whose sum changes with the order of additions: magnitudes from 2^-12 to 2^12, both signs. */
static inline float leaf(int shard, int place) {
  uint32_t bits = (uint32_t)shard * 2654435761u + (uint32_t)place * 40503u + 12345u;
  bits = (bits ^ (bits >> 15)) * 2246822519u;
  bits = (bits ^ (bits >> 13)) * 3266489917u;
  bits ^= bits >> 16;
  const float fraction = (float)(int32_t)(bits & ~31u) * 0x1p-31f;
  const int exponent = (int)(bits % 25) - 12;
  return exponent < 0 ? fraction / (float)(1 << -exponent) : fraction * (float)(1 << exponent);
}

static inline float tree_sum(int low, int high, int place) {
  if (high - low == 1) return leaf(low, place);
  const int middle = low + (high - low + 1) / 2;
  const float left = tree_sum(low, middle, place), right = tree_sum(middle, high, place);
  return left + right;
}

#endif
