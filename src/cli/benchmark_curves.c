/* A scaling benchmark as a table: a column a quantity, a row a number of ranks. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/benchmark.h"

/* Where in a row each column is. */
static const struct {
  const char *name, *units, *description;
  size_t offset;
} columns[] = {
#define COLUMN(name, field, units, description) \
  { name, units, description, offsetof(gan_scaling_row, field) }
    COLUMN("ranks", ranks, "1", "processes"),
    COLUMN("batch", batch, "samples", "global batch of a critic step"),
    COLUMN("shards", shards, "1", "slices of the global batch"),
    COLUMN("milliseconds_minimum", minimum, "ms", "fastest iteration, on its slowest rank"),
    COLUMN("milliseconds_median", median, "ms", "median iteration, on its slowest rank"),
    COLUMN("samples_per_second", samples_per_second, "samples/s", "real samples through the critic, all ranks"),
    COLUMN("speedup", speedup, "1", "samples per second against the first row's"),
    COLUMN("efficiency", efficiency, "1", "samples per second and rank against the first row's"),
    COLUMN("milliseconds_data", data, "ms", "of the median iteration, mean over ranks"),
    COLUMN("milliseconds_compute", compute, "ms", "of the median iteration, mean over ranks"),
    COLUMN("milliseconds_summing", summing, "ms", "of the median iteration, mean over ranks: copying and summing"),
    COLUMN("milliseconds_waiting", waiting, "ms", "of the median iteration, mean over ranks: for others, or a core"),
    COLUMN("milliseconds_communication", communication, "ms", "of the median iteration: exchanges, waiting included"),
    COLUMN("share_of_peak", share_of_peak, "1", "floating-point operations against the measured peak"),
    COLUMN("memory_maximum", largest_memory, "bytes", "proportional set size of the largest rank"),
    COLUMN("memory_sum", whole_memory, "bytes", "proportional set size of all ranks"),
    COLUMN("startup_seconds", startup, "s", "from the start of the process to the first iteration"),
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static const char *text_of_first_row(const gan_scaling *scaling, const char *name) {
  struct json_object *rows, *found;
  if (!json_object_object_get_ex(scaling->report, "rows", &rows)) return "";
  struct json_object *first = json_object_array_get_idx(rows, 0);
  return json_object_object_get_ex(first, name, &found) ? json_object_get_string(found) : "";
}

gan_status gan_scaling_write(const gan_scaling *scaling, const char *path) {
  static const char *const names[] = {"version", "preset", "backend", "precision", "cpu"};
  enum { NAMES = sizeof names / sizeof *names };
  const size_t rows = (size_t)scaling->count;
  gan_table_text texts[NAMES + 1] = {{"scaling", scaling->kind}};
  gan_table_column made[COLUMNS];
  double *values;
  GAN_TRY(gan_allocate(rows * COLUMNS, sizeof *values, "the table of scaling", &values));
  for (int i = 0; i < NAMES; i++) texts[i + 1] = (gan_table_text){names[i], text_of_first_row(scaling, names[i])};
  for (size_t i = 0; i < COLUMNS; i++) {
    double *column = values + i * rows;
    for (size_t row = 0; row < rows; row++)
      memcpy(&column[row], (const char *)&scaling->rows[row] + columns[i].offset, sizeof *column);
    made[i] = (gan_table_column){columns[i].name, columns[i].units, columns[i].description, column};
  }
  const gan_table table = {.kind = "gan_dist scaling",
                           .text_count = NAMES + 1,
                           .texts = texts,
                           .column_count = COLUMNS,
                           .rows = rows,
                           .columns = made};
  const gan_status status = gan_benchmark_write(path, scaling->report, &table);
  free(values);
  return status;
}
