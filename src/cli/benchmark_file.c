/* A benchmark's results as a file, by the file's ending: the JSON report, or its table as HDF5. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/benchmark.h"
#include "cli/outputs.h"
#include "store/kind.h"
#include "store/text.h"

static gan_status write_json(const char *path, struct json_object *report, const gan_table *table) {
  (void)table;
  char *line = NULL;
  const char *text = json_object_to_json_string_ext(report, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
  if (asprintf(&line, "%s\n", text ? text : "") < 0) return gan_fail(GAN_FAILED, "out of memory for a report");
  const gan_status status = gan_text_write(path, line);
  free(line);
  return status;
}

static gan_status write_hdf5(const char *path, struct json_object *report, const gan_table *table) {
  (void)report;
  return gan_table_write(path, table);
}

/* The formats by the ends of their files' names. */
static const struct {
  const char *ending;
  gan_file_kind kind;
  gan_status (*write)(const char *path, struct json_object *report, const gan_table *table);
} formats[] = {
    {".json", GAN_KIND_JSON, write_json}, {".h5", GAN_KIND_TABLE, write_hdf5}, {".hdf5", GAN_KIND_TABLE, write_hdf5}};
enum { FORMATS = sizeof formats / sizeof *formats };

static int format_of(const char *path) {
  for (int i = 0; i < FORMATS; i++)
    if (gan_name_ends_in(path, formats[i].ending)) return i;
  return -1;
}

gan_status gan_benchmark_check_path(const char *path) {
  if (format_of(path) >= 0) return gan_result_may_become("-o", path, formats[format_of(path)].kind);
  return gan_fail(GAN_BAD_USAGE,
                  "-o: %.200s has to end in .json, .h5 or .hdf5; scripts/plot_scaling.py makes a picture of either",
                  path);
}

gan_status gan_benchmark_write(const char *path, struct json_object *report, const gan_table *table) {
  return formats[format_of(path)].write(path, report, table);
}
