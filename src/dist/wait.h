/* The one place where a rank waits for others.

   MPI's own blocking calls spin. That is right when each rank has a core, and wrong when ranks outnumber cores: a rank
   that waits then steals the core from the one it waits for. So every communication of src/dist is started without
   blocking, and waited for here, in a manner that depends on whether the host is crowded. */
#ifndef GAN_DIST_WAIT_H
#define GAN_DIST_WAIT_H

#include <mpi.h>

#include "dist/world_state.h"

/* Returns when all `count` requests are complete; they are MPI_REQUEST_NULL then. Not collective. */
void gan_wait(gan_world *world, int count, MPI_Request *requests);

#endif
