/* Signs of life between hosts: who sends them, that they arrive, and that a host which sends none is missed.
   (run: alone) */
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fault.h"
#include "dist/heartbeat.h"
#include "support.h"

static const double pause_between = 0.02;

static void sleep_for(double seconds) {
  const struct timespec time = {.tv_nsec = (long)(1e9 * seconds)};
  nanosleep(&time, NULL);
}

/* A host of `rank` is missed since a time, or nobody is (-1); asks until it is so, for at most 20 s. */
static bool misses_in_the_end(const gan_heartbeat *heartbeat, double since, int expected) {
  const double end = gan_seconds() + 20;
  while (gan_seconds() < end) {
    int rank = -1;
    const char *host = NULL;
    const bool misses = gan_heartbeat_misses(heartbeat, 0, since, &rank, &host);
    if (rank == expected && (!misses || strcmp(host, "") != 0)) return true;
    sleep_for(0.005);
  }
  return false;
}

static void check_signs(gan_world *world, int *failures) {
  const bool first = gan_world_host_rank(world) == 0, several = gan_world_host_count(world) > 1;
  const int rank = gan_world_rank(world), last = (int)gan_world_maximum(world, first ? rank : 0);
  gan_heartbeat *heartbeat = NULL;
  const gan_status status = gan_heartbeat_start(world, pause_between, &heartbeat);
  check(world, "first_rank_of_each_of_several_hosts_sends_signs",
        status == GAN_OK && (heartbeat != NULL) == (first && several), failures);

  /* To be missed at a time to come, one must have been heard; rank 0 answers those that it has heard only. */
  int heard = -1;
  const char *host = NULL;
  const int other = rank == 0 ? gan_world_host_size(world) : 0;
  bool well = !heartbeat || (gan_heartbeat_misses(heartbeat, 0, INFINITY, &heard, &host) && heard == other);
  check(world, "hosts_have_heard_rank_0_and_rank_0_the_hosts_when_it_starts", well, failures);

  /* At once: its thread may have sent nothing yet. */
  if (rank == last && rank > 0) {
    gan_heartbeat_stop(heartbeat);
    heartbeat = NULL;
  }
  gan_world_barrier(world);
  sleep_for(2 * pause_between); /* what was under way has arrived */
  const double since = gan_seconds();
  sleep_for(5 * pause_between);
  well = !heartbeat || misses_in_the_end(heartbeat, since, rank == 0 ? last : -1);
  check(world, "host_without_signs_is_missed_and_no_other", well, failures);
  gan_heartbeat_stop(heartbeat);
}

static void check_lack_of_memory(gan_world *world, int *failures) {
  if (gan_world_host_count(world) == 1) return;
  gan_heartbeat *heartbeat = NULL;
  gan_fault_arm(GAN_FAULT_ALLOCATION, gan_world_rank(world) == 0);
  const gan_status status = gan_heartbeat_start(world, pause_between, &heartbeat);
  gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
  check(world, "lack_of_memory_on_one_rank_fails_the_start_on_all", status == GAN_FAILED && !heartbeat, failures);
}

int main(int argc, char **argv) {
  int failures = 0;
  gan_world *world = open_world(&argc, &argv);
  check_signs(world, &failures);
  check_lack_of_memory(world, &failures);
  gan_world_close(world);
  return failures > 0;
}
