/* See tiles_avx2.h. Written with the compiler's names of AVX2 instructions, compiled for it whatever the build's
   baseline: which values stay in registers is the whole point. */
#include "kernels/tiles_avx2.h"

#include "kernels/instructions.h"
#include "kernels/tiles.h"

#if defined(__x86_64__) && defined(__GNUC__)

/* 4 rows and 24 columns of a tile, or 16 of a product of fewer columns: 12 of the 16 registers hold sums, 3 a row of B,
   and one an element of A: 12 multiply-adds for 7 loads. A comes from the second cache, C from anywhere: both are asked
   for in advance. */
enum { LANES = 8, ROWS = GAN_TILE_ROWS / 2, COLUMNS = GAN_TILE_COLUMNS / 2, VECTORS = COLUMNS / LANES };
enum { AHEAD = 24 * GAN_TILE_ROWS };

#define FOR_QUARTER(i, j) \
  _Pragma("GCC unroll 4") for (size_t i = 0; i < ROWS; i++) _Pragma("GCC unroll 3") for (size_t j = 0; j < vectors; j++)

/* The quarter from row and column on. */
AVX2_INLINE void multiply_quarter(size_t vectors, const gan_tile_sum *of, int64_t row, int64_t column) {
  __m256 sums[ROWS][VECTORS], row_of_b[VECTORS];
  const float *a = of->a + row, *b = of->b + column, *left = of->left + row * of->left_stride + column;
  float *c = of->c + row * of->stride + column;
  FOR_QUARTER(i, j) {
    if (of->c_is_far) _mm_prefetch(c + (int64_t)i * of->stride + j * LANES, _MM_HINT_T0);
    sums[i][j] = _mm256_setzero_ps();
  }
#pragma GCC unroll 4
  for (int64_t k = 0; k < of->depth; k++, a += of->a_stride, b += GAN_TILE_COLUMNS) {
    _mm_prefetch(a + AHEAD, _MM_HINT_T0);
#pragma GCC unroll 3
    for (size_t j = 0; j < vectors; j++) row_of_b[j] = _mm256_loadu_ps(b + j * LANES);
    FOR_QUARTER(i, j) sums[i][j] = _mm256_fmadd_ps(_mm256_broadcast_ss(a + i), row_of_b[j], sums[i][j]);
  }
  for (int fold = 0; fold < of->folds; fold++, left -= of->left_step) FOR_QUARTER(i, j)
  sums[i][j] = _mm256_add_ps(_mm256_loadu_ps(left + (int64_t)i * of->left_stride + j * LANES), sums[i][j]);
  FOR_QUARTER(i, j) _mm256_storeu_ps(c + (int64_t)i * of->stride + j * LANES, sums[i][j]);
}

AVX2_INLINE void multiply_columns(size_t vectors, const gan_tile_sum *of, int64_t column) {
  for (int64_t row = 0; row < GAN_TILE_ROWS; row += ROWS) multiply_quarter(vectors, of, row, column);
}

AVX2 void gan_avx2_tile_multiply(const gan_tile_sum *of) {
  if (of->columns == GAN_TILE_COLUMNS) {
    multiply_columns(VECTORS, of, 0);
    multiply_columns(VECTORS, of, COLUMNS);
  } else {
    for (int64_t column = 0; column < of->columns; column += 2 * LANES) multiply_columns(2, of, column);
  }
}

AVX2 void gan_avx2_tile_interleave(const float *x, const float *y, float *both) {
  for (int64_t i = 0; i < GAN_TILE_COLUMNS; i += LANES) {
    const __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(y + i);
    const __m256 low = _mm256_unpacklo_ps(a, b), high = _mm256_unpackhi_ps(a, b); /* within halves of the registers */
    _mm256_storeu_ps(both + 2 * i, _mm256_permute2f128_ps(low, high, 0x20));
    _mm256_storeu_ps(both + 2 * i + LANES, _mm256_permute2f128_ps(low, high, 0x31));
  }
}

/* 8 rows of 8 become rows at `to`, `step` floats apart: first within halves of the registers, then the halves among
   themselves. */
AVX2_INLINE void transpose(const float *x, int64_t stride, float *to, int64_t step) {
  __m256 four[LANES];
#pragma GCC unroll 2
  for (size_t i = 0; i < LANES; i += 4, x += 4 * stride) {
    const __m256 x0 = _mm256_loadu_ps(x), x1 = _mm256_loadu_ps(x + stride);
    const __m256 x2 = _mm256_loadu_ps(x + 2 * stride), x3 = _mm256_loadu_ps(x + 3 * stride);
    const __m256 low = _mm256_unpacklo_ps(x0, x1), high = _mm256_unpackhi_ps(x0, x1);
    const __m256 next_low = _mm256_unpacklo_ps(x2, x3), next_high = _mm256_unpackhi_ps(x2, x3);
    four[i] = _mm256_shuffle_ps(low, next_low, 0x44);
    four[i + 1] = _mm256_shuffle_ps(low, next_low, 0xee);
    four[i + 2] = _mm256_shuffle_ps(high, next_high, 0x44);
    four[i + 3] = _mm256_shuffle_ps(high, next_high, 0xee);
  }
#pragma GCC unroll 4
  for (int64_t i = 0; i < 4; i++) {
    _mm256_storeu_ps(to + i * step, _mm256_permute2f128_ps(four[i], four[i + 4], 0x20));
    _mm256_storeu_ps(to + (i + 4) * step, _mm256_permute2f128_ps(four[i], four[i + 4], 0x31));
  }
}

AVX2 void gan_avx2_transpose_to_rows(const float *x, int64_t stride, float *to, float *second, int64_t step) {
  for (int64_t column = 0; column < 2 * LANES; column += LANES) {
    transpose(x + column, stride, to + column * step, step);
    transpose(x + LANES * stride + column, stride, second + column * step, step);
  }
}
#endif
