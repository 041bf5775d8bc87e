/* Tables of benchmarks: a line a quantity, and the table's rows beside each other, as many as the terminal is wide. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/inspect.h"
#include "cli/terminal.h"
#include "store/table.h"

enum { VALUE_WIDTH = 11 };

/* Whole numbers, and those of four digits or more, without a fraction; others with four significant digits. */
static void print_value(double value) {
  if (!isfinite(value))
    printf("%*s", VALUE_WIDTH, "-");
  else if (fabs(value) < 1e8 && (value == floor(value) || fabs(value) >= 1000))
    printf("%*.0f", VALUE_WIDTH, value);
  else
    printf("%*.4g", VALUE_WIDTH, value);
}

/* Names with their units: "milliseconds_median [ms]". Returns how wide they are. */
static int print_name(const gan_table_column *column, int width) {
  const bool has_units = strcmp(column->units, "1") != 0;
  const int length = (int)strlen(column->name) + (has_units ? (int)strlen(column->units) + 3 : 0);
  if (width)
    printf("  %s%s%s%s%*s", column->name, has_units ? " [" : "", has_units ? column->units : "", has_units ? "]" : "",
           width - length, "");
  return length;
}

static void print_rows(const gan_table *table, int name_width, size_t begin, size_t end) {
  printf("\n");
  for (size_t i = 0; i < table->column_count; i++) {
    print_name(&table->columns[i], name_width);
    for (size_t row = begin; row < end; row++) print_value(table->columns[i].values[row]);
    printf("\n");
  }
}

static void print_text(const char *path, const gan_table *table) {
  int name_width = 1;
  printf("table %s: %s\n\n", path, table->kind);
  for (size_t i = 0; i < table->text_count; i++)
    if (table->texts[i].value[0]) printf("  %-12s%s\n", table->texts[i].name, table->texts[i].value);
  for (size_t i = 0; i < table->column_count; i++) {
    const int width = print_name(&table->columns[i], 0);
    name_width = width > name_width ? width : name_width;
  }
  const int room = (gan_terminal_width(stdout) - 2 - name_width) / VALUE_WIDTH;
  const size_t step = room > 1 ? (size_t)room : 1;
  for (size_t row = 0; row < table->rows; row += step)
    print_rows(table, name_width, row, row + step < table->rows ? row + step : table->rows);
}

static void print_json(const char *path, const gan_table *table) {
  struct json_object *object = gan_inspect_object("table", path), *columns = json_object_new_array();
  gan_json_add_text(object, "table", table->kind);
  for (size_t i = 0; i < table->text_count; i++) gan_json_add_text(object, table->texts[i].name, table->texts[i].value);
  for (size_t i = 0; i < table->column_count; i++) {
    struct json_object *column = json_object_new_object(), *values = json_object_new_array();
    gan_json_add_text(column, "name", table->columns[i].name);
    gan_json_add_text(column, "units", table->columns[i].units);
    gan_json_add_text(column, "description", table->columns[i].description);
    for (size_t row = 0; row < table->rows; row++)
      json_object_array_add(values, gan_json_number(table->columns[i].values[row]));
    gan_json_add(column, "values", values);
    json_object_array_add(columns, column);
  }
  gan_json_add(object, "columns", columns);
  gan_json_print(object);
}

gan_status gan_inspect_table(const gan_arguments *arguments, const char *path) {
  gan_table table;
  GAN_TRY(gan_table_read(path, &table));
  if (arguments->json)
    print_json(path, &table);
  else
    print_text(path, &table);
  gan_table_release(&table);
  return GAN_OK;
}
