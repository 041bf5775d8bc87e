/* Spectral normalisation: values, gradients and second order against PyTorch's torch.nn.utils.spectral_norm in float64
   (tests/reference/spectral.py), by whichever of a network's passes, cut into any number of shards; and the power
   iteration against matrices whose singular values are known. */
#include "nn/spectral.h"

#include <math.h>

#include "nn/prepare.h"
#include "nn/tangent.h"
#include "nn_support.h"
#include "reference/spectral.h"

enum { CASES = sizeof spectral_cases / sizeof spectral_cases[0] };

/* A case's network after all of its updates, which a pass of any kind can run on. */
typedef struct normalised {
  const spectral_case *of;
  rig rig;
  gan_preparation *preparation;
  double *sums; /* (shards, spectral_count) */
} normalised;

static void connect(normalised *made, gan_pass *pass) {
  pass->parameters = gan_prepared(made->preparation, made->rig.parameters);
  pass->buffers = made->rig.buffers;
  pass->slots = made->rig.slots;
  pass->spectral_sums = made->sums;
}

/* What was in slots and sums is to be overwritten. */
static void spoil(normalised *made) {
  const gan_network *network = made->rig.network;
  for (int slot = 0; slot < made->rig.shards.slot_count; slot++)
    for (size_t i = 0; i < network->parameter_count; i++) made->rig.slots[slot][i] = NAN;
  for (int i = 0; i < made->rig.shards.local * network->spectral_count; i++) made->sums[i] = NAN;
}

static normalised create(const spectral_case *of, int shards) {
  normalised made = {.of = of, .rig = rig_create(of->layers, of->input_shape, true, shards, of->samples, 1, 0)};
  const gan_network *network = made.rig.network;
  assert_int_equal(network->parameter_count, of->parameter_count);
  assert_int_equal(network->buffer_count, of->singular_count);
  assert_int_equal(network->singular_count, of->singular_count);
  assert_true(gan_network_normalises_spectrally(network));
  assert_int_equal(gan_preparation_create(network, &made.preparation), GAN_OK);
  made.sums = rig_memory((size_t)(shards * network->spectral_count), sizeof *made.sums);
  memcpy(made.rig.buffers, of->singular, of->singular_count * sizeof(float));
  spoil(&made);
  return made;
}

static void release(normalised *made) {
  gan_preparation_destroy(made->preparation);
  free(made->sums);
  rig_release(&made->rig);
}

/* The parameters before the first update are update 0's. */
static void update(normalised *made, int number) {
  for (size_t i = 0; i < made->of->parameter_count; i++)
    made->rig.parameters[i] = (float)((double)made->of->parameters[i] + number * (double)made->of->change[i]);
  gan_network_prepare_next(made->preparation, made->rig.parameters, made->rig.buffers);
}

/* The whole batch's sums, and the gradient of the parameters in the first slot. In pieces of odd lengths. */
static const float *correct(normalised *made) {
  const gan_network *network = made->rig.network;
  double total[8] = {0};
  assert_true(network->spectral_count <= 8);
  for (int i = 0; i < made->rig.shards.local * network->spectral_count; i++)
    total[i % network->spectral_count] += made->sums[i];
  for (size_t offset = 0, count; offset < network->parameter_count; offset += count) {
    count = offset % 2 ? 7 : 11;
    if (count > network->parameter_count - offset) count = network->parameter_count - offset;
    gan_preparation_correct(made->preparation, made->rig.buffers, total, offset, count, made->rig.slots[0] + offset);
  }
  return made->rig.slots[0];
}

static size_t elements_of(const normalised *made, const gan_shape *shape) {
  return (size_t)(made->of->parts * made->of->samples) * (size_t)gan_shape_count(shape);
}

/* Fills the pass's input, runs it, and returns the output in the reference's order (owned by the caller). */
static float *forward(const normalised *made, gan_pass *pass) {
  const gan_network *network = made->rig.network;
  float *samples = rig_memory(elements_of(made, &network->output), sizeof *samples);
  rig_to_rows(pass, (size_t)gan_shape_count(&network->input), made->of->input, gan_pass_input(pass));
  gan_pass_forward(pass);
  assert_int_equal(gan_pass_check(pass), GAN_OK);
  rig_from_rows(pass, (size_t)gan_shape_count(&network->output), gan_pass_output(pass), samples);
  return samples;
}

static void fill_output_gradient(const normalised *made, gan_pass *pass) {
  rig_to_rows(pass, (size_t)gan_shape_count(&made->rig.network->output), made->of->output_gradient,
              gan_pass_output_gradient(pass));
}

/* Runs all updates' forward passes, and leaves the pass as after the last. */
static void run_updates(normalised *made, gan_pass *pass) {
  const size_t outputs = elements_of(made, &made->rig.network->output);
  for (int number = 0; number < made->of->updates; number++) {
    update(made, number);
    float *samples = forward(made, pass);
    assert_near_pytorch(made->of->name, "output", outputs, samples, made->of->outputs + (size_t)number * outputs);
    free(samples);
  }
  assert_near_pytorch(made->of->name, "u and v", made->of->singular_count, made->rig.buffers, made->of->singular_after);
}

static void check_case(const spectral_case *of, int shards) {
  normalised made = create(of, shards);
  const gan_network *network = made.rig.network;
  const size_t inputs = elements_of(&made, &network->input);
  assert_int_equal(gan_pass_create(network, &made.rig.shards, of->parts, &made.rig.pass), GAN_OK);
  gan_pass *pass = made.rig.pass;
  connect(&made, pass);
  run_updates(&made, pass);
  fill_output_gradient(&made, pass);
  gan_pass_backward(pass, false);
  assert_near_pytorch(of->name, "parameter gradient", of->parameter_count, correct(&made), of->parameter_gradient);

  /* Asked for the gradient of the input, too. */
  spoil(&made);
  free(forward(&made, pass));
  fill_output_gradient(&made, pass);
  const float *gradient = gan_pass_backward(pass, true);
  if (of->has_penalty) {
    float *samples = rig_memory(inputs, sizeof *samples);
    rig_from_rows(pass, (size_t)gan_shape_count(&network->input), gradient, samples);
    assert_near_pytorch(of->name, "input gradient", inputs, samples, of->input_gradient);
    free(samples);
  }
  assert_near_pytorch(of->name, "parameter gradient", of->parameter_count, correct(&made), of->parameter_gradient);
  release(&made);
}

static void networks_give_the_values_and_gradients_of_pytorch(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++)
    for (int shards = 1; shards <= spectral_cases[i].samples; shards++) check_case(&spectral_cases[i], shards);
}

/* u = d penalty / dg of the penalty mean (|g| - 1)^2. */
static void differentiate_penalty(size_t rows, size_t elements, const float *g, float *u) {
  for (size_t row = 0; row < rows; row++, g += elements, u += elements) {
    const double norm = sqrt(gan_square_sum(elements, g));
    for (size_t i = 0; i < elements; i++) u[i] = (float)(2 * (norm - 1) / norm * (double)g[i] / (double)rows);
  }
}

/* A pass of the penalty's own, up to where its gradient can be had. */
static gan_pass *begin_penalty(normalised *made) {
  const gan_network *network = made->rig.network;
  gan_pass *pass = NULL;
  assert_int_equal(gan_pass_create_in(network, &made->rig.shards, made->of->parts, GAN_KEEP_ALL, NULL, &pass), GAN_OK);
  assert_int_equal(gan_pass_take_tangents(pass), GAN_OK);
  connect(made, pass);
  free(forward(made, pass));
  differentiate_penalty((size_t)pass->rows, (size_t)gan_shape_count(&network->input), gan_pass_score_gradient(pass),
                        gan_pass_input_tangent(pass));
  return pass;
}

static void check_penalty(const spectral_case *of, int shards) {
  normalised made = create(of, shards);
  assert_int_equal(gan_pass_create(made.rig.network, &made.rig.shards, of->parts, &made.rig.pass), GAN_OK);
  connect(&made, made.rig.pass);
  run_updates(&made, made.rig.pass);
  gan_pass *penalty = begin_penalty(&made);

  spoil(&made);
  gan_pass_gradient_product(penalty, NULL);
  assert_near_pytorch(of->name, "penalty gradient", of->parameter_count, correct(&made), of->penalty_gradient);

  /* Beside the loss's pass: the sum of both. */
  double *both = rig_memory(of->parameter_count, sizeof *both);
  for (size_t i = 0; i < of->parameter_count; i++) both[i] = of->parameter_gradient[i] + of->penalty_gradient[i];
  spoil(&made);
  fill_output_gradient(&made, made.rig.pass);
  gan_pass_gradient_product(penalty, made.rig.pass);
  assert_near_pytorch(of->name, "joint gradient", of->parameter_count, correct(&made), both);

  /* Or in one pass, where both look at the same samples. */
  spoil(&made);
  fill_output_gradient(&made, penalty);
  const size_t outputs = (size_t)(penalty->rows * gan_shape_count(&made.rig.network->output));
  for (size_t i = 0; i < outputs; i++) gan_pass_output_tangent_gradient(penalty)[i] = 1;
  gan_pass_tangent(penalty);
  gan_pass_tangent_backward(penalty, false, NULL, NULL);
  assert_near_pytorch(of->name, "gradient of one pass", of->parameter_count, correct(&made), both);
  free(both);
  gan_pass_destroy(penalty);
  release(&made);
}

static void critics_give_the_penalty_gradients_of_pytorch(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++)
    for (int shards = 1; shards <= spectral_cases[i].samples && spectral_cases[i].has_penalty; shards++)
      check_penalty(&spectral_cases[i], shards);
}

static void samples_are_drawn_with_the_vectors_as_they_are(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    normalised made = create(&spectral_cases[i], 1);
    const gan_network *network = made.rig.network;
    for (int number = 0; number < made.of->updates; number++) update(&made, number);
    float *before = rig_memory(network->buffer_count, sizeof *before);
    memcpy(before, made.rig.buffers, network->buffer_count * sizeof *before);
    float *again = rig_memory(network->parameter_count, sizeof *again);
    memcpy(again, gan_prepared(made.preparation, NULL), network->parameter_count * sizeof *again);
    gan_network_prepare(made.preparation, made.rig.parameters, made.rig.buffers);
    assert_memory_equal(before, made.rig.buffers, network->buffer_count * sizeof *before);
    assert_memory_equal(again, gan_prepared(made.preparation, NULL), network->parameter_count * sizeof *again);
    assert_int_equal(gan_pass_create(network, &made.rig.shards, made.of->parts, &made.rig.pass), GAN_OK);
    connect(&made, made.rig.pass);
    made.rig.pass->training = false;
    float *samples = forward(&made, made.rig.pass);
    assert_near_pytorch(made.of->name, "inference", elements_of(&made, &network->output), samples, made.of->inference);
    free(samples), free(again), free(before);
    release(&made);
  }
}

/* One dense layer without bias, with this weight. */
typedef struct matrix {
  gan_network *network;
  gan_preparation *preparation;
  float weight[4], buffers[4];
} matrix;

static matrix matrix_of(float a, float b, float c, float d) {
  matrix made = {.network = rig_network("dense 2 no_bias spectral_norm", (gan_shape){.rank = 1, .size = {2}}, true),
                 .weight = {a, b, c, d},
                 .buffers = {1, 1, 1, 1}};
  assert_int_equal(gan_preparation_create(made.network, &made.preparation), GAN_OK);
  return made;
}

static void matrix_release(matrix *made) {
  gan_preparation_destroy(made->preparation);
  gan_network_destroy(made->network);
}

/* diag(3, 4) from u = (1, 1): after round k, v is along (3^(2k-1), 4^(2k-1)) and u along (9^k, 16^k). */
static void sigma_of_a_diagonal_matrix_comes_nearer_round_by_round(void **state) {
  (void)state;
  matrix made = matrix_of(3, 0, 0, 4);
  const double expected[] = {3.6715120, 3.8655379, 3.9530773};
  for (int k = 0; k < 3; k++) {
    gan_network_prepare_next(made.preparation, made.weight, made.buffers);
    assert_true(fabs(4 / (double)gan_prepared(made.preparation, NULL)[3] - expected[k]) < 1e-6);
  }
  matrix_release(&made);
}

static void a_matrix_of_zeros_stays_zero_and_can_be_left(void **state) {
  (void)state;
  matrix made = matrix_of(0, 0, 0, 0);
  const double sum = 0;
  float gradient[] = {1, -2, 3, 4};
  for (int i = 0; i < 2; i++) gan_network_prepare_next(made.preparation, made.weight, made.buffers);
  for (int i = 0; i < 4; i++) assert_true(gan_prepared(made.preparation, NULL)[i] == 0 && made.buffers[i] == 1);
  gan_preparation_correct(made.preparation, made.buffers, &sum, 0, 4, gradient);
  assert_true(gradient[0] == 1 && gradient[1] == -2 && gradient[2] == 3 && gradient[3] == 4);
  made.weight[3] = 4, made.weight[0] = 3;
  gan_network_prepare_next(made.preparation, made.weight, made.buffers);
  assert_true(fabs((double)gan_prepared(made.preparation, NULL)[3] - 4 / 3.6715120) < 1e-6);
  matrix_release(&made);
}

static void a_tiny_matrix_becomes_one_of_norm_1(void **state) {
  (void)state;
  matrix made = matrix_of(1e-5F, 0, 0, 1e-5F);
  gan_network_prepare_next(made.preparation, made.weight, made.buffers);
  assert_true(fabs((double)gan_prepared(made.preparation, NULL)[0] - 1) < 1e-6);
  assert_true(fabs((double)gan_prepared(made.preparation, NULL)[3] - 1) < 1e-6);
  matrix_release(&made);
}

static void numbers_that_are_not_finite_stay_visible_and_leave_the_vectors_alone(void **state) {
  (void)state;
  const float odd[] = {NAN, INFINITY};
  for (int i = 0; i < 2; i++) {
    matrix made = matrix_of(odd[i], 1, 2, 3);
    gan_network_prepare_next(made.preparation, made.weight, made.buffers);
    assert_false(isfinite(gan_prepared(made.preparation, NULL)[0]));
    for (int j = 0; j < 4; j++) assert_true(made.buffers[j] == 1);
    matrix_release(&made);
  }
}

static void first_vectors_are_unit_ones_of_their_own_for_each_network_and_layer(void **state) {
  (void)state;
  const gan_shape input = {.rank = 1, .size = {40}};
  gan_network *network = rig_network("dense 40 spectral_norm, dense 40 spectral_norm", input, true);
  const gan_initialisation *how = gan_initialisation_find("pytorch");
  float *parameters = rig_memory(network->parameter_count, sizeof(float));
  float *vectors = rig_memory(2 * network->buffer_count, sizeof(float));
  assert_int_equal(network->buffer_count, 160);
  for (int i = 0; i < 2; i++) {
    const gan_random_address address = {.seed = 7,
                                        .stream = i ? GAN_STREAM_INITIALISE_CRITIC : GAN_STREAM_INITIALISE_GENERATOR};
    gan_network_initialise(network, how, 0, address, parameters, vectors + i * 160);
  }
  for (int i = 0; i < 8; i++) {
    assert_true(fabs(gan_square_sum(40, vectors + 40 * i) - 1) < 1e-6);
    for (int j = 0; j < i; j++) {
      double along = 0;
      for (int k = 0; k < 40; k++) along += (double)vectors[40 * i + k] * (double)vectors[40 * j + k];
      assert_true(fabs(along) < 0.6);
    }
  }
  free(vectors), free(parameters);
  gan_network_destroy(network);
}

static void a_description_normalises_all_where_each_layer_with_a_matrix_has_the_word(void **state) {
  (void)state;
  static const char *const all[] = {
      "dense 4 spectral_norm", "conv 4 kernel 3 spectral_norm no_bias,relu\n dense 1  spectral_norm",
      "residual, conv_transpose 2 kernel 2 spectral_norm, end,,\ndense 1 spectral_norm\n"};
  static const char *const not_all[] = {"",
                                        "relu, tanh",
                                        "dense 4 spectral_norm, dense 1",
                                        "dense 4, dense 1 spectral_norm",
                                        "embedding 9 2, dense 1 spectral_norm",
                                        "dense 1 no_spectral_norm"};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) assert_true(gan_layers_normalise_all(all[i]));
  for (size_t i = 0; i < sizeof not_all / sizeof *not_all; i++) assert_false(gan_layers_normalise_all(not_all[i]));
}

static void all_layers_of_a_network_are_normalised_where_that_is_asked_for(void **state) {
  (void)state;
  static const char layers[] =
      "embedding 9 4, reshape 4 3 2, conv 2 kernel 1, conv_transpose 3 kernel 2, batch_norm, relu, dense 1 "
      "spectral_norm";
  const gan_shape input = {.rank = 1, .size = {6}};
  gan_network_options options = rig_options(true);
  gan_network *network = NULL;
  options.spectral_norm = true;
  assert_int_equal(gan_network_create(layers, &input, &options, &network), GAN_OK);
  assert_int_equal(network->spectral_count, 4);
  assert_int_equal(network->statistic_count, 6);
  assert_int_equal(network->singular_count, 9 + 4 + 2 + 4 + 3 + 2 * 4 + 1 + 3 * 4 * 3);
  assert_int_equal(network->buffer_count, network->statistic_count + network->singular_count);
  static const int normalised_layers[] = {0, 2, 3, 6};
  for (int i = 0; i < 4; i++) {
    const gan_layer *layer = &network->layers[normalised_layers[i]];
    assert_string_equal(layer->tensors[0].name, "weight_orig");
    assert_string_equal(layer->tensors[layer->spectral.u].name, "weight_u");
    assert_string_equal(layer->tensors[layer->spectral.u + 1].name, "weight_v");
    assert_true(layer->tensors[layer->spectral.u].offset >= network->statistic_count);
  }
  gan_network_destroy(network);
  network = rig_network("dense 3, batch_norm", input, true);
  assert_false(gan_network_normalises_spectrally(network));
  gan_preparation *preparation = NULL;
  float parameters[1];
  assert_int_equal(gan_preparation_create(network, &preparation), GAN_OK);
  assert_null(preparation);
  assert_ptr_equal(gan_prepared(preparation, parameters), parameters);
  gan_network_destroy(network);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(networks_give_the_values_and_gradients_of_pytorch),
      cmocka_unit_test(critics_give_the_penalty_gradients_of_pytorch),
      cmocka_unit_test(samples_are_drawn_with_the_vectors_as_they_are),
      cmocka_unit_test(sigma_of_a_diagonal_matrix_comes_nearer_round_by_round),
      cmocka_unit_test(a_matrix_of_zeros_stays_zero_and_can_be_left),
      cmocka_unit_test(a_tiny_matrix_becomes_one_of_norm_1),
      cmocka_unit_test(numbers_that_are_not_finite_stay_visible_and_leave_the_vectors_alone),
      cmocka_unit_test(first_vectors_are_unit_ones_of_their_own_for_each_network_and_layer),
      cmocka_unit_test(a_description_normalises_all_where_each_layer_with_a_matrix_has_the_word),
      cmocka_unit_test(all_layers_of_a_network_are_normalised_where_that_is_asked_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
