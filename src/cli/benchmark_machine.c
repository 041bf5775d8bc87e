/* What a training iteration is compared with: the fastest that this machine's ranks do matrix products and move memory,
   all at the same time, as they do in training; and what the system knows about this process. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/benchmark.h"
#include "dist/world.h"
#include "kernels/tiles.h"

enum {
  ROUNDS = 5, /* the best one counts: what disturbs only slows down */
  SIZE = 1024 /* of the matrices: large enough for any library's full speed, small enough for many ranks' memory */
};

/* A workload of one rank, to be repeated. */
typedef struct exercise {
  void (*run)(struct exercise *exercise);
  const gan_backend *backend; /* of products; NULL for others, which need no third vector */
  size_t count;
  float *a, *b, *c; /* (count) each */
} exercise;

static double timed(gan_world *world, exercise *work, int repetitions) {
  gan_world_barrier(world);
  const double start = gan_seconds();
  for (int i = 0; i < repetitions; i++) work->run(work);
  return gan_world_maximum(world, gan_seconds() - start);
}

/* Seconds of one repetition on all ranks at once, at best; a round lasts long enough that the start does not matter. */
static double best_seconds(gan_world *world, exercise *work) {
  const double round = 0.05;
  timed(world, work, 1);
  const double first = timed(world, work, 1);
  const int repetitions = first >= round ? 1 : first * 1000 <= round ? 1000 : (int)ceil(round / first);
  double best = INFINITY;
  for (int i = 0; i < ROUNDS; i++) best = fmin(best, timed(world, work, repetitions) / repetitions);
  return best;
}

static void multiply(exercise *work) {
  work->backend->gemm(false, true, SIZE, SIZE, SIZE, 1, work->a, SIZE, work->b, SIZE, 0, work->c, SIZE);
}

/* In bfloat16 no library here shows what the CPU can do: products of packed panels that stay in the first cache do. */
enum { TILE_DEPTH = 96 /* pairs */, TILE_ROUNDS = 4096 };

static void multiply_tiles(exercise *work) {
  for (int i = 0; i < TILE_ROUNDS; i++)
    gan_tile_multiply(work->backend->precision, TILE_DEPTH, work->a, work->b, GAN_TILE_COLUMNS, false, work->c,
                      GAN_TILE_COLUMNS);
}

/* y = y / 2 + x / 2: reads two vectors and writes one of them, like STREAM's triad (McCalpin 1995), but in place: so
   exactly what is counted is moved, with no line read only because it is going to be written. */
static void average(exercise *work) { gan_average(work->count, 0.5f, work->a, 0.5f, work->b); }

/* Values far from 0, whose sums and products never get slow. */
static void fill(size_t count, float *values) {
  for (size_t i = 0; i < count; i++) values[i] = 1.0f + (float)(i % 7) / 8.0f;
}

static gan_status measure(gan_world *world, exercise *work, double *seconds) {
  gan_status status = gan_allocate(work->count, sizeof(float), "vectors to measure the machine", &work->a);
  if (status == GAN_OK) status = gan_allocate(work->count, sizeof(float), "vectors to measure the machine", &work->b);
  if (status == GAN_OK && work->backend)
    status = gan_allocate(work->count, sizeof(float), "vectors to measure the machine", &work->c);
  status = gan_world_agree(world, status);
  if (status == GAN_OK) {
    fill(work->count, work->a);
    fill(work->count, work->b);
    *seconds = best_seconds(world, work);
  }
  free(work->a);
  free(work->b);
  free(work->c);
  return status;
}

gan_status gan_machine_flops(gan_world *world, const gan_backend *backend, double *flops) {
  const bool tiles = backend->precision != GAN_FLOAT32;
  exercise work = {.run = tiles ? multiply_tiles : multiply, .backend = backend, .count = (size_t)SIZE * SIZE};
  const double products = tiles ? 2.0 * TILE_ROUNDS * TILE_DEPTH * GAN_TILE : (double)SIZE * SIZE * SIZE;
  double seconds = 0;
  GAN_TRY(measure(world, &work, &seconds));
  *flops = gan_world_size(world) * 2.0 * products / seconds;
  return GAN_OK;
}

/* Floats of a vector: the vectors of a host's ranks together are four times its last cache, as STREAM demands, between
   64 and 256 MiB. A system that does not tell its cache's size is taken to have a large one. */
static size_t vector_length(const gan_world *world) {
  const double cache = (double)sysconf(_SC_LEVEL3_CACHE_SIZE), most = 256.0 * 1048576, least = 64.0 * 1048576;
  const double bytes = cache > 0 ? fmax(least, fmin(4 * cache, most)) : most;
  return (size_t)(bytes / gan_world_host_size(world) / sizeof(float)) + 1;
}

gan_status gan_machine_bandwidth(gan_world *world, double *bytes) {
  exercise work = {.run = average, .count = vector_length(world)};
  double seconds = 0;
  GAN_TRY(measure(world, &work, &seconds));
  /* Hosts with more ranks have shorter vectors: what counts is what one of the longest had to do. */
  *bytes = gan_world_size(world) * 3.0 * sizeof(float) * (double)work.count / seconds;
  return GAN_OK;
}

double gan_process_memory(void) {
  FILE *file = fopen("/proc/self/smaps_rollup", "re");
  char *line = NULL;
  size_t size = 0;
  long long kilobytes = -1;
  while (file && kilobytes < 0 && getline(&line, &size, file) > 0) (void)sscanf(line, "Pss: %lld kB", &kilobytes);
  free(line);
  if (file) fclose(file);
  return kilobytes < 0 ? (double)NAN : 1024.0 * (double)kilobytes;
}

double gan_process_age(void) {
  char text[1024];
  struct timespec now;
  unsigned long long start = 0;
  FILE *file = fopen("/proc/self/stat", "re");
  const size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
  if (file) fclose(file);
  text[length] = '\0';
  /* The program's name, in parentheses, may hold anything; the start is the 20th number behind it, in clock ticks since
     the system's own start (proc(5)). */
  const char *behind = strrchr(text, ')');
  if (!behind || sscanf(behind + 1, " %*c%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s %llu", &start) != 1)
    return NAN;
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) return NAN;
  const double age = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec - (double)start / (double)sysconf(_SC_CLK_TCK);
  return age >= 0 ? age : (double)NAN;
}
