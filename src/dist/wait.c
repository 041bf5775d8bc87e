/* How to wait: test for a moment, since most messages are about to arrive; then offer the core to whoever can use it at
   each turn; on a crowded host finally sleep, a little longer each time, because even a rank that only tests and yields
   gets its share of the core from a fair scheduler. The longest sleep bounds what a message can be late by. */
#include "dist/wait.h"

#include <limits.h>
#include <math.h>
#include <sched.h>
#include <time.h>

enum {
  SPINS = 200,         /* tests at full speed: some tens of microseconds */
  CROWDED_SPINS = 10,  /* the sender probably waits for this very core */
  CROWDED_YIELDS = 30, /* before the first sleep */
  FIRST_SLEEP = 20000, /* nanoseconds */
  LONGEST_SLEEP = 200000
};

/* Makes room for others after the `turn`-th test in vain. */
static void make_room(bool crowded, int turn) {
  const int spins = crowded ? CROWDED_SPINS : SPINS;
  if (turn < spins) return;
  const int sleeps = turn - spins - CROWDED_YIELDS;
  if (!crowded || sleeps < 0) {
    sched_yield();
    return;
  }
  const long doubled = sleeps < 4 ? (long)FIRST_SLEEP << sleeps : LONGEST_SLEEP;
  const struct timespec pause = {.tv_nsec = doubled < LONGEST_SLEEP ? doubled : LONGEST_SLEEP};
  nanosleep(&pause, NULL);
}

void gan_wait(gan_world *world, int count, MPI_Request *requests) {
  int done = 0;
  if (count == 0) return;
  MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE);
  if (done) return;
  gan_wait_begins(world);
  for (int turn = 0; !done; turn += turn < INT_MAX) {
    make_room(world->crowded, turn);
    MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE);
  }
  gan_wait_ends(world, INFINITY);
}
