/* The rows of the table of image formats; each is defined in the file that its comment names. */
#ifndef GAN_DATA_IMAGE_FORMATS_H
#define GAN_DATA_IMAGE_FORMATS_H

#include "data/image.h"

/* image_png.c */
extern const gan_image_format gan_image_png;
/* image_idx.c */
extern const gan_image_format gan_image_idx;

#endif
