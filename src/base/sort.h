/* Sorting numbers. */
#ifndef GAN_BASE_SORT_H
#define GAN_BASE_SORT_H

#include <stddef.h>

/* Sorts n values, none of them NaN, in rising order; -0 before 0. scratch (n), whose contents are lost, makes it a
   radix sort, whose time is proportional to n; NULL: by comparisons, without further memory of the caller's. */
void gan_sort_doubles(size_t n, double *values, double *scratch);

#endif
