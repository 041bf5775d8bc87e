/* The real samples of an evaluation: which of the data are the reference, and which others there are for the floor. One
   rule for `evaluate` and for evaluations in training, so that their numbers are of the same samples. */
#ifndef GAN_TRAIN_REAL_ROWS_H
#define GAN_TRAIN_REAL_ROWS_H

#include "data/source.h"
#include "dist/world.h"
#include "eval/sample_sets.h"

/* Samples of a source, in an order of their own, or in that of the file. */
typedef struct gan_source_rows {
  gan_source *source; /* borrowed */
  int64_t first;      /* of the samples in the source that may be taken */
  int64_t span;       /* how many these are; 0: without end */
  int64_t skip;       /* how many of these, in the order, others have taken */
  bool in_order;      /* as they are in the file; else mixed, always in the same way */
} gan_source_rows;

/* `count` of them; labels where the source has any. `rows` is borrowed. */
gan_set_maker gan_source_rows_maker(gan_source_rows *rows, int64_t count);

/* How samples are dealt out. */
typedef struct gan_real_rows {
  gan_source_rows real, others; /* others.source NULL: there are none */
  int64_t real_count, other_count;
  gan_source *opened; /* the others', where it is not the real ones'. Owned */
  bool held_out;      /* training has not seen the others */
} gan_real_rows;

/* Where samples are that training has not seen: as `data`, but in the file `path` that the source type `source` reads.
   Texts are borrowed. */
gan_data_options gan_held_out_options(const gan_data_options *data, const char *source, const char *path);

/* `wanted`, or all of `count` where these are fewer; count 0: there is no end of them. */
int64_t gan_at_most(int64_t wanted, int64_t count);

/* `wanted` real samples or as many as there are, and as many others: those of `held_out` (NULL: nobody has named any),
   what data.samples leaves, or, of data without end, samples that no training reaches. Where nothing is held out, the
   real ones are shared out with the floor, if there is to be one. Errors as of gan_open_source; released by the caller,
   also after one. Collective. */
gan_status gan_real_rows_deal(gan_world *world, gan_source *real, const gan_data_options *held_out, int64_t wanted,
                              bool has_floor, gan_real_rows *rows) GAN_CHECKED;
void gan_real_rows_release(gan_real_rows *rows); /* collective */

#endif
