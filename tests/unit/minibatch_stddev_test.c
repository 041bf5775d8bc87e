/* Minibatch standard deviation: which samples are a group. (What a group's value is, and its gradients, is compared with
   PyTorch in layers_test and tangent_test.) */
#include "nn_support.h"

enum { FEATURES = 7, WIDTH = FEATURES + 1 };
static const gan_shape vector = {.rank = 1, .size = {FEATURES}};

/* What the layer makes of samples first to first + count - 1 of a fixed sequence, as one shard. */
static float *output(const char *layers, size_t first, size_t count) {
  float *all = rig_memory((first + count) * FEATURES, sizeof *all);
  rig made = rig_create(layers, vector, false, 1, (int)count, 1, 0);
  rig_start(&made, 1);
  rig_normal(3, (first + count) * FEATURES, all);
  memcpy(gan_pass_input(made.pass), all + first * FEATURES, count * FEATURES * sizeof *all);
  gan_pass_forward(made.pass);
  float *result = rig_memory(count * WIDTH, sizeof *result);
  memcpy(result, gan_pass_output(made.pass), count * WIDTH * sizeof *result);
  rig_release(&made);
  free(all);
  return result;
}

/* Samples first and on of the output equal those of a shard that holds nothing else. */
static void assert_a_group(const float *whole, size_t first, size_t count) {
  float *alone = output("minibatch_stddev", first, count);
  assert_memory_equal(whole + first * WIDTH, alone, count * WIDTH * sizeof *whole);
  free(alone);
}

static void groups_follow_each_other(void **state) {
  (void)state;
  float *whole = output("minibatch_stddev 4", 0, 10);
  assert_a_group(whole, 0, 4);
  assert_a_group(whole, 4, 4);
  assert_a_group(whole, 8, 2);
  free(whole);
}

static void a_single_sample_that_is_left_joins_the_last_group(void **state) {
  (void)state;
  float *nine = output("minibatch_stddev 4", 0, 9), *five = output("minibatch_stddev 4", 0, 5);
  assert_a_group(nine, 0, 4);
  assert_a_group(nine, 4, 5);
  assert_a_group(five, 0, 5);
  free(nine);
  free(five);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(groups_follow_each_other),
      cmocka_unit_test(a_single_sample_that_is_left_joins_the_last_group),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
