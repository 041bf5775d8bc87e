#include "base/thread.h"

#include <signal.h>
#include <string.h>

/* A crash whose signal is blocked ends the process, too, but past whatever reports it (a sanitizer, a debugger). */
static sigset_t all_but_crashes(void) {
  static const int crashes[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
  sigset_t set;
  sigfillset(&set);
  for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) sigdelset(&set, crashes[i]);
  return set;
}

gan_status gan_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context) {
  const sigset_t blocked = all_but_crashes();
  sigset_t before;
  /* A thread inherits the mask of the one that starts it, and so has no moment without. */
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const int error = pthread_create(thread, NULL, run, context);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error) return gan_fail(GAN_FAILED, "cannot start the %s's thread: %s (see ulimit -u)", name, strerror(error));
  pthread_setname_np(*thread, name);
  return GAN_OK;
}
