/* Pictures: grids of image samples and scatter plots of points, as PNG files, written atomically. */
#ifndef GAN_STORE_PICTURE_H
#define GAN_STORE_PICTURE_H

#include <stdbool.h>
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

/* Curves over one axis in panels side by side (picture_curves.c). */
typedef struct gan_curve {
  int series; /* whose colour it has */
  bool dashed;
  const double *y; /* (points) at equal distances; where a value is not finite, there is a gap */
} gan_curve;

typedef struct gan_curve_panel {
  const char *title;
  int curve_count;
  const gan_curve *curves; /* in the order of drawing */
} gan_curve_panel;

typedef struct gan_curve_picture {
  double from, to;               /* of the axis to the right, alike in all panels */
  int points;                    /* of each curve, 2 at least; the first is at `from`, the last at `to` */
  const char *axis, *low, *high; /* what the axis is, and what its ends mean */
  int series_count;
  const char *const *series;  /* names, for the legend */
  const char *solid, *dashed; /* what the two kinds of lines are */
  int columns, rows;
  const gan_curve_panel *panels; /* (rows, columns) */
} gan_curve_picture;

/* Each panel has its own range upwards, with 0 in it. Where curves cover each other, those drawn first are wider. */
gan_status gan_picture_curves(const char *path, const gan_curve_picture *picture) GAN_CHECKED;

/* Whether samples of this shape can be drawn at all: (1|3, H, W) and (1|3, D, H, W) as a grid, (2) as a scatter plot.
 */
typedef enum gan_picture_kind { GAN_PICTURE_NONE, GAN_PICTURE_GRID, GAN_PICTURE_SCATTER } gan_picture_kind;
gan_picture_kind gan_picture_kind_of(const gan_shape *shape);

#endif
