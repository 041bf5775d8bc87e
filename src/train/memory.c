#include "train/memory.h"

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

gan_status gan_passes_plan(const gan_model *model, const gan_shards *shards, gan_passes_memory *plan) {
  GAN_TRY(gan_pass_measure(model->generator, shards, 1, GAN_KEEP_FOR_BACKWARD, &plan->generator));
  GAN_TRY(gan_pass_measure(model->critic, shards, 2, GAN_KEEP_FOR_BACKWARD, &plan->critic));
  plan->values = larger(plan->generator.values[0] + plan->critic.values[0], plan->critic.values[1]);
  plan->workspace = larger(plan->generator.workspace, plan->critic.workspace);
  return GAN_OK;
}

void gan_passes_place(const gan_passes_memory *plan, float *values, float *workspace, gan_pass_memory *generator,
                      gan_pass_memory *critic) {
  *generator = (gan_pass_memory){{values, NULL}, workspace};
  *critic = (gan_pass_memory){{values + plan->generator.values[0], values}, workspace};
}
