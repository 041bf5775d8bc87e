/* Losses against PyTorch in float64, against numerical differentiation, and cut into shards. */
#include "gan/loss.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/shards.h"
#include "reference/losses.h"

enum { MOST_SHARDS = 4 };

static void assert_near(double value, double expected, double relative) {
  if (!(fabs(value - expected) <= relative * fabs(expected))) fail_msg("%.17g instead of %.17g", value, expected);
}

/* To float32's resolution; 1e-16 is what PyTorch's own float64 loses where slopes cancel. */
static void assert_vector_near(const float *values, const double *expected) {
  for (int i = 0; i < REFERENCE_COUNT; i++) {
    const double tolerance = 1e-7 * fabs(expected[i]) + 1e-16;
    if (!(fabs(values[i] - expected[i]) <= tolerance)) fail_msg("%.9g instead of %.17g", values[i], expected[i]);
  }
}

/* Samples begin .. end-1 of the batch. */
static gan_scores cut(const gan_scores *all, int64_t begin, int64_t end) {
  gan_scores share = *all;
  share.count = end - begin;
  if (share.real) share.real += begin;
  share.fake += begin;
  if (share.real_weights) share.real_weights += begin;
  if (share.fake_weights) share.fake_weights += begin;
  if (share.real_flips) share.real_flips += begin;
  if (share.fake_flips) share.fake_flips += begin;
  if (share.real_gradient) share.real_gradient += begin;
  if (share.fake_gradient) share.fake_gradient += begin;
  return share;
}

/* The loss of a batch that is cut into shards, as training computes it. */
static double loss_of(const gan_loss *loss, const gan_loss_options *options, gan_loss_side side, const gan_scores *all,
                      int shard_count) {
  gan_shards shards;
  gan_scores cuts[MOST_SHARDS];
  double totals[GAN_LOSS_STATISTICS], sums[GAN_LOSS_STATISTICS], value = 0;
  assert_int_equal(gan_shards_plan(shard_count, all->batch, 1, 0, &shards), GAN_OK);
  for (int i = 0; i < shard_count; i++)
    cuts[i] = cut(all, gan_shard_begin(&shards, i), gan_shard_begin(&shards, i + 1));
  gan_shards_release(&shards);
  gan_loss_begin(all->batch, totals);
  for (int round = 0; round < gan_loss_rounds(loss, all->real_weights || all->fake_weights); round++) {
    double *into = totals + gan_loss_round_begin(round), sum[GAN_LOSS_STATISTICS] = {0};
    for (int i = 0; i < shard_count; i++) {
      gan_loss_statistics(loss, options, side, &cuts[i], round, totals, sums);
      for (int j = 0; j < gan_loss_round_size(round); j++) sum[j] += sums[j];
    }
    memcpy(into, sum, (size_t)gan_loss_round_size(round) * sizeof *sum);
  }
  for (int i = 0; i < shard_count; i++) value += gan_loss_share(loss, options, side, &cuts[i], totals);
  return value;
}

static void compare_with_reference(const reference_loss *reference, int shards) {
  const gan_loss *loss = gan_loss_find(reference->options.name);
  assert_non_null(loss);
  float real_gradient[REFERENCE_COUNT], fake_gradient[REFERENCE_COUNT];
  const gan_scores scores = {.count = REFERENCE_COUNT,
                             .batch = REFERENCE_COUNT,
                             .real = reference_real[reference->scores],
                             .fake = reference_fake[reference->scores],
                             .real_weights = reference->weighted ? reference_real_weights : NULL,
                             .fake_weights = reference->weighted ? reference_fake_weights : NULL,
                             .real_flips = reference->flipped ? reference_real_flips : NULL,
                             .fake_flips = reference->flipped ? reference_fake_flips : NULL,
                             .real_gradient = real_gradient,
                             .fake_gradient = fake_gradient};
  assert_near(loss_of(loss, &reference->options, GAN_LOSS_CRITIC, &scores, shards), reference->critic, 1e-13);
  assert_vector_near(real_gradient, reference->critic_gradient_real);
  assert_vector_near(fake_gradient, reference->critic_gradient_fake);
  assert_near(loss_of(loss, &reference->options, GAN_LOSS_GENERATOR, &scores, shards), reference->generator, 1e-13);
  assert_vector_near(real_gradient, reference->generator_gradient_real);
  assert_vector_near(fake_gradient, reference->generator_gradient_fake);
}

/* At ordinary scores, at equal ones, and with -1e4 and 1e4 among them; with weights, some of them 0; with flips. */
static void losses_and_gradients_equal_those_of_pytorch(void **unused) {
  (void)unused;
  for (size_t i = 0; i < sizeof reference_losses / sizeof reference_losses[0]; i++)
    compare_with_reference(&reference_losses[i], 1);
}

static void so_they_do_cut_into_shards_of_unequal_size(void **unused) {
  (void)unused;
  for (size_t i = 0; i < sizeof reference_losses / sizeof reference_losses[0]; i++) {
    compare_with_reference(&reference_losses[i], 3);
    compare_with_reference(&reference_losses[i], 4);
  }
}

/* With every key that it reads away from its default. */
static void every_loss_is_compared_with_pytorch(void **unused) {
  (void)unused;
  for (int row = 0; row < gan_loss_count; row++) {
    const gan_loss *loss = &gan_losses[row];
    bool plain = false, flipped = false, smoothed = false, labelled = false, margined = false;
    for (size_t i = 0; i < sizeof reference_losses / sizeof reference_losses[0]; i++) {
      const reference_loss *reference = &reference_losses[i];
      if (strcmp(loss->name, reference->options.name) != 0) continue;
      plain = plain || (reference->scores == SCORES_EXTREME && reference->weighted);
      flipped = flipped || reference->flipped;
      smoothed = smoothed || reference->options.label_smoothing == 1.0;
      labelled = labelled || (reference->options.real_label != 1.0 && reference->options.fake_label != 0.0);
      margined = margined || (reference->options.real_margin != 1.0 && reference->options.fake_margin != 1.0);
    }
    assert_true(plain);
    assert_true(flipped == gan_loss_uses(loss, "loss.label_flips"));
    assert_true(smoothed == gan_loss_uses(loss, "loss.label_smoothing"));
    assert_true(labelled == gan_loss_uses(loss, "loss.real_label") &&
                labelled == gan_loss_uses(loss, "loss.fake_label"));
    assert_true(margined == gan_loss_uses(loss, "loss.real_margin") &&
                margined == gan_loss_uses(loss, "loss.fake_margin"));
    assert_true(gan_loss_uses(loss, "loss.name"));
    assert_false(gan_loss_uses(loss, "loss.label"));
    assert_false(gan_loss_uses(loss, "label_flips"));
  }
}

enum { COUNT = 5 };
static const float some_real[COUNT] = {-3.0f, -0.5f, 0.0f, 1.25f, 4.0f};
static const float some_fake[COUNT] = {2.0f, -6.0f, 0.5f, -1.125f, 0.0f};
static const float some_weights[COUNT] = {1.0f, 0.25f, 2.0f, 0.0f, 1.5f};

static gan_loss_options usual(const gan_loss *loss) {
  return (gan_loss_options){.name = loss->name,
                            .label_smoothing = 0.25,
                            .real_label = 1,
                            .fake_label = 0,
                            .real_margin = 1.5,
                            .fake_margin = 0.75};
}

/* Central difference of the loss in one score; h is a power of two, so that moved scores are exact. */
static double difference(const gan_loss *loss, const gan_loss_options *options, gan_loss_side side, float *score,
                         const gan_scores *scores) {
  const float h = 0x1p-9f, kept = *score;
  *score = kept + h;
  const double above = loss_of(loss, options, side, scores, 2);
  *score = kept - h;
  const double below = loss_of(loss, options, side, scores, 2);
  *score = kept;
  return (above - below) / (2.0 * (double)h);
}

static void check_slopes(const gan_loss *loss, gan_loss_side side) {
  static const bool real_flips[COUNT] = {false, true, false, false, true}, fake_flips[COUNT] = {true};
  const gan_loss_options options = usual(loss);
  const bool flips = gan_loss_uses(loss, "loss.label_flips");
  float real[COUNT], fake[COUNT], real_gradient[COUNT], fake_gradient[COUNT];
  memcpy(real, some_real, sizeof real);
  memcpy(fake, some_fake, sizeof fake);
  gan_scores scores = {.count = COUNT,
                       .batch = COUNT,
                       .real = real,
                       .fake = fake,
                       .real_weights = some_weights,
                       .fake_weights = some_weights,
                       .real_flips = flips ? real_flips : NULL,
                       .fake_flips = flips ? fake_flips : NULL,
                       .real_gradient = real_gradient,
                       .fake_gradient = fake_gradient};
  loss_of(loss, &options, side, &scores, 2);
  scores.real_gradient = NULL;
  scores.fake_gradient = NULL;
  for (int i = 0; i < COUNT; i++) {
    assert_true(fabs(real_gradient[i] - difference(loss, &options, side, &real[i], &scores)) < 2e-6);
    assert_true(fabs(fake_gradient[i] - difference(loss, &options, side, &fake[i], &scores)) < 2e-6);
  }
}

static void gradients_are_the_slopes_of_the_losses(void **unused) {
  (void)unused;
  for (int row = 0; row < gan_loss_count; row++) {
    check_slopes(&gan_losses[row], GAN_LOSS_CRITIC);
    check_slopes(&gan_losses[row], GAN_LOSS_GENERATOR);
  }
}

/* In a batch of 5 with some weights of 0, a weight that all have multiplies a loss that has no mean inside, and every
   other, too: averages inside do not move. */
static void weights_alike_multiply_every_loss(void **unused) {
  (void)unused;
  const float threes[COUNT] = {3, 3, 3, 3, 3}, square = 9;
  for (int row = 0; row < gan_loss_count; row++) {
    const gan_loss_options options = usual(&gan_losses[row]);
    const double factor = gan_losses[row].pairing == GAN_PAIRING_PAIRS ? (double)square : 3;
    gan_scores scores = {.count = COUNT, .batch = COUNT, .real = some_real, .fake = some_fake};
    for (gan_loss_side side = GAN_LOSS_CRITIC; side <= GAN_LOSS_GENERATOR; side++) {
      scores.real_weights = scores.fake_weights = NULL;
      const double plain = loss_of(&gan_losses[row], &options, side, &scores, 2);
      scores.real_weights = scores.fake_weights = threes;
      assert_near(loss_of(&gan_losses[row], &options, side, &scores, 2), factor * plain, 1e-14);
    }
  }
}

/* A batch in which no sample has a weight teaches nothing; there is no division by zero. */
static void a_batch_without_weight_has_neither_loss_nor_gradient(void **unused) {
  (void)unused;
  const float zeros[COUNT] = {0};
  for (int row = 0; row < gan_loss_count; row++) {
    const gan_loss_options options = usual(&gan_losses[row]);
    for (gan_loss_side side = GAN_LOSS_CRITIC; side <= GAN_LOSS_GENERATOR; side++) {
      float real_gradient[COUNT] = {1}, fake_gradient[COUNT] = {1};
      const gan_scores scores = {.count = COUNT,
                                 .batch = COUNT,
                                 .real = some_real,
                                 .fake = some_fake,
                                 .real_weights = zeros,
                                 .fake_weights = zeros,
                                 .real_gradient = real_gradient,
                                 .fake_gradient = fake_gradient};
      assert_true(loss_of(&gan_losses[row], &options, side, &scores, 3) == 0);
      for (int i = 0; i < COUNT; i++) assert_true(real_gradient[i] == 0 && fake_gradient[i] == 0);
    }
  }
}

/* Real samples without weight have no term, and generated ones theirs as ever, unless it is one of both classes: then
   there is nothing to compare with. */
static void real_samples_without_weight_leave_the_generated_ones_terms_alone(void **unused) {
  (void)unused;
  const float zeros[COUNT] = {0};
  for (int row = 0; row < gan_loss_count; row++) {
    const gan_loss *loss = &gan_losses[row];
    const gan_loss_options options = usual(loss);
    float real_gradient[COUNT] = {1}, fake_gradient[COUNT] = {1}, usual_gradient[COUNT];
    gan_scores scores = {.count = COUNT,
                         .batch = COUNT,
                         .real = some_real,
                         .fake = some_fake,
                         .real_gradient = real_gradient,
                         .fake_gradient = usual_gradient};
    (void)loss_of(loss, &options, GAN_LOSS_CRITIC, &scores, 3);
    scores.real_weights = zeros;
    scores.fake_gradient = fake_gradient;
    const double left = loss_of(loss, &options, GAN_LOSS_CRITIC, &scores, 3);
    for (int i = 0; i < COUNT; i++) {
      assert_true(real_gradient[i] == 0);
      assert_true(fake_gradient[i] == (loss->pairing == GAN_PAIRING_NONE ? usual_gradient[i] : 0));
    }
    if (loss->pairing != GAN_PAIRING_NONE) assert_true(left == 0);
    if (!loss->generator_needs_real) continue;
    assert_true(loss_of(loss, &options, GAN_LOSS_GENERATOR, &scores, 2) == 0);
    for (int i = 0; i < COUNT; i++) assert_true(fake_gradient[i] == 0);
  }
}

/* The cut between losses whose generator has to be given real scores and those that do without. */
static void generators_do_without_real_scores_unless_they_say_so(void **unused) {
  (void)unused;
  const float others[COUNT] = {7, -2, 3, 3, 0.5f};
  for (int row = 0; row < gan_loss_count; row++) {
    const gan_loss *loss = &gan_losses[row];
    const gan_loss_options options = usual(loss);
    float with[COUNT], without[COUNT], real_gradient[COUNT];
    const gan_scores both = {.count = COUNT,
                             .batch = COUNT,
                             .real = some_real,
                             .fake = some_fake,
                             .real_gradient = real_gradient,
                             .fake_gradient = with};
    const double value = loss_of(loss, &options, GAN_LOSS_GENERATOR, &both, 2);
    gan_scores other = both;
    other.real = loss->generator_needs_real ? others : NULL;
    other.fake_gradient = without;
    const bool same = value == loss_of(loss, &options, GAN_LOSS_GENERATOR, &other, 2);
    assert_true(same == !loss->generator_needs_real);
    if (same) assert_memory_equal(with, without, sizeof with);
  }
}

/* So that existing losses keep their bits and need no further exchange. */
static void only_means_inside_a_term_and_weights_take_rounds(void **unused) {
  (void)unused;
  for (int row = 0; row < gan_loss_count; row++) {
    const bool means = gan_losses[row].pairing == GAN_PAIRING_MEANS;
    assert_int_equal(gan_loss_rounds(&gan_losses[row], false), means ? 2 : 0);
    assert_int_equal(gan_loss_rounds(&gan_losses[row], true), means ? 2 : 1);
  }
}

static void a_score_that_is_not_a_number_makes_each_loss_not_a_number(void **unused) {
  (void)unused;
  const float broken[COUNT] = {0.0f, NAN, 1.0f, 2.0f, 3.0f};
  for (int row = 0; row < gan_loss_count; row++) {
    const gan_loss_options options = usual(&gan_losses[row]);
    const gan_scores scores = {.count = COUNT, .batch = COUNT, .real = some_real, .fake = broken};
    assert_true(isnan(loss_of(&gan_losses[row], &options, GAN_LOSS_CRITIC, &scores, 2)));
    assert_true(isnan(loss_of(&gan_losses[row], &options, GAN_LOSS_GENERATOR, &scores, 2)));
  }
}

static void flips_are_refused_where_samples_have_no_class(void **unused) {
  (void)unused;
  for (int row = 0; row < gan_loss_count; row++) {
    gan_loss_options options = usual(&gan_losses[row]);
    assert_int_equal(gan_loss_check(&options), GAN_OK);
    options.label_flips = 0.05;
    const bool refused = strncmp(options.name, "relativistic", 12) == 0 || strcmp(options.name, "wasserstein") == 0;
    assert_int_equal(gan_loss_check(&options), refused ? GAN_BAD_USAGE : GAN_OK);
    if (refused) assert_non_null(strstr(gan_error_message(), "loss.label_flips"));
  }
}

static void labels_that_are_the_same_are_refused(void **unused) {
  (void)unused;
  gan_loss_options options = usual(gan_loss_find("least_squares"));
  options.fake_label = options.real_label;
  assert_int_equal(gan_loss_check(&options), GAN_BAD_USAGE);
  options.name = "minimax";
  assert_int_equal(gan_loss_check(&options), GAN_OK);
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
      cmocka_unit_test(so_they_do_cut_into_shards_of_unequal_size),
      cmocka_unit_test(every_loss_is_compared_with_pytorch),
      cmocka_unit_test(gradients_are_the_slopes_of_the_losses),
      cmocka_unit_test(real_samples_without_weight_leave_the_generated_ones_terms_alone),
      cmocka_unit_test(weights_alike_multiply_every_loss),
      cmocka_unit_test(a_batch_without_weight_has_neither_loss_nor_gradient),
      cmocka_unit_test(generators_do_without_real_scores_unless_they_say_so),
      cmocka_unit_test(only_means_inside_a_term_and_weights_take_rounds),
      cmocka_unit_test(a_score_that_is_not_a_number_makes_each_loss_not_a_number),
      cmocka_unit_test(flips_are_refused_where_samples_have_no_class),
      cmocka_unit_test(labels_that_are_the_same_are_refused),
      cmocka_unit_test(softplus_and_sigmoid_keep_their_digits_at_both_ends),
      cmocka_unit_test(unknown_names_are_not_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
