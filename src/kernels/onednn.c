/* The backend over oneDNN (versions 2 and 3), which for each product takes who does it fastest: oneDNN for most, the
   products of rows next door for a dense layer's forward pass on few rows, OpenBLAS for small ones with AVX-512, where
   it has kernels that copy nothing, packed panels for large ones of a backward pass with AVX2 alone, and OpenBLAS for
   large ones on lesser CPUs. The choice depends on sizes and CPU alone, so equal products have equal bits.

   Why not oneDNN's inner product with weights in its own blocked layout: with few rows its forward pass is as fast as
   the products of rows, but its backward pass to the input, which wants the weights the other way round, takes twice
   the time of a product on plain weights (docs/design.md section 8 has the figures). Plain weights are also the same
   numbers for every backend and file.

   oneDNN takes memory for its copies in each product and gives it back, 70 to 700 KB at these sizes, which the heap
   then has at hand: after the first iteration no page comes from the system or goes back. */
#include "kernels/onednn.h"

#include <dlfcn.h>
#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/environment.h"
#include "kernels/integers.h"
#include "kernels/openblas.h"
#include "kernels/packed_convolution.h"
#include "kernels/packed_gemm.h"
#include "kernels/packed_rows.h"
#include "kernels/row_products.h"
#include "kernels/shard_products.h"

/* Of the kinds of threads that oneDNN can be built with, OpenMP's can be held to one by a call. */
#if DNNL_CPU_THREADING_RUNTIME != DNNL_RUNTIME_OMP && DNNL_CPU_THREADING_RUNTIME != DNNL_RUNTIME_SEQ
#error "this oneDNN was built with threads other than OpenMP's, which cannot be held to one: use make ONEDNN=0"
#endif

/* oneDNN finds its instructions by itself. It can be told once, before its first product. */
static gan_status lower_instructions(void) {
  static const dnnl_cpu_isa_t of_levels[] = {
      [GAN_CPU_BASELINE] = dnnl_cpu_isa_sse41, [GAN_CPU_AVX2] = dnnl_cpu_isa_avx2};
  if (!gan_cpu_is_lowered()) return GAN_OK;
  const dnnl_cpu_isa_t most = of_levels[gan_cpu()];
  (void)dnnl_set_max_cpu_isa(most);
  if (((int)dnnl_get_effective_cpu_isa() & ~(int)most) == 0) return GAN_OK;
  return gan_fail(GAN_FAILED, "cannot hold oneDNN to the instructions of GAN_CPU_LEVEL");
}

/* One thread: parallelism is ranks, and the order of summation must not depend on a number of threads. The function is
   looked up, since it has to be that of the very OpenMP library which oneDNN brought along. */
static gan_status onednn_open(void) {
  GAN_TRY(gan_cpu_check());
  GAN_TRY(lower_instructions());
  void *symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (symbol) {
    void (*set_threads)(int);
    memcpy(&set_threads, &symbol, sizeof set_threads);
    set_threads(1);
  } else if (DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP) {
    return gan_fail(GAN_FAILED,
                    "cannot hold oneDNN to one thread, for there is no omp_set_num_threads; use --backend "
                    "openblas");
  }
  return gan_backend_openblas.open();
}

/* OpenBLAS has kernels for AVX-512 which do small products without copying: up to a million multiply-adds, and products
   of rows only where the result is narrow; below AVX2 it is better at large ones. (docs/design.md section 8) */
static bool suits_openblas(bool of_rows, int64_t m, int64_t n, int64_t k) {
  const double most = 1e6;
  const int64_t shortest = least(least(m, n), k), large = 48;
  if (gan_cpu() != GAN_CPU_AVX512) return shortest == 0 || (gan_cpu() < GAN_CPU_AVX2 && shortest >= large);
  return shortest < 8 || (of_rows ? n <= 16 : (double)m * (double)n * (double)k <= most);
}

/* With AVX2 alone, oneDNN is slow at large products that are not of rows. */
static bool suits_panels(bool of_rows, int64_t m, int64_t n, int64_t k) {
  const double large = 5e6;
  return gan_cpu() == GAN_CPU_AVX2 && !of_rows && (double)m * (double)n * (double)k >= large;
}

static void onednn_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
                        const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  const bool of_rows = !transpose_a && transpose_b;
  if (of_rows && alpha == 1 && beta == 0 && gan_row_products(m, n, k, a, lda, b, ldb, c, ldc)) return;
  if (suits_panels(of_rows, m, n, k) &&
      gan_packed_gemm(GAN_FLOAT32, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc))
    return;
  if (suits_openblas(of_rows, m, n, k)) {
    gan_backend_openblas.gemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    return;
  }
  if (dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) ==
      dnnl_success)
    return;
  /* Sizes are right, so memory for its copies is what was missing: as deadly here as inside OpenBLAS. */
  fprintf(stderr, "gan_dist: oneDNN has no memory left for a matrix product; use fewer ranks per host\n");
  abort();
}

static const char *onednn_describe(void) {
  static char text[384];
  const dnnl_version_t *version = dnnl_version();
  const int isa = (int)dnnl_get_effective_cpu_isa();
  const char *kernels = (isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core ? "AVX-512"
                        : (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2             ? "AVX2"
                        : (isa & dnnl_cpu_isa_sse41) == dnnl_cpu_isa_sse41           ? "SSE4.1"
                                                                                     : "plain";
  snprintf(text, sizeof text, "oneDNN %d.%d.%d, %s kernels; %s%s", version->major, version->minor, version->patch,
           kernels,
           gan_cpu() == GAN_CPU_AVX2          ? "convolutions and large products of packed panels; "
           : gan_tiles_available(GAN_FLOAT32) ? "convolutions of packed panels; "
                                              : "",
           gan_backend_openblas.describe());
  return text;
}

/* --- bfloat16 --- */

static gan_status bfloat16_open(void) {
  if (!gan_tiles_available(GAN_BFLOAT16) && gan_cpu_is_lowered())
    return gan_fail(GAN_BAD_USAGE,
                    "--precision bf16 needs the instructions of AVX512_BF16, which GAN_CPU_LEVEL=%s rules out; unset "
                    "it, or use --precision float32",
                    getenv("GAN_CPU_LEVEL"));
  if (!gan_tiles_available(GAN_BFLOAT16))
    return gan_fail(GAN_BAD_USAGE,
                    "--precision bf16 needs a CPU with the instructions of AVX512_BF16 (Intel Cooper Lake or Sapphire "
                    "Rapids, AMD Zen 4, and later), and this one has not; use --precision float32");
  return onednn_open();
}

static void bfloat16_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
                          const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  if (!gan_packed_gemm(GAN_BFLOAT16, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc))
    onednn_gemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

#define OWN_KERNELS                                                                                               \
  .shard_products = gan_packed_shard_products, .convolution_shard_weights = gan_packed_convolution_shard_weights, \
  .convolution_scratch = gan_packed_convolution_scratch, .convolution_forward = gan_packed_convolution_forward,   \
  .convolution_backward_data = gan_packed_convolution_backward_data,                                              \
  .convolution_backward_weights = gan_packed_convolution_backward_weights

static const gan_backend onednn_bfloat16 = {
    .name = "onednn",
    .help = "products in bfloat16, but for small ones",
    .open = bfloat16_open,
    .gemm = bfloat16_gemm,
    .describe = onednn_describe,
    .precision = GAN_BFLOAT16,
    OWN_KERNELS,
};

const gan_backend gan_backend_onednn = {
    .name = "onednn",
    .help = "matrix products by oneDNN, OpenBLAS or own kernels, by size and CPU; with AVX2, convolutions of its own",
    .open = onednn_open,
    .gemm = onednn_gemm,
    .row_products = gan_packed_rows,
    .describe = onednn_describe,
    .bfloat16 = &onednn_bfloat16,
    OWN_KERNELS,
};
