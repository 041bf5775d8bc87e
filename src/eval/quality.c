/* Sample quality measures: see the header. Projections are accumulated in double, and directions are addressed by the
   seed, so that a figure is a function of the samples and the seed alone. */
#include "eval/quality.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "kernels/multiversion.h"

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

static int compare_doubles(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Coordinates of points (n, elements) along direction (elements), sorted; false when one is not finite. */
static bool project(size_t n, size_t elements, const float *points, const float *direction, double length,
                    double *coordinates) {
  bool finite = true;
  for (size_t i = 0; i < n; i++) {
    coordinates[i] = dot(elements, points + i * elements, direction) / length;
    finite = finite && isfinite(coordinates[i]);
  }
  if (finite) qsort(coordinates, n, sizeof *coordinates, compare_doubles);
  return finite;
}

typedef struct workspace {
  float *direction; /* (elements) */
  double *real;     /* (n) */
  double *fake;     /* (n) */
} workspace;

static void workspace_release(workspace *space) {
  free(space->direction);
  free(space->real);
  free(space->fake);
}

static gan_status workspace_allocate(size_t n, size_t elements, workspace *space) {
  *space = (workspace){0};
  gan_status status = gan_allocate(elements, sizeof *space->direction, "a random direction", &space->direction);
  if (status == GAN_OK) status = gan_allocate(n, sizeof *space->real, "projected real samples", &space->real);
  if (status == GAN_OK) status = gan_allocate(n, sizeof *space->fake, "projected generated samples", &space->fake);
  if (status != GAN_OK) workspace_release(space);
  return status;
}

gan_status gan_sliced_wasserstein(int64_t n, int64_t elements, const float *real, const float *fake, int projections,
                                  uint64_t seed, double *distance) {
  if (n < 1 || elements < 1 || projections < 1) {
    return gan_fail(GAN_BAD_USAGE, "the sliced Wasserstein distance needs at least one sample, element and projection");
  }
  const size_t count = (size_t)n, width = (size_t)elements;
  workspace space;
  GAN_TRY(workspace_allocate(count, width, &space));
  double sum = 0.0;
  for (int projection = 0; projection < projections; projection++) {
    const gan_random_address address = {
        .seed = seed, .stream = GAN_STREAM_EVALUATION, .step = (uint64_t)projection, .sample = 0};
    gan_random_normal(address, width, space.direction); /* a normal vector's direction is uniform on the sphere */
    const double length = sqrt(gan_square_sum(width, space.direction));
    if (!project(count, width, real, space.direction, length, space.real) ||
        !project(count, width, fake, space.direction, length, space.fake)) {
      sum = NAN;
      break;
    }
    /* In one dimension the best transport pairs the sorted samples. */
    for (size_t i = 0; i < count; i++) sum += fabs(space.real[i] - space.fake[i]);
  }
  *distance = sum / (double)n / projections;
  workspace_release(&space);
  return GAN_OK;
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
