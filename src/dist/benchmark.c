/* See benchmark.h. Each repetition of each way: fill the vector anew (which brings it into the cache, as a backward
   pass does), meet in a barrier, go. The barrier is MPI's own, whose ranks leave it closer together than those of
   gan_wait. */
#include "dist/benchmark.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/number.h"
#include "dist/reduction.h"
#include "dist/world_state.h"

/* The limits of repetitions chosen by time. */
enum { FEWEST = 5, MOST = 500 };

/* What a way works on. */
typedef struct reduction_run {
  int way;
  bool absent; /* the way does not suit this world */
  gan_world *world;
  size_t count;
  gan_shards shards;                  /* one to a rank */
  gan_reduction *reduction;           /* NULL for MPI's own */
  float *mine, *sum;                  /* (count) each: the values that go in, and those that come out or are updated */
  const gan_allreduce_update *update; /* NULL: a copy */
} reduction_run;

/* MPI's own, then each variant of gan_reduction. */
enum { MPI_WAY, FIRST_VARIANT };

static int way_count(void) {
  assert(FIRST_VARIANT + gan_reduction_variant_count() <= GAN_ALLREDUCE_WAYS_MOST);
  return FIRST_VARIANT + gan_reduction_variant_count();
}

const char *gan_allreduce_name(int way) {
  if (way >= way_count()) return NULL;
  return way == MPI_WAY ? "mpi_allreduce" : gan_reduction_variant_name(way - FIRST_VARIANT);
}

const char *gan_allreduce_help(int way) {
  if (way >= way_count()) return NULL;
  return way == MPI_WAY ? "MPI_Allreduce of the MPI library" : gan_reduction_variant_help(way - FIRST_VARIANT);
}

static gan_status open_mpi(reduction_run *run) {
  gan_status status = gan_allocate(run->count, sizeof(float), "values to reduce", &run->mine);
  if (status == GAN_OK) status = gan_allocate(run->count, sizeof(float), "values to reduce", &run->sum);
  return gan_world_agree(run->world, status);
}

/* A variant that is for other hosts than these, or that gives way to another here, is not one to time. */
static gan_status open_variant(reduction_run *run) {
  const gan_world *world = run->world;
  const char *name = gan_allreduce_name(run->way);
  GAN_TRY(gan_world_plan_shards(run->world, world->size, world->size, &run->shards));
  const gan_status status = gan_reduction_create(run->world, &run->shards, name, run->count,
                                                 run->update ? run->update->state_count : 0, &run->reduction);
  run->absent = status == GAN_BAD_USAGE || (status == GAN_OK && strcmp(gan_reduction_name(run->reduction), name) != 0);
  if (run->absent) return GAN_OK;
  GAN_TRY(status);
  run->mine = gan_reduction_slots(run->reduction)[0];
  run->sum = gan_reduction_parameters(run->reduction);
  return GAN_OK;
}

static void close_run(reduction_run *run) {
  if (run->way == MPI_WAY) {
    free(run->mine);
    free(run->sum);
  }
  gan_reduction_destroy(run->reduction);
  gan_shards_release(&run->shards);
}

/* The caller's update of a range; or the simplest there is: the parameters become the gradient. */
static void update_range(void *context, size_t offset, size_t count, const float *gradient) {
  const reduction_run *run = context;
  float *states[GAN_ALLREDUCE_STATES_MOST];
  if (!run->update) {
    memcpy(run->sum + offset, gradient, count * sizeof *gradient);
    return;
  }
  for (int i = 0; i < run->update->state_count; i++) states[i] = gan_reduction_state(run->reduction, i) + offset;
  run->update->make(run->update->context, count, gradient, run->sum + offset, states);
}

static void all_reduce(reduction_run *run) {
  if (run->way == MPI_WAY) {
    MPI_Allreduce(run->mine, run->sum, (int)run->count, MPI_FLOAT, MPI_SUM, run->world->ranks);
    return;
  }
  gan_reduction_update(run->reduction, update_range, run, false);
  gan_reduction_await(run->reduction);
}

/* --- timing --- */

/* One timed repetition on this rank. Where ranks share a core, one that is through would begin to fill the next vector
   while others still wait for the core to find that they are through too; so all meet again at the end. */
static double repeat(reduction_run *run) {
  if (run->absent) return NAN;
  for (size_t i = 0; i < run->count; i++) run->mine[i] = (float)(run->world->rank + 1);
  MPI_Barrier(run->world->ranks);
  const double start = gan_seconds();
  all_reduce(run);
  const double seconds = gan_seconds() - start;
  MPI_Barrier(run->world->ranks);
  return seconds;
}

/* 1 + 2 + ... + size, exact in float32 for all worlds that there are. */
static gan_status check_sum(const reduction_run *run) {
  const double ranks = run->world->size;
  const float expected = (float)(ranks * (ranks + 1) / 2);
  for (size_t i = 0; i < run->count && !run->absent; i++)
    if (run->sum[i] != expected)
      return gan_fail(GAN_FAILED, "%s gave %g instead of %g for value %zu of %zu", gan_allreduce_name(run->way),
                      gan_shown(run->sum[i]), (double)expected, i, run->count);
  return GAN_OK;
}

/* As many updates with the same sums give the same parameters, whatever the variant. */
static gan_status check_updates(const reduction_run *runs) {
  const reduction_run *first = NULL;
  for (const reduction_run *run = runs + FIRST_VARIANT; run < runs + way_count(); run++) {
    if (run->absent) continue;
    if (!first) first = run;
    if (memcmp(first->sum, run->sum, run->count * sizeof *run->sum) != 0)
      return gan_fail(GAN_FAILED, "%s and %s updated %zu values differently", gan_allreduce_name(first->way),
                      gan_allreduce_name(run->way), run->count);
  }
  return GAN_OK;
}

static gan_status check_results(const reduction_run *runs) {
  gan_status status = GAN_OK;
  for (int i = 0; i < way_count() && status == GAN_OK; i++)
    if (i == MPI_WAY || !runs->update) status = check_sum(&runs[i]);
  if (status == GAN_OK && runs->update) status = check_updates(runs);
  return gan_world_agree(runs->world, status);
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static gan_allreduce_time summarise(int count, double *seconds) {
  qsort(seconds, (size_t)count, sizeof *seconds, compare);
  return (gan_allreduce_time){.minimum = seconds[0], .median = (seconds[(count - 1) / 2] + seconds[count / 2]) / 2};
}

/* Notes seconds[way * limit + repetition]; returns how many repetitions. Whether to go on is agreed on between them. */
static int repeat_all(reduction_run *runs, int limit, int fewest, double budget, double *seconds) {
  const double start = gan_seconds();
  int done = 0;
  while (done < limit && (done < fewest || gan_world_maximum(runs->world, gan_seconds() - start) < budget)) {
    for (int i = 0; i < way_count(); i++) seconds[i * limit + done] = repeat(&runs[i]);
    done++;
  }
  return done;
}

/* The first repetition is not timed: it touches memory for the first time and sets up connections. */
static gan_status measure(reduction_run *runs, int limit, int fewest, double budget, int *repeated,
                          gan_allreduce_time *times) {
  gan_world *world = runs->world;
  const size_t all = (size_t)limit * (size_t)way_count();
  double *mine = NULL;
  for (int i = 0; i < way_count(); i++) repeat(&runs[i]);
  GAN_TRY(check_results(runs));
  const gan_status status = gan_world_agree(world, gan_allocate(2 * all, sizeof *mine, "times", &mine));
  if (status != GAN_OK) {
    free(mine);
    return status;
  }
  double *slowest = mine + all;
  *repeated = repeat_all(runs, limit, fewest, budget, mine);
  MPI_Reduce(mine, slowest, (int)all, MPI_DOUBLE, MPI_MAX, 0, world->ranks);
  for (int i = 0; i < way_count() && world->rank == 0; i++)
    times[i] = runs[i].absent ? (gan_allreduce_time){NAN, NAN} : summarise(*repeated, slowest + i * limit);
  free(mine);
  return check_results(runs);
}

gan_status gan_allreduce_measure(gan_world *world, size_t count, const gan_allreduce_update *update, int repetitions,
                                 double seconds, int *repeated, gan_allreduce_time *times) {
  reduction_run runs[GAN_ALLREDUCE_WAYS_MOST];
  gan_status status = GAN_OK;
  assert(count >= 1 && count <= INT_MAX && (!update || update->state_count <= GAN_ALLREDUCE_STATES_MOST));
  for (int i = 0; i < way_count(); i++)
    runs[i] = (reduction_run){.way = i, .world = world, .count = count, .update = update};
  for (int i = 0; i < way_count() && status == GAN_OK; i++)
    status = i == MPI_WAY ? open_mpi(&runs[i]) : open_variant(&runs[i]);
  const int limit = repetitions ? repetitions : MOST, fewest = repetitions ? repetitions : FEWEST;
  *repeated = 0;
  if (status == GAN_OK) status = measure(runs, limit, fewest, seconds, repeated, times);
  for (int i = 0; i < way_count(); i++) close_run(&runs[i]);
  return status;
}
