/* A rank that finds no memory ends a call on all ranks, at whichever of its allocations; what the others have taken by
   then is given back, which the leak sanitizer of that build looks at. */
#include <string.h>

#include "base/fault.h"
#include "dist/benchmark.h"
#include "dist/link.h"
#include "gan_dist/config.h"
#include "gan_dist/trainer.h"
#include "support.h"

typedef gan_status (*call)(gan_world *world, const gan_config *config);

static gan_status configure(gan_config **config) {
  GAN_TRY(gan_config_create(config));
  GAN_TRY(gan_config_use_preset(*config, "ring8"));
  GAN_TRY(gan_config_set(*config, "eval.samples", "16"));
  return gan_config_set(*config, "samples.count", "4");
}

static gan_status create_trainer(gan_world *world, const gan_config *config) {
  gan_trainer *trainer = NULL;
  const gan_status status = gan_trainer_create(world, config, NULL, &trainer);
  gan_trainer_destroy(trainer);
  return status;
}

static gan_status measure_link(gan_world *world, const gan_config *config) {
  (void)config;
  gan_link link;
  int other;
  return gan_link_measure(world, &link, &other);
}

static gan_status measure_allreduce(gan_world *world, const gan_config *config) {
  (void)config;
  gan_allreduce_time times[GAN_ALLREDUCE_WAYS_MOST];
  int repeated;
  return gan_allreduce_measure(world, 16, NULL, 1, 0, &repeated, times);
}

static gan_status plan_shards_of_all(gan_world *world, const gan_config *config) {
  (void)config;
  gan_shards shards;
  const gan_status status = gan_world_plan_shards(world, gan_world_size(world), 1000, &shards);
  if (status == GAN_OK) gan_shards_release(&shards);
  return status;
}

/* Fails each allocation of one rank in turn, or one in `stride`, until the call gets through. */
static bool fails_on_all(gan_world *world, const gan_config *config, call make, int stride) {
  enum { MOST = 1000 };
  const int rank = (int)gan_world_maximum(world, gan_world_rank(world));
  for (int nth = 1; nth < MOST; nth += stride) {
    if (gan_world_rank(world) == rank) gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    const gan_status status = make(world, config);
    const bool struck = gan_world_maximum(world, gan_fault_has_struck(GAN_FAULT_ALLOCATION)) > 0;
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (struck != (status == GAN_FAILED) || (!struck && status != GAN_OK)) return false;
    if (struck && !strstr(gan_error_message(), "out of memory")) return false;
    if (!struck) return nth > 1;
  }
  return false;
}

int main(int argc, char **argv) {
  int failures = 0;
  gan_world *world = open_world(&argc, &argv);
  gan_config *config = NULL;
  const bool alone = gan_world_maximum(world, gan_world_rank(world)) == 0;
  check(world, "a_configuration_is_made", configure(&config) == GAN_OK, &failures);
  check(world, "a_plan_of_shards_fails_on_all_ranks", fails_on_all(world, config, plan_shards_of_all, 1), &failures);
  check(world, "a_trainer_fails_on_all_ranks", fails_on_all(world, config, create_trainer, 5), &failures);
  check(world, "timing_reductions_fails_on_all_ranks", fails_on_all(world, config, measure_allreduce, 1), &failures);
  if (!alone)
    check(world, "measuring_a_link_fails_on_all_ranks", fails_on_all(world, config, measure_link, 1), &failures);
  gan_config_destroy(config);
  gan_world_close(world);
  return failures > 0;
}
