/* Sample quality: how near generated samples are to real ones. */
#ifndef GAN_EVAL_QUALITY_H
#define GAN_EVAL_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Sliced Wasserstein-1 distance (Bonneel et al. 2015; Rabin et al. 2011): the mean, over `projections` random unit
   directions (addressed by seed), of the 1-D Wasserstein-1 distance between projected sets. real, fake (n, elements). A
   sample that is not finite makes it NaN. Fails with GAN_BAD_USAGE when n, elements or projections is below 1, with
   GAN_FAILED for want of memory. */
gan_status gan_sliced_wasserstein(int64_t n, int64_t elements, const float *real, const float *fake, int projections,
                                  uint64_t seed, double *distance) GAN_CHECKED;

/* The same, of samples that come a few at a time: all that is kept of them is where they lie along each direction. */
typedef struct gan_projected {
  int64_t n, elements;
  int projections;
  uint64_t seed;
  double *coordinates; /* (projections, n) */
  bool lent;           /* by the caller, who keeps them */
  bool sorted;         /* along each direction */
  float *direction;    /* (elements) */
} gan_projected;

/* Room for n samples. Errors as of gan_sliced_wasserstein. Owned by the caller. */
gan_status gan_projected_create(int64_t n, int64_t elements, int projections, uint64_t seed,
                                gan_projected **projected) GAN_CHECKED;
/* The same in memory of the caller's, coordinates (projections, n): ranks that share it each project all samples on
   some of the directions. */
gan_status gan_projected_create_in(int64_t n, int64_t elements, int projections, uint64_t seed, double *coordinates,
                                   gan_projected **projected) GAN_CHECKED;
void gan_projected_destroy(gan_projected *projected);
/* samples (count, elements) as number first, first + 1, ...; each number once, before the first distance is taken. */
void gan_projected_set(gan_projected *projected, int64_t first, int64_t count, const float *samples);
/* The same along directions `begin` .. end - 1 alone; and, once all samples are set, what takes time in a distance: who
   has done so with each direction may set `sorted`. A direction with a coordinate that is not finite is left as it is.
 */
void gan_projected_set_along(gan_projected *projected, int begin, int end, int64_t first, int64_t count,
                             const float *samples);
void gan_projected_sort_along(gan_projected *projected, int begin, int end);
/* Of two sets of the same sizes and seed, both complete. */
double gan_projected_distance(gan_projected *real, gan_projected *fake);

typedef struct gan_mode_coverage {
  int modes, covered; /* a mode is covered when at least 1 % of its fair share of samples (n / modes) and at least
                         one sample lies within 3 sigma of it */
  double high_quality_share; /* share of samples within 3 sigma of some mode */
} gan_mode_coverage;

/* points (n, 2), centres (modes, 2). */
gan_mode_coverage gan_count_modes(int64_t n, const float *points, int modes, const float *centres, double sigma);

#endif
