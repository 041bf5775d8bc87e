/* Products of packed panels: the inner loop of convolutions on CPUs with AVX2 or AVX-512, of large matrix products on
   those with AVX2, and of bfloat16 matrix products on those with its instructions.

   C (m, n) = A (m, k) B (k, n) is computed in tiles of 8 rows and 48 columns: of AVX-512, 24 of the 32 registers; AVX2
   (tiles_avx2.h) does a quarter of a tile at a time. Operands are packed first, so that the inner loop reads memory in
   order: A in panels of 8 rows, (k, 8), B in panels of 48 columns, (k, 48) (Goto and van de Geijn 2008, doi
   10.1145/1356052.1356053). Packing is also where an operand gets its layout (unfolding.h) and its precision: in
   bfloat16, a panel's row holds two consecutive k, (k / 2, 8 or 48, 2), each pair in the place of a float32; products
   of pairs are added in float32.

   Callable only where gan_tiles_available() says so. Sums run over k in rising order within a tile; all of it is a
   function of the operands alone. */
#ifndef GAN_KERNELS_TILES_H
#define GAN_KERNELS_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

enum { GAN_LANES = 16, GAN_TILE_ROWS = 8, GAN_TILE_COLUMNS = 48, GAN_TILE = GAN_TILE_ROWS * GAN_TILE_COLUMNS };

/* Most rows of a panel, with a convolution's exception of one channel that has more taps: so that one of B stays in the
   first cache, and many of A in the second. */
enum { GAN_TILE_DEPTH = 192 };

/* Bytes of a line of the cache: panels and tiles lie on multiples of it, since loads of a register that cross one are
   slow. */
enum { GAN_TILE_ALIGNMENT = 64 };

/* Whether the CPU has the instructions for this precision; of the functions below, AVX2 will do for those in float32
   alone. */
bool gan_tiles_available(gan_precision precision);

/* Most rows of a panel, for the first cache's sake: a multiple of 16, at most GAN_TILE_DEPTH, and the same on all CPUs
   of a level. */
int64_t gan_tile_depth(void);

/* c (8, columns) = or += a (depth, 8) and the first `columns` of b (depth, 48), 16, 32 or 48 of them, packed in the
   given precision; depth counts a panel's rows. Rows of c lie `stride` floats apart. */
void gan_tile_multiply(gan_precision precision, int64_t depth, const float *a, const float *b, int64_t columns,
                       bool add, float *c, int64_t stride);

/* The sums of a tile, and what becomes of them: `folds` times, sums = left + sums, each time of a left that lies
   left_step floats lower in memory than the one before; then they go to c. With a first_depth, a and b begin with so
   many rows of another product, which is a left of its own, added before the others; it may be put where that would lie
   in memory, one left_step above `left`. Rows of a, left and c lie their strides apart; that of a panel is 8. What is
   far, and not in the first cache, is asked for in advance. */
typedef struct gan_tile_sum {
  int64_t first_depth, depth;
  const float *a, *b;
  int64_t a_stride;
  int64_t columns;
  int folds;
  float *left;
  int64_t left_stride, left_step;
  float *c;
  int64_t stride;
  bool left_is_far, c_is_far;
} gan_tile_sum;
void gan_tile_sum_up(gan_precision precision, const gan_tile_sum *sum);

/* c (8, columns) = or += a (8, depth) b (depth, 48), as above but with rows of a and b that lie lda and ldb floats
   apart in memory. Float32, AVX-512. */
void gan_tile_multiply_rows(int64_t depth, const float *a, int64_t lda, const float *b, int64_t ldb, int64_t columns,
                            bool add, float *c, int64_t stride);

/* c (rows, columns) = alpha tile + beta c, rows of c `stride` floats apart; at most 8 and 48. With beta 0, c is not
 * read. */
void gan_tile_put(const float *tile, int64_t rows, int64_t columns, float alpha, float beta, float *c, int64_t stride);

/* One row of pairs of bfloat16, to (width): of x (count) and y (count), rounded to nearest even; zeros beyond count.
   y NULL: of x and zeros. */
void gan_tile_round_rows(const float *x, const float *y, int64_t count, int64_t width, float *to);

/* A panel (depth, width) of the rows of x (depth, count), `stride` floats apart; zeros beyond count, to the end of the
   16 floats that it lies in, or of the row. */
void gan_tile_copy_panel(const float *x, int64_t stride, int64_t count, int64_t depth, int64_t width, float *panel);
/* A panel of the columns of x (vectors, depth), rows `stride` floats apart, 16 of them at a time: floats of the first 8
   to panel, those of the others `half` floats on. Zeros beyond the vectors, and beyond depth up to a multiple of 16. */
void gan_tile_turn_panel(const float *x, int64_t stride, int64_t vectors, int64_t depth, float *panel, int64_t half,
                         int64_t width);
/* A panel of pairs of bfloat16, (depth / 2 or one more, width), of the rows of x (depth, count), `stride` floats apart.
 */
void gan_tile_round_panel(const float *x, int64_t stride, int64_t count, int64_t depth, int64_t width, float *panel);
/* pairs (channels / 2, plane) = row after row of pairs of two channels of x (channels, size); an odd channel has zeros
   for its second. */
void gan_tile_pair_channels(const float *x, int64_t channels, int64_t size, int64_t plane, float *pairs);

/* x: 16 rows of 16, `stride` floats apart; to[column] (16) receives column by column the first 8 rows at to, the
   second 8 rows at `second`: rows of two panels, 8 floats each, `step` floats apart. */
void gan_transpose_to_rows(const float *x, int64_t stride, float *to, float *second, int64_t step);
/* x: 16 rows of 16, `stride` floats apart; its columns become rows of 16 at `to`, `step` floats apart. */
void gan_transpose_to_columns(const float *x, int64_t stride, float *to, int64_t step);
/* x: up to 16 rows of up to 32, `stride` floats apart; its columns, rounded and two by two, become 16 rows of pairs,
   with zeros beyond rows and count: the pairs of x's first 8 rows at to, `step` apart, those of its others at to +
   half. */
void gan_transpose_to_pairs(const float *x, int64_t stride, int64_t rows, int64_t count, float *to, int64_t half,
                            int64_t step);
/* x: 16 rows of 16 pairs of bfloat16, `stride` apart: row i holds values of u_i (16) and v_i (16), in pairs (u_i[j],
   v_i[j]). They become rows whose pairs are of neighbouring j: row r < 8 holds (u_i[2r], u_i[2r + 1]) of all i, its
   first 8 at to + r * step, the others at to + half + r * step; the same of v at to + odd. */
void gan_transpose_pairs(const float *x, int64_t stride, float *to, int64_t half, int64_t odd, int64_t step);
/* both (96) = x[0], y[0], x[1], y[1], ... of x (48) and y (48). */
void gan_tile_interleave(const float *x, const float *y, float *both);

#endif
