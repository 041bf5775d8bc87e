/* Metrics of features and logits that ranks compute together have the bits of those that one computes alone; errors are
   everybody's. */
#include <math.h>
#include <string.h>

#include "base/fault.h"
#include "eval/metric.h"
#include "eval/metric_rows.h"
#include "feature_support.h"
#include "support.h"

/* Several tiles, blocks of samples and blocks of the kernel distance, none of them whole. */
static const feature_case sets = {"", 300, 0, 0, {1, 2500, 0, 0.5f, 0}, {2, 2101, 0, 0.25f, 0.125f}, 0, 0, 0, 0, 0};
/* As logits the features are small ones. */
static gan_sample_set set_of(const feature_set *set, const float *features) {
  return (gan_sample_set){.count = set->count,
                          .feature_count = sets.dimension,
                          .features = features,
                          .classes = (int)sets.dimension,
                          .logits = features};
}

static void check_bits(gan_world *world, gan_world *alone, const gan_metric *metric, const gan_sample_set *real,
                       const gan_sample_set *fake, int *failures) {
  double together[GAN_METRIC_VALUES] = {0}, single[GAN_METRIC_VALUES] = {0};
  const gan_comparison here = {.world = world, .real = real, .fake = fake};
  const gan_comparison there = {.world = alone, .real = real, .fake = fake};
  bool well = metric->compute(&here, together) == GAN_OK;
  well = metric->compute(&there, single) == GAN_OK && well;
  char name[64];
  snprintf(name, sizeof name, "%s_has_the_same_bits_for_any_number_of_ranks", metric->name);
  check(world, name, well && isfinite(single[0]) && memcmp(together, single, sizeof single) == 0, failures);
}

/* Only the last rank's samples and memory fail; all have the message of one. */
static void check_errors(gan_world *world, const gan_metric *metric, const gan_sample_set *real,
                         const gan_sample_set *fake, int *failures) {
  const gan_comparison comparison = {.world = world, .real = real, .fake = fake};
  double values[GAN_METRIC_VALUES];
  bool well = metric->compute(&comparison, values) == GAN_BAD_USAGE;
  well = well && strncmp(gan_error_message(), "features of sample 2100 of the samples", 38) == 0;
  check(world, "a_sample_that_is_not_finite_is_named_by_all_ranks", well, failures);
}

static void check_lack_of_memory(gan_world *world, const gan_metric *metric, const gan_sample_set *real,
                                 const gan_sample_set *fake, int *failures) {
  const gan_comparison comparison = {.world = world, .real = real, .fake = fake};
  double values[GAN_METRIC_VALUES];
  gan_status status = GAN_FAILED;
  bool well = true;
  int64_t nth = 0;
  while (status != GAN_OK && well) {
    gan_fault_arm(GAN_FAULT_ALLOCATION, gan_world_rank(world) == gan_world_size(world) - 1 ? ++nth : 0);
    status = metric->compute(&comparison, values);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    well = status == GAN_OK || status == GAN_FAILED;
  }
  check(world, "lack_of_memory_on_one_rank_fails_on_all", well, failures);
}

int main(int argc, char **argv) {
  int failures = 0;
  gan_world *world = open_world(&argc, &argv), *alone = NULL;
  const gan_backend *backend = NULL;
  float *of_real = make_features(&sets, &sets.real), *of_fake = make_features(&sets, &sets.fake);
  if (!of_real || !of_fake || gan_world_alone(&alone) != GAN_OK ||
      gan_backend_open("auto", GAN_FLOAT32, &backend) != GAN_OK)
    gan_world_abort(world, 1);
  gan_sample_set real = set_of(&sets.real, of_real), fake = set_of(&sets.fake, of_fake);
  check_bits(world, alone, &gan_metric_frechet, &real, &fake, &failures);
  check_bits(world, alone, &gan_metric_kid, &real, &fake, &failures);
  check_bits(world, alone, &gan_metric_classifier_score, &real, &fake, &failures);
  of_fake[2101 * 300 - 1] = NAN;
  check_errors(world, &gan_metric_frechet, &real, &fake, &failures);
  check_errors(world, &gan_metric_kid, &real, &fake, &failures);
  real.count = fake.count = 40;
  check_lack_of_memory(world, &gan_metric_frechet, &real, &fake, &failures);
  check_lack_of_memory(world, &gan_metric_kid, &real, &fake, &failures);
  check_lack_of_memory(world, &gan_metric_classifier_score, &real, &fake, &failures);
  free(of_real);
  free(of_fake);
  gan_world_close(alone);
  gan_world_close(world);
  return failures > 0;
}
