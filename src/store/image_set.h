/* A set of images as an HDF5 file that training reads (data.source hdf5), written image by image: data set `images`
   (N, C, H, W) uint8 and, when there are any, `labels` (N) uint16. Whole or absent: the file takes its place when it is
   finished. N need not be known before. */
#ifndef GAN_STORE_IMAGE_SET_H
#define GAN_STORE_IMAGE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"

typedef struct gan_image_set gan_image_set;

/* Begins a file for images of shape (C, H, W). `path` is copied. GAN_FAILED with the path and the reason, as all of
   these. */
gan_status gan_image_set_create(const char *path, const gan_shape *shape, bool labels, gan_image_set **set) GAN_CHECKED;

/* Adds an image (C, H, W) and its label, 0 .. 65535 (left alone when there are none). */
gan_status gan_image_set_add(gan_image_set *set, const uint8_t *pixels, int32_t label) GAN_CHECKED;

/* Ends the file, with texts (NULL: none) as attributes: `preparation` of the images, how they were made; `names` of the
   labels, a line each. Puts it in its place and releases the set, after a failure too. At least one image has to be
   in it. */
gan_status gan_image_set_finish(gan_image_set *set, const char *preparation, const char *names) GAN_CHECKED;

/* Removes what was written and releases the set. NULL is allowed. */
void gan_image_set_discard(gan_image_set *set);

#endif
