#include "dist/watchdog.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/advance.h"
#include "base/clock.h"
#include "base/memory.h"
#include "dist/heartbeat.h"
#include "dist/ticker.h"
#include "dist/time_limit.h"
#include "dist/world_state.h"

/* What the ranks of a host can see of one of them. A line of its own for each. */
typedef struct pulse {
  _Alignas(64) atomic_ullong beats;
  atomic_int activity;
  atomic_int waits;         /* for other ranks, at this moment */
  atomic_int rank_from_1;   /* 0: memory that is not shared after all (gan_world_share), nothing known */
  atomic_llong looked_at;   /* milliseconds: when its watchdog last ran; a stopped process has a stopped watchdog */
  atomic_llong advanced_at; /* milliseconds: when its watchdog last saw it get on */
} pulse;

typedef struct board {
  atomic_int reported;    /* some rank of the host has told it */
  atomic_llong elsewhere; /* milliseconds: when a rank of another host got on last, as far as it is known */
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

static long long milliseconds(double seconds) { return (long long)(1000 * seconds); }

/* Whether a rank of this host is the one that keeps the others waiting, and why. A process that is stopped does not run
   its watchdog either; one that is stuck in a call is not waiting for others. */
static bool stands_still(const gan_watchdog *watchdog, const pulse *peer, bool stopped) {
  if (atomic_load(&peer->rank_from_1) == 0) return false;
  const double unseen = gan_seconds() - 1e-3 * (double)atomic_load(&peer->looked_at);
  if (stopped) return unseen > watchdog->seconds / 2;
  return !atomic_load(&peer->waits) && atomic_load(&peer->activity) != GAN_AT_EXCHANGE;
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
enum { TIME_OF_FIRST = 1, TIME_TO_REPORT = 1, TIME_OF_OTHERS = 5 };

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
   the job; and, where nobody has got on (`idle`), who does not wait for others. A host without such a rank gives the
   others time to tell of theirs. The first rank of a host speaks before the others, since it hears of other hosts, of
   which one that fell silent before `from` is not to blame. */
static _Noreturn void leave(gan_watchdog *watchdog, bool idle, double from) {
  if (gan_world_host_rank(watchdog->world) > 0) sleep(TIME_OF_FIRST);
  if (atomic_exchange(&watchdog->board->reported, 1) != 0) {
    sleep(TIME_TO_REPORT + TIME_OF_OTHERS);
  } else if (!report_rank(watchdog, true) && !(idle && report_rank(watchdog, false)) && !report_host(watchdog, from)) {
    sleep(TIME_OF_OTHERS);
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

/* What of a rank's work its watchdog has seen. */
typedef struct sight {
  unsigned long long beats, advances;
  double computed;
} sight;

/* Seconds of processors' time that this process has taken, but for the threads that watch. */
static double computed(const gan_watchdog *watchdog) {
  struct timespec all = {0}, own = {0};
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all) != 0 || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own) != 0) return 0;
  return (double)(all.tv_sec - own.tv_sec) + 1e-9 * (double)(all.tv_nsec - own.tv_nsec) -
         gan_heartbeat_seconds(watchdog->heartbeat);
}

/* Whether this rank has got on since it last did: by a beat, a piece of a file, or, unless it waits for others, which
   may keep a processor busy, by computing for a hundredth of the time. */
static bool gets_on(const gan_watchdog *watchdog, sight *seen) {
  static const double least = 0.01;
  const sight now = {atomic_load(&watchdog->own->beats), gan_advances(), computed(watchdog)};
  if (atomic_load(&watchdog->own->waits)) seen->computed = now.computed;
  if (now.beats == seen->beats && now.advances == seen->advances &&
      now.computed - seen->computed < least * watchdog->seconds)
    return false;
  *seen = now;
  return true;
}

/* When a rank got on last, of this host's and, by the signs that the first of them hears, of others. */
static double last_advance(const gan_watchdog *watchdog) {
  board *seen = watchdog->board;
  long long last = 0;
  for (int i = 0; i < gan_world_host_size(watchdog->world); i++) {
    const long long advanced = atomic_load(&seen->pulses[i].advanced_at);
    if (advanced > last) last = advanced;
  }
  if (watchdog->heartbeat)
    atomic_store(&seen->elsewhere, milliseconds(gan_heartbeat_exchange(watchdog->heartbeat, 1e-3 * (double)last)));
  const long long elsewhere = atomic_load(&seen->elsewhere);
  return 1e-3 * (double)(elsewhere > last ? elsewhere : last);
}

static void *watch(void *context) {
  gan_watchdog *watchdog = context;
  pulse *own = watchdog->own;
  sight seen = {0};
  double awake = gan_seconds(), trusted = awake, before = awake;
  for (; gan_ticker_wait(&watchdog->ticker, watchdog->pause); before = gan_seconds()) {
    const double now = gan_seconds();
    const bool expected = atomic_load(&watchdog->beats_expected), advances = gets_on(watchdog, &seen);
    /* This process itself may have been stopped meanwhile, and the others with it: no sign of anybody standing still.
     */
    const bool was_stopped = now - before > watchdog->seconds / 2;
    atomic_store(&own->looked_at, milliseconds(now));
    if (advances || was_stopped) atomic_store(&own->advanced_at, milliseconds(now));
    if (was_stopped) awake = now;
    /* Where beats tell that the run goes on, signs between hosts may be lost: the network that carries them may be
       another than MPI's. */
    if (advances || expected || was_stopped) trusted = now;
    const double last = last_advance(watchdog);
    if (expected && now - last > watchdog->seconds) leave(watchdog, true, last - watchdog->seconds / 2);
    if (now - awake > watchdog->seconds / 2 && peer_is_stopped(watchdog, now)) leave(watchdog, false, 0);
    if (host_is_silent(watchdog, now, trusted)) leave(watchdog, false, 0);
  }
  return NULL;
}

static void destroy(gan_watchdog *watchdog) {
  watchdog->world->waits = NULL;
  gan_ticker_stop(&watchdog->ticker);
  gan_heartbeat_stop(watchdog->heartbeat);
  if (watchdog->board) gan_world_unshare(watchdog->world, watchdog->board);
  free(watchdog);
}

/* Collective, as all of a world's watchdogs are created. */
static gan_status set_up(gan_watchdog *watchdog) {
  gan_world *world = watchdog->world;
  const size_t bytes = sizeof(board) + (size_t)gan_world_host_size(world) * sizeof(pulse);
  void *memory = NULL;
  GAN_TRY(gan_world_share(world, bytes, clear_board, NULL, &memory));
  watchdog->board = memory;
  watchdog->own = &watchdog->board->pulses[gan_world_host_rank(world)];
  atomic_store(&watchdog->own->looked_at, milliseconds(gan_seconds()));
  atomic_store(&watchdog->own->rank_from_1, gan_world_rank(world) + 1);
  world->waits = &watchdog->own->waits;
  GAN_TRY(gan_heartbeat_start(world, watchdog->pause, &watchdog->heartbeat));
  gan_world_barrier(world);
  return gan_world_agree(world, gan_ticker_start(&watchdog->ticker, "watchdog", watch, watchdog));
}

/* Nobody watches yet who stops meanwhile. */
static gan_status create(gan_watchdog *watchdog) {
  gan_time_limit *start = NULL;
  GAN_TRY(gan_world_agree(watchdog->world, gan_time_limit_begin(watchdog->seconds, "start", &start)));
  const gan_status status = set_up(watchdog);
  gan_time_limit_end(start);
  return status;
}

gan_status gan_watchdog_start(gan_world *world, double seconds, bool *started) {
  gan_watchdog *watchdog = NULL;
  gan_world_broadcast(world, &seconds, sizeof seconds);
  *started = seconds > 0;
  if (*started && world->watchdog) world->watchdog->users++;
  if (!*started || world->watchdog) return GAN_OK;
  gan_status status = gan_allocate(1, sizeof *watchdog, "the watchdog", &watchdog);
  if (status == GAN_OK) watchdog->world = world;
  status = gan_world_agree(world, status);
  if (status == GAN_OK) {
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

/* What was before does not count. */
static void expect(gan_watchdog *watchdog, bool expected) {
  if (expected) atomic_store(&watchdog->own->advanced_at, milliseconds(gan_seconds()));
  atomic_store(&watchdog->beats_expected, expected);
}

void gan_watchdog_expect_beats(gan_world *world, bool expected) {
  if (!world->watchdog) return;
  /* Who is here first does not count the time that it waits for the others. */
  gan_world_barrier(world);
  expect(world->watchdog, expected);
}

void gan_watchdog_leave_to_rank_0(gan_world *world, bool leaves) {
  if (world->watchdog && world->rank != 0) expect(world->watchdog, !leaves);
}

void gan_watchdog_beat(const gan_world *world, gan_activity activity) {
  const gan_watchdog *watchdog = world->watchdog;
  if (!watchdog) return;
  atomic_store_explicit(&watchdog->own->activity, activity, memory_order_relaxed);
  atomic_fetch_add_explicit(&watchdog->own->beats, 1, memory_order_release);
}
