/* The prediction of exchanges and stragglers, against sums done by hand and closed forms of distributions. */
#include "dist/predict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK = 4096, CHUNK = 65536 };

static void assert_close(double value, double expected, double relative) {
  if (!(fabs(value - expected) <= relative * fabs(expected))) fail_msg("%.12g is not %.12g", value, expected);
}

/* One update of one network an iteration; the other one's is left out. */
static gan_predicted_work update_of(size_t parameters, const char *reduction) {
  return (gan_predicted_work){
      .updates = {{parameters, 7, 1}}, .ranks_per_host = 1, .buckets = 1, .reduction = reduction};
}

static gan_predicted_time predict(const gan_predicted_work *work, gan_link link, int hosts) {
  gan_predicted_time time;
  gan_predict_exchange(work, &link, hosts, &time);
  return time;
}

static void one_host_exchanges_nothing(void **state) {
  (void)state;
  const gan_predicted_work work = update_of(100 * BLOCK, "auto");
  const gan_predicted_time time = predict(&work, (gan_link){1, 1, 1}, 1);
  assert_true(time.scalars == 0 && time.gradients == 0 && time.verification == 0 && time.adding == 0);
  assert_string_equal(time.reductions[0], "flat");
}

static void the_reduction_is_chosen_as_by_the_program(void **state) {
  (void)state;
  const gan_link link = {1e-6, 0, 1e9};
  gan_predicted_work work = update_of(100 * BLOCK - 5, "auto");
  assert_string_equal(predict(&work, link, 1200).reductions[0], "hierarchical");
  assert_string_equal(predict(&work, link, 1201).reductions[0], "flat");
  work.ranks_per_host = 2;
  assert_string_equal(predict(&work, link, 1).reductions[0], "shared");
  work.reduction = "flat";
  assert_string_equal(predict(&work, link, 2).reductions[0], "flat");
}

/* Latency 1 s and nothing else: 4 levels up and 4 of a binomial tree down; three exchanges of slices after each other.
 */
static void latencies_add_up_along_the_trees(void **state) {
  (void)state;
  const gan_predicted_work sliced = update_of(64 * BLOCK, "hierarchical"), flat = update_of(64 * BLOCK, "flat");
  const gan_link link = {1, 0, INFINITY};
  assert_close(predict(&sliced, link, 16).scalars, 8, 1e-12);
  assert_close(predict(&sliced, link, 9).scalars, 8, 1e-12);
  assert_close(predict(&sliced, link, 3).scalars, 3, 1e-12); /* from the root to both others at once */
  assert_close(predict(&sliced, link, 16).gradients, 2, 1e-12);
  assert_close(predict(&flat, link, 16).gradients, 8, 1e-12);
}

/* 64 blocks on 16 hosts: 4 blocks of each to and from 15 others, of sums and of values, and 15 x 4 doubles. */
static void slices_fill_the_links(void **state) {
  (void)state;
  const gan_predicted_work work = update_of(64 * BLOCK, "hierarchical");
  const gan_predicted_time time = predict(&work, (gan_link){0, 0, 1}, 16);
  assert_close(time.bytes, 15 * 4 * (2 * BLOCK * 4 + 8), 1e-12);
  assert_close(time.gradients, 15 * 4 * (2 * BLOCK * 4 + 8), 1e-12);
  assert_close(time.messages, 3 * 30 + 8, 1e-12);
}

/* 17 blocks on 16 hosts: one of them has two blocks, and all wait for it. */
static void the_largest_slice_sets_the_time(void **state) {
  (void)state;
  const gan_predicted_work work = update_of(17 * BLOCK, "hierarchical");
  assert_close(predict(&work, (gan_link){0, 0, 1}, 16).gradients, 15 * 2 * (2 * BLOCK * 4 + 8), 1e-12);
}

/* 1 us for each of 15 messages sent and 15 received, three times. */
static void messages_cost_their_overhead(void **state) {
  (void)state;
  const gan_predicted_work work = update_of(64 * BLOCK, "hierarchical");
  assert_close(predict(&work, (gan_link){0, 1e-6, INFINITY}, 16).gradients, 90e-6, 1e-9);
}

static void buckets_multiply_the_messages_and_keep_the_bytes(void **state) {
  (void)state;
  gan_predicted_work work = update_of(64 * BLOCK, "hierarchical");
  work.buckets = 4; /* of 16 blocks, one to each host */
  const gan_predicted_time time = predict(&work, (gan_link){0, 1e-6, INFINITY}, 16);
  assert_close(time.gradients, (4 * 2 + 1) * 30e-6, 1e-9);
  assert_close(predict(&work, (gan_link){0, 0, 1}, 16).bytes, 15 * 4 * 2 * BLOCK * 4 + 15 * 8 * 4, 1e-3);
}

/* One chunk up 3 levels, one after the other, and down: 3, 2 and 1 copies of it leave the busiest rank of each level.
   Of many chunks each leaves the root three times. */
static void chunks_pass_the_root_once_for_each_level(void **state) {
  (void)state;
  const gan_link link = {0, 0, 1};
  gan_predicted_work work = update_of(CHUNK, "flat");
  const double chunk = CHUNK * 4;
  assert_close(predict(&work, link, 8).gradients, (3 + 3 + 2 + 1) * chunk, 1e-12);
  work = update_of(2 * CHUNK, "flat");
  assert_close(predict(&work, link, 8).gradients, 2 * (3 + 3 + 2 + 1) * chunk, 1e-12);
  const double before = predict(&work, link, 8).gradients;
  work = update_of(102 * CHUNK, "flat");
  assert_close(predict(&work, link, 8).gradients - before, 100 * 3 * chunk, 1e-12);
}

static void steps_multiply_and_networks_add_up(void **state) {
  (void)state;
  const gan_link link = {3e-6, 1e-6, 1e9};
  const gan_predicted_work one = update_of(64 * BLOCK, "auto"), other = update_of(99 * BLOCK, "auto");
  gan_predicted_work both = one;
  both.updates[0].steps = 5;
  both.updates[1] = other.updates[0];
  assert_close(predict(&both, link, 16).gradients,
               5 * predict(&one, link, 16).gradients + predict(&other, link, 16).gradients, 1e-12);
}

/* Latency alone: 16 hosts are 4 levels up and 4 down, for each sum, however few numbers it is of. */
static void further_sums_of_a_few_numbers_take_as_long_as_a_steps(void **state) {
  (void)state;
  const gan_link link = {1, 0, 1e300};
  gan_predicted_work work = update_of(BLOCK, "flat");
  const double before = predict(&work, link, 16).scalars;
  work.further_sums = 2.5;
  assert_close(before, 8, 1e-12);
  assert_close(predict(&work, link, 16).scalars, 3.5 * 8, 1e-12);
  assert_true(predict(&work, link, 1).scalars == 0);
}

static double slower(const gan_link *link, int hosts, size_t count, const char *name) {
  const gan_predicted_work work = update_of(count, name);
  return predict(&work, *link, hosts).gradients;
}

/* Networks of one block to 4M parameters, on any number of hosts and any of the networks. */
static void auto_is_never_much_slower_than_the_better_reduction(void **state) {
  (void)state;
  double worst = 0;
  for (int i = 0; gan_link_at(i); i++)
    for (int hosts = 2; hosts < 20000; hosts += 1 + hosts / 3)
      for (size_t blocks = 1; blocks <= 1024; blocks *= 2) {
        const gan_link *link = &gan_link_at(i)->link;
        const double flat = slower(link, hosts, blocks * BLOCK, "flat");
        const double hierarchical = slower(link, hosts, blocks * BLOCK, "hierarchical");
        const double chosen = slower(link, hosts, blocks * BLOCK, "auto");
        worst = fmax(worst, chosen / fmin(flat, hierarchical));
      }
  print_message("at worst %.2f times as long\n", worst);
  assert_true(worst >= 1 && worst < 2);
}

static void verification_is_spread_over_its_iterations(void **state) {
  (void)state;
  gan_predicted_work work = update_of(64 * BLOCK, "auto");
  work.verify_every = 10;
  const double each_tenth = predict(&work, (gan_link){1, 0, INFINITY}, 16).verification;
  work.verify_every = 100;
  assert_close(each_tenth, 0.1, 1e-12);
  assert_close(predict(&work, (gan_link){1, 0, INFINITY}, 16).verification, each_tenth / 10, 1e-12);
}

static void a_named_network_has_sensible_numbers(void **state) {
  (void)state;
  int count = 0;
  for (; gan_link_at(count); count++) {
    const gan_link link = gan_link_at(count)->link;
    assert_true(link.latency > 1e-7 && link.latency < 1e-3 && link.overhead > 0 && link.bandwidth > 1e8);
  }
  assert_int_equal(count, 3);
}

/* --- stragglers --- */

enum { SAMPLES = 20000 };

static gan_spread spread_of(double (*quantile)(double)) {
  static double values[SAMPLES];
  gan_spread spread;
  /* Shuffled a little: measured times come in no order. */
  for (int i = 0; i < SAMPLES; i++) values[(i * 7919) % SAMPLES] = quantile((i + 0.5) / SAMPLES);
  gan_spread_measure(SAMPLES, values, &spread);
  return spread;
}

static double exponential(double share) { return 5 - log1p(-share); }
static double uniform(double share) { return 2 + share; }
static double constant(double share) { return 3 + 0 * share; }

static void ranks_without_noise_do_not_wait(void **state) {
  (void)state;
  const gan_spread spread = spread_of(constant);
  assert_close(spread.mean, 3, 1e-12);
  assert_true(gan_predict_stragglers(&spread, 6, 1e5) == 0);
}

static void a_rank_alone_waits_for_nobody(void **state) {
  (void)state;
  const gan_spread spread = spread_of(exponential);
  assert_true(gan_predict_stragglers(&spread, 6, 1) == 0);
}

/* The largest of n exponential variables exceeds the mean by the harmonic number less 1 (Renyi 1953); also for more
   variables than there are samples. */
static void the_slowest_of_exponential_ranks_is_harmonic(void **state) {
  (void)state;
  const gan_spread spread = spread_of(exponential);
  for (int ranks = 2; ranks <= 1000000; ranks *= 8) {
    double harmonic = 0;
    for (int i = ranks; i >= 1; i--) harmonic += 1.0 / i;
    assert_close(gan_predict_stragglers(&spread, 1, ranks), harmonic - 1, 0.02);
  }
}

/* The largest of n uniform variables has the mean n / (n + 1). */
static void the_slowest_of_few_uniform_ranks_is_known(void **state) {
  (void)state;
  const gan_spread spread = spread_of(uniform);
  for (int ranks = 2; ranks <= 8; ranks++)
    assert_close(gan_predict_stragglers(&spread, 1, ranks), (double)ranks / (ranks + 1) - 0.5, 0.02);
}

/* With as many steps as to make delays rare, n ranks lose n times what one loses. */
static void rare_delays_add_up(void **state) {
  (void)state;
  const gan_spread spread = spread_of(exponential);
  assert_close(gan_predict_stragglers(&spread, 1000000, 10), 9 * 1.0, 0.01);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_host_exchanges_nothing),
      cmocka_unit_test(further_sums_of_a_few_numbers_take_as_long_as_a_steps),
      cmocka_unit_test(the_reduction_is_chosen_as_by_the_program),
      cmocka_unit_test(latencies_add_up_along_the_trees),
      cmocka_unit_test(slices_fill_the_links),
      cmocka_unit_test(the_largest_slice_sets_the_time),
      cmocka_unit_test(messages_cost_their_overhead),
      cmocka_unit_test(buckets_multiply_the_messages_and_keep_the_bytes),
      cmocka_unit_test(chunks_pass_the_root_once_for_each_level),
      cmocka_unit_test(steps_multiply_and_networks_add_up),
      cmocka_unit_test(auto_is_never_much_slower_than_the_better_reduction),
      cmocka_unit_test(verification_is_spread_over_its_iterations),
      cmocka_unit_test(a_named_network_has_sensible_numbers),
      cmocka_unit_test(ranks_without_noise_do_not_wait),
      cmocka_unit_test(a_rank_alone_waits_for_nobody),
      cmocka_unit_test(the_slowest_of_exponential_ranks_is_harmonic),
      cmocka_unit_test(the_slowest_of_few_uniform_ranks_is_known),
      cmocka_unit_test(rare_delays_add_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
