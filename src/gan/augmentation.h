/* Augmentation: random changes of samples on their way into the critic, of real and generated ones alike, so that a
   critic cannot learn a small data set by heart (DiffAugment, arXiv 2006.10738; ADA, 2006.06676).

   Each operation is affine in the sample x once its parameters are drawn: x -> A x + b. So the way back is exact: the
   gradient with respect to x is A^T times that with respect to the augmented sample, the derivative along a tangent u
   is A u, and there is nothing of second order. A critic's penalty on gradients g with respect to samples before
   augmentation takes g = A^T g', and as tangent into the critic A u (nn/tangent.h).

   An operation works in place on one sample, which stays in the second cache while it goes through all of them. What
   is drawn for a sample is a function of its address alone, and is drawn again for each way, so nothing is kept. */
#ifndef GAN_GAN_AUGMENTATION_H
#define GAN_GAN_AUGMENTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/random.h"
#include "base/shape.h"

typedef struct gan_augment_options {
  char *operations;       /* augment.operations: names of the table, or "color"; "": none */
  double strength;        /* augment.strength: probability that an operation is applied to a sample; at the beginning */
  char *schedule;         /* augment.schedule: constant, linear or cosine: how it moves to final_strength */
  double final_strength;  /* augment.final_strength: at the run's end */
  bool adaptive;          /* augment.adaptive: it follows the signs of real scores, from 0 up to `strength` */
  double target;          /* augment.target: of their mean */
  double samples_to_full; /* augment.samples_to_full: real samples in which it can move from 0 to 1 */
} gan_augment_options;

enum {
  GAN_AUGMENTATIONS = 7,
  GAN_AUGMENTATION_AXES = 3, /* depth, height, width; those that a sample has not have size 1 */
  GAN_AUGMENTATION_VALUES = 4
};

/* A sample as operations see it. */
typedef struct gan_augmented_shape {
  int64_t channels, size[GAN_AUGMENTATION_AXES];
} gan_augmented_shape;

/* What was drawn for an operation and a sample: [0] 1 when it is applied, 0 otherwise; then its parameters, whole
   numbers for all that has to do with places. As the rows of the table say. */
typedef struct gan_augmentation_draw {
  float value[GAN_AUGMENTATION_VALUES];
} gan_augmentation_draw;

/* A x + b, A x, A^T x. */
typedef enum gan_augmentation_way {
  GAN_AUGMENT_FORWARD,
  GAN_AUGMENT_LINEAR,
  GAN_AUGMENT_TRANSPOSE
} gan_augmentation_way;

typedef struct gan_augmentation_type {
  const char *name;
  const char *help;
  const char *source;
  const char *policy; /* that it is a part of, or NULL: "color" */
  int place;          /* of its random words at a sample's address; never to be changed */
  /* NULL where it makes sense for such samples, else why not. */
  const char *(*refuse)(const gan_shape *sample);
  /* From random words to parameters: value[1] and on. `word` (3). False: this draw changes nothing. */
  bool (*draw)(const gan_augmented_shape *shape, const uint32_t *word, float *parameters);
  /* In place. `value`: as gan_augmentation_draw's, of an operation that is applied. */
  void (*apply)(const gan_augmented_shape *shape, gan_augmentation_way way, const float *value, float *sample);
} gan_augmentation_type;

/* In the order in which they are applied; augmentation_operations.c. */
extern const gan_augmentation_type gan_augmentation_types[GAN_AUGMENTATIONS];

/* Those that were chosen, for samples of one shape. */
typedef struct gan_augmentation {
  gan_augmented_shape shape;
  int64_t elements;
  int count; /* 0: samples stay as they are */
  const gan_augmentation_type *types[GAN_AUGMENTATIONS];
} gan_augmentation;

/* The operations that a text names, separated by commas or spaces, in the table's order whatever that of the text is.
   GAN_BAD_USAGE for an unknown name, and for an operation that makes no sense for samples of this shape. */
gan_status gan_augmentation_choose(const char *operations, const gan_shape *sample,
                                   gan_augmentation *augmentation) GAN_CHECKED;

/* What the sample at this address gets: draws (augmentation->count). Each operation is applied with this probability,
   independent of the others. */
void gan_augmentation_draws(const gan_augmentation *augmentation, gan_random_address address, double strength,
                            gan_augmentation_draw *draws);
/* One sample (elements), in place. */
void gan_augmentation_apply(const gan_augmentation *augmentation, gan_augmentation_way way,
                            const gan_augmentation_draw *draws, float *sample);
/* Samples in consecutive places from the address on, (count, elements), in place. */
void gan_augmentation_rows(const gan_augmentation *augmentation, gan_random_address address, double strength,
                           gan_augmentation_way way, int64_t count, float *rows);

/* Adaptive strength after a step that took `batch` real samples, whose scores' mean sign is `sign_real`: up where the
   critic is too sure of real samples, else down, within [0, most] (2006.06676, section 3.1, in each step instead of
   every fourth). */
float gan_augmentation_adapt(const gan_augment_options *options, float strength, double sign_real, int64_t batch);

#endif
