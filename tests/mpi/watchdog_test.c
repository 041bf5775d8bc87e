/* The watchdog over a world: by whose limit it is there, and until when, and that it lets work take its time. How it
   ends a run is tested with whole programs. (run: waiting) */
#include <dirent.h>
#include <string.h>
#include <time.h>

#include "base/advance.h"
#include "base/clock.h"
#include "dist/watchdog.h"
#include "support.h"

/* Whether this process has the thread. */
static bool is_watched(void) {
  bool found = false;
  DIR *threads = opendir("/proc/self/task");
  for (struct dirent *thread; threads && (thread = readdir(threads));) {
    char path[300], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", thread->d_name);
    FILE *file = fopen(path, "r");
    if (!file) continue;
    if (fgets(name, sizeof name, file) && strcmp(name, "watchdog\n") == 0) found = true;
    fclose(file);
  }
  if (threads) closedir(threads);
  return found;
}

/* Seconds of the limit, and of work that is longer: the watchdog would have made up its mind, and stopping it would end
   this program. */
static const double limit = 1, longer = 1.5;

/* Rank 0 alone: writes pieces of a file, slowly, and seems to do nothing between them. */
static void write_slowly(gan_world *world) {
  const struct timespec piece = {.tv_nsec = 250000000};
  gan_watchdog_leave_to_rank_0(world, true);
  gan_watchdog_beat(world, gan_world_rank(world) == 0 ? GAN_AT_FILES : GAN_AT_EXCHANGE);
  for (const double end = gan_seconds() + longer; gan_world_rank(world) == 0 && gan_seconds() < end; gan_advance())
    nanosleep(&piece, NULL);
  gan_world_barrier(world);
  gan_watchdog_leave_to_rank_0(world, false);
}

/* One rank computes, and does not say so. */
static void compute_for_long(gan_world *world, int rank) {
  const bool computes = gan_world_rank(world) == rank;
  volatile double sum = 0;
  gan_watchdog_beat(world, computes ? GAN_AT_COMPUTATION : GAN_AT_EXCHANGE);
  for (const double end = gan_seconds() + longer; computes && gan_seconds() < end;) sum = sum + 1;
  gan_world_barrier(world);
}

static void check_long_work(gan_world *world, int *failures) {
  const int last = (int)gan_world_maximum(world, gan_world_rank(world));
  bool started = false;
  const gan_status status = gan_watchdog_start(world, limit, &started);
  gan_watchdog_expect_beats(world, true);
  write_slowly(world);
  compute_for_long(world, last);
  gan_watchdog_expect_beats(world, false);
  gan_watchdog_stop(world);
  check(world, "work_longer_than_the_limit_ends_nothing", status == GAN_OK && started, failures);
}

int main(int argc, char **argv) {
  int failures = 0;
  bool first = false, second = false, none = true;
  gan_world *world = open_world(&argc, &argv);
  const double mine = gan_world_rank(world) == 0 ? 100 : 0;

  gan_status status = gan_watchdog_start(world, 0, &none);
  check(world, "without_a_limit_nobody_watches", status == GAN_OK && !none && !is_watched(), &failures);

  status = gan_watchdog_start(world, mine, &first);
  check(world, "limit_of_rank_0_is_everybodys", status == GAN_OK && first && is_watched(), &failures);

  status = gan_watchdog_start(world, 100, &second);
  gan_watchdog_stop(world);
  check(world, "watches_until_the_last_who_started_it_stops_it", status == GAN_OK && second && is_watched(), &failures);
  gan_watchdog_stop(world);
  check(world, "and_no_longer", !is_watched(), &failures);

  check_long_work(world, &failures);
  gan_world_close(world);
  return failures > 0;
}
