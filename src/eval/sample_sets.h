/* Sets of samples that metrics compare, with what a feature network makes of them: filled by all ranks together, in
   blocks of a fixed size, so that a set has the same bits on every rank and for any number of ranks. A host holds one
   copy (dist/rows.h). */
#ifndef GAN_EVAL_SAMPLE_SETS_H
#define GAN_EVAL_SAMPLE_SETS_H

#include "eval/features.h"
#include "eval/metric.h"

/* Rows that are made and looked at together. A generator's batches divide it: rows have the bits that they have in any
   other set of the same generator. */
enum { GAN_SET_BLOCK = 256 };

/* Where the samples of a set come from. */
typedef struct gan_set_maker {
  /* samples (count, elements) of rows first .. first+count-1 and, where label_count is not 0, labels (count), each in
     0 .. label_count-1. Not collective. */
  gan_status (*make)(void *context, int64_t first, int64_t count, float *samples, int32_t *labels);
  void *context;
  int64_t count; /* of the whole set, 1 at least and below 2^31 */
  gan_shape shape;
  int label_count; /* 0: no labels */
} gan_set_maker;

/* Who wants to know how far the work is: called often, on every rank, with what is done and this rank's share of it
   that is behind it. NULL function: nobody. */
typedef struct gan_evaluation_watch {
  void (*step)(void *context, const char *what, double share);
  void *context;
} gan_evaluation_watch;

/* A set and what it lies in. */
typedef struct gan_filled_set {
  gan_sample_set set;
  gan_rows *samples, *features, *logits, *labels, *nearest; /* NULL: there is none of its own */
} gan_filled_set;

/* Bytes that a set takes, once per host. `features`: NULL where the samples are their own features, which then takes
   nothing more. Infinite where they cannot be counted. */
double gan_set_bytes(int64_t count, int64_t elements, const gan_features_about *features, bool labelled);

/* Fills a set. features: the network, or NULL where the samples themselves are compared. `what`: "generated samples".
   Errors are agreed on, and leave nothing to release: those of `make`, GAN_FAILED for want of memory. Collective. */
gan_status gan_set_fill(gan_world *world, const gan_set_maker *maker, gan_features *features, const char *what,
                        const gan_evaluation_watch *watch, gan_filled_set *filled) GAN_CHECKED;
/* Collective; of a set of zeroes it does nothing. */
void gan_set_release(gan_filled_set *filled);

/* Rows of a set, side by side: a set by itself, borrowed. Not collective. */
gan_sample_set gan_set_slice(const gan_sample_set *set, int64_t first, int64_t count);

/* Whether any two samples of a set differ in their features: where none do, distances are 0 whatever is compared with
   them. The same on every rank. Not collective. */
bool gan_set_varies(const gan_sample_set *set);

/* Half of a set's rows (rounded down), each at most once, drawn by addressed random numbers: other ones for each
   `step`. Errors as of gan_set_fill. Collective. */
gan_status gan_set_half(gan_world *world, const gan_sample_set *set, uint64_t seed, uint64_t step,
                        gan_filled_set *half) GAN_CHECKED;

/* Noise in the place of samples: each element uniform between the smallest and the largest value that it has in a set
   of real ones. */
typedef struct gan_noise {
  int64_t elements;
  uint64_t seed;
  float *ranges; /* (2, elements): the smallest values, then the largest. Owned */
} gan_noise;

gan_status gan_noise_create(const gan_sample_set *real, uint64_t seed, gan_noise *noise) GAN_CHECKED;
void gan_noise_release(gan_noise *noise);
/* A gan_set_maker's function, of a gan_noise. */
gan_status gan_noise_make(void *noise, int64_t first, int64_t count, float *samples, int32_t *labels) GAN_CHECKED;

#endif
