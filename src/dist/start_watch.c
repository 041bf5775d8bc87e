#include "dist/start_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "dist/ticker.h"

struct gan_start_watch {
  double seconds;
  gan_ticker ticker;
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
  for (int i = 0; i < PARTS; i++)
    if (!gan_ticker_wait(&watch->ticker, watch->seconds / PARTS)) return NULL;
  leave(watch);
}

gan_status gan_start_watch_begin(double seconds, gan_start_watch **begun) {
  gan_start_watch *watch = NULL;
  *begun = NULL;
  GAN_TRY(gan_allocate(1, sizeof *watch, "the watch over the start", &watch));
  watch->seconds = seconds;
  const gan_status status = gan_ticker_start(&watch->ticker, "start watch", wait_for_end, watch);
  if (status == GAN_OK)
    *begun = watch;
  else
    free(watch);
  return status;
}

void gan_start_watch_end(gan_start_watch *watch) {
  if (!watch) return;
  gan_ticker_stop(&watch->ticker);
  free(watch);
}
