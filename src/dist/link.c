/* See link.h. Three exercises of two ranks, the fastest of several rounds of each, since what disturbs only slows down:
   one small message there and back (twice overhead, latency, overhead); many small ones in a row, answered by one (each
   costs sender and receiver their overhead, at the same time); and a large one, answered by a small one. */
#include "dist/link.h"

#include <math.h>
#include <mpi.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "dist/wait.h"
#include "dist/world_state.h"

enum { TAG = 0, ROUNDS = 200, LARGE_ROUNDS = 20, BURST = 64, LARGE = 4 << 20 };

static void transfer(gan_world *world, bool sends, int peer, int count, int bytes, char *buffer) {
  MPI_Request requests[BURST];
  for (int i = 0; i < count; i++)
    if (sends)
      MPI_Isend(buffer, bytes, MPI_BYTE, peer, TAG, world->ranks, &requests[i]);
    else
      MPI_Irecv(buffer + (count > 1 ? i : 0), bytes, MPI_BYTE, peer, TAG, world->ranks, &requests[i]);
  gan_wait(world, count, requests);
}

/* Seconds from the first of `count` messages of `bytes` to the answer of one byte, at best; on rank 0. */
static double best_round(gan_world *world, int other, int rounds, int count, int bytes, char *buffer) {
  const bool first = world->rank == 0;
  const int peer = first ? other : 0;
  double best = INFINITY;
  for (int round = 0; round < rounds; round++) {
    const double start = gan_seconds();
    transfer(world, first, peer, count, bytes, buffer);
    transfer(world, !first, peer, 1, 1, buffer);
    best = fmin(best, gan_seconds() - start);
  }
  return best;
}

gan_status gan_link_measure(gan_world *world, gan_link *link, int *other) {
  char *buffer = NULL;
  if (world->size < 2)
    return gan_fail(GAN_BAD_USAGE, "a network is measured between two ranks; start them by mpirun -np 2, on two hosts");
  *other = world->host_count > 1 ? world->first_on_host[1] : 1;
  const gan_status status = gan_world_agree(world, gan_allocate(LARGE, 1, "a message to measure the network", &buffer));
  if (status != GAN_OK) {
    free(buffer);
    return status;
  }
  double times[3] = {0};
  if (world->rank == 0 || world->rank == *other) {
    times[0] = best_round(world, *other, ROUNDS, 1, 1, buffer);
    times[1] = best_round(world, *other, ROUNDS, BURST, 1, buffer);
    times[2] = best_round(world, *other, LARGE_ROUNDS, 1, LARGE, buffer);
  }
  free(buffer);
  gan_world_broadcast(world, times, sizeof times);
  const double half = times[0] / 2;
  link->overhead = fmin(fmax((times[1] - times[0]) / (BURST - 1), 1e-9), half / 2);
  link->latency = half - 2 * link->overhead;
  link->bandwidth = LARGE / fmax(times[2] - times[0], 1e-9);
  return GAN_OK;
}
