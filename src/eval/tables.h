/* Metrics of vectors and tables, whose elements are columns with a meaning of their own: whether each column is
   distributed as in the data, whether columns go together as in the data, and whether anything else gives a sample away
   (a classifier's area under the curve). */
#ifndef GAN_EVAL_TABLES_H
#define GAN_EVAL_TABLES_H

#include <stdint.h>

/* The two-sample Kolmogorov-Smirnov statistic of sorted a (n) and b (m): the largest difference of their empirical
   distribution functions (as scipy.stats.ks_2samp). */
double gan_kolmogorov_smirnov(int64_t n, const double *a, int64_t m, const double *b);

#endif
