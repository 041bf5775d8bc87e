/* Matrix products with packed panels (tiles.h): in the precision that BLAS libraries lack, with operands in bfloat16
   and sums in float32; and in float32, for CPUs for which the libraries are slow. All is float32 in memory. */
#ifndef GAN_KERNELS_PACKED_GEMM_H
#define GAN_KERNELS_PACKED_GEMM_H

#include "kernels/tiles.h"

/* As gan_backend.gemm. False, with nothing done, where the CPU lacks the instructions, and for sizes that packing does
   not pay for. */
bool gan_packed_gemm(gan_precision precision, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                     float alpha, const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
                     int64_t ldc);

#endif
