/* A barrier of the ranks of one host, in memory that they share, and in two halves: a rank arrives, may do something
   else, and awaits the others later.

   A rank that waits spins for a moment if every rank has a core of its own, and sleeps in the kernel otherwise (futex),
   so that it takes nothing from the ranks that it waits for. It looks around every tenth of a second all the same: then
   MPI gets to run, and may find that the job is being ended. */
#ifndef GAN_DIST_BARRIER_H
#define GAN_DIST_BARRIER_H

#include <stdatomic.h>
#include <stdint.h>

#include "dist/world_state.h"

/* In shared memory; starts as zeroes. */
struct gan_barrier {
  _Alignas(64) _Atomic uint32_t arrived; /* ranks in the turn under way */
  _Alignas(64) _Atomic uint32_t turn;    /* the last turn at which all have arrived; sleepers wait for it to change */
  _Atomic uint32_t sleepers;
};

/* Everything that this rank wrote before is seen by all ranks of the host after their await. Each arrival has to be
   awaited before the next one. Without a barrier (a host with one rank) both do nothing. */
void gan_barrier_arrive(const gan_world *world, gan_barrier_end *end);
void gan_barrier_await(gan_world *world, const gan_barrier_end *end);

/* Both halves, of the host's own barrier. Collective over the host. */
void gan_host_barrier(gan_world *world);

#endif
