/* See packed_rows.h. A panel of 48 columns of B stays in the first cache while all rows of A pass by, 8 at a time, read
   where they lie. So it suits few inner elements: a panel holds them all, and the 8 rows do not get into each other's
   way. */
#include "kernels/packed_rows.h"

#include "kernels/environment.h"
#include "kernels/integers.h"
#include "kernels/tiles.h"

#if defined(__x86_64__) && defined(__GNUC__)

/* By what is the same on all ranks. With few rows a library is faster, which packs nothing for them. */
static bool pays(int64_t least_rows, int64_t n, int64_t k) {
  const int64_t few = 24, narrow = 32, shallow = 16;
  return gan_cpu() == GAN_CPU_AVX512 && least_rows >= few && n >= narrow && k >= shallow && k <= GAN_TILE_DEPTH;
}

/* Columns column and on of op(B), at most 48. */
static void pack(bool transpose, int64_t n, int64_t k, const float *b, int64_t column, int64_t columns, float *panel) {
  if (!transpose)
    gan_tile_copy_panel(b + column, n, columns, k, GAN_TILE_COLUMNS, panel);
  else
    for (int64_t j = 0; j < columns; j += GAN_LANES)
      gan_tile_turn_panel(b + (column + j) * k, k, columns - j, k, panel + j, GAN_LANES / 2, GAN_TILE_COLUMNS);
}

bool gan_packed_rows(int64_t least_rows, bool transpose_b, int64_t rows, int64_t n, int64_t k, const float *a,
                     const float *b, float *c) {
  if (!pays(least_rows, n, k)) return false;
  _Alignas(GAN_TILE_ALIGNMENT) float panel[GAN_TILE_DEPTH * GAN_TILE_COLUMNS], tile[GAN_TILE];
  for (int64_t column = 0; column < n; column += GAN_TILE_COLUMNS) {
    const int64_t columns = least(GAN_TILE_COLUMNS, n - column), vectors = rounded_up(columns, GAN_LANES);
    pack(transpose_b, n, k, b, column, columns, panel);
    for (int64_t row = 0; row < rows; row += GAN_TILE_ROWS) {
      /* A tile that would go beyond the end begins earlier instead, and gives some rows the same bits again. */
      const int64_t first = least(row, rows - GAN_TILE_ROWS);
      float *to = c + first * n + column;
      gan_tile_multiply_rows(k, a + first * k, k, panel, vectors, columns == vectors ? to : tile,
                             columns == vectors ? n : GAN_TILE_COLUMNS);
      if (columns != vectors) gan_tile_put(tile, GAN_TILE_ROWS, columns, 1, 0, to, n);
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
