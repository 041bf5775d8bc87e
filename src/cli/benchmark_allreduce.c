/* `gan_dist benchmark --allreduce`: latency and bandwidth by size, of every way there is. */
#include <math.h>
#include <stdio.h>

#include "cli/benchmark.h"
#include "config/number.h"
#include "dist/benchmark.h"
#include "dist/world.h"

enum { SMALLEST = 4, STEP = 4, LARGEST = 64 << 20, LARGEST_ALLOWED = 1 << 30 };
static const double seconds_per_size = 0.5;

static gan_status read_largest(const gan_arguments *arguments, int64_t *largest) {
  const char *text = gan_argument(arguments, "--largest");
  *largest = LARGEST;
  if (!text) return GAN_OK;
  const gan_status status = gan_parse_integer(text, largest);
  if (status != GAN_OK) return gan_fail_prefix(status, "--largest: ");
  if (*largest < SMALLEST || *largest > LARGEST_ALLOWED)
    return gan_fail(GAN_BAD_USAGE, "--largest is a number of bytes from %d to %d, not %s", SMALLEST, LARGEST_ALLOWED,
                    text);
  return GAN_OK;
}

static void print_head(void) {
  for (int i = 0; gan_allreduce_name(i); i++) printf("%-16s%s\n", gan_allreduce_name(i), gan_allreduce_help(i));
  printf("\n%12s%12s", "bytes", "repetitions");
  for (int i = 0; gan_allreduce_name(i); i++) printf("%14s us%9s", gan_allreduce_name(i), "GB/s");
  printf("\n");
}

static void print_row(double bytes, int repetitions, const gan_allreduce_time *times) {
  printf("%12.0f%12d", bytes, repetitions);
  for (int i = 0; gan_allreduce_name(i); i++)
    if (isfinite(times[i].median))
      printf("%17.1f%9.3f", 1e6 * times[i].median, 1e-9 * bytes / times[i].median);
    else
      printf("%17s%9s", "-", "-");
  printf("\n");
  fflush(stdout);
}

static struct json_object *json_row(double bytes, int repetitions, const gan_allreduce_time *times) {
  struct json_object *row = json_object_new_object();
  gan_json_add(row, "bytes", gan_json_number(bytes));
  gan_json_add_integer(row, "repetitions", repetitions);
  for (int i = 0; gan_allreduce_name(i); i++) {
    struct json_object *way = json_object_new_object();
    gan_json_add(way, "microseconds_minimum", gan_json_number(1e6 * times[i].minimum));
    gan_json_add(way, "microseconds_median", gan_json_number(1e6 * times[i].median));
    gan_json_add(way, "bytes_per_second", gan_json_number(bytes / times[i].median));
    gan_json_add(row, gan_allreduce_name(i), way);
  }
  return row;
}

gan_status gan_benchmark_allreduce(gan_arguments *arguments) {
  gan_world *world = arguments->world;
  const bool prints = gan_world_rank(world) == 0, table = prints && !arguments->json;
  int64_t largest;
  if (arguments->count > 100000)
    return gan_fail(GAN_BAD_USAGE, "-n: at most 100000 repetitions of an all-reduce, not %lld",
                    (long long)arguments->count);
  GAN_TRY(read_largest(arguments, &largest));
  struct json_object *rows = json_object_new_array();
  gan_status status = GAN_OK;
  if (table)
    printf("All-reduce among %d ranks on %d host%s, medians\n", gan_world_size(world), gan_world_host_count(world),
           gan_world_host_count(world) == 1 ? "" : "s");
  if (table) print_head();
  for (int64_t bytes = SMALLEST; bytes <= largest && status == GAN_OK; bytes *= STEP) {
    gan_allreduce_time times[GAN_ALLREDUCE_WAYS_MOST];
    int repetitions = 0;
    status = gan_allreduce_measure(world, (size_t)bytes / sizeof(float), (int)arguments->count, seconds_per_size,
                                   &repetitions, times);
    if (status != GAN_OK || !prints) continue;
    if (table) print_row((double)bytes, repetitions, times);
    json_object_array_add(rows, json_row((double)bytes, repetitions, times));
  }
  if (status != GAN_OK || table || !prints) {
    json_object_put(rows);
    return status;
  }
  struct json_object *object = json_object_new_object();
  gan_json_add_integer(object, "ranks", gan_world_size(world));
  gan_json_add_integer(object, "hosts", gan_world_host_count(world));
  gan_json_add_text(object, "mpi", gan_world_library());
  gan_json_add(object, "allreduce", rows);
  gan_json_print(object);
  return GAN_OK;
}
