/* What an evaluation found, for people and for programs. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "cli/evaluate.h"
#include "cli/json.h"

enum { CELL_TEXT = 48, NAME_COLUMNS = 24, VALUE_COLUMNS = 22, PLAIN_COLUMNS = 13 };

void gan_evaluate_notice(gan_evaluate_report *report, const char *format, ...) {
  if (report->notice_count == GAN_EVALUATE_NOTICES) return;
  char *text = report->notices[report->notice_count];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof report->notices[0], format, arguments);
  va_end(arguments);
  for (int i = 0; i < report->notice_count; i++)
    if (strcmp(report->notices[i], text) == 0) return;
  report->notice_count++;
}

/* --- A table --- */

/* Columns that a text takes: bytes that do not continue a UTF-8 character. */
static int columns_of(const char *text) {
  int columns = 0;
  for (; *text; text++) columns += ((unsigned char)*text & 0xc0) != 0x80;
  return columns;
}

static void print_cell(const char *text, int columns) {
  const int used = columns_of(text);
  printf("%*s%s", columns > used ? columns - used : 1, "", text);
}

/* "12.3 ± 0.4"; "-" for none. */
static void print_value(const gan_metric_result *result, int value, bool with_error, int columns) {
  char text[CELL_TEXT] = "-";
  const double found = result->values[value], error = result->errors[value];
  if (isfinite(found)) snprintf(text, sizeof text, "%.5g", gan_shown(found));
  const size_t used = strlen(text);
  if (isfinite(found) && with_error && isfinite(error))
    snprintf(text + used, sizeof text - used, " ± %.2g", gan_shown(error));
  print_cell(text, columns);
}

static const char *direction(int better) { return better < 0 ? "lower" : better > 0 ? "higher" : ""; }

/* Why a value is not there of a row that is; NULL: it is there, or nothing is known. */
static const char *why_undefined(const gan_metric *metric, const gan_metric_result *result, int value) {
  return result->unable[0] || isfinite(result->values[value]) ? NULL : metric->undefined[value];
}

static void print_single(const gan_evaluate_report *report) {
  const gan_metric_choice *choice = report->choice;
  printf("\n%-*s", NAME_COLUMNS, "");
  print_cell("generated", VALUE_COLUMNS);
  if (report->has_floor) {
    print_cell("real (floor)", PLAIN_COLUMNS);
    print_cell("noise", PLAIN_COLUMNS);
  }
  printf("  better\n");
  for (int row = 0; row < choice->count; row++)
    for (int value = 0; gan_metric_has(choice->metrics[row], value); value++) {
      const gan_metric_value *about = &choice->metrics[row]->values[value];
      if (report->entries[0].results[row].unable[0] ||
          why_undefined(choice->metrics[row], &report->entries[0].results[row], value))
        continue;
      printf("%-*s", NAME_COLUMNS, about->name);
      print_value(&report->entries[0].results[row], value, true, VALUE_COLUMNS);
      if (report->has_floor) {
        print_value(&report->floor[row], value, false, PLAIN_COLUMNS);
        print_value(&report->noise[row], value, false, PLAIN_COLUMNS);
      }
      printf("  %-7s %s\n", direction(about->better), about->help);
    }
}

static void print_curve_row(const gan_evaluate_report *report, int row, int value) {
  const gan_metric_value *about = &report->choice->metrics[row]->values[value];
  const int best = gan_evaluate_best(report, row, value);
  printf("\n%s (%s%s%s)\n", about->name, about->help, about->better ? ", better: " : "", direction(about->better));
  for (int i = 0; i < report->entry_count; i++) {
    printf("  iteration %10" PRId64, report->entries[i].origin.iteration);
    print_value(&report->entries[i].results[row], value, true, VALUE_COLUMNS);
    printf("%s\n", i == best ? "  best" : "");
  }
  if (!report->has_floor) return;
  printf("  %-20s", "real (floor)");
  print_value(&report->floor[row], value, false, VALUE_COLUMNS);
  printf("\n  %-20s", "noise");
  print_value(&report->noise[row], value, false, VALUE_COLUMNS);
  printf("\n");
}

static void print_curves(const gan_evaluate_report *report) {
  for (int row = 0; row < report->choice->count; row++)
    for (int value = 0; gan_metric_has(report->choice->metrics[row], value); value++)
      if (!report->entries[0].results[row].unable[0]) print_curve_row(report, row, value);
  printf("\n");
  for (int row = 0; row < report->choice->count; row++)
    for (int value = 0; gan_metric_has(report->choice->metrics[row], value); value++) {
      const int best = gan_evaluate_best(report, row, value);
      if (best >= 0)
        printf("best %-*s %s\n", NAME_COLUMNS, report->choice->metrics[row]->values[value].name,
               report->entries[best].path);
    }
}

static void print_reason(const char *name, const char *reason, bool *first) {
  printf("%s  %-*s%s\n", *first ? "\nnot computed\n" : "", NAME_COLUMNS, name, reason);
  *first = false;
}

static void print_unable(const gan_evaluate_report *report) {
  bool first = true;
  for (int row = 0; row < report->choice->count; row++) {
    const gan_metric *metric = report->choice->metrics[row];
    const gan_metric_result *result = &report->entries[0].results[row];
    if (result->unable[0]) print_reason(metric->name, result->unable, &first);
    for (int value = 0; gan_metric_has(metric, value); value++) {
      const char *reason = why_undefined(metric, result, value);
      if (reason) print_reason(metric->values[value].name, reason, &first);
    }
  }
}

static void print_sets(const gan_evaluate_report *report) {
  const gan_evaluate_entry *entry = &report->entries[0];
  printf("judged      %" PRId64 " samples of %s", entry->count, entry->path);
  if (report->curve && report->entry_count > 1)
    printf(" to %s, %d checkpoints", report->entries[report->entry_count - 1].origin.checkpoint, report->entry_count);
  if (!report->curve && entry->origin.checkpoint[0])
    printf(", iteration %" PRId64 ", weights %s, seed %" PRIu64, entry->origin.iteration, entry->origin.weights,
           report->seed);
  printf("\nreal        %" PRId64 " %s\n", report->real_count, report->real);
  if (report->has_floor) printf("floor       %" PRId64 " %s\n", report->floor_count, report->others);
  if (report->rounded) printf("values      rounded to 8 bits, as images in files are\n");
  printf("features    %s, %" PRId64 " numbers\n", report->features, report->feature_count);
}

void gan_evaluate_print(const gan_evaluate_report *report, const char *picture) {
  print_sets(report);
  if (report->curve)
    print_curves(report);
  else
    print_single(report);
  print_unable(report);
  if (report->repeats) printf("\n± standard error of %d halves\n", report->repeats);
  for (int i = 0; i < report->notice_count; i++) printf("%s%s\n", i ? "" : "\n", report->notices[i]);
  if (picture) printf("\ncurves in %s\n", picture);
}

/* --- JSON --- */

/* Numbers by name; null where a value is not there. */
static void add_values(struct json_object *object, const gan_metric_choice *choice, const gan_metric_result *results,
                       bool errors) {
  for (int row = 0; row < choice->count; row++)
    for (int value = 0; gan_metric_has(choice->metrics[row], value); value++)
      gan_json_add(object, choice->metrics[row]->values[value].name,
                   gan_json_number(errors ? results[row].errors[value] : results[row].values[value]));
}

static struct json_object *values_of(const gan_metric_choice *choice, const gan_metric_result *results, bool errors) {
  struct json_object *object = json_object_new_object();
  add_values(object, choice, results, errors);
  return object;
}

static void add_entry(struct json_object *object, const gan_evaluate_report *report, const gan_evaluate_entry *entry) {
  struct json_object *unable = json_object_new_object();
  gan_json_add_text(object, entry->origin.checkpoint[0] ? "checkpoint" : "file", entry->path);
  if (entry->origin.checkpoint[0]) {
    gan_json_add_text(object, "checkpoint_hash", entry->origin.checkpoint_hash);
    gan_json_add_integer(object, "iteration", entry->origin.iteration);
    gan_json_add_text(object, "weights", entry->origin.weights);
  }
  gan_json_add_integer(object, "samples", entry->count);
  add_values(object, report->choice, entry->results, false);
  if (report->repeats) gan_json_add(object, "standard_error", values_of(report->choice, entry->results, true));
  for (int row = 0; row < report->choice->count; row++) {
    const gan_metric *metric = report->choice->metrics[row];
    const gan_metric_result *result = &entry->results[row];
    for (int value = 0; gan_metric_has(metric, value); value++) {
      const char *reason = result->unable[0] ? result->unable : why_undefined(metric, result, value);
      if (reason) gan_json_add_text(unable, metric->values[value].name, reason);
    }
  }
  gan_json_add(object, "unable", unable);
}

static void add_curve(struct json_object *object, const gan_evaluate_report *report) {
  struct json_object *entries = json_object_new_array(), *bests = json_object_new_object();
  for (int i = 0; i < report->entry_count; i++) {
    struct json_object *entry = json_object_new_object();
    add_entry(entry, report, &report->entries[i]);
    json_object_array_add(entries, entry);
  }
  for (int row = 0; row < report->choice->count; row++)
    for (int value = 0; gan_metric_has(report->choice->metrics[row], value); value++) {
      const int best = gan_evaluate_best(report, row, value);
      if (best < 0) continue;
      struct json_object *found = json_object_new_object();
      gan_json_add_text(found, "checkpoint", report->entries[best].path);
      gan_json_add_integer(found, "iteration", report->entries[best].origin.iteration);
      gan_json_add(found, "value", gan_json_number(report->entries[best].results[row].values[value]));
      gan_json_add(bests, report->choice->metrics[row]->values[value].name, found);
    }
  gan_json_add(object, "checkpoints", entries);
  gan_json_add(object, "best", bests);
}

static void add_origin(struct json_object *object, const gan_evaluate_report *report) {
  char text[17];
  struct json_object *notices = json_object_new_array();
  snprintf(text, sizeof text, "%016" PRIx64, report->fingerprint);
  gan_json_add_text(object, "real", report->real);
  gan_json_add_integer(object, "real_samples", report->real_count);
  gan_json_add_text(object, "floor_set", report->has_floor ? report->others : "");
  gan_json_add_integer(object, "floor_samples", report->has_floor ? report->floor_count : 0);
  gan_json_add(object, "held_out", json_object_new_boolean(report->held_out));
  gan_json_add(object, "rounded", json_object_new_boolean(report->rounded));
  gan_json_add_text(object, "features", report->features);
  gan_json_add_integer(object, "feature_count", report->feature_count);
  gan_json_add_text(object, "features_fingerprint", text);
  gan_json_add_integer(object, "neighbours", report->neighbours);
  gan_json_add_integer(object, "repeats", report->repeats);
  gan_json_add(object, "seed", json_object_new_uint64(report->seed));
  for (int i = 0; i < report->notice_count; i++)
    json_object_array_add(notices, json_object_new_string(report->notices[i]));
  gan_json_add(object, "notices", notices);
}

void gan_evaluate_print_json(const gan_evaluate_report *report, const char *picture) {
  struct json_object *object = json_object_new_object();
  if (report->curve)
    add_curve(object, report);
  else
    add_entry(object, report, &report->entries[0]);
  if (report->has_floor) {
    gan_json_add(object, "floor", values_of(report->choice, report->floor, false));
    gan_json_add(object, "noise", values_of(report->choice, report->noise, false));
  }
  add_origin(object, report);
  if (picture) gan_json_add_text(object, "picture", picture);
  gan_json_print(object);
}
