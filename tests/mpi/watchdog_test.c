/* The watchdog over a world: by whose limit it is there, and until when. What it does is tested with whole programs,
   which it ends. */
#include <dirent.h>
#include <string.h>

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

  gan_world_close(world);
  return failures > 0;
}
