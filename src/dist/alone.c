/* A world of one process without MPI: for what one process does by itself. The start of MPI would take longer than most
   of that, and needs things (a network, room in /dev/shm) that it does not.

   Everything that a world offers works in it, since no function of one rank calls MPI. Only the start of MPI knows for
   sure how many processes there are, so who shares work among ranks does not rely on this. */
#include <mpi.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/memory.h"
#include "dist/world.h"
#include "dist/world_state.h"

static int count_own_cores(void) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  return sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : CPU_SETSIZE;
}

static gan_status fill(gan_world *world) {
  world->ranks = world->host = MPI_COMM_NULL;
  world->size = world->host_size = world->host_count = 1;
  world->cores = (gan_host_cores){.ranks = 1, .cores = count_own_cores()};
  gan_launched_ask(&world->launched);
  if (gethostname(world->host_name, sizeof world->host_name - 1) != 0) world->host_name[0] = '?';
  gan_fault_arm_from_environment(0);
  GAN_TRY(gan_allocate(1, sizeof *world->hashes, "the ranks' hashes", &world->hashes));
  GAN_TRY(gan_allocate(2, sizeof *world->first_on_host, "the list of hosts", &world->first_on_host));
  world->first_on_host[1] = 1;
  return GAN_OK;
}

gan_status gan_world_alone(gan_world **world) {
  gan_world *made = NULL;
  *world = NULL;
  GAN_TRY(gan_allocate(1, sizeof *made, "the world", &made));
  const gan_status status = fill(made);
  if (status == GAN_OK)
    *world = made;
  else
    gan_world_close(made);
  return status;
}
