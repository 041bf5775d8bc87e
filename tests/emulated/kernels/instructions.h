/* In place of src/kernels/instructions.h: AVX-512 and AVX512_BF16 in plain C, each instruction by Intel's description
   of its operation, so that the kernels written with them can be tested on any CPU with AVX2. Only what they use. Slow:
   nothing that is built with this says anything about speed. */
#ifndef TESTS_EMULATED_INSTRUCTIONS_H
#define TESTS_EMULATED_INSTRUCTIONS_H

#include "../../../src/kernels/instructions.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <math.h>
#include <stdint.h>
#include <string.h>

#undef CPU_HAS
#define CPU_HAS(instructions) (strncmp(instructions, "avx512", 6) == 0 || __builtin_cpu_supports(instructions))

#undef AVX512_TARGET
#undef AVX512_BF16_TARGET
#define AVX512_TARGET AVX2_TARGET
#define AVX512_BF16_TARGET AVX2_TARGET

#define EMULATED static inline AVX512

enum { EMULATED_LANES = 16, EMULATED_QUARTER = 4 };

/* A register as its parts. */
typedef union emulated_register {
  __m512 floats;
  __m512i integers;
  __m512bh pairs;
  __m256 half[2];
  __m128 quarter[4];
  float f32[16];
  int32_t i32[16];
  uint32_t u32[16];
  uint16_t u16[32];
} emulated_register;

#define FLOATS(x) ((emulated_register){.floats = (x)})
#define INTEGERS(x) ((emulated_register){.integers = (x)})
#define EACH_LANE(i) for (int i = 0; i < EMULATED_LANES; i++)

/* --- loads and stores: what the mask leaves out is not touched --- */

EMULATED __m512 emulated_maskz_loadu_ps(__mmask16 mask, const void *from) {
  emulated_register to = {0};
  if (mask == 0xffff)
    memcpy(&to, from, sizeof to);
  else
    EACH_LANE(i) if (mask >> i & 1) memcpy(&to.f32[i], (const float *)from + i, sizeof(float));
  return to.floats;
}

EMULATED void emulated_mask_storeu_ps(void *to, __mmask16 mask, __m512 x) {
  const emulated_register from = FLOATS(x);
  if (mask == 0xffff)
    memcpy(to, &from, sizeof from);
  else
    EACH_LANE(i) if (mask >> i & 1) memcpy((float *)to + i, &from.f32[i], sizeof(float));
}

#define _mm512_maskz_loadu_ps(mask, from) emulated_maskz_loadu_ps(mask, from)
#define _mm512_loadu_ps(from) emulated_maskz_loadu_ps(0xffff, from)
#define _mm512_loadu_si512(from) ((__m512i)emulated_maskz_loadu_ps(0xffff, from))
#define _mm512_mask_storeu_ps(to, mask, x) emulated_mask_storeu_ps(to, mask, x)
#define _mm512_mask_storeu_epi32(to, mask, x) emulated_mask_storeu_ps(to, mask, (__m512)(x))
#define _mm512_storeu_ps(to, x) emulated_mask_storeu_ps(to, 0xffff, x)

/* --- constants --- */

EMULATED __m512 emulated_set1_ps(float x) {
  emulated_register to;
  EACH_LANE(i) to.f32[i] = x;
  return to.floats;
}

EMULATED __m512i emulated_set1_epi32(int32_t x) {
  emulated_register to;
  EACH_LANE(i) to.i32[i] = x;
  return to.integers;
}

EMULATED __m512i emulated_set_epi16(const uint16_t *last_first) {
  emulated_register to;
  for (int i = 0; i < 32; i++) to.u16[i] = last_first[31 - i];
  return to.integers;
}

EMULATED __m512i emulated_setr_epi32(const int32_t *x) {
  emulated_register to;
  memcpy(&to, x, sizeof to);
  return to.integers;
}

#undef _mm512_setr_epi32
#define _mm512_setzero_ps() emulated_set1_ps(0)
#define _mm512_set1_ps(x) emulated_set1_ps(x)
#define _mm512_set1_epi32(x) emulated_set1_epi32(x)
#define _mm512_set_epi16(...) emulated_set_epi16((const uint16_t[32]){__VA_ARGS__})
#define _mm512_setr_epi32(...) emulated_setr_epi32((const int32_t[16]){__VA_ARGS__})

/* --- arithmetic --- */

EMULATED __m512 emulated_add_ps(__m512 a, __m512 b) { return a + b; }
EMULATED __m512 emulated_mul_ps(__m512 a, __m512 b) { return a * b; }

EMULATED __m512i emulated_add_epi32(__m512i a, __m512i b) {
  emulated_register to = INTEGERS(a), addend = INTEGERS(b);
  EACH_LANE(i) to.u32[i] += addend.u32[i];
  return to.integers;
}

EMULATED __m512 emulated_fmadd_ps(__m512 a, __m512 b, __m512 c) {
  const emulated_register x = FLOATS(a), y = FLOATS(b), z = FLOATS(c);
  emulated_register to;
  for (int i = 0; i < 2; i++) to.half[i] = _mm256_fmadd_ps(x.half[i], y.half[i], z.half[i]);
  return to.floats;
}

/* VDPBF16PS: adds the products of the pairs' second numbers, then those of the first. (It takes numbers below float32's
   normal ones for zero, which this does not.) */
EMULATED __m512 emulated_dpbf16_ps(__m512 sums, __m512bh a, __m512bh b) {
  const emulated_register x = {.pairs = a}, y = {.pairs = b};
  emulated_register low_x, low_y, high_x, high_y;
  EACH_LANE(i) {
    low_x.u32[i] = x.u32[i] << 16, low_y.u32[i] = y.u32[i] << 16;
    high_x.u32[i] = x.u32[i] & 0xffff0000u, high_y.u32[i] = y.u32[i] & 0xffff0000u;
  }
  return emulated_fmadd_ps(low_x.floats, low_y.floats, emulated_fmadd_ps(high_x.floats, high_y.floats, sums));
}

/* VCVTNE2PS2BF16: to nearest, halves to even; b becomes the lower half of the result. */
EMULATED __m512bh emulated_cvtne2ps_pbh(__m512 a, __m512 b) {
  const emulated_register from[2] = {FLOATS(b), FLOATS(a)};
  emulated_register to;
  for (int half = 0; half < 2; half++) EACH_LANE(i) {
      const uint32_t bits = from[half].u32[i];
      const uint32_t rounded = isnan(from[half].f32[i]) ? bits | 0x400000u : bits + 0x7fffu + (bits >> 16 & 1);
      to.u16[half * EMULATED_LANES + i] = (uint16_t)(rounded >> 16);
    }
  return to.pairs;
}

#define _mm512_add_ps(a, b) emulated_add_ps(a, b)
#define _mm512_mul_ps(a, b) emulated_mul_ps(a, b)
#define _mm512_add_epi32(a, b) emulated_add_epi32(a, b)
#define _mm512_fmadd_ps(a, b, c) emulated_fmadd_ps(a, b, c)
#define _mm512_dpbf16_ps(sums, a, b) emulated_dpbf16_ps(sums, a, b)
#define _mm512_cvtne2ps_pbh(a, b) emulated_cvtne2ps_pbh(a, b)

/* --- permutations --- */

EMULATED __m512 emulated_mask_permutexvar_ps(__m512 otherwise, __mmask16 mask, __m512i index, __m512 x) {
  const emulated_register from = FLOATS(x), at = INTEGERS(index);
  emulated_register to = FLOATS(otherwise);
  EACH_LANE(i) if (mask >> i & 1) to.u32[i] = from.u32[at.u32[i] & 15];
  return to.floats;
}

EMULATED __m512 emulated_permutex2var_ps(__m512 a, __m512i index, __m512 b) {
  const emulated_register x = FLOATS(a), y = FLOATS(b), at = INTEGERS(index);
  emulated_register to;
  EACH_LANE(i) to.u32[i] = at.u32[i] & 16 ? y.u32[at.u32[i] & 15] : x.u32[at.u32[i] & 15];
  return to.floats;
}

EMULATED __m512i emulated_permutexvar_epi16(__m512i index, __m512i x) {
  const emulated_register from = INTEGERS(x), at = INTEGERS(index);
  emulated_register to;
  for (int i = 0; i < 32; i++) to.u16[i] = from.u16[at.u16[i] & 31];
  return to.integers;
}

/* In each quarter, elements of a's and b's by turns: its first two, or its last two. */
EMULATED __m512 emulated_unpack_ps(__m512 a, __m512 b, int first) {
  const emulated_register x = FLOATS(a), y = FLOATS(b);
  emulated_register to;
  EACH_LANE(i) {
    const int from = i / EMULATED_QUARTER * EMULATED_QUARTER + first + i % EMULATED_QUARTER / 2;
    to.u32[i] = i % 2 ? y.u32[from] : x.u32[from];
  }
  return to.floats;
}

/* The i-th of four: a's in the first half, b's in the second, chosen by two bits of `order` each. */
EMULATED int emulated_chosen(int order, int i) { return order >> 2 * i & 3; }

/* Four elements in each quarter. */
EMULATED __m512 emulated_shuffle_ps(__m512 a, __m512 b, int order) {
  const emulated_register x = FLOATS(a), y = FLOATS(b);
  emulated_register to;
  EACH_LANE(i) {
    const int place = i % EMULATED_QUARTER, from = i - place + emulated_chosen(order, place);
    to.u32[i] = place < 2 ? x.u32[from] : y.u32[from];
  }
  return to.floats;
}

/* Four quarters. */
EMULATED __m512 emulated_shuffle_f32x4(__m512 a, __m512 b, int order) {
  const emulated_register x = FLOATS(a), y = FLOATS(b);
  emulated_register to;
  for (int i = 0; i < 4; i++) to.quarter[i] = (i < 2 ? x : y).quarter[emulated_chosen(order, i)];
  return to.floats;
}

#define _mm512_mask_permutexvar_ps(otherwise, mask, index, x) emulated_mask_permutexvar_ps(otherwise, mask, index, x)
#define _mm512_permutex2var_ps(a, index, b) emulated_permutex2var_ps(a, index, b)
#define _mm512_permutexvar_epi16(index, x) emulated_permutexvar_epi16(index, x)
#define _mm512_unpacklo_ps(a, b) emulated_unpack_ps(a, b, 0)
#define _mm512_unpackhi_ps(a, b) emulated_unpack_ps(a, b, 2)
#undef _mm512_shuffle_ps
#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_ps(a, b, order) emulated_shuffle_ps(a, b, order)
#define _mm512_shuffle_f32x4(a, b, order) emulated_shuffle_f32x4(a, b, order)

/* --- parts of a register --- */

EMULATED __m256 emulated_half(__m512 x, int i) { return FLOATS(x).half[i]; }
EMULATED __m128 emulated_quarter(__m512 x, int i) { return FLOATS(x).quarter[i]; }

#undef _mm512_extractf32x4_ps
#undef _mm512_extractf32x8_ps
#define _mm512_castsi512_ps(x) ((__m512)(x))
#define _mm512_castps512_ps256(x) emulated_half(x, 0)
#define _mm512_castps512_ps128(x) emulated_quarter(x, 0)
#define _mm512_extractf32x8_ps(x, i) emulated_half(x, i)
#define _mm512_extractf32x4_ps(x, i) emulated_quarter(x, i)

#endif
#endif
