#include "dist/barrier.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* About what going to sleep and being woken costs: spinning so long at most doubles the wait. */
static const double LONGEST_SPIN = 50e-6;
static const struct timespec LONGEST_SLEEP = {.tv_nsec = 100000000};

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

void gan_barrier_arrive(const gan_world *world, gan_barrier_end *end) {
  gan_barrier *barrier = end->barrier;
  if (!barrier) return;
  end->turn++;
  if (atomic_fetch_add(&barrier->arrived, 1) + 1 < (uint32_t)world->host_size) return;
  /* Nobody can arrive at the next turn before this one is announced. */
  atomic_store(&barrier->arrived, 0);
  atomic_store(&barrier->turn, end->turn);
  /* A rank counts itself as a sleeper before it looks at the turn for the last time, so none is missed. */
  if (atomic_load(&barrier->sleepers) > 0) syscall(SYS_futex, &barrier->turn, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static bool complete(const gan_barrier_end *end) {
  return atomic_load_explicit(&end->barrier->turn, memory_order_acquire) == end->turn;
}

static bool spin(const gan_barrier_end *end) {
  const double end_of_spin = gan_seconds() + LONGEST_SPIN;
  do {
    for (int i = 0; i < 16; i++) {
      if (complete(end)) return true;
      relax();
    }
  } while (gan_seconds() < end_of_spin);
  return false;
}

static void sleep_until_complete(const gan_world *world, const gan_barrier_end *end) {
  gan_barrier *barrier = end->barrier;
  atomic_fetch_add(&barrier->sleepers, 1);
  while (atomic_load(&barrier->turn) != end->turn) {
    /* Returns at once if the turn is no longer the one before. */
    if (syscall(SYS_futex, &barrier->turn, FUTEX_WAIT, end->turn - 1, &LONGEST_SLEEP, NULL, 0) == 0) continue;
    int arrived = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, world->host, &arrived, MPI_STATUS_IGNORE);
  }
  atomic_fetch_sub(&barrier->sleepers, 1);
}

void gan_barrier_await(gan_world *world, const gan_barrier_end *end) {
  if (!end->barrier || complete(end)) return;
  gan_wait_begins(world);
  if (world->crowded || !spin(end)) sleep_until_complete(world, end);
  gan_wait_ends(world, LONGEST_SPIN);
}

void gan_host_barrier(gan_world *world) {
  gan_barrier_arrive(world, &world->barrier);
  gan_barrier_await(world, &world->barrier);
}
