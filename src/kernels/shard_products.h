/* Sums over shards of products A' B, along the shard tree (base/shards.h): a dense layer's weight gradients.

   A shard has few rows, so its product is written in less time than memory takes to hold it: one shard after the other,
   each written, read again and added, costs several times what one product of all rows does. Here the shards' products
   of a small part of the result are computed and added while they are in registers and the first caches, and only the
   sums of the rank's trees are written. The numbers are the same: products shard by shard, added along the tree. */
#ifndef GAN_KERNELS_SHARD_PRODUCTS_H
#define GAN_KERNELS_SHARD_PRODUCTS_H

#include "base/shards.h"
#include "kernels/kernels.h"

/* A rank's rows: those of its shards one after the other, `parts` times as many as a shard has samples. a (rows, m) and
   b (rows, n) without gaps. */
struct gan_shard_rows {
  const gan_shards *shards;
  int64_t parts;
  int64_t m, n;
  const float *a, *b;
};

/* First row of a local shard (0 .. local), and its number of rows. */
static inline int64_t gan_shard_rows_begin(const gan_shard_rows *of, int local_shard) {
  const gan_shards *shards = of->shards;
  return of->parts * (gan_shard_begin(shards, shards->first + local_shard) - gan_shard_begin(shards, shards->first));
}
static inline int64_t gan_shard_rows_count(const gan_shard_rows *of, int local_shard) {
  return of->parts * gan_shard_samples(of->shards, local_shard);
}

/* Rows of the largest of all shards, on any rank. */
int64_t gan_shard_rows_most(const gan_shard_rows *of);

/* slots[i] + offset, (m, n): the sum over the shards of the rank's i-th tree, and in between what gan_shards_fold keeps
   there. By the backend's shard_products, or else by its gemm. */
void gan_shard_products(const gan_backend *backend, const gan_shard_rows *of, float *const *slots, size_t offset);

/* As gan_backend.shard_products, with packed panels (tiles.h). */
bool gan_packed_shard_products(gan_precision precision, const gan_shard_rows *of, float *const *slots, size_t offset);

#endif
