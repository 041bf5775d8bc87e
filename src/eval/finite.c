#include "eval/finite.h"

#include "eval/units.h"

static gan_status check_set(gan_world *world, const char *name, const gan_sample_set *set) {
  return gan_check_finite(world, name, "values", set->count, gan_shape_count(&set->shape), set->samples);
}

gan_status gan_check_samples(const gan_comparison *comparison) {
  GAN_TRY(check_set(comparison->world, "the reference", comparison->real));
  return check_set(comparison->world, "the samples to judge", comparison->fake);
}
