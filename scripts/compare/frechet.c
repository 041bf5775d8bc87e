/* The Fréchet distance of two files of features, for quality.py, which makes them and holds SciPy beside it: prints
   seconds of all ranks on cores and seconds elapsed, of the moments and of the distance, and the distance.

   `make frechet && mpirun -np N build/compare/frechet FEATURES REAL FAKE`: the files hold float32 numbers, FEATURES a
   sample. The ranks share the moments; the first one computes the distance from them, as the metric does. */
#include "eval/frechet.h"

#include "base/memory.h"
#include "dist/world.h"
#include "eval/moments.h"
#include "kernels/kernels.h"
#include "timing.h"

static double elapsed_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void need(gan_status status) {
  if (status != GAN_OK) fail(gan_error_message());
}

static float *read_features(const char *path, int64_t dimension, int64_t *count) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) fail("cannot read the features");
  const size_t values = (size_t)ftell(file) / sizeof(float);
  float *features = NULL;
  need(gan_allocate(values, sizeof *features, "features", &features));
  rewind(file);
  if (fread(features, sizeof *features, values, file) != values) fail("cannot read the features");
  fclose(file);
  *count = (int64_t)values / dimension;
  return features;
}

typedef struct seconds {
  double on_cores, elapsed;
} seconds;

static seconds start(gan_world *world) {
  gan_world_barrier(world);
  return (seconds){cpu_seconds(), elapsed_seconds()};
}

/* Adds to *total what `ranks` ranks have computed since `since`, each as long as the one that took longest. */
static void stop(gan_world *world, seconds since, int ranks, seconds *total) {
  total->on_cores += ranks * gan_world_maximum(world, cpu_seconds() - since.on_cores);
  total->elapsed += elapsed_seconds() - since.elapsed;
}

/* Mean and covariance of one file; what is timed of it is added up. */
static gan_moments *moments_of(gan_world *world, const char *path, int64_t dimension, double *covariance,
                               seconds *total) {
  gan_moments *moments = NULL;
  int64_t count = 0;
  float *features = read_features(path, dimension, &count);
  const seconds since = start(world);
  need(gan_moments_create(world, count, dimension, features, &moments));
  if (covariance) gan_moments_covariance(moments, covariance);
  stop(world, since, gan_world_size(world), total);
  free(features);
  return moments;
}

int main(int argc, char **argv) {
  gan_world *world = NULL;
  const gan_backend *backend = NULL;
  need(gan_world_open(&argc, &argv, &world));
  if (argc != 4 || atoll(argv[1]) < 1) fail("usage: frechet FEATURES REAL FAKE");
  const int64_t dimension = atoll(argv[1]);
  const size_t size = (size_t)dimension * (size_t)dimension;
  const bool first = gan_world_rank(world) == 0;
  seconds moments_time = {0}, distance_time = {0};
  double distance = 0, *covariances[2] = {NULL};
  gan_moments *moments[2];
  need(gan_backend_open("auto", GAN_FLOAT32, &backend));
  for (int i = 0; i < 2; i++) {
    if (first) need(gan_allocate(size, sizeof *covariances[i], "a covariance", &covariances[i]));
    moments[i] = moments_of(world, argv[2 + i], dimension, covariances[i], &moments_time);
  }
  const seconds since = start(world);
  if (first)
    need(
        gan_frechet_distance(dimension, moments[0]->mean, covariances[0], moments[1]->mean, covariances[1], &distance));
  stop(world, since, 1, &distance_time);
  if (first)
    printf("{\"moments\": [%.4f, %.4f], \"distance\": [%.4f, %.4f], \"value\": %.17g}\n", moments_time.on_cores,
           moments_time.elapsed, distance_time.on_cores, distance_time.elapsed, distance);
  for (int i = 0; i < 2; i++) {
    gan_moments_destroy(moments[i]);
    free(covariances[i]);
  }
  gan_world_close(world);
  return 0;
}
