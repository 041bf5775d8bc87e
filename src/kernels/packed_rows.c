/* See packed_rows.h. A panel of 48 columns of B stays in the first cache while rows of A pass by, 8 at a time, read
   where they lie. Packing costs little where rows of B are copied; where columns have to be turned, it has to serve
   many rows, and few inner elements, which fit one panel. */
#include "kernels/packed_rows.h"

#include "kernels/environment.h"
#include "kernels/integers.h"
#include "kernels/tiles.h"

#if defined(__x86_64__) && defined(__GNUC__)

/* By what is the same on all ranks. With few rows a library is faster at what has to be turned while it is packed. */
static bool pays(int64_t least_rows, bool transpose_b, int64_t n, int64_t k) {
  const int64_t few = transpose_b ? 24 : GAN_TILE_ROWS, narrow = 32, shallow = 16;
  return gan_cpu() == GAN_CPU_AVX512 && least_rows >= few && n >= narrow && k >= shallow &&
         (k <= GAN_TILE_DEPTH || !transpose_b);
}

/* c += a b over `depth` inner elements from k on; the first time, c =. */
typedef struct rows_product {
  bool transpose_b;
  int64_t rows, n, inner, k, depth;
  const float *a, *b;
  float *c;
} rows_product;

/* Columns column and on of op(B), at most 48. */
static void pack(const rows_product *of, int64_t column, int64_t columns, float *panel) {
  const int64_t inner = of->inner;
  if (!of->transpose_b)
    gan_tile_copy_panel(of->b + of->k * of->n + column, of->n, columns, of->depth, GAN_TILE_COLUMNS, panel);
  else
    for (int64_t j = 0; j < columns; j += GAN_LANES)
      gan_tile_turn_panel(of->b + (column + j) * inner + of->k, inner, columns - j, of->depth, panel + j, GAN_LANES / 2,
                          GAN_TILE_COLUMNS);
}

static void multiply_column(const rows_product *of, int64_t column, int64_t columns, float *panel) {
  const int64_t vectors = rounded_up(columns, GAN_LANES), few = 2 * GAN_TILE_ROWS;
  const bool whole = columns == vectors, add = of->k > 0;
  const bool direct = whole && !of->transpose_b && of->rows <= few; /* a copy would not be read often enough */
  const float *b = direct ? of->b + of->k * of->n + column : panel;
  _Alignas(GAN_TILE_ALIGNMENT) float tile[GAN_TILE];
  if (!direct) pack(of, column, columns, panel);
  for (int64_t row = 0; row < of->rows; row += GAN_TILE_ROWS) {
    /* The last tile begins earlier where it would go beyond the end: rows that it has in common with the one before are
       computed anew, so nothing may be added to them twice. */
    const int64_t first = least(row, of->rows - GAN_TILE_ROWS), again = row - first;
    const float *a = of->a + first * of->inner + of->k;
    float *to = of->c + first * of->n + column;
    if (whole && (again == 0 || !add)) {
      gan_tile_multiply_rows(of->depth, a, of->inner, b, direct ? of->n : GAN_TILE_COLUMNS, vectors, add, to, of->n);
      continue;
    }
    gan_tile_multiply_rows(of->depth, a, of->inner, b, direct ? of->n : GAN_TILE_COLUMNS, vectors, false, tile,
                           GAN_TILE_COLUMNS);
    gan_tile_put(tile + again * GAN_TILE_COLUMNS, GAN_TILE_ROWS - again, columns, 1, add ? 1 : 0, to + again * of->n,
                 of->n);
  }
}

/* Rows are taken so many at a time that their part of A stays in the second cache from one panel of B to the next. */
static int64_t block_rows(int64_t rows, int64_t k) {
  const int64_t floats = 1 << 17, fitting = floats / k / GAN_TILE_ROWS * GAN_TILE_ROWS;
  const int64_t blocks = pieces(rows, most(fitting, GAN_TILE_ROWS));
  return rounded_up(pieces(rows, blocks), GAN_TILE_ROWS);
}

bool gan_packed_rows(int64_t least_rows, bool transpose_b, int64_t rows, int64_t n, int64_t k, const float *a,
                     const float *b, float *c) {
  if (!pays(least_rows, transpose_b, n, k)) return false;
  _Alignas(GAN_TILE_ALIGNMENT) float panel[GAN_TILE_DEPTH * GAN_TILE_COLUMNS];
  const int64_t depth = rounded_up(pieces(k, pieces(k, GAN_TILE_DEPTH)), GAN_LANES), block = block_rows(rows, k);
  for (int64_t row = 0; row < rows; row += block) {
    /* The last block, too, has a whole tile: some rows get the same bits again. */
    const int64_t first = least(row, rows - GAN_TILE_ROWS);
    rows_product of = {transpose_b, least(block, rows - first), n, k, 0, 0, a + first * k, b, c + first * n};
    for (; of.k < k; of.k += depth) {
      of.depth = least(depth, k - of.k);
      for (int64_t column = 0; column < n; column += GAN_TILE_COLUMNS)
        multiply_column(&of, column, least(GAN_TILE_COLUMNS, n - column), panel);
    }
  }
  return true;
}

#else

bool gan_packed_rows(int64_t least_rows, bool transpose_b, int64_t rows, int64_t n, int64_t k, const float *a,
                     const float *b, float *c) {
  (void)least_rows, (void)transpose_b, (void)rows, (void)n, (void)k, (void)a, (void)b, (void)c;
  return false;
}
#endif
