/* How a volume becomes an image: two views of it, one above the other. */
#ifndef GAN_STORE_PICTURE_VOLUME_H
#define GAN_STORE_PICTURE_VOLUME_H

#include "base/shape.h"

/* Of a volume (C, D, H, W), the shape of its views: (C, H + D, W). */
gan_shape gan_volume_views_shape(const gan_shape *volume);

/* The largest value along each line of sight (the maximum intensity projection of imaging in medicine): the first H
   rows look along the depth, the D below them along the height, so that depth runs downwards there. NaN where one is on
   the line. volume (C, D, H, W), views (C, H + D, W). */
void gan_volume_views(const gan_shape *shape, const float *volume, float *views);

#endif
