/* The matrix that a convolution multiplies, taken from an image piece by piece ("im2col", Chellapilla et al. 2006), so
   that it never exists as a whole.

   Its rows are the (channel, tap) of a window, its columns the (sample, position) of the window's places. The same
   description serves three products: forward, where a tap is an element of the kernel; backward to the data, which is
   one such product with stride 1 for each remainder of a position modulo the stride; and, transposed, backward to
   the weights. Needs AVX2 or AVX-512 (tiles.h). */
#ifndef GAN_KERNELS_UNFOLDING_H
#define GAN_KERNELS_UNFOLDING_H

#include "kernels/convolution.h"
#include "kernels/tiles.h"

typedef struct gan_unfolding {
  int64_t samples, channels;
  int64_t plane;         /* floats from one channel to the next, at least all of `in` */
  int64_t in[GAN_AXES];  /* sizes of the image, (samples, channels, in) */
  int64_t out[GAN_AXES]; /* places along each axis */
  /* Along an axis, tap t of place i lies at i * stride + first + t * step of the image; beyond its ends are zeros. */
  int64_t taps[GAN_AXES], stride[GAN_AXES], first[GAN_AXES], step[GAN_AXES];
} gan_unfolding;

/* How a convolution's forward pass unfolds its input. */
gan_unfolding gan_unfolding_of_input(const gan_convolution *sizes, int64_t samples);

/* A product does not unfold the image where it lies but a copy of a few samples of it (gan_unfold_copy): near, no
   matter how far apart channels are, and in bfloat16 rounded once, not with each tap that meets it. There two channels
   become one, whose elements are pairs of them in the place of a float. This makes `from` the unfolding of the copy. */
void gan_unfolding_of_copy(gan_precision precision, gan_unfolding *from);
/* copy = of `channels` channels of each of `samples` samples of x, `sample_size` floats apart. */
void gan_unfold_copy(gan_precision precision, const gan_unfolding *from, const float *x, int64_t samples,
                     int64_t channels, int64_t sample_size, float *copy);

/* Of all samples. */
static inline int64_t gan_unfolding_columns(const gan_unfolding *from) {
  return from->samples * gan_positions(from->out);
}

/* Where 16 elements of a row, in neighbouring columns, come from. */
typedef struct gan_source {
  int windows;
  int64_t offset[GAN_LANES]; /* of each window, from the first channel of the first sample */
  uint16_t load[GAN_LANES];  /* which of its floats, a register of them, are read: none beyond the image */
  uint16_t lanes[GAN_LANES]; /* which of the 16 elements it holds */
  int32_t index[GAN_LANES];  /* of each element in its window */
} gan_source;

/* sources (vectors, taps) of the columns first_column and on, 16 a vector, for any channel. */
void gan_unfold_find(const gan_unfolding *from, int64_t first_column, int vectors, gan_source *sources);

/* panel (channel_count * taps, 16 * vectors) = rows of channels first_channel and on, in the columns of the sources;
   zeros where there is no such column. */
void gan_unfold(const gan_unfolding *from, const gan_source *sources, const float *image, int64_t first_channel,
                int64_t channel_count, int vectors, float *panel);

#endif
