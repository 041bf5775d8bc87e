/* Products of many rows at once whose bits are those of each row alone: a dense layer's outputs and its gradients of
   the inputs, of all of a rank's shards.

   A library's product of more rows may add up in another order, so a shard's bits could depend on which others are the
   same rank's, and products have to be taken shard by shard: each time the weights are read, and packed, again. Here an
   element is one sum over the inner dimension, in rising order, whatever else is computed. */
#ifndef GAN_KERNELS_PACKED_ROWS_H
#define GAN_KERNELS_PACKED_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/* As gan_backend.row_products. */
bool gan_packed_rows(int64_t least_rows, bool transpose_b, int64_t rows, int64_t n, int64_t k, const float *a,
                     const float *b, float *c);

#endif
