/* The bound of a gradient's norm against PyTorch's clip_grad_norm_, for each reduction's name; on one rank, in a world
   without MPI. Other ranks: tests/mpi/reduction_test.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../reference/gradient_clip.h"
#include "dist/reduction.h"

static void keep(void *context, size_t offset, size_t count, const float *gradient) {
  memcpy((float *)context + offset, gradient, count * sizeof *gradient);
}

static void clip_as_torch(gan_world *world, const gan_shards *shards, const reference_clip *expected) {
  float taken[REFERENCE_COUNT] = {0};
  gan_reduction *reduction;
  assert_int_equal(gan_reduction_create(world, shards, "auto", REFERENCE_COUNT, 0, &reduction), GAN_OK);
  gan_reduction_bound_norm(reduction, expected->bound);
  memcpy(gan_reduction_slots(reduction)[0], expected->gradient, sizeof expected->gradient);
  gan_reduction_update(reduction, keep, taken, true);
  const double norm = sqrt(gan_reduction_await(reduction));
  assert_true(fabs(norm - expected->norm) <= 1e-12 * expected->norm);
  for (int i = 0; i < REFERENCE_COUNT; i++)
    if (fabs((double)taken[i] - expected->clipped[i]) > 2e-7 * fabs(expected->clipped[i]))
      fail_msg("%s: value %d is %.9g, PyTorch has %.9g", expected->name, i, (double)taken[i], expected->clipped[i]);
  /* What is looked at is the gradient itself. */
  assert_memory_equal(gan_reduction_gradient(reduction), expected->gradient, sizeof expected->gradient);
  gan_reduction_destroy(reduction);
}

static void gradients_are_clipped_as_pytorch_does(void **state) {
  (void)state;
  gan_world *world;
  gan_shards shards;
  assert_int_equal(gan_world_alone(&world), GAN_OK);
  assert_int_equal(gan_world_plan_shards(world, 1, 1, &shards), GAN_OK);
  for (size_t i = 0; i < sizeof reference_clips / sizeof *reference_clips; i++)
    clip_as_torch(world, &shards, &reference_clips[i]);
  gan_shards_release(&shards);
  gan_world_close(world);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_are_clipped_as_pytorch_does)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
