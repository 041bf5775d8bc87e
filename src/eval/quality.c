/* Sample quality measures: see the header. Projections are accumulated in double, and directions are addressed by the
   seed, so that a figure is a function of the samples and the seed alone. */
#include "eval/quality.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/multiversion.h"
#include "base/random.h"
#include "base/sort.h"
#include "eval/transport.h"

enum { DOT_LANES = 16 };

/* Element i goes to lane i mod 16, so that the order of summation does not depend on the width of the vector unit. */
GAN_MULTIVERSION static double dot(size_t n, const float *x, const float *y) {
  double lanes[DOT_LANES] = {0};
  size_t i = 0;
  for (; i + DOT_LANES <= n; i += DOT_LANES) {
    for (size_t lane = 0; lane < DOT_LANES; lane++) lanes[lane] += (double)x[i + lane] * (double)y[i + lane];
  }
  for (size_t lane = 0; i + lane < n; lane++) lanes[lane] += (double)x[i + lane] * (double)y[i + lane];
  double sum = 0.0;
  for (size_t lane = 0; lane < DOT_LANES; lane++) sum += lanes[lane];
  return sum;
}

gan_status gan_projected_create_in(int64_t n, int64_t elements, int projections, uint64_t seed, double *coordinates,
                                   gan_projected **projected) {
  gan_projected *made = NULL;
  *projected = NULL;
  if (n < 1 || elements < 1 || projections < 1)
    return gan_fail(GAN_BAD_USAGE, "the sliced Wasserstein distance needs at least one sample, element and projection");
  GAN_TRY(gan_allocate(1, sizeof *made, "projected samples", &made));
  *made = (gan_projected){.n = n,
                          .elements = elements,
                          .projections = projections,
                          .seed = seed,
                          .coordinates = coordinates,
                          .lent = coordinates != NULL};
  gan_status status = GAN_OK;
  if (!made->lent)
    status = gan_allocate((size_t)projections, (size_t)n * sizeof(double), "projected samples", &made->coordinates);
  if (status == GAN_OK)
    status = gan_allocate((size_t)elements, sizeof *made->direction, "a random direction", &made->direction);
  if (status == GAN_OK)
    *projected = made;
  else
    gan_projected_destroy(made);
  return status;
}

gan_status gan_projected_create(int64_t n, int64_t elements, int projections, uint64_t seed,
                                gan_projected **projected) {
  return gan_projected_create_in(n, elements, projections, seed, NULL, projected);
}

void gan_projected_destroy(gan_projected *projected) {
  if (!projected) return;
  if (!projected->lent) free(projected->coordinates);
  free(projected->direction);
  free(projected);
}

/* Into projected->direction; its length. */
static double draw_direction(gan_projected *projected, int projection) {
  const gan_random_address address = {
      .seed = projected->seed, .stream = GAN_STREAM_EVALUATION, .step = (uint64_t)projection, .sample = 0};
  return gan_draw_direction(address, (size_t)projected->elements, projected->direction);
}

void gan_projected_set_along(gan_projected *projected, int begin, int end, int64_t first, int64_t count,
                             const float *samples) {
  const size_t elements = (size_t)projected->elements;
  projected->sorted = false;
  for (int projection = begin; projection < end; projection++) {
    const double length = draw_direction(projected, projection);
    double *coordinates = projected->coordinates + projection * projected->n + first;
    for (int64_t i = 0; i < count; i++)
      coordinates[i] = dot(elements, samples + (size_t)i * elements, projected->direction) / length;
  }
}

void gan_projected_set(gan_projected *projected, int64_t first, int64_t count, const float *samples) {
  gan_projected_set_along(projected, 0, projected->projections, first, count, samples);
}

static bool are_finite(int64_t n, const double *coordinates) {
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(coordinates[i])) return false;
  return true;
}

void gan_projected_sort_along(gan_projected *projected, int begin, int end) {
  const int64_t n = projected->n;
  for (int projection = begin; projection < end; projection++) {
    double *coordinates = projected->coordinates + projection * n;
    if (are_finite(n, coordinates)) gan_sort_doubles((size_t)n, coordinates, NULL);
  }
}

static void sort(gan_projected *projected) {
  if (!projected->sorted) gan_projected_sort_along(projected, 0, projected->projections);
  projected->sorted = true;
}

double gan_projected_distance(gan_projected *real, gan_projected *fake) {
  const int64_t n = real->n;
  double sum = 0.0;
  sort(real);
  sort(fake);
  for (int projection = 0; projection < real->projections; projection++) {
    const double *a = real->coordinates + projection * n, *b = fake->coordinates + projection * n;
    if (!are_finite(n, a) || !are_finite(n, b)) return NAN;
    sum = gan_add_differences(sum, n, a, b);
  }
  return sum / (double)n / real->projections;
}

gan_status gan_sliced_wasserstein(int64_t n, int64_t elements, const float *real, const float *fake, int projections,
                                  uint64_t seed, double *distance) {
  gan_projected *a = NULL, *b = NULL;
  gan_status status = gan_projected_create(n, elements, projections, seed, &a);
  if (status == GAN_OK) status = gan_projected_create(n, elements, projections, seed, &b);
  if (status == GAN_OK) {
    gan_projected_set(a, 0, n, real);
    gan_projected_set(b, 0, n, fake);
    *distance = gan_projected_distance(a, b);
  }
  gan_projected_destroy(a);
  gan_projected_destroy(b);
  return status;
}

static bool near(const float *point, const float *centre, double radius) {
  const double dx = (double)point[0] - (double)centre[0], dy = (double)point[1] - (double)centre[1];
  return dx * dx + dy * dy <= radius * radius;
}

static bool near_any(const float *point, int modes, const float *centres, double radius) {
  for (int mode = 0; mode < modes; mode++) {
    if (near(point, centres + (size_t)mode * 2, radius)) return true;
  }
  return false;
}

gan_mode_coverage gan_count_modes(int64_t n, const float *points, int modes, const float *centres, double sigma) {
  const double radius = 3.0 * sigma;
  gan_mode_coverage result = {.modes = modes};
  for (int mode = 0; mode < modes; mode++) {
    int64_t inside = 0;
    for (int64_t i = 0; i < n; i++) inside += near(points + i * 2, centres + (size_t)mode * 2, radius);
    if (inside > 0 && (double)inside * modes * 100.0 >= (double)n) result.covered++;
  }
  int64_t good = 0;
  for (int64_t i = 0; i < n; i++) good += near_any(points + i * 2, modes, centres, radius);
  result.high_quality_share = n > 0 ? (double)good / (double)n : 0.0;
  return result;
}
