/* What a world is made of; for the files of src/dist only, since it names MPI's types. */
#ifndef GAN_DIST_WORLD_STATE_H
#define GAN_DIST_WORLD_STATE_H

#include <mpi.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "dist/world.h"

typedef struct gan_shared_block gan_shared_block;
typedef struct gan_barrier gan_barrier;
typedef struct gan_watchdog gan_watchdog;

/* Memory that all ranks of a host may write to (dist/window.h). */
typedef struct gan_window {
  void *memory; /* on a page's boundary; NULL: not open */
  MPI_Win handle;
} gan_window;

/* A rank's end of a barrier (dist/barrier.h). */
typedef struct gan_barrier_end {
  gan_barrier *barrier; /* NULL on a host with one rank */
  uint32_t turn;        /* arrivals of this rank */
} gan_barrier_end;

/* What started this process, as it was before MPI was up: -1, and NULL, when nobody says (dist/launcher.h). */
typedef struct gan_launched {
  const char *by;
  int rank, size;
} gan_launched;

void gan_launched_ask(gan_launched *launched);

struct gan_world {
  MPI_Comm ranks; /* all processes of MPI_COMM_WORLD, numbered host by host; MPI_COMM_NULL: MPI is not up, one rank */
  MPI_Comm host;  /* the ranks that share this host's memory */
  int rank, size;
  int host_rank, host_size, host_number, host_count;
  int *first_on_host; /* [host_count + 1]: host h has ranks first_on_host[h] .. first_on_host[h + 1] - 1 */
  bool finalise;      /* gan_world_open started MPI */
  gan_launched launched;
  gan_host_cores cores; /* of this host */
  bool crowded;         /* it has more ranks than cores (dist/wait.h) */
  char host_name[GAN_HOST_NAME];
  uint64_t *hashes;         /* [size], room for gan_world_same_hash, which cannot fail for lack of memory */
  gan_shared_block *shared; /* blocks of gan_world_share not yet given back, newest first */
  gan_window board;         /* what this host's ranks share for small sums (dist/board.h) */
  gan_barrier_end barrier;  /* the host's barrier, on the board */
  gan_watchdog *watchdog;   /* NULL: nobody watches (dist/watchdog.h) */
  atomic_int *waits;        /* the watchdog's note of a wait; NULL: nobody watches */
  double waits_since;       /* when the wait in progress began */
  gan_waited waited;
  uint64_t rounds; /* sums made: each is a moment at which all ranks have met */
};

/* Whether this is a world of gan_world_alone, in which nothing may call MPI. */
static inline bool gan_world_is_alone(const gan_world *world) { return world->ranks == MPI_COMM_NULL; }

/* Around every wait for other ranks that is not over at once: what a rank computes meanwhile gets it nowhere.
   longest_spin: seconds that such a wait, where each rank has a core, looks around before it sleeps. */
static inline void gan_wait_begins(gan_world *world) {
  if (world->waits) atomic_store_explicit(world->waits, true, memory_order_relaxed);
  world->waits_since = gan_seconds();
}

static inline void gan_wait_ends(gan_world *world, double longest_spin) {
  const double seconds = gan_seconds() - world->waits_since;
  world->waited.seconds += seconds;
  if (!world->crowded) world->waited.spinning += seconds < longest_spin ? seconds : longest_spin;
  if (world->waits) atomic_store_explicit(world->waits, false, memory_order_relaxed);
}

/* `root`'s bytes to everybody. Collective. */
void gan_world_broadcast_from(gan_world *world, int root, void *data, size_t bytes);

/* Whether a block of gan_world_share is the one that all ranks of this host see. Not collective. */
bool gan_world_shares(const gan_world *world, const void *memory);
/* After it, every rank of a host sees what those of the host have written to a block before it. Collective. */
void gan_world_synchronise(gan_world *world, const void *memory);
/* Gives back all blocks that are still shared. Collective. */
void gan_world_unshare_all(gan_world *world);

#endif
