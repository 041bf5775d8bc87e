/* Joining and leaving the world, and who is where in it.

   Open MPI reads its settings from the environment when it starts. Some of its defaults hurt in places where this
   program is used a lot (laptops, containers, the test suite), so they are changed before MPI_Init, unless the user has
   set them:
   - more ranks than cores: its waiting ranks should yield (ours do anyway, see wait.c; this is for MPI_Init, windows
   and MPI_Finalize);
   - containers whose system call filter forbids reading another process's memory: Open MPI 4 would print an error for
   each large message (version 5 copies in another way then, and says nothing);
   - a program started without mpirun: Open MPI 4 would start a daemon that only serves to start further processes, and
   make a folder below one in TMPDIR that all programs share; where the end of another removes that in this moment,
   MPI_Init fails;
   - all ranks on one host that has an IPv6 address: each rank of Open MPI 5 would tell of each other one that it finds
   no way to it through the network, which it does not need. The simpler judge of ways finds one;
   - a rank that crashes: Open MPI's handler allocates memory to print where, and waits for ever when the crash was
   inside of malloc.
   Another MPI library ignores these variables. */
#include "gan_dist/world.h"

#include <mpi.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/memory.h"
#include "dist/board.h"
#include "dist/launcher.h"
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
  const cpu_set_t cores = allowed_cores();
  const int local_size = gan_launcher_local_size();
  /* Where mpirun bound each rank to a core of its own this sees one core, and yields for nothing, which does no harm.
   */
  if (local_size > CPU_COUNT(&cores)) setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
  if (!can_read_processes()) setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
  setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
  if (!gan_launcher_name()) setenv("OMPI_MCA_orte_create_session_dirs", "false", 0);
  if (local_size > 0 && local_size == gan_launcher_size()) setenv("OMPI_MCA_reachable", "weighted", 0);
  setenv("OMPI_MCA_opal_signal", "", 0);
}

/* Starts MPI, and leaves it to who was there before what a crash does: other libraries under MPI have handlers, too. */
static void initialise_mpi(int *argc, char ***argv, int *support) {
  static const int crashes[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
  enum { CRASHES = sizeof crashes / sizeof *crashes };
  struct sigaction before[CRASHES];
  const bool wanted = getenv("OMPI_MCA_opal_signal") != NULL;
  choose_mpi_settings();
  for (int i = 0; i < CRASHES; i++) sigaction(crashes[i], NULL, &before[i]);
  MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, support);
  for (int i = 0; i < CRASHES && !wanted; i++) sigaction(crashes[i], &before[i], NULL);
}

/* Threads of ours run beside MPI: the embedding program has to have allowed it. */
static gan_status check_thread_support(void) {
  int support = MPI_THREAD_SINGLE;
  MPI_Query_thread(&support);
  if (support >= MPI_THREAD_FUNNELED) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE,
                  "MPI was initialised without threads (MPI_Init, or MPI_THREAD_SINGLE); initialise it by "
                  "MPI_Init_thread with MPI_THREAD_FUNNELED, or leave that to gan_world_open");
}

/* Starts MPI unless the program has. All MPI calls come from the thread that opened the world. */
static gan_status start_mpi(int *argc, char ***argv, bool *started) {
  int initialised = 0, finalised = 0, support = MPI_THREAD_SINGLE;
  MPI_Finalized(&finalised);
  if (finalised) return gan_fail(GAN_BAD_USAGE, "MPI was shut down; a process can open and close its world only once");
  MPI_Initialized(&initialised);
  *started = !initialised;
  if (initialised) return check_thread_support();
  initialise_mpi(argc, argv, &support);
  if (support >= MPI_THREAD_FUNNELED) return GAN_OK;
  MPI_Finalize();
  return gan_fail(GAN_FAILED, "this MPI library does not allow threads; use one that provides MPI_THREAD_FUNNELED");
}

/* Whether the ranks of this host have a core each: together they may use the union of what each may use. */
static void count_cores(gan_world *world, MPI_Comm host) {
  const cpu_set_t mine = allowed_cores();
  cpu_set_t all;
  MPI_Request request;
  world->crowded = true; /* until known */
  MPI_Comm_size(host, &world->cores.ranks);
  MPI_Iallreduce(&mine, &all, sizeof all, MPI_UINT8_T, MPI_BOR, host, &request);
  gan_wait(world, 1, &request);
  world->cores.cores = CPU_COUNT(&all);
  world->crowded = world->cores.ranks > world->cores.cores;
}

/* The ranks that share this host. For the tests GAN_PRETEND_HOSTS=N deals the ranks of one host out to N pretended
   ones, in turn, as `mpirun --map-by node` would. */
static MPI_Comm find_neighbours(gan_world *world) {
  MPI_Comm host, part;
  int rank = 0;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
  MPI_Comm_rank(host, &rank);
  count_cores(world, host);
  const char *text = getenv("GAN_PRETEND_HOSTS");
  const int hosts = text ? atoi(text) : 1;
  if (hosts < 2) return host;
  MPI_Comm_split(host, rank % hosts, rank, &part);
  MPI_Comm_free(&host);
  return part;
}

/* Numbers the ranks host by host, whatever mpirun dealt them out like: a host's ranks then own neighbouring shards, of
   which the host can make few sums before it talks to others. */
static void number_ranks(gan_world *world) {
  int rank = 0, place[2] = {0, 0}; /* the number of this host, and of its first rank */
  MPI_Comm leaders;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_rank(world->host, &world->host_rank);
  MPI_Comm_size(world->host, &world->host_size);
  MPI_Comm_split(MPI_COMM_WORLD, world->host_rank == 0 ? 0 : MPI_UNDEFINED, rank, &leaders);
  if (leaders != MPI_COMM_NULL) {
    MPI_Comm_rank(leaders, &place[0]);
    MPI_Exscan(&world->host_size, &place[1], 1, MPI_INT, MPI_SUM, leaders);
    MPI_Comm_free(&leaders);
  }
  MPI_Request request;
  MPI_Ibcast(place, 2, MPI_INT, 0, world->host, &request);
  gan_wait(world, 1, &request);
  world->host_number = place[0];
  MPI_Comm_split(MPI_COMM_WORLD, 0, place[1] + world->host_rank, &world->ranks);
  MPI_Comm_set_errhandler(world->ranks, MPI_ERRORS_ARE_FATAL);
  MPI_Comm_rank(world->ranks, &world->rank);
  MPI_Comm_size(world->ranks, &world->size);
}

/* Fills in which ranks each host has. */
static void list_hosts(gan_world *world, int *host_of) {
  MPI_Request request;
  MPI_Iallgather(&world->host_number, 1, MPI_INT, host_of, 1, MPI_INT, world->ranks, &request);
  gan_wait(world, 1, &request);
  for (int rank = 0; rank < world->size; rank++) {
    if (rank == 0 || host_of[rank] != host_of[rank - 1]) world->first_on_host[world->host_count++] = rank;
    world->first_on_host[world->host_count] = world->size;
  }
}

static gan_status allocate(gan_world *world, int **host_of) {
  const size_t size = (size_t)world->size;
  GAN_TRY(gan_allocate(size, sizeof *world->hashes, "the ranks' hashes", &world->hashes));
  GAN_TRY(gan_allocate(size + 1, sizeof *world->first_on_host, "the list of hosts", &world->first_on_host));
  return gan_allocate(size, sizeof **host_of, "the list of hosts", host_of);
}

/* Fills a world of zeroes, MPI being up. What follows number_ranks can agree on errors. */
static gan_status join(gan_world *world) {
  int length = 0, *host_of = NULL;
  _Static_assert(GAN_HOST_NAME >= MPI_MAX_PROCESSOR_NAME, "room for the host's name");
  MPI_Get_processor_name(world->host_name, &length);
  world->host = find_neighbours(world);
  number_ranks(world);
  gan_fault_arm_from_environment(world->rank);
  const gan_status status = gan_world_agree(world, allocate(world, &host_of));
  if (status == GAN_OK) {
    list_hosts(world, host_of);
    gan_board_open(world);
  }
  free(host_of);
  return status;
}

gan_status gan_world_join(int *argc, char ***argv, gan_world **world) {
  gan_world *opened = NULL;
  *world = NULL;
  /* Before MPI is up: an error here needs no agreement, mpirun ends a job of which a process leaves without MPI. */
  GAN_TRY(gan_allocate(1, sizeof *opened, "the world", &opened));
  gan_launched_ask(&opened->launched); /* a library sets some of the variables itself */
  gan_status status = start_mpi(argc, argv, &opened->finalise);
  if (status != GAN_OK) {
    free(opened);
    return status;
  }
  *world = opened;
  return join(opened);
}

gan_status gan_world_open(int *argc, char ***argv, gan_world **world) {
  GAN_TRY(gan_world_join(argc, argv, world));
  return gan_world_check_launcher(*world);
}

void gan_world_close(gan_world *world) {
  if (!world) return;
  gan_world_unshare_all(world);
  gan_board_close(world);
  if (!gan_world_is_alone(world)) {
    MPI_Comm_free(&world->host);
    MPI_Comm_free(&world->ranks);
  }
  const bool finalise = world->finalise;
  free(world->hashes);
  free(world->first_on_host);
  free(world);
  if (finalise) MPI_Finalize();
}

int gan_world_rank(const gan_world *world) { return world->rank; }
int gan_world_size(const gan_world *world) { return world->size; }
const char *gan_world_host(const gan_world *world) { return world->host_name; }
int gan_world_host_size(const gan_world *world) { return world->host_size; }
int gan_world_host_rank(const gan_world *world) { return world->host_rank; }
int gan_world_host_count(const gan_world *world) { return world->host_count; }
gan_host_cores gan_world_cores(const gan_world *world) { return world->cores; }
gan_waited gan_world_waited(const gan_world *world) { return world->waited; }

const char *gan_world_library(void) {
  static char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(version, &length);
  version[strcspn(version, "\n")] = '\0';
  return version;
}

_Noreturn void gan_world_abort(gan_world *world, int status) {
  if (!gan_world_is_alone(world)) MPI_Abort(world->ranks, status);
  _exit(status);
}
