/* See packed_gemm.h. Blocks of A of 512 rows, which fit the second cache, and a panel of B at a time are packed on the
   stack, 420 KiB of it, for gemm has no memory of its own. */
#include "kernels/packed_gemm.h"

#include <string.h>

#include "kernels/integers.h"

#if defined(__x86_64__) && defined(__GNUC__)

enum { DEPTH = 192, BLOCK_ROWS = 512 };

typedef struct matrix {
  bool transpose; /* element (i, j) of it is values[j * stride + i] */
  const float *values;
  int64_t stride;
} matrix;

/* Both operands are packed alike: a panel's k-th row is the k-th of some vectors of the matrix, `width` of them at
   most, which are its rows (of A), or its columns (of B). */

/* The vectors are rows in memory. Two panels of 8, `half` floats apart, or 16 columns of one of 48, for as much of the
   depth as there are whole registers; returns how far that is. */
static int64_t turn_vectors(gan_precision precision, const float *x, int64_t stride, int64_t depth, float *to,
                            int64_t half, int64_t width) {
  int64_t done = 0;
  if (precision == GAN_BFLOAT16)
    for (; done + 2 * GAN_LANES <= depth; done += 2 * GAN_LANES)
      gan_transpose_to_pairs(x + done, stride, to + done / 2 * width, half, width);
  else
    for (; done + GAN_LANES <= depth; done += GAN_LANES)
      gan_transpose_to_rows(x + done, stride, to + done * width, to + half + done * width, width);
  return done;
}

/* What is left of the depth from `done` (even) on, element by element. */
static void pack_elements(gan_precision precision, const float *x, int64_t stride, int64_t vectors, int64_t done,
                          int64_t depth, float *panel, int64_t width) {
  for (; done < depth; done += 1 + (precision == GAN_BFLOAT16)) {
    float row[2 * GAN_TILE_COLUMNS] = {0};
    for (int64_t k = done; k < least(done + 2, depth); k++)
      for (int64_t i = 0; i < vectors; i++) row[(k - done) * width + i] = x[i * stride + k];
    if (precision == GAN_BFLOAT16)
      gan_tile_round_rows(row, row + width, width, width, panel + done / 2 * width);
    else
      memcpy(panel + done * width, row, (size_t)width * sizeof *row);
  }
}

/* The vectors lie side by side in memory: its rows are the panel's. */
static void pack_rows(gan_precision precision, const float *x, int64_t stride, int64_t vectors, int64_t depth,
                      float *panel, int64_t width) {
  if (precision == GAN_BFLOAT16) {
    gan_tile_round_panel(x, stride, vectors, depth, width, panel);
    return;
  }
  for (int64_t k = 0; k < depth; k++, x += stride, panel += width) {
    memcpy(panel, x, (size_t)vectors * sizeof *panel);
    memset(panel + vectors, 0, (size_t)(width - vectors) * sizeof *panel);
  }
}

/* Rows row and on of A, `rows` of them, columns k and on: panels (depth, 8), each of DEPTH rows in memory. */
static void pack_a(gan_precision precision, const matrix *a, int64_t row, int64_t rows, int64_t k, int64_t depth,
                   float *block) {
  enum { WIDTH = GAN_TILE_ROWS, PANEL = WIDTH * DEPTH };
  for (int64_t i = 0; i < rows; i += WIDTH, block += PANEL) {
    const int64_t count = least(WIDTH, rows - i);
    if (a->transpose) {
      pack_rows(precision, a->values + k * a->stride + row + i, a->stride, count, depth, block, WIDTH);
      continue;
    }
    const float *x = a->values + (row + i) * a->stride + k;
    const bool two = rows - i >= 2 * WIDTH;
    const int64_t done = two ? turn_vectors(precision, x, a->stride, depth, block, PANEL, WIDTH) : 0;
    pack_elements(precision, x, a->stride, count, done, depth, block, WIDTH);
    if (!two) continue;
    i += WIDTH, block += PANEL;
    pack_elements(precision, x + WIDTH * a->stride, a->stride, WIDTH, done, depth, block, WIDTH);
  }
}

/* Columns column and on of B, `columns` (at most 48) of them, rows k and on: a panel (depth, 48). */
static void pack_b(gan_precision precision, const matrix *b, int64_t column, int64_t columns, int64_t k, int64_t depth,
                   float *panel) {
  enum { WIDTH = GAN_TILE_COLUMNS, HALF = GAN_LANES / 2 };
  if (!b->transpose) {
    pack_rows(precision, b->values + k * b->stride + column, b->stride, columns, depth, panel, WIDTH);
    return;
  }
  const float *x = b->values + column * b->stride + k;
  int64_t done = 0;
  if (columns == WIDTH)
    for (int64_t j = 0; j < WIDTH; j += GAN_LANES)
      done = turn_vectors(precision, x + j * b->stride, b->stride, depth, panel + j, HALF, WIDTH);
  pack_elements(precision, x, b->stride, columns, done, depth, panel, WIDTH);
}

/* Measured on an AMD Zen 5 against oneDNN's products in float32: those of few rows or columns are packing, mostly. */
static bool pays(gan_precision precision, int64_t m, int64_t n, int64_t k) {
  const int64_t least_side = 32, least_depth = 16;
  return least(m, n) >= least_side && k >= least_depth && gan_tiles_available(precision);
}

bool gan_packed_gemm(gan_precision precision, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                     float alpha, const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
                     int64_t ldc) {
  const matrix left = {transpose_a, a, lda}, right = {transpose_b, b, ldb};
  float block[BLOCK_ROWS * DEPTH], panel[DEPTH * GAN_TILE_COLUMNS], tile[GAN_TILE];
  if (!pays(precision, m, n, k)) return false;
  const int64_t values = precision == GAN_BFLOAT16 ? 2 : 1, deepest = values * DEPTH; /* in a panel's row; of k */
  for (int64_t from = 0; from < k; from += deepest, beta = 1) {
    const int64_t depth = least(deepest, k - from);
    for (int64_t row = 0; row < m; row += BLOCK_ROWS) {
      const int64_t rows = least(BLOCK_ROWS, m - row);
      pack_a(precision, &left, row, rows, from, depth, block);
      for (int64_t column = 0; column < n; column += GAN_TILE_COLUMNS) {
        const int64_t columns = least(GAN_TILE_COLUMNS, n - column);
        pack_b(precision, &right, column, columns, from, depth, panel);
        for (int64_t i = 0; i < rows; i += GAN_TILE_ROWS) {
          gan_tile_multiply(precision, pieces(depth, values), block + i * DEPTH, panel, false, tile);
          gan_tile_put(tile, least(GAN_TILE_ROWS, rows - i), columns, alpha, beta, c + (row + i) * ldc + column, ldc);
        }
      }
    }
  }
  return true;
}

#else

bool gan_packed_gemm(gan_precision precision, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                     float alpha, const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
                     int64_t ldc) {
  (void)precision, (void)transpose_a, (void)transpose_b, (void)m, (void)n, (void)k, (void)alpha, (void)a, (void)lda;
  (void)b, (void)ldb, (void)beta, (void)c, (void)ldc;
  return false;
}
#endif
