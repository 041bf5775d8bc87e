/* See packed_gemm.h. Blocks of A, which fit the second cache, and a panel of B at a time, which fits the first, are
   packed on the stack, 420 KiB of it, as gan_dist/trainer.h says, for gemm has no memory of its own. Sums go to C
   straight from the registers, where the product is plain and the tile whole. */
#include "kernels/packed_gemm.h"

#include <string.h>

#include "kernels/integers.h"

#if defined(__x86_64__) && defined(__GNUC__)

/* Rows of a block of A, a multiple of 16. */
enum { BLOCK_ROWS = 512 };

typedef struct matrix {
  bool transpose; /* element (i, j) of it is values[j * stride + i] */
  const float *values;
  int64_t stride;
} matrix;

/* C = alpha A B + beta C, over `depth` elements of the inner dimension from k on. */
typedef struct product {
  gan_precision precision;
  matrix a, b;
  int64_t k, depth, panel_rows;
  float alpha, beta;
  int64_t stride; /* of c */
} product;

/* Elements of the inner dimension that lie in a panel's row. */
static int64_t row_elements(gan_precision precision) { return precision == GAN_BFLOAT16 ? 2 : 1; }

/* Both operands are packed alike: row k of a panel is element k of some vectors of the matrix, which are its rows (of
   A), or its columns (of B); in bfloat16, row k / 2 is elements k and k + 1. Where a vector is a row in memory it has
   to be turned. */
static void turn_pairs(const float *x, int64_t stride, int64_t vectors, int64_t depth, float *panel, int64_t half,
                       int64_t width) {
  for (int64_t k = 0; k < depth; k += 2 * GAN_LANES, panel += GAN_LANES * width)
    gan_transpose_to_pairs(x + k, stride, vectors, least(2 * GAN_LANES, depth - k), panel, half, width);
}

static void turn_vectors(const product *of, const matrix *from, int64_t vector, int64_t vectors, float *panel,
                         int64_t half, int64_t width) {
  const float *x = from->values + vector * from->stride + of->k;
  if (of->precision == GAN_BFLOAT16)
    turn_pairs(x, from->stride, vectors, of->depth, panel, half, width);
  else
    gan_tile_turn_panel(x, from->stride, vectors, of->depth, panel, half, width);
}

/* The vectors' elements lie side by side. */
static void copy_vectors(const product *of, const matrix *from, int64_t vector, int64_t vectors, float *panel,
                         int64_t width) {
  const float *x = from->values + of->k * from->stride + vector;
  if (of->precision == GAN_BFLOAT16)
    gan_tile_round_panel(x, from->stride, vectors, of->depth, width, panel);
  else
    gan_tile_copy_panel(x, from->stride, vectors, of->depth, width, panel);
}

/* Rows row and on of A, `rows` of them: panels (panel_rows, 8). */
static void pack_a(const product *of, int64_t row, int64_t rows, float *block) {
  enum { WIDTH = GAN_TILE_ROWS };
  const int64_t panel = WIDTH * of->panel_rows;
  if (of->a.transpose)
    for (int64_t i = 0; i < rows; i += WIDTH, block += panel)
      copy_vectors(of, &of->a, row + i, least(WIDTH, rows - i), block, WIDTH);
  else
    for (int64_t i = 0; i < rows; i += 2 * WIDTH, block += 2 * panel)
      turn_vectors(of, &of->a, row + i, rows - i, block, panel, WIDTH);
}

/* Columns column and on of B, `columns` (at most 48) of them: a panel (panel_rows, 48), of which what lies beyond the
   last 16 columns' end stays as it is. */
static void pack_b(const product *of, int64_t column, int64_t columns, float *panel) {
  enum { WIDTH = GAN_TILE_COLUMNS };
  if (!of->b.transpose)
    copy_vectors(of, &of->b, column, columns, panel, WIDTH);
  else
    for (int64_t j = 0; j < columns; j += GAN_LANES)
      turn_vectors(of, &of->b, column + j, columns - j, panel + j, GAN_LANES / 2, WIDTH);
}

/* Asks for the part-th of `parts` of what pack_b will read: into the second cache, for the first one is full. Inline,
   since a compiler leaves out calls of functions that only ask. */
static inline __attribute__((always_inline)) void fetch_b(const product *of, int64_t column, int64_t columns,
                                                          int64_t part, int64_t parts) {
  const matrix *b = &of->b;
  const int64_t lines = b->transpose ? columns : of->depth, width = b->transpose ? of->depth : columns;
  const float *x = b->values + (b->transpose ? column * b->stride + of->k : of->k * b->stride + column);
  for (int64_t line = lines * part / parts; line < lines * (part + 1) / parts; line++)
    for (int64_t i = 0; i < width; i += GAN_LANES) __builtin_prefetch(x + line * b->stride + i, 0, 2);
}

/* A tile's sums go to C: straight away, where the product is plain and the tile whole. */
static void multiply_tile(const product *of, const float *a, const float *b, int64_t rows, int64_t columns, float *c) {
  const int64_t depth = pieces(of->depth, row_elements(of->precision));
  const int64_t whole = rounded_up(columns, GAN_LANES);
  if (of->alpha == 1 && (of->beta == 0 || of->beta == 1) && rows == GAN_TILE_ROWS && columns == whole) {
    gan_tile_multiply(of->precision, depth, a, b, whole, of->beta == 1, c, of->stride);
  } else {
    _Alignas(GAN_TILE_ALIGNMENT) float tile[GAN_TILE];
    gan_tile_multiply(of->precision, depth, a, b, whole, false, tile, GAN_TILE_COLUMNS);
    gan_tile_put(tile, rows, columns, of->alpha, of->beta, c, of->stride);
  }
}

/* C's rows of one block of A, (rows, n). While a panel of B is multiplied, what the next one is made of comes near. */
static void multiply_block(const product *of, const float *block, int64_t rows, int64_t n, float *c) {
  _Alignas(GAN_TILE_ALIGNMENT) float panel[GAN_TILE_DEPTH * GAN_TILE_COLUMNS];
  for (int64_t column = 0; column < n; column += GAN_TILE_COLUMNS) {
    const int64_t columns = least(GAN_TILE_COLUMNS, n - column), next = column + columns;
    pack_b(of, column, columns, panel);
    for (int64_t i = 0; i < rows; i += GAN_TILE_ROWS) {
      fetch_b(of, next, least(GAN_TILE_COLUMNS, n - next), i / GAN_TILE_ROWS, pieces(rows, GAN_TILE_ROWS));
      multiply_tile(of, block + i * of->panel_rows, panel, least(GAN_TILE_ROWS, rows - i), columns,
                    c + i * of->stride + column);
    }
  }
}

/* Products of few rows or columns are packing, mostly: in bfloat16, measured on an AMD Zen 5 against oneDNN's in
   float32; in float32 the backend asks for large ones only. */
static bool pays(gan_precision precision, int64_t m, int64_t n, int64_t k) {
  const int64_t least_size = 16;
  return least(least(m, n), k) >= least_size && gan_tiles_available(precision);
}

bool gan_packed_gemm(gan_precision precision, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                     float alpha, const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
                     int64_t ldc) {
  _Alignas(GAN_TILE_ALIGNMENT) float block[BLOCK_ROWS * GAN_TILE_DEPTH];
  if (!pays(precision, m, n, k)) return false;
  /* Blocks of the inner dimension are nearly equal, in 16s of rows. */
  const int64_t elements = row_elements(precision), blocks = pieces(k, elements * gan_tile_depth());
  const int64_t panel_rows = pieces(pieces(k, blocks), elements * GAN_LANES) * GAN_LANES;
  product of = {.precision = precision,
                .a = {transpose_a, a, lda},
                .b = {transpose_b, b, ldb},
                .panel_rows = panel_rows,
                .alpha = alpha,
                .beta = beta,
                .stride = ldc};
  for (; of.k < k; of.k += elements * panel_rows, of.beta = 1) {
    of.depth = least(elements * panel_rows, k - of.k);
    for (int64_t row = 0; row < m; row += BLOCK_ROWS) {
      const int64_t rows = least(BLOCK_ROWS, m - row);
      pack_a(&of, row, rows, block);
      multiply_block(&of, block, rows, n, c + row * ldc);
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
