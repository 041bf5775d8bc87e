/* What is told of a training that goes wrong, from series of values made up for it; and what is not told. */
#include "train/symptoms.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
  gan_symptoms symptoms;
  int64_t iteration;
  int told;
  char text[GAN_SYMPTOM_TEXT]; /* told last */
} fixture;

static void hear(void *context, const char *text) {
  fixture *test = context;
  test->told++;
  snprintf(test->text, sizeof test->text, "%s", text);
}

static gan_loss_options options = {.real_margin = 1, .fake_margin = 1, .real_label = 1};

static fixture begin(const char *loss) {
  fixture test = {.told = 0};
  gan_symptoms_begin(&test.symptoms, gan_loss_find(loss), &options);
  return test;
}

/* A training that goes well: scores near 0, losses of a critic that is mostly in doubt. */
static gan_iteration healthy(void) {
  return (gan_iteration){.critic_loss = 0.7,
                         .generator_loss = 0.9,
                         .score_real = 0.4,
                         .score_fake = -0.3,
                         .gradient_penalty = NAN,
                         .critic_gradient_norm = 0.5,
                         .generator_gradient_norm = 0.2};
}

static void iterate(fixture *test, int count, gan_iteration values) {
  for (int i = 0; i < count; i++) {
    values.iteration = ++test->iteration;
    gan_symptoms_iteration(&test->symptoms, &values, hear, test);
  }
}

static void evaluate(fixture *test, int64_t iteration, double real, double fake) {
  gan_symptoms_evaluation(&test->symptoms, iteration, real, fake, hear, test);
}

static void a_training_that_goes_well_is_told_nothing(void **state) {
  (void)state;
  for (int i = 0; i < gan_loss_count; i++) {
    fixture test = begin(gan_losses[i].name);
    iterate(&test, 1000, healthy());
    evaluate(&test, 1000, 1, 0.7);
    assert_int_equal(test.told, 0);
  }
}

/* A generator that has learnt: its gradient is small, and so is what is left for the critic to tell. */
static void gradients_that_fall_with_the_gap_are_no_symptom(void **state) {
  (void)state;
  fixture test = begin("wasserstein");
  gan_iteration values = healthy();
  values.score_real = 10, values.generator_gradient_norm = 100;
  for (int i = 0; i < 200; i++) {
    values.score_real *= 0.95, values.generator_gradient_norm *= 0.9;
    iterate(&test, 50, values);
  }
  assert_int_equal(test.told, 0);
}

static void a_critic_that_is_certain_has_won(void **state) {
  (void)state;
  fixture test = begin("modified_minimax");
  gan_iteration values = healthy();
  iterate(&test, 100, values);
  values.critic_loss = 2e-4, values.score_real = 14, values.score_fake = -12.5;
  iterate(&test, 149, values);
  assert_int_equal(test.told, 0);
  iterate(&test, 1, values);
  assert_int_equal(test.told, 1);
  assert_non_null(strstr(test.text,
                         "iteration 250: the critic has won: its loss is 0.0002, and the scores of real and "
                         "generated samples are 14 and -12.5: "));
  assert_non_null(strstr(test.text, "train.n_critic"));
  iterate(&test, 1000, values); /* once */
  assert_int_equal(test.told, 1);
}

/* What penalties add says nothing of how sure the critic is, and a distance may have any value. */
static void certainty_is_judged_without_penalties_and_not_of_distances(void **state) {
  (void)state;
  gan_iteration values = healthy();
  values.critic_loss = 0.5, values.gradient_penalty = 0.4999;
  fixture test = begin("logistic");
  iterate(&test, 500, values);
  assert_int_equal(test.told, 1);
  values.critic_loss = -5, values.gradient_penalty = NAN;
  test = begin("wasserstein");
  iterate(&test, 500, values);
  assert_int_equal(test.told, 0);
}

/* The least that a loss can be is -log of the soft label's entropy, or of flips': here 0.3768 and twice 0.3251. */
static void certainty_is_judged_by_the_least_that_the_loss_can_be(void **state) {
  (void)state;
  gan_iteration values = healthy();
  options.label_smoothing = 0.25;
  fixture test = begin("modified_minimax");
  assert_true(fabs(test.symptoms.lowest_loss - 0.37677) < 1e-3);
  values.critic_loss = 0.3785;
  iterate(&test, 500, values);
  assert_int_equal(test.told, 0);
  values.critic_loss = 0.3772;
  iterate(&test, 500, values);
  assert_int_equal(test.told, 1);
  options.label_smoothing = 0, options.label_flips = 0.1;
  test = begin("logistic");
  assert_true(fabs(test.symptoms.lowest_loss - 0.65017) < 1e-3);
  options.label_flips = 0;
}

/* The slope of log(1 - s(f)) is -s(f): 0.0049 at -5.31, of 0.5 at 0. */
static void a_generators_loss_that_is_flat_is_told(void **state) {
  (void)state;
  gan_iteration values = healthy();
  values.score_fake = -5.2;
  fixture test = begin("minimax");
  iterate(&test, 500, values);
  assert_int_equal(test.told, 0);
  values.score_fake = -5.35;
  iterate(&test, 150, values);
  assert_int_equal(test.told, 1);
  assert_non_null(strstr(test.text,
                         "iteration 650: the critic has won: generated samples have a mean score of -5.35, "
                         "where the loss minimax is flat for the generator: "));
  for (int i = 0; i < gan_loss_count; i++) { /* others are flat nowhere, or where samples are good */
    if (strcmp(gan_losses[i].name, "minimax") == 0) continue;
    test = begin(gan_losses[i].name);
    values.score_fake = -20;
    iterate(&test, 500, values);
    values.score_fake = 20, values.score_real = 21;
    iterate(&test, 500, values);
    assert_int_equal(test.told, 0);
  }
}

static void a_gradient_that_vanishes_while_scores_are_apart_is_told(void **state) {
  (void)state;
  fixture test = begin("minimax");
  gan_iteration values = healthy();
  iterate(&test, 50, values);
  values.score_real = 9, values.score_fake = -5, values.generator_gradient_norm = 1e-4;
  iterate(&test, 149, values);
  assert_int_equal(test.told, 0);
  iterate(&test, 1, values);
  assert_int_equal(test.told, 1);
  assert_non_null(strstr(test.text,
                         "iteration 200: the critic has won: the scores of real and generated samples are 9 "
                         "and -5, and the generator's gradient has a norm of 0.0001, of 0.2 once: "));
}

static void scores_that_explode_are_told_and_those_that_are_large_are_not(void **state) {
  (void)state;
  fixture test = begin("wasserstein");
  gan_iteration values = healthy();
  values.score_real = 1;
  for (int i = 0; i < 20 && !test.told; i++) {
    iterate(&test, 50, values);
    values.score_real *= 3, values.score_fake *= 3;
  }
  assert_int_equal(test.told, 1);
  /* 3^7 is above a thousand times what the first iteration had, 1. */
  assert_non_null(strstr(test.text,
                         "iteration 400: the critic's scores explode: those of real and generated samples are "
                         "2.19e+03 and -656, and were 1 and -0.3 at first: bound"));
  test = begin("wasserstein");
  values.score_real = 1e6; /* data in large units, and a critic that stays where it is */
  for (int i = 0; i < 20; i++) {
    values.score_real *= 1.1;
    iterate(&test, 50, values);
  }
  assert_int_equal(test.told, 0);
}

static void a_gradient_that_jumps_by_orders_of_magnitude_is_told_at_once(void **state) {
  (void)state;
  for (int critic = 0; critic < 2; critic++) {
    fixture test = begin("wasserstein");
    gan_iteration values = healthy();
    values.critic_gradient_norm = values.generator_gradient_norm = 0.5;
    iterate(&test, 7, values);
    *(critic ? &values.critic_gradient_norm : &values.generator_gradient_norm) = 25;
    iterate(&test, 1, values);
    assert_int_equal(test.told, 0);
    *(critic ? &values.critic_gradient_norm : &values.generator_gradient_norm) = 1255;
    iterate(&test, 1, values);
    assert_int_equal(test.told, 1);
    char expected[256];
    snprintf(expected, sizeof expected,
             "iteration 9: the learning rate may be too high: the norm of the %s's gradient jumps to 1.3e+03, of 25 at "
             "most in the iterations before: lower optimizer.learning_rate",
             critic ? "critic" : "generator");
    assert_non_null(strstr(test.text, expected));
    values.critic_gradient_norm = values.generator_gradient_norm = 1e9;
    iterate(&test, 100, values);
    assert_int_equal(test.told, 1);
  }
}

/* As with critic.penalty_every = 16, and as of hinges that are satisfied most of the time. */
static void large_gradients_that_come_now_and_then_are_no_jump(void **state) {
  (void)state;
  fixture test = begin("wasserstein_hinge");
  for (int i = 0; i < 1000; i++) {
    gan_iteration values = healthy();
    values.critic_gradient_norm = i % 16 ? 0.01 : 30;
    values.generator_gradient_norm = i % 40 ? 0 : 3;
    iterate(&test, 1, values);
  }
  assert_int_equal(test.told, 0);
}

/* There is nothing to compare with. */
static void the_first_gradient_after_none_is_no_jump(void **state) {
  (void)state;
  fixture test = begin("wasserstein_hinge");
  gan_iteration values = healthy();
  values.critic_gradient_norm = 0;
  iterate(&test, 200, values);
  values.critic_gradient_norm = 7;
  iterate(&test, 1, values);
  assert_int_equal(test.told, 0);
}

static void samples_that_lose_their_variance_have_collapsed(void **state) {
  (void)state;
  fixture test = begin("wasserstein");
  evaluate(&test, 100, 0.5, 0.25);
  evaluate(&test, 200, 0.5, 0.02);
  assert_int_equal(test.told, 0);
  evaluate(&test, 300, 0.5, 0.004);
  assert_int_equal(test.told, 1);
  assert_non_null(strstr(test.text,
                         "iteration 300: the generator has collapsed: the variance of generated samples is "
                         "0.8 % of the data's: "));
  evaluate(&test, 400, 0.5, 0.004);
  assert_int_equal(test.told, 1);
}

/* At first they hardly vary. */
static void samples_that_do_not_vary_yet_are_told_when_it_lasts(void **state) {
  (void)state;
  fixture test = begin("wasserstein");
  for (int64_t iteration = 100; iteration < 2100; iteration += 100) evaluate(&test, iteration, 1, 0.001);
  assert_int_equal(test.told, 0);
  evaluate(&test, 2100, 1, 0.001);
  assert_int_equal(test.told, 1);
  test = begin("wasserstein");
  evaluate(&test, 1000, 1, 0.001);
  evaluate(&test, 2000, 1, 0.4);
  evaluate(&test, 9000, 0, 0.001); /* nor do the data */
  evaluate(&test, 9000, 1, NAN);
  assert_int_equal(test.told, 0);
}

static void values_that_are_not_finite_tell_nothing(void **state) {
  (void)state;
  fixture test = begin("logistic");
  gan_iteration values = healthy();
  values.critic_loss = values.score_real = values.score_fake = NAN;
  values.critic_gradient_norm = INFINITY, values.generator_gradient_norm = NAN;
  iterate(&test, 1000, values);
  assert_int_equal(test.told, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_training_that_goes_well_is_told_nothing),
      cmocka_unit_test(gradients_that_fall_with_the_gap_are_no_symptom),
      cmocka_unit_test(a_critic_that_is_certain_has_won),
      cmocka_unit_test(certainty_is_judged_without_penalties_and_not_of_distances),
      cmocka_unit_test(certainty_is_judged_by_the_least_that_the_loss_can_be),
      cmocka_unit_test(a_generators_loss_that_is_flat_is_told),
      cmocka_unit_test(a_gradient_that_vanishes_while_scores_are_apart_is_told),
      cmocka_unit_test(scores_that_explode_are_told_and_those_that_are_large_are_not),
      cmocka_unit_test(a_gradient_that_jumps_by_orders_of_magnitude_is_told_at_once),
      cmocka_unit_test(large_gradients_that_come_now_and_then_are_no_jump),
      cmocka_unit_test(the_first_gradient_after_none_is_no_jump),
      cmocka_unit_test(samples_that_lose_their_variance_have_collapsed),
      cmocka_unit_test(samples_that_do_not_vary_yet_are_told_when_it_lasts),
      cmocka_unit_test(values_that_are_not_finite_tell_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
