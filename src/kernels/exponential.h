/* exp and its relatives in float32, without a branch or a call, so that loops over them vectorise. The error is a few
   units in the last place; arguments too large give infinity, too small 0 (or -1), NaN gives NaN.

   exp x = 2^n exp r with n = round(x / ln 2), |r| <= (ln 2) / 2, and exp r by its Taylor series up to r^7, whose
   remainder of 5e-9 is far below float32's resolution. ln 2 is subtracted in two parts, the first with so few digits
   that its product with n is exact. */
#ifndef GAN_KERNELS_EXPONENTIAL_H
#define GAN_KERNELS_EXPONENTIAL_H

#include "base/float_bits.h"

GAN_INLINE float absolute(float x) { return float_of_bits(bits_of_float(x) & 0x7fffffffu); }

/* |magnitude| with the sign of x. */
GAN_INLINE float with_sign_of(float magnitude, float x) {
  return float_of_bits((bits_of_float(magnitude) & 0x7fffffffu) | (bits_of_float(x) & 0x80000000u));
}

/* condition ? a : b by a mask: the plain form becomes a branch, which gcc cannot vectorise without AVX-512. */
GAN_INLINE float choose(int condition, float a, float b) {
  const uint32_t mask = 0u - (uint32_t)condition;
  return float_of_bits((bits_of_float(a) & mask) | (bits_of_float(b) & ~mask));
}

/* min(max(x, low), high), NaN staying NaN. */
GAN_INLINE float limited(float x, float low, float high) {
  const float raised = choose(x < low, low, x);
  return choose(raised > high, high, raised);
}

/* Splits x = n ln 2 + r; returns exp(r) - 1, accurate also near r = 0. Adding 1.5 * 2^23 rounds to an integer, which
   then stands in the sum's low bits. Unsigned, because a NaN's bits make any number. */
GAN_INLINE float reduced_expm1(float x, uint32_t *n) {
  const float shift = 0x1.8p23f;
  const float shifted = x * 0x1.715476p0f + shift;
  const float whole = shifted - shift;
  const float r = (x - whole * 0x1.62ep-1f) - whole * 0x1.0bfbe8p-15f;
  *n = bits_of_float(shifted) - bits_of_float(shift);
  const float series =
      1.0f / 2 + r * (1.0f / 6 + r * (1.0f / 24 + r * (1.0f / 120 + r * (1.0f / 720 + r * (1.0f / 5040)))));
  return r + r * r * series;
}

/* 2^n for -126 <= n <= 127. */
GAN_INLINE float power_of_two(uint32_t n) { return float_of_bits((n + 127u) << 23); }

/* exp x for every x; in two factors of 2^(n/2), since 2^n alone can lie outside of float32's exponents. */
GAN_INLINE float exponential(float x) {
  uint32_t n;
  const float e = 1.0f + reduced_expm1(limited(x, -104.0f, 89.0f), &n);
  const uint32_t half = (uint32_t)((int32_t)n >> 1);
  return e * power_of_two(half) * power_of_two(n - half);
}

/* exp(x) - 1 for x <= 0, which does not lose digits near 0. */
GAN_INLINE float exponential_minus_1(float x) {
  uint32_t n;
  const float e = reduced_expm1(limited(x, -25.0f, 0.0f), &n);
  const float scale = power_of_two(n);
  return scale * e + (scale - 1.0f);
}

/* log(1 + u) for 0 <= u <= 1: 2 artanh(s), s = u / (2 + u) <= 1/3, by its series up to s^17 (remainder 2e-10). */
GAN_INLINE float log_1_plus(float u) {
  const float s = u / (2.0f + u);
  const float q = s * s;
  const float series =
      1.0f / 3 +
      q * (1.0f / 5 +
           q * (1.0f / 7 + q * (1.0f / 9 + q * (1.0f / 11 + q * (1.0f / 13 + q * (1.0f / 15 + q * (1.0f / 17)))))));
  return 2.0f * (s + s * q * series);
}

/* 1 / (1 + exp(-x)), accurate at both ends. */
GAN_INLINE float logistic(float x) {
  const float e = exponential(-absolute(x));
  return choose(x < 0.0f, e, 1.0f) / (1.0f + e);
}

/* Distribution function of the standard normal. The lower tail is erfc(z) / 2, z = |x| / sqrt 2, and
   erfc(z) = exp(-z^2) P(w) / (1 + 2 z), w = (z - 2) / (z + 2), where P is a polynomial fitted to
   (1 + 2 z) exp(z^2) erfc(z) for 0 <= z <= 12 (relative error of the fit 2.3e-8; erfc(12) is 0 in float32). */
GAN_INLINE float normal_distribution(float x) {
  const float magnitude = limited(absolute(x), 0.0f, 16.0f);
  const float z = magnitude * 0x1.6a09e6p-1f;
  const float w = (z - 2.0f) / (z + 2.0f);
  float p = -3.80373382e-04f;
  p = p * w - 1.19666477e-03f;
  p = p * w + 1.30701793e-03f;
  p = p * w + 8.60234611e-03f;
  p = p * w - 8.06336013e-03f;
  p = p * w - 5.41960820e-02f;
  p = p * w + 1.64056616e-01f;
  p = p * w - 1.66032181e-01f;
  p = p * w - 9.27640540e-02f;
  p = p * w + 1.27697840e+00f;
  const float tail = 0.5f * exponential(-0.5f * magnitude * magnitude) * p / (1.0f + 2.0f * z);
  return choose(x < 0.0f, tail, 1.0f - tail);
}

/* Density of the standard normal. */
GAN_INLINE float normal_density(float x) {
  const float magnitude = limited(absolute(x), 0.0f, 16.0f);
  return 0x1.988454p-2f * exponential(-0.5f * magnitude * magnitude);
}

#endif
