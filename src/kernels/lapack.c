/* LAPACK by its Fortran interface, which every build of OpenBLAS has; the header of its interface for C comes with a
   package of its own. Fortran's matrices are column-major, so it sees a row-major one transposed. */
#include "kernels/lapack.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The lengths of texts come last, as gfortran has them. */
void dpstrf_(const char *uplo, const blasint *n, double *a, const blasint *lda, blasint *pivots, blasint *rank,
             const double *tolerance, double *work, blasint *info, size_t uplo_length);
void dgesdd_(const char *job, const blasint *m, const blasint *n, double *a, const blasint *lda, double *s, double *u,
             const blasint *ldu, double *vt, const blasint *ldvt, double *work, const blasint *work_size,
             blasint *integers, blasint *info, size_t job_length);
void dsyev_(const char *job, const char *uplo, const blasint *n, double *a, const blasint *lda, double *values,
            double *work, const blasint *work_size, blasint *info, size_t job_length, size_t uplo_length);

void gan_double_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const double *a, int64_t lda,
                     const double *b, int64_t ldb, double beta, double *c, int64_t ldc) {
  assert(m <= INT_MAX && n <= INT_MAX && k <= INT_MAX && lda <= INT_MAX && ldb <= INT_MAX && ldc <= INT_MAX);
  cblas_dgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans,
              (blasint)m, (blasint)n, (blasint)k, 1, a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}

void gan_double_gram(int64_t n, int64_t k, const double *a, int64_t lda, double *c, int64_t ldc) {
  assert(n <= INT_MAX && k <= INT_MAX && lda <= INT_MAX && ldc <= INT_MAX);
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (blasint)n, (blasint)k, 1, a, (blasint)lda, 1, c, (blasint)ldc);
}

/* Rows of the factor as they were pivoted, each up to its diagonal, to where they belong. */
static void place_rows(int64_t n, int64_t rank, const double *factor, const blasint *pivots, double *root) {
  for (int64_t row = 0; row < n; row++) {
    const int64_t length = row < rank ? row + 1 : rank;
    double *place = root + (pivots[row] - 1) * rank;
    memcpy(place, factor + row * n, (size_t)length * sizeof *place);
    memset(place + length, 0, (size_t)(rank - length) * sizeof *place);
  }
}

gan_status gan_semidefinite_root(int64_t n, double *matrix, double tolerance, double *root, int64_t *rank) {
  assert(n <= INT_MAX && tolerance >= 0);
  const blasint size = (blasint)n;
  blasint found = 0, info = 0, *pivots = NULL;
  double *work = NULL;
  gan_status status = gan_allocate((size_t)n, sizeof *pivots, "a matrix's root", &pivots);
  if (status == GAN_OK) status = gan_allocate((size_t)n, 2 * sizeof *work, "a matrix's root", &work);
  if (status == GAN_OK) {
    /* The upper triangle of columns is the lower one of rows: A = U'U, and U' is the factor. */
    dpstrf_("U", &size, matrix, &size, pivots, &found, &tolerance, work, &info, 1);
    assert(info >= 0); /* 1: the rank is less than n */
    *rank = found;
    place_rows(n, found, matrix, pivots, root);
  }
  free(pivots);
  free(work);
  return status;
}

gan_status gan_symmetric_eigenvalues(int64_t n, double *matrix, double *values) {
  assert(n <= INT_MAX);
  const blasint size = (blasint)n, ask = -1;
  blasint info = 0;
  double best = 0, *work = NULL;
  dsyev_("N", "U", &size, matrix, &size, values, &best, &ask, &info, 1, 1);
  const blasint work_size = (blasint)best;
  GAN_TRY(gan_allocate((size_t)work_size, sizeof *work, "eigenvalues", &work));
  /* The upper triangle of columns is the lower one of rows. */
  dsyev_("N", "U", &size, matrix, &size, values, work, &work_size, &info, 1, 1);
  free(work);
  return info == 0 ? GAN_OK : gan_fail(GAN_FAILED, "the eigenvalues of a matrix cannot be computed: it is not finite");
}

gan_status gan_singular_values(int64_t rows, int64_t columns, double *matrix, double *values) {
  assert(rows <= INT_MAX && columns <= INT_MAX);
  const blasint m = (blasint)columns, n = (blasint)rows, one = 1, ask = -1;
  const size_t least = (size_t)(rows < columns ? rows : columns);
  blasint info = 0, *integers = NULL;
  double best = 0, *work = NULL;
  dgesdd_("N", &m, &n, matrix, &m, values, NULL, &one, NULL, &one, &best, &ask, NULL, &info, 1);
  const blasint work_size = (blasint)best;
  gan_status status = gan_allocate(least, 8 * sizeof *integers, "singular values", &integers);
  if (status == GAN_OK) status = gan_allocate((size_t)work_size, sizeof *work, "singular values", &work);
  if (status == GAN_OK) {
    dgesdd_("N", &m, &n, matrix, &m, values, NULL, &one, NULL, &one, work, &work_size, integers, &info, 1);
    if (info != 0)
      status = gan_fail(GAN_FAILED, "the singular values of a matrix cannot be computed: it is not finite");
  }
  free(integers);
  free(work);
  return status;
}
