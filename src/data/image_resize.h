/* From an image of any size to a sample of a fixed one: composited over a background, placed, resampled.

   All arithmetic is on sRGB values as they are stored, as Pillow, torchvision and browsers do it; rounding happens
   once, at the end. Opacity comes first: an image is laid over the background at its own size, which is the same as
   resampling premultiplied colours and compositing then, so transparent pixels lend their hidden colours to nobody. */
#ifndef GAN_DATA_IMAGE_RESIZE_H
#define GAN_DATA_IMAGE_RESIZE_H

#include "data/image.h"

/* How source pixels are weighted. Shrinking stretches every filter by the factor of shrinking, so that all pixels that
   lie under a new one take part in it. */
typedef struct gan_image_filter {
  const char *name;
  const char *help;
  /* Lengths are in source pixels; `scale` of them make a new one. Beyond `reach` from its centre the weight is 0. */
  double (*reach)(double scale);
  double (*weight)(double distance, double scale);
} gan_image_filter;

extern const gan_image_filter gan_image_filters[];
extern const int gan_image_filter_count;

/* Which part of an image goes where: a box of the source, in pixels and fractions of them, fills a box of the target;
   what is left of the target is background. */
typedef struct gan_image_placement {
  double source_top, source_left, source_height, source_width;
  int64_t top, left, height, width;
} gan_image_placement;

/* What becomes of images whose sides are in another proportion than the target's. */
typedef struct gan_image_fit {
  const char *name;
  const char *help;
  gan_image_placement (*place)(int64_t source_height, int64_t source_width, int64_t height, int64_t width);
} gan_image_fit;

extern const gan_image_fit gan_image_fits[];
extern const int gan_image_fit_count;

typedef struct gan_image_target {
  int64_t channels, height, width; /* channels 1: grey, 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601); or 3 */
  const gan_image_fit *fit;
  const gan_image_filter *filter;
  uint8_t background[3]; /* red, green, blue */
} gan_image_target;

/* out (channels, height, width). Takes memory for a line of the image and for the target, and gives it back. GAN_FAILED
   when there is none. */
gan_status gan_image_resize(const gan_image_target *target, const gan_image *image, uint8_t *out) GAN_CHECKED;

#endif
