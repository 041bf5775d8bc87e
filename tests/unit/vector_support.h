/* Vectors of random numbers for the tests of kernels. */
#ifndef GAN_TESTS_UNIT_VECTOR_SUPPORT_H
#define GAN_TESTS_UNIT_VECTOR_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs those before it */
#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"

static inline void fill_randomly(uint64_t seed, size_t n, float *values) {
  gan_random_normal((gan_random_address){.seed = seed, .stream = GAN_STREAM_SYNTHETIC}, n, values);
}

static inline float *random_vector(uint64_t seed, size_t n) {
  float *values;
  assert_int_equal(gan_allocate(n, sizeof *values, "test values", &values), GAN_OK);
  fill_randomly(seed, n, values);
  return values;
}

#endif
