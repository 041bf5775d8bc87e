/* What `gan_dist benchmark` tells: training's speed, and how much of the machine it uses. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/benchmark.h"
#include "cli/cpu.h"
#include "cli/crowd.h"
#include "dist/link.h"
#include "dist/world.h"
#include "gan_dist/version.h"

/* Everything in SI units; times are of an iteration. */
typedef struct report {
  const gan_config *config;
  const gan_backend *backend;
  gan_cpu cpu;
  const gan_world *world;
  int ranks, hosts;
  gan_training_time time;
  gan_layer_times layers;
  double samples_per_second;
  double flops, peak_flops;                   /* per second, all ranks together */
  double communication_bytes, peak_bandwidth; /* per second, all ranks together; NAN with one rank */
  double network_bytes, peak_network;         /* per second, out of a host, which is as much as into it; NAN with one */
} report;

/* The least that any all-reduce sends out of each host in an iteration: its sums of what belongs to others, and what
   belongs to it to the others (Patarasuk & Yuan 2009, section 2). */
static double network_work(const report *found) {
  return 2 * (found->hosts - 1.0) / found->hosts * found->time.work.gradient_bytes;
}

static gan_status measure_network(gan_world *world, report *found) {
  gan_link link;
  int other = 0;
  found->network_bytes = found->peak_network = NAN;
  if (found->hosts == 1) return GAN_OK;
  GAN_TRY(gan_link_measure(world, &link, &other));
  found->peak_network = link.bandwidth;
  found->network_bytes = network_work(found) / found->time.communication;
  return GAN_OK;
}

static gan_status measure(gan_arguments *arguments, report *found) {
  gan_world *world = arguments->world;
  gan_training_time *time = &found->time;
  found->config = arguments->config;
  found->world = world;
  GAN_TRY(
      gan_backend_open(found->config->run.backend, gan_precision_find(found->config->run.precision), &found->backend));
  found->ranks = gan_world_size(world);
  found->hosts = gan_world_host_count(world);
  gan_cpu_describe(&found->cpu);
  GAN_TRY(gan_benchmark_training(world, arguments->config, arguments->count, time, &found->layers));
  GAN_TRY(gan_machine_flops(world, found->backend, &found->peak_flops));
  GAN_TRY(gan_machine_bandwidth(world, &found->peak_bandwidth));
  GAN_TRY(measure_network(world, found));
  found->samples_per_second = (double)(time->work.batch * time->work.critic_steps) / time->median;
  found->flops = time->work.flops / time->median;
  found->communication_bytes =
      found->ranks > 1 ? found->ranks * time->work.gradient_bytes / time->communication : (double)NAN;
  return GAN_OK;
}

/* A peak to compare with, or none. Where ranks share cores, a layer is mostly done within one turn of its rank, as if
   the rank had a core of its own, while the peak has all turns in it; and a turn at the memory's bandwidth may stay in
   the caches. An iteration as a whole holds all turns, too: its share of the peak of products is sound. */
static double comparable(const report *found, double peak) { return gan_crowded(found->world) ? (double)NAN : peak; }

/* Seconds of an iteration. */
static double exchanges(const gan_training_time *time) { return time->work.sums * time->exchange; }

static void print_gradients(const report *found) {
  const double peak = comparable(found, found->peak_bandwidth);
  printf("gradients             %.3f MB a rank and iteration, %.2f GB/s", 1e-6 * found->time.work.gradient_bytes,
         1e-9 * found->communication_bytes);
  if (isfinite(peak)) printf(": %.1f %% of the memory's bandwidth", 100 * found->communication_bytes / peak);
  printf("\n");
}

static void print_text(const report *found) {
  const gan_training_time *time = &found->time;
  const double percent = 100 / time->median;
  char crowd[GAN_CROWD_TEXT];
  gan_crowd_describe(found->world, crowd);
  printf("preset                %s, batch %lld, %lld critic steps and %lld of the generator an iteration, %s, %s\n",
         found->config->run.name, (long long)time->work.batch, (long long)time->work.critic_steps,
         (long long)time->work.generator_steps, found->backend->name, found->config->run.precision);
  printf("machine               %s, %d cores usable\n", found->cpu.model, found->cpu.usable_cores);
  printf("ranks                 %d on %d host%s, %d shard%s\n", found->ranks, found->hosts,
         found->hosts == 1 ? "" : "s", time->work.shards, time->work.shards == 1 ? "" : "s");
  printf("iterations            %lld timed, after a warm-up\n", (long long)time->iterations);
  printf("time per iteration    median %.3f ms, minimum %.3f ms\n", 1e3 * time->median, 1e3 * time->minimum);
  printf("samples/s             %.0f\n", found->samples_per_second);
  printf("  data                %.3f ms  (%.1f %%)\n", 1e3 * time->data, percent * time->data);
  printf("  compute             %.3f ms  (%.1f %%)\n", 1e3 * time->compute, percent * time->compute);
  printf("  copying and summing %.3f ms  (%.1f %%)\n", 1e3 * time->summing, percent * time->summing);
  printf("  waiting             %.3f ms  (%.1f %%)%s%s\n", 1e3 * time->waiting, percent * time->waiting,
         crowd[0] ? "  " : "", crowd);
  printf("exchange of scalars   %.2f us, %.4g an iteration: %.3f %% of it (error agreement included)\n",
         1e6 * time->exchange, time->work.sums, percent * exchanges(time));
  printf("matrix products       %.4g GF an iteration, %.1f GF/s: %.1f %% of the measured peak of %.1f GF/s\n",
         1e-9 * time->work.flops, 1e-9 * found->flops, 100 * found->flops / found->peak_flops,
         1e-9 * found->peak_flops);
  if (found->ranks > 1) print_gradients(found);
  if (found->hosts > 1)
    printf("between hosts         %.3f MB out of a host an iteration, %.3f GB/s: %.1f %% of the measured %.3f GB/s\n",
           1e-6 * network_work(found), 1e-9 * found->network_bytes, 100 * found->network_bytes / found->peak_network,
           1e-9 * found->peak_network);
  printf("memory bandwidth      %.2f GB/s, measured\n", 1e-9 * found->peak_bandwidth);
  if (isfinite(time->whole_memory))
    printf("memory                %.1f MB a rank at most, %.1f MB together (PSS)\n", 1e-6 * time->largest_memory,
           1e-6 * time->whole_memory);
  if (isfinite(time->startup)) printf("start-up              %.2f s to the first iteration\n", time->startup);
  gan_layer_times_print(&found->layers, comparable(found, found->peak_flops));
  if (crowd[0]) printf("left out are the layers' shares of the peak, and of the memory's bandwidth: %s\n", crowd);
}

static struct json_object *json_numbers(const char *first, double a, const char *second, double b) {
  struct json_object *object = json_object_new_object();
  gan_json_add(object, first, gan_json_number(a));
  gan_json_add(object, second, gan_json_number(b));
  return object;
}

static struct json_object *json_phases(const gan_training_time *time) {
  struct json_object *object = json_numbers("data", 1e3 * time->data, "compute", 1e3 * time->compute);
  gan_json_add(object, "summing", gan_json_number(1e3 * time->summing));
  gan_json_add(object, "waiting", gan_json_number(1e3 * time->waiting));
  gan_json_add(object, "communication", gan_json_number(1e3 * time->communication));
  return object;
}

static struct json_object *json_rates(double flops, const char *moved, double bytes, double network) {
  struct json_object *object = json_numbers("flops_per_second", flops, moved, bytes);
  gan_json_add(object, "network_bytes_per_second", gan_json_number(network));
  return object;
}

static void add_setting(struct json_object *object, const report *found) {
  gan_json_add_text(object, "version", GAN_DIST_VERSION);
  gan_json_add_text(object, "preset", found->config->run.name);
  gan_json_add_integer(object, "ranks", found->ranks);
  gan_json_add_integer(object, "hosts", found->hosts);
  gan_json_add_integer(object, "shards", found->time.work.shards);
  gan_json_add_integer(object, "batch", found->time.work.batch);
  gan_json_add_integer(object, "critic_steps", found->time.work.critic_steps);
  gan_json_add_integer(object, "generator_steps", found->time.work.generator_steps);
  gan_json_add_text(object, "backend", found->backend->name);
  gan_json_add_text(object, "backend_description", found->backend->describe());
  gan_json_add_text(object, "precision", found->config->run.precision);
  gan_json_add_text(object, "cpu", found->cpu.model);
  gan_json_add_integer(object, "usable_cores", found->cpu.usable_cores);
  gan_json_add_cores(object, found->world);
}

static void print_json(const report *found) {
  const gan_training_time *time = &found->time;
  struct json_object *object = json_object_new_object();
  add_setting(object, found);
  gan_json_add_integer(object, "iterations", time->iterations);
  gan_json_add(object, "milliseconds_per_iteration",
               json_numbers("minimum", 1e3 * time->minimum, "median", 1e3 * time->median));
  gan_json_add(object, "samples_per_second", gan_json_number(found->samples_per_second));
  gan_json_add(object, "phases", json_phases(time));
  gan_json_add(
      object, "scalar_exchange",
      json_numbers("microseconds", 1e6 * time->exchange, "share_of_iteration", exchanges(time) / time->median));
  gan_json_add(object, "work",
               json_numbers("flops", time->work.flops, "gradient_bytes_per_rank", time->work.gradient_bytes));
  gan_json_add(
      object, "achieved",
      json_rates(found->flops, "communication_bytes_per_second", found->communication_bytes, found->network_bytes));
  gan_json_add(object, "peak",
               json_rates(found->peak_flops, "memory_bytes_per_second", found->peak_bandwidth, found->peak_network));
  struct json_object *shares = json_numbers("flops", found->flops / found->peak_flops, "communication",
                                            found->communication_bytes / comparable(found, found->peak_bandwidth));
  gan_json_add(shares, "network", gan_json_number(found->network_bytes / found->peak_network));
  gan_json_add(object, "share_of_peak", shares);
  gan_json_add(object, "memory_bytes", json_numbers("maximum", time->largest_memory, "sum", time->whole_memory));
  gan_json_add(object, "startup_seconds", gan_json_number(time->startup));
  gan_json_add(object, "layers", gan_layer_times_json(&found->layers, comparable(found, found->peak_flops)));
  gan_json_print(object);
}

gan_status gan_benchmark_report(gan_arguments *arguments) {
  report found = {0};
  const gan_status status = measure(arguments, &found);
  if (status == GAN_OK && gan_world_rank(arguments->world) == 0) (arguments->json ? print_json : print_text)(&found);
  gan_layer_times_release(&found.layers);
  return status;
}
