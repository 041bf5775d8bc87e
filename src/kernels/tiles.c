/* See tiles.h. Written with the compiler's names of AVX-512 instructions, compiled for it whatever the build's
   baseline: which values stay in registers is the whole point. */
#include "kernels/tiles.h"

#include <string.h>

#include "kernels/environment.h"
#include "kernels/instructions.h"
#include "kernels/integers.h"
#include "kernels/tiles_avx2.h"

/* A panel of B and one of A, of 192 rows, are 42 KiB, of 128 they are 28: first caches of 48 KiB and of 32. The cache
   itself must not be asked: a virtual machine may not tell its size, cores of one CPU may have caches of two sizes, and
   the bits of a product would depend on either. */
int64_t gan_tile_depth(void) { return gan_cpu() == GAN_CPU_AVX512 ? GAN_TILE_DEPTH : 128; }

#if defined(__x86_64__) && defined(__GNUC__)

enum { ROWS = GAN_TILE_ROWS, VECTORS = GAN_TILE_COLUMNS / GAN_LANES };

bool gan_tiles_available(gan_precision precision) {
  if (precision == GAN_FLOAT32) return gan_cpu() >= GAN_CPU_AVX2;
  return gan_cpu() == GAN_CPU_AVX512 && CPU_HAS("avx512bf16");
}

/* A product's columns are 1 to 3 registers of its tile, its rows all 8 or half of them: constants wherever these are
   inlined. */
#define FOR_TILE(i, j) \
  _Pragma("GCC unroll 8") for (size_t i = 0; i < rows; i++) _Pragma("GCC unroll 3") for (size_t j = 0; j < vectors; j++)

AVX512_INLINE void fetch_tile(size_t rows, size_t vectors, const gan_tile_sum *of) {
  if (of->c_is_far) FOR_TILE(i, j) _mm_prefetch(of->c + (int64_t)i * of->stride + j * GAN_LANES, _MM_HINT_T0);
  if (!of->left_is_far) return;
  const float *left = of->left;
  for (int fold = 0; fold < of->folds; fold++, left -= of->left_step)
    FOR_TILE(i, j) _mm_prefetch(left + (int64_t)i * of->left_stride + j * GAN_LANES, _MM_HINT_T0);
}

AVX512_INLINE void end_tile(size_t rows, size_t vectors, const gan_tile_sum *of, int64_t first_row,
                            __m512 sums[][VECTORS]) {
  const float *left = of->left + first_row * of->left_stride;
  float *c = of->c + first_row * of->stride;
  for (int fold = 0; fold < of->folds; fold++, left -= of->left_step) FOR_TILE(i, j)
  sums[i][j] = _mm512_add_ps(_mm512_loadu_ps(left + (int64_t)i * of->left_stride + j * GAN_LANES), sums[i][j]);
  FOR_TILE(i, j) _mm512_storeu_ps(c + (int64_t)i * of->stride + j * GAN_LANES, sums[i][j]);
}

AVX512_INLINE void sum_float32(size_t rows, size_t vectors, int64_t depth, const float *a, int64_t stride,
                               const float *b, __m512 sums[][VECTORS]) {
  __m512 row_of_b[VECTORS];
  FOR_TILE(i, j) sums[i][j] = _mm512_setzero_ps();
  for (int64_t k = 0; k < depth; k++, a += stride, b += GAN_TILE_COLUMNS) {
#pragma GCC unroll 3
    for (size_t j = 0; j < vectors; j++) row_of_b[j] = _mm512_loadu_ps(b + j * GAN_LANES);
    FOR_TILE(i, j) sums[i][j] = _mm512_fmadd_ps(_mm512_set1_ps(a[i]), row_of_b[j], sums[i][j]);
  }
}

AVX512_BF16_INLINE void sum_bfloat16(size_t rows, size_t vectors, int64_t depth, const float *a, int64_t stride,
                                     const float *b, __m512 sums[][VECTORS]) {
  __m512bh row_of_b[VECTORS];
  FOR_TILE(i, j) sums[i][j] = _mm512_setzero_ps();
  for (int64_t k = 0; k < depth; k++, a += stride, b += GAN_TILE_COLUMNS) {
#pragma GCC unroll 3
    for (size_t j = 0; j < vectors; j++) row_of_b[j] = (__m512bh)_mm512_loadu_ps(b + j * GAN_LANES);
    FOR_TILE(i, j) sums[i][j] = _mm512_dpbf16_ps(sums[i][j], (__m512bh)_mm512_set1_ps(a[i]), row_of_b[j]);
  }
}

AVX512_INLINE void add_tiles(size_t rows, size_t vectors, __m512 first[][VECTORS], __m512 sums[][VECTORS]) {
  FOR_TILE(i, j) sums[i][j] = _mm512_add_ps(first[i][j], sums[i][j]);
}

/* The two functions of a precision. `sum` of one product; where another comes first, of both, 4 rows at a time, so that
   the sums of both are in registers. Then of as many registers as hold the columns, each time a constant. */
#define DEFINE_MULTIPLY(NAME, TARGET, sum)                                                                       \
  TARGET##_INLINE void NAME##_vectors(size_t vectors, const gan_tile_sum *of) {                                  \
    enum { HALF = ROWS / 2 };                                                                                    \
    const float *a = of->a, *second_a = a + of->first_depth * of->a_stride, *b = of->b;                          \
    __m512 first[HALF][VECTORS], sums[ROWS][VECTORS];                                                            \
    fetch_tile(ROWS, vectors, of);                                                                               \
    if (of->first_depth == 0) {                                                                                  \
      sum(ROWS, vectors, of->depth, a, of->a_stride, b, sums);                                                   \
      end_tile(ROWS, vectors, of, 0, sums);                                                                      \
      return;                                                                                                    \
    }                                                                                                            \
    for (int64_t row = 0; row < ROWS; row += HALF) {                                                             \
      sum(HALF, vectors, of->first_depth, a + row, of->a_stride, b, first);                                      \
      sum(HALF, vectors, of->depth, second_a + row, of->a_stride, b + of->first_depth * GAN_TILE_COLUMNS, sums); \
      add_tiles(HALF, vectors, first, sums);                                                                     \
      end_tile(HALF, vectors, of, row, sums);                                                                    \
    }                                                                                                            \
  }                                                                                                              \
  TARGET static void NAME(const gan_tile_sum *of) {                                                              \
    if (of->columns == GAN_TILE_COLUMNS)                                                                         \
      NAME##_vectors(VECTORS, of);                                                                               \
    else if (of->columns > GAN_LANES)                                                                            \
      NAME##_vectors(2, of);                                                                                     \
    else                                                                                                         \
      NAME##_vectors(1, of);                                                                                     \
  }

AVX512_INLINE void multiply_rows(size_t vectors, int64_t depth, const float *a, int64_t lda, const float *b,
                                 int64_t ldb, bool add, float *c, int64_t stride) {
  enum { rows = ROWS };
  __m512 sums[ROWS][VECTORS], row_of_b[VECTORS];
  FOR_TILE(i, j) sums[i][j] = _mm512_setzero_ps();
  for (int64_t k = 0; k < depth; k++, b += ldb) {
#pragma GCC unroll 3
    for (size_t j = 0; j < vectors; j++) row_of_b[j] = _mm512_loadu_ps(b + j * GAN_LANES);
    FOR_TILE(i, j) sums[i][j] = _mm512_fmadd_ps(_mm512_set1_ps(a[(int64_t)i * lda + k]), row_of_b[j], sums[i][j]);
  }
  FOR_TILE(i, j) {
    float *to = c + (int64_t)i * stride + j * GAN_LANES;
    _mm512_storeu_ps(to, add ? _mm512_add_ps(_mm512_loadu_ps(to), sums[i][j]) : sums[i][j]);
  }
}

AVX512 void gan_tile_multiply_rows(int64_t depth, const float *a, int64_t lda, const float *b, int64_t ldb,
                                   int64_t columns, bool add, float *c, int64_t stride) {
  if (columns == GAN_TILE_COLUMNS)
    multiply_rows(VECTORS, depth, a, lda, b, ldb, add, c, stride);
  else if (columns > GAN_LANES)
    multiply_rows(2, depth, a, lda, b, ldb, add, c, stride);
  else
    multiply_rows(1, depth, a, lda, b, ldb, add, c, stride);
}

DEFINE_MULTIPLY(multiply_float32, AVX512, sum_float32)
DEFINE_MULTIPLY(multiply_bfloat16, AVX512_BF16, sum_bfloat16)

/* What a panel takes of a matrix's row is too short for the CPU to fetch the next by itself: so many rows are asked for
   in advance. */
enum { ROWS_AHEAD = 8 };

static inline __attribute__((always_inline)) void fetch_row(const float *x, int64_t count) {
  for (int64_t i = 0; i < count; i += GAN_LANES) __builtin_prefetch(x + i);
}

/* The lanes of the register from element i on that are among `count`. */
AVX512_INLINE __mmask16 lanes_among(int64_t i, int64_t count) {
  return count - i >= GAN_LANES ? (__mmask16)0xffff : count > i ? (__mmask16)((1u << (count - i)) - 1) : (__mmask16)0;
}

/* alpha and beta as they mostly are, as constants. */
AVX512_INLINE void put_tile(const float *tile, int64_t rows, int64_t columns, float alpha, float beta, float *c,
                            int64_t stride) {
  for (; rows > 0; rows--, tile += GAN_TILE_COLUMNS, c += stride)
    for (int64_t i = 0; i < columns; i += GAN_LANES) {
      const __mmask16 mask = lanes_among(i, columns);
      __m512 sum = _mm512_mul_ps(_mm512_set1_ps(alpha), _mm512_loadu_ps(tile + i));
      if (beta != 0) sum = _mm512_add_ps(sum, _mm512_mul_ps(_mm512_set1_ps(beta), _mm512_maskz_loadu_ps(mask, c + i)));
      _mm512_mask_storeu_ps(c + i, mask, sum);
    }
}

AVX512 static void put_tile_of(const float *tile, int64_t rows, int64_t columns, float alpha, float beta, float *c,
                               int64_t stride) {
  if (alpha == 1 && beta == 0)
    put_tile(tile, rows, columns, 1, 0, c, stride);
  else if (alpha == 1 && beta == 1)
    put_tile(tile, rows, columns, 1, 1, c, stride);
  else
    put_tile(tile, rows, columns, alpha, beta, c, stride);
}

void gan_tile_put(const float *tile, int64_t rows, int64_t columns, float alpha, float beta, float *c, int64_t stride) {
  if (gan_cpu() == GAN_CPU_AVX512)
    put_tile_of(tile, rows, columns, alpha, beta, c, stride);
  else
    for (; rows > 0; rows--, tile += GAN_TILE_COLUMNS, c += stride)
      for (int64_t i = 0; i < columns; i++) c[i] = beta == 0 ? alpha * tile[i] : alpha * tile[i] + beta * c[i];
}

/* Whole rows, whose number of floats is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) void copy_rows(const float *x, int64_t stride, int64_t depth,
                                                            int64_t width, float *panel) {
  for (int64_t k = 0; k < depth; k++, x += stride, panel += width) {
    fetch_row(x + ROWS_AHEAD * stride, width);
    memcpy(panel, x, (size_t)width * sizeof *x);
  }
}

void gan_tile_copy_panel(const float *x, int64_t stride, int64_t count, int64_t depth, int64_t width, float *panel) {
  if (count == width && width == GAN_TILE_COLUMNS) {
    copy_rows(x, stride, depth, GAN_TILE_COLUMNS, panel);
    return;
  }
  if (count == width && width == GAN_TILE_ROWS) {
    copy_rows(x, stride, depth, GAN_TILE_ROWS, panel);
    return;
  }
  const int64_t whole = least(rounded_up(count, GAN_LANES), width);
  for (int64_t k = 0; k < depth; k++, x += stride, panel += width) {
    fetch_row(x + ROWS_AHEAD * stride, count);
    for (int64_t i = 0; i < whole; i++) panel[i] = i < count ? x[i] : 0;
  }
}

void gan_tile_turn_panel(const float *x, int64_t stride, int64_t vectors, int64_t depth, float *panel, int64_t half,
                         int64_t width) {
  for (int64_t k = 0; k < depth; k += GAN_LANES, x += GAN_LANES, panel += GAN_LANES * width) {
    const int64_t rows = least(GAN_LANES, vectors), count = least(GAN_LANES, depth - k);
    if (rows == GAN_LANES && count == GAN_LANES) {
      gan_transpose_to_rows(x, stride, panel, panel + half, width);
      continue;
    }
    float square[GAN_LANES * GAN_LANES] = {0};
    for (int64_t i = 0; i < rows; i++) memcpy(square + i * GAN_LANES, x + i * stride, (size_t)count * sizeof *x);
    gan_transpose_to_rows(square, GAN_LANES, panel, panel + half, width);
  }
}

/* False, with nothing done, where there are two products that the registers cannot hold at once. */
static bool multiply_tile(gan_precision precision, const gan_tile_sum *of) {
  if (precision == GAN_BFLOAT16)
    multiply_bfloat16(of);
  else if (gan_cpu() == GAN_CPU_AVX512)
    multiply_float32(of);
  else if (of->first_depth > 0)
    return false;
  else
    gan_avx2_tile_multiply(of);
  return true;
}

/* Of x[0..15] and y[0..15], x[0], y[0], x[1], y[1], ... : the conversion puts x's before y's. A pair's first number is
   in the lower half of its 32 bits. */
AVX512_BF16_INLINE __m512i pairs_of(__m512 x, __m512 y) {
  const __m512i turns = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(turns, (__m512i)_mm512_cvtne2ps_pbh(y, x));
}

AVX512_BF16_INLINE void round_pair(const float *first, const float *second, int64_t count, int64_t width, float *to) {
  for (int64_t i = 0; i < width; i += GAN_LANES) {
    const __mmask16 mask = lanes_among(i, count);
    const __m512 x = _mm512_maskz_loadu_ps(mask, first + i);
    const __m512 y = second ? _mm512_maskz_loadu_ps(mask, second + i) : _mm512_setzero_ps();
    _mm512_mask_storeu_epi32(to + i, lanes_among(i, width), pairs_of(x, y));
  }
}

/* Weights come from far away, in runs too short for the CPU to fetch the next by itself: floats to ask for in advance.
 */
enum { AHEAD = 256 };

AVX512_BF16 void gan_tile_round_rows(const float *x, const float *y, int64_t count, int64_t width, float *to) {
  fetch_row(x + AHEAD, count);
  if (y) fetch_row(y + AHEAD, count);
  round_pair(x, y, count, width, to);
}

AVX512_BF16 void gan_tile_round_panel(const float *x, int64_t stride, int64_t count, int64_t depth, int64_t width,
                                      float *panel) {
  for (int64_t k = 0; k < depth; k += 2, x += 2 * stride, panel += width) {
    const float *second = k + 1 < depth ? x + stride : NULL;
    fetch_row(x + ROWS_AHEAD * stride, count);
    fetch_row(x + (ROWS_AHEAD + 1) * stride, count);
    if (count == width && width == GAN_TILE_COLUMNS) /* whole rows need no masks */
      round_pair(x, second, GAN_TILE_COLUMNS, GAN_TILE_COLUMNS, panel);
    else if (count == width && width == GAN_TILE_ROWS)
      round_pair(x, second, GAN_TILE_ROWS, GAN_TILE_ROWS, panel);
    else
      round_pair(x, second, count, width, panel);
  }
}

AVX512_BF16 void gan_tile_pair_channels(const float *x, int64_t channels, int64_t size, int64_t plane, float *pairs) {
  const int64_t ahead = most(2 * size, AHEAD);
  for (int64_t channel = 0; channel < channels; channel += 2, x += 2 * size, pairs += plane) {
    const float *second = channel + 1 < channels ? x + size : NULL;
    for (int64_t i = 0; i < size; i += GAN_LANES) {
      _mm_prefetch(x + ahead + i, _MM_HINT_T0);
      _mm_prefetch(x + ahead + size + i, _MM_HINT_T0);
      round_pair(x + i, second ? second + i : NULL, size - i, least(GAN_LANES, size - i), pairs + i);
    }
  }
}

AVX512 static void interleave(const float *x, const float *y, float *both) {
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
#pragma GCC unroll 3
  for (int64_t i = 0; i < GAN_TILE_COLUMNS; i += GAN_LANES) {
    const __m512 a = _mm512_loadu_ps(x + i), b = _mm512_loadu_ps(y + i);
    _mm512_storeu_ps(both + 2 * i, _mm512_permutex2var_ps(a, low, b));
    _mm512_storeu_ps(both + 2 * i + GAN_LANES, _mm512_permutex2var_ps(a, high, b));
  }
}

void gan_tile_interleave(const float *x, const float *y, float *both) {
  if (gan_cpu() == GAN_CPU_AVX512)
    interleave(x, y, both);
  else
    gan_avx2_tile_interleave(x, y, both);
}

/* 16 rows of 16 become its columns: first within quarters of the registers, then the quarters among themselves. */
AVX512_INLINE void transpose(__m512 row[16]) {
  __m512 four[16];
#pragma GCC unroll 4
  for (size_t i = 0; i < 16; i += 4) {
    const __m512 low = _mm512_unpacklo_ps(row[i], row[i + 1]), high = _mm512_unpackhi_ps(row[i], row[i + 1]);
    const __m512 next_low = _mm512_unpacklo_ps(row[i + 2], row[i + 3]);
    const __m512 next_high = _mm512_unpackhi_ps(row[i + 2], row[i + 3]);
    four[i] = _mm512_shuffle_ps(low, next_low, 0x44);
    four[i + 1] = _mm512_shuffle_ps(low, next_low, 0xee);
    four[i + 2] = _mm512_shuffle_ps(high, next_high, 0x44);
    four[i + 3] = _mm512_shuffle_ps(high, next_high, 0xee);
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; i++) {
    const __m512 a = _mm512_shuffle_f32x4(four[i], four[i + 4], 0x88);
    const __m512 b = _mm512_shuffle_f32x4(four[i], four[i + 4], 0xdd);
    const __m512 c = _mm512_shuffle_f32x4(four[i + 8], four[i + 12], 0x88);
    const __m512 d = _mm512_shuffle_f32x4(four[i + 8], four[i + 12], 0xdd);
    row[i] = _mm512_shuffle_f32x4(a, c, 0x88);
    row[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
    row[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
    row[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
}

AVX512 static void transpose_to_rows(const float *x, int64_t stride, float *to, float *second, int64_t step) {
  __m512 row[16];
#pragma GCC unroll 16
  for (int64_t i = 0; i < 16; i++) row[i] = _mm512_loadu_ps(x + i * stride);
  transpose(row);
#pragma GCC unroll 16
  for (int64_t i = 0; i < 16; i++) {
    _mm256_storeu_ps(to + i * step, _mm512_castps512_ps256(row[i]));
    _mm256_storeu_ps(second + i * step, _mm512_extractf32x8_ps(row[i], 1));
  }
}

void gan_transpose_to_rows(const float *x, int64_t stride, float *to, float *second, int64_t step) {
  if (gan_cpu() == GAN_CPU_AVX512)
    transpose_to_rows(x, stride, to, second, step);
  else
    gan_avx2_transpose_to_rows(x, stride, to, second, step);
}

AVX512 void gan_transpose_pairs(const float *x, int64_t stride, float *to, int64_t half, int64_t odd, int64_t step) {
  __m512i split; /* the first of all pairs, then the second of all */
  uint16_t order[2 * GAN_LANES];
  for (int i = 0; i < GAN_LANES; i++) order[i] = (uint16_t)(2 * i), order[i + GAN_LANES] = (uint16_t)(2 * i + 1);
  split = _mm512_loadu_si512(order);
  __m512 row[16];
#pragma GCC unroll 16
  for (int64_t i = 0; i < 16; i++)
    row[i] = _mm512_castsi512_ps(_mm512_permutexvar_epi16(split, _mm512_loadu_si512(x + i * stride)));
  transpose(row);
#pragma GCC unroll 16
  for (int64_t i = 0; i < 16; i++) {
    float *place = to + (i < 8 ? i * step : odd + (i - 8) * step);
    _mm256_storeu_ps(place, _mm512_castps512_ps256(row[i]));
    _mm256_storeu_ps(place + half, _mm512_extractf32x8_ps(row[i], 1));
  }
}

AVX512_BF16_INLINE void transpose_to_pairs(const float *x, int64_t stride, int64_t rows, int64_t count, float *to,
                                           int64_t half, int64_t step) {
  __m512 row[16];
  const __mmask16 first = lanes_among(0, count), second = lanes_among(GAN_LANES, count);
#pragma GCC unroll 16
  for (int64_t i = 0; i < 16; i++) {
    const __m512 low = _mm512_maskz_loadu_ps(i < rows ? first : 0, x + i * stride);
    const __m512 high = _mm512_maskz_loadu_ps(i < rows ? second : 0, x + i * stride + GAN_LANES);
    row[i] = (__m512)_mm512_cvtne2ps_pbh(high, low);
  }
  transpose(row);
  if (half == GAN_LANES / 2) { /* the halves lie side by side */
#pragma GCC unroll 16
    for (int64_t i = 0; i < 16; i++) _mm512_storeu_ps(to + i * step, row[i]);
    return;
  }
#pragma GCC unroll 16
  for (int64_t i = 0; i < 16; i++) {
    _mm256_storeu_ps(to + i * step, _mm512_castps512_ps256(row[i]));
    _mm256_storeu_ps(to + half + i * step, _mm512_extractf32x8_ps(row[i], 1));
  }
}

AVX512_BF16 void gan_transpose_to_pairs(const float *x, int64_t stride, int64_t rows, int64_t count, float *to,
                                        int64_t half, int64_t step) {
  if (rows >= 16 && count == 2 * GAN_LANES) /* needs no masks */
    transpose_to_pairs(x, stride, 16, 2 * GAN_LANES, to, half, step);
  else
    transpose_to_pairs(x, stride, rows, count, to, half, step);
}

AVX512 static void transpose_to_columns(const float *x, int64_t stride, float *to, int64_t step) {
  __m512 row[16];
#pragma GCC unroll 16
  for (int64_t i = 0; i < 16; i++) row[i] = _mm512_loadu_ps(x + i * stride);
  transpose(row);
#pragma GCC unroll 16
  for (int64_t i = 0; i < 16; i++) _mm512_storeu_ps(to + i * step, row[i]);
}

void gan_transpose_to_columns(const float *x, int64_t stride, float *to, int64_t step) {
  if (gan_cpu() == GAN_CPU_AVX512)
    transpose_to_columns(x, stride, to, step);
  else
    gan_avx2_transpose_to_rows(x, stride, to, to + GAN_LANES / 2, step);
}

#else

bool gan_tiles_available(gan_precision precision) {
  (void)precision;
  return false;
}

/* Of no use, but right. */
static bool multiply_tile(gan_precision precision, const gan_tile_sum *of) {
  (void)precision;
  if (of->first_depth > 0) return false;
  for (int64_t row = 0; row < GAN_TILE_ROWS; row++)
    for (int64_t column = 0; column < of->columns; column++) {
      float sum = 0;
      for (int64_t k = 0; k < of->depth; k++)
        sum += of->a[k * of->a_stride + row] * of->b[k * GAN_TILE_COLUMNS + column];
      for (int fold = 0; fold < of->folds; fold++)
        sum = of->left[row * of->left_stride + column - fold * of->left_step] + sum;
      of->c[row * of->stride + column] = sum;
    }
  return true;
}
#endif

void gan_tile_multiply(gan_precision precision, int64_t depth, const float *a, const float *b, int64_t columns,
                       bool add, float *c, int64_t stride) {
  const gan_tile_sum of = {.depth = depth,
                           .a = a,
                           .b = b,
                           .a_stride = GAN_TILE_ROWS,
                           .columns = columns,
                           .folds = add ? 1 : 0,
                           .left = c,
                           .left_stride = stride,
                           .c = c,
                           .stride = stride,
                           .c_is_far = true};
  (void)multiply_tile(precision, &of);
}

void gan_tile_sum_up(gan_precision precision, const gan_tile_sum *sum) {
  if (multiply_tile(precision, sum)) return;
  gan_tile_sum first = *sum, second = *sum;
  second.first_depth = 0;
  second.a += sum->first_depth * sum->a_stride;
  second.b += sum->first_depth * GAN_TILE_COLUMNS;
  second.folds++;
  second.left += second.left_step;
  first.first_depth = 0;
  first.depth = sum->first_depth;
  first.folds = 0;
  first.c = second.left;
  first.stride = sum->left_stride;
  (void)multiply_tile(precision, &first);
  (void)multiply_tile(precision, &second);
}
