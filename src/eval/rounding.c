#include "eval/rounding.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "kernels/kernels.h"

/* Of a byte's place, for values that were scaled in another way than here. */
static const double TOLERANCE = 1e-4;

bool gan_are_byte_images(const gan_sample_set *set) {
  const int64_t count = set->count * gan_shape_count(&set->shape);
  if (set->shape.rank != 3) return false;
  for (int64_t i = 0; i < count; i++) {
    const double place = ((double)set->samples[i] + 1) * 127.5;
    if (!(fabs(place - rint(place)) <= TOLERANCE) || place < -TOLERANCE || place > 255 + TOLERANCE) return false;
  }
  return true;
}

static void round_row(gan_rounding *rounding, size_t n, float *values, uint8_t *bytes) {
  for (size_t i = 0; i < n; i++) {
    rounding->low = fminf(rounding->low, values[i]);
    rounding->high = fmaxf(rounding->high, values[i]);
    bytes[i] = (uint8_t)lrint((fmin(fmax((double)values[i], -1), 1) + 1) * 127.5);
  }
  gan_bytes_to_floats(n, bytes, values);
}

static gan_status make(void *context, int64_t first, int64_t count, float *samples, int32_t *labels) {
  gan_rounding *rounding = context;
  const size_t n = (size_t)gan_shape_count(&rounding->maker.shape);
  uint8_t *bytes = NULL;
  GAN_TRY(rounding->maker.make(rounding->maker.context, first, count, samples, labels));
  GAN_TRY(gan_allocate(n, 1, "rounded values", &bytes));
  for (int64_t row = 0; row < count; row++) {
    float *sample = samples + (size_t)row * n;
    bool finite = true; /* others stay what they are, and are found by whoever looks */
    for (size_t i = 0; i < n; i++) finite = finite && isfinite(sample[i]);
    if (finite) round_row(rounding, n, sample, bytes);
  }
  free(bytes);
  return GAN_OK;
}

gan_set_maker gan_rounding_maker(gan_rounding *rounding, const gan_set_maker *maker) {
  *rounding = (gan_rounding){.maker = *maker, .low = INFINITY, .high = -INFINITY};
  gan_set_maker rounded = *maker;
  rounded.make = make;
  rounded.context = rounding;
  return rounded;
}
