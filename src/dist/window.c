/* Windows of shared memory.

   Open MPI backs a shared window by a file in /dev/shm, whose name is gone by the time that the window is there, so
   nothing stays behind whatever becomes of the processes. This place may be small (64 MB in a container unless it is
   told otherwise), and Open MPI neither reserves the room nor reports its lack on all ranks: a rank may hang in the
   allocation, or die by SIGBUS when it first touches a page. So the host's first rank looks for room before, and all
   pages are provided after. Nor do the others learn of a rank whose address space is limited (ulimit -v) and has no
   place for the window: they wait for it for ever. So each looks for a place before. */
#include "dist/window.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fault.h"
#include "dist/wait.h"

bool gan_host_all(gan_world *world, bool mine) {
  const int here = mine;
  int everywhere = 0;
  MPI_Request request;
  MPI_Iallreduce(&here, &everywhere, 1, MPI_INT, MPI_MIN, world->host, &request);
  gan_wait(world, 1, &request);
  return everywhere;
}

/* Whether /dev/shm has room for the block, the window's own state, and the twentieth that Open MPI wants to leave over.
 */
static bool has_room(const gan_world *world, size_t bytes) {
  struct statvfs space;
  if (gan_fault_strikes(GAN_FAULT_WINDOW)) return false;
  if (statvfs("/dev/shm", &space) != 0) return false;
  const double room = (double)space.f_bavail * (double)space.f_frsize;
  return room > 1.125 * (double)bytes + 1048576.0 + 4096.0 * world->host_size;
}

/* Whether this rank's address space has a place for the window, and a little more for what Open MPI needs to make it.
 */
static bool has_place(const gan_world *world, size_t bytes) {
  const size_t all = bytes + ((size_t)8 << 20) + GAN_PAGE * (size_t)world->host_size;
  void *place = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED) return false;
  munmap(place, all);
  return true;
}

bool gan_window_open(gan_world *world, size_t bytes, gan_window *window) {
  *window = (gan_window){.handle = MPI_WIN_NULL};
  const bool room = world->host_rank != 0 || has_room(world, bytes);
  if (!gan_host_all(world, room && has_place(world, bytes))) return false;
  void *base = NULL;
  MPI_Aint size = 0;
  int unit = 1;
  const MPI_Aint mine = world->host_rank == 0 ? (MPI_Aint)(bytes + GAN_PAGE) : 0;
  MPI_Comm_set_errhandler(world->host, MPI_ERRORS_RETURN);
  const int error = MPI_Win_allocate_shared(mine, 1, MPI_INFO_NULL, world->host, &base, &window->handle);
  MPI_Comm_set_errhandler(world->host, MPI_ERRORS_ARE_FATAL);
  if (!gan_host_all(world, error == MPI_SUCCESS)) {
    /* A window that only some ranks have cannot be freed, which takes all of them. It stays, empty, till the end. */
    *window = (gan_window){.handle = MPI_WIN_NULL};
    return false;
  }
  MPI_Win_shared_query(window->handle, 0, &size, &unit, &base);
  /* Every rank maps whole pages, so all find the same place. */
  window->memory = (char *)base + (GAN_PAGE - (uintptr_t)base % GAN_PAGE) % GAN_PAGE;
  MPI_Win_lock_all(MPI_MODE_NOCHECK, window->handle);
  return true;
}

/* Kernels before 5.14 cannot; there has_room has to do. */
bool gan_window_provide(void *memory, size_t bytes) {
  if (bytes == 0) return true;
#ifdef MADV_POPULATE_WRITE
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t into_page = (uintptr_t)memory % page;
  if (madvise((char *)memory - into_page, bytes + into_page, MADV_POPULATE_WRITE) != 0 && errno != EINVAL) return false;
#else
  (void)memory;
#endif
  return true;
}

void gan_window_close(gan_window *window) {
  if (!window->memory) return;
  MPI_Win_unlock_all(window->handle);
  MPI_Win_free(&window->handle);
  *window = (gan_window){.handle = MPI_WIN_NULL};
}
