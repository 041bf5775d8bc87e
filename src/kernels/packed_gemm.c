/* See packed_gemm.h. Blocks of A of 512 rows, which fit the second cache, and a panel of B at a time are packed on the
   stack, 420 KiB of it, for gemm has no memory of its own. */
#include "kernels/packed_gemm.h"

#include "kernels/integers.h"

#if defined(__x86_64__) && defined(__GNUC__)

/* DEPTH pairs of the inner dimension at a time: a multiple of 16, as BLOCK_ROWS is. */
enum { DEPTH = 192, BLOCK_ROWS = 512 };

typedef struct matrix {
  bool transpose; /* element (i, j) of it is values[j * stride + i] */
  const float *values;
  int64_t stride;
} matrix;

/* Both operands are packed alike: pair k / 2 of a panel is the k-th and the next of some vectors of the matrix, which
   are its rows (of A), or its columns (of B). Where a vector is a row in memory it has to be turned, 16 vectors at a
   time, `half` floats from the first 8 to the others; at the end of the depth that writes up to 16 rows of zeros. */
static void turn_vectors(const float *x, int64_t stride, int64_t vectors, int64_t depth, float *panel, int64_t half,
                         int64_t width) {
  for (int64_t k = 0; k < depth; k += 2 * GAN_LANES, panel += GAN_LANES * width)
    gan_transpose_to_pairs(x + k, stride, vectors, least(2 * GAN_LANES, depth - k), panel, half, width);
}

/* Rows row and on of A, `rows` of them, columns k and on: panels (depth / 2, 8), DEPTH rows apart. */
static void pack_a(const matrix *a, int64_t row, int64_t rows, int64_t k, int64_t depth, float *block) {
  enum { WIDTH = GAN_TILE_ROWS, PANEL = WIDTH * DEPTH };
  const float *x = a->transpose ? a->values + k * a->stride + row : a->values + row * a->stride + k;
  if (a->transpose)
    for (int64_t i = 0; i < rows; i += WIDTH, block += PANEL)
      gan_tile_round_panel(x + i, a->stride, least(WIDTH, rows - i), depth, WIDTH, block);
  else
    for (int64_t i = 0; i < rows; i += 2 * WIDTH, block += 2 * PANEL)
      turn_vectors(x + i * a->stride, a->stride, rows - i, depth, block, PANEL, WIDTH);
}

/* Columns column and on of B, `columns` (at most 48) of them, rows k and on: a panel (depth / 2, 48). */
static void pack_b(const matrix *b, int64_t column, int64_t columns, int64_t k, int64_t depth, float *panel) {
  enum { WIDTH = GAN_TILE_COLUMNS };
  const float *x = b->transpose ? b->values + column * b->stride + k : b->values + k * b->stride + column;
  if (!b->transpose)
    gan_tile_round_panel(x, b->stride, columns, depth, WIDTH, panel);
  else
    for (int64_t j = 0; j < WIDTH; j += GAN_LANES)
      turn_vectors(x + j * b->stride, b->stride, columns - j, depth, panel + j, GAN_LANES / 2, WIDTH);
}

/* Measured on an AMD Zen 5 against oneDNN's products in float32: those of few rows or columns are packing, mostly. */
static bool pays(int64_t m, int64_t n, int64_t k) {
  const int64_t least_size = 16;
  return least(least(m, n), k) >= least_size && gan_tiles_available(GAN_BFLOAT16);
}

bool gan_packed_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                     int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  const matrix left = {transpose_a, a, lda}, right = {transpose_b, b, ldb};
  float block[BLOCK_ROWS * DEPTH], panel[DEPTH * GAN_TILE_COLUMNS], tile[GAN_TILE];
  if (!pays(m, n, k)) return false;
  for (int64_t from = 0; from < k; from += 2 * DEPTH, beta = 1) {
    const int64_t depth = least(2 * DEPTH, k - from), pairs = pieces(depth, 2);
    for (int64_t row = 0; row < m; row += BLOCK_ROWS) {
      const int64_t rows = least(BLOCK_ROWS, m - row);
      pack_a(&left, row, rows, from, depth, block);
      for (int64_t column = 0; column < n; column += GAN_TILE_COLUMNS) {
        const int64_t columns = least(GAN_TILE_COLUMNS, n - column);
        pack_b(&right, column, columns, from, depth, panel);
        for (int64_t i = 0; i < rows; i += GAN_TILE_ROWS) {
          gan_tile_multiply(GAN_BFLOAT16, pairs, block + i * DEPTH, panel, false, tile);
          gan_tile_put(tile, least(GAN_TILE_ROWS, rows - i), columns, alpha, beta, c + (row + i) * ldc + column, ldc);
        }
      }
    }
  }
  return true;
}

#else

bool gan_packed_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                     int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  (void)transpose_a, (void)transpose_b, (void)m, (void)n, (void)k, (void)alpha, (void)a, (void)lda;
  (void)b, (void)ldb, (void)beta, (void)c, (void)ldc;
  return false;
}
#endif
