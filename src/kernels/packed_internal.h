/* What the files of packed convolutions share. */
#ifndef GAN_KERNELS_PACKED_INTERNAL_H
#define GAN_KERNELS_PACKED_INTERNAL_H

#include "kernels/convolution.h"
#include "kernels/integers.h"

/* Most floats of a copy of some samples: more would not stay near until they are unfolded. */
enum { COPY_FLOATS = 1 << 18 };
/* With fewer channels most of a tile would be empty. */
enum { CHANNELS_LEAST = 16 };

/* Scratch memory is used from a multiple of a register's size on: sources hold integers of 8 bytes, and panels are read
   fastest so. */
enum { ALIGNMENT = 16 * sizeof(float) };

static inline float *align(float *scratch) {
  return (float *)(((uintptr_t)scratch + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

/* Floats, or more of them, so that what follows lies so too. */
static inline int64_t aligned(int64_t floats) {
  const int64_t step = ALIGNMENT / sizeof(float);
  return pieces(floats, step) * step;
}

/* Floats of scratch memory of gan_packed_convolution_backward_weights, not yet aligned. */
int64_t gan_packed_weights_scratch(gan_precision precision, const gan_convolution *sizes);

#endif
