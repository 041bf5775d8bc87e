/* The portable way: a block of the result's rows after the other, small enough that those of all partial sums stay in
   the second cache. */
#include "kernels/shard_products.h"

#include "kernels/integers.h"

int64_t gan_shard_rows_most(const gan_shard_rows *of) {
  return of->parts * pieces(of->shards->batch, of->shards->count);
}

/* Rows of a block: so many that 4 of them have the second cache for themselves, and whole tiles of any library; all,
   where shards have so many rows that copying b for each block would cost more than it gains. Never by how many of the
   shards are this rank's, which bits must not depend on. */
static int64_t block_rows(const gan_shard_rows *of) {
  const int64_t floats = 1 << 15, tile = 16, many = 128;
  if (of->shards->count == 1 || gan_shard_rows_most(of) > many) return of->m;
  return most(floats / of->n / tile, 1) * tile;
}

void gan_shard_products(const gan_backend *backend, const gan_shard_rows *of, float *const *slots, size_t offset) {
  if (backend->shard_products && backend->shard_products(backend->precision, of, slots, offset)) return;
  const gan_shards *shards = of->shards;
  const int64_t m = of->m, n = of->n, block = block_rows(of);
  for (int64_t row = 0; row < m; row += block) {
    const int64_t rows = least(block, m - row);
    const size_t place = offset + (size_t)(row * n);
    for (int i = 0; i < shards->local; i++) {
      const int64_t first = gan_shard_rows_begin(of, i);
      backend->gemm(true, false, rows, n, gan_shard_rows_count(of, i), 1, of->a + first * m + row, m, of->b + first * n,
                    n, 0, slots[shards->slot[i]] + place, n);
      gan_shards_fold(shards, i, slots, place, (size_t)(rows * n));
    }
  }
}
