#include "store/picture_volume.h"

#include <math.h>

gan_shape gan_volume_views_shape(const gan_shape *volume) {
  return (gan_shape){.rank = 3, .size = {volume->size[0], volume->size[2] + volume->size[1], volume->size[3]}};
}

/* Unlike fmaxf, NaN when either is. */
static float larger(float a, float b) { return isnan(a) || a > b ? a : b; }

void gan_volume_views(const gan_shape *shape, const float *volume, float *views) {
  const int64_t channels = shape->size[0], depth = shape->size[1], height = shape->size[2], width = shape->size[3];
  const int64_t pixels = channels * (height + depth) * width;
  for (int64_t i = 0; i < pixels; i++) views[i] = -INFINITY;
  for (int64_t c = 0; c < channels; c++, views += (height + depth) * width)
    for (int64_t z = 0; z < depth; z++)
      for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
          const float value = *volume++;
          float *along_depth = &views[y * width + x], *along_height = &views[(height + z) * width + x];
          *along_depth = larger(*along_depth, value);
          *along_height = larger(*along_height, value);
        }
}
