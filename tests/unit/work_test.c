/* The number of floating-point operations of an iteration, against products counted by hand. */
#include "train/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static gan_network *create(const char *layers, int64_t inputs) {
  const gan_shape shape = {.rank = 1, .size = {inputs}};
  const gan_network_options options = {.backend = gan_backends[0]};
  gan_network *network = NULL;
  assert_int_equal(gan_network_create(layers, &shape, &options, &network), GAN_OK);
  return network;
}

static void check_kind(const char *generator_layers, const char *critic_layers, gan_iteration_kind kind,
                       double multiplications) {
  gan_network *generator = create(generator_layers, 3), *critic = create(critic_layers, 5);
  assert_true(gan_iteration_flops(generator, critic, &kind) == 2 * multiplications);
  gan_network_destroy(generator);
  gan_network_destroy(critic);
}

static void check(const char *generator_layers, const char *critic_layers, int64_t batch, int64_t critic_steps,
                  int64_t generator_steps, double multiplications) {
  const gan_iteration_kind kind = {.batch = batch, .critic_steps = critic_steps, .generator_steps = generator_steps};
  check_kind(generator_layers, critic_layers, kind, multiplications);
}

/* Generator 3-4-5: products of 12 and 20 multiply-adds a sample; critic 5-6-1: 30 and 6.
   Critic step: generator 32; then two samples: forward 36, weights 36, input of the second layer 6.
   Generator step: forward 32 and 36; back through the critic's inputs 36; weights 32, input of the second layer 20. */
static void an_iteration_counts_every_product_once(void **state) {
  (void)state;
  check("dense 4, relu, dense 5", "dense 6, relu, dense 1", 1, 1, 1,
        (32 + 2 * (36 + 36 + 6)) + (32 + 36 + 36 + 32 + 20));
}

static void critic_steps_and_batch_multiply(void **state) {
  (void)state;
  check("dense 4, relu, dense 5", "dense 6, relu, dense 1", 7, 5, 1, 7 * (5.0 * (32 + 2 * (36 + 36 + 6)) + (156)));
}

static void generator_steps_multiply(void **state) {
  (void)state;
  check("dense 4, relu, dense 5", "dense 6, relu, dense 1", 7, 1, 3, 7 * ((32 + 2 * (36 + 36 + 6)) + 3.0 * 156));
}

/* With one layer each there is no inner input gradient: 15 and 5 multiply-adds. A layer without products in front of
   the first one with parameters changes nothing. */
static void the_first_layers_input_gradient_is_not_made(void **state) {
  (void)state;
  const double expected = (15 + 2 * (5 + 5)) + (15 + 5 + 5 + 15);
  check("dense 5", "dense 1", 1, 1, 1, expected);
  check("dense 5", "tanh, dense 1", 1, 1, 1, expected);
}

/* As above, with what penalties add for each of their samples. Critic 5-6-1 of pieces of lines: forward, back to the
   sample, tangent, and gradients of 36 weights from tangents. With tanh between the layers also the gradient of values
   below it: to the first layer's 30 weights, and nothing to the sample. With another layer below it, to that layer's
   weights and input, too. */
static void penalties_cost_what_their_passes_do(void **state) {
  (void)state;
  const char *generator = "dense 4, relu, dense 5";
  const double plain = (32 + 2 * (36 + 36 + 6)) + 156;
  const gan_iteration_kind one = {.batch = 1, .critic_steps = 1, .generator_steps = 1, .penalties = 1};
  check_kind(generator, "dense 6, relu, dense 1", one, plain + 4 * 36);
  check_kind(generator, "dense 6, tanh, dense 1", one, plain + 4 * 36 + 30);
  check_kind(generator, "dense 6, relu, dense 1, tanh", one, plain + 4 * 36 + 30 + 2 * 6);
  /* Two sites in every fourth of 8 steps, with a batch of 7. */
  const gan_iteration_kind lazy = {.batch = 7, .critic_steps = 8, .generator_steps = 1, .penalties = 2 / 4.0};
  check_kind(generator, "dense 6, relu, dense 1", lazy, 7 * (8 * (32 + 2 * (36 + 36 + 6) + 0.5 * 4 * 36) + 156));
}

/* Forward 36 and back to the critic's input 36 once more. */
static void real_samples_in_the_generators_step_are_counted(void **state) {
  (void)state;
  const gan_iteration_kind kind = {.batch = 1, .critic_steps = 1, .generator_steps = 1, .generator_sees_real = true};
  check_kind("dense 4, relu, dense 5", "dense 6, relu, dense 1", kind, (32 + 2 * (36 + 36 + 6)) + 156 + 36 + 36);
}

/* Three quarters of the samples: in the critic's step real and generated ones, in the generator's those alone. */
static void samples_that_are_looked_at_twice_are_counted_twice(void **state) {
  (void)state;
  const gan_iteration_kind kind = {.batch = 8,
                                   .critic_steps = 1,
                                   .generator_steps = 1,
                                   .critic_again = 0.75,
                                   .generated_again = 0.75,
                                   .generator_again = 0.75};
  check_kind("dense 4, relu, dense 5", "dense 6, relu, dense 1", kind,
             8 * ((32 + 2 * (36 + 36 + 6)) + 156) + 6 * (32 + 2 * 36) + 6 * (32 + 36));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_iteration_counts_every_product_once),
      cmocka_unit_test(critic_steps_and_batch_multiply),
      cmocka_unit_test(generator_steps_multiply),
      cmocka_unit_test(penalties_cost_what_their_passes_do),
      cmocka_unit_test(real_samples_in_the_generators_step_are_counted),
      cmocka_unit_test(samples_that_are_looked_at_twice_are_counted_twice),
      cmocka_unit_test(the_first_layers_input_gradient_is_not_made),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
