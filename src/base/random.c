#include "base/random.h"

#include <Random123/philox.h>
#include <math.h>

#include "base/float_bits.h"

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

/* --- Normal numbers: pairs, by Box and Muller (1958). Their logarithm, sine and cosine are computed here: a C
   library's differ in the last bit from version to version and from CPU to CPU, and take one number at a time. --- */

/* log u for 0 < u < 1, to about a unit in the last place. u = 2^e m, sqrt(1/2) <= m < sqrt 2; log m = 2 artanh s with
   s = (m - 1) / (m + 1), |s| < 0.172, by its series up to s^9 (remainder 1e-9 of it). ln 2 comes in two parts, the
   first with so few digits that its product with e is exact. */
GAN_INLINE float logarithm(float u) {
  const uint32_t root_of_half = 0x3f3504f3u; /* bits of it, rounded down */
  const uint32_t above = bits_of_float(u) - root_of_half;
  const float e = (float)((int32_t)above >> 23);
  const float m = float_of_bits((above & 0x7fffffu) + root_of_half);
  const float s = (m - 1.0f) / (m + 1.0f);
  const float q = s * s;
  const float series = q * (1.0f / 3 + q * (1.0f / 5 + q * (1.0f / 7 + q * (1.0f / 9))));
  return e * 0x1.62ep-1f + (e * 0x1.0bfbe8p-15f + 2.0f * (s + s * series));
}

/* Cosine and sine of v turns, 0 <= v < 1: of the nearest quarter, which is exact, and the rest, |t| <= pi / 4, by their
   Taylor series (remainders 2e-9 of 1, and of t). */
GAN_INLINE void turn(float v, float *cosine, float *sine) {
  const float shift = 0x1.8p23f; /* added, it rounds to an integer, which then stands in the sum's low bits */
  const float shifted = 4.0f * v + shift;
  const uint32_t quarter = bits_of_float(shifted) - bits_of_float(shift);
  const float t = (4.0f * v - (shifted - shift)) * 0x1.921fb6p0f;
  const float q = t * t;
  const float s = t + t * q * (-1.0f / 6 + q * (1.0f / 120 + q * (-1.0f / 5040 + q * (1.0f / 362880))));
  const float c = 1.0f + q * (-1.0f / 2 + q * (1.0f / 24 + q * (-1.0f / 720 + q * (1.0f / 40320))));
  const uint32_t odd = 0u - (quarter & 1u);
  const uint32_t first = (bits_of_float(c) & ~odd) | (bits_of_float(s) & odd),
                 second = (bits_of_float(s) & ~odd) | (bits_of_float(c) & odd);
  *cosine = float_of_bits(first ^ ((quarter + 1u) & 2u) << 30);
  *sine = float_of_bits(second ^ (quarter & 2u) << 30);
}

enum { BLOCKS = 32, PAIRS = 2 * BLOCKS };

/* In place: two uniform numbers become two normal ones, alone or side by side with others the same bits. */
GAN_MULTIVERSION static void make_normal(size_t pairs, float *first, float *second) {
  GAN_ELEMENTWISE
  for (size_t i = 0; i < pairs; i++) {
    float cosine, sine;
    const float radius = sqrtf(-2.0f * logarithm(first[i]));
    turn(second[i], &cosine, &sine);
    first[i] = radius * cosine;
    second[i] = radius * sine;
  }
}

void gan_random_normal(gan_random_address address, size_t count, float *out) {
  for (size_t begin = 0; begin < count; begin += 2 * PAIRS) {
    float first[PAIRS], second[PAIRS];
    const size_t left = count - begin, pairs = left < 2 * PAIRS ? (left + 1) / 2 : PAIRS;
    for (size_t i = 0; i < pairs; i += 2) {
      const philox4x32_ctr_t words = philox_block(address, (uint32_t)((begin + 2 * i) / 4));
      for (size_t j = 0; j < 2; j++) {
        first[i + j] = open_unit(words.v[2 * j]);
        second[i + j] = open_unit(words.v[2 * j + 1]);
      }
    }
    make_normal(pairs, first, second);
    for (size_t i = 0; i < 2 * pairs && i < left; i++) out[begin + i] = i % 2 ? second[i / 2] : first[i / 2];
  }
}

void gan_random_normal_rows(gan_random_address address, size_t rows, size_t count, float *out) {
  for (size_t row = 0; row < rows; row++, address.sample++) gan_random_normal(address, count, out + row * count);
}

void gan_random_uniform_rows(gan_random_address address, size_t rows, size_t count, float *out) {
  for (size_t row = 0; row < rows; row++, address.sample++) gan_random_uniform(address, count, out + row * count);
}
