/* Embeddings beyond their numbers, which layers_test.c compares with PyTorch: shapes, numbers that are no index, how
   the table starts. */
#include <math.h>

#include "nn_support.h"

static const gan_shape three = {.rank = 1, .size = {3}}, one = {.rank = 1, .size = {1}};

static void a_vector_of_indices_gives_a_row_of_features_for_each_and_one_index_a_vector(void **state) {
  (void)state;
  const struct {
    const char *layers;
    gan_shape input, output;
  } rows[] = {
      {"embedding 10 4", three, {.rank = 2, .size = {3, 4}}},
      {"embedding 10 4", one, {.rank = 1, .size = {4}}},
      {"embedding 10 4", {.rank = 3, .size = {1, 1, 1}}, {.rank = 1, .size = {4}}},
      {"embedding 10 1", {.rank = 3, .size = {2, 3, 5}}, {.rank = 4, .size = {2, 3, 5, 1}}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    gan_network *network = rig_network(rows[i].layers, rows[i].input, false);
    assert_int_equal(network->output.rank, rows[i].output.rank);
    for (int j = 0; j < network->output.rank; j++) assert_int_equal(network->output.size[j], rows[i].output.size[j]);
    assert_string_equal(network->layers[0].tensors[0].name, "weight");
    assert_int_equal(network->layers[0].tensors[0].shape.size[0], 10);
    gan_network_destroy(network);
  }
}

static void assert_refused(const char *layers, gan_shape input, const char *words) {
  const gan_network_options options = rig_options(false);
  gan_network *network = NULL;
  assert_int_equal(gan_network_create(layers, &input, &options, &network), GAN_BAD_USAGE);
  if (!strstr(gan_error_message(), words)) fail_msg("\"%s\" is not in: %s", words, gan_error_message());
}

static void descriptions_that_cannot_work_are_refused(void **state) {
  (void)state;
  assert_refused("embedding 10", three, "embedding COUNT FEATURES");
  assert_refused("embedding 10 4 2", three, "\"2\" is not known");
  assert_refused("embedding 10 4 spectral_norm spectral_norm", three, "too much");
  assert_refused("embedding 0 4", three, "COUNT has to be from 1");
  assert_refused("embedding 4 x", three, "FEATURES has to be a whole number");
  assert_refused("embedding 16777216 16777216", three, "more than");
  assert_refused("embedding 16777216 5000000", three, "parameters");
  assert_refused("embedding 4 2", (gan_shape){.rank = 4, .size = {1, 2, 2, 2}}, "flatten");
}

/* Two rows of three numbers through a table of two rows. */
static void pass_through(rig *made, const float input[6]) {
  memcpy(gan_pass_input(made->pass), input, 6 * sizeof *input);
  gan_pass_forward(made->pass);
}

static void a_number_that_is_no_index_reads_nothing_and_is_told(void **state) {
  (void)state;
  const float bad[] = {2, -1, 0.5f, -0.25f, 1.0000001f, NAN, -NAN, INFINITY, -INFINITY, 3e38f, 16777216};
  const char *const text[] = {"2",         "-1",  "0.5",  "-0.25", "1",          "nan",
                              "holds nan", "inf", "-inf", "3e+38", "1.67772e+07"};
  rig made = rig_create("embedding 2 2", three, false, 1, 2, 1, 0);
  rig_start(&made, 1);
  const float table[4] = {1, 2, 3, 4};
  memcpy(made.parameters, table, sizeof table);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    pass_through(&made, (float[]){0, 1, 1, 0, bad[i], 1});
    assert_int_equal(gan_pass_check(made.pass), GAN_FAILED);
    const char *message = gan_error_message();
    if (!strstr(message, text[i]) || !strstr(message, "layer 1 (\"embedding\")") || !strstr(message, "from 0 to 1"))
      fail_msg("%s", message);
    const float expected[12] = {1, 2, 3, 4, 3, 4, 1, 2, NAN, NAN, 3, 4};
    const float *output = gan_pass_output(made.pass);
    for (int j = 0; j < 12; j++) assert_true(isnan(expected[j]) ? isnan(output[j]) : output[j] == expected[j]);
    /* Nor does the way back write anywhere for it. */
    for (int j = 0; j < 12; j++) gan_pass_output_gradient(made.pass)[j] = 1;
    const float *input_gradient = gan_pass_backward(made.pass, true);
    for (int j = 0; j < 6; j++) assert_true(input_gradient[j] == 0);
    const float gradient[4] = {2, 2, 3, 3};
    for (int j = 0; j < 4; j++) assert_true(made.slots[0][j] == gradient[j]);
    /* It does not stay. */
    pass_through(&made, (float[]){0, 1, 1, 0, -0.0f, 1});
    assert_int_equal(gan_pass_check(made.pass), GAN_OK);
    assert_true(gan_pass_output(made.pass)[8] == 1);
  }
  rig_release(&made);
}

static double deviation_of(size_t count, const float *values, double *mean) {
  double sum = 0, square = 0;
  for (size_t i = 0; i < count; i++) sum += values[i], square += (double)values[i] * values[i];
  *mean = sum / (double)count;
  return sqrt(square / (double)count - *mean * *mean);
}

static void a_table_starts_standard_normal_as_in_pytorch_or_as_the_initialisation_says(void **state) {
  (void)state;
  const struct {
    const char *name;
    double scale, deviation;
  } rows[] = {
      {"pytorch", 0, 1},
      {"pytorch", 0.5, 0.5},
      {"normal", 0, 0.02},
      {"xavier_normal", 0, 0.05270463}, /* sqrt(2 / (20 + 700)): torch.nn.init's fans of a (700, 20) tensor */
      {"he_normal", 1, 0.22360680},     /* sqrt(1 / 20) */
  };
  gan_network *network = rig_network("embedding 700 20", three, false);
  float *table = rig_memory(network->parameter_count, sizeof *table);
  const gan_random_address address = {.seed = 3, .stream = GAN_STREAM_INITIALISE_CRITIC};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    double mean;
    gan_network_initialise(network, gan_initialisation_find(rows[i].name), rows[i].scale, address, table, NULL);
    const double deviation = deviation_of(network->parameter_count, table, &mean),
                 error = rows[i].deviation / sqrt(14000);
    if (!(fabs(mean) < 5 * error && fabs(deviation - rows[i].deviation) < 5 * error))
      fail_msg("%s: mean %g, deviation %g", rows[i].name, mean, deviation);
  }
  free(table);
  gan_network_destroy(network);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_vector_of_indices_gives_a_row_of_features_for_each_and_one_index_a_vector),
      cmocka_unit_test(descriptions_that_cannot_work_are_refused),
      cmocka_unit_test(a_number_that_is_no_index_reads_nothing_and_is_told),
      cmocka_unit_test(a_table_starts_standard_normal_as_in_pytorch_or_as_the_initialisation_says),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
