/* What the files behind features.h share. */
#ifndef GAN_EVAL_FEATURES_INTERNAL_H
#define GAN_EVAL_FEATURES_INTERNAL_H

#include "eval/features.h"

enum { GAN_FEATURES_NAME = 384 };

/* Another name for people, cut to what there is room for. */
void gan_features_rename(gan_features *features, const char *name);

/* features.c: for "none". Not collective. */
gan_status gan_features_create_none(const gan_shape *shape, gan_features **features) GAN_CHECKED;
/* features_random.c: for "random". Not collective. */
gan_status gan_features_create_random(const gan_shape *shape, const gan_backend *backend,
                                      gan_features **features) GAN_CHECKED;
/* features_file.c: of a file. Collective. */
gan_status gan_features_read(gan_world *world, const char *path, const gan_shape *shape, const gan_backend *backend,
                             gan_features **features) GAN_CHECKED;

#endif
