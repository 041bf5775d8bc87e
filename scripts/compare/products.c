/* Matrix products of dense layers side by side, on this machine: OpenBLAS's, oneDNN's, packed panels, and what the
   backend takes. Prints a table of docs/performance.md: GF/s of one thread by its CPU time, medians of turns in which
   all of them take turns, since machines are shared; forward / backward to the weights / backward to the input. Each
   has three sets of operands, which it meets in turn as a network does its layers', so that they come from beyond the
   second cache.

   `make products && build/compare/products` (needs oneDNN and a CPU with AVX2; bf16 where the CPU has it). Without
   OPENBLAS_CORETYPE, OpenBLAS takes the kernels that it chooses by itself. */
#include <cblas.h>
#include <dnnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernels/packed_gemm.h"
#include "timing.h"

enum { TURNS = 41, SETS = 3, PASSES = 3 };

static const struct {
  int64_t in, out, rows;
} layers[] = {{784, 512, 128}, {512, 512, 128}, {100, 512, 64}, {512, 512, 64}, {512, 784, 64}, {128, 128, 256}};

/* C (m, n) = op(A) op(B), as gan_backend.gemm has it. */
typedef struct product {
  bool transpose_a, transpose_b;
  int64_t m, n, k, lda, ldb;
} product;

typedef void way(const product *of, const float *a, const float *b, float *c);

static void openblas(const product *of, const float *a, const float *b, float *c) {
  cblas_sgemm(CblasRowMajor, of->transpose_a ? CblasTrans : CblasNoTrans, of->transpose_b ? CblasTrans : CblasNoTrans,
              (blasint)of->m, (blasint)of->n, (blasint)of->k, 1, a, (blasint)of->lda, b, (blasint)of->ldb, 0, c,
              (blasint)of->n);
}

static void onednn(const product *of, const float *a, const float *b, float *c) {
  if (dnnl_sgemm(of->transpose_a ? 'T' : 'N', of->transpose_b ? 'T' : 'N', of->m, of->n, of->k, 1, a, of->lda, b,
                 of->ldb, 0, c, of->n) != dnnl_success)
    fail("oneDNN refuses");
}

static void packed_in(gan_precision precision, const product *of, const float *a, const float *b, float *c) {
  if (!gan_packed_gemm(precision, of->transpose_a, of->transpose_b, of->m, of->n, of->k, 1, a, of->lda, b, of->ldb, 0,
                       c, of->n))
    fail("packed panels refuse");
}

static void packed(const product *of, const float *a, const float *b, float *c) { packed_in(GAN_FLOAT32, of, a, b, c); }

static void packed_bfloat16(const product *of, const float *a, const float *b, float *c) {
  packed_in(GAN_BFLOAT16, of, a, b, c);
}

static const gan_backend *opened;

static void backend(const product *of, const float *a, const float *b, float *c) {
  opened->gemm(of->transpose_a, of->transpose_b, of->m, of->n, of->k, 1, a, of->lda, b, of->ldb, 0, c, of->n);
}

/* The last one needs a CPU with its instructions. */
static const struct {
  const char *name;
  way *multiply;
} ways[] = {{"OpenBLAS", openblas},
            {"oneDNN", onednn},
            {"packed panels", packed},
            {"backend `onednn`", backend},
            {"packed panels, bf16", packed_bfloat16}};
enum { WAYS = sizeof ways / sizeof ways[0] };

/* Of a layer's pass: y = x w^T, dw = dy^T x, dx = dy w. */
static product product_of(int64_t rows, int64_t in, int64_t out, int pass) {
  if (pass == 0) return (product){false, true, rows, out, in, in, in};
  if (pass == 1) return (product){true, false, out, in, rows, out, in};
  return (product){false, false, rows, in, out, out, in};
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* gigaflops[way] of one product, by the first `count` ways. */
static void measure(product of, int count, double *gigaflops) {
  float *a[SETS], *b[SETS], *c[SETS];
  double seconds[WAYS][TURNS];
  for (int set = 0; set < SETS; set++) {
    a[set] = numbers((size_t)(of.m * of.k));
    b[set] = numbers((size_t)(of.k * of.n));
    c[set] = numbers((size_t)(of.m * of.n));
  }
  for (int turn = 0; turn < TURNS; turn++)
    for (int i = 0; i < count; i++) {
      const double start = cpu_seconds();
      for (int set = 0; set < SETS; set++) ways[i].multiply(&of, a[set], b[set], c[set]);
      seconds[i][turn] = cpu_seconds() - start;
    }
  for (int i = 0; i < count; i++) {
    qsort(seconds[i], TURNS, sizeof seconds[i][0], compare);
    gigaflops[i] = 2e-9 * SETS * (double)(of.m * of.n * of.k) / seconds[i][TURNS / 2];
  }
  for (int set = 0; set < SETS; set++) free(a[set]), free(b[set]), free(c[set]);
}

int main(void) {
  if (!gan_tiles_available(GAN_FLOAT32)) fail("this CPU lacks AVX2");
  openblas_set_num_threads(1);
  if (gan_backend_open("onednn", GAN_FLOAT32, &opened) != GAN_OK) fail("the backend does not open");
  const int count = gan_tiles_available(GAN_BFLOAT16) ? WAYS : WAYS - 1;
  printf("| layer, rows |");
  for (int i = 0; i < count; i++) printf(" %s |", ways[i].name);
  printf("\n|---|");
  for (int i = 0; i < count; i++) printf("---|");
  printf("\n");
  for (size_t layer = 0; layer < sizeof layers / sizeof layers[0]; layer++) {
    double gigaflops[PASSES][WAYS];
    for (int pass = 0; pass < PASSES; pass++)
      measure(product_of(layers[layer].rows, layers[layer].in, layers[layer].out, pass), count, gigaflops[pass]);
    printf("| %d → %d, %d |", (int)layers[layer].in, (int)layers[layer].out, (int)layers[layer].rows);
    for (int i = 0; i < count; i++) printf(" %.0f / %.0f / %.0f |", gigaflops[0][i], gigaflops[1][i], gigaflops[2][i]);
    printf("\n");
    fflush(stdout);
  }
  return 0;
}
