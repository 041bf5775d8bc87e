/* Softmax of each row of a matrix, and its derivatives: y = exp(x) / sum of exp(x), what attention weighs its values
   by. J = diag(y) - y y', so that J t = y (t - <y, t>). Sums are in 16 lanes, element i in lane i mod 16, which are
   added as a binary tree: a row's bits depend on that row alone. */
#ifndef GAN_KERNELS_SOFTMAX_H
#define GAN_KERNELS_SOFTMAX_H

#include <stddef.h>

/* All matrices are (rows, n). */

/* x becomes y. */
void gan_softmax(size_t rows, size_t n, float *x);
/* product = J t, for a tangent as for a gradient, J being symmetric; may be t. */
void gan_softmax_product(size_t rows, size_t n, const float *y, const float *t, float *product);
/* dy += the gradient of <dt, J t> with respect to y: dt (t - <y, t>) - t <y, dt>. */
void gan_softmax_second(size_t rows, size_t n, const float *y, const float *t, const float *dt, float *dy);

#endif
