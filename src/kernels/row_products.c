/* Written with the compiler's names of AVX-512 instructions, for the order in which they keep registers busy is the
   whole point: a tile of 4 rows of A and 6 of B has 24 sums in 24 of the 32 registers, and 24 multiply-adds for 10
   loads. Compiled for AVX-512 whatever the build's baseline, and called only where the CPU has it. */
#include "kernels/row_products.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <stddef.h>

#include "kernels/environment.h"
#include "kernels/instructions.h"

enum { ROWS = 4, COLUMNS = 6, LANES = 16 };

/* Measured against oneDNN on an Ice Lake: its copying costs like 1/m, the adding up at the end like 1/k; and A has to
   stay in the second cache. */
static bool pays(int64_t m, int64_t n, int64_t k) {
  const int64_t shortest_row_per_row = 6, most_of_a = 1 << 17;
  return m >= ROWS && n >= COLUMNS && k >= shortest_row_per_row * m && m * k <= most_of_a;
}

/* One step of the tile: 16 (or fewer, by the mask) elements of each row. */
AVX512_INLINE void multiply_add(__mmask16 mask, const float *a, size_t lda, const float *b, size_t ldb,
                                __m512 sums[ROWS][COLUMNS]) {
  __m512 columns[COLUMNS];
#pragma GCC unroll 8
  for (size_t j = 0; j < COLUMNS; j++) columns[j] = _mm512_maskz_loadu_ps(mask, b + j * ldb);
#pragma GCC unroll 8
  for (size_t i = 0; i < ROWS; i++) {
    const __m512 row = _mm512_maskz_loadu_ps(mask, a + i * lda);
#pragma GCC unroll 8
    for (size_t j = 0; j < COLUMNS; j++) sums[i][j] = _mm512_fmadd_ps(row, columns[j], sums[i][j]);
  }
}

/* Adding up, always two vectors into one: elements of pairs of lanes, then of quarters of the register. */

/* (a0+a2, b0+b2, a1+a3, b1+b3) in each quarter. */
AVX512_INLINE __m512 add_pairs(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
}
/* In each quarter the sums of a's pairs, then those of b's. */
AVX512_INLINE __m512 add_halves(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
}
/* Quarters (a0+a2, a1+a3, b0+b2, b1+b3). */
AVX512_INLINE __m512 add_outer_quarters(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
}
/* Quarters (a0+a1, a2+a3, b0+b1, b2+b3). */
AVX512_INLINE __m512 add_inner_quarters(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
}

/* Adds each of the 24 sums up and writes the tile of C. */
AVX512_INLINE void store_tile(__m512 sums[ROWS][COLUMNS], float *c, size_t ldc) {
  __m512 four[ROWS], two[ROWS];
#pragma GCC unroll 8
  for (size_t i = 0; i < ROWS; i++) {
    four[i] = add_halves(add_pairs(sums[i][0], sums[i][1]), add_pairs(sums[i][2], sums[i][3]));
    two[i] = add_pairs(sums[i][4], sums[i][5]);
  }
  /* Columns 0 to 3: quarter i is row i. Columns 4 and 5: quarter 0 is rows 0 and 1, quarter 1 rows 2 and 3. */
  const __m512 left = add_inner_quarters(add_outer_quarters(four[0], four[1]), add_outer_quarters(four[2], four[3]));
  const __m512 halves = add_outer_quarters(add_halves(two[0], two[1]), add_halves(two[2], two[3]));
  const __m512 right = add_inner_quarters(halves, halves);
  const __m128 upper = _mm512_castps512_ps128(right), lower = _mm512_extractf32x4_ps(right, 1);
  _mm_storeu_ps(c, _mm512_castps512_ps128(left));
  _mm_storeu_ps(c + ldc, _mm512_extractf32x4_ps(left, 1));
  _mm_storeu_ps(c + 2 * ldc, _mm512_extractf32x4_ps(left, 2));
  _mm_storeu_ps(c + 3 * ldc, _mm512_extractf32x4_ps(left, 3));
  _mm_storel_pi((__m64 *)(c + 4), upper);
  _mm_storeh_pi((__m64 *)(c + ldc + 4), upper);
  _mm_storel_pi((__m64 *)(c + 2 * ldc + 4), lower);
  _mm_storeh_pi((__m64 *)(c + 3 * ldc + 4), lower);
}

AVX512 static void multiply_tile(size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c,
                                 size_t ldc) {
  __m512 sums[ROWS][COLUMNS];
  for (size_t i = 0; i < ROWS; i++)
    for (size_t j = 0; j < COLUMNS; j++) sums[i][j] = _mm512_setzero_ps();
  size_t l = 0;
  for (; l + LANES <= k; l += LANES) multiply_add(0xffff, a + l, lda, b + l, ldb, sums);
  if (l < k) multiply_add((__mmask16)((1u << (k - l)) - 1), a + l, lda, b + l, ldb, sums);
  store_tile(sums, c, ldc);
}

/* Where the last tile would go beyond the end it begins earlier instead, and gives some elements the same bits again.
 */
static int64_t tile_start(int64_t wanted, int64_t tile, int64_t size) {
  return wanted + tile <= size ? wanted : size - tile;
}

bool gan_row_products(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                      float *c, int64_t ldc) {
  if (!pays(m, n, k) || gan_cpu() != GAN_CPU_AVX512) return false;
  for (int64_t j = 0; j < n; j += COLUMNS) {
    const int64_t column = tile_start(j, COLUMNS, n);
    for (int64_t i = 0; i < m; i += ROWS) {
      const int64_t row = tile_start(i, ROWS, m);
      multiply_tile((size_t)k, a + row * lda, (size_t)lda, b + column * ldb, (size_t)ldb, c + row * ldc + column,
                    (size_t)ldc);
    }
  }
  return true;
}

#else

bool gan_row_products(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                      float *c, int64_t ldc) {
  (void)m, (void)n, (void)k, (void)a, (void)lda, (void)b, (void)ldb, (void)c, (void)ldc;
  return false;
}

#endif
