/* `gan_dist config --memory`: what a run would take, before it is started. */
#include "cli/config_memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/json.h"
#include "train/memory_report.h"

enum { COUNT_MOST = 1 << 20, BYTES_TEXT = 24 };

/* "12.3 MB"; "" for none. */
static const char *bytes_text(size_t bytes, char text[BYTES_TEXT]) {
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = (double)bytes;
  int unit = 0;
  for (; value >= 999.95 && unit < 4; unit++) value /= 1000;
  text[0] = '\0';
  if (bytes) snprintf(text, BYTES_TEXT, "%.*f %s", unit ? 1 : 0, value, units[unit]);
  return text;
}

/* In parentheses, what is a part of another row. */
static void print_row(const gan_memory_row *row) {
  char own[BYTES_TEXT], host[BYTES_TEXT], framed[BYTES_TEXT + 2];
  bytes_text(row->rank, own);
  snprintf(framed, sizeof framed, row->part ? "(%s)" : "%s", own);
  printf("%-10s %-36s %12s %14s%s\n", row->of, row->what, framed, bytes_text(row->host, host),
         row->rank_0 ? "   rank 0 only" : "");
}

static void print_total(const char *what, size_t rank, size_t host) {
  char own[BYTES_TEXT], shared[BYTES_TEXT];
  printf("%-10s %-36s %12s %14s\n", "total", what, bytes_text(rank, own), bytes_text(host, shared));
}

static void print_table(const gan_memory_report *report) {
  char groups[64] = "";
  if (report->at_once < report->samples) snprintf(groups, sizeof groups, ", %" PRId64 " at a time", report->at_once);
  printf("%d rank%s on %d host%s, %d shard%s, a batch of %" PRId64 " (%" PRId64
         " samples on the rank with most%s), %s reduction\n\n",
         report->layout.ranks, report->layout.ranks == 1 ? "" : "s", report->layout.hosts,
         report->layout.hosts == 1 ? "" : "s", report->shards, report->shards == 1 ? "" : "s", report->batch,
         report->samples, groups, report->reduction);
  printf("%-47s %12s %14s\n", "", "each rank", "once per host");
  for (int i = 0; i < report->row_count; i++)
    if (report->rows[i].rank || report->rows[i].host) print_row(&report->rows[i]);
  printf("\n");
  print_total("a rank's own", report->rank, 0);
  print_total("rank 0 besides", report->rank_0, 0);
  print_total("the host with most, all its ranks", 0, report->host);
  if (report->layout.hosts > 1) print_total("all hosts", 0, report->all);
}

static struct json_object *json_row(const gan_memory_row *row) {
  struct json_object *object = json_object_new_object();
  gan_json_add_text(object, "of", row->of);
  gan_json_add_text(object, "what", row->what);
  gan_json_add_integer(object, "rank", (int64_t)row->rank);
  gan_json_add_integer(object, "host", (int64_t)row->host);
  gan_json_add(object, "rank_0_only", json_object_new_boolean(row->rank_0));
  gan_json_add(object, "part_of_another", json_object_new_boolean(row->part));
  return object;
}

static void print_json(const gan_memory_report *report) {
  struct json_object *object = json_object_new_object(), *rows = json_object_new_array(),
                     *total = json_object_new_object();
  gan_json_add_integer(object, "ranks", report->layout.ranks);
  gan_json_add_integer(object, "hosts", report->layout.hosts);
  gan_json_add_integer(object, "shards", report->shards);
  gan_json_add_integer(object, "batch", report->batch);
  gan_json_add_integer(object, "samples_per_rank", report->samples);
  gan_json_add_integer(object, "samples_at_once", report->at_once);
  gan_json_add_text(object, "reduction", report->reduction);
  for (int i = 0; i < report->row_count; i++) json_object_array_add(rows, json_row(&report->rows[i]));
  gan_json_add(object, "memory_bytes", rows);
  gan_json_add_integer(total, "rank", (int64_t)report->rank);
  gan_json_add_integer(total, "rank_0_besides", (int64_t)report->rank_0);
  gan_json_add_integer(total, "host", (int64_t)report->host);
  gan_json_add_integer(total, "all_hosts", (int64_t)report->all);
  gan_json_add(object, "total_bytes", total);
  gan_json_print(object);
}

/* A flag's whole number, or what it is without. */
static gan_status read_count(const gan_arguments *arguments, const char *flag, int without, int *count) {
  const char *text = gan_argument(arguments, flag);
  char *end = NULL;
  *count = without;
  if (!text) return GAN_OK;
  const long value = strtol(text, &end, 10);
  if (end == text || *end || value < 1 || value > COUNT_MOST)
    return gan_fail(GAN_BAD_USAGE, "%s: a number from 1 to %d, not %.40s", flag, COUNT_MOST, text);
  *count = (int)value;
  return GAN_OK;
}

gan_status gan_config_memory(const gan_arguments *arguments) {
  gan_layout layout;
  gan_memory_report report;
  GAN_TRY(read_count(arguments, "--np", gan_world_size(arguments->world), &layout.ranks));
  const int hosts = gan_argument(arguments, "--np") ? 1 : gan_world_host_count(arguments->world);
  GAN_TRY(read_count(arguments, "--hosts", hosts, &layout.hosts));
  GAN_TRY(gan_memory_plan(arguments->config, layout, &report));
  if (gan_world_rank(arguments->world) != 0) return GAN_OK;
  if (arguments->json)
    print_json(&report);
  else
    print_table(&report);
  return GAN_OK;
}
