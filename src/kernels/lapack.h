/* Dense linear algebra in float64, by the BLAS and LAPACK that OpenBLAS's library holds. Row-major, one thread, like
   all of src/kernels: a result is a function of operands and sizes alone. A backend has to be open (kernels/kernels.h),
   which sees to the one thread. */
#ifndef GAN_KERNELS_LAPACK_H
#define GAN_KERNELS_LAPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* C (m, n) = op(A) (m, k) op(B) (k, n) + beta C; lda, ldb, ldc are row lengths in memory. All sizes are 1 or more. */
void gan_double_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const double *a, int64_t lda,
                     const double *b, int64_t ldb, double beta, double *c, int64_t ldc);

/* C (n, n) = A' A + C of A (k, n), up to the diagonal: what is above it is left as it is. */
void gan_double_gram(int64_t n, int64_t k, const double *a, int64_t lda, double *c, int64_t ldc);

/* root (n, *rank) with root root' = matrix (n, n), which is symmetric and has no negative eigenvalues but for rounding:
   Cholesky's factor, with the largest pivot first (Higham 2002, "Accuracy and stability of numerical algorithms",
   section 10.3). It ends where all that is left of the diagonal is at most `tolerance`, so that the columns are as many
   as the matrix has dimensions that are more than rounding. root has room for n * n; `matrix` is used up. GAN_FAILED
   for want of memory. */
gan_status gan_semidefinite_root(int64_t n, double *matrix, double tolerance, double *root, int64_t *rank) GAN_CHECKED;

/* values (n), rising: the eigenvalues of a symmetric matrix (n, n), of which the lower triangle is read; each is off by
   a few roundings of the largest in magnitude. `matrix` is used up. GAN_FAILED for want of memory, or where values are
   not finite. */
gan_status gan_symmetric_eigenvalues(int64_t n, double *matrix, double *values) GAN_CHECKED;

/* values (the smaller of rows and columns): the singular values of matrix (rows, columns), falling; each is off by a
   few roundings of the largest. `matrix` is used up. rows and columns are 1 or more. GAN_FAILED for want of memory, or
   where values are not finite. */
gan_status gan_singular_values(int64_t rows, int64_t columns, double *matrix, double *values) GAN_CHECKED;

#endif
