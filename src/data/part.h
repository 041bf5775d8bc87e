/* Parts of a data set: what is trained with, and what is kept back to test with. */
#ifndef GAN_DATA_PART_H
#define GAN_DATA_PART_H

#include "data/source.h"

/* Samples first .. first + count-1 of a whole (borrowed, with an end) in an order that mixes them, the same in every
   run: so that neither of two parts has only what lies at the end of a file. Weights are left out. Owned by the caller.
   Not collective. */
gan_status gan_source_part(gan_source *whole, int64_t first, int64_t count, gan_source **part) GAN_CHECKED;

/* The path of the file of test samples that comes with a data set, as MNIST has them: beside train-images-idx3-ubyte
   there is t10k-images-idx3-ubyte, with or without ".gz". *path is the caller's, NULL where there is none. */
gan_status gan_source_find_tests(const gan_data_options *options, char **path) GAN_CHECKED;

#endif
