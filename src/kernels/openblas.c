/* The backend over OpenBLAS. One thread: parallelism is ranks, and a product computed by one thread has one order of
   summation. */
#include "kernels/openblas.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "kernels/environment.h"

/* What OpenBLAS takes for its copies of operands, as Debian builds it. */
#define WORK_BYTES ((size_t)129 << 20)

/* OpenBLAS tries for ever to get the memory for its copies where the address space has no place for it (ulimit -v), and
   begins with its first product, in the middle of training. So the place is looked for here, and taken at once by a
   product which is too large for the kernels that do without. */
static gan_status take_work_memory(void) {
  enum { SIDE = 128 };
  void *place = mmap(NULL, WORK_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED)
    return gan_fail(GAN_FAILED, "out of memory: OpenBLAS works with %zu MiB for itself (see ulimit -v)",
                    WORK_BYTES >> 20);
  float *matrices = NULL;
  const gan_status status = gan_allocate(3 * SIDE * SIDE, sizeof *matrices, "a first matrix product", &matrices);
  munmap(place, WORK_BYTES);
  GAN_TRY(status);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, matrices, SIDE, matrices + SIDE * SIDE,
              SIDE, 0, matrices + 2 * SIDE * SIDE, SIDE);
  free(matrices);
  return GAN_OK;
}

static gan_status openblas_open(void) {
  GAN_TRY(gan_cpu_check());
  openblas_set_num_threads(1);
  return take_work_memory();
}

/* C = beta C, what is left of a product with an inner dimension of 0. Not left to BLAS, which demands row lengths of at
   least 1 even then. */
static void scale_matrix(int64_t m, int64_t n, float beta, float *c, int64_t ldc) {
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++) c[i * ldc + j] = beta == 0.0f ? 0.0f : beta * c[i * ldc + j];
  }
}

static void openblas_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
                          const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    scale_matrix(m, n, beta, c, ldc);
    return;
  }
  assert(m <= INT_MAX && n <= INT_MAX && k <= INT_MAX && lda <= INT_MAX && ldb <= INT_MAX && ldc <= INT_MAX);
  cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, (int)m,
              (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}

static const char *openblas_describe(void) {
  static char text[256];
  char version[32] = "of unknown version";
  (void)sscanf(openblas_get_config(), "OpenBLAS %31s", version);
  const char *core = openblas_get_corename();
  snprintf(text, sizeof text, "OpenBLAS %s, %s kernels%s", version, core, gan_openblas_core_reason(core));
  return text;
}

const gan_backend gan_backend_openblas = {
    .name = "openblas",
    .help = "matrix products by OpenBLAS, on any CPU",
    .open = openblas_open,
    .gemm = openblas_gemm,
    .describe = openblas_describe,
};
