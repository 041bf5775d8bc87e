/* What lies beyond the ends of a line, and layers' work that reads there: padding and blurring, of planes by
   themselves. A plane is one channel of one sample, (depth, height, width); with fewer axes the leading ones have size
   1 and are left alone. */
#ifndef GAN_KERNELS_BORDERS_H
#define GAN_KERNELS_BORDERS_H

#include "kernels/convolution.h"

/* A way to go on beyond the ends: one row of a table. */
typedef struct gan_border {
  const char *name; /* "reflect", after PyTorch's padding modes */
  /* Where the value of a position outside of 0 .. size - 1 is taken from, inside; -1: it is 0. The position is not
     further from the end than `reach`. */
  int64_t (*source)(int64_t position, int64_t size);
  /* How far beyond each end there are values, for a line of this size. */
  int64_t (*reach)(int64_t size);
} gan_border;
/* zeros, reflect, replicate, circular. */
extern const gan_border gan_borders[];
extern const int gan_border_count;
/* Finds by name; NULL when there is none. */
const gan_border *gan_border_find(const char *name);

/* The position itself, or where the border takes its value from; -1: none. */
static inline int64_t gan_border_source(const gan_border *border, int64_t position, int64_t size) {
  return position >= 0 && position < size ? position : border->source(position, size);
}

/* Sizes of a padding: along each axis `amount` positions more at both ends. */
typedef struct gan_padding {
  int64_t in[GAN_AXES], amount[GAN_AXES];
  const gan_border *border;
} gan_padding;

/* x (planes, in) -> y (planes, in + 2 amount); and dy of y's shape -> dx of x's, overwritten. */
void gan_pad(const gan_padding *sizes, size_t planes, const float *x, float *y);
void gan_pad_backward(const gan_padding *sizes, size_t planes, const float *dy, float *dx);

/* Sizes of a blur: along each axis that is `blurred`, every stride-th position, beginning with the first, of x blurred
   by [1, 2, 1] / 4. */
typedef struct gan_blurring {
  int64_t in[GAN_AXES], stride[GAN_AXES];
  bool blurred[GAN_AXES]; /* the others keep their positions; their stride is 1 */
  const gan_border *border;
} gan_blurring;

static inline int64_t gan_blurred_size(const gan_blurring *sizes, int axis) {
  return (sizes->in[axis] - 1) / sizes->stride[axis] + 1;
}

/* x (planes, in) -> y (planes, blurred sizes); and dy of y's shape -> dx of x's, overwritten. line: in[2] floats to
   work with. */
void gan_blur(const gan_blurring *sizes, size_t planes, const float *x, float *y, float *line);
void gan_blur_backward(const gan_blurring *sizes, size_t planes, const float *dy, float *dx, float *line);

#endif
