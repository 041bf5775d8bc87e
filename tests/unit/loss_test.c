/* Losses against PyTorch in float64, against numerical differentiation, and cut into shards. */
#include "gan/loss.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "reference/losses.h"

typedef double (*loss_function)(const gan_loss_options *, const gan_scores *);

static void assert_near(double value, double expected, double relative) {
  if (!(fabs(value - expected) <= relative * fabs(expected))) fail_msg("%.17g instead of %.17g", value, expected);
}

/* To float32's resolution; 1e-16 is what PyTorch's own float64 loses where sigmoid - 1 cancels. */
static void assert_vector_near(const float *values, const double *expected) {
  for (int i = 0; i < REFERENCE_COUNT; i++) {
    const double tolerance = 1e-7 * fabs(expected[i]) + 1e-16;
    if (!(fabs(values[i] - expected[i]) <= tolerance)) fail_msg("%.9g instead of %.17g", values[i], expected[i]);
  }
}

static void compare_with_reference(const reference_loss *reference) {
  const gan_loss *loss = gan_loss_find(reference->name);
  assert_non_null(loss);
  const gan_loss_options options = {.name = reference->name, .label_smoothing = reference->label_smoothing};
  float real_gradient[REFERENCE_COUNT], fake_gradient[REFERENCE_COUNT];
  const gan_scores scores = {.count = REFERENCE_COUNT,
                             .batch = REFERENCE_COUNT,
                             .real = reference_real,
                             .fake = reference_fake,
                             .real_weights = reference->weighted ? reference_real_weights : NULL,
                             .fake_weights = reference->weighted ? reference_fake_weights : NULL,
                             .real_gradient = real_gradient,
                             .fake_gradient = fake_gradient};
  assert_near(loss->critic(&options, &scores), reference->critic, 1e-13);
  assert_vector_near(real_gradient, reference->critic_gradient_real);
  assert_vector_near(fake_gradient, reference->critic_gradient_fake);
  assert_near(loss->generator(&options, &scores), reference->generator, 1e-13);
  assert_vector_near(real_gradient, reference->generator_gradient_real);
  assert_vector_near(fake_gradient, reference->generator_gradient_fake);
}

/* Among the scores are -1e4 and 1e4, so this is also the test of extreme scores. */
static void losses_and_gradients_equal_those_of_pytorch(void **unused) {
  (void)unused;
  for (size_t i = 0; i < sizeof reference_losses / sizeof reference_losses[0]; i++) {
    compare_with_reference(&reference_losses[i]);
  }
}

static void every_loss_is_compared_with_pytorch(void **unused) {
  (void)unused;
  for (int row = 0; row < gan_loss_count; row++) {
    int found = 0;
    for (size_t i = 0; i < sizeof reference_losses / sizeof reference_losses[0]; i++) {
      found += strcmp(gan_losses[row].name, reference_losses[i].name) == 0;
    }
    assert_true(found > 0);
  }
}

enum { COUNT = 5 };
static const float some_real[COUNT] = {-3.0f, -0.5f, 0.0f, 1.25f, 4.0f};
static const float some_fake[COUNT] = {2.0f, -6.0f, 0.5f, -1.0f, 0.0f};
static const float some_weights[COUNT] = {1.0f, 0.25f, 2.0f, 0.5f, 1.5f};

/* Central difference of the loss in one score; h is a power of two, so that moved scores are exact. */
static double difference(loss_function function, const gan_loss_options *options, float *score,
                         const gan_scores *scores) {
  const float h = 0x1p-9f, kept = *score;
  *score = kept + h;
  const double above = function(options, scores);
  *score = kept - h;
  const double below = function(options, scores);
  *score = kept;
  return (above - below) / (2.0 * (double)h);
}

static void check_slopes(loss_function function, const gan_loss_options *options) {
  float real[COUNT], fake[COUNT], real_gradient[COUNT], fake_gradient[COUNT];
  memcpy(real, some_real, sizeof real);
  memcpy(fake, some_fake, sizeof fake);
  gan_scores scores = {.count = COUNT,
                       .batch = COUNT,
                       .real = real,
                       .fake = fake,
                       .real_weights = some_weights,
                       .fake_weights = some_weights,
                       .real_gradient = real_gradient,
                       .fake_gradient = fake_gradient};
  function(options, &scores);
  scores.real_gradient = NULL;
  scores.fake_gradient = NULL;
  for (int i = 0; i < COUNT; i++) {
    assert_true(fabs(real_gradient[i] - difference(function, options, &real[i], &scores)) < 1e-6);
    assert_true(fabs(fake_gradient[i] - difference(function, options, &fake[i], &scores)) < 1e-6);
  }
}

static void gradients_are_the_slopes_of_the_losses(void **unused) {
  (void)unused;
  for (int row = 0; row < gan_loss_count; row++) {
    const gan_loss_options options = {.name = gan_losses[row].name, .label_smoothing = 0.25};
    check_slopes(gan_losses[row].critic, &options);
    check_slopes(gan_losses[row].generator, &options);
  }
}

static void check_shares(loss_function function, const gan_loss_options *options) {
  float whole_real[COUNT], whole_fake[COUNT], real_gradient[COUNT], fake_gradient[COUNT];
  gan_scores scores = {.count = COUNT,
                       .batch = COUNT,
                       .real = some_real,
                       .fake = some_fake,
                       .real_weights = some_weights,
                       .fake_weights = some_weights,
                       .real_gradient = whole_real,
                       .fake_gradient = whole_fake};
  const double whole = function(options, &scores);
  const int cuts[] = {0, 1, 3, COUNT};
  double sum = 0.0;
  for (int shard = 0; shard < 3; shard++) {
    const int begin = cuts[shard];
    const gan_scores share = {.count = cuts[shard + 1] - begin,
                              .batch = COUNT,
                              .real = some_real + begin,
                              .fake = some_fake + begin,
                              .real_weights = some_weights + begin,
                              .fake_weights = some_weights + begin,
                              .real_gradient = real_gradient + begin,
                              .fake_gradient = fake_gradient + begin};
    sum += function(options, &share);
  }
  assert_near(sum, whole, 1e-14);
  assert_memory_equal(real_gradient, whole_real, sizeof whole_real);
  assert_memory_equal(fake_gradient, whole_fake, sizeof whole_fake);
}

static void shares_of_shards_add_up_to_the_loss_of_the_batch(void **unused) {
  (void)unused;
  for (int row = 0; row < gan_loss_count; row++) {
    const gan_loss_options options = {.name = gan_losses[row].name, .label_smoothing = 0.25};
    check_shares(gan_losses[row].critic, &options);
    check_shares(gan_losses[row].generator, &options);
  }
}

static void generators_do_without_real_scores(void **unused) {
  (void)unused;
  for (int row = 0; row < gan_loss_count; row++) {
    const gan_loss_options options = {.name = gan_losses[row].name, .label_smoothing = 0.25};
    float with[COUNT], without[COUNT], real_gradient[COUNT];
    const gan_scores both = {.count = COUNT,
                             .batch = COUNT,
                             .real = some_real,
                             .fake = some_fake,
                             .real_gradient = real_gradient,
                             .fake_gradient = with};
    const gan_scores fake_only = {.count = COUNT, .batch = COUNT, .fake = some_fake, .fake_gradient = without};
    const double expected = gan_losses[row].generator(&options, &both);
    assert_true(expected == gan_losses[row].generator(&options, &fake_only));
    assert_memory_equal(with, without, sizeof with);
  }
}

static void a_score_that_is_not_a_number_makes_each_loss_not_a_number(void **unused) {
  (void)unused;
  const float broken[COUNT] = {0.0f, NAN, 1.0f, 2.0f, 3.0f};
  for (int row = 0; row < gan_loss_count; row++) {
    const gan_loss_options options = {.name = gan_losses[row].name, .label_smoothing = 0.25};
    const gan_scores scores = {.count = COUNT, .batch = COUNT, .real = some_real, .fake = broken};
    assert_true(isnan(gan_losses[row].critic(&options, &scores)));
    assert_true(isnan(gan_losses[row].generator(&options, &scores)));
  }
}

static void softplus_and_sigmoid_keep_their_digits_at_both_ends(void **unused) {
  (void)unused;
  assert_near(gan_softplus(0.0), log(2.0), 1e-15);
  assert_near(gan_softplus(-700.0), exp(-700.0), 1e-13);
  assert_true(gan_softplus(1e4) == 1e4);
  assert_true(gan_softplus(-1e4) == 0.0);
  assert_true(gan_sigmoid(0.0) == 0.5);
  assert_near(gan_sigmoid(-700.0), exp(-700.0), 1e-13);
  assert_true(gan_sigmoid(1e4) == 1.0);
  assert_true(gan_sigmoid(-1e4) == 0.0);
}

static void unknown_names_are_not_found(void **unused) {
  (void)unused;
  assert_null(gan_loss_find("minmax"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(losses_and_gradients_equal_those_of_pytorch),
      cmocka_unit_test(every_loss_is_compared_with_pytorch),
      cmocka_unit_test(gradients_are_the_slopes_of_the_losses),
      cmocka_unit_test(shares_of_shards_add_up_to_the_loss_of_the_batch),
      cmocka_unit_test(generators_do_without_real_scores),
      cmocka_unit_test(a_score_that_is_not_a_number_makes_each_loss_not_a_number),
      cmocka_unit_test(softplus_and_sigmoid_keep_their_digits_at_both_ends),
      cmocka_unit_test(unknown_names_are_not_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
