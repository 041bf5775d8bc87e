#include "dist/watchdog.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "dist/heartbeat.h"
#include "dist/ticker.h"
#include "dist/world_state.h"

/* What the ranks of a host can see of one of them. A line of its own for each. */
typedef struct pulse {
  _Alignas(64) atomic_ullong beats;
  atomic_int activity;
  atomic_int rank_from_1; /* 0: memory that is not shared after all (gan_world_share), nothing known */
  atomic_llong looked_at; /* milliseconds: when its watchdog last ran; a stopped process has a stopped watchdog */
} pulse;

typedef struct board {
  atomic_int reported; /* some rank of the host has told it */
  pulse pulses[];
} board;

struct gan_watchdog {
  gan_world *world;
  double seconds, pause; /* between two looks */
  board *board;
  pulse *own;
  gan_heartbeat *heartbeat; /* on the first rank of each of several hosts */
  gan_ticker ticker;
  int users; /* who has started it and not yet stopped it */
  atomic_bool beats_expected;
};

static const char *const activities[] = {
    [GAN_AT_DATA] = "waiting for data",
    [GAN_AT_COMPUTATION] = "computing",
    [GAN_AT_EXCHANGE] = "waiting for other ranks",
    [GAN_AT_FILES] = "writing files",
};

static gan_status clear_board(void *context, void *memory, size_t bytes) {
  (void)context;
  memset(memory, 0, bytes);
  return GAN_OK;
}

static long long milliseconds(void) { return (long long)(1000 * gan_seconds()); }

/* Whether a rank of this host is the one that keeps the others waiting, and why. A process that is stopped does not run
   its watchdog either; one that is stuck in a call is not waiting for others. */
static bool stands_still(const gan_watchdog *watchdog, const pulse *peer, bool stopped) {
  if (atomic_load(&peer->rank_from_1) == 0) return false;
  const double unseen = 1e-3 * (double)(milliseconds() - atomic_load(&peer->looked_at));
  return stopped ? unseen > watchdog->seconds / 2 : atomic_load(&peer->activity) != GAN_AT_EXCHANGE;
}

/* Names a rank of this host that keeps the others waiting: one that is stopped, or one that is not. False if there is
   none. */
static bool report_rank(const gan_watchdog *watchdog, bool stopped) {
  for (int i = 0; i < gan_world_host_size(watchdog->world); i++) {
    const pulse *peer = &watchdog->board->pulses[i];
    if (!stands_still(watchdog, peer, stopped)) continue;
    fprintf(stderr, "gan_dist: rank %d (host %s) has stood still for %.0f s%s%s; the run ends (--timeout)\n",
            atomic_load(&peer->rank_from_1) - 1, gan_world_host(watchdog->world), watchdog->seconds,
            stopped ? ", stopped or starved" : " while ", stopped ? "" : activities[atomic_load(&peer->activity)]);
    return true;
  }
  return false;
}

/* Seconds: for the first rank of a host to be the one to speak; for a message to be read before the job ends; for other
   hosts to speak. */
enum { TIME_OF_FIRST = 1, TIME_TO_REPORT = 1, TIME_OF_OTHERS = 3 };

/* Names a host that has shown no sign for half of the time, but did after `from`, by its first rank, which is all of it
   that was heard. False if there is none. All hosts miss that of rank 0 at once, and the first of them speaks. */
static bool report_host(const gan_watchdog *watchdog, double from) {
  int rank = 0;
  const char *host = NULL;
  if (watchdog->heartbeat && watchdog->world->host_number > 1) sleep(TIME_OF_OTHERS);
  const double until = gan_seconds() - watchdog->seconds / 2;
  if (!gan_heartbeat_misses(watchdog->heartbeat, from, until, &rank, &host)) return false;
  fprintf(stderr,
          "gan_dist: rank %d (host %s) has stood still for %.0f s, stopped, or its host or network is down; "
          "the run ends (--timeout)\n",
          rank, host, watchdog->seconds);
  return true;
}

/* Everything may be stuck but this thread: no clean-up, no MPI. Who is stopped is certain, and told at once, which ends
   the job. A host without such a rank gives the others time to tell of theirs: its own may but seem to be at something,
   as rank 0 does between writing a file and hearing that all know of it. The first rank of a host speaks before the
   others, since it hears of other hosts, of which one that fell silent before `from` is not to blame. */
static _Noreturn void leave(gan_watchdog *watchdog, double from) {
  if (gan_world_host_rank(watchdog->world) > 0) sleep(TIME_OF_FIRST);
  if (atomic_exchange(&watchdog->board->reported, 1) != 0) {
    sleep(TIME_TO_REPORT + TIME_OF_OTHERS);
  } else if (!report_rank(watchdog, true) && !report_host(watchdog, from)) {
    sleep(TIME_OF_OTHERS);
    if (!report_rank(watchdog, false))
      fprintf(stderr, "gan_dist: the ranks of host %s have waited %.0f s for %s; the run ends (--timeout)\n",
              gan_world_host(watchdog->world), watchdog->seconds,
              gan_world_host_count(watchdog->world) > 1 ? "those of other hosts" : "each other");
  }
  _exit(GAN_FAILED);
}

/* Whether another rank of this host has shown no sign for all of the time. */
static bool peer_is_stopped(const gan_watchdog *watchdog, double now) {
  const double since = now - watchdog->seconds;
  for (int i = 0; i < gan_world_host_size(watchdog->world); i++) {
    const pulse *peer = &watchdog->board->pulses[i];
    if (atomic_load(&peer->rank_from_1) && 1e-3 * (double)atomic_load(&peer->looked_at) < since) return true;
  }
  return false;
}

/* Whether another host has shown no sign for all of the time, and a little more, which is for its ranks to say which of
   them it is. Silence counts from `trusted` on. */
static bool host_is_silent(const gan_watchdog *watchdog, double now, double trusted) {
  enum { TIME_OF_ITS_OWN = 2 };
  const double since = now - watchdog->seconds - TIME_OF_ITS_OWN;
  int rank;
  const char *host;
  return trusted < since && gan_heartbeat_misses(watchdog->heartbeat, 0, since, &rank, &host);
}

static void *watch(void *context) {
  gan_watchdog *watchdog = context;
  unsigned long long seen = atomic_load(&watchdog->own->beats);
  double advanced = gan_seconds(), awake = advanced, trusted = advanced, before = advanced;
  for (; gan_ticker_wait(&watchdog->ticker, watchdog->pause); before = gan_seconds()) {
    const double now = gan_seconds();
    atomic_store(&watchdog->own->looked_at, milliseconds());
    const unsigned long long beats = atomic_load(&watchdog->own->beats);
    const bool expected = atomic_load(&watchdog->beats_expected);
    /* This process itself may have been stopped meanwhile, and the others with it: no sign of anybody standing still.
     */
    if (now - before > watchdog->seconds / 2) awake = advanced = trusted = now;
    if (beats != seen || !expected) advanced = now;
    /* Where beats tell that the run goes on, signs between hosts may be lost: the network that carries them may be
       another than MPI's. */
    if (beats != seen || expected) trusted = now;
    seen = beats;
    if (now - advanced > watchdog->seconds) leave(watchdog, advanced - watchdog->seconds / 2);
    if (now - awake > watchdog->seconds / 2 && peer_is_stopped(watchdog, now)) leave(watchdog, 0);
    if (host_is_silent(watchdog, now, trusted)) leave(watchdog, 0);
  }
  return NULL;
}

static void destroy(gan_watchdog *watchdog) {
  gan_ticker_stop(&watchdog->ticker);
  gan_heartbeat_stop(watchdog->heartbeat);
  if (watchdog->board) gan_world_unshare(watchdog->world, watchdog->board);
  free(watchdog);
}

/* Collective, as all of a world's watchdogs are created. */
static gan_status create(gan_watchdog *watchdog) {
  gan_world *world = watchdog->world;
  const size_t bytes = sizeof(board) + (size_t)gan_world_host_size(world) * sizeof(pulse);
  void *memory = NULL;
  GAN_TRY(gan_world_share(world, bytes, clear_board, NULL, &memory));
  watchdog->board = memory;
  watchdog->own = &watchdog->board->pulses[gan_world_host_rank(world)];
  atomic_store(&watchdog->own->looked_at, milliseconds());
  atomic_store(&watchdog->own->rank_from_1, gan_world_rank(world) + 1);
  GAN_TRY(gan_heartbeat_start(world, watchdog->pause, &watchdog->heartbeat));
  gan_world_barrier(world);
  return gan_world_agree(world, gan_ticker_start(&watchdog->ticker, "watchdog", watch, watchdog));
}

gan_status gan_watchdog_start(gan_world *world, double seconds, bool *started) {
  gan_watchdog *watchdog = NULL;
  gan_world_broadcast(world, &seconds, sizeof seconds);
  *started = seconds > 0;
  if (*started && world->watchdog) world->watchdog->users++;
  if (!*started || world->watchdog) return GAN_OK;
  gan_status status = gan_allocate(1, sizeof *watchdog, "the watchdog", &watchdog);
  status = gan_world_agree(world, status);
  if (status == GAN_OK) {
    watchdog->world = world;
    watchdog->seconds = seconds;
    watchdog->pause = seconds < 10 ? 0.2 : 1;
    watchdog->users = 1;
    status = create(watchdog);
  }
  if (status == GAN_OK) {
    world->watchdog = watchdog;
  } else {
    *started = false;
    if (watchdog) destroy(watchdog);
  }
  return status;
}

void gan_watchdog_stop(gan_world *world) {
  if (!world || !world->watchdog || --world->watchdog->users > 0) return;
  gan_world_barrier(world); /* who is through with the run early is not to be missed by the others */
  destroy(world->watchdog);
  world->watchdog = NULL;
}

void gan_watchdog_expect_beats(gan_world *world, bool expected) {
  if (!world->watchdog) return;
  /* Who is here first does not count the time that it waits for the others. */
  gan_world_barrier(world);
  atomic_store(&world->watchdog->beats_expected, expected);
}

void gan_watchdog_beat(const gan_world *world, gan_activity activity) {
  const gan_watchdog *watchdog = world->watchdog;
  if (!watchdog) return;
  atomic_store_explicit(&watchdog->own->activity, activity, memory_order_relaxed);
  atomic_fetch_add_explicit(&watchdog->own->beats, 1, memory_order_release);
}
