/* The critic's gradient penalties against PyTorch's double backward in float64 (tests/reference/penalties.py), and what
   else of them can be said in closed form; LeCam. */
#include "gan/penalty.h"

#include <math.h>

#include "gan/lecam.h"
#include "nn/tangent.h"
#include "nn_support.h"
#include "reference/penalties.h"

enum { CASES = sizeof penalty_cases / sizeof penalty_cases[0] };

static const double tolerance = 1e-5; /* relative to a tensor's largest value */

/* Of all shards and sites: the value. */
static double penalise(const rig *made, const penalty_case *expected, const float *g) {
  gan_pass *pass = made->pass;
  const int64_t elements = gan_shape_count(&expected->input_shape);
  double weights[GAN_PENALTY_KINDS], value = 0;
  gan_penalties_weights(&expected->options, 0, weights);
  for (int shard = 0; shard < made->shards.local; shard++)
    for (int site = 0, part = 0; site < GAN_SITES; site++) {
      if (!gan_penalties_at(&expected->options, (gan_penalty_site)site)) continue;
      const int64_t place = gan_pass_first_row(pass, shard, part) * elements;
      value += gan_penalties_apply(&expected->options, weights, (gan_penalty_site)site, made->shards.batch,
                                   gan_pass_row_count(pass, shard, part), elements, g + place,
                                   gan_pass_input_tangent(pass) + place);
      part++;
    }
  return value;
}

static void assert_gradient(const penalty_case *expected, const float *gradient) {
  double largest = 0;
  for (size_t i = 0; i < expected->parameter_count; i++) largest = fmax(largest, fabs(expected->gradient[i]));
  for (size_t i = 0; i < expected->parameter_count; i++)
    if (!(fabs((double)gradient[i] - expected->gradient[i]) <= tolerance * largest))
      fail_msg("%s: gradient[%zu] is %.9g, PyTorch has %.9g (largest %.3g)", expected->name, i, (double)gradient[i],
               expected->gradient[i], largest);
}

static void check_case(const penalty_case *expected, int shards) {
  rig made = rig_create(expected->layers, expected->input_shape, true, shards, PENALTY_SAMPLES, 1, 0);
  const int parts = gan_penalties_sites(&expected->options);
  assert_int_equal(made.network->parameter_count, expected->parameter_count);
  assert_int_equal(gan_pass_create_in(made.network, &made.shards, parts, GAN_KEEP_ALL, NULL, &made.pass), GAN_OK);
  rig_connect(&made);
  assert_int_equal(gan_pass_take_tangents(made.pass), GAN_OK);
  memcpy(made.parameters, expected->parameters, expected->parameter_count * sizeof(float));
  rig_to_rows(made.pass, (size_t)gan_shape_count(&expected->input_shape), expected->input, gan_pass_input(made.pass));
  gan_pass_forward(made.pass);
  const double value = penalise(&made, expected, gan_pass_score_gradient(made.pass));
  gan_pass_gradient_product(made.pass, NULL);
  if (!(fabs(value - expected->value) <= tolerance * fabs(expected->value)))
    fail_msg("%s: the value is %.9g, PyTorch has %.9g", expected->name, value, expected->value);
  assert_gradient(expected, made.slots[0]);
  rig_release(&made);
}

static void values_and_parameter_gradients_are_those_of_pytorch(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++)
    for (int shards = 1; shards <= PENALTY_SAMPLES; shards++) check_case(&penalty_cases[i], shards);
}

/* Each kind alone and in company, and one-sided ones with slopes on both sides. */
static void every_penalty_is_among_the_references(void **state) {
  (void)state;
  for (int kind = 0; kind < GAN_PENALTY_KINDS; kind++) {
    int alone = 0, together = 0, one_sided = 0;
    for (int i = 0; i < CASES; i++) {
      const gan_penalty_options *options = &penalty_cases[i].options;
      if (options->weight[kind] <= 0) continue;
      *(gan_penalties_sites(options) == 1 ? &alone : &together) += 1;
      one_sided += options->one_sided;
    }
    assert_true(alone > 4 && together > 4);
    if (kind == GAN_PENALTY_GRADIENT) assert_true(one_sided > 4);
  }
}

static const gan_penalty_options nothing = {.r1_final = NAN, .r2_final = NAN, .target = 1, .epsilon = 1e-10, .every = 1};

/* A score that is w . x has the gradient w everywhere. */
static void a_slope_of_the_target_costs_nothing_and_a_flat_score_costs_lambda(void **state) {
  (void)state;
  const float g[2][2] = {{0.6f, 0.8f}, {0, 0}};
  float u[2][2];
  gan_penalty_options options = nothing;
  options.weight[GAN_PENALTY_GRADIENT] = 10;
  const double one = gan_penalties_apply(&options, options.weight, GAN_SITE_INTERPOLATES, 1, 1, 2, g[0], u[0]);
  assert_true(one < 1e-12 && fabs((double)u[0][0]) < 1e-5);
  const double flat = gan_penalties_apply(&options, options.weight, GAN_SITE_INTERPOLATES, 1, 1, 2, g[1], u[1]);
  assert_true(fabs(flat - 10 * (1 - 1e-5) * (1 - 1e-5)) < 1e-9);
  assert_true(u[1][0] == 0 && u[1][1] == 0);
  options.one_sided = true;
  assert_true(gan_penalties_apply(&options, options.weight, GAN_SITE_INTERPOLATES, 1, 1, 2, g[1], u[1]) == 0);
}

static void gammas_move_along_half_a_cosine(void **state) {
  (void)state;
  double weights[GAN_PENALTY_KINDS];
  gan_penalty_options options = nothing;
  options.weight[GAN_PENALTY_R1] = 2;
  options.r1_final = 0.2;
  options.weight[GAN_PENALTY_R2] = 3;
  const double expected[][2] = {{0, 2}, {0.25, 0.2 + 1.8 * 0.853553390593274}, {0.5, 1.1}, {1, 0.2}, {2, 0.2}};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    gan_penalties_weights(&options, expected[i][0], weights);
    assert_true(fabs(weights[GAN_PENALTY_R1] - expected[i][1]) < 1e-12);
    assert_true(weights[GAN_PENALTY_R2] == 3 && weights[GAN_PENALTY_GRADIENT] == 0);
  }
}

static void a_gamma_that_begins_at_zero_counts_as_a_penalty(void **state) {
  (void)state;
  gan_penalty_options options = nothing;
  assert_false(gan_penalties_any(&options));
  options.r2_final = 1;
  assert_int_equal(gan_penalties_sites(&options), 1);
  assert_true(gan_penalties_at(&options, GAN_SITE_GENERATED));
}

/* --- LeCam --- */

/* 0.5 ((1 - 3)^2 + (2 - 3)^2) / 2 + 0.5 ((0 - 4)^2 + (6 - 4)^2) / 2, by hand. */
static void lecam_pulls_scores_to_the_averages_of_the_other_class(void **state) {
  (void)state;
  const float real[] = {1, 2}, fake[] = {0, 6}, averages[GAN_LECAM_STATES] = {4, 3, 1}, none[GAN_LECAM_STATES] = {0};
  float real_gradient[] = {0.25f, 0}, fake_gradient[] = {0, 0};
  const gan_scores scores = {.count = 2,
                             .batch = 2,
                             .real = real,
                             .fake = fake,
                             .real_gradient = real_gradient,
                             .fake_gradient = fake_gradient};
  assert_true(gan_lecam_lose(0.5, none, &scores) == 0 && real_gradient[0] == 0.25f);
  assert_true(fabs(gan_lecam_lose(0.5, averages, &scores) - 6.25) < 1e-12);
  assert_true(real_gradient[0] == 0.25f - 1 && real_gradient[1] == -0.5f);
  assert_true(fake_gradient[0] == -2 && fake_gradient[1] == 1);
}

static void lecams_averages_begin_with_the_first_means_and_move_slowly(void **state) {
  (void)state;
  float averages[GAN_LECAM_STATES] = {0};
  gan_lecam_move(averages, 5, -2);
  assert_true(averages[GAN_LECAM_REAL] == 5 && averages[GAN_LECAM_FAKE] == -2 && averages[GAN_LECAM_BEGUN] == 1);
  gan_lecam_move(averages, 6, -3);
  assert_true(fabs((double)averages[GAN_LECAM_REAL] - 5.01) < 1e-6);
  assert_true(fabs((double)averages[GAN_LECAM_FAKE] + 2.01) < 1e-6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_and_parameter_gradients_are_those_of_pytorch),
      cmocka_unit_test(every_penalty_is_among_the_references),
      cmocka_unit_test(a_slope_of_the_target_costs_nothing_and_a_flat_score_costs_lambda),
      cmocka_unit_test(gammas_move_along_half_a_cosine),
      cmocka_unit_test(a_gamma_that_begins_at_zero_counts_as_a_penalty),
      cmocka_unit_test(lecam_pulls_scores_to_the_averages_of_the_other_class),
      cmocka_unit_test(lecams_averages_begin_with_the_first_means_and_move_slowly),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
