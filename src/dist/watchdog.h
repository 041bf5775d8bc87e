/* The watchdog: no rank waits for ever for one that stands still.

   A rank that was stopped, that swaps, or whose disk or network hangs, leaves all others waiting, and neither MPI nor
   mpirun notices. So a thread in each rank leaves a sign in memory that the ranks of its host share, and looks at those
   of the others: a process that is stopped shows none. Between hosts such signs are sent (heartbeat.h). And while
   training goes on, every rank says from time to time what it is at (a beat), and its thread looks whether its own rank
   still advances; before and after, nobody knows how long things may take, as reading large data does. When a sign or a
   beat has not come for the given time, one rank of the host writes who stands still and at what, and all leave at
   once; mpirun then ends what does not leave by itself, a stopped process too. The last checkpoint stays. */
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

/* From here on, or no longer, `seconds` without a beat of this rank end the run too. Collective. */
void gan_watchdog_expect_beats(gan_world *world, bool expected);
/* This rank goes on to something else. Costs two stores. Not collective. */
void gan_watchdog_beat(const gan_world *world, gan_activity activity);

#endif
