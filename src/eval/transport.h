/* Transport in one dimension, which sliced distances consist of: directions to project on, and how far apart two
   sorted sets of numbers are. */
#ifndef GAN_EVAL_TRANSPORT_H
#define GAN_EVAL_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

/* direction (elements): a normal vector, whose direction is uniform on the sphere; its length is returned. */
double gan_draw_direction(gan_random_address address, size_t elements, float *direction);

/* sum + |a[0] - b[0]| + |a[1] - b[1]| ..., added in this order: n times the Wasserstein-1 distance of sorted a and b
   (n). */
double gan_add_differences(double sum, int64_t n, const double *a, const double *b);

/* The Wasserstein-1 distance of the distributions that give each of sorted a (n) and each of sorted b (m) the same
   weight: the area between their quantile functions. n, m from 1 to 2^31. */
double gan_wasserstein_sorted(int64_t n, const double *a, int64_t m, const double *b);

#endif
