#include "dist/start_watch.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

struct gan_start_watch {
  double seconds;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t end;
  bool ended;
};

/* When this process has been stopped itself, the clock has gone on without it: a part of the time counts only once it
   was awake for it. */
enum { PARTS = 20 };

/* All ranks that are not stopped get here at about the same time: the first of each host speaks, the others leave it
   the time to do so; mpirun ends them meanwhile. */
static _Noreturn void leave(const gan_start_watch *watch) {
  enum { TIME_TO_REPORT = 3 };
  const char *local = getenv("OMPI_COMM_WORLD_LOCAL_RANK");
  char host[256] = "?";
  if (local && strcmp(local, "0") != 0) sleep(TIME_TO_REPORT);
  gethostname(host, sizeof host - 1);
  fprintf(stderr,
          "gan_dist: host %s has waited %g s for all ranks to start: one is stopped, or its host or network does not "
          "answer; the run ends (--timeout)\n",
          host, watch->seconds);
  _exit(GAN_FAILED);
}

static void *wait_for_end(void *context) {
  gan_start_watch *watch = context;
  const double part = watch->seconds / PARTS;
  pthread_mutex_lock(&watch->mutex);
  for (int i = 0; i < PARTS && !watch->ended; i++) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const double nanoseconds = (double)until.tv_nsec + 1e9 * (part - floor(part));
    until.tv_sec += (time_t)part + (nanoseconds >= 1e9);
    until.tv_nsec = (long)(nanoseconds >= 1e9 ? nanoseconds - 1e9 : nanoseconds);
    while (!watch->ended && pthread_cond_timedwait(&watch->end, &watch->mutex, &until) == 0) continue;
  }
  if (!watch->ended) leave(watch);
  pthread_mutex_unlock(&watch->mutex);
  return NULL;
}

gan_status gan_start_watch_begin(double seconds, gan_start_watch **begun) {
  gan_start_watch *watch = NULL;
  *begun = NULL;
  GAN_TRY(gan_allocate(1, sizeof *watch, "the watch over the start", &watch));
  watch->seconds = seconds;
  pthread_condattr_t attributes;
  pthread_mutex_init(&watch->mutex, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&watch->end, &attributes);
  pthread_condattr_destroy(&attributes);
  const int error = pthread_create(&watch->thread, NULL, wait_for_end, watch);
  if (error) {
    free(watch);
    return gan_fail(GAN_FAILED, "cannot start a thread that watches the start: %s", strerror(error));
  }
  *begun = watch;
  return GAN_OK;
}

void gan_start_watch_end(gan_start_watch *watch) {
  if (!watch) return;
  pthread_mutex_lock(&watch->mutex);
  watch->ended = true;
  pthread_cond_signal(&watch->end);
  pthread_mutex_unlock(&watch->mutex);
  pthread_join(watch->thread, NULL);
  pthread_mutex_destroy(&watch->mutex);
  pthread_cond_destroy(&watch->end);
  free(watch);
}
