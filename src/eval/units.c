#include "eval/units.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "base/multiversion.h"
#include "gan_dist/world.h"

gan_status gan_units_compute(gan_world *world, int64_t units, int64_t width, const char *what, gan_units_work work,
                             void *context, gan_rows **values) {
  gan_rows *made = NULL;
  *values = NULL;
  GAN_TRY(gan_rows_create(world, units, (size_t)width * sizeof(double), 1, what, &made));
  const gan_row_range mine = gan_rows_mine(made);
  double *memory = gan_rows_memory(made);
  gan_status status = GAN_OK;
  if (mine.first < mine.end) status = work(context, mine, memory + mine.first * width);
  status = gan_world_agree(world, status);
  if (status != GAN_OK) {
    gan_rows_destroy(made);
    return status;
  }
  gan_rows_complete(made);
  *values = made;
  return GAN_OK;
}

GAN_MULTIVERSION static bool all_finite(int64_t n, const float *values) {
  int wrong = 0;
  for (int64_t i = 0; i < n; i++) wrong |= !(fabsf(values[i]) <= FLT_MAX);
  return !wrong;
}

gan_status gan_check_finite(gan_world *world, const char *set, const char *what, int64_t count, int64_t width,
                            const float *values) {
  const gan_row_range mine = gan_rows_of_rank(count, 1, gan_world_size(world), gan_world_rank(world));
  int64_t first = mine.first;
  while (first < mine.end && all_finite(width, values + first * width)) first++;
  if (first == mine.end) first = count;
  first = (int64_t)-gan_world_maximum(world, -(double)first);
  if (first == count) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE,
                  "%s of sample %lld of %s are not finite: take that sample out, or an earlier checkpoint if it is one "
                  "of a generator",
                  what, (long long)first, set);
}
