#include "dist/ticker.h"

#include <math.h>
#include <time.h>

#include "base/thread.h"

gan_status gan_ticker_start(gan_ticker *ticker, const char *name, void *(*run)(void *), void *context) {
  pthread_condattr_t attributes;
  pthread_mutex_init(&ticker->mutex, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&ticker->end, &attributes);
  pthread_condattr_destroy(&attributes);
  GAN_TRY(gan_thread_start(&ticker->thread, name, run, context));
  ticker->running = true;
  return GAN_OK;
}

static struct timespec in_seconds(double seconds) {
  struct timespec then;
  clock_gettime(CLOCK_MONOTONIC, &then);
  const double whole = floor(seconds);
  then.tv_sec += (time_t)whole;
  then.tv_nsec += (long)(1e9 * (seconds - whole));
  if (then.tv_nsec >= 1000000000) {
    then.tv_sec++;
    then.tv_nsec -= 1000000000;
  }
  return then;
}

bool gan_ticker_wait(gan_ticker *ticker, double seconds) {
  const struct timespec until = in_seconds(seconds);
  pthread_mutex_lock(&ticker->mutex);
  while (!ticker->ending && pthread_cond_timedwait(&ticker->end, &ticker->mutex, &until) == 0) continue;
  const bool goes_on = !ticker->ending;
  pthread_mutex_unlock(&ticker->mutex);
  return goes_on;
}

double gan_ticker_seconds(const gan_ticker *ticker) {
  clockid_t clock;
  struct timespec taken;
  if (!ticker->running || pthread_getcpuclockid(ticker->thread, &clock) != 0 || clock_gettime(clock, &taken) != 0)
    return 0;
  return (double)taken.tv_sec + 1e-9 * (double)taken.tv_nsec;
}

void gan_ticker_stop(gan_ticker *ticker) {
  if (!ticker->running) return;
  pthread_mutex_lock(&ticker->mutex);
  ticker->ending = true;
  pthread_cond_signal(&ticker->end);
  pthread_mutex_unlock(&ticker->mutex);
  pthread_join(ticker->thread, NULL);
  ticker->running = false;
}
