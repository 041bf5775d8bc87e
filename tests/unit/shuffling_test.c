/* Pixel shuffle against its definition, and its way back. */
#include "kernels/shuffling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs those before it */
#include <cmocka.h>

enum { ROWS = 2 };

static const gan_shuffling shufflings[] = {
    {2, {1, 3, 37}, {1, 2, 2}}, {1, {1, 1, 5}, {1, 1, 3}}, {3, {2, 3, 4}, {2, 1, 4}},
    {1, {1, 4, 1}, {1, 3, 2}},  {2, {1, 2, 9}, {1, 5, 1}}, {4, {1, 1, 1}, {1, 1, 1}},
};

/* Where the large image's value comes from, in the small one. */
static int64_t source(const gan_shuffling *sizes, int64_t place) {
  int64_t at[GAN_AXES], block[GAN_AXES], channel;
  for (int axis = GAN_AXES - 1; axis >= 0; axis--) {
    const int64_t length = sizes->small[axis] * sizes->factor[axis], position = place % length;
    at[axis] = position / sizes->factor[axis];
    block[axis] = position % sizes->factor[axis];
    place /= length;
  }
  channel = place;
  for (int axis = 0; axis < GAN_AXES; axis++) channel = channel * sizes->factor[axis] + block[axis];
  for (int axis = 0; axis < GAN_AXES; axis++) channel = channel * sizes->small[axis] + at[axis];
  return channel;
}

static void check(const gan_shuffling *sizes) {
  const int64_t elements = sizes->channels * gan_positions(sizes->small) * gan_positions(sizes->factor);
  float *small = malloc((size_t)(3 * ROWS * elements) * sizeof *small);
  assert_non_null(small);
  float *large = small + ROWS * elements, *back = large + ROWS * elements;
  for (int64_t i = 0; i < ROWS * elements; i++) small[i] = (float)i;
  gan_pixel_shuffle(sizes, ROWS, small, large);
  gan_pixel_unshuffle(sizes, ROWS, large, back);
  for (int64_t i = 0; i < ROWS * elements; i++) {
    assert_true(large[i] == small[i / elements * elements + source(sizes, i % elements)]);
    assert_true(back[i] == small[i]);
  }
  free(small);
}

static void channels_of_a_position_become_its_block_and_channels_again(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof shufflings / sizeof *shufflings; i++) check(&shufflings[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(channels_of_a_position_become_its_block_and_channels_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
