/* `gan_dist benchmark --allreduce`: latency and bandwidth by size, of every way there is; with --update each of this
   program's own ways also makes the update that training makes of the critic. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/number.h"
#include "cli/benchmark.h"
#include "cli/cpu.h"
#include "dist/benchmark.h"
#include "dist/world.h"
#include "gan_dist/version.h"
#include "kernels/kernels.h"
#include "optim/optimizer.h"
#include "train/regularisers.h"

enum { SMALLEST = 4, STEP = 4, LARGEST = 64 << 20, LARGEST_ALLOWED = 1 << 30, SIZES_MOST = 16, UPDATE_TEXT = 80 };
static const double seconds_per_size = 0.5;

/* What is asked, and what came out: one row a size. */
typedef struct allreduce_benchmark {
  gan_world *world;
  int64_t smallest, largest;
  int repetitions;                    /* 0: by time */
  const gan_allreduce_update *update; /* NULL: a copy */
  char update_text[UPDATE_TEXT];      /* "rmsprop, clip 0.01"; "": none */
  int count;
  struct allreduce_row {
    double bytes;
    int repetitions;
    gan_allreduce_time times[GAN_ALLREDUCE_WAYS_MOST];
  } rows[SIZES_MOST];
} allreduce_benchmark;

/* --- what is asked --- */

static gan_status read_size(const gan_arguments *arguments, const char *flag, int64_t otherwise, int64_t *bytes) {
  const char *text = gan_argument(arguments, flag);
  *bytes = otherwise;
  if (!text) return GAN_OK;
  const gan_status status = gan_parse_bytes(text, bytes);
  if (status != GAN_OK) return gan_fail_prefix(status, "%s: ", flag);
  if (*bytes < SMALLEST || *bytes > LARGEST_ALLOWED)
    return gan_fail(GAN_BAD_USAGE, "%s is a number of bytes from %d to %d (1GiB), not %s", flag, SMALLEST,
                    LARGEST_ALLOWED, text);
  return GAN_OK;
}

static gan_status read_request(const gan_arguments *arguments, allreduce_benchmark *asked) {
  if (arguments->count > 100000)
    return gan_fail(GAN_BAD_USAGE, "-n: at most 100000 repetitions of an all-reduce, not %lld",
                    (long long)arguments->count);
  asked->repetitions = (int)arguments->count;
  GAN_TRY(read_size(arguments, "--smallest", SMALLEST, &asked->smallest));
  GAN_TRY(read_size(arguments, "--largest", asked->smallest > LARGEST ? asked->smallest : LARGEST, &asked->largest));
  if (asked->smallest > asked->largest)
    return gan_fail(GAN_BAD_USAGE, "--smallest %lld is more than the largest size, %lld", (long long)asked->smallest,
                    (long long)asked->largest);
  return arguments->output ? gan_benchmark_check_path(arguments->output) : GAN_OK;
}

/* --- the critic's update, as in training --- */

typedef struct critic_update {
  const gan_optimizer *optimizer;
  const gan_optimizer_options *options;
  double clip; /* 0: none */
} critic_update;

static void update_critic(const void *context, size_t count, const float *gradient, float *parameters,
                          float *const *states) {
  const critic_update *how = context;
  how->optimizer->update(how->options, how->options->learning_rate, 1, count, parameters, gradient, states);
  if (how->clip > 0) gan_clip(count, (float)how->clip, parameters);
}

static void describe_update(const critic_update *how, char *text) {
  const int length = snprintf(text, UPDATE_TEXT, "%s", how->optimizer->name);
  if (how->clip > 0) snprintf(text + length, (size_t)(UPDATE_TEXT - length), ", clip %g", how->clip);
}

/* --- text and JSON --- */

static void print_head(const allreduce_benchmark *benchmark) {
  const int hosts = gan_world_host_count(benchmark->world);
  const int ranks = gan_world_size(benchmark->world);
  printf("All-reduce among %d rank%s on %d host%s, medians\n", ranks, ranks == 1 ? "" : "s", hosts,
         hosts == 1 ? "" : "s");
  for (int i = 0; gan_allreduce_name(i); i++) printf("%-16s%s\n", gan_allreduce_name(i), gan_allreduce_help(i));
  if (benchmark->update) printf("all but mpi_allreduce with the update: %s\n", benchmark->update_text);
  printf("\n%12s%12s", "bytes", "repetitions");
  for (int i = 0; gan_allreduce_name(i); i++) printf("%14s us%9s", gan_allreduce_name(i), "GB/s");
  printf("\n");
}

static void print_row(const struct allreduce_row *row) {
  printf("%12.0f%12d", row->bytes, row->repetitions);
  for (int i = 0; gan_allreduce_name(i); i++)
    if (isfinite(row->times[i].median))
      printf("%17.1f%9.3f", 1e6 * row->times[i].median, 1e-9 * row->bytes / row->times[i].median);
    else
      printf("%17s%9s", "-", "-");
  printf("\n");
  fflush(stdout);
}

static struct json_object *json_row(const struct allreduce_row *row) {
  struct json_object *object = json_object_new_object();
  gan_json_add(object, "bytes", gan_json_number(row->bytes));
  gan_json_add_integer(object, "repetitions", row->repetitions);
  for (int i = 0; gan_allreduce_name(i); i++) {
    struct json_object *way = json_object_new_object();
    gan_json_add(way, "microseconds_minimum", gan_json_number(1e6 * row->times[i].minimum));
    gan_json_add(way, "microseconds_median", gan_json_number(1e6 * row->times[i].median));
    gan_json_add(way, "bytes_per_second", gan_json_number(row->bytes / row->times[i].median));
    gan_json_add(object, gan_allreduce_name(i), way);
  }
  return object;
}

static struct json_object *make_report(const allreduce_benchmark *benchmark, const char *cpu) {
  struct json_object *object = json_object_new_object(), *rows = json_object_new_array();
  gan_json_add_text(object, "version", GAN_DIST_VERSION);
  gan_json_add_text(object, "cpu", cpu);
  gan_json_add_integer(object, "ranks", gan_world_size(benchmark->world));
  gan_json_add_integer(object, "hosts", gan_world_host_count(benchmark->world));
  gan_json_add_text(object, "mpi", gan_world_library());
  if (benchmark->update)
    gan_json_add_text(object, "update", benchmark->update_text);
  else
    gan_json_add(object, "update", NULL);
  for (int i = 0; i < benchmark->count; i++) json_object_array_add(rows, json_row(&benchmark->rows[i]));
  gan_json_add(object, "allreduce", rows);
  return object;
}

/* --- the file --- */

enum { FIXED_COLUMNS = 4, WAY_COLUMNS = 3, COLUMNS_MOST = FIXED_COLUMNS + WAY_COLUMNS * GAN_ALLREDUCE_WAYS_MOST };

/* A column's place for its values, its name, and what it is about. */
typedef struct table_columns {
  int count;
  size_t rows;
  double *values; /* (COLUMNS_MOST, rows) */
  char names[COLUMNS_MOST][64];
  gan_table_column columns[COLUMNS_MOST];
} table_columns;

static double *add_column(table_columns *table, const char *way, const char *name, const char *units,
                          const char *description) {
  const int i = table->count++;
  double *values = table->values + (size_t)i * table->rows;
  snprintf(table->names[i], sizeof table->names[i], "%s%s%s", way, *way ? "_" : "", name);
  table->columns[i] = (gan_table_column){table->names[i], units, description, values};
  return values;
}

static void fill_columns(const allreduce_benchmark *benchmark, table_columns *table) {
  const int rows = benchmark->count;
  double *ranks = add_column(table, "", "ranks", "1", "processes");
  double *hosts = add_column(table, "", "hosts", "1", "hosts that they are on");
  double *bytes = add_column(table, "", "bytes", "bytes", "size of each rank's vector of float32");
  double *repetitions = add_column(table, "", "repetitions", "1", "of each way, in turn");
  for (int row = 0; row < rows; row++) {
    ranks[row] = gan_world_size(benchmark->world);
    hosts[row] = gan_world_host_count(benchmark->world);
    bytes[row] = benchmark->rows[row].bytes;
    repetitions[row] = benchmark->rows[row].repetitions;
  }
  for (int i = 0; gan_allreduce_name(i); i++) {
    const char *way = gan_allreduce_name(i), *help = gan_allreduce_help(i);
    double *minimum = add_column(table, way, "microseconds_minimum", "us", help);
    double *median = add_column(table, way, "microseconds_median", "us", help);
    double *rate = add_column(table, way, "bytes_per_second", "bytes/s", help);
    for (int row = 0; row < rows; row++) {
      minimum[row] = 1e6 * benchmark->rows[row].times[i].minimum;
      median[row] = 1e6 * benchmark->rows[row].times[i].median;
      rate[row] = benchmark->rows[row].bytes / benchmark->rows[row].times[i].median;
    }
  }
}

static gan_status write_file(const allreduce_benchmark *benchmark, const char *path, const char *cpu,
                             struct json_object *report) {
  const gan_table_text texts[] = {
      {"version", GAN_DIST_VERSION}, {"cpu", cpu}, {"mpi", gan_world_library()}, {"update", benchmark->update_text}};
  table_columns *table;
  GAN_TRY(gan_allocate(1, sizeof *table, "the table of all-reduces", &table));
  table->rows = (size_t)benchmark->count;
  gan_status status =
      gan_allocate(table->rows * COLUMNS_MOST, sizeof *table->values, "the table of all-reduces", &table->values);
  if (status == GAN_OK) {
    fill_columns(benchmark, table);
    status = gan_benchmark_write(path, report,
                                 &(gan_table){.kind = "gan_dist allreduce",
                                              .text_count = sizeof texts / sizeof *texts,
                                              .texts = texts,
                                              .column_count = (size_t)table->count,
                                              .rows = table->rows,
                                              .columns = table->columns});
  }
  free(table->values);
  free(table);
  return status;
}

/* --- all of it --- */

static gan_status measure(allreduce_benchmark *benchmark, bool prints) {
  if (prints) print_head(benchmark);
  for (int64_t bytes = benchmark->smallest; bytes <= benchmark->largest; bytes *= STEP) {
    struct allreduce_row *row = &benchmark->rows[benchmark->count++];
    row->bytes = (double)(bytes / (int64_t)sizeof(float) * (int64_t)sizeof(float));
    GAN_TRY(gan_allreduce_measure(benchmark->world, (size_t)bytes / sizeof(float), benchmark->update,
                                  benchmark->repetitions, seconds_per_size, &row->repetitions, row->times));
    if (prints) print_row(row);
  }
  return GAN_OK;
}

gan_status gan_benchmark_allreduce(gan_arguments *arguments) {
  const gan_config *config = arguments->config;
  const bool first = gan_world_rank(arguments->world) == 0;
  const critic_update how = {gan_optimizer_find(config->optimizer.name), &config->optimizer, gan_clip_of(config)};
  const gan_allreduce_update update = {gan_optimizer_states_used(how.optimizer, how.options), update_critic, &how};
  allreduce_benchmark benchmark = {.world = arguments->world};
  gan_cpu cpu;
  GAN_TRY(read_request(arguments, &benchmark));
  if (gan_argument(arguments, "--update")) {
    benchmark.update = &update;
    describe_update(&how, benchmark.update_text);
  }
  GAN_TRY(measure(&benchmark, first && !arguments->json));
  if (!first) return GAN_OK;
  gan_cpu_describe(&cpu);
  struct json_object *report = make_report(&benchmark, cpu.model);
  gan_status status = GAN_OK;
  if (arguments->output) status = write_file(&benchmark, arguments->output, cpu.model, report);
  if (status == GAN_OK && arguments->json)
    gan_json_print(report);
  else
    json_object_put(report);
  return status;
}
