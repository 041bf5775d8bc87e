/* The plan of a pass's memory: what layers say that they read is true, sharing memory changes no bit, and the sizes are
   what is taken. */
#include "nn/plan.h"

#include <math.h>

#include "nn_support.h"
#include "train/memory.h"

static const gan_shape image = {.rank = 3, .size = {2, 4, 6}}, volume = {.rank = 4, .size = {2, 3, 4, 4}};

/* Every kind of layer, each with everything that it can have beside it. */
static const struct {
  const char *layers;
  const gan_shape *input;
  int index_count; /* inputs are indices below it, for an embedding; 0: any numbers */
} networks[] = {
    {"conv 4 kernel 3 padding 1, batch_norm, relu, conv_transpose 3 kernel 2 stride 2, tanh, dense 5, sigmoid, dense 1",
     &image, 0},
    {"relu, leaky_relu, residual, tanh, conv 2 kernel 1, end, leaky_relu, residual, end, dense 2, relu", &image, 0},
    {"leaky_relu -0.3, conv 3 kernel 1, leaky_relu -0.3, leaky_relu 0, dense 4, leaky_relu 0, dense 1", &image, 0},
    {"residual, elu, residual, conv 2 kernel 3 padding 1, gelu, end, shortcut, silu, conv 2 kernel 1, end, dense 3",
     &image, 0},
    {"residual, upsample 2, conv 4 kernel 3 padding 1, relu, shortcut, upsample 2, conv 4 kernel 1, end, softplus, "
     "max_pool 2, dropout 0.4, group_norm 2, relu, global_average_pool, layer_norm, dense 2",
     &image, 0},
    {"dropout 0.2, tanh, average_pool 2, instance_norm, reshape 2 6, flatten, dense 8, batch_norm, reshape 8 1, relu, "
     "minibatch_stddev, dense 1",
     &image, 0},
    {"flatten, reshape 12 2 2, residual, residual, residual, relu, end, end, shortcut, tanh, end, relu", &image, 0},
    {"conv 3 kernel 3 padding 1, batch_norm, leaky_relu, conv_transpose 4 kernel 2 stride 2, relu, max_pool 2, "
     "residual, upsample 2, average_pool 2, group_norm 2, silu, end, minibatch_stddev, instance_norm, dense 2",
     &volume, 0},
    /* Indices that are an activation, read by the embedding only, and features that are written over. */
    {"max_pool 2, embedding 7 3, relu, conv 4 kernel 2, tanh, dense 1", &image, 7},
    {"embedding 5 4, residual, elu, end, flatten, dense 3", &image, 5},
    /* Branches that are the input, write over theirs, begin alike, or hold blocks. */
    {"relu, concatenate, relu, with, with, leaky_relu, conv 2 kernel 1, relu, with, tanh, end, rescale 2 shift -1, "
     "conv 3 "
     "kernel 3 padding 1, tanh, concatenate, concatenate, elu, with, end, relu, with, residual, relu, shortcut, end, "
     "end, "
     "resize 3 5, relu, dense 2",
     &image, 0},
    {"concatenate, conv 4 kernel 3 padding 1, batch_norm, relu, with, conv 2 kernel 1, relu, concatenate, conv 2 "
     "kernel 1 3 "
     "padding 0 1, relu, with, conv 2 kernel 3 1 padding 1 0, relu, end, with, average_pool 3 stride 1 padding 1 "
     "exclude_padding, conv 2 kernel 1, relu, with, max_pool 3 stride 1 padding 1, end, global_average_pool, dense 1",
     &image, 0},
    /* Where what is read is the input, the output or neither, behind and before what writes over its own. */
    {"relu, pad reflect 1, leaky_relu, blur stride 2, tanh, scale 0.5, normalise, relu, normalise, scale 2, "
     "pixel_unshuffle 1 "
     "2, residual, normalise, conv 4 kernel 1, relu, scale -1, end, pixel_shuffle 2, leaky_relu, scale 1, dense 2",
     &image, 0},
    {"tanh, blur reflect, normalise, tanh, pad circular 1 0 2, scale 3, sigmoid, pixel_unshuffle 1 1 2, dense 3",
     &volume, 0},
    /* Queries and keys, which views of the block's input stand between. */
    {"attention key 1 pool 1, relu, conv 4 kernel 1, relu, residual, attention key 2, relu, end, tanh, dense 1", &image,
     0},
};
enum { NETWORKS = sizeof networks / sizeof networks[0] };

static void start(int number, gan_keep keep, int parts, rig *made) {
  *made = rig_create(networks[number].layers, *networks[number].input, false, 3, 8, 1, 0);
  const gan_random_address address = {.seed = 3, .stream = GAN_STREAM_INITIALISE_CRITIC};
  assert_int_equal(gan_pass_create_in(made->network, &made->shards, parts, keep, NULL, &made->pass), GAN_OK);
  gan_network_initialise(made->network, gan_initialisation_find("he_normal"), 0, address, made->parameters,
                         made->buffers);
  /* What begins as 0 would hide what it multiplies. */
  for (size_t i = 0; i < made->network->parameter_count; i++)
    if (made->parameters[i] == 0) made->parameters[i] = 0.5f;
  rig_connect(made);
}

static size_t elements(const gan_pass *pass, const gan_shape *shape) {
  return (size_t)pass->rows * (size_t)gan_shape_count(shape);
}

static void fill_input(int number, gan_pass *pass) {
  const size_t count = elements(pass, &pass->network->input);
  float *input = gan_pass_input(pass);
  rig_normal(5, count, input);
  for (size_t i = 0; i < count && networks[number].index_count > 0; i++)
    input[i] = floorf(fabsf(fmodf(7 * input[i], (float)networks[number].index_count)));
}

static void fill(int number, gan_pass *pass) {
  fill_input(number, pass);
  rig_normal(6, elements(pass, &pass->network->output), gan_pass_output_gradient(pass));
}

/* Forward, and back to the input; what came out is compared. */
static void assert_same_bits(int number, rig *a, rig *b) {
  const char *what = networks[number].layers;
  fill(number, a->pass);
  fill(number, b->pass);
  gan_pass_forward(a->pass);
  gan_pass_forward(b->pass);
  assert_int_equal(gan_pass_check(a->pass), GAN_OK);
  const size_t out = elements(a->pass, &a->network->output) * sizeof(float);
  const size_t in = elements(a->pass, &a->network->input) * sizeof(float);
  if (memcmp(gan_pass_output(a->pass), gan_pass_output(b->pass), out) != 0) fail_msg("outputs differ: %s", what);
  if (memcmp(gan_pass_backward(a->pass, true), gan_pass_backward(b->pass, true), in) != 0)
    fail_msg("input gradients differ: %s", what);
  if (memcmp(gan_pass_output(a->pass), gan_pass_output(b->pass), out) != 0)
    fail_msg("the output does not outlast the backward pass: %s", what);
  for (int i = 0; i < a->shards.node_count; i++)
    if (memcmp(a->slots[i], b->slots[i], a->network->parameter_count * sizeof(float)) != 0)
      fail_msg("parameter gradients differ: %s", what);
}

static void sharing_memory_changes_no_bit(void **state) {
  (void)state;
  for (int i = 0; i < NETWORKS; i++) {
    rig planned, apart;
    start(i, GAN_KEEP_FOR_BACKWARD, 2, &planned);
    start(i, GAN_KEEP_ALL, 2, &apart);
    assert_true(planned.pass->plans[1]->floats < apart.pass->plans[1]->floats);
    for (int parts = 2; parts >= 1; parts--) {
      gan_pass_set_parts(planned.pass, parts);
      gan_pass_set_parts(apart.pass, parts);
      assert_same_bits(i, &planned, &apart);
    }
    rig_release(&planned);
    rig_release(&apart);
  }
}

static void a_pass_that_keeps_nothing_gives_the_same_output(void **state) {
  (void)state;
  for (int i = 0; i < NETWORKS; i++) {
    rig made, apart;
    start(i, GAN_KEEP_NOTHING, 1, &made);
    start(i, GAN_KEEP_ALL, 1, &apart);
    made.pass->training = apart.pass->training = false;
    fill_input(i, made.pass);
    fill_input(i, apart.pass);
    gan_pass_forward(made.pass);
    gan_pass_forward(apart.pass);
    assert_memory_equal(gan_pass_output(made.pass), gan_pass_output(apart.pass),
                        elements(made.pass, &made.network->output) * sizeof(float));
    rig_release(&made);
    rig_release(&apart);
  }
}

static void spoil(float *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = NAN;
}

/* With nothing sharing memory, spoils after the forward pass all activations that no backward step says it reads. */
static void backward_steps_read_no_more_than_their_layers_say(void **state) {
  (void)state;
  int spoilt = 0;
  for (int n = 0; n < NETWORKS; n++) {
    rig made;
    start(n, GAN_KEEP_ALL, 1, &made);
    gan_pass *pass = made.pass;
    const gan_network *network = made.network;
    const size_t in = elements(pass, &network->input) * sizeof(float);
    const size_t parameters = network->parameter_count * sizeof(float);
    float *gradient = rig_memory(in, 1), *parameter_gradient = rig_memory(parameters, 1);
    fill(n, pass);
    gan_pass_forward(pass);
    memcpy(gradient, gan_pass_backward(pass, true), in);
    memcpy(parameter_gradient, made.slots[0], parameters);
    gan_pass_forward(pass);
    for (int k = 0; k <= network->layer_count; k++) {
      bool read = false;
      for (int i = 0; i < network->layer_count; i++) {
        const gan_backward_reads reads = network->layers[i].backward_reads;
        if (!network->layers[i].type->backward) continue;
        if (pass->activations[i] == pass->activations[k] && reads != GAN_READS_OUTPUT && reads != GAN_READS_NEITHER)
          read = true;
        if (pass->activations[i + 1] == pass->activations[k] && reads != GAN_READS_INPUT && reads != GAN_READS_NEITHER)
          read = true;
      }
      if (read) continue;
      spoil(pass->activations[k], elements(pass, k > 0 ? &network->layers[k - 1].output : &network->input));
      spoilt++;
    }
    if (memcmp(gan_pass_backward(pass, true), gradient, in) != 0 ||
        memcmp(made.slots[0], parameter_gradient, parameters) != 0)
      fail_msg("it reads more: %s", networks[n].layers);
    free(gradient);
    free(parameter_gradient);
    rig_release(&made);
  }
  assert_true(spoilt > 20);
}

static void every_kind_of_layer_is_in_these_networks(void **state) {
  (void)state;
  for (int type = 0; type < gan_layer_type_count; type++) {
    bool found = false;
    for (int n = 0; n < NETWORKS; n++) {
      gan_network *network = rig_network(networks[n].layers, *networks[n].input, false);
      /* By name: "end" stands for one row or another. */
      for (int i = 0; i < network->layer_count; i++)
        found = found || strcmp(network->layers[i].type->name, gan_layer_types[type]->name) == 0;
      gan_network_destroy(network);
    }
    if (!found) fail_msg("%s is not tried", gan_layer_types[type]->name);
  }
}

static size_t planned_floats(const char *description, gan_keep keep) {
  gan_network *network = rig_network(description, (gan_shape){.rank = 1, .size = {100}}, false);
  gan_plan *plan = NULL;
  assert_int_equal(gan_plan_create(network, 16, 1, keep, &plan), GAN_OK);
  const size_t floats = plan->floats;
  gan_plan_destroy(plan);
  gan_network_destroy(network);
  return floats;
}

/* Counted by hand, for 16 rows. */
static void places_are_given_again_when_a_value_has_been_read(void **state) {
  (void)state;
  /* The input is elsewhere. One output and its gradient at a time; relu works where its input was. */
  assert_int_equal(planned_floats("dense 100, relu", GAN_KEEP_FOR_BACKWARD), 16 * (100 + 100 + 100));
  assert_int_equal(planned_floats("dense 100, relu", GAN_KEEP_ALL), 16 * 5 * 100);
  /* Forward only: two neighbours at a time. */
  assert_int_equal(planned_floats("dense 30, relu, dense 20, relu, dense 10, relu", GAN_KEEP_NOTHING), 16 * (30 + 20));
  /* elu needs what came before it, so it keeps both. */
  assert_int_equal(planned_floats("dense 50, elu, dense 10", GAN_KEEP_FOR_BACKWARD), 16 * (50 + 50 + 10 + 10 + 50));
}

static void a_pass_takes_what_was_measured_without_it(void **state) {
  (void)state;
  for (int i = 0; i < NETWORKS; i++)
    for (int parts = 1; parts <= 2; parts++) {
      rig made;
      gan_pass_sizes sizes;
      start(i, GAN_KEEP_FOR_BACKWARD, parts, &made);
      assert_int_equal(gan_pass_measure(made.network, &made.shards, parts, GAN_KEEP_FOR_BACKWARD, &sizes), GAN_OK);
      assert_int_equal(sizes.bytes, gan_pass_bytes(made.pass));
      rig_release(&made);
    }
}

/* `sees_real`: the critic has real samples in a generator's step, too. */
static void check_block(bool sees_real) {
  const gan_shape latent = {.rank = 1, .size = {10}}, data = {.rank = 1, .size = {48}};
  gan_model model = {.generator = rig_network("dense 64, relu, dense 48, tanh", latent, false),
                     .critic = rig_network("dense 32, relu, dense 1", data, false)};
  gan_shards shards;
  gan_passes_memory plan;
  gan_pass_memory generator, critic;
  assert_int_equal(gan_shards_plan(2, 8, 1, 0, &shards), GAN_OK);
  assert_int_equal(gan_passes_plan(&model, &shards, 1, sees_real, 0, &plan), GAN_OK);
  float *values = rig_memory(plan.values, sizeof *values), *workspace = rig_memory(plan.workspace, sizeof *values);
  gan_passes_place(&plan, values, workspace, &generator, &critic);
  /* In a generator's step both are alive, and one after the other; in a critic's the critic has everything. */
  assert_true(generator.values[0] + plan.generator.values[0] <= critic.values[sees_real ? 1 : 0]);
  assert_true(critic.values[0] + plan.critic.values[0] <= values + plan.values);
  assert_true(critic.values[1] + plan.critic.values[1] <= values + plan.values);
  assert_true(sees_real || plan.values < plan.generator.values[0] + plan.critic.values[1]);
  free(values);
  free(workspace);
  gan_shards_release(&shards);
  gan_model_release(&model);
}

static void both_networks_find_room_in_one_block(void **state) {
  (void)state;
  check_block(false);
  check_block(true);
}

/* A sample takes 512 + 784 floats at the pass's widest moment, and 2^20 may be taken. */
static void samples_of_several_steps_are_made_together_where_they_are_few(void **state) {
  (void)state;
  static const struct {
    int64_t batch, critic_steps;
    int shards, expected;
  } rows[] = {{64, 1, 1, 1}, {64, 5, 1, 5}, {64, 100, 1, 8}, {256, 5, 1, 3}, {2048, 5, 8, 3}, {1024, 5, 1, 1}};
  const gan_shape latent = {.rank = 1, .size = {10}}, data = {.rank = 1, .size = {784}};
  gan_model model = {.generator = rig_network("dense 512, relu, dense 784, tanh", latent, false),
                     .critic = rig_network("dense 1", data, false)};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (int ranks = 1; ranks <= rows[i].shards; ranks *= 2) {
      gan_shards shards;
      gan_passes_memory plan;
      assert_int_equal(gan_shards_plan(rows[i].shards, rows[i].batch, ranks, ranks - 1, &shards), GAN_OK);
      assert_int_equal(gan_passes_plan(&model, &shards, rows[i].critic_steps, false, 0, &plan), GAN_OK);
      assert_int_equal(plan.steps_ahead, rows[i].expected);
      assert_int_equal(plan.ahead.bytes > 0, plan.steps_ahead > 1);
      gan_shards_release(&shards);
    }
  gan_model_release(&model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sharing_memory_changes_no_bit),
      cmocka_unit_test(a_pass_that_keeps_nothing_gives_the_same_output),
      cmocka_unit_test(backward_steps_read_no_more_than_their_layers_say),
      cmocka_unit_test(every_kind_of_layer_is_in_these_networks),
      cmocka_unit_test(places_are_given_again_when_a_value_has_been_read),
      cmocka_unit_test(a_pass_takes_what_was_measured_without_it),
      cmocka_unit_test(both_networks_find_room_in_one_block),
      cmocka_unit_test(samples_of_several_steps_are_made_together_where_they_are_few),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
