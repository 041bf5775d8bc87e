/* What the comparisons in C share. */
#ifndef GAN_COMPARE_TIMING_H
#define GAN_COMPARE_TIMING_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline void fail(const char *what) {
  fprintf(stderr, "comparison: %s\n", what);
  exit(1);
}

/* Numbers between -0.5 and 0.5, on lines of the cache of their own. */
static inline float *numbers(size_t count) {
  float *values = aligned_alloc(64, (count * sizeof *values + 63) / 64 * 64);
  if (!values) fail("out of memory");
  for (size_t i = 0; i < count; i++) values[i] = (float)(i * 2654435761u % 1024) / 1024 - 0.5f;
  return values;
}

#endif
