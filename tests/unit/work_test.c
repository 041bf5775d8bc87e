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

static void check(const char *generator_layers, const char *critic_layers, int64_t batch, int64_t critic_steps,
                  int64_t generator_steps, double multiplications) {
  gan_network *generator = create(generator_layers, 3), *critic = create(critic_layers, 5);
  assert_true(gan_iteration_flops(generator, critic, batch, critic_steps, generator_steps) == 2 * multiplications);
  gan_network_destroy(generator);
  gan_network_destroy(critic);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_iteration_counts_every_product_once),
      cmocka_unit_test(critic_steps_and_batch_multiply),
      cmocka_unit_test(generator_steps_multiply),
      cmocka_unit_test(the_first_layers_input_gradient_is_not_made),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
