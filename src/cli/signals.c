#include "cli/signals.h"

#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

static const int stop_signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGHUP};
enum { STOP_SIGNALS = sizeof stop_signals / sizeof *stop_signals };

/* The kernel's form of a set of signals, of which the first word has 1 to 32 at least. */
typedef struct kernel_set {
  unsigned long words[_NSIG / 8 / sizeof(unsigned long)];
} kernel_set;
#define BIT_OF(signal) (1UL << ((signal)-1))

/* Of the signals that ask to stop: those that are blocked here and were not when the program was started. */
static unsigned long held;

/* Runs before any constructor, those of sanitizers and of the C library included: nothing but system calls. */
__attribute__((no_sanitize("address", "undefined"))) static void hold(void) {
  const kernel_set stop = {{BIT_OF(SIGTERM) | BIT_OF(SIGINT) | BIT_OF(SIGUSR1) | BIT_OF(SIGHUP)}};
  kernel_set before = {{0}};
  if (syscall(SYS_rt_sigprocmask, SIG_BLOCK, &stop, &before, sizeof stop) == 0) held = stop.words[0] & ~before.words[0];
}
__attribute__((section(".preinit_array"), used)) static void (*first_of_all)(void) = hold;

/* Over the new start: "process:held". Of another process it means nothing. */
static const char memory[] = "GAN_SIGNALS_HELD";

void gan_signals_hand_over(void) {
  char text[64];
  snprintf(text, sizeof text, "%ld:%lx", (long)getpid(), held);
  (void)setenv(memory, text, 1); /* without it signals stay blocked for who does not take them: no reason to fail */
}

static void take_over(void) {
  const char *text = getenv(memory);
  long process = 0;
  unsigned long before = 0;
  if (!text) return;
  if (sscanf(text, "%ld:%lx", &process, &before) == 2 && process == (long)getpid()) held |= before;
  unsetenv(memory);
}

/* Those of the signals that ask to stop that `chosen` has. */
static sigset_t stop_set(unsigned long chosen) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < STOP_SIGNALS; i++)
    if (chosen & BIT_OF(stop_signals[i])) sigaddset(&set, stop_signals[i]);
  return set;
}

static void release(unsigned long chosen) {
  const sigset_t set = stop_set(held & chosen);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  held &= ~chosen;
}

void gan_signals_begin(void) {
  struct sigaction hangup;
  take_over();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  /* A signal that is blocked is kept even where it is ignored. One that this thread does not block is dropped. */
  if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN) release(BIT_OF(SIGHUP));
}

void gan_signals_release(void) { release(~0UL); }

void gan_signals_release_child(void) {
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  release(~0UL);
}

static void (*stop_function)(void);
static atomic_bool is_answered;

void gan_signals_answered(bool answered) { atomic_store(&is_answered, answered); }

static void end_by(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  signal(number, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  raise(number);
}

static sem_t begun;

static void *take(void *context) {
  const sigset_t *set = context;
  sem_post(&begun);
  const double patience = 1; /* seconds: one request may come twice, from a terminal and from mpirun */
  double first = 0;
  for (int number = 0;;) {
    if (sigwait(set, &number) != 0) continue;
    const double now = gan_seconds();
    const bool insists = first > 0 && now - first > patience && (number == SIGINT || number == SIGTERM);
    if (insists && !atomic_load(&is_answered)) end_by(number);
    if (first == 0) first = now;
    stop_function();
  }
  return NULL;
}

static void *end(void *context) {
  const sigset_t *set = context;
  int number = 0;
  sem_post(&begun);
  while (sigwait(set, &number) != 0) continue;
  stop_function();
  end_by(number);
  return NULL;
}

static gan_status start(void *(*answer)(void *), sigset_t *set, void (*function)(void)) {
  pthread_t thread;
  stop_function = function;
  sem_init(&begun, 0, 0);
  GAN_TRY(gan_thread_start(&thread, "signals", answer, set));
  pthread_detach(thread);
  /* A child process that was forked while a thread begins could find locks taken for ever (a sanitizer's). */
  while (sem_wait(&begun) != 0) continue;
  return GAN_OK;
}

gan_status gan_signals_take(void (*stop)(void)) {
  static sigset_t set;
  set = stop_set(~0UL);
  return start(take, &set, stop);
}

gan_status gan_signals_end(void (*clean)(void)) {
  static sigset_t set;
  for (int i = 0; i < STOP_SIGNALS; i++) {
    struct sigaction action;
    if (sigaction(stop_signals[i], NULL, &action) == 0 && action.sa_handler == SIG_IGN)
      release(BIT_OF(stop_signals[i]));
  }
  set = stop_set(held);
  return start(end, &set, clean);
}
