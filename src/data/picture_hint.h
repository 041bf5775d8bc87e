/* Who names pictures as data is told how they become a data set. */
#ifndef GAN_DATA_PICTURE_HINT_H
#define GAN_DATA_PICTURE_HINT_H

#include "base/error.h"

/* `status` is that of opening `path`, with its message recorded. Where the path is a picture, or a folder with pictures
   in it or in a folder of it, the message becomes one that names `gan_dist convert` and what it reads. */
gan_status gan_hint_at_pictures(const char *path, gan_status status) GAN_CHECKED;

#endif
