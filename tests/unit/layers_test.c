/* Every layer against PyTorch in float64 (tests/reference/layers.py): forward, both gradients, statistics, inference;
   with the batch as one shard, and cut into shards whose statistics are synchronised. */
#include "reference/layers.h"

#include <math.h>

#include "reference/block_layers.h"
#include "reference/image_layers.h"
#include "reference/index_layers.h"
#include "reference/plane_layers.h"
#include "reference/volume_layers.h"

#include "nn_support.h"

#define CASES(cases) \
  { cases, (int)(sizeof cases / sizeof cases[0]) }
static const struct reference_set {
  const reference_case *cases;
  int count;
} reference_sets[] = {CASES(reference_cases),        CASES(image_reference_cases), CASES(block_reference_cases),
                      CASES(volume_reference_cases), CASES(plane_reference_cases), CASES(index_reference_cases)};
enum { SET_COUNT = sizeof reference_sets / sizeof reference_sets[0] };

static void assert_same_shape(const reference_case *expected, const gan_shape *shape) {
  assert_int_equal(shape->rank, expected->output_shape.rank);
  for (int i = 0; i < shape->rank; i++) assert_int_equal(shape->size[i], expected->output_shape.size[i]);
}

/* Averages the statistics over the shards, as the trainer does. */
static void assert_statistics(const reference_case *expected, const gan_pass *pass) {
  const size_t count = expected->buffer_count;
  float *mean = rig_memory(count, sizeof *mean);
  for (int part = 0; part < expected->parts; part++) {
    for (size_t i = 0; i < count; i++) {
      double sum = 0;
      for (int shard = 0; shard < pass->shards->local; shard++)
        sum += pass->statistics[part][(size_t)shard * count + i];
      mean[i] = (float)(sum / pass->shards->local);
    }
    assert_near_pytorch(expected->name, "statistics", count, mean, expected->statistics + (size_t)part * count);
  }
  free(mean);
}

static void check_case(const reference_case *expected, int shard_count) {
  rig made = rig_create(expected->layers, expected->input_shape, true, shard_count, expected->samples, 1, 0);
  rig_start(&made, expected->parts);
  gan_pass *pass = made.pass;
  const size_t in = (size_t)gan_shape_count(&expected->input_shape), rows = (size_t)pass->rows;
  const size_t out = (size_t)gan_shape_count(&expected->output_shape);
  float *samples = rig_memory(rows * (in > out ? in : out), sizeof *samples);
  assert_int_equal(made.network->parameter_count, expected->parameter_count);
  assert_int_equal(made.network->buffer_count, expected->buffer_count);
  assert_same_shape(expected, &made.network->output);
  memcpy(made.parameters, expected->parameters, expected->parameter_count * sizeof(float));

  rig_to_rows(pass, in, expected->input, gan_pass_input(pass));
  gan_pass_forward(pass);
  rig_from_rows(pass, out, gan_pass_output(pass), samples);
  assert_near_pytorch(expected->name, "output", rows * out, samples, expected->output);
  assert_statistics(expected, pass);

  rig_to_rows(pass, out, expected->output_gradient, gan_pass_output_gradient(pass));
  rig_from_rows(pass, in, gan_pass_backward(pass, true), samples);
  assert_near_pytorch(expected->name, "input gradient", rows * in, samples, expected->input_gradient);
  assert_near_pytorch(expected->name, "parameter gradient", expected->parameter_count, made.slots[0],
                      expected->parameter_gradient);

  const double *last = expected->statistics + (size_t)(expected->parts - 1) * expected->buffer_count;
  for (size_t i = 0; i < expected->buffer_count; i++) made.buffers[i] = (float)last[i];
  pass->training = false;
  gan_pass_forward(pass);
  rig_from_rows(pass, out, gan_pass_output(pass), samples);
  assert_near_pytorch(expected->name, "output in inference", rows * out, samples, expected->inference);
  free(samples);
  rig_release(&made);
}

static void layers_give_the_numbers_of_pytorch(void **state) {
  (void)state;
  for (int set = 0; set < SET_COUNT; set++)
    for (int i = 0; i < reference_sets[set].count; i++) check_case(&reference_sets[set].cases[i], 1);
}

static void shards_with_synchronised_statistics_give_the_numbers_of_the_whole_batch(void **state) {
  (void)state;
  for (int set = 0; set < SET_COUNT; set++)
    for (int i = 0; i < reference_sets[set].count; i++) {
      const reference_case *expected = &reference_sets[set].cases[i];
      /* It looks at one shard at a time, whatever other layers do. */
      if (strstr(expected->layers, "minibatch_stddev")) continue;
      for (int shards = 2; shards <= expected->samples && shards <= 5; shards++) check_case(expected, shards);
    }
}

/* That a description has a layer of this name. */
static bool has_layer(const char *layers, const char *name) {
  const size_t length = strlen(name);
  for (const char *entry = layers; entry; entry = strchr(entry, ',')) {
    entry += strspn(entry, ", ");
    if (strncmp(entry, name, length) == 0 && strchr(" ,", entry[length])) return true;
  }
  return false;
}

static void every_kind_of_layer_is_among_the_references(void **state) {
  (void)state;
  for (int i = 0; i < gan_layer_type_count; i++) {
    bool found = false;
    for (int set = 0; set < SET_COUNT; set++)
      for (int j = 0; j < reference_sets[set].count; j++)
        found = found || has_layer(reference_sets[set].cases[j].layers, gan_layer_types[i]->name);
    if (!found) fail_msg("%s is not compared with PyTorch", gan_layer_types[i]->name);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layers_give_the_numbers_of_pytorch),
      cmocka_unit_test(shards_with_synchronised_statistics_give_the_numbers_of_the_whole_batch),
      cmocka_unit_test(every_kind_of_layer_is_among_the_references),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
