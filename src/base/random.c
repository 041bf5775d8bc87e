#include "base/random.h"

#include <Random123/philox.h>
#include <math.h>

static philox4x32_ctr_t philox_block(gan_random_address address, uint32_t block) {
  const philox4x32_key_t key = {{(uint32_t)address.seed, (uint32_t)(address.seed >> 32)}};
  const uint32_t high = ((uint32_t)address.stream << 24) | ((uint32_t)(address.step >> 32) & 0xffffffu);
  const philox4x32_ctr_t counter = {{block, (uint32_t)address.sample, (uint32_t)address.step, high}};
  return philox4x32_R(10, counter, key);
}

void gan_random_bits(gan_random_address address, size_t count, uint32_t *out) {
  for (size_t i = 0; i < count; i += 4) {
    const philox4x32_ctr_t words = philox_block(address, (uint32_t)(i / 4));
    for (size_t j = 0; j < 4 && i + j < count; j++) out[i + j] = words.v[j];
  }
}

/* Never 0, so that its logarithm is finite; never 1, which float32 rounding would otherwise give. */
static float open_unit(uint32_t word) {
  const float u = (float)(((double)word + 0.5) * 0x1p-32);
  return u < 1.0f ? u : 0x1.fffffep-1f;
}

void gan_random_uniform(gan_random_address address, size_t count, float *out) {
  for (size_t i = 0; i < count; i += 4) {
    const philox4x32_ctr_t words = philox_block(address, (uint32_t)(i / 4));
    for (size_t j = 0; j < 4 && i + j < count; j++) out[i + j] = open_unit(words.v[j]);
  }
}

void gan_random_normal(gan_random_address address, size_t count, float *out) {
  const float turn = 6.28318530717958647692f;
  for (size_t i = 0; i < count; i += 4) {
    const philox4x32_ctr_t words = philox_block(address, (uint32_t)(i / 4));
    float normal[4];
    for (size_t j = 0; j < 4; j += 2) {
      const float radius = sqrtf(-2.0f * logf(open_unit(words.v[j])));
      const float angle = turn * open_unit(words.v[j + 1]);
      normal[j] = radius * cosf(angle);
      normal[j + 1] = radius * sinf(angle);
    }
    for (size_t j = 0; j < 4 && i + j < count; j++) out[i + j] = normal[j];
  }
}

void gan_random_normal_rows(gan_random_address address, size_t rows, size_t count, float *out) {
  for (size_t row = 0; row < rows; row++, address.sample++) gan_random_normal(address, count, out + row * count);
}

void gan_random_uniform_rows(gan_random_address address, size_t rows, size_t count, float *out) {
  for (size_t row = 0; row < rows; row++, address.sample++) gan_random_uniform(address, count, out + row * count);
}
