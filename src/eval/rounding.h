/* Values as an image of 8 bits has them. Published distances are of pictures in files: whoever computes one writes the
   generator's images as bytes first, and real ones are bytes anyway. A network sees the difference between an image and
   its rounded copy, so that a comparison of what is not rounded with what is measures that, too. */
#ifndef GAN_EVAL_ROUNDING_H
#define GAN_EVAL_ROUNDING_H

#include <stdbool.h>

#include "eval/sample_sets.h"

/* Whether a set is of images (channels, height, width) all of whose values are those of bytes, 0 being -1 and 255 being
   1. Not collective; the same on every rank. */
bool gan_are_byte_images(const gan_sample_set *set);

/* A maker whose values are cut at -1 and 1 and rounded to the nearest byte's. */
typedef struct gan_rounding {
  gan_set_maker maker; /* what is rounded; what it borrows has to last */
  float low, high;     /* of the values as they were, of the rows that this rank has made; high < low: none */
} gan_rounding;

/* `rounding` is borrowed. */
gan_set_maker gan_rounding_maker(gan_rounding *rounding, const gan_set_maker *maker);

#endif
