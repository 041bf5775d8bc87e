/* The loops of spectral normalisation, over a weight w that lies as (outer, rows, inner) and is taken as the matrix
   W (rows, outer * inner): outer is 1 but for transposed convolutions, whose rows are their weight's second axis. Sums
   are in double, each in one order that depends on the sizes alone. */
#ifndef GAN_KERNELS_SINGULAR_H
#define GAN_KERNELS_SINGULAR_H

#include <stddef.h>

/* Sum of x * y, over n elements. */
double gan_dot(size_t n, const float *x, const float *y);
/* product (outer * inner) = W' u, u (rows). */
void gan_matrix_left(size_t outer, size_t rows, size_t inner, const float *w, const float *u, double *product);
/* product (rows) = W v, v (outer * inner). */
void gan_matrix_right(size_t outer, size_t rows, size_t inner, const float *w, const float *v, double *product);
/* scaled = w * factor, over n elements. */
void gan_scale_to(size_t n, float factor, const float *w, float *scaled);
/* g = (g - along * v) * factor, over n elements. */
void gan_subtract_scaled(size_t n, float along, const float *v, float factor, float *g);

#endif
