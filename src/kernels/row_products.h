/* C = A B' where A has few rows: the forward pass of a dense layer on a small shard.

   A library's matrix product first copies B into another order, which pays off when many rows of A then meet it, and
   costs more than the product itself when 8 or 16 do. Here nothing is copied: with B (n,k) in rows, as the weights of a
   dense layer are, every element of C is the scalar product of two rows, and a row is what a vector unit reads best.
   Six rows of B stay in the first cache while all rows of A pass by, so B is read once. What it costs is that 16
   partial sums have to be added up at the end of each scalar product, which short rows do not repay. */
#ifndef GAN_KERNELS_ROW_PRODUCTS_H
#define GAN_KERNELS_ROW_PRODUCTS_H

#include <stdbool.h>
#include <stdint.h>

/* C (m,n) = A (m,k) B (n,k)', row-major; lda, ldb, ldc are row lengths in memory. An element's bits depend on its two
   rows alone. False, with nothing done, where a library is faster (rows too many or too short) or the CPU has no
   AVX-512. */
bool gan_row_products(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                      float *c, int64_t ldc);

#endif
