/* Timing training itself: the iterations that `train` makes, and nothing around them.

   Every rank notes the time of each iteration and of its phases; afterwards rank 0 collects them all. Ranks are not
   made to meet between iterations, beyond what training itself does. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/benchmark.h"
#include "config/relevance.h"
#include "dist/world.h"
#include "train/regularisers.h"

/* What is noted of each iteration, in seconds. */
enum { TOTAL, DATA, COMPUTE, SUMMING, WAITING, COMMUNICATION, NOTES };

enum { WARM_UP_ITERATIONS = 3, FEWEST = 5, MOST = 20000 };
static const double warm_up_seconds = 0.5, timed_seconds = 5, layers_seconds = 2;

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void gan_smallest_and_median(size_t count, double *values, double *smallest, double *median) {
  qsort(values, count, sizeof *values, compare);
  *smallest = values[0];
  *median = (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* The configuration with everything off that is not a regular iteration. */
static gan_status regular(const gan_config *config, gan_config **copy) {
  GAN_TRY(gan_config_copy(config, copy));
  char *idle = NULL;
  gan_status status = gan_config_settle(*copy, &idle);
  free(idle);
  gan_config_count_as_default(*copy); /* what is switched off below leaves keys without effect */
  if (gan_clip_is_asked_for(config)) gan_clip_ask_for(*copy);
  if (status == GAN_OK) status = gan_config_set(*copy, "trace.file", "");
  if (status == GAN_OK) status = gan_config_set(*copy, "run.resume", "no");
  if (status == GAN_OK) status = gan_config_set(*copy, "train.warmup_iterations", "0");
  if (status == GAN_OK) return GAN_OK;
  gan_config_destroy(*copy);
  *copy = NULL;
  return status;
}

/* Iterates until caches, connections and clock frequencies have settled. *each: what an iteration takes then. */
static gan_status warm_up(gan_world *world, gan_trainer *trainer, double *each) {
  double elapsed = 0;
  *each = INFINITY;
  for (int done = 0; done < WARM_UP_ITERATIONS || elapsed < warm_up_seconds; done++) {
    gan_iteration values;
    const double start = gan_seconds();
    GAN_TRY(gan_trainer_iterate(trainer, &values));
    const double seconds = gan_world_maximum(world, gan_seconds() - start);
    elapsed += seconds;
    *each = fmin(*each, seconds);
  }
  return GAN_OK;
}

/* notes (iterations, NOTES) */
static gan_status iterate(gan_trainer *trainer, int64_t iterations, float *notes) {
  for (int64_t i = 0; i < iterations; i++, notes += NOTES) {
    gan_iteration values;
    const double start = gan_seconds();
    GAN_TRY(gan_trainer_iterate(trainer, &values));
    notes[TOTAL] = (float)(gan_seconds() - start);
    notes[DATA] = (float)values.seconds_data;
    notes[COMPUTE] = (float)values.seconds_compute;
    notes[SUMMING] = (float)values.seconds_summing;
    notes[WAITING] = (float)values.seconds_waiting;
    notes[COMMUNICATION] = (float)values.seconds_communication;
  }
  return GAN_OK;
}

/* An iteration's time is its slowest rank's; a phase's is the mean over ranks. */
static void merge_ranks(int ranks, int64_t iterations, const float *notes, int64_t iteration, double *merged) {
  memset(merged, 0, NOTES * sizeof *merged);
  for (int rank = 0; rank < ranks; rank++) {
    const float *note = notes + ((int64_t)rank * iterations + iteration) * NOTES;
    if (note[TOTAL] > merged[TOTAL]) merged[TOTAL] = note[TOTAL];
    for (int phase = DATA; phase < NOTES; phase++) merged[phase] += note[phase] / (double)ranks;
  }
}

/* The phases of the median iteration: those of the middle half of the iterations (by time), as shares of their time.
   Medians of each phase by itself could add up to more than the median iteration. */
static void summarise(int ranks, int64_t iterations, const float *notes, double *totals, gan_training_time *time) {
  double merged[NOTES], middle[NOTES] = {0};
  const size_t count = (size_t)iterations;
  for (int64_t i = 0; i < iterations; i++) {
    merge_ranks(ranks, iterations, notes, i, merged);
    totals[i] = merged[TOTAL];
  }
  gan_smallest_and_median(count, totals, &time->minimum, &time->median);
  const double low = totals[count / 4], high = totals[count - 1 - count / 4];
  for (int64_t i = 0; i < iterations; i++) {
    merge_ranks(ranks, iterations, notes, i, merged);
    for (int k = 0; k < NOTES && merged[TOTAL] >= low && merged[TOTAL] <= high; k++) middle[k] += merged[k];
  }
  const double scale = time->median / middle[TOTAL];
  time->data = scale * middle[DATA];
  time->compute = scale * middle[COMPUTE];
  time->summing = scale * middle[SUMMING];
  time->waiting = scale * middle[WAITING];
  time->communication = scale * middle[COMMUNICATION];
}

/* How much all but communication varies over ranks and iterations; `values` has room for all of them. */
static void measure_spread(int ranks, int64_t iterations, const float *notes, double *values, gan_spread *spread) {
  const size_t count = (size_t)ranks * (size_t)iterations;
  for (size_t i = 0; i < count; i++)
    values[i] = (double)notes[i * NOTES + TOTAL] - (double)notes[i * NOTES + COMMUNICATION];
  gan_spread_measure(count, values, spread);
}

/* Rank r's `count` floats to rank 0's all (ranks, count). Collective. */
static gan_status gather(gan_world *world, size_t count, const float *mine, float *all) {
  const int ranks = gan_world_size(world);
  gan_shards rows;
  GAN_TRY(gan_world_plan_shards(world, ranks, ranks, &rows));
  gan_world_gather(world, &rows, count, mine, all);
  gan_shards_release(&rows);
  return GAN_OK;
}

static gan_status time_iterations(gan_world *world, gan_trainer *trainer, gan_training_time *time) {
  const int ranks = gan_world_size(world);
  const size_t count = (size_t)time->iterations * NOTES;
  float *mine = NULL, *all = NULL;
  double *totals = NULL, *values = NULL;
  const size_t gathered = gan_world_rank(world) == 0 ? (size_t)ranks * count : 0;
  gan_status status = gan_allocate(count, sizeof *mine, "times of iterations", &mine);
  if (status == GAN_OK) status = gan_allocate(gathered, sizeof *all, "times of iterations", &all);
  if (status == GAN_OK) status = gan_allocate((size_t)time->iterations, sizeof *totals, "times of iterations", &totals);
  if (status == GAN_OK) status = gan_allocate(gathered / NOTES, sizeof *values, "times of iterations", &values);
  status = gan_world_agree(world, status);
  if (status == GAN_OK) status = iterate(trainer, time->iterations, mine);
  if (status == GAN_OK) status = gather(world, count, mine, all);
  if (status == GAN_OK && gan_world_rank(world) == 0) {
    summarise(ranks, time->iterations, all, totals, time);
    measure_spread(ranks, time->iterations, all, values, &time->spread);
  }
  free(mine);
  free(all);
  free(totals);
  free(values);
  return status;
}

/* What it costs to sum a step's scalars over all shards when no rank waits for another's computation: so many rounds of
   so many sums, one after the other, each of which every rank needs all others for. */
static gan_status measure_exchange(gan_world *world, gan_training_time *time) {
  enum { ROUNDS = 11, SUMS = 50 };
  const size_t count = time->work.scalars;
  gan_shards shards;
  double *mine = NULL, *total = NULL, rounds[ROUNDS], smallest;
  GAN_TRY(gan_world_plan_shards(world, time->work.shards, time->work.batch, &shards));
  gan_status status = gan_allocate((size_t)shards.local * count, sizeof *mine, "scalars", &mine);
  if (status == GAN_OK) status = gan_allocate(count, sizeof *total, "scalars", &total);
  status = gan_world_agree(world, status);
  for (int round = 0; status == GAN_OK && round < ROUNDS; round++) {
    const double start = gan_seconds();
    for (int i = 0; i < SUMS; i++) gan_world_sum(world, &shards, mine, count, total);
    rounds[round] = (gan_seconds() - start) / SUMS;
  }
  if (status == GAN_OK) gan_smallest_and_median(ROUNDS, rounds, &smallest, &time->exchange);
  free(mine);
  free(total);
  gan_shards_release(&shards);
  return status;
}

/* Sum and largest of the ranks' values. */
static gan_status measure_memory(gan_world *world, gan_training_time *time) {
  const int ranks = gan_world_size(world);
  const double mine = gan_process_memory();
  gan_shards rows;
  GAN_TRY(gan_world_plan_shards(world, ranks, ranks, &rows));
  gan_world_sum(world, &rows, &mine, 1, &time->whole_memory);
  gan_shards_release(&rows);
  time->largest_memory = gan_world_maximum(world, mine);
  return GAN_OK;
}

/* After the others, whose time the watch does not disturb; at most as many. */
static gan_status time_layers(gan_world *world, gan_trainer *trainer, const gan_training_time *time, double each,
                              gan_layer_times *layers) {
  const double fitting = ceil(layers_seconds / (each + 1e-9));
  if (!layers) return GAN_OK;
  return gan_benchmark_layers(world, trainer, (int64_t)fmin((double)time->iterations, fitting), layers);
}

gan_status gan_benchmark_training(gan_world *world, const gan_config *config, int64_t iterations,
                                  gan_training_time *time, gan_layer_times *layers) {
  gan_config *mine = NULL;
  gan_trainer *trainer = NULL;
  double each = 0;
  *time = (gan_training_time){0};
  gan_status status = gan_world_agree(world, regular(config, &mine));
  if (status == GAN_OK) status = gan_trainer_create(world, mine, NULL, &trainer);
  gan_config_destroy(mine);
  GAN_TRY(status);
  gan_trainer_work(trainer, &time->work);
  time->startup = gan_world_maximum(world, gan_process_age());
  status = warm_up(world, trainer, &each);
  time->iterations = iterations;
  if (!iterations) time->iterations = (int64_t)fmin(MOST, fmax(FEWEST, ceil(timed_seconds / (each + 1e-9))));
  if (status == GAN_OK) status = time_iterations(world, trainer, time);
  if (status == GAN_OK) status = measure_memory(world, time);
  if (status == GAN_OK) status = time_layers(world, trainer, time, each, layers);
  if (status == GAN_OK) status = measure_exchange(world, time);
  gan_trainer_destroy(trainer);
  return status;
}
