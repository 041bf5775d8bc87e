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

static float element(const matrix *from, int64_t i, int64_t j) {
  return from->transpose ? from->values[j * from->stride + i] : from->values[i * from->stride + j];
}

/* Rows that lie in memory as the panel has them, (depth, count of them), rounded on their way. */
static void pack_pairs(const float *x, int64_t stride, int64_t count, int64_t depth, int64_t width, float *panel) {
  for (int64_t k = 0; k < depth; k += 2)
    gan_tile_round_rows(x + k * stride, k + 1 < depth ? x + (k + 1) * stride : NULL, count, width,
                        panel + k / 2 * width);
}

/* Rows row and on (`rows` of them, at most 8) of A, columns k and on, to panel (depth, 8). */
static void pack_a(gan_precision precision, const matrix *a, int64_t row, int64_t rows, int64_t k, int64_t depth,
                   float *panel) {
  int64_t done = 0;
  if (precision == GAN_BFLOAT16 && a->transpose) {
    pack_pairs(a->values + k * a->stride + row, a->stride, rows, depth, GAN_TILE_ROWS, panel);
    return;
  }
  if (a->transpose && rows == GAN_TILE_ROWS)
    for (; done < depth; done++)
      memcpy(panel + done * GAN_TILE_ROWS, a->values + (k + done) * a->stride + row, GAN_TILE_ROWS * sizeof *panel);
  for (; done < depth; done++)
    for (int64_t i = 0; i < GAN_TILE_ROWS; i++)
      panel[done * GAN_TILE_ROWS + i] = i < rows ? element(a, row + i, k + done) : 0;
  if (precision != GAN_BFLOAT16) return;
  memset(panel + depth * GAN_TILE_ROWS, 0, (size_t)((even(depth) - depth) * GAN_TILE_ROWS) * sizeof *panel);
  gan_tile_round(even(depth), GAN_TILE_ROWS, panel);
}

/* The same for two panels, 16 whole rows of a matrix that is not transposed; they are `distance` floats apart. */
static void pack_a_pair(gan_precision precision, const matrix *a, int64_t row, int64_t k, int64_t depth, float *panel,
                        int64_t distance) {
  int64_t done = 0;
  for (; done + GAN_LANES <= depth; done += GAN_LANES)
    gan_transpose_to_rows(a->values + row * a->stride + k + done, a->stride, panel + done * GAN_TILE_ROWS,
                          panel + distance + done * GAN_TILE_ROWS, GAN_TILE_ROWS);
  for (; done < even(depth); done++)
    for (int64_t i = 0; i < GAN_LANES; i++)
      panel[i / GAN_TILE_ROWS * distance + done * GAN_TILE_ROWS + i % GAN_TILE_ROWS] =
          done < depth ? element(a, row + i, k + done) : 0;
  if (precision != GAN_BFLOAT16) return;
  gan_tile_round(even(depth), GAN_TILE_ROWS, panel);
  gan_tile_round(even(depth), GAN_TILE_ROWS, panel + distance);
}

/* Columns column and on (`columns`, at most 48) of B, rows k and on, to panel (depth, 48). */
static void pack_b(gan_precision precision, const matrix *b, int64_t column, int64_t columns, int64_t k, int64_t depth,
                   float *panel) {
  int64_t done = 0;
  if (precision == GAN_BFLOAT16 && !b->transpose) {
    pack_pairs(b->values + k * b->stride + column, b->stride, columns, depth, GAN_TILE_COLUMNS, panel);
    return;
  }
  if (b->transpose && columns == GAN_TILE_COLUMNS)
    for (; done + GAN_LANES <= depth; done += GAN_LANES)
      for (int64_t j = 0; j < GAN_TILE_COLUMNS; j += GAN_LANES)
        gan_transpose_to_columns(b->values + (column + j) * b->stride + k + done, b->stride,
                                 panel + done * GAN_TILE_COLUMNS + j, GAN_TILE_COLUMNS);
  for (; done < depth; done++) {
    float *row = panel + done * GAN_TILE_COLUMNS;
    if (!b->transpose)
      memcpy(row, b->values + (k + done) * b->stride + column, (size_t)columns * sizeof *row);
    else
      for (int64_t j = 0; j < columns; j++) row[j] = element(b, k + done, column + j);
    memset(row + columns, 0, (size_t)(GAN_TILE_COLUMNS - columns) * sizeof *row);
  }
  if (precision != GAN_BFLOAT16) return;
  memset(panel + depth * GAN_TILE_COLUMNS, 0, (size_t)((even(depth) - depth) * GAN_TILE_COLUMNS) * sizeof *panel);
  gan_tile_round(even(depth), GAN_TILE_COLUMNS, panel);
}

/* c = alpha tile + beta c, rows by columns of it. */
static void add_tile(const float *tile, int64_t rows, int64_t columns, float alpha, float beta, float *c, int64_t ldc) {
  for (int64_t i = 0; i < rows; i++, tile += GAN_TILE_COLUMNS, c += ldc) {
    if (beta == 0)
      for (int64_t j = 0; j < columns; j++) c[j] = alpha * tile[j];
    else
      for (int64_t j = 0; j < columns; j++) c[j] = alpha * tile[j] + beta * c[j];
  }
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
  for (int64_t from = 0; from < k; from += DEPTH, beta = 1) {
    const int64_t depth = least(DEPTH, k - from), deep = precision == GAN_BFLOAT16 ? even(depth) / 2 : depth;
    for (int64_t row = 0; row < m; row += BLOCK_ROWS) {
      const int64_t rows = least(BLOCK_ROWS, m - row);
      for (int64_t i = 0; i < rows;) {
        float *to = block + i * DEPTH;
        const bool pair = !transpose_a && rows - i >= GAN_LANES;
        if (pair)
          pack_a_pair(precision, &left, row + i, from, depth, to, GAN_TILE_ROWS * DEPTH);
        else
          pack_a(precision, &left, row + i, least(GAN_TILE_ROWS, rows - i), from, depth, to);
        i += pair ? GAN_LANES : GAN_TILE_ROWS;
      }
      for (int64_t column = 0; column < n; column += GAN_TILE_COLUMNS) {
        const int64_t columns = least(GAN_TILE_COLUMNS, n - column);
        pack_b(precision, &right, column, columns, from, depth, panel);
        for (int64_t i = 0; i < rows; i += GAN_TILE_ROWS) {
          gan_tile_multiply(precision, deep, block + i * DEPTH, panel, false, tile);
          add_tile(tile, least(GAN_TILE_ROWS, rows - i), columns, alpha, beta, c + (row + i) * ldc + column, ldc);
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
