/* Metrics files: the range of each quantity, and the course of those that tell how training goes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/number.h"
#include "cli/chart.h"
#include "cli/inspect.h"
#include "cli/terminal.h"
#include "store/metrics.h"

/* A group of the file, read whole. */
typedef struct metrics_table {
  const char *group;
  char **names; /* NULL-terminated */
  size_t columns;
  size_t rows;     /* the least that all columns have: more may be added while reading */
  double **values; /* [columns] */
} metrics_table;

static void release_table(metrics_table *table) {
  if (table->values)
    for (size_t i = 0; i < table->columns; i++) free(table->values[i]);
  free(table->values);
  free(table->names);
}

static gan_status read_columns(const char *path, metrics_table *table) {
  GAN_TRY(gan_metrics_columns(path, table->group, &table->names));
  while (table->names[table->columns]) table->columns++;
  GAN_TRY(gan_allocate(table->columns, sizeof *table->values, "the columns of metrics", &table->values));
  for (size_t i = 0; i < table->columns; i++) {
    size_t rows;
    GAN_TRY(gan_metrics_read(path, table->group, table->names[i], &rows, &table->values[i]));
    if (i == 0 || rows < table->rows) table->rows = rows;
  }
  return GAN_OK;
}

static const double *find_column(const metrics_table *table, const char *name) {
  for (size_t i = 0; i < table->columns; i++)
    if (strcmp(table->names[i], name) == 0) return table->values[i];
  return NULL;
}

static void print_table(const metrics_table *table) {
  const double *iteration = find_column(table, "iteration");
  printf("\n%s: %zu row%s", table->group, table->rows, table->rows == 1 ? "" : "s");
  if (iteration && table->rows)
    printf(", iterations %.0f to %.0f", gan_shown(iteration[0]), gan_shown(iteration[table->rows - 1]));
  printf("\n");
  if (!table->rows) return;
  printf("  %-26s %12s %12s %12s %12s\n", "", "last", "minimum", "maximum", "mean");
  for (size_t i = 0; i < table->columns; i++) {
    if (table->values[i] == iteration) continue;
    const gan_value_range range = gan_range_of_doubles((int64_t)table->rows, table->values[i]);
    printf("  %-26s %12.5g %12.5g %12.5g %12.5g", table->names[i], gan_shown(table->values[i][table->rows - 1]),
           gan_shown(range.minimum), gan_shown(range.maximum), gan_shown(range.mean));
    if (range.other) printf("  (%" PRId64 " not finite)", range.other);
    printf("\n");
  }
}

static void draw_column(const metrics_table *table, const char *name, const char *units) {
  const double *y = find_column(table, name), *x = find_column(table, "iteration");
  if (!y || table->rows < 2 || gan_range_of_doubles((int64_t)table->rows, y).finite == 0) return;
  const gan_chart chart = {.title = name,
                           .units = units,
                           .count = table->rows,
                           .x = x,
                           .y = y,
                           .width = gan_terminal_width(stdout),
                           .height = 7,
                           .unicode = gan_terminal_unicode()};
  printf("\n");
  gan_chart_draw(stdout, &chart);
}

static void print_text(const char *path, const metrics_table *train, const metrics_table *eval) {
  static const char *const curves[][2] = {{"critic_loss", ""},          {"generator_loss", ""},
                                          {"wasserstein_distance", ""}, {"score_real", ""},
                                          {"score_fake", ""},           {"samples_per_second", "samples/s"}};
  printf("metrics %s\n", path);
  print_table(train);
  print_table(eval);
  for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) draw_column(train, curves[i][0], curves[i][1]);
  for (size_t i = 0; i < eval->columns; i++)
    if (strcmp(eval->names[i], "iteration") != 0) draw_column(eval, eval->names[i], "");
}

static struct json_object *table_object(const metrics_table *table) {
  struct json_object *object = json_object_new_object(), *columns = json_object_new_object();
  gan_json_add_integer(object, "rows", (int64_t)table->rows);
  for (size_t i = 0; i < table->columns; i++) {
    const gan_value_range range = gan_range_of_doubles((int64_t)table->rows, table->values[i]);
    struct json_object *column = json_object_new_object();
    gan_json_add(column, "last", gan_json_number(table->rows ? table->values[i][table->rows - 1] : range.mean));
    gan_json_add(column, "minimum", gan_json_number(range.minimum));
    gan_json_add(column, "maximum", gan_json_number(range.maximum));
    gan_json_add(column, "mean", gan_json_number(range.mean));
    gan_json_add_integer(column, "not_finite", range.other);
    gan_json_add(columns, table->names[i], column);
  }
  gan_json_add(object, "columns", columns);
  return object;
}

static void print_json(const char *path, const metrics_table *train, const metrics_table *eval) {
  struct json_object *object = gan_inspect_object("metrics", path);
  gan_json_add(object, train->group, table_object(train));
  gan_json_add(object, eval->group, table_object(eval));
  gan_json_print(object);
}

gan_status gan_inspect_metrics(const gan_arguments *arguments, const char *path) {
  metrics_table train = {.group = "train"}, eval = {.group = "eval"};
  gan_status status = read_columns(path, &train);
  if (status == GAN_OK) status = read_columns(path, &eval);
  if (status == GAN_OK && arguments->json) print_json(path, &train, &eval);
  if (status == GAN_OK && !arguments->json) print_text(path, &train, &eval);
  release_table(&train);
  release_table(&eval);
  return status;
}
