#include "base/moving.h"

#include <math.h>

double gan_run_progress(int64_t done, int64_t iterations) {
  const double progress = (double)done / (double)iterations;
  return progress < 1 ? progress : 1;
}

/* arXiv 1608.03983, eq. 5, one period. */
double gan_moved(double from, double to, double progress) {
  const double pi = 3.14159265358979323846;
  if (isnan(to) || progress <= 0) return from;
  return progress >= 1 ? to : to + (from - to) * 0.5 * (1.0 + cos(pi * progress));
}
