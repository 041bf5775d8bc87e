/* The watchdog: no rank waits for ever for one that stands still.

   A rank that was stopped, or whose disk or network hangs, leaves all others waiting, and neither MPI nor mpirun
   notices. So a thread in each rank leaves a sign in memory that the ranks of its host share, and looks at those of the
   others: a process that is stopped shows none. Between hosts such signs are sent (heartbeat.h).

   While training goes on, the thread also looks whether its own rank gets on: by a beat, with which the rank goes on to
   something else; by a piece of a file that was written or read (base/advance.h); or by computing, at whatever, for a
   hundredth of the time, unless it waits for others. So work may take as long as it needs, and only that counts which
   neither computes nor moves a byte. Whoever waits for others need not get on as long as one of them does: those of its
   host, and those of other hosts by their signs. Where none did for the given time, one rank of the host writes who
   stands still and at what, and all leave at once; mpirun then ends what does not leave by itself, a stopped process
   too. The last checkpoint stays. Before and after training nobody knows how long things may take, as waiting for
   another rank's large data does: there only the signs count.

   What this does not find: a rank that computes for ever; one that the system gives a hundredth of a processor (which
   swaps, say) is slow, and no more. A single call that syncs a file, or reads one sample, has to be over in time. */
#ifndef GAN_DIST_WATCHDOG_H
#define GAN_DIST_WATCHDOG_H

#include <stdbool.h>

#include "dist/world.h"

/* What a rank is at; only in GAN_AT_EXCHANGE it may be waiting for another. */
typedef enum gan_activity { GAN_AT_DATA, GAN_AT_COMPUTATION, GAN_AT_EXCHANGE, GAN_AT_FILES } gan_activity;

/* Starts watching over a world for ranks that are stopped: `seconds`, rank 0's, without a sign end the run. A world
   that is watched already stays so, with the seconds that it has, until all who started that have stopped it. *started
   says whether the caller is one of them: not with 0 seconds. Collective; errors are agreed on. */
gan_status gan_watchdog_start(gan_world *world, double seconds, bool *started) GAN_CHECKED;
/* By one who started it. Collective. Nothing for a world that is not watched, nor for NULL. */
void gan_watchdog_stop(gan_world *world);

/* From here on, or no longer, `seconds` in which no rank gets on end the run too. Collective. */
void gan_watchdog_expect_beats(gan_world *world, bool expected);
/* Between these two calls, while beats are expected, the others wait for rank 0, which writes or evaluates: only rank 0
   has to get on, also where no signs of it arrive on other hosts. Called by all ranks, ends after a wait for rank 0. */
void gan_watchdog_leave_to_rank_0(gan_world *world, bool leaves);
/* This rank goes on to something else. Costs two stores. Not collective. */
void gan_watchdog_beat(const gan_world *world, gan_activity activity);

#endif
