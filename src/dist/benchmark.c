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
#include "dist/reduction.h"
#include "dist/world_state.h"

/* The limits of repetitions chosen by time. */
enum { FEWEST = 5, MOST = 500 };

/* What a way works on. */
typedef struct reduction_run {
  gan_world *world;
  bool absent; /* the variant does not suit these hosts */
  size_t count;
  gan_shards shards;
  gan_reduction *reduction; /* NULL for MPI's own */
  float *mine, *sum;        /* (count) each: the values that go in and those that come out */
} reduction_run;

/* One row of the table. */
typedef struct allreduce_way {
  const char *name, *help;
  gan_status (*open)(reduction_run *run, const char *name); /* agreed on */
  void (*all_reduce)(reduction_run *run);
  void (*close)(reduction_run *run);
} allreduce_way;

/* --- MPI_Allreduce --- */

static gan_status mpi_open(reduction_run *run, const char *name) {
  (void)name;
  gan_status status = gan_allocate(run->count, sizeof(float), "values to reduce", &run->mine);
  if (status == GAN_OK) status = gan_allocate(run->count, sizeof(float), "values to reduce", &run->sum);
  return gan_world_agree(run->world, status);
}

static void mpi_all_reduce(reduction_run *run) {
  MPI_Allreduce(run->mine, run->sum, (int)run->count, MPI_FLOAT, MPI_SUM, run->world->ranks);
}

static void mpi_close(reduction_run *run) {
  free(run->mine);
  free(run->sum);
}

/* --- this program's reduction, one shard to a rank --- */

static gan_status reduction_open(reduction_run *run, const char *name) {
  const gan_world *world = run->world;
  GAN_TRY(
      gan_world_agree(run->world, gan_shards_plan(world->size, world->size, world->size, world->rank, &run->shards)));
  const gan_status status = gan_reduction_create(run->world, &run->shards, name, run->count, 0, &run->reduction);
  run->absent = status == GAN_BAD_USAGE || (status == GAN_OK && gan_reduction_reason(run->reduction)[0]);
  if (run->absent) return GAN_OK;
  GAN_TRY(status);
  run->mine = gan_reduction_slots(run->reduction)[0];
  run->sum = gan_reduction_parameters(run->reduction);
  return GAN_OK;
}

/* The simplest update there is: the parameters become the gradient. */
static void take_gradient(void *context, size_t offset, size_t count, const float *gradient) {
  const reduction_run *run = context;
  memcpy(run->sum + offset, gradient, count * sizeof *gradient);
}

static void reduction_all_reduce(reduction_run *run) {
  gan_reduction_sum(run->reduction);
  gan_reduction_apply(run->reduction, take_gradient, run);
  gan_reduction_await(run->reduction);
}

static void reduction_close(reduction_run *run) {
  gan_reduction_destroy(run->reduction);
  gan_shards_release(&run->shards);
}

static const allreduce_way ways[] = {
    {"mpi_allreduce", "MPI_Allreduce of the MPI library", mpi_open, mpi_all_reduce, mpi_close},
    {"flat", "gradient reduction `flat`, its update being a copy", reduction_open, reduction_all_reduce,
     reduction_close},
    {"shared", "gradient reduction `shared`, its update being a copy", reduction_open, reduction_all_reduce,
     reduction_close},
    {"hierarchical", "gradient reduction `hierarchical`, its update being a copy", reduction_open, reduction_all_reduce,
     reduction_close},
};
enum { WAYS = sizeof ways / sizeof *ways };
_Static_assert((int)WAYS <= (int)GAN_ALLREDUCE_WAYS_MOST, "callers have room for every way");

const char *gan_allreduce_name(int way) { return way < WAYS ? ways[way].name : NULL; }
const char *gan_allreduce_help(int way) { return way < WAYS ? ways[way].help : NULL; }

/* --- timing --- */

/* One timed repetition on this rank. */
static double repeat(const allreduce_way *way, reduction_run *run) {
  for (size_t i = 0; i < run->count; i++) run->mine[i] = (float)(run->world->rank + 1);
  MPI_Barrier(run->world->ranks);
  const double start = gan_seconds();
  way->all_reduce(run);
  return gan_seconds() - start;
}

/* 1 + 2 + ... + size, exact in float32 for all worlds that there are. */
static gan_status check_sum(const allreduce_way *way, const reduction_run *run) {
  const double ranks = run->world->size;
  const float expected = (float)(ranks * (ranks + 1) / 2);
  for (size_t i = 0; i < run->count; i++)
    if (run->sum[i] != expected)
      return gan_fail(GAN_FAILED, "%s gave %g instead of %g for value %zu of %zu", way->name, (double)run->sum[i],
                      (double)expected, i, run->count);
  return GAN_OK;
}

/* The first repetition is not timed: it touches memory for the first time and sets up connections. The second one tells
   how many fit the time. */
static gan_status choose_repetitions(reduction_run *runs, double seconds, int *repetitions) {
  gan_world *world = runs->world;
  double together = 0;
  for (int i = 0; i < WAYS; i++) {
    if (runs[i].absent) continue;
    repeat(&ways[i], &runs[i]);
    GAN_TRY(gan_world_agree(world, check_sum(&ways[i], &runs[i])));
    const double start = gan_seconds();
    repeat(&ways[i], &runs[i]);
    together += gan_seconds() - start;
  }
  const double fitting = seconds / (gan_world_maximum(world, together) + 1e-9);
  if (*repetitions == 0) *repetitions = fitting < FEWEST ? FEWEST : fitting > MOST ? MOST : (int)fitting;
  return GAN_OK;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static gan_allreduce_time summarise(int count, double *seconds) {
  qsort(seconds, (size_t)count, sizeof *seconds, compare);
  return (gan_allreduce_time){.minimum = seconds[0], .median = (seconds[(count - 1) / 2] + seconds[count / 2]) / 2};
}

static gan_status measure(reduction_run *runs, int repetitions, gan_allreduce_time *times) {
  gan_world *world = runs->world;
  double *mine = NULL;
  const size_t all = (size_t)repetitions * WAYS;
  GAN_TRY(gan_world_agree(world, gan_allocate(2 * all, sizeof *mine, "times", &mine)));
  double *slowest = mine + all; /* [way][repetition] */
  for (int repetition = 0; repetition < repetitions; repetition++)
    for (int i = 0; i < WAYS; i++)
      mine[i * repetitions + repetition] = runs[i].absent ? (double)NAN : repeat(&ways[i], &runs[i]);
  MPI_Reduce(mine, slowest, (int)all, MPI_DOUBLE, MPI_MAX, 0, world->ranks);
  if (world->rank == 0)
    for (int i = 0; i < WAYS; i++)
      times[i] = runs[i].absent ? (gan_allreduce_time){NAN, NAN}
                                : summarise(repetitions, slowest + (size_t)i * (size_t)repetitions);
  free(mine);
  gan_status status = GAN_OK;
  for (int i = 0; i < WAYS && status == GAN_OK; i++)
    if (!runs[i].absent) status = check_sum(&ways[i], &runs[i]);
  return gan_world_agree(world, status);
}

gan_status gan_allreduce_measure(gan_world *world, size_t count, int repetitions, double seconds, int *repeated,
                                 gan_allreduce_time *times) {
  reduction_run runs[WAYS];
  gan_status status = GAN_OK;
  assert(count >= 1 && count <= INT_MAX);
  for (int i = 0; i < WAYS; i++) runs[i] = (reduction_run){.world = world, .count = count};
  for (int i = 0; i < WAYS && status == GAN_OK; i++) status = ways[i].open(&runs[i], ways[i].name);
  if (status == GAN_OK) status = choose_repetitions(runs, seconds, &repetitions);
  if (status == GAN_OK) status = measure(runs, repetitions, times);
  for (int i = 0; i < WAYS; i++) ways[i].close(&runs[i]);
  *repeated = repetitions;
  return status;
}
