/* What a world is made of; for the files of src/dist only, since it names MPI's types. */
#ifndef GAN_DIST_WORLD_STATE_H
#define GAN_DIST_WORLD_STATE_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dist/world.h"

typedef struct gan_shared_block gan_shared_block;

struct gan_world {
  MPI_Comm ranks; /* a duplicate of MPI_COMM_WORLD: no message of ours meets one of an embedding program */
  MPI_Comm host;  /* the ranks that share this host's memory */
  int rank, size;
  int host_rank, host_size, host_count;
  bool finalise; /* gan_world_open started MPI */
  bool crowded;  /* this host has more ranks than cores (dist/wait.h) */
  char host_name[MPI_MAX_PROCESSOR_NAME];
  uint64_t *hashes;         /* [size], room for gan_world_same_hash, which cannot fail for lack of memory */
  gan_shared_block *shared; /* blocks of gan_world_share not yet given back, newest first */
};

/* `root`'s bytes to everybody. Collective. */
void gan_world_broadcast_from(gan_world *world, int root, void *data, size_t bytes);

/* Gives back all blocks that are still shared. Collective. */
void gan_world_unshare_all(gan_world *world);

#endif
