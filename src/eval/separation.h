/* Separation of showers: how far apart the histograms of what physicists look at in a shower are. */
#ifndef GAN_EVAL_SEPARATION_H
#define GAN_EVAL_SEPARATION_H

#include <stdint.h>

/* Bins between the smallest and the largest value of the reference, and one more on either side for what lies beyond.
 */
enum { GAN_SEPARATION_BINS = 40 };

/* 1/2 sum of (h1 - h2)^2 / (h1 + h2) over the bins of the normalised histograms of two sets of numbers, real (n) and
   fake (m): 0 where they are the same, 1 where they have no bin in common (Diefenbacher et al. 2020, arXiv 2009.03796,
   equation 15, as in the CaloChallenge's evaluation). stride: from one number to the next. */
double gan_separation_power(int64_t n, const double *real, int64_t m, const double *fake, int64_t stride);

/* What is looked at in a shower. */
typedef enum gan_observable {
  GAN_ENERGY,        /* of all cells */
  GAN_DEPTH_MAXIMUM, /* the layer with most energy */
  GAN_CENTRE_DEPTH,  /* mean place, weighted with the energy, in cells */
  GAN_CENTRE_HEIGHT,
  GAN_CENTRE_WIDTH,
  GAN_WIDTH_DEPTH, /* standard deviation of places, weighted with the energy, in cells */
  GAN_WIDTH_HEIGHT,
  GAN_WIDTH_WIDTH,
  GAN_OCCUPANCY, /* share of cells with more than a thousandth of the unit of energy */
  GAN_OBSERVABLES
} gan_observable;

/* observables (GAN_OBSERVABLES + depth): those above, then each layer's energy; of a shower whose cells (depth, height,
   width) hold energies of 0 and more. Places and widths of an empty one are 0. room (height + width). */
void gan_observe_shower(int64_t depth, int64_t height, int64_t width, const double *cells, double *room,
                        double *observables);

#endif
