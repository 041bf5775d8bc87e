/* What the files of packed convolutions share. */
#ifndef GAN_KERNELS_PACKED_INTERNAL_H
#define GAN_KERNELS_PACKED_INTERNAL_H

#include "kernels/convolution.h"
#include "kernels/integers.h"
#include "kernels/tiles.h"

/* Most floats of a copy of some samples: more would not stay near until they are unfolded. */
enum { COPY_FLOATS = 1 << 18 };
/* With fewer channels most of a tile would be empty. */
enum { CHANNELS_LEAST = 16 };

/* Scratch memory is used from a multiple of a register's size on, for panels, and sources, which hold integers of 8
   bytes. */
static inline float *align(float *scratch) {
  return (float *)(((uintptr_t)scratch + GAN_TILE_ALIGNMENT - 1) / GAN_TILE_ALIGNMENT * GAN_TILE_ALIGNMENT);
}

/* Floats, or more of them, so that what follows lies so too. */
static inline int64_t aligned(int64_t floats) { return rounded_up(floats, GAN_TILE_ALIGNMENT / sizeof(float)); }

/* Floats of scratch memory of gan_packed_convolution_backward_weights, not yet aligned; 0 for sizes that it leaves
   alone. */
int64_t gan_packed_weights_scratch(gan_precision precision, const gan_convolution *sizes);

#endif
