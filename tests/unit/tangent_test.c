/* Second order: every layer and whole critics against PyTorch in float64 (tests/reference/tangents.py), and against
   numerical differentiation of the first-order pass; the same bits however the shards lie on ranks. */
#include "nn/tangent.h"

#include <math.h>

#include "base/fault.h"
#include "base/shard_groups.h"
#include "nn_ranks.h"
#include "reference/plane_tangents.h"
#include "reference/tangents.h"

#define COUNT(rows) (int)(sizeof rows / sizeof rows[0])
static const struct reference_set {
  const tangent_case *cases;
  int case_count;
  const critic_case *critics;
  int critic_count;
} reference_sets[] = {{tangent_cases, COUNT(tangent_cases), critic_cases, COUNT(critic_cases)},
                      {plane_tangent_cases, COUNT(plane_tangent_cases), plane_critic_cases, COUNT(plane_critic_cases)}};
enum { SET_COUNT = sizeof reference_sets / sizeof reference_sets[0] };

/* A pass that can have tangents. */
static gan_pass *create_pass(const gan_network *network, const gan_shards *shards, int parts) {
  gan_pass *pass = NULL;
  assert_int_equal(gan_pass_create_in(network, shards, parts, GAN_KEEP_ALL, NULL, &pass), GAN_OK);
  return pass;
}

/* A rig whose pass has tangents. What is in the slots is to be overwritten. */
static void start(rig *made, int parts) {
  made->pass = create_pass(made->network, &made->shards, parts);
  rig_connect(made);
  for (int slot = 0; slot < made->shards.slot_count; slot++)
    for (size_t i = 0; i < made->network->parameter_count; i++) made->slots[slot][i] = NAN;
  assert_int_equal(gan_pass_take_tangents(made->pass), GAN_OK);
}

/* It looks at one shard at a time, whatever other layers do. */
static bool can_be_cut(const char *layers) { return strstr(layers, "minibatch_stddev") == NULL; }

/* --- PyTorch --- */

static void check_case(const tangent_case *expected, int shard_count) {
  rig made = rig_create(expected->layers, expected->input_shape, true, shard_count, expected->samples, 1, 0);
  start(&made, expected->parts);
  gan_pass *pass = made.pass;
  const size_t in = (size_t)gan_shape_count(&expected->input_shape), rows = (size_t)pass->rows;
  const size_t out = (size_t)gan_shape_count(&made.network->output);
  const float *gradient = NULL, *tangent_gradient = NULL;
  float *samples = rig_memory(rows * (in > out ? in : out), sizeof *samples);
  assert_int_equal(made.network->parameter_count, expected->parameter_count);
  memcpy(made.parameters, expected->parameters, expected->parameter_count * sizeof(float));

  rig_to_rows(pass, in, expected->input, gan_pass_input(pass));
  rig_to_rows(pass, in, expected->tangent, gan_pass_input_tangent(pass));
  gan_pass_forward(pass);
  gan_pass_tangent(pass);
  rig_from_rows(pass, out, gan_pass_output_tangent(pass), samples);
  assert_near_pytorch(expected->name, "output tangent", rows * out, samples, expected->output_tangent);

  rig_to_rows(pass, out, expected->output_gradient, gan_pass_output_gradient(pass));
  rig_to_rows(pass, out, expected->output_tangent_gradient, gan_pass_output_tangent_gradient(pass));
  gan_pass_tangent_backward(pass, true, &gradient, &tangent_gradient);
  rig_from_rows(pass, in, gradient, samples);
  assert_near_pytorch(expected->name, "input gradient", rows * in, samples, expected->input_gradient);
  rig_from_rows(pass, in, tangent_gradient, samples);
  assert_near_pytorch(expected->name, "input tangent gradient", rows * in, samples, expected->input_tangent_gradient);
  assert_near_pytorch(expected->name, "parameter gradient", expected->parameter_count, made.slots[0],
                      expected->parameter_gradient);
  free(samples);
  rig_release(&made);
}

static void layers_give_the_second_derivatives_of_pytorch(void **state) {
  (void)state;
  for (int set = 0; set < SET_COUNT; set++)
    for (int i = 0; i < reference_sets[set].case_count; i++) check_case(&reference_sets[set].cases[i], 1);
}

static void shards_with_synchronised_statistics_give_those_of_the_whole_batch(void **state) {
  (void)state;
  for (int set = 0; set < SET_COUNT; set++)
    for (int i = 0; i < reference_sets[set].case_count; i++) {
      const tangent_case *expected = &reference_sets[set].cases[i];
      for (int shards = 2; shards <= expected->samples && can_be_cut(expected->layers); shards++)
        check_case(expected, shards);
    }
}

/* u = d penalty / dg of the penalty mean (|g| - 1)^2, over all samples: 2 (|g| - 1) / |g| g / samples. */
static void differentiate_penalty(size_t rows, size_t elements, const float *g, float *u) {
  for (size_t row = 0; row < rows; row++, g += elements, u += elements) {
    const double norm = sqrt(gan_square_sum(elements, g));
    for (size_t i = 0; i < elements; i++) u[i] = (float)(2 * (norm - 1) / norm * (double)g[i] / (double)rows);
  }
}

static void check_critic(const critic_case *expected, int shard_count) {
  rig made = rig_create(expected->layers, expected->input_shape, true, shard_count, expected->samples, 1, 0);
  start(&made, expected->parts);
  gan_pass *pass = made.pass;
  const size_t in = (size_t)gan_shape_count(&expected->input_shape), rows = (size_t)pass->rows;
  float *samples = rig_memory(rows * in, sizeof *samples);
  assert_int_equal(made.network->parameter_count, expected->parameter_count);
  memcpy(made.parameters, expected->parameters, expected->parameter_count * sizeof(float));

  rig_to_rows(pass, in, expected->input, gan_pass_input(pass));
  gan_pass_forward(pass);
  const float *g = gan_pass_score_gradient(pass);
  rig_from_rows(pass, in, g, samples);
  assert_near_pytorch(expected->name, "score gradient", rows * in, samples, expected->score_gradient);
  differentiate_penalty(rows, in, g, gan_pass_input_tangent(pass));
  gan_pass_gradient_product(pass, NULL);
  assert_near_pytorch(expected->name, "penalty gradient", expected->parameter_count, made.slots[0],
                      expected->penalty_gradient);
  free(samples);
  rig_release(&made);
}

static void critics_give_the_penalty_gradients_of_pytorch(void **state) {
  (void)state;
  for (int set = 0; set < SET_COUNT; set++)
    for (int i = 0; i < reference_sets[set].critic_count; i++) {
      const critic_case *expected = &reference_sets[set].critics[i];
      check_critic(expected, 1);
      for (int shards = 2; shards <= expected->samples && can_be_cut(expected->layers); shards++)
        check_critic(expected, shards);
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

static void every_layer_that_has_a_tangent_is_among_the_references(void **state) {
  (void)state;
  for (int i = 0; i < gan_layer_type_count; i++) {
    const gan_layer_type *type = gan_layer_types[i];
    bool found = type->forward && !type->tangent;
    for (int set = 0; set < SET_COUNT; set++)
      for (int j = 0; j < reference_sets[set].case_count; j++)
        found = found || has_layer(reference_sets[set].cases[j].layers, type->name);
    if (!found) fail_msg("%s is not compared with PyTorch", type->name);
  }
}

/* Through backward alone, twice, what bends would be left out: the layer would be taken for one that is straight. */
static void every_curved_layer_has_a_way_back_through_its_tangent(void **state) {
  (void)state;
  int curved = 0;
  for (int i = 0; i < gan_layer_type_count; i++) {
    const gan_layer_type *type = gan_layer_types[i];
    curved += type->curved;
    if (type->curved && type->tangent && !type->tangent_backward)
      fail_msg("%s is curved and has no tangent_backward", type->name);
  }
  assert_true(curved > 0);
}

/* --- Numerical differentiation, which also meets dropout --- */

static const gan_shape image = {.rank = 3, .size = {2, 3, 2}};
static const char dense_critic[] = "flatten, dense 9, tanh, layer_norm, dense 7, silu, dense 5, gelu, dense 1";
/* Behind a batch_norm the scores of a shard would have a constant sum, and g were 0. */
static const char coupled_critic[] =
    "batch_norm, reshape 12, dense 8, batch_norm, sigmoid, dense 6, layer_norm, softplus, batch_norm, tanh, dense 1";
static const char image_critic[] =
    "conv 3 kernel 2 padding 1, batch_norm, tanh, residual, dropout 0.3, conv 4 kernel 3 padding 1, silu, shortcut, "
    "conv 4 kernel 1, end, group_norm 2, upsample 2 bilinear, average_pool 3 stride 2, conv_transpose 3 kernel 3 2, "
    "residual, gelu, residual, end, end, minibatch_stddev 3, instance_norm affine, gelu, dense 1";

static const char plane_critic[] =
    "pad reflect 1, conv 4 kernel 3 2, normalise, residual, tanh, conv 4 kernel 1, scale 0.5, end, blur stride 2, "
    "scale 1, "
    "pixel_shuffle 2, silu, dense 1";

/* Of few samples: rows of the critic's own pass and of the penalty's are put side by side. */
static const char wide_critic[] = "flatten, dense 70, batch_norm, tanh, dense 60, leaky_relu, dense 1";
static const char wide_relu_critic[] = "flatten, dense 70 no_bias, relu, dense 60, leaky_relu, dense 50, relu, dense 1";
static const char wide_image_critic[] =
    "conv 60 kernel 2 1, gelu, conv 60 kernel 2, layer_norm, conv_transpose 40 kernel 2, leaky_relu, dense 1";

/* Fills input and u with numbers of the samples' places in (parts, batch). */
static void fill_batch(gan_pass *pass) {
  const size_t in = (size_t)gan_shape_count(&pass->network->input);
  const size_t count = (size_t)pass->parts * (size_t)pass->shards->batch * in;
  float *numbers = rig_memory(count, sizeof *numbers);
  rig_normal(2, count, numbers);
  rig_to_rows(pass, in, numbers, gan_pass_input(pass));
  rig_normal(3, count, numbers);
  rig_to_rows(pass, in, numbers, gan_pass_input_tangent(pass));
  free(numbers);
}

/* u . g, by the first-order pass alone. */
static double product_of(gan_pass *pass) {
  const size_t count = (size_t)(pass->rows * gan_shape_count(&pass->network->input));
  double product = 0;
  gan_pass_forward(pass);
  const float *g = gan_pass_score_gradient(pass);
  for (size_t i = 0; i < count; i++) product += (double)g[i] * (double)gan_pass_input_tangent(pass)[i];
  return product;
}

/* Fourth-order central difference, with a smaller step than pass_test.c has: derivatives of g grow faster. */
static double derivative(gan_pass *pass, float *variable) {
  const float value = *variable;
  const double step = 0.0078125;
  static const double places[4] = {-2, -1, 1, 2};
  double products[4];
  for (int i = 0; i < 4; i++) {
    *variable = (float)((double)value + places[i] * step);
    products[i] = product_of(pass);
  }
  *variable = value;
  return (products[0] - 8 * products[1] + 8 * products[2] - products[3]) / (12 * step);
}

static void assert_derivatives(const char *layers, gan_pass *pass, size_t count, float *variables,
                               const float *gradient) {
  double largest = 0;
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)gradient[i]));
  assert_true(largest > 0);
  for (size_t i = 0; i < count; i++) {
    const double numerical = derivative(pass, &variables[i]);
    if (!(fabs(numerical - (double)gradient[i]) <= 1e-3 * largest))
      fail_msg("%s: place %zu: %g, numerically %g (largest %g)", layers, i, (double)gradient[i], numerical, largest);
  }
}

static void check_derivatives(const char *layers, int shards, int parts, bool sync) {
  rig made = rig_create(layers, image, sync, shards, 7, 1, 0);
  start(&made, parts);
  gan_pass *pass = made.pass;
  rig_fill_parameters(&made);
  fill_batch(pass);
  const size_t in = (size_t)(pass->rows * gan_shape_count(&image));
  const float *gradient = NULL, *tangent_gradient = NULL;
  float *input_gradient = rig_memory(in, sizeof(float));
  gan_pass_forward(pass);
  gan_pass_tangent(pass);
  memset(gan_pass_output_gradient(pass), 0, (size_t)pass->rows * sizeof(float));
  for (int64_t row = 0; row < pass->rows; row++) gan_pass_output_tangent_gradient(pass)[row] = 1;
  gan_pass_tangent_backward(pass, true, &gradient, &tangent_gradient);
  memcpy(input_gradient, gradient, in * sizeof(float));
  assert_derivatives(layers, pass, made.network->parameter_count, made.parameters, made.slots[0]);
  assert_derivatives(layers, pass, in, gan_pass_input(pass), input_gradient);
  free(input_gradient);
  rig_release(&made);
}

static void gradients_of_the_product_equal_numerical_differentiation(void **state) {
  (void)state;
  check_derivatives(dense_critic, 1, 1, false);
  check_derivatives(dense_critic, 3, 2, false);
  check_derivatives(coupled_critic, 1, 1, false);
  check_derivatives(coupled_critic, 2, 2, false);
  check_derivatives(coupled_critic, 3, 2, true);
  check_derivatives(image_critic, 1, 1, false);
  check_derivatives(image_critic, 2, 2, true);
  check_derivatives(plane_critic, 2, 2, false);
}

/* g is the weight itself, whatever the input. */
static void a_linear_critics_product_is_differentiated_to_the_sum_of_u(void **state) {
  (void)state;
  rig made = rig_create("dense 1", image, false, 3, 7, 1, 0);
  start(&made, 1);
  fill_batch(made.pass);
  rig_fill_parameters(&made);
  gan_pass_forward(made.pass);
  gan_pass_gradient_product(made.pass, NULL);
  for (size_t i = 0; i < 12; i++) {
    double sum = 0;
    for (size_t row = 0; row < 7; row++) sum += (double)gan_pass_input_tangent(made.pass)[row * 12 + i];
    assert_true(fabs((double)made.slots[0][i] - sum) < 1e-5);
  }
  assert_true(made.slots[0][12] == 0);
  rig_release(&made);
}

/* --- Beside an ordinary backward pass --- */

static void fill_joint(const rig *made, gan_pass *penalty) {
  fill_batch(penalty);
  const size_t in = (size_t)gan_shape_count(&made->network->input), samples = 2 * (size_t)made->shards.batch;
  float *numbers = rig_memory(samples * in, sizeof *numbers);
  rig_normal(4, samples * in, numbers);
  rig_to_rows(made->pass, in, numbers, gan_pass_input(made->pass));
  rig_normal(5, samples, numbers);
  rig_to_rows(made->pass, 1, numbers, gan_pass_output_gradient(made->pass));
  free(numbers);
}

/* A step of a critic with a penalty at samples of its own: rig.pass holds two parts, the returned pass one. */
static gan_pass *start_joint(rig *made) {
  gan_pass *penalty = create_pass(made->network, &made->shards, 1);
  rig_start(made, 2);
  assert_int_equal(gan_pass_take_tangents(penalty), GAN_OK);
  penalty->parameters = made->parameters;
  penalty->buffers = made->buffers;
  rig_fill_parameters(made);
  fill_joint(made, penalty);
  return penalty;
}

static void take_joint_step(gan_pass *pass, gan_pass *penalty) {
  gan_pass_forward(pass);
  gan_pass_forward(penalty);
  gan_pass_score_gradient(penalty);
  gan_pass_gradient_product(penalty, pass);
}

typedef struct told {
  int count;
  size_t offsets[64];
} told;

static void note_offset(void *context, size_t offset) {
  told *so_far = context;
  so_far->offsets[so_far->count++] = offset;
}

static void check_joint(const char *layers, bool sync) {
  rig made = rig_create(layers, image, sync, 3, 10, 1, 0);
  gan_pass *penalty = start_joint(&made);
  const size_t count = made.network->parameter_count;
  float *ordinary = rig_memory(count, sizeof(float)), *scores = rig_memory(20, sizeof(float));
  float *product = rig_memory(count, sizeof(float));
  told alone = {0}, jointly = {0};
  memcpy(scores, gan_pass_output_gradient(made.pass), 20 * sizeof(float));

  gan_pass_forward(made.pass);
  made.pass->listener = (gan_pass_listener){note_offset, &alone};
  gan_pass_backward(made.pass, false);
  memcpy(ordinary, made.slots[0], count * sizeof(float));
  gan_pass_forward(penalty);
  penalty->slots = made.slots;
  gan_pass_gradient_product(penalty, NULL);
  memcpy(product, made.slots[0], count * sizeof(float));

  memcpy(gan_pass_output_gradient(made.pass), scores, 20 * sizeof(float));
  penalty->slots = NULL;
  made.pass->listener.context = &jointly;
  take_joint_step(made.pass, penalty);
  double largest = 0;
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)ordinary[i]) + fabs((double)product[i]));
  for (size_t i = 0; i < count; i++)
    assert_true(fabs((double)made.slots[0][i] - (double)ordinary[i] - (double)product[i]) <= 1e-6 * largest);
  assert_memory_equal(&alone, &jointly, sizeof alone);
  assert_true(alone.count > 0 && alone.offsets[alone.count - 1] == 0);

  /* The next ordinary pass is one again. */
  memcpy(gan_pass_output_gradient(made.pass), scores, 20 * sizeof(float));
  gan_pass_forward(made.pass);
  gan_pass_backward(made.pass, false);
  assert_memory_equal(made.slots[0], ordinary, count * sizeof(float));
  free(ordinary);
  free(product);
  free(scores);
  gan_pass_destroy(penalty);
  rig_release(&made);
}

static void a_joint_backward_pass_gives_the_sum_of_both_gradients(void **state) {
  (void)state;
  check_joint(dense_critic, false);
  check_joint(coupled_critic, false);
  check_joint(coupled_critic, true);
  check_joint(image_critic, true);
  check_joint(plane_critic, true);
  check_joint(wide_critic, true);
  check_joint(wide_relu_critic, true);
  check_joint(wide_image_critic, true);
}

/* --- Ranks --- */

static void *run_rank(void *context) {
  const simulated_rank *self = context;
  gan_pass **penalties = self->all->context;
  penalties[self->rank]->shard_sum = self->all->rigs[self->rank].pass->shard_sum;
  take_joint_step(self->all->rigs[self->rank].pass, penalties[self->rank]);
  return NULL;
}

/* Gradient (parameters) of the whole batch. */
static float *run_joint_step(const char *layers, bool sync, int shards, int64_t batch, int ranks) {
  simulation all = {.ranks = ranks};
  gan_pass *penalties[SIMULATED_RANKS];
  for (int rank = 0; rank < ranks; rank++) {
    all.rigs[rank] = rig_create(layers, image, sync, shards, batch, ranks, rank);
    penalties[rank] = start_joint(&all.rigs[rank]);
  }
  all.context = penalties;
  simulation_run(&all, run_rank);
  const size_t count = all.rigs[0].network->parameter_count;
  float *gradient = rig_memory(count, sizeof *gradient);
  for (size_t i = 0; i < count; i++) gradient[i] = simulation_sum(&all, i, 0, shards);
  for (int rank = 0; rank < ranks; rank++) {
    gan_pass_destroy(penalties[rank]);
    rig_release(&all.rigs[rank]);
  }
  return gradient;
}

static void the_bits_do_not_depend_on_how_shards_lie_on_ranks(void **state) {
  (void)state;
  static const char wide[] = "flatten, dense 70, batch_norm, leaky_relu 0.2, dense 45, layer_norm, elu, dense 1";
  const struct {
    const char *layers;
    bool sync;
    int shards;
    int64_t batch;
    size_t parameters;
  } rows[] = {{wide_critic, true, 5, 13, 0},   {wide_relu_critic, true, 5, 13, 0}, {wide_image_critic, true, 5, 13, 0},
              {dense_critic, false, 5, 13, 0}, {coupled_critic, false, 5, 13, 0},  {coupled_critic, true, 7, 29, 0},
              {image_critic, true, 5, 23, 0},  {image_critic, false, 8, 40, 0},    {wide, true, 6, 101, 0},
              {plane_critic, false, 5, 23, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    gan_network *network = rig_network(rows[i].layers, image, rows[i].sync);
    float *one = run_joint_step(rows[i].layers, rows[i].sync, rows[i].shards, rows[i].batch, 1);
    for (int ranks = 2; ranks <= SIMULATED_RANKS; ranks++) {
      float *many = run_joint_step(rows[i].layers, rows[i].sync, rows[i].shards, rows[i].batch, ranks);
      if (memcmp(one, many, network->parameter_count * sizeof *one) != 0)
        fail_msg("%s: gradients differ at %d ranks", rows[i].layers, ranks);
      free(many);
    }
    free(one);
    gan_network_destroy(network);
  }
}

/* --- Groups of a rank's shards --- */

/* What a step that calls `step` leaves of a rank's forest, in groups; with room for the largest group only. Owned by
   the caller. */
static float *run_groups(const char *layers, int ranks, int rank, int wanted, void (*step)(gan_pass *, gan_pass *)) {
  rig made = rig_create(layers, image, false, 13, 33, ranks, rank);
  const gan_shards shards = made.shards;
  gan_shard_groups groups;
  assert_int_equal(gan_shard_groups_plan(&shards, wanted, &groups), GAN_OK);
  made.shards = groups.largest;
  gan_pass *penalty = start_joint(&made);
  for (int i = 0; i < groups.count; i++) {
    gan_pass_set_shards(made.pass, &groups.group[i]);
    gan_pass_set_shards(penalty, &groups.group[i]);
    fill_joint(&made, penalty);
    step(made.pass, penalty);
  }
  const size_t count = made.network->parameter_count;
  float *forest = rig_memory((size_t)shards.node_count * count, sizeof *forest);
  for (int i = 0; i < shards.node_count; i++) memcpy(forest + (size_t)i * count, made.slots[i], count * sizeof *forest);
  made.shards = shards;
  gan_shard_groups_release(&groups);
  gan_pass_destroy(penalty);
  rig_release(&made);
  return forest;
}

static void take_penalty_step(gan_pass *pass, gan_pass *penalty) {
  penalty->slots = pass->slots;
  gan_pass_forward(penalty);
  gan_pass_gradient_product(penalty, NULL);
}

static void take_ordinary_step(gan_pass *pass, gan_pass *penalty) {
  (void)penalty;
  gan_pass_forward(pass);
  gan_pass_backward(pass, false);
}

static void check_groups(const char *layers, void (*step)(gan_pass *, gan_pass *)) {
  gan_network *network = rig_network(layers, image, false);
  for (int ranks = 1; ranks <= 3; ranks++)
    for (int rank = 0; rank < ranks; rank++) {
      gan_shards shards;
      assert_int_equal(gan_shards_plan(13, 33, ranks, rank, &shards), GAN_OK);
      float *whole = run_groups(layers, ranks, rank, 1, step);
      for (int wanted = 2; wanted <= shards.local; wanted++) {
        float *grouped = run_groups(layers, ranks, rank, wanted, step);
        if (memcmp(whole, grouped, (size_t)shards.node_count * network->parameter_count * sizeof *whole) != 0)
          fail_msg("%s: other bits in %d groups on rank %d of %d", layers, wanted, rank, ranks);
        free(grouped);
      }
      free(whole);
      gan_shards_release(&shards);
    }
  gan_network_destroy(network);
}

static void groups_of_shards_give_the_bits_of_all_at_once(void **state) {
  (void)state;
  static const char *const critics[] = {dense_critic, coupled_critic, image_critic};
  for (size_t i = 0; i < sizeof critics / sizeof *critics; i++) {
    check_groups(critics[i], take_ordinary_step);
    check_groups(critics[i], take_joint_step);
    check_groups(critics[i], take_penalty_step);
  }
}

/* --- Memory --- */

static void tangents_take_memory_only_when_asked_for(void **state) {
  (void)state;
  rig made = rig_create(image_critic, image, false, 2, 8, 1, 0);
  made.pass = create_pass(made.network, &made.shards, 1);
  const size_t without = gan_pass_bytes(made.pass);
  assert_int_equal(gan_pass_take_tangents(made.pass), GAN_OK);
  assert_true(gan_pass_bytes(made.pass) > without + 8 * 12 * sizeof(float));
  assert_true(gan_pass_bytes(made.pass) < 3 * without);
  rig_release(&made);
}

static void tangents_take_the_memory_that_was_foretold(void **state) {
  (void)state;
  static const char *const networks[] = {dense_critic, coupled_critic, image_critic};
  for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
    for (int parts = 1; parts <= 3; parts++) {
      rig made = rig_create(networks[i], image, true, 3, 10, 1, 0);
      made.pass = create_pass(made.network, &made.shards, parts);
      const size_t without = gan_pass_bytes(made.pass);
      assert_int_equal(gan_pass_take_tangents(made.pass), GAN_OK);
      assert_int_equal(gan_pass_bytes(made.pass) - without,
                       gan_pass_measure_tangents(made.network, &made.shards, parts));
      rig_release(&made);
    }
}

static void a_layer_without_a_tangent_is_refused_by_name(void **state) {
  (void)state;
  rig made = rig_create("relu, embedding 4 3, dense 1", image, false, 1, 2, 1, 0);
  made.pass = create_pass(made.network, &made.shards, 1);
  assert_int_equal(gan_pass_take_tangents(made.pass), GAN_BAD_USAGE);
  assert_non_null(strstr(gan_error_message(), "layer 2 (\"embedding\")"));
  rig_release(&made);
}

static void a_failed_allocation_is_told_and_leaks_nothing(void **state) {
  (void)state;
  gan_network *network = rig_network(coupled_critic, image, true);
  gan_shards shards;
  assert_int_equal(gan_shards_plan(5, 13, 1, 0, &shards), GAN_OK);
  int64_t nth = 1;
  for (bool struck = true; struck; nth++) {
    gan_pass *pass = create_pass(network, &shards, 2);
    gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    const gan_status status = gan_pass_take_tangents(pass);
    struck = gan_fault_has_struck(GAN_FAULT_ALLOCATION);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
    if (struck) assert_non_null(strstr(gan_error_message(), "out of memory"));
    gan_pass_destroy(pass);
  }
  assert_true(nth > 15);
  gan_shards_release(&shards);
  gan_network_destroy(network);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layers_give_the_second_derivatives_of_pytorch),
      cmocka_unit_test(shards_with_synchronised_statistics_give_those_of_the_whole_batch),
      cmocka_unit_test(critics_give_the_penalty_gradients_of_pytorch),
      cmocka_unit_test(every_layer_that_has_a_tangent_is_among_the_references),
      cmocka_unit_test(every_curved_layer_has_a_way_back_through_its_tangent),
      cmocka_unit_test(gradients_of_the_product_equal_numerical_differentiation),
      cmocka_unit_test(a_linear_critics_product_is_differentiated_to_the_sum_of_u),
      cmocka_unit_test(a_joint_backward_pass_gives_the_sum_of_both_gradients),
      cmocka_unit_test(the_bits_do_not_depend_on_how_shards_lie_on_ranks),
      cmocka_unit_test(groups_of_shards_give_the_bits_of_all_at_once),
      cmocka_unit_test(tangents_take_memory_only_when_asked_for),
      cmocka_unit_test(tangents_take_the_memory_that_was_foretold),
      cmocka_unit_test(a_layer_without_a_tangent_is_refused_by_name),
      cmocka_unit_test(a_failed_allocation_is_told_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
