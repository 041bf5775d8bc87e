/* How an iteration's time splits up, for clocks whose answer is known; and the thread's own clock. */
#include "train/phases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void assert_phases(const gan_phase_clocks *clocks, double data, double compute, double summing, double waiting) {
  const gan_phases found = gan_phases_split(clocks);
  assert_true(fabs(found.data - data) < 1e-12);
  assert_true(fabs(found.compute - compute) < 1e-12);
  assert_true(fabs(found.summing - summing) < 1e-12);
  assert_true(fabs(found.waiting - waiting) < 1e-12);
}

static void a_rank_alone_on_its_core_computes(void **state) {
  (void)state;
  const gan_phase_clocks clocks = {.wall = 10, .data = 1, .exchange = 0.5, .on_core = 9};
  assert_phases(&clocks, 1, 8.5, 0.5, 0);
}

/* Of an exchange of 4 s, 3 were waited: asleep, so that the thread had its core for the other 7 only. */
static void sleeping_for_other_ranks_is_waiting(void **state) {
  (void)state;
  const gan_phase_clocks clocks = {.wall = 10, .exchange = 4, .waited = 3, .on_core = 7};
  assert_phases(&clocks, 0, 6, 1, 3);
}

/* The same, but 2 of the 3 seconds of waiting were spent looking around. */
static void looking_around_for_other_ranks_is_waiting_too(void **state) {
  (void)state;
  const gan_phase_clocks clocks = {.wall = 10, .exchange = 4, .waited = 3, .spinning = 2, .on_core = 9};
  assert_phases(&clocks, 0, 6, 1, 3);
}

/* 8 s of computing and 1 of summing on the wall, in which the thread had a core for a third: 6 s more are waiting. */
static void what_another_had_the_core_for_is_waiting(void **state) {
  (void)state;
  const gan_phase_clocks clocks = {.wall = 10, .exchange = 2, .waited = 1, .on_core = 3};
  assert_phases(&clocks, 0, 8.0 / 3, 1.0 / 3, 7);
}

/* Two clocks that do not tick together, and waits outside of exchanges, leave no phase negative, and the sum right. */
static void no_phase_is_negative(void **state) {
  (void)state;
  const gan_phase_clocks faster = {.wall = 10, .exchange = 1, .waited = 1, .on_core = 9.5};
  assert_phases(&faster, 0, 9, 0, 1);
  const gan_phase_clocks outside = {.wall = 10, .data = 2, .exchange = 1, .waited = 3, .on_core = 5};
  assert_phases(&outside, 2, 5, 0, 3);
  const gan_phase_clocks none = {.wall = 1, .data = 1, .waited = 0.5};
  assert_phases(&none, 1, 0, 0, 0);
}

static void readings_are_subtracted(void **state) {
  (void)state;
  const gan_phase_clocks start = {1, 2, 3, 4, 5, 6}, end = {11, 22, 33, 44, 55, 66};
  const gan_phase_clocks passed = gan_phase_clocks_between(&start, &end);
  const gan_phase_clocks expected = {10, 20, 30, 40, 50, 60};
  assert_memory_equal(&passed, &expected, sizeof passed);
}

static void a_thread_that_sleeps_has_no_core(void **state) {
  (void)state;
  const struct timespec pause = {.tv_nsec = 200000000};
  const double wall = gan_seconds(), start = gan_thread_seconds();
  nanosleep(&pause, NULL);
  const double slept = gan_thread_seconds() - start;
  assert_true(gan_seconds() - wall >= 0.2);
  assert_true(slept >= 0 && slept < 0.05);
  while (gan_thread_seconds() - start < 0.1)
    if (gan_seconds() - wall > 60) fail();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_rank_alone_on_its_core_computes),
      cmocka_unit_test(sleeping_for_other_ranks_is_waiting),
      cmocka_unit_test(looking_around_for_other_ranks_is_waiting_too),
      cmocka_unit_test(what_another_had_the_core_for_is_waiting),
      cmocka_unit_test(no_phase_is_negative),
      cmocka_unit_test(readings_are_subtracted),
      cmocka_unit_test(a_thread_that_sleeps_has_no_core),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
