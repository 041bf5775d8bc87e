/* Optimisers against torch.optim in float64, and schedules against their closed forms. */
#include "optim/optimizer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "reference/optimizers.h"

static void assert_within(double value, double expected, double tolerance) {
  if (!(fabs(value - expected) <= tolerance)) fail_msg("%.9g instead of %.9g", value, expected);
}

static void assert_near(double value, double expected) {
  assert_within(value, expected, 1e-5 * fabs(expected) + 1e-12);
}

/* A parameter carries the rounding of each value it had on its way, and those were of size 1. */
static void assert_parameter_near(double value, double expected) {
  assert_within(value, expected, 1e-5 * fabs(expected) + 3e-7);
}

static void run_reference(const reference_run *run) {
  const gan_optimizer *optimizer = gan_optimizer_find(run->options.name);
  assert_non_null(optimizer);
  float parameters[REFERENCE_COUNT], first[REFERENCE_COUNT] = {0}, second[REFERENCE_COUNT] = {0};
  float *const states[GAN_OPTIMIZER_STATES] = {first, second};
  memcpy(parameters, reference_start, sizeof parameters);
  for (int step = 0; step < REFERENCE_STEPS; step++) {
    optimizer->update(&run->options, run->options.learning_rate, step + 1, REFERENCE_COUNT, parameters,
                      reference_gradients[step], states);
    for (int i = 0; i < REFERENCE_COUNT; i++) assert_parameter_near(parameters[i], run->parameters[step][i]);
  }
  for (int state = 0; state < optimizer->state_count; state++) {
    for (int i = 0; i < REFERENCE_COUNT; i++) assert_near(states[state][i], run->states[state][i]);
  }
}

static void updates_and_moments_equal_those_of_pytorch(void **unused) {
  (void)unused;
  for (size_t i = 0; i < sizeof reference_runs / sizeof reference_runs[0]; i++) run_reference(&reference_runs[i]);
}

static void run_moving(const reference_moving *run) {
  const gan_optimizer *optimizer = gan_optimizer_find(run->options[0].name);
  float parameters[REFERENCE_COUNT], first[REFERENCE_COUNT] = {0}, second[REFERENCE_COUNT] = {0};
  float *const states[GAN_OPTIMIZER_STATES] = {first, second};
  assert_non_null(optimizer);
  memcpy(parameters, reference_start, sizeof parameters);
  for (int step = 0; step < REFERENCE_STEPS; step++) {
    const gan_optimizer_options *now = &run->options[step];
    optimizer->update(now, now->learning_rate, step + 1, REFERENCE_COUNT, parameters, reference_gradients[step],
                      states);
    for (int i = 0; i < REFERENCE_COUNT; i++) assert_parameter_near(parameters[i], run->parameters[step][i]);
  }
}

/* With the corrections of PyTorch, 1 - beta^step by the beta of the step. */
static void updates_with_moving_betas_equal_those_of_pytorch_with_changed_param_groups(void **unused) {
  (void)unused;
  for (size_t i = 0; i < sizeof reference_moving_runs / sizeof *reference_moving_runs; i++)
    run_moving(&reference_moving_runs[i]);
}

static void every_optimizer_is_compared_with_pytorch(void **unused) {
  (void)unused;
  for (int row = 0; row < gan_optimizer_count; row++) {
    int runs = 0;
    for (size_t i = 0; i < sizeof reference_runs / sizeof reference_runs[0]; i++) {
      runs += strcmp(gan_optimizers[row].name, reference_runs[i].options.name) == 0;
    }
    assert_int_equal(runs, 2);
  }
}

enum { LONG = 203 };

typedef struct training_state {
  float parameters[LONG], gradient[LONG], moments[GAN_OPTIMIZER_STATES][LONG];
} training_state;

static training_state some_state(void) {
  training_state state;
  for (int i = 0; i < LONG; i++) {
    state.parameters[i] = sinf((float)i);
    state.gradient[i] = cosf(3.0f * (float)i);
    for (int j = 0; j < GAN_OPTIMIZER_STATES; j++) state.moments[j][i] = 0.1f + fabsf(sinf((float)(i + j)));
  }
  return state;
}

static void update_range(const reference_run *run, size_t begin, size_t end, training_state *state) {
  float *moments[GAN_OPTIMIZER_STATES];
  for (int j = 0; j < GAN_OPTIMIZER_STATES; j++) moments[j] = state->moments[j] + begin;
  gan_optimizer_find(run->options.name)
      ->update(&run->options, run->options.learning_rate, 3, end - begin, state->parameters + begin,
               state->gradient + begin, moments);
}

static void an_update_in_pieces_gives_the_same_bits(void **unused) {
  (void)unused;
  for (size_t i = 0; i < sizeof reference_runs / sizeof reference_runs[0]; i++) {
    training_state whole = some_state(), pieces = some_state();
    update_range(&reference_runs[i], 0, LONG, &whole);
    const size_t cuts[] = {0, 0, 1, 6, 21, 90, 187, LONG};
    for (size_t j = 0; j + 1 < sizeof cuts / sizeof cuts[0]; j++) {
      update_range(&reference_runs[i], cuts[j], cuts[j + 1], &pieces);
    }
    assert_memory_equal(&whole, &pieces, sizeof whole);
  }
}

static void sgd_without_momentum_leaves_its_buffer_alone(void **unused) {
  (void)unused;
  const gan_optimizer_options options = {.name = "sgd", .learning_rate = 0.5};
  float parameter = 1.0f, buffer = 7.0f;
  const float gradient = 0.25f;
  float *const states[GAN_OPTIMIZER_STATES] = {&buffer, NULL};
  gan_optimizer_find("sgd")->update(&options, 0.5, 1, 1, &parameter, &gradient, states);
  assert_true(parameter == 0.875f);
  assert_true(buffer == 7.0f);
}

static void the_learning_rate_passed_is_the_one_used(void **unused) {
  (void)unused;
  const gan_optimizer_options options = {.name = "sgd", .learning_rate = 0.5};
  float parameter = 1.0f;
  const float gradient = 1.0f;
  float *const states[GAN_OPTIMIZER_STATES] = {NULL, NULL};
  gan_optimizer_find("sgd")->update(&options, 0.125, 1, 1, &parameter, &gradient, states);
  assert_true(parameter == 0.875f);
}

static void names_of_states_are_given_for_each_state(void **unused) {
  (void)unused;
  for (int row = 0; row < gan_optimizer_count; row++) {
    for (int i = 0; i < GAN_OPTIMIZER_STATES; i++) {
      assert_int_equal(gan_optimizers[row].state_names[i] != NULL, i < gan_optimizers[row].state_count);
    }
  }
}

static double factor(const char *name, double progress, double final_factor) {
  const gan_schedule *schedule = gan_schedule_find(name);
  assert_non_null(schedule);
  return schedule->factor(progress, final_factor);
}

static void schedules_start_at_1_and_end_at_the_final_factor(void **unused) {
  (void)unused;
  for (int i = 0; i < gan_schedule_count; i++) {
    const char *name = gan_schedules[i].name;
    assert_near(factor(name, 0.0, 0.1), 1.0);
    assert_near(factor(name, 1.0, 0.1), strcmp(name, "constant") == 0 ? 1.0 : 0.1);
  }
}

static void schedules_pass_through_their_closed_forms(void **unused) {
  (void)unused;
  assert_near(factor("constant", 0.7, 0.1), 1.0);
  assert_near(factor("linear", 0.25, 0.2), 0.8);
  assert_near(factor("cosine", 0.5, 0.2), 0.6);
  assert_near(factor("cosine", 1.0 / 3.0, 0.0), 0.75); /* cos 60 degrees = 1/2 */
  assert_near(factor("exponential", 0.5, 0.01), 0.1);
}

/* Half a cosine is half-way at the middle, and a quarter of the way at a third: cos 60 degrees = 1/2. */
static void betas_move_along_half_a_cosine(void **unused) {
  (void)unused;
  const gan_optimizer_options options = {.name = "adam",
                                         .learning_rate = 1,
                                         .beta1 = 0.5,
                                         .beta1_final = NAN,
                                         .beta2 = 0.9,
                                         .beta2_final = 0.99,
                                         .schedule = "linear",
                                         .final_factor = 0};
  static const struct {
    int64_t done;
    double beta2, rate;
  } rows[] = {{0, 0.9, 1},    {100, 0.9225, 2.0 / 3}, {150, 0.945, 0.5}, {200, 0.9675, 1.0 / 3},
              {300, 0.99, 0}, {900, 0.99, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const gan_optimizer_options now = gan_optimizer_now(&options, rows[i].done, 300);
    assert_within(now.beta2, rows[i].beta2, 1e-14);
    assert_within(now.learning_rate, rows[i].rate, 1e-14);
    assert_true(now.beta1 == 0.5);
  }
  assert_true(gan_optimizer_now(&options, 0, 300).beta2 == 0.9 && gan_optimizer_now(&options, 300, 300).beta2 == 0.99);
}

static void a_warm_up_rises_in_a_straight_line_to_the_schedule(void **unused) {
  (void)unused;
  const gan_optimizer_options options = {.learning_rate = 0.8, .schedule = "linear", .final_factor = 0, .warmup = 4};
  const double expected[] = {0.8 * 1 / 4, 0.8 * 0.9 * 2 / 4, 0.8 * 0.8 * 3 / 4, 0.8 * 0.7, 0.8 * 0.6};
  for (int done = 0; done < 5; done++) assert_within(gan_scheduled_rate(&options, done, 10), expected[done], 1e-15);
}

static void a_larger_batch_scales_learning_rates_as_asked_for(void **unused) {
  (void)unused;
  gan_optimizer_options options = {.batch_scaling = "linear", .reference_batch = 64};
  assert_true(gan_batch_factor(&options, 256) == 4 && gan_batch_factor(&options, 16) == 0.25);
  options.batch_scaling = "sqrt";
  assert_true(gan_batch_factor(&options, 256) == 2 && gan_batch_factor(&options, 64) == 1);
  options.batch_scaling = "none";
  assert_true(gan_batch_factor(&options, 256) == 1);
}

/* Ten batches of 64 are the half-life: what was there is half of the average then. */
static void an_average_forgets_half_of_itself_in_its_half_life(void **unused) {
  (void)unused;
  double average = 1;
  for (int update = 0; update < 10; update++) average *= gan_half_life_decay(640, 0, 64, update);
  assert_within(average, 0.5, 1e-14);
}

/* A share of 1/16 of the samples so far: of 32 batches 2, of 64 batches 4, and the whole half-life of 10 from 160 on.
 */
static void an_averages_half_life_is_a_share_of_the_samples_so_far_at_first(void **unused) {
  (void)unused;
  const double share = 1.0 / 16;
  assert_true(gan_half_life_decay(640, share, 64, 0) == 0);
  assert_within(gan_half_life_decay(640, share, 64, 16), 0.5, 1e-15);
  assert_within(gan_half_life_decay(640, share, 64, 32), sqrt(0.5), 1e-15);
  assert_within(gan_half_life_decay(640, share, 64, 64), sqrt(sqrt(0.5)), 1e-15);
  for (int update = 160; update < 1000; update += 100)
    assert_within(pow(gan_half_life_decay(640, share, 64, update), 10), 0.5, 1e-14);
}

static void unknown_names_are_not_found(void **unused) {
  (void)unused;
  assert_null(gan_optimizer_find("adamant"));
  assert_null(gan_schedule_find("cos"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(updates_and_moments_equal_those_of_pytorch),
      cmocka_unit_test(updates_with_moving_betas_equal_those_of_pytorch_with_changed_param_groups),
      cmocka_unit_test(every_optimizer_is_compared_with_pytorch),
      cmocka_unit_test(an_update_in_pieces_gives_the_same_bits),
      cmocka_unit_test(sgd_without_momentum_leaves_its_buffer_alone),
      cmocka_unit_test(the_learning_rate_passed_is_the_one_used),
      cmocka_unit_test(names_of_states_are_given_for_each_state),
      cmocka_unit_test(schedules_start_at_1_and_end_at_the_final_factor),
      cmocka_unit_test(schedules_pass_through_their_closed_forms),
      cmocka_unit_test(betas_move_along_half_a_cosine),
      cmocka_unit_test(a_warm_up_rises_in_a_straight_line_to_the_schedule),
      cmocka_unit_test(a_larger_batch_scales_learning_rates_as_asked_for),
      cmocka_unit_test(an_average_forgets_half_of_itself_in_its_half_life),
      cmocka_unit_test(an_averages_half_life_is_a_share_of_the_samples_so_far_at_first),
      cmocka_unit_test(unknown_names_are_not_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
