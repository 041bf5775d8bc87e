/* Initialisations: bounds, means and standard deviations against torch.nn.init's formulas, and addresses. */
#include <math.h>

#include "nn_support.h"

enum { INPUTS = 300, FEATURES = 200 };
static const gan_shape input_shape = {.rank = 1, .size = {INPUTS}};
static const gan_random_address start = {.seed = 7, .stream = GAN_STREAM_INITIALISE_CRITIC, .step = 99, .sample = 0};

typedef struct moments {
  double mean, deviation, largest; /* of |value - centre| */
} moments;

static moments moments_of(const float *values, size_t count, double centre) {
  moments m = {0};
  for (size_t i = 0; i < count; i++) m.mean += (double)values[i] / (double)count;
  for (size_t i = 0; i < count; i++) {
    m.deviation += ((double)values[i] - m.mean) * ((double)values[i] - m.mean) / (double)count;
    m.largest = fmax(m.largest, fabs((double)values[i] - centre));
  }
  m.deviation = sqrt(m.deviation);
  return m;
}

typedef struct initialised {
  gan_network *network;
  float *parameters, *buffers;
} initialised;

static initialised initialise_for(gan_shape input, const char *layers, const char *how, double scale) {
  initialised made = {.network = rig_network(layers, input, false)};
  const gan_initialisation *initialisation = gan_initialisation_find(how);
  assert_non_null(initialisation);
  made.parameters = rig_memory(made.network->parameter_count, sizeof(float));
  made.buffers = rig_memory(made.network->buffer_count, sizeof(float));
  for (size_t i = 0; i < made.network->parameter_count; i++) made.parameters[i] = NAN;
  for (size_t i = 0; i < made.network->buffer_count; i++) made.buffers[i] = NAN;
  gan_network_initialise(made.network, initialisation, scale, start, made.parameters, made.buffers);
  for (size_t i = 0; i < made.network->parameter_count; i++) assert_true(isfinite(made.parameters[i]));
  for (size_t i = 0; i < made.network->buffer_count; i++) assert_true(isfinite(made.buffers[i]));
  return made;
}

static initialised initialise(const char *layers, const char *how, double scale) {
  return initialise_for(input_shape, layers, how, scale);
}

static void release(initialised *made) {
  gan_network_destroy(made->network);
  free(made->parameters);
  free(made->buffers);
}

/* Of `count` numbers, with five standard errors of room; a uniform's bound is reached to one in a hundred. */
static void assert_distribution(const float *values, size_t count, double centre, double deviation, bool uniform) {
  const moments m = moments_of(values, count, centre);
  const double error = deviation / sqrt((double)count), bound = sqrt(3.0) * deviation;
  if (!(fabs(m.mean - centre) <= 5 * error)) fail_msg("mean %g instead of %g", m.mean, centre);
  if (!(fabs(m.deviation - deviation) <= 5 * error)) fail_msg("deviation %g instead of %g", m.deviation, deviation);
  if (uniform && !(m.largest <= bound * (1 + 1e-6) && m.largest >= bound * 0.95))
    fail_msg("largest %g instead of %g", m.largest, bound);
  if (!uniform && m.largest < 2 * deviation) fail_msg("largest %g is too small for a normal", m.largest);
}

static void weights_and_biases_have_the_distributions_of_torch_nn_init(void **state) {
  (void)state;
  static const struct {
    const char *name;
    double scale;
    double deviation; /* of weights, at fan_in 300 and fan_out 200 */
    bool uniform, zero_bias;
  } rows[] = {
      {"pytorch", 0, 0.033333333, true, false}, /* 1/sqrt(300)/sqrt(3) */
      {"pytorch", 2, 0.066666667, true, false},
      {"normal", 0, 0.02, false, true},
      {"normal", 0.5, 0.5, false, true},
      {"xavier_uniform", 0, 0.063245553, true, true}, /* sqrt(2/500) */
      {"xavier_normal", 0, 0.063245553, false, true},
      {"xavier_normal", 3, 0.189736660, false, true},
      {"he_uniform", 0, 0.081649658, true, true}, /* sqrt(2/300) */
      {"he_normal", 0, 0.081649658, false, true},
      {"he_normal", 1, 0.057735027, false, true}, /* sqrt(1/300) */
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    initialised made = initialise("dense 200", rows[i].name, rows[i].scale);
    const float *bias = made.parameters + (size_t)INPUTS * FEATURES;
    assert_distribution(made.parameters, (size_t)INPUTS * FEATURES, 0, rows[i].deviation, rows[i].uniform);
    if (!rows[i].zero_bias) assert_distribution(bias, FEATURES, 0, 0.033333333, true);
    for (int j = 0; rows[i].zero_bias && j < FEATURES; j++) assert_true(bias[j] == 0);
    release(&made);
  }
}

/* torch.nn.init counts fans of a weight's first two sizes and its kernel: with groups the second one is a group's, and
   the first stays the whole (torch.nn.init._calculate_fan_in_and_fan_out says the same of these weights). Places that a
   dilated kernel leaves out count for nothing. */
static void fans_of_convolutions_are_those_of_their_weights(void **state) {
  (void)state;
  static const struct {
    const char *layers;
    gan_shape weight;
    double fan_in, fan_out;
  } rows[] = {
      {"conv 480 kernel 3", {.rank = 4, .size = {480, 48, 3, 3}}, 432, 4320},
      {"conv 480 kernel 3 groups 12", {.rank = 4, .size = {480, 4, 3, 3}}, 36, 4320},
      {"conv 4800 kernel 3 groups 48", {.rank = 4, .size = {4800, 1, 3, 3}}, 9, 43200},
      {"conv 960 kernel 3 2 dilation 2 3 groups 4", {.rank = 4, .size = {960, 12, 3, 2}}, 72, 5760},
      {"conv_transpose 480 kernel 3 groups 12", {.rank = 4, .size = {48, 40, 3, 3}}, 360, 432},
      {"conv_transpose 4800 kernel 3 dilation 2 groups 48", {.rank = 4, .size = {48, 100, 3, 3}}, 900, 432},
  };
  const gan_shape image = {.rank = 3, .size = {48, 7, 7}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    static const char *const names[] = {"pytorch", "xavier_normal", "he_normal"};
    const double deviations[] = {1 / sqrt(3 * rows[i].fan_in), sqrt(2 / (rows[i].fan_in + rows[i].fan_out)),
                                 sqrt(2 / rows[i].fan_in)};
    for (int how = 0; how < 3; how++) {
      initialised made = initialise_for(image, rows[i].layers, names[how], 0);
      const gan_tensor_info *weight = &made.network->layers[0].tensors[0], *bias = &made.network->layers[0].tensors[1];
      assert_memory_equal(weight->shape.size, rows[i].weight.size, sizeof weight->shape.size);
      assert_distribution(made.parameters + weight->offset, weight->count, 0, deviations[how], how == 0);
      if (how == 0) assert_distribution(made.parameters + bias->offset, bias->count, 0, deviations[0], true);
      release(&made);
    }
  }
}

static void every_initialisation_is_found_by_name(void **state) {
  (void)state;
  static const char *const names[] = {"pytorch",       "normal",     "xavier_uniform",
                                      "xavier_normal", "he_uniform", "he_normal"};
  assert_int_equal(gan_initialisation_count, sizeof names / sizeof names[0]);
  for (int i = 0; i < gan_initialisation_count; i++) {
    assert_non_null(gan_initialisation_find(names[i]));
    assert_true(strlen(gan_initialisation_find(names[i])->help) > 0);
  }
  assert_null(gan_initialisation_find("orthogonal"));
}

static void normalisations_start_as_the_identity_with_running_mean_0_and_variance_1(void **state) {
  (void)state;
  for (int i = 0; i < gan_initialisation_count; i++) {
    const bool random = strcmp(gan_initialisations[i].name, "normal") == 0;
    initialised made = initialise("batch_norm, layer_norm", gan_initialisations[i].name, 0);
    for (int layer = 0; layer < 2; layer++) {
      const float *weight = made.parameters + (ptrdiff_t)layer * 2 * INPUTS, *bias = weight + INPUTS;
      if (random) assert_distribution(weight, INPUTS, 1, 0.02, false);
      for (int j = 0; j < INPUTS; j++) assert_true((random || weight[j] == 1) && bias[j] == 0);
    }
    for (int j = 0; j < INPUTS; j++) assert_true(made.buffers[j] == 0 && made.buffers[INPUTS + j] == 1);
    release(&made);
  }
}

static void a_tensors_numbers_do_not_depend_on_other_layers_sizes(void **state) {
  (void)state;
  initialised small = initialise("dense 3 no_bias, dense 4 no_bias, dense 5", "normal", 0);
  initialised large = initialise("dense 30, dense 4, dense 5", "normal", 0);
  const gan_tensor_info *in_small = &small.network->layers[2].tensors[0],
                        *in_large = &large.network->layers[2].tensors[0];
  assert_int_equal(in_small->count, in_large->count);
  assert_memory_equal(small.parameters + in_small->offset, large.parameters + in_large->offset,
                      in_small->count * sizeof(float));
  release(&small);
  release(&large);
}

static void tensors_do_not_share_their_numbers(void **state) {
  (void)state;
  initialised made = initialise("dense 300, dense 300", "pytorch", 0);
  const gan_layer *layers = made.network->layers;
  size_t starts[4];
  for (int i = 0; i < 4; i++) starts[i] = layers[i / 2].tensors[i % 2].offset;
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < i; j++)
      assert_memory_not_equal(made.parameters + starts[i], made.parameters + starts[j], INPUTS * sizeof(float));
  release(&made);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(weights_and_biases_have_the_distributions_of_torch_nn_init),
      cmocka_unit_test(fans_of_convolutions_are_those_of_their_weights),
      cmocka_unit_test(every_initialisation_is_found_by_name),
      cmocka_unit_test(normalisations_start_as_the_identity_with_running_mean_0_and_variance_1),
      cmocka_unit_test(a_tensors_numbers_do_not_depend_on_other_layers_sizes),
      cmocka_unit_test(tensors_do_not_share_their_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
