#include "dist/time_limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "dist/launcher.h"
#include "dist/ticker.h"

struct gan_time_limit {
  double seconds;
  const char *what;
  int rank; /* as the launcher said before MPI started; -1 when it did not */
  gan_ticker ticker;
};

/* When this process has been stopped itself, the clock has gone on without it: a part of the time counts only once it
   was awake for it. */
enum { PARTS = 20 };

/* What MPI may take to start and end many ranks on few cores, however short a time the user wants none to stand still
   for. */
static const double SHORTEST = 10;

/* All ranks that are not stopped get here at about the same time: rank 0 speaks, or rank 1 if rank 0 does not, or the
   others; mpirun ends them meanwhile. */
static _Noreturn void leave(const gan_time_limit *limit) {
  enum { TIME_TO_REPORT = 5 }; /* a busy machine takes seconds to end a job */
  const int rank = limit->rank;
  char host[256] = "?";
  if (rank > 0) sleep(rank == 1 ? TIME_TO_REPORT : 2 * TIME_TO_REPORT);
  gethostname(host, sizeof host - 1);
  fprintf(stderr,
          "gan_dist: host %s has waited %g s for all ranks to %s: one is stopped, or its host or network does not "
          "answer; the run ends (--timeout)\n",
          host, limit->seconds, limit->what);
  _exit(GAN_FAILED);
}

static void *wait_for_end(void *context) {
  gan_time_limit *limit = context;
  for (int i = 0; i < PARTS; i++)
    if (!gan_ticker_wait(&limit->ticker, limit->seconds / PARTS)) return NULL;
  leave(limit);
}

gan_status gan_time_limit_begin(double seconds, const char *what, gan_time_limit **begun) {
  gan_time_limit *limit = NULL;
  *begun = NULL;
  if (seconds == 0) return GAN_OK;
  GAN_TRY(gan_allocate(1, sizeof *limit, "a time limit", &limit));
  limit->seconds = seconds > SHORTEST ? seconds : SHORTEST;
  limit->what = what;
  limit->rank = gan_launcher_rank();
  const gan_status status = gan_ticker_start(&limit->ticker, "time limit", wait_for_end, limit);
  if (status == GAN_OK)
    *begun = limit;
  else
    free(limit);
  return status;
}

void gan_time_limit_end(gan_time_limit *limit) {
  if (!limit) return;
  gan_ticker_stop(&limit->ticker);
  free(limit);
}
