/* Sizes of pieces. */
#ifndef GAN_KERNELS_INTEGERS_H
#define GAN_KERNELS_INTEGERS_H

#include <stdint.h>

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
/* How many pieces of a size a whole has, the last one perhaps smaller. */
static inline int64_t pieces(int64_t whole, int64_t piece) { return (whole + piece - 1) / piece; }
/* The size of as many whole pieces. */
static inline int64_t rounded_up(int64_t size, int64_t piece) { return pieces(size, piece) * piece; }

#endif
