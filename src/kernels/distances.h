/* The loops of distances between samples (eval/distances.h). Sums are in double, each in one order that depends on the
   sizes alone. */
#ifndef GAN_KERNELS_DISTANCES_H
#define GAN_KERNELS_DISTANCES_H

#include <stddef.h>
#include <stdint.h>

/* Sum of (x - y)^2 over n elements: 0 for what is equal, and the same for (y, x). */
double gan_square_distance(size_t n, const float *x, const float *y);
/* Largest |x|; a NaN counts as larger than infinity, and is returned. 0 of nothing. */
float gan_magnitude(size_t n, const float *x);
/* y = x * scale - centre, over n elements. */
void gan_centre(size_t n, float scale, const float *x, const float *centre, float *y);
/* The j with bounds[j] - 2 products[j] < limit, in rising order, to found; returns how many. */
size_t gan_below(size_t n, const float *bounds, const float *products, float limit, int32_t *found);

#endif
