/* All training samples, in which copies are searched for. They may be many more than are compared otherwise: an
   evaluation takes ten thousand of them as its reference, and whoever is copied may be one of the others. So they are
   read once, block by block; ranks share the blocks; and of each block only the distances stay that are the smallest so
   far. What a network makes of them is kept for the next search where it takes little memory, since making it is most
   of the work. */
#ifndef GAN_EVAL_TRAINING_H
#define GAN_EVAL_TRAINING_H

#include "eval/sample_sets.h"

/* Fields are for training.c, but for the maker: training sample i is the one that it makes. */
typedef struct gan_training {
  gan_set_maker maker;
  gan_features *features; /* NULL: the samples themselves are compared */
  int64_t width;          /* of what is compared */
  gan_rows *kept;         /* (maker.count, width): what is compared; NULL: it is made as it is needed */
  const float *points;    /* (maker.count, width), in `kept` or somewhere else; NULL: it is nowhere */
} gan_training;

/* `features` is borrowed, and what `maker` borrows has to last, too. `there`: a set of the same samples in the same
   order, with features, borrowed; or NULL. Errors are agreed on: those of the maker, GAN_BAD_USAGE for features that
   are not finite, GAN_FAILED for want of memory. Collective. */
gan_status gan_training_open(gan_world *world, const gan_set_maker *maker, gan_features *features,
                             const gan_sample_set *there, const gan_evaluation_watch *watch,
                             gan_training *training) GAN_CHECKED;
/* Collective; of zeroes it does nothing. */
void gan_training_close(gan_training *training);

/* To each sample of a set the nearest training sample by their features, of equally near ones the first:
   nearest_training of the set, given back with it. The same on every rank and for any number of ranks. Errors as above,
   and GAN_BAD_USAGE for a set whose features are not finite. Collective. */
gan_status gan_training_search(gan_world *world, const gan_backend *backend, gan_training *training,
                               const gan_evaluation_watch *watch, gan_filled_set *set) GAN_CHECKED;

#endif
