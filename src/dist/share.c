/* Memory that all ranks of a host see.

   A host with one rank takes plain memory. Otherwise the block is an MPI shared memory window, which Open MPI backs by
   a file in /dev/shm. This place may be small (64 MB in a container unless it is told otherwise), and Open MPI neither
   reserves the room nor reports its lack on all ranks: a rank may hang in the allocation, or die by SIGBUS when it
   first touches a page. So the host's first rank looks for room before, and has all pages provided after. Where the
   room is too small, each rank takes private memory and fills it by itself: the same to look at, only larger. */
#include <errno.h>
#include <mpi.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "dist/wait.h"
#include "dist/world.h"
#include "dist/world_state.h"

struct gan_shared_block {
  gan_shared_block *next;
  void *memory;   /* what the caller sees */
  void *private;  /* the memory where it is not shared, else NULL */
  MPI_Win window; /* MPI_WIN_NULL where it is not shared */
};

enum { ALIGNMENT = 64 };

/* The first rank's answer to everybody on its host. */
static int ask_first_on_host(const gan_world *world, int answer) {
  MPI_Request request;
  MPI_Ibcast(&answer, 1, MPI_INT, 0, world->host, &request);
  gan_wait(world, 1, &request);
  return answer;
}

/* Whether /dev/shm has room for the block, the window's own state, and the twentieth that Open MPI wants to leave over.
 */
static int has_room(const gan_world *world, size_t bytes) {
  struct statvfs space;
  if (statvfs("/dev/shm", &space) != 0) return 0;
  const double room = (double)space.f_bavail * (double)space.f_frsize;
  return room > 1.125 * (double)bytes + 1048576.0 + 4096.0 * world->host_size;
}

/* Has the system provide the pages now, so that a lack is an answer instead of a signal. Kernels before 5.14 cannot;
   there has_room has to do. */
static int provide_pages(char *memory, size_t bytes) {
#ifdef MADV_POPULATE_WRITE
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t into_page = (uintptr_t)memory % page;
  if (madvise(memory - into_page, bytes + into_page, MADV_POPULATE_WRITE) != 0 && errno != EINVAL) return 0;
#else
  (void)memory, (void)bytes;
#endif
  return 1;
}

/* Tries to place the block in a window. Collective over the host; leaves block->window as MPI_WIN_NULL on all of its
   ranks when it does not fit. */
static void take_window(const gan_world *world, size_t bytes, gan_shared_block *block) {
  if (world->host_size == 1 || !ask_first_on_host(world, has_room(world, bytes))) return;
  void *base = NULL;
  MPI_Aint size = 0;
  int unit = 1;
  const MPI_Aint mine = world->host_rank == 0 ? (MPI_Aint)(bytes + ALIGNMENT) : 0;
  MPI_Comm_set_errhandler(world->host, MPI_ERRORS_RETURN);
  const int error = MPI_Win_allocate_shared(mine, 1, MPI_INFO_NULL, world->host, &base, &block->window);
  MPI_Comm_set_errhandler(world->host, MPI_ERRORS_ARE_FATAL);
  int failed = error != MPI_SUCCESS, any_failed = 0;
  MPI_Request request;
  MPI_Iallreduce(&failed, &any_failed, 1, MPI_INT, MPI_MAX, world->host, &request);
  gan_wait(world, 1, &request);
  if (any_failed) {
    /* A window that only some ranks have cannot be freed, which takes all of them. It stays, empty, till the end. */
    block->window = MPI_WIN_NULL;
    return;
  }
  MPI_Win_shared_query(block->window, 0, &size, &unit, &base);
  /* Every rank maps whole pages, so all find the same place. */
  block->memory = (char *)base + (ALIGNMENT - (uintptr_t)base % ALIGNMENT) % ALIGNMENT;
  const int provided = world->host_rank != 0 || provide_pages(block->memory, bytes);
  if (ask_first_on_host(world, provided)) {
    MPI_Win_lock_all(MPI_MODE_NOCHECK, block->window);
    return;
  }
  MPI_Win_free(&block->window);
  block->memory = NULL;
}

static void release(gan_shared_block *block) {
  if (!block) return;
  if (block->window != MPI_WIN_NULL) {
    MPI_Win_unlock_all(block->window);
    MPI_Win_free(&block->window);
  }
  free(block->private);
  free(block);
}

/* Takes the memory and fills it; errors are this rank's own. */
static gan_status take(gan_world *world, size_t bytes, gan_fill fill, void *context, gan_shared_block *block) {
  take_window(world, bytes, block);
  const bool shared = block->window != MPI_WIN_NULL;
  if (!shared) {
    GAN_TRY(gan_allocate(bytes, 1, "a block for this rank alone, where no memory can be shared", &block->private));
    block->memory = block->private;
  }
  if (!shared || world->host_rank == 0) GAN_TRY(fill(context, block->memory, bytes));
  return GAN_OK;
}

gan_status gan_world_share(gan_world *world, size_t bytes, gan_fill fill, void *context, void **memory) {
  gan_shared_block *block = NULL;
  *memory = NULL;
  gan_status status = gan_allocate(1, sizeof *block, "a shared block's place", &block);
  status = gan_world_agree(world, status);
  if (status != GAN_OK) {
    free(block);
    return status;
  }
  block->window = MPI_WIN_NULL;
  status = take(world, bytes, fill, context, block);
  /* What the filling rank wrote is seen by a rank that synchronises after it; the agreement is between the two. */
  if (block->window != MPI_WIN_NULL) MPI_Win_sync(block->window);
  status = gan_world_agree(world, status);
  if (block->window != MPI_WIN_NULL) MPI_Win_sync(block->window);
  if (status != GAN_OK) {
    release(block);
    return status;
  }
  block->next = world->shared;
  world->shared = block;
  *memory = block->memory;
  return GAN_OK;
}

void gan_world_unshare(gan_world *world, void *memory) {
  for (gan_shared_block **place = &world->shared; *place; place = &(*place)->next) {
    if ((*place)->memory != memory) continue;
    gan_shared_block *block = *place;
    *place = block->next;
    release(block);
    return;
  }
}

void gan_world_unshare_all(gan_world *world) {
  while (world->shared) gan_world_unshare(world, world->shared->memory);
}
