#include "eval/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"

enum { NAME_TEXT = 64, WHAT_TEXT = 96 };

/* --- Which rows --- */

static gan_status unknown_metric(const char *name) {
  const char *names[GAN_METRICS_MOST * (GAN_METRIC_VALUES + 1) + 1] = {NULL};
  char all[512] = "";
  int count = 0;
  for (int row = 0; row < gan_metric_count && row < GAN_METRICS_MOST; row++) {
    const size_t used = strlen(all);
    snprintf(all + used, sizeof all - used, "%s%s", row ? ", " : "", gan_metrics[row]->name);
    names[count++] = gan_metrics[row]->name;
    for (int i = 0; gan_metric_has(gan_metrics[row], i); i++) names[count++] = gan_metrics[row]->values[i].name;
  }
  const char *nearest = gan_nearest_name(name, names);
  if (nearest) return gan_fail(GAN_BAD_USAGE, "unknown metric \"%.40s\"; did you mean %s?", name, nearest);
  return gan_fail(GAN_BAD_USAGE, "unknown metric \"%.40s\"; known are %s", name, all);
}

/* By its own name, or that of one of its values. */
static const gan_metric *find_row(const char *name) {
  int value;
  for (int row = 0; row < gan_metric_count; row++)
    if (strcmp(gan_metrics[row]->name, name) == 0) return gan_metrics[row];
  return gan_metric_find(name, &value);
}

static gan_status want(const char *name, bool wanted[]) {
  const gan_metric *metric = find_row(name);
  if (strcmp(name, "all") == 0) return gan_fail(GAN_BAD_USAGE, "\"all\" stands alone, without other names");
  if (!metric) return unknown_metric(name);
  for (int row = 0; row < gan_metric_count && row < GAN_METRICS_MOST; row++)
    wanted[row] = wanted[row] || gan_metrics[row] == metric;
  return GAN_OK;
}

/* Without the blanks around it. */
static void take_name(const char *from, size_t length, char name[NAME_TEXT]) {
  const size_t blanks = strspn(from, " ") < length ? strspn(from, " ") : length;
  size_t used = length - blanks;
  while (used > 0 && from[blanks + used - 1] == ' ') used--;
  snprintf(name, NAME_TEXT, "%.*s", (int)(used < NAME_TEXT ? used : NAME_TEXT - 1), from + blanks);
}

static gan_status want_all_named(const char *names, bool wanted[]) {
  while (*names) {
    char name[NAME_TEXT];
    const size_t length = strcspn(names, ",");
    take_name(names, length, name);
    GAN_TRY(want(name, wanted));
    names += length + (names[length] == ',');
  }
  return GAN_OK;
}

gan_status gan_metrics_choose(const char *names, gan_metric_choice *choice) {
  bool wanted[GAN_METRICS_MOST] = {false};
  const bool all = names[0] == '\0' || strcmp(names, "all") == 0;
  *choice = (gan_metric_choice){.named = !all};
  if (!all) GAN_TRY(want_all_named(names, wanted));
  for (int row = 0; row < gan_metric_count && row < GAN_METRICS_MOST; row++)
    if (all || wanted[row]) choice->metrics[choice->count++] = gan_metrics[row];
  return GAN_OK;
}

/* --- Computing them --- */

static void clear(gan_metric_result *result) {
  result->unable[0] = '\0';
  for (int i = 0; i < GAN_METRIC_VALUES; i++) result->values[i] = result->errors[i] = NAN;
}

static const char *why_not(const gan_metric *metric, const gan_comparison *comparison) {
  return metric->unable ? metric->unable(comparison) : NULL;
}

static gan_status compute(const gan_metric *metric, const gan_comparison *comparison, gan_metric_result *result) {
  clear(result);
  const char *reason = why_not(metric, comparison);
  if (reason) snprintf(result->unable, sizeof result->unable, "%s", reason);
  if (reason) return GAN_OK;
  const gan_status status = metric->compute(comparison, result->values);
  return status == GAN_OK ? status : gan_fail_prefix(status, "%s: ", metric->name);
}

static void tell(const gan_evaluation_watch *watch, const char *what, const char *name, double share) {
  char text[WHAT_TEXT];
  if (!watch->step) return;
  snprintf(text, sizeof text, "%s: %s", what, name);
  watch->step(watch->context, text, share);
}

gan_status gan_metrics_compute(const gan_metric_choice *choice, const gan_comparison *comparison, const char *what,
                               const gan_evaluation_watch *watch, gan_metric_result *results) {
  for (int row = 0; row < choice->count; row++) {
    tell(watch, what, choice->metrics[row]->name, (double)row / choice->count);
    GAN_TRY(compute(choice->metrics[row], comparison, &results[row]));
  }
  return GAN_OK;
}

static gan_status compute_floor(const gan_metric *metric, const gan_comparison *comparison, gan_metric_result *result) {
  const int64_t half = comparison->fake->count / 2;
  gan_comparison whole = *comparison, halves = *comparison;
  whole.held_out = NULL;
  if (!why_not(metric, &whole) || half < 1) return compute(metric, &whole, result);
  const gan_sample_set one = gan_set_slice(comparison->fake, 0, half),
                       other = gan_set_slice(comparison->fake, half, half);
  halves.fake = &one;
  halves.held_out = &other;
  return compute(metric, why_not(metric, &halves) ? &whole : &halves, result);
}

gan_status gan_metrics_floor(const gan_metric_choice *choice, const gan_comparison *comparison,
                             const gan_evaluation_watch *watch, gan_metric_result *results) {
  for (int row = 0; row < choice->count; row++) {
    tell(watch, "floor", choice->metrics[row]->name, (double)row / choice->count);
    GAN_TRY(compute_floor(choice->metrics[row], comparison, &results[row]));
  }
  return GAN_OK;
}

/* --- How certain they are --- */

/* Sums of a value over the halves, around its first, and how often it was defined. */
typedef struct spread {
  int count;
  double first, sum, squares;
} spread;

static void add_to_spread(spread *of, double value) {
  if (!isfinite(value)) return;
  if (of->count++ == 0) of->first = value;
  of->sum += value - of->first;
  of->squares += (value - of->first) * (value - of->first);
}

static double deviation(const spread *of, int repeats) {
  if (of->count < repeats) return NAN;
  const double variance = (of->squares - of->sum * of->sum / repeats) / (repeats - 1);
  return sqrt(fmax(variance, 0));
}

/* The rows of one pair of halves. */
static gan_status compute_halves(const gan_metric_choice *choice, const gan_comparison *comparison, uint64_t repeat,
                                 gan_metric_result *results, spread (*spreads)[GAN_METRIC_VALUES]) {
  gan_filled_set real = {.set = {.count = 0}}, fake = {.set = {.count = 0}};
  gan_status status = gan_set_half(comparison->world, comparison->real, comparison->seed, 2 * repeat, &real);
  if (status == GAN_OK)
    status = gan_set_half(comparison->world, comparison->fake, comparison->seed, 2 * repeat + 1, &fake);
  gan_comparison halves = *comparison;
  halves.real = &real.set;
  halves.fake = &fake.set;
  for (int row = 0; row < choice->count && status == GAN_OK; row++) {
    gan_metric_result once;
    if (results[row].unable[0]) continue;
    status = compute(choice->metrics[row], &halves, &once);
    for (int i = 0; i < GAN_METRIC_VALUES; i++) add_to_spread(&spreads[row][i], once.values[i]);
  }
  gan_set_release(&real);
  gan_set_release(&fake);
  return status;
}

gan_status gan_metrics_repeat(const gan_metric_choice *choice, const gan_comparison *comparison, int repeats,
                              const gan_evaluation_watch *watch, gan_metric_result *results) {
  spread spreads[GAN_METRICS_MOST][GAN_METRIC_VALUES] = {{{0}}};
  if (comparison->real->count < 2 || comparison->fake->count < 2) return GAN_OK;
  for (int repeat = 0; repeat < repeats; repeat++) {
    if (watch->step) watch->step(watch->context, "standard errors", (double)repeat / repeats);
    GAN_TRY(compute_halves(choice, comparison, (uint64_t)repeat, results, spreads));
  }
  for (int row = 0; row < choice->count; row++)
    for (int i = 0; gan_metric_has(choice->metrics[row], i); i++)
      results[row].errors[i] = deviation(&spreads[row][i], repeats);
  return GAN_OK;
}
