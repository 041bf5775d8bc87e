/* What tiles.h does in float32, for CPUs with AVX2 and FMA but without AVX-512: the same panels, with registers of 8
   floats. Only tiles.c calls these. */
#ifndef GAN_KERNELS_TILES_AVX2_H
#define GAN_KERNELS_TILES_AVX2_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/tiles.h"

void gan_avx2_tile_multiply(const gan_tile_sum *of);
void gan_avx2_tile_interleave(const float *x, const float *y, float *both);
void gan_avx2_transpose_to_rows(const float *x, int64_t stride, float *to, float *second, int64_t step);

#endif
