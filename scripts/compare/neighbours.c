/* Precision, recall, density and coverage of two files of features, and what they take: the part of
   scripts/compare/neighbours.py that it starts.

   mpirun -np N build/compare/neighbours REAL FAKE WIDTH NEIGHBOURS [BACKEND]
   REAL, FAKE: float32, rows of WIDTH. Prints JSON: seconds, peak memory of all ranks together, and values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "dist/world.h"
#include "eval/metric.h"
#include "timing.h"

static gan_status read_file(void *path, void *memory, size_t bytes) {
  FILE *file = fopen(path, "rb");
  if (!file || fread(memory, 1, bytes, file) != bytes) fail("a file cannot be read");
  fclose(file);
  return GAN_OK;
}

static gan_sample_set load(gan_world *world, char *path, int64_t width) {
  struct stat about;
  void *memory = NULL;
  if (stat(path, &about) != 0) fail("a file is missing");
  if (gan_world_share(world, (size_t)about.st_size, read_file, path, &memory) != GAN_OK) fail(gan_error_message());
  return (gan_sample_set){.count = about.st_size / 4 / width, .feature_count = width, .features = memory};
}

/* A number of kB in what the system says of this process. */
static double status_kilobytes(const char *name) {
  char line[256];
  double found = 0;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0) found = atof(line + strlen(name));
  if (file) fclose(file);
  return found;
}

/* Of all ranks, each as much as the largest; pages that they share are counted once. */
static double peak_megabytes(gan_world *world) {
  const double peak = gan_world_maximum(world, status_kilobytes("VmHWM:"));
  const double shared = -gan_world_maximum(world, -status_kilobytes("RssShmem:"));
  return (peak * gan_world_size(world) - shared * (gan_world_size(world) - 1)) * 1024e-6;
}

int main(int argc, char **argv) {
  gan_world *world = NULL;
  const gan_backend *backend = NULL;
  double values[GAN_METRIC_VALUES];
  int first;
  if (gan_world_open(&argc, &argv, &world) != GAN_OK) fail(gan_error_message());
  if (argc < 5) fail("what it takes: REAL FAKE WIDTH NEIGHBOURS [BACKEND]");
  if (gan_backend_open(argc > 5 ? argv[5] : "auto", GAN_FLOAT32, &backend) != GAN_OK) fail(gan_error_message());
  const int64_t width = atoll(argv[3]);
  const gan_sample_set real = load(world, argv[1], width), fake = load(world, argv[2], width);
  const gan_comparison comparison = {
      .world = world, .backend = backend, .real = &real, .fake = &fake, .neighbours = atoi(argv[4])};
  const gan_metric *metric = gan_metric_find("precision", &first);
  if (metric->unable(&comparison)) fail(metric->unable(&comparison));
  gan_world_barrier(world);
  const double start = gan_seconds();
  if (metric->compute(&comparison, values) != GAN_OK) fail(gan_error_message());
  const double seconds = gan_world_maximum(world, gan_seconds() - start), megabytes = peak_megabytes(world);
  if (gan_world_rank(world) == 0)
    printf("{\"seconds\": %.3f, \"megabytes\": %.0f, \"values\": [%.17g, %.17g, %.17g, %.17g]}\n", seconds, megabytes,
           values[0], values[1], values[2], values[3]);
  gan_world_close(world);
  return 0;
}
