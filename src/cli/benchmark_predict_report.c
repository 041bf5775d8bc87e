/* A prediction as a table on the terminal, as JSON, and as an HDF5 table. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/benchmark_predict.h"
#include "cli/cpu.h"
#include "gan_dist/version.h"

/* Seconds and shares of a row that files hold: their names, and where they are. Seconds are written as milliseconds. */
static const struct {
  const char *name, *units, *description;
  size_t offset;
  double factor;
} columns[] = {
#define COLUMN(name, field, units, factor, description) \
  { name, units, description, offsetof(gan_prediction_row, field), factor }
    COLUMN("ranks", ranks, "1", 1, "processes"),
    COLUMN("milliseconds_network", network, "ms", 1e3, "messages between hosts, of an iteration"),
    COLUMN("milliseconds_scalars", time.scalars, "ms", 1e3, "of them, sums of losses and batch statistics"),
    COLUMN("milliseconds_gradients", time.gradients, "ms", 1e3, "of them, gradients and new parameters"),
    COLUMN("milliseconds_verification", time.verification, "ms", 1e3, "of them, comparison of parameters"),
    COLUMN("milliseconds_adding", time.adding, "ms", 1e3, "adding up other hosts' gradients"),
    COLUMN("messages", time.messages, "1", 1, "sent and received by the busiest rank in an iteration"),
    COLUMN("bytes", time.bytes, "bytes", 1, "in or out of the busiest host in an iteration"),
    COLUMN("weak_batch", weak.batch, "samples", 1, "samples of a rank, weak scaling"),
    COLUMN("weak_milliseconds_compute", weak.compute, "ms", 1e3, "of a rank, in the mean"),
    COLUMN("weak_milliseconds_stragglers", weak.stragglers, "ms", 1e3, "waiting for the slowest rank"),
    COLUMN("weak_milliseconds", weak.total, "ms", 1e3, "an iteration"),
    COLUMN("weak_efficiency", weak.efficiency, "1", 1, "one host's time over this one"),
    COLUMN("strong_batch", strong.batch, "samples", 1, "samples of the rank with most, strong scaling"),
    COLUMN("strong_milliseconds_compute", strong.compute, "ms", 1e3, "of a rank, in the mean"),
    COLUMN("strong_milliseconds_stragglers", strong.stragglers, "ms", 1e3, "waiting for the slowest rank"),
    COLUMN("strong_milliseconds", strong.total, "ms", 1e3, "an iteration"),
    COLUMN("strong_efficiency", strong.efficiency, "1", 1, "speed-up over one host, by the hosts"),
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static double value_of(const gan_prediction_row *row, size_t column) {
  double value;
  memcpy(&value, (const char *)row + columns[column].offset, sizeof value);
  return value * columns[column].factor;
}

/* --- the terminal --- */

static void print_head(const gan_prediction *found) {
  gan_cpu cpu;
  gan_cpu_describe(&cpu);
  printf("Predicted scaling of %s, measured on %s\n", found->config->run.name, cpu.model);
  printf("one host        %d rank%s, batch %lld, %.3f ms an iteration\n", found->predicted.ranks_per_host,
         found->predicted.ranks_per_host == 1 ? "" : "s", (long long)found->work.batch,
         1e3 * (found->computing[0].spread.mean + found->computing[0].within_host));
  printf("network         %s%s%s: latency %.3g us, overhead %.3g us a message, %.4g GB/s a host\n", found->network,
         *found->measured_on ? " " : "", found->measured_on, 1e6 * found->link.latency, 1e6 * found->link.overhead,
         1e-9 * found->link.bandwidth);
  printf("milliseconds of an iteration; weak: %g samples a rank; strong: %lld samples shared by all ranks\n\n",
         found->computing[0].batch, (long long)found->work.batch);
  printf("%8s  %-13s%10s%10s|%10s%12s%10s%8s |%8s%10s%12s%10s%8s\n", "hosts", "reduction", "network", "adding",
         "compute", "stragglers", "weak", "eff.", "batch", "compute", "stragglers", "strong", "eff.");
}

static void print_curve(const gan_predicted_curve *curve) {
  if (isfinite(curve->total))
    printf("%10.3f%12.3f%10.3f%6.1f %%", 1e3 * curve->compute, 1e3 * curve->stragglers, 1e3 * curve->total,
           100 * curve->efficiency);
  else
    printf("%10s%12s%10s%8s", "-", "-", "-", "-");
}

static void print_row(const gan_prediction_row *row) {
  const bool alike = strcmp(row->time.reductions[0], row->time.reductions[1]) == 0;
  printf("%8d  %-13s%10.3f%10.3f|", row->hosts, alike ? row->time.reductions[0] : "mixed", 1e3 * row->network,
         1e3 * row->time.adding);
  print_curve(&row->weak);
  if (isfinite(row->strong.batch))
    printf(" |%8.0f", row->strong.batch);
  else
    printf(" |%8s", "-");
  print_curve(&row->strong);
  printf("\n");
}

/* --- JSON --- */

static struct json_object *json_row(const gan_prediction_row *row) {
  struct json_object *object = json_object_new_object();
  gan_json_add_integer(object, "hosts", row->hosts);
  gan_json_add_text(object, "critic_reduction", row->time.reductions[0]);
  gan_json_add_text(object, "generator_reduction", row->time.reductions[1]);
  for (size_t i = 0; i < COLUMNS; i++) gan_json_add(object, columns[i].name, gan_json_number(value_of(row, i)));
  return object;
}

static struct json_object *json_network(const gan_prediction *found) {
  struct json_object *object = json_object_new_object();
  gan_json_add_text(object, "name", found->network);
  gan_json_add_text(object, "measured", found->measured_on);
  gan_json_add(object, "latency_seconds", gan_json_number(found->link.latency));
  gan_json_add(object, "overhead_seconds", gan_json_number(found->link.overhead));
  gan_json_add(object, "bytes_per_second", gan_json_number(found->link.bandwidth));
  return object;
}

static struct json_object *json_report(const gan_prediction *found) {
  struct json_object *object = json_object_new_object(), *rows = json_object_new_array();
  gan_cpu cpu;
  gan_cpu_describe(&cpu);
  gan_json_add_text(object, "version", GAN_DIST_VERSION);
  gan_json_add_text(object, "preset", found->config->run.name);
  gan_json_add_text(object, "cpu", cpu.model);
  gan_json_add_integer(object, "ranks_per_host", found->predicted.ranks_per_host);
  gan_json_add_integer(object, "batch", found->work.batch);
  gan_json_add_integer(object, "critic_steps", found->work.critic_steps);
  gan_json_add_integer(object, "generator_steps", found->work.generator_steps);
  gan_json_add_integer(object, "critic_parameters", (int64_t)found->work.critic_parameters);
  gan_json_add_integer(object, "generator_parameters", (int64_t)found->work.generator_parameters);
  gan_json_add_integer(object, "critic_scalars", (int64_t)found->work.scalars);
  gan_json_add_integer(object, "generator_scalars", (int64_t)found->work.generator_scalars);
  gan_json_add(object, "network", json_network(found));
  for (int i = 0; i < found->count; i++) json_object_array_add(rows, json_row(&found->rows[i]));
  gan_json_add(object, "rows", rows);
  return object;
}

/* --- files --- */

static gan_status write_file(const gan_prediction *found, const char *path) {
  const size_t rows = (size_t)found->count;
  gan_table_column made[COLUMNS + 1];
  gan_cpu cpu;
  double *values;
  GAN_TRY(gan_allocate(rows * (COLUMNS + 1), sizeof *values, "the table of the prediction", &values));
  gan_cpu_describe(&cpu);
  const gan_table_text texts[] = {{"version", GAN_DIST_VERSION},
                                  {"preset", found->config->run.name},
                                  {"network", found->network},
                                  {"cpu", cpu.model}};
  for (size_t row = 0; row < rows; row++) values[COLUMNS * rows + row] = found->rows[row].hosts;
  made[COLUMNS] = (gan_table_column){"hosts", "1", "hosts", values + COLUMNS * rows};
  for (size_t i = 0; i < COLUMNS; i++) {
    for (size_t row = 0; row < rows; row++) values[i * rows + row] = value_of(&found->rows[row], i);
    made[i] = (gan_table_column){columns[i].name, columns[i].units, columns[i].description, values + i * rows};
  }
  struct json_object *report = json_report(found);
  const gan_status status = gan_benchmark_write(path, report,
                                                &(gan_table){.kind = "gan_dist prediction",
                                                             .text_count = sizeof texts / sizeof *texts,
                                                             .texts = texts,
                                                             .column_count = COLUMNS + 1,
                                                             .rows = rows,
                                                             .columns = made});
  json_object_put(report);
  free(values);
  return status;
}

gan_status gan_prediction_report(const gan_prediction *found, bool json, const char *path) {
  if (json) {
    gan_json_print(json_report(found));
  } else {
    print_head(found);
    for (int i = 0; i < found->count; i++) print_row(&found->rows[i]);
  }
  return path ? write_file(found, path) : GAN_OK;
}
