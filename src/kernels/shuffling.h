/* Pixel shuffle (Shi et al. 2016, arXiv 1609.05158): channels become positions, and back. Of an image with factors f
   along its axes, each output position lies in a block of f small positions; the channels of one small position are the
   values of its block, in the order of torch.nn.PixelShuffle, for any number of axes:

        large[c, z f0 + i, y f1 + j, x f2 + k] = small[((c f0 + i) f1 + j) f2 + k, z, y, x]  */
#ifndef GAN_KERNELS_SHUFFLING_H
#define GAN_KERNELS_SHUFFLING_H

#include "kernels/convolution.h"

typedef struct gan_shuffling {
  int64_t channels;        /* of the large image */
  int64_t small[GAN_AXES]; /* positions of the small one */
  int64_t factor[GAN_AXES];
} gan_shuffling;

/* small (rows, channels * factors, small) -> large (rows, channels, small * factor), and the way back, which is its
   inverse and its transpose. */
void gan_pixel_shuffle(const gan_shuffling *sizes, size_t rows, const float *small, float *large);
void gan_pixel_unshuffle(const gan_shuffling *sizes, size_t rows, const float *large, float *small);

#endif
