/* Metrics of sample quality: a table of rows. A row compares two sets of samples, or of what a feature network makes of
   them, and gives one number or a few; who trains, evaluates, records or prints knows none by name.

   The sets are there on every rank (dist/rows.h), and the ranks share the work: what is computed for a block of rows of
   a fixed size is the same whoever does it, and put together in one order, so that every value has the same bits on
   every rank and for any number of ranks. */
#ifndef GAN_EVAL_METRIC_H
#define GAN_EVAL_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"
#include "dist/world.h"
#include "kernels/kernels.h"

/* Samples, and what is known of them. Borrowed, the same on every rank; what is NULL nobody has. */
typedef struct gan_sample_set {
  int64_t count;
  gan_shape shape;       /* of one sample */
  const float *samples;  /* (count, elements) */
  int64_t feature_count; /* of one sample */
  const float *features; /* (count, feature_count): of the feature network */
  int classes;
  const float *logits;   /* (count, classes): of the feature network, if it is a classifier */
  const int32_t *labels; /* (count), 0 .. classes-1: the classes that samples have, or were generated for */
  const struct gan_neighbour *nearest_training; /* (count): to each the nearest of all training samples (training.h) */
} gan_sample_set;

/* What a metric is asked. */
typedef struct gan_comparison {
  gan_world *world;
  const gan_backend *backend;
  const gan_sample_set *real;     /* the reference: training data, or some of them */
  const gan_sample_set *fake;     /* what is judged: generated samples; for a floor, other real ones */
  const gan_sample_set *held_out; /* real samples that training has not seen; NULL: there are none */
  int64_t training_count;         /* of all, among which nearest_training of `fake` is; 0: they are `real` */
  uint64_t seed;                  /* of directions, splits and the like */
  int neighbours;                 /* k of metrics by nearest neighbours */
  /* Of data with known modes (ring, grid): centres (modes, 2) and the standard deviation; 0: none. */
  int modes;
  const float *centres;
  double sigma;
  double power; /* of showers: a cell's value grows with this power of its energy (docs/showers.md); 0: not known */
} gan_comparison;

enum { GAN_METRIC_VALUES = 4 };

/* One value of a row: what users call it, and which way is better. */
typedef struct gan_metric_value {
  const char *name; /* NULL: no further ones */
  const char *help; /* half a sentence, with units where there are any */
  int better;       /* -1: lower, 1: higher, 0: neither, such as a standard error */
} gan_metric_value;

typedef struct gan_metric {
  const char *name; /* of all of it, for help and progress; a row of one value has that one's */
  const char *help;
  const char *source; /* paper and equation, and whose definition is followed */
  gan_metric_value values[GAN_METRIC_VALUES];
  /* Why values[i] is NAN where it is, of sets of which the row can be computed; NULL: it never is, or the help says it.
   */
  const char *undefined[GAN_METRIC_VALUES];
  /* NULL, or why it cannot be computed of these sets: "needs a feature network that classifies". By what the sets have
     and their sizes alone, the same on every rank. Not collective; NULL function: it always can. */
  const char *(*unable)(const gan_comparison *comparison);
  /* values[i] of values above, the same bits on every rank; NAN where one is not defined, which is no error. Errors are
     agreed on: GAN_BAD_USAGE for values that are not finite, naming set and sample; GAN_FAILED for want of memory.
     Collective. */
  gan_status (*compute)(const gan_comparison *comparison, double *values);
} gan_metric;

extern const gan_metric *const gan_metrics[];
extern const int gan_metric_count;

/* The row with a value of that name, and which of its values it is; NULL: there is none. */
const gan_metric *gan_metric_find(const char *name, int *value);

#endif
