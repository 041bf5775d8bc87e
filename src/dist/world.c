/* Joining and leaving the world, and who is where in it.

   Open MPI reads its settings from the environment when it starts. Three of its defaults hurt in places where this
   program is used a lot (laptops, containers, the test suite), so they are changed before MPI_Init, unless the user has
   set them:
   - more ranks than cores: its waiting ranks should yield (ours do anyway, see wait.c; this is for MPI_Init, windows
   and MPI_Finalize);
   - containers whose system call filter forbids reading another process's memory: Open MPI would print an error for
   each large message;
   - a program started without mpirun: Open MPI would start a daemon that only serves to start further processes.
   Another MPI library ignores these variables. */
#include "gan_dist/world.h"

#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/memory.h"
#include "dist/wait.h"
#include "dist/world.h"
#include "dist/world_state.h"

/* The cores that this process may run on. A host with more cores than the set has room for counts as having all. */
static cpu_set_t allowed_cores(void) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) memset(&cores, 0xff, sizeof cores);
  return cores;
}

static bool can_read_processes(void) {
  char from = 1, to = 0;
  const struct iovec source = {&from, 1}, target = {&to, 1};
  return process_vm_readv(getpid(), &target, 1, &source, 1, 0) == 1;
}

static void choose_mpi_settings(void) {
  const char *local_size = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
  const cpu_set_t cores = allowed_cores();
  /* Where mpirun bound each rank to a core of its own this sees one core, and yields for nothing, which does no harm.
   */
  if (local_size && atoi(local_size) > CPU_COUNT(&cores)) setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
  if (!can_read_processes()) setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
  setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
}

/* Starts MPI unless the program has. All MPI calls come from the thread that opened the world. */
static gan_status start_mpi(int *argc, char ***argv, bool *started) {
  int initialised = 0, finalised = 0, support = MPI_THREAD_SINGLE;
  MPI_Finalized(&finalised);
  if (finalised) return gan_fail(GAN_BAD_USAGE, "MPI was shut down; a process can open and close its world only once");
  MPI_Initialized(&initialised);
  *started = !initialised;
  if (initialised) return GAN_OK;
  choose_mpi_settings();
  MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &support);
  if (support >= MPI_THREAD_FUNNELED) return GAN_OK;
  MPI_Finalize();
  return gan_fail(GAN_FAILED, "this MPI library does not allow threads; use one that provides MPI_THREAD_FUNNELED");
}

/* Who shares this host, and whether they have a core each: together they may use the union of what each may use. */
static void find_neighbours(gan_world *world) {
  int length = 0;
  MPI_Get_processor_name(world->host_name, &length);
  MPI_Comm_split_type(world->ranks, MPI_COMM_TYPE_SHARED, world->rank, MPI_INFO_NULL, &world->host);
  MPI_Comm_rank(world->host, &world->host_rank);
  MPI_Comm_size(world->host, &world->host_size);

  const int leads = world->host_rank == 0;
  const cpu_set_t mine = allowed_cores();
  cpu_set_t all;
  MPI_Request requests[2];
  world->crowded = true; /* until known */
  MPI_Iallreduce(&leads, &world->host_count, 1, MPI_INT, MPI_SUM, world->ranks, &requests[0]);
  MPI_Iallreduce(&mine, &all, sizeof all, MPI_UINT8_T, MPI_BOR, world->host, &requests[1]);
  gan_wait(world, 2, requests);
  world->crowded = world->host_size > CPU_COUNT(&all);
}

/* Fills a world of zeroes, MPI being up. What follows can agree on errors. */
static gan_status join(gan_world *world) {
  MPI_Comm_dup(MPI_COMM_WORLD, &world->ranks);
  MPI_Comm_set_errhandler(world->ranks, MPI_ERRORS_ARE_FATAL);
  MPI_Comm_rank(world->ranks, &world->rank);
  MPI_Comm_size(world->ranks, &world->size);
  find_neighbours(world);
  gan_fault_arm_from_environment(world->rank);
  const gan_status status =
      gan_allocate((size_t)world->size, sizeof *world->hashes, "the ranks' hashes", &world->hashes);
  return gan_world_agree(world, status);
}

gan_status gan_world_open(int *argc, char ***argv, gan_world **world) {
  gan_world *opened = NULL;
  *world = NULL;
  /* Before MPI is up: an error here needs no agreement, mpirun ends a job of which a process leaves without MPI. */
  GAN_TRY(gan_allocate(1, sizeof *opened, "the world", &opened));
  gan_status status = start_mpi(argc, argv, &opened->finalise);
  if (status != GAN_OK) {
    free(opened);
    return status;
  }
  status = join(opened);
  if (status != GAN_OK) {
    gan_world_close(opened);
    return status;
  }
  *world = opened;
  return GAN_OK;
}

void gan_world_close(gan_world *world) {
  if (!world) return;
  gan_world_unshare_all(world);
  MPI_Comm_free(&world->host);
  MPI_Comm_free(&world->ranks);
  const bool finalise = world->finalise;
  free(world->hashes);
  free(world);
  if (finalise) MPI_Finalize();
}

int gan_world_rank(const gan_world *world) { return world->rank; }
int gan_world_size(const gan_world *world) { return world->size; }
const char *gan_world_host(const gan_world *world) { return world->host_name; }
int gan_world_host_size(const gan_world *world) { return world->host_size; }
int gan_world_host_rank(const gan_world *world) { return world->host_rank; }
int gan_world_host_count(const gan_world *world) { return world->host_count; }

const char *gan_world_library(void) {
  static char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(version, &length);
  version[strcspn(version, "\n")] = '\0';
  return version;
}

_Noreturn void gan_world_abort(gan_world *world, int status) {
  MPI_Abort(world->ranks, status);
  _exit(status);
}
