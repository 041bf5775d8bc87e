#include "eval/spread.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/multiversion.h"

gan_status gan_spread_begin(int64_t elements, gan_spread *spread) {
  *spread = (gan_spread){.elements = elements};
  GAN_TRY(gan_allocate((size_t)elements, 2 * sizeof *spread->sums, "the variance of samples", &spread->sums));
  return gan_allocate((size_t)elements, sizeof *spread->origin, "the variance of samples", &spread->origin);
}

void gan_spread_release(gan_spread *spread) {
  free(spread->sums);
  free(spread->origin);
  *spread = (gan_spread){0};
}

GAN_MULTIVERSION static void add(int64_t elements, const float *sample, const float *origin, double *sums,
                                 double *squares) {
  for (int64_t i = 0; i < elements; i++) {
    const double difference = (double)sample[i] - (double)origin[i];
    sums[i] += difference;
    squares[i] += difference * difference;
  }
}

void gan_spread_add(gan_spread *spread, int64_t count, const float *samples) {
  const int64_t elements = spread->elements;
  if (spread->count == 0 && count > 0) memcpy(spread->origin, samples, (size_t)elements * sizeof *samples);
  for (int64_t i = 0; i < count; i++)
    add(elements, samples + i * elements, spread->origin, spread->sums, spread->sums + elements);
  spread->count += count;
}

double gan_spread_variance(const gan_spread *spread) {
  const double count = (double)spread->count, *squares = spread->sums + spread->elements;
  double variance = 0;
  if (spread->count < 2) return 0;
  for (int64_t i = 0; i < spread->elements; i++) {
    const double mean = spread->sums[i] / count;
    variance += squares[i] / count - mean * mean;
  }
  return variance / (double)spread->elements;
}
