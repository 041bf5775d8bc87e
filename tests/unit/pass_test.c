/* Passes over whole networks: gradients against numerical differentiation; shards against the whole batch; the same
   bits however the shards lie on ranks. */
#include "nn/pass.h"

#include <math.h>

#include "base/fault.h"
#include "nn_ranks.h"

static const gan_shape vector = {.rank = 1, .size = {6}};
static const gan_shape image = {.rank = 3, .size = {2, 3, 2}};

/* Smooth layers only: a central difference across a kink of relu is no derivative. */
static const char plain_network[] =
    "flatten, dense 9, tanh, layer_norm, dense 7, silu, dense 5, gelu, dense 2, sigmoid";
static const char coupled_network[] =
    "batch_norm, reshape 12, dense 8, batch_norm, tanh, dense 6, layer_norm, softplus, batch_norm, dense 3";

#define IMAGE_LAYERS                                                                                                \
  "conv 3 kernel 2 padding 1, batch_norm, tanh, residual, dropout 0.3, conv 4 kernel 3 padding 1, silu, shortcut, " \
  "conv 4 kernel 1, end, conv 4 kernel 3 padding 2 dilation 2 groups 4, group_norm 2, upsample 2 bilinear, "        \
  "average_pool 3 stride 2, conv_transpose 3 kernel 3 2"
static const char image_network[] = IMAGE_LAYERS ", residual, gelu, residual, end, end, global_average_pool, dense 3";
static const char image_critic[] = IMAGE_LAYERS ", attention key 1 pool 1, minibatch_stddev 3, gelu, dense 1";

static const char plane_network[] =
    "conv 4 kernel 2 padding 1, normalise, pad reflect 1, blur stride 2, residual, conv 4 kernel 1, scale 0.5, end, "
    "pixel_shuffle 2, tanh, pixel_unshuffle 1 2, dense 3";

/* Fills input and output gradient with numbers of the samples' places in (parts, batch). */
static void fill_batch(gan_pass *pass) {
  const size_t samples = (size_t)pass->parts * (size_t)pass->shards->batch;
  const size_t in = (size_t)gan_shape_count(&pass->network->input);
  const size_t out = (size_t)gan_shape_count(&pass->network->output);
  float *numbers = rig_memory(samples * (in > out ? in : out), sizeof *numbers);
  rig_normal(2, samples * in, numbers);
  rig_to_rows(pass, in, numbers, gan_pass_input(pass));
  rig_normal(3, samples * out, numbers);
  rig_to_rows(pass, out, numbers, gan_pass_output_gradient(pass));
  free(numbers);
}

/* --- Numerical differentiation --- */

/* The loss whose output gradient fill_batch has set. */
static double loss_of(gan_pass *pass, const float *output_gradient) {
  const size_t count = (size_t)pass->rows * (size_t)gan_shape_count(&pass->network->output);
  double loss = 0;
  gan_pass_forward(pass);
  for (size_t i = 0; i < count; i++) loss += (double)gan_pass_output(pass)[i] * (double)output_gradient[i];
  return loss;
}

/* Fourth-order central difference: its error, of order step^4, and the rounding of float32 outputs, of order 1e-7 /
   step, balance near step = 0.03, and are then about 1e-5 of the loss. */
static double derivative(gan_pass *pass, const float *output_gradient, float *variable) {
  const float value = *variable;
  const double step = 0.03125;
  double loss[4];
  static const double places[4] = {-2, -1, 1, 2};
  for (int i = 0; i < 4; i++) {
    *variable = (float)((double)value + places[i] * step);
    loss[i] = loss_of(pass, output_gradient);
  }
  *variable = value;
  return (loss[0] - 8 * loss[1] + 8 * loss[2] - loss[3]) / (12 * step);
}

static void assert_derivatives(gan_pass *pass, const float *output_gradient, size_t count, float *variables,
                               const float *gradient) {
  double largest = 0;
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)gradient[i]));
  assert_true(largest > 0);
  for (size_t i = 0; i < count; i++) {
    const double numerical = derivative(pass, output_gradient, &variables[i]);
    if (!(fabs(numerical - (double)gradient[i]) <= 1e-3 * largest))
      fail_msg("place %zu: %g, numerically %g (largest %g)", i, (double)gradient[i], numerical, largest);
  }
}

static void check_derivatives(const char *layers, int shards, int parts, bool sync) {
  rig made = rig_create(layers, image, sync, shards, 7, 1, 0);
  rig_start(&made, parts);
  rig_fill_parameters(&made);
  fill_batch(made.pass);
  const size_t in = (size_t)made.pass->rows * (size_t)gan_shape_count(&image);
  const size_t out = (size_t)made.pass->rows * (size_t)gan_shape_count(&made.network->output);
  float *output_gradient = rig_memory(out, sizeof(float)), *input_gradient = rig_memory(in, sizeof(float));
  memcpy(output_gradient, gan_pass_output_gradient(made.pass), out * sizeof(float));
  gan_pass_forward(made.pass);
  memcpy(input_gradient, gan_pass_backward(made.pass, true), in * sizeof(float));
  assert_derivatives(made.pass, output_gradient, made.network->parameter_count, made.parameters, made.slots[0]);
  assert_derivatives(made.pass, output_gradient, in, gan_pass_input(made.pass), input_gradient);
  free(output_gradient);
  free(input_gradient);
  rig_release(&made);
}

static void gradients_equal_numerical_differentiation(void **state) {
  (void)state;
  check_derivatives(plain_network, 1, 1, false);
  check_derivatives(plain_network, 3, 2, false);
  check_derivatives(coupled_network, 1, 1, false);
  check_derivatives(coupled_network, 2, 2, false);
  check_derivatives(coupled_network, 3, 2, true);
  check_derivatives(image_network, 1, 1, false);
  check_derivatives(image_network, 3, 2, true);
  check_derivatives(image_critic, 2, 2, false);
}

/* --- Shards --- */

/* All that a step gives, in the order of the global batch and after the sum over shards. */
typedef struct step_result {
  size_t outputs, inputs, parameters, buffers;
  float *output, *input_gradient, *gradient;
  double *statistics; /* (parts, shards, buffers) */
} step_result;

static step_result result_create(const gan_network *network, int shards, int64_t batch, int parts) {
  const size_t samples = (size_t)parts * (size_t)batch;
  step_result result = {.outputs = samples * (size_t)gan_shape_count(&network->output),
                        .inputs = samples * (size_t)gan_shape_count(&network->input),
                        .parameters = network->parameter_count,
                        .buffers = (size_t)parts * (size_t)shards * network->buffer_count};
  result.output = rig_memory(result.outputs, sizeof(float));
  result.input_gradient = rig_memory(result.inputs, sizeof(float));
  result.gradient = rig_memory(result.parameters, sizeof(float));
  result.statistics = rig_memory(result.buffers, sizeof(double));
  return result;
}

static void result_release(step_result *result) {
  free(result->output);
  free(result->input_gradient);
  free(result->gradient);
  free(result->statistics);
}

static void *run_rank(void *context) {
  const simulated_rank *self = context;
  rig *made = &self->all->rigs[self->rank];
  step_result *result = self->all->context;
  gan_pass *pass = made->pass;
  const size_t buffer_count = made->network->buffer_count;
  gan_pass_forward(pass);
  rig_from_rows(pass, (size_t)gan_shape_count(&made->network->output), gan_pass_output(pass), result->output);
  rig_from_rows(pass, (size_t)gan_shape_count(&made->network->input), gan_pass_backward(pass, true),
                result->input_gradient);
  for (int part = 0; part < pass->parts && buffer_count > 0; part++)
    memcpy(result->statistics + (size_t)(part * made->shards.count + made->shards.first) * buffer_count,
           pass->statistics[part], (size_t)made->shards.local * buffer_count * sizeof(double));
  return NULL;
}

static step_result run_step(const char *layers, gan_shape input, bool sync, int shards, int64_t batch, int parts,
                            int ranks) {
  simulation all = {.ranks = ranks};
  for (int rank = 0; rank < ranks; rank++) {
    all.rigs[rank] = rig_create(layers, input, sync, shards, batch, ranks, rank);
    rig_start(&all.rigs[rank], parts);
    rig_fill_parameters(&all.rigs[rank]);
    fill_batch(all.rigs[rank].pass);
  }
  step_result result = result_create(all.rigs[0].network, shards, batch, parts);
  all.context = &result;
  simulation_run(&all, run_rank);
  for (size_t i = 0; i < result.parameters; i++) result.gradient[i] = simulation_sum(&all, i, 0, shards);
  for (int rank = 0; rank < ranks; rank++) rig_release(&all.rigs[rank]);
  return result;
}

static void assert_near(const char *what, size_t count, const float *a, const float *b) {
  double largest = 0;
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)b[i]));
  for (size_t i = 0; i < count; i++)
    if (!(fabs((double)a[i] - (double)b[i]) <= 1e-5 * largest))
      fail_msg("%s[%zu]: %.9g and %.9g (largest %g)", what, i, (double)a[i], (double)b[i], largest);
}

static void five_uneven_shards_equal_one_to_rounding(void **state) {
  (void)state;
  const struct {
    const char *layers;
    bool sync;
    int parts;
  } rows[] = {{plain_network, false, 1},  {plain_network, false, 2}, {coupled_network, true, 1},
              {coupled_network, true, 2}, {image_network, true, 2},  {plane_network, true, 2}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    step_result whole = run_step(rows[i].layers, image, rows[i].sync, 1, 13, rows[i].parts, 1);
    step_result cut = run_step(rows[i].layers, image, rows[i].sync, 5, 13, rows[i].parts, 1);
    assert_near("output", whole.outputs, cut.output, whole.output);
    assert_near("input gradient", whole.inputs, cut.input_gradient, whole.input_gradient);
    assert_near("parameter gradient", whole.parameters, cut.gradient, whole.gradient);
    result_release(&whole);
    result_release(&cut);
  }
}

static void shards_without_synchronisation_have_statistics_of_their_own(void **state) {
  (void)state;
  step_result whole = run_step("batch_norm", vector, false, 1, 8, 1, 1);
  step_result cut = run_step("batch_norm", vector, false, 4, 8, 1, 1);
  step_result together = run_step("batch_norm", vector, true, 4, 8, 1, 1);
  assert_near("output", whole.outputs, together.output, whole.output);
  double difference = 0;
  for (size_t i = 0; i < whole.outputs; i++) difference = fmax(difference, fabs(whole.output[i] - cut.output[i]));
  assert_true(difference > 0.1);
  result_release(&whole);
  result_release(&cut);
  result_release(&together);
}

static void assert_same_bits(const step_result *a, const step_result *b, int ranks) {
  if (memcmp(a->output, b->output, a->outputs * sizeof(float)) != 0) fail_msg("outputs differ at %d ranks", ranks);
  if (memcmp(a->input_gradient, b->input_gradient, a->inputs * sizeof(float)) != 0)
    fail_msg("input gradients differ at %d ranks", ranks);
  if (memcmp(a->gradient, b->gradient, a->parameters * sizeof(float)) != 0)
    fail_msg("parameter gradients differ at %d ranks", ranks);
  if (memcmp(a->statistics, b->statistics, a->buffers * sizeof(double)) != 0)
    fail_msg("statistics differ at %d ranks", ranks);
}

static void the_bits_do_not_depend_on_how_shards_lie_on_ranks(void **state) {
  (void)state;
  /* Wide enough that a matrix product over several shards at once would be blocked otherwise than one over one. */
  static const char wide[] = "flatten, dense 70, batch_norm, leaky_relu 0.2, dense 45, layer_norm, elu, dense 1";
  const struct {
    const char *layers;
    bool sync;
    int shards, parts;
    int64_t batch;
  } rows[] = {{plain_network, false, 5, 2, 13},  {coupled_network, false, 5, 2, 13},
              {coupled_network, true, 5, 2, 13}, {coupled_network, true, 7, 1, 29},
              {wide, true, 6, 2, 101},           {wide, false, 8, 1, 40},
              {image_network, true, 7, 1, 29},   {image_critic, false, 5, 2, 43},
              {plane_network, false, 5, 2, 13},  {plane_network, false, 7, 1, 29}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    step_result one = run_step(rows[i].layers, image, rows[i].sync, rows[i].shards, rows[i].batch, rows[i].parts, 1);
    for (int ranks = 2; ranks <= 5; ranks++) {
      step_result many =
          run_step(rows[i].layers, image, rows[i].sync, rows[i].shards, rows[i].batch, rows[i].parts, ranks);
      assert_same_bits(&one, &many, ranks);
      result_release(&many);
    }
    result_release(&one);
  }
}

/* --- Statistics --- */

/* Mean or unbiased variance of one feature over rows first .. first+count-1 of the input. */
static double feature_moment(const float *rows, int64_t first, int64_t count, size_t width, size_t feature,
                             bool variance) {
  double mean = 0, squares = 0;
  for (int64_t row = first; row < first + count; row++)
    mean += (double)rows[(size_t)row * width + feature] / (double)count;
  for (int64_t row = first; row < first + count; row++)
    squares += pow((double)rows[(size_t)row * width + feature] - mean, 2) / (double)(count - 1);
  return variance ? squares : mean;
}

static void each_shards_part_has_its_own_mean_and_unbiased_variance(void **state) {
  (void)state;
  rig made = rig_create("batch_norm", vector, false, 3, 11, 1, 0);
  rig_start(&made, 2);
  rig_fill_parameters(&made);
  fill_batch(made.pass);
  gan_pass_forward(made.pass);
  for (int shard = 0; shard < 3; shard++)
    for (int part = 0; part < 2; part++)
      for (size_t i = 0; i < 12; i++) {
        const double expected = feature_moment(gan_pass_input(made.pass), gan_pass_first_row(made.pass, shard, part),
                                               gan_pass_row_count(made.pass, shard, part), 6, i % 6, i >= 6);
        assert_true(fabs(made.pass->statistics[part][(size_t)shard * 12 + i] - expected) < 1e-12);
      }
  rig_release(&made);
}

static void synchronised_statistics_are_the_same_in_every_shard(void **state) {
  (void)state;
  step_result result = run_step(coupled_network, image, true, 5, 13, 2, 3);
  const size_t count = result.buffers / 10;
  for (size_t part = 0; part < 2; part++)
    for (size_t shard = 1; shard < 5; shard++)
      assert_memory_equal(result.statistics + part * 5 * count, result.statistics + (part * 5 + shard) * count,
                          count * sizeof(double));
  result_release(&result);
}

/* --- The walk --- */

static void rows_of_a_shard_are_its_parts_one_after_the_other(void **state) {
  (void)state;
  rig made = rig_create("relu", vector, false, 5, 13, 2, 1);
  rig_start(&made, 2);
  int64_t next = 0;
  for (int shard = 0; shard < made.shards.local; shard++) {
    assert_int_equal(gan_pass_first_row(made.pass, shard, -1), next);
    assert_int_equal(gan_pass_row_count(made.pass, shard, -1), 2 * gan_shard_samples(&made.shards, shard));
    for (int part = 0; part < 2; part++) {
      assert_int_equal(gan_pass_first_row(made.pass, shard, part), next);
      assert_int_equal(gan_pass_row_count(made.pass, shard, part), gan_shard_samples(&made.shards, shard));
      next += gan_shard_samples(&made.shards, shard);
    }
  }
  assert_int_equal(next, made.pass->rows);
  rig_release(&made);
}

static void check_what_is_asked_for(const char *layers) {
  rig made = rig_create(layers, image, false, 2, 8, 1, 0);
  rig_start(&made, 1);
  rig_fill_parameters(&made);
  fill_batch(made.pass);
  const size_t in = (size_t)made.pass->rows * (size_t)gan_shape_count(&image);
  const size_t parameters = made.network->parameter_count;
  float *input_gradient = rig_memory(in, sizeof(float)), *gradient = rig_memory(parameters, sizeof(float));
  gan_pass_forward(made.pass);
  memcpy(input_gradient, gan_pass_backward(made.pass, true), in * sizeof(float));
  memcpy(gradient, made.slots[0], parameters * sizeof(float));

  for (size_t i = 0; i < parameters; i++) made.slots[0][i] = NAN;
  made.pass->slots = NULL;
  fill_batch(made.pass);
  gan_pass_forward(made.pass);
  assert_memory_equal(gan_pass_backward(made.pass, true), input_gradient, in * sizeof(float));
  for (size_t i = 0; i < parameters; i++) assert_true(isnan(made.slots[0][i]));

  made.pass->slots = made.slots;
  fill_batch(made.pass);
  gan_pass_forward(made.pass);
  assert_null(gan_pass_backward(made.pass, false));
  assert_memory_equal(made.slots[0], gradient, parameters * sizeof(float));
  free(input_gradient);
  free(gradient);
  rig_release(&made);
}

static void without_slots_there_is_only_the_input_gradient_and_without_asking_only_the_parameters(void **state) {
  (void)state;
  check_what_is_asked_for(coupled_network);
  check_what_is_asked_for(image_critic);
  check_what_is_asked_for("residual, tanh, shortcut, conv 2 kernel 1, end, residual, conv 2 kernel 1, end");
  check_what_is_asked_for(
      "concatenate, tanh, with, conv 2 kernel 1, with, relu, conv 1 kernel 1, end, conv 2 kernel 1");
}

static void nothing_below_the_first_layer_with_parameters_is_computed_unasked(void **state) {
  (void)state;
  rig made = rig_create("tanh, flatten, dense 3", image, false, 2, 8, 1, 0);
  rig_start(&made, 1);
  rig_fill_parameters(&made);
  fill_batch(made.pass);
  gan_pass_forward(made.pass);
  /* The memory where the dense layer's input gradient would go. */
  const size_t in = (size_t)made.pass->rows * (size_t)gan_shape_count(&image);
  for (size_t i = 0; i < in; i++) made.pass->gradients[2][i] = NAN;
  assert_null(gan_pass_backward(made.pass, false));
  for (size_t i = 0; i < in; i++) assert_true(isnan(made.pass->gradients[2][i]));
  rig_release(&made);
}

static void inference_does_not_depend_on_the_other_samples(void **state) {
  (void)state;
  rig made = rig_create(coupled_network, image, false, 1, 8, 1, 0);
  rig_start(&made, 1);
  rig_fill_parameters(&made);
  rig_normal(4, made.network->buffer_count, made.buffers);
  for (size_t i = 0; i < made.network->buffer_count; i++) made.buffers[i] = fabsf(made.buffers[i]) + 0.1f;
  fill_batch(made.pass);
  made.pass->training = false;
  gan_pass_forward(made.pass);
  const float before = gan_pass_output(made.pass)[0];
  const size_t elements = (size_t)gan_shape_count(&image);
  for (size_t i = elements; i < 8 * elements; i++) gan_pass_input(made.pass)[i] += 5;
  gan_pass_forward(made.pass);
  assert_true(before == gan_pass_output(made.pass)[0]);
  rig_release(&made);
}

static void a_layer_that_only_reshapes_takes_no_memory(void **state) {
  (void)state;
  rig without = rig_create("relu, dense 3", image, false, 1, 8, 1, 0);
  rig with = rig_create("relu, flatten, reshape 3 2 2, flatten, dense 3", image, false, 1, 8, 1, 0);
  rig_start(&without, 1);
  rig_start(&with, 1);
  /* Three pointers and places for each layer are all that is more. */
  assert_int_equal(gan_pass_bytes(with.pass),
                   gan_pass_bytes(without.pass) + 3 * 3 * (sizeof(float *) + sizeof(size_t)));
  /* Input, output of relu, its gradient; output and gradient of the dense layer. */
  assert_true(gan_pass_bytes(without.pass) > 8 * (3 * 12 + 2 * 3) * sizeof(float));
  rig_release(&without);
  rig_release(&with);
}

static void a_failed_allocation_is_told_and_leaks_nothing(void **state) {
  (void)state;
  gan_network *network = rig_network(coupled_network, image, true);
  gan_shards shards;
  assert_int_equal(gan_shards_plan(5, 13, 1, 0, &shards), GAN_OK);
  int64_t nth = 1;
  for (bool struck = true; struck; nth++) {
    gan_pass *pass = NULL;
    gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    const gan_status status = gan_pass_create(network, &shards, 2, &pass);
    struck = gan_fault_has_struck(GAN_FAULT_ALLOCATION);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
    assert_true((pass == NULL) == struck);
    if (struck) assert_non_null(strstr(gan_error_message(), "out of memory"));
    gan_pass_destroy(pass);
  }
  assert_true(nth > 15);
  gan_shards_release(&shards);
  gan_network_destroy(network);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients_equal_numerical_differentiation),
      cmocka_unit_test(five_uneven_shards_equal_one_to_rounding),
      cmocka_unit_test(shards_without_synchronisation_have_statistics_of_their_own),
      cmocka_unit_test(the_bits_do_not_depend_on_how_shards_lie_on_ranks),
      cmocka_unit_test(each_shards_part_has_its_own_mean_and_unbiased_variance),
      cmocka_unit_test(synchronised_statistics_are_the_same_in_every_shard),
      cmocka_unit_test(rows_of_a_shard_are_its_parts_one_after_the_other),
      cmocka_unit_test(without_slots_there_is_only_the_input_gradient_and_without_asking_only_the_parameters),
      cmocka_unit_test(nothing_below_the_first_layer_with_parameters_is_computed_unasked),
      cmocka_unit_test(inference_does_not_depend_on_the_other_samples),
      cmocka_unit_test(a_layer_that_only_reshapes_takes_no_memory),
      cmocka_unit_test(a_failed_allocation_is_told_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
