/* Who names pictures as data is told how they become a data set. */
#ifndef GAN_DATA_PICTURE_HINT_H
#define GAN_DATA_PICTURE_HINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* `status` is that of opening `path`, with its message recorded. Where the path is a picture, or a folder with pictures
   in it or in a folder of it, the message becomes one that names `gan_dist convert` and what it reads, and begins with
   `option` ("data.path: "). */
gan_status gan_hint_at_pictures(const char *option, const char *path, gan_status status) GAN_CHECKED;

/* Whether a file's name is that of a picture of a format that convert does not read. */
bool gan_is_other_picture(const char *name);
/* The command that makes PNG of all such pictures in a folder and below, into `out`; returns `out`. */
enum { GAN_PICTURE_REMEDY = 768 };
const char *gan_picture_remedy(const char *folder, char out[GAN_PICTURE_REMEDY]);

#endif
