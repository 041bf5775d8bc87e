/* Augmentation against PyTorch in float64 (tests/reference/augmentations.py) for given parameters; the ways against
   each other, as linear algebra has it; and what is drawn. */
#include "gan/augmentation.h"

#include <math.h>

#include "nn/tangent.h"
#include "nn_support.h"
#include "reference/augmentations.h"

enum {
  AUGMENTED_CASES = sizeof augmented_cases / sizeof augmented_cases[0],
  TRAINED_CASES = sizeof trained_cases / sizeof trained_cases[0]
};

static void assert_close(const char *what, size_t count, const float *values, const double *reference,
                         double tolerance) {
  double largest = 0;
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(reference[i]));
  for (size_t i = 0; i < count; i++)
    if (!(fabs((double)values[i] - reference[i]) <= tolerance * largest))
      fail_msg("%s: [%zu] is %.9g, PyTorch has %.9g (largest %.3g)", what, i, (double)values[i], reference[i], largest);
}

static gan_augmentation choose(const char *operations, const gan_shape *shape) {
  gan_augmentation chosen;
  if (gan_augmentation_choose(operations, shape, &chosen) != GAN_OK) fail_msg("%s", gan_error_message());
  return chosen;
}

/* Rows with the draws of a reference: numbers (count, operations, values). */
static void apply_rows(const gan_augmentation *chosen, gan_augmentation_way way, const float *draws, int count,
                       float *rows) {
  for (int row = 0; row < count; row++, rows += chosen->elements, draws += chosen->count * GAN_AUGMENTATION_VALUES) {
    gan_augmentation_draw drawn[GAN_AUGMENTATIONS];
    memcpy(drawn, draws, (size_t)chosen->count * sizeof *drawn);
    gan_augmentation_apply(chosen, way, drawn, rows);
  }
}

/* --- PyTorch --- */

static void operations_and_their_transposes_give_what_pytorch_gives(void **state) {
  (void)state;
  for (int i = 0; i < AUGMENTED_CASES; i++) {
    const augmented_case *expected = &augmented_cases[i];
    const gan_augmentation chosen = choose(expected->operations, &expected->shape);
    const size_t count = (size_t)expected->samples * (size_t)chosen.elements;
    float *rows = rig_memory(count, sizeof *rows);
    memcpy(rows, expected->input, count * sizeof *rows);
    apply_rows(&chosen, GAN_AUGMENT_FORWARD, expected->draws, expected->samples, rows);
    assert_close(expected->operations, count, rows, expected->output, 1e-6);
    memcpy(rows, expected->output_gradient, count * sizeof *rows);
    apply_rows(&chosen, GAN_AUGMENT_TRANSPOSE, expected->draws, expected->samples, rows);
    assert_close(expected->operations, count, rows, expected->input_gradient, 1e-6);
    free(rows);
  }
}

static void every_operation_is_compared_with_pytorch(void **state) {
  (void)state;
  for (int i = 0; i < GAN_AUGMENTATIONS; i++) {
    bool found = false;
    for (int j = 0; j < AUGMENTED_CASES; j++)
      found = found || strcmp(augmented_cases[j].operations, gan_augmentation_types[i].name) == 0;
    if (!found) fail_msg("%s is not", gan_augmentation_types[i].name);
  }
}

/* A critic or a generator with the reference's parameters and one part. */
static void start(rig *made, const float *parameters) {
  assert_int_equal(gan_pass_create_in(made->network, &made->shards, 1, GAN_KEEP_ALL, NULL, &made->pass), GAN_OK);
  rig_connect(made);
  memcpy(made->parameters, parameters, made->network->parameter_count * sizeof(float));
}

static void copy_rows(size_t count, const float *from, float *to) { memcpy(to, from, count * sizeof *to); }

/* -E critic(augment(generator(z))), down to the generator's parameters, as a generator step goes. */
static void check_generator(const trained_case *expected) {
  const gan_augmentation chosen = choose(expected->operations, &expected->shape);
  const gan_shape latent = {.rank = 1, .size = {expected->latent}};
  rig generator = rig_create(expected->generator_layers, latent, true, 1, expected->samples, 1, 0);
  rig critic = rig_create(expected->critic_layers, expected->shape, true, 1, expected->samples, 1, 0);
  const size_t elements = (size_t)expected->samples * (size_t)chosen.elements;
  start(&generator, expected->generator);
  start(&critic, expected->critic);
  critic.pass->slots = NULL;

  copy_rows((size_t)expected->samples * (size_t)expected->latent, expected->z, gan_pass_input(generator.pass));
  gan_pass_forward(generator.pass);
  copy_rows(elements, gan_pass_output(generator.pass), gan_pass_input(critic.pass));
  apply_rows(&chosen, GAN_AUGMENT_FORWARD, expected->draws, expected->samples, gan_pass_input(critic.pass));
  gan_pass_forward(critic.pass);
  for (int i = 0; i < expected->samples; i++)
    gan_pass_output_gradient(critic.pass)[i] = -1.0f / (float)expected->samples;
  copy_rows(elements, gan_pass_backward(critic.pass, true), gan_pass_output_gradient(generator.pass));
  apply_rows(&chosen, GAN_AUGMENT_TRANSPOSE, expected->draws, expected->samples,
             gan_pass_output_gradient(generator.pass));
  gan_pass_backward(generator.pass, false);
  assert_close(expected->operations, generator.network->parameter_count, generator.slots[0],
               expected->generator_gradient, 1e-5);
  rig_release(&generator);
  rig_release(&critic);
}

static void the_generator_gets_the_gradient_of_pytorch_through_augmentation_and_critic(void **state) {
  (void)state;
  for (int i = 0; i < TRAINED_CASES; i++) check_generator(&trained_cases[i]);
}

/* E |g|^2 with g = A^T g' before augmentation, g' what the critic gives; u = 2 g / samples; A u goes into the critic.
 */
static void check_penalty(const trained_case *expected) {
  const gan_augmentation chosen = choose(expected->operations, &expected->shape);
  rig critic = rig_create(expected->critic_layers, expected->shape, true, 1, expected->samples, 1, 0);
  const size_t elements = (size_t)expected->samples * (size_t)chosen.elements;
  start(&critic, expected->critic);
  assert_int_equal(gan_pass_take_tangents(critic.pass), GAN_OK);

  copy_rows(elements, expected->real, gan_pass_input(critic.pass));
  apply_rows(&chosen, GAN_AUGMENT_FORWARD, expected->draws, expected->samples, gan_pass_input(critic.pass));
  gan_pass_forward(critic.pass);
  float *u = gan_pass_input_tangent(critic.pass);
  copy_rows(elements, gan_pass_score_gradient(critic.pass), u);
  apply_rows(&chosen, GAN_AUGMENT_TRANSPOSE, expected->draws, expected->samples, u);
  assert_close(expected->operations, elements, u, expected->sample_gradient, 1e-5);
  for (size_t i = 0; i < elements; i++) u[i] *= 2.0f / (float)expected->samples;
  apply_rows(&chosen, GAN_AUGMENT_LINEAR, expected->draws, expected->samples, u);
  gan_pass_gradient_product(critic.pass, NULL);
  assert_close(expected->operations, critic.network->parameter_count, critic.slots[0], expected->penalty_gradient,
               1e-5);
  rig_release(&critic);
}

static void a_penalty_before_augmentation_gets_the_gradient_of_pytorch(void **state) {
  (void)state;
  for (int i = 0; i < TRAINED_CASES; i++) check_penalty(&trained_cases[i]);
}

/* --- Linear algebra, with what is really drawn --- */

static const char all_operations[] = "flip, rotate90, color, translation, cutout";
static const struct {
  const char *operations;
  gan_shape shape;
} kinds[] = {
    {all_operations, {.rank = 3, .size = {3, 16, 16}}},
    {all_operations, {.rank = 3, .size = {1, 33, 33}}},
    {"flip, color, translation, cutout", {.rank = 3, .size = {4, 7, 50}}},
    {"translation, cutout", {.rank = 2, .size = {3, 40}}},
    {"flip, translation, cutout", {.rank = 4, .size = {2, 9, 12, 20}}},
    {"flip, translation, cutout", {.rank = 4, .size = {1, 1, 1, 1}}},
};
enum { KINDS = sizeof kinds / sizeof kinds[0], DRAWS = 40 };

static const gan_random_address place = {.seed = 7, .stream = GAN_STREAM_AUGMENT, .step = 3};

static double product(int64_t count, const float *a, const float *b) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

/* Copies of one vector (elements) for each of `count` rows. */
static float *repeated(int64_t elements, int count, const float *row) {
  float *rows = rig_memory((size_t)count * (size_t)elements, sizeof *rows);
  for (int i = 0; i < count; i++) memcpy(rows + i * elements, row, (size_t)elements * sizeof *rows);
  return rows;
}

static float *normal(uint64_t what, int64_t count) {
  float *numbers = rig_memory((size_t)count, sizeof *numbers);
  rig_normal(what, (size_t)count, numbers);
  return numbers;
}

/* <A x, y> = <x, A^T y>. */
static void check_adjoint(const gan_augmentation *chosen, double strength) {
  const int64_t elements = chosen->elements;
  float *x = normal(1, elements), *y = normal(2, elements);
  float *forward = repeated(elements, DRAWS, x), *back = repeated(elements, DRAWS, y);
  gan_augmentation_rows(chosen, place, strength, GAN_AUGMENT_LINEAR, DRAWS, forward);
  gan_augmentation_rows(chosen, place, strength, GAN_AUGMENT_TRANSPOSE, DRAWS, back);
  for (int i = 0; i < DRAWS; i++) {
    const double left = product(elements, forward + i * elements, y), right = product(elements, x, back + i * elements);
    const double size = sqrt(product(elements, x, x) * product(elements, y, y));
    if (!(fabs(left - right) <= 1e-6 * size)) fail_msg("draw %d: %.9g and %.9g", i, left, right);
  }
  free(x), free(y), free(forward), free(back);
}

static void the_transpose_is_adjoint_to_the_linear_part(void **state) {
  (void)state;
  for (int i = 0; i < KINDS; i++) {
    const gan_augmentation chosen = choose(kinds[i].operations, &kinds[i].shape);
    check_adjoint(&chosen, 1);
    check_adjoint(&chosen, 0.4);
  }
}

/* What is affine has the same difference quotient at any distance: F(x + u) - F(x) = A u. */
static void check_linear(const gan_augmentation *chosen) {
  const int64_t elements = chosen->elements;
  float *x = normal(3, elements), *u = normal(4, elements), *sum = rig_memory((size_t)elements, sizeof *sum);
  for (int64_t i = 0; i < elements; i++) sum[i] = x[i] + u[i];
  float *at_x = repeated(elements, DRAWS, x), *at_sum = repeated(elements, DRAWS, sum),
        *of_u = repeated(elements, DRAWS, u);
  gan_augmentation_rows(chosen, place, 1, GAN_AUGMENT_FORWARD, DRAWS, at_x);
  gan_augmentation_rows(chosen, place, 1, GAN_AUGMENT_FORWARD, DRAWS, at_sum);
  gan_augmentation_rows(chosen, place, 1, GAN_AUGMENT_LINEAR, DRAWS, of_u);
  for (int64_t i = 0; i < DRAWS * elements; i++)
    if (!(fabsf(at_sum[i] - at_x[i] - of_u[i]) <= 1e-5f))
      fail_msg("%g and %g", (double)(at_sum[i] - at_x[i]), (double)of_u[i]);
  free(x), free(u), free(sum), free(at_x), free(at_sum), free(of_u);
}

static void differences_of_augmented_samples_are_the_linear_part_of_differences(void **state) {
  (void)state;
  for (int i = 0; i < KINDS; i++) {
    const gan_augmentation chosen = choose(kinds[i].operations, &kinds[i].shape);
    check_linear(&chosen);
  }
}

/* --- What is drawn --- */

static const gan_shape image = {.rank = 3, .size = {3, 64, 48}};

static gan_augmentation_draw draw_one(const gan_augmentation *chosen, int operation, uint64_t sample, double strength) {
  gan_augmentation_draw draws[GAN_AUGMENTATIONS];
  gan_random_address address = place;
  address.sample = sample;
  gan_augmentation_draws(chosen, address, strength, draws);
  return draws[operation];
}

/* Of 8,000 draws: lowest, highest and mean of a parameter. */
static void check_range(const char *operation, int value, double lowest, double highest, double tolerance) {
  const gan_augmentation chosen = choose(operation, &image);
  double least = INFINITY, most = -INFINITY, sum = 0;
  for (uint64_t i = 0; i < 8000; i++) {
    const double drawn = (double)draw_one(&chosen, 0, i, 1).value[value];
    least = fmin(least, drawn), most = fmax(most, drawn), sum += drawn;
  }
  if (least < lowest || least > lowest + tolerance || most > highest || most < highest - tolerance ||
      fabs(sum / 8000 - (lowest + highest) / 2) > 0.02 * (highest - lowest))
    fail_msg("%s: from %g to %g, mean %g", operation, least, most, sum / 8000);
}

/* The paper's ranges; shifts of up to 8 of 64 and 6 of 48; boxes of 32 and 24 that begin half their size before. */
static void parameters_are_uniform_on_the_ranges_of_the_papers(void **state) {
  (void)state;
  check_range("brightness", 1, -0.5, 0.5, 0.01);
  check_range("saturation", 1, 0, 2, 0.01);
  check_range("contrast", 1, 0.5, 1.5, 0.01);
  check_range("translation", 2, -8, 8, 0);
  check_range("translation", 3, -6, 6, 0);
  check_range("cutout", 2, -16, 48, 0);
  check_range("cutout", 3, -12, 36, 0);
}

static double share_of_applied(const char *operation, const gan_shape *shape, double strength) {
  const gan_augmentation chosen = choose(operation, shape);
  int applied = 0;
  for (uint64_t i = 0; i < 8000; i++) applied += draw_one(&chosen, 0, i, strength).value[0] > 0;
  return applied / 8000.0;
}

static void strength_is_the_share_of_samples_that_an_operation_is_applied_to(void **state) {
  (void)state;
  const gan_shape square = {.rank = 3, .size = {3, 16, 16}};
  assert_true(share_of_applied("contrast", &image, 1) == 1);
  assert_true(share_of_applied("contrast", &image, 0) == 0);
  assert_true(fabs(share_of_applied("contrast", &image, 0.3) - 0.3) < 0.02);
  assert_true(fabs(share_of_applied("flip", &image, 0.8) - 0.4) < 0.02);
  assert_true(fabs(share_of_applied("rotate90", &square, 1) - 0.75) < 0.02);
}

static void what_an_operation_draws_does_not_depend_on_the_others(void **state) {
  (void)state;
  const gan_augmentation alone = choose("cutout", &image), beside = choose("color, cutout", &image);
  for (uint64_t i = 0; i < 50; i++) {
    const gan_augmentation_draw first = draw_one(&alone, 0, i, 0.7),
                                second = draw_one(&beside, beside.count - 1, i, 0.7);
    assert_memory_equal(&first, &second, sizeof first);
  }
}

/* Also where a sample's elements lie in memory makes no difference. */
static void a_sample_is_augmented_alike_alone_and_among_others(void **state) {
  (void)state;
  const gan_augmentation chosen = choose("flip, color, translation, cutout", &image);
  const size_t elements = (size_t)chosen.elements;
  float *rows = normal(5, 6 * chosen.elements), *one = rig_memory(elements + 1, sizeof *one);
  memcpy(one + 1, rows + 4 * elements, elements * sizeof *one);
  gan_augmentation_rows(&chosen, place, 1, GAN_AUGMENT_FORWARD, 6, rows);
  gan_random_address fifth = place;
  fifth.sample += 4;
  gan_augmentation_rows(&chosen, fifth, 1, GAN_AUGMENT_FORWARD, 1, one + 1);
  assert_memory_equal(one + 1, rows + 4 * elements, elements * sizeof *one);
  free(rows), free(one);
}

/* --- Choice --- */

static void operations_come_in_the_order_of_the_table(void **state) {
  (void)state;
  const gan_augmentation chosen = choose(" cutout,translation  color flip,", &image);
  const char *const order[] = {"flip", "brightness", "saturation", "contrast", "translation", "cutout"};
  assert_int_equal(chosen.count, 6);
  for (int i = 0; i < 6; i++) assert_string_equal(chosen.types[i]->name, order[i]);
  assert_int_equal(choose("", &image).count, 0);
}

static void assert_refused(const char *operations, const gan_shape *shape, const char *reason) {
  gan_augmentation chosen;
  assert_int_equal(gan_augmentation_choose(operations, shape, &chosen), GAN_BAD_USAGE);
  if (!strstr(gan_error_message(), reason)) fail_msg("%s", gan_error_message());
}

static void what_makes_no_sense_is_refused_with_the_reason(void **state) {
  (void)state;
  const gan_shape vector = {.rank = 1, .size = {2}}, series = {.rank = 2, .size = {3, 40}},
                  volume = {.rank = 4, .size = {1, 8, 8, 8}};
  assert_refused("translation, blur", &image, "no operation \"blur\"; known are flip, rotate90");
  assert_refused(" ,\t", &image, "names no operation");
  assert_refused("cut", &image, "no operation \"cut\"");
  assert_refused("translation", &vector, "(2): their elements have no places");
  assert_refused("translation", &vector, "no places");
  assert_refused("flip", &vector, "a left and a right");
  assert_refused("flip", &series, "a left and a right");
  assert_refused("cutout", &vector, "no places");
  assert_refused("color", &volume, "brightness makes no sense");
  assert_refused("contrast", &vector, "light of images");
  assert_refused("rotate90", &image, "(3, 64, 48): only images as high as wide");
  assert_refused("rotate90", &volume, "only images");
}

static void saturation_leaves_images_of_one_channel_as_they_are(void **state) {
  (void)state;
  const gan_shape grey = {.rank = 3, .size = {1, 5, 6}};
  const gan_augmentation chosen = choose("saturation", &grey);
  float *rows = normal(6, 30 * 4), *before = normal(6, 30 * 4);
  gan_augmentation_rows(&chosen, place, 1, GAN_AUGMENT_FORWARD, 4, rows);
  assert_memory_equal(rows, before, 120 * sizeof *rows);
  free(rows), free(before);
}

/* --- Adaptive strength --- */

static void adaptive_strength_goes_from_none_to_all_in_so_many_samples_and_no_further(void **state) {
  (void)state;
  const gan_augment_options options = {.strength = 1, .target = 0.6, .samples_to_full = 64000};
  float strength = 0;
  for (int i = 0; i < 500; i++) strength = gan_augmentation_adapt(&options, strength, 0.9, 64);
  assert_true(fabsf(strength - 0.5f) < 1e-5f);
  assert_true(gan_augmentation_adapt(&options, strength, 0.6, 64) == strength);
  for (int i = 0; i < 600; i++) strength = gan_augmentation_adapt(&options, strength, 1, 64);
  assert_true(strength == 1);
  strength = gan_augmentation_adapt(&options, strength, 0.5, 64);
  assert_true(fabsf(strength - 0.999f) < 1e-6f);
  for (int i = 0; i < 1100; i++) strength = gan_augmentation_adapt(&options, strength, -1, 64);
  assert_true(strength == 0);
}

static void adaptive_strength_stays_below_the_strength_asked_for(void **state) {
  (void)state;
  const gan_augment_options options = {.strength = 0.8, .target = 0.6, .samples_to_full = 100};
  float strength = 0;
  for (int i = 0; i < 20; i++) strength = gan_augmentation_adapt(&options, strength, 1, 10);
  assert_true(strength == 0.8f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(operations_and_their_transposes_give_what_pytorch_gives),
      cmocka_unit_test(every_operation_is_compared_with_pytorch),
      cmocka_unit_test(the_generator_gets_the_gradient_of_pytorch_through_augmentation_and_critic),
      cmocka_unit_test(a_penalty_before_augmentation_gets_the_gradient_of_pytorch),
      cmocka_unit_test(the_transpose_is_adjoint_to_the_linear_part),
      cmocka_unit_test(differences_of_augmented_samples_are_the_linear_part_of_differences),
      cmocka_unit_test(parameters_are_uniform_on_the_ranges_of_the_papers),
      cmocka_unit_test(strength_is_the_share_of_samples_that_an_operation_is_applied_to),
      cmocka_unit_test(what_an_operation_draws_does_not_depend_on_the_others),
      cmocka_unit_test(a_sample_is_augmented_alike_alone_and_among_others),
      cmocka_unit_test(operations_come_in_the_order_of_the_table),
      cmocka_unit_test(what_makes_no_sense_is_refused_with_the_reason),
      cmocka_unit_test(saturation_leaves_images_of_one_channel_as_they_are),
      cmocka_unit_test(adaptive_strength_goes_from_none_to_all_in_so_many_samples_and_no_further),
      cmocka_unit_test(adaptive_strength_stays_below_the_strength_asked_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
