/* Pictures: grids of image samples and scatter plots of points, as PNG files, written atomically. */
#ifndef GAN_STORE_PICTURE_H
#define GAN_STORE_PICTURE_H

#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"

/* samples (n, C, H, W) in [-1, 1], C 1 or 3 -> a grid of `columns` columns (0: near square), a pixel of space between;
   small images are enlarged by a whole factor. Of volumes (n, C, D, H, W), each is two views, one above the other
   (picture_volume.h). */
gan_status gan_picture_grid(const char *path, const gan_shape *shape, int64_t n, const float *samples,
                            int columns) GAN_CHECKED;

/* Points (n, 2): real ones grey, generated ones coloured; square window of half-width `extent` around the origin (0:
   fitted to the real points), with axes. Either set may be empty. */
gan_status gan_picture_scatter(const char *path, int64_t real_count, const float *real, int64_t fake_count,
                               const float *fake, double extent) GAN_CHECKED;

/* Whether samples of this shape can be drawn at all: (1|3, H, W) and (1|3, D, H, W) as a grid, (2) as a scatter plot.
 */
typedef enum gan_picture_kind { GAN_PICTURE_NONE, GAN_PICTURE_GRID, GAN_PICTURE_SCATTER } gan_picture_kind;
gan_picture_kind gan_picture_kind_of(const gan_shape *shape);

#endif
