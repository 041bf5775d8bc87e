/* Threads of the library's own: whoever starts them, no handler runs in them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/thread.h"
#include "dist/ticker.h"

static void *read_mask(void *mask) {
  pthread_sigmask(SIG_BLOCK, NULL, mask);
  return NULL;
}

static void expect_quiet(const sigset_t *mask) {
  const int asynchronous[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGPROF, SIGCHLD, SIGRTMIN, SIGRTMAX};
  const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  for (size_t i = 0; i < sizeof asynchronous / sizeof *asynchronous; i++)
    assert_true(sigismember(mask, asynchronous[i]));
  for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) assert_false(sigismember(mask, crashes[i]));
}

static void a_thread_blocks_all_signals_but_those_of_its_own_crash(void **state) {
  (void)state;
  pthread_t thread;
  sigset_t mask;
  sigemptyset(&mask);
  assert_int_equal(gan_thread_start(&thread, "test", read_mask, &mask), GAN_OK);
  pthread_join(thread, NULL);
  expect_quiet(&mask);
}

static void starting_a_thread_leaves_the_starter_its_mask(void **state) {
  (void)state;
  pthread_t thread;
  sigset_t before, after, ignored;
  sigemptyset(&before);
  sigaddset(&before, SIGUSR2);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  assert_int_equal(gan_thread_start(&thread, "test", read_mask, &ignored), GAN_OK);
  pthread_join(thread, NULL);
  pthread_sigmask(SIG_BLOCK, NULL, &after);
  for (int number = 1; number < SIGRTMIN; number++)
    assert_int_equal(sigismember(&after, number), sigismember(&before, number));
  sigemptyset(&before);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void a_ticker_is_such_a_thread(void **state) {
  (void)state;
  gan_ticker ticker = {.running = false};
  sigset_t mask;
  sigemptyset(&mask);
  assert_int_equal(gan_ticker_start(&ticker, "test", read_mask, &mask), GAN_OK);
  gan_ticker_stop(&ticker);
  expect_quiet(&mask);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_thread_blocks_all_signals_but_those_of_its_own_crash),
      cmocka_unit_test(starting_a_thread_leaves_the_starter_its_mask),
      cmocka_unit_test(a_ticker_is_such_a_thread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
