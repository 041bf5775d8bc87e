/* Dropout: which elements, how many, and that the same numbers come at the same address. */
#include <math.h>

#include "nn_support.h"

enum { SAMPLES = 40, FEATURES = 250 };
static const gan_shape vector = {.rank = 1, .size = {FEATURES}};

/* The factors that dropout 0.3 multiplies with, (parts, SAMPLES, FEATURES), by as many shards and at this step. */
static float *factors(const char *layers, int shards, int parts, uint64_t step) {
  const size_t count = (size_t)parts * SAMPLES * FEATURES;
  rig made = rig_create(layers, vector, false, shards, SAMPLES, 1, 0);
  rig_start(&made, parts);
  made.pass->random = (gan_random_address){.seed = 5, .stream = GAN_STREAM_DROPOUT_CRITIC, .step = step};
  for (size_t i = 0; i < count; i++) gan_pass_input(made.pass)[i] = 1;
  gan_pass_forward(made.pass);
  float *result = rig_memory(count, sizeof *result);
  rig_from_rows(made.pass, FEATURES, gan_pass_output(made.pass), result);
  rig_release(&made);
  return result;
}

/* Share of the elements in which the two are equal. */
static double agreement(size_t count, const float *a, const float *b) {
  size_t equal = 0;
  for (size_t i = 0; i < count; i++) equal += a[i] == b[i];
  return (double)equal / (double)count;
}

static void three_of_ten_are_dropped_and_the_others_scaled_up(void **state) {
  (void)state;
  float *values = factors("dropout 0.3", 1, 1, 7);
  int dropped = 0;
  for (size_t i = 0; i < SAMPLES * FEATURES; i++) {
    if (values[i] == 0)
      dropped++;
    else
      assert_true(fabs((double)values[i] - 1 / 0.7) < 1e-6);
  }
  /* Of 10,000; the standard deviation is 46. */
  assert_in_range(dropped, 3000 - 4 * 46, 3000 + 4 * 46);
  free(values);
}

static void the_number_of_shards_does_not_change_what_is_dropped(void **state) {
  (void)state;
  float *one = factors("dropout 0.3", 1, 2, 7), *six = factors("dropout 0.3", 6, 2, 7);
  assert_memory_equal(one, six, 2 * SAMPLES * FEATURES * sizeof *one);
  free(one);
  free(six);
}

static void steps_parts_layers_and_samples_differ(void **state) {
  (void)state;
  const size_t count = SAMPLES * FEATURES;
  const double by_chance = 0.7 * 0.7 + 0.3 * 0.3, tolerance = 4 * sqrt(by_chance * (1 - by_chance) / (double)count);
  float *two_parts = factors("dropout 0.3", 1, 2, 7), *next = factors("dropout 0.3", 1, 2, 8);
  float *later = factors("dropout 0, dropout 0.3", 1, 1, 7);
  assert_true(fabs(agreement(count, two_parts, two_parts + count) - by_chance) < tolerance);
  assert_true(fabs(agreement(count, two_parts, next) - by_chance) < tolerance);
  assert_true(fabs(agreement(count, two_parts, later) - by_chance) < tolerance);
  assert_true(agreement(FEATURES, two_parts, two_parts + FEATURES) < 0.8);
  free(two_parts);
  free(next);
  free(later);
}

/* Of all parts that a pass can have, in all layers. */
static void no_part_of_any_layer_repeats_another(void **state) {
  (void)state;
  enum { LAYERS = 4, MASKS = LAYERS * GAN_PARTS_MOST };
  const char *const layers[LAYERS] = {"dropout 0.3", "dropout 0, dropout 0.3", "dropout 0, dropout 0, dropout 0.3",
                                      "dropout 0, dropout 0, dropout 0, dropout 0.3"};
  const size_t count = SAMPLES * FEATURES;
  float *masks[LAYERS];
  for (int i = 0; i < LAYERS; i++) masks[i] = factors(layers[i], 1, GAN_PARTS_MOST, 7);
  for (int i = 0; i < MASKS; i++)
    for (int j = 0; j < i; j++) {
      const float *a = masks[i / GAN_PARTS_MOST] + (size_t)(i % GAN_PARTS_MOST) * count;
      const float *b = masks[j / GAN_PARTS_MOST] + (size_t)(j % GAN_PARTS_MOST) * count;
      assert_true(agreement(count, a, b) < 0.7);
    }
  for (int i = 0; i < LAYERS; i++) free(masks[i]);
}

static void the_gradient_passes_where_values_do(void **state) {
  (void)state;
  rig made = rig_create("dropout 0.6", vector, false, 2, SAMPLES, 1, 0);
  rig_start(&made, 1);
  const size_t count = SAMPLES * FEATURES;
  rig_normal(1, count, gan_pass_input(made.pass));
  gan_pass_forward(made.pass);
  rig_normal(1, count, gan_pass_output_gradient(made.pass));
  assert_memory_equal(gan_pass_backward(made.pass, true), gan_pass_output(made.pass), count * sizeof(float));
  rig_release(&made);
}

static void nothing_is_dropped_in_inference(void **state) {
  (void)state;
  rig made = rig_create("dropout 0.6", vector, false, 2, SAMPLES, 1, 0);
  rig_start(&made, 1);
  const size_t count = SAMPLES * FEATURES;
  rig_normal(1, count, gan_pass_input(made.pass));
  gan_pass_forward(made.pass);
  made.pass->training = false;
  gan_pass_forward(made.pass);
  assert_memory_equal(gan_pass_output(made.pass), gan_pass_input(made.pass), count * sizeof(float));
  rig_release(&made);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(three_of_ten_are_dropped_and_the_others_scaled_up),
      cmocka_unit_test(the_number_of_shards_does_not_change_what_is_dropped),
      cmocka_unit_test(steps_parts_layers_and_samples_differ),
      cmocka_unit_test(no_part_of_any_layer_repeats_another),
      cmocka_unit_test(the_gradient_passes_where_values_do),
      cmocka_unit_test(nothing_is_dropped_in_inference),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
