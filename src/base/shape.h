/* The shape of one sample: (features), (channels, height, width) or (channels, depth, height, width). */
#ifndef GAN_BASE_SHAPE_H
#define GAN_BASE_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

enum { GAN_SHAPE_RANK = 5 }; /* a 3-D convolution's weight has five dimensions */

typedef struct gan_shape {
  int rank;
  int64_t size[GAN_SHAPE_RANK];
} gan_shape;

/* Number of elements. */
static inline int64_t gan_shape_count(const gan_shape *shape) {
  int64_t count = 1;
  for (int i = 0; i < shape->rank; i++) count *= shape->size[i];
  return count;
}

/* Whether the product of sizes (count), each 0 at least, is no more than `most`; that of none is 1. For sizes that
   somebody else has chosen: the product itself may be too large for a number. */
bool gan_product_within(int64_t most, int count, const int64_t *sizes);

/* Whether samples have a left and a right that can be exchanged: images and volumes, whose last axis is the width. A
   series the other way round is other data, and a vector's elements have no places. */
static inline bool gan_shape_has_sides(const gan_shape *shape) { return shape->rank >= 3; }

/* What the axes of a data set of such samples are, as data.axes names them: "NCHW". In files that the program writes,
   the data set's attribute says it. */
#define GAN_AXES_ATTRIBUTE "axes"
const char *gan_shape_axes(const gan_shape *shape);

enum { GAN_SHAPE_TEXT = 96 };
/* "(3, 64, 64)" into a text of GAN_SHAPE_TEXT bytes; returns it. */
char *gan_shape_print(const gan_shape *shape, char *text);

#endif
