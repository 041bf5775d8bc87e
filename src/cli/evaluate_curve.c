/* Quality over iterations: the best checkpoint by each value, and a picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/evaluate.h"
#include "store/picture.h"

/* Of a drawn curve: checkpoints lie wherever they were written, and a picture's points at equal distances. */
enum { POINTS = 480, PANELS_MOST = GAN_METRICS_MOST * GAN_METRIC_VALUES, COLUMNS = 3 };

int gan_evaluate_best(const gan_evaluate_report *report, int row, int value) {
  const int better = report->choice->metrics[row]->values[value].better;
  int best = -1;
  for (int i = 0; better && i < report->entry_count; i++) {
    const double found = report->entries[i].results[row].values[value];
    if (!isfinite(found)) continue;
    if (best < 0 || better * found > better * report->entries[best].results[row].values[value]) best = i;
  }
  return best;
}

gan_status gan_evaluate_check_curve(const gan_evaluate_report *report) {
  if (report->entry_count < 2)
    return gan_fail(GAN_BAD_USAGE, "-o: a curve needs two checkpoints at least, and there is one");
  for (int i = 1; i < report->entry_count; i++)
    if (report->entries[i].origin.iteration <= report->entries[i - 1].origin.iteration)
      return gan_fail(GAN_BAD_USAGE,
                      "-o: the curve is over iterations, and %s has no later one than %s: name them in "
                      "order, of one run",
                      report->entries[i].path, report->entries[i - 1].path);
  return GAN_OK;
}

/* y (POINTS): straight lines between checkpoints. */
static void interpolate(const gan_evaluate_report *report, int row, int value, double *y) {
  const gan_evaluate_entry *entries = report->entries;
  const double from = (double)entries[0].origin.iteration,
               to = (double)entries[report->entry_count - 1].origin.iteration;
  for (int i = 0, at = 0; i < POINTS; i++) {
    const double x = from + (to - from) * i / (POINTS - 1);
    while (at < report->entry_count - 2 && x > (double)entries[at + 1].origin.iteration) at++;
    const double left = (double)entries[at].origin.iteration, right = (double)entries[at + 1].origin.iteration;
    const double share = fmin((x - left) / (right - left), 1);
    const double before = entries[at].results[row].values[value], after = entries[at + 1].results[row].values[value];
    y[i] = share <= 0 ? before : share >= 1 ? after : (1 - share) * before + share * after;
  }
}

/* The panels of all values that say which way is better; at most PANELS_MOST. */
typedef struct curve_panels {
  int count;
  gan_curve_panel panels[PANELS_MOST + COLUMNS];
  gan_curve curves[PANELS_MOST][2];
  double *values; /* (count, 2, POINTS) */
} curve_panels;

static void add_panel(const gan_evaluate_report *report, int row, int value, curve_panels *all) {
  double *y = all->values + (size_t)all->count * 2 * POINTS;
  gan_curve *curves = all->curves[all->count];
  interpolate(report, row, value, y);
  for (int i = 0; i < POINTS; i++) y[POINTS + i] = report->has_floor ? report->floor[row].values[value] : NAN;
  curves[0] = (gan_curve){.series = 0, .dashed = true, .y = y + POINTS};
  curves[1] = (gan_curve){.series = 0, .y = y};
  all->panels[all->count++] =
      (gan_curve_panel){.title = report->choice->metrics[row]->values[value].name, .curve_count = 2, .curves = curves};
}

static gan_status draw(const gan_evaluate_report *report, const char *path, curve_panels *all) {
  static const char *const series[] = {"quality"};
  for (int row = 0; row < report->choice->count; row++)
    for (int value = 0; gan_metric_has(report->choice->metrics[row], value); value++)
      if (gan_evaluate_best(report, row, value) >= 0) add_panel(report, row, value, all);
  if (!all->count) return gan_fail(GAN_FAILED, "-o: there is no value to draw a curve of");
  const int columns = all->count < COLUMNS ? all->count : COLUMNS;
  for (int i = 0; i < COLUMNS; i++) all->panels[all->count + i].title = ""; /* what is left of the last row */
  const gan_curve_picture picture = {.from = (double)report->entries[0].origin.iteration,
                                     .to = (double)report->entries[report->entry_count - 1].origin.iteration,
                                     .points = POINTS,
                                     .axis = "iteration",
                                     .low = "begin",
                                     .high = "end",
                                     .series_count = 1,
                                     .series = series,
                                     .solid = "generated samples",
                                     .dashed = "floor: other real samples",
                                     .columns = columns,
                                     .rows = (all->count + columns - 1) / columns,
                                     .panels = all->panels};
  return gan_picture_curves(path, &picture);
}

gan_status gan_evaluate_draw(const gan_evaluate_report *report, const char *path) {
  curve_panels *all = NULL;
  GAN_TRY(gan_allocate(1, sizeof *all, "curves", &all));
  gan_status status = gan_allocate((size_t)report->choice->count * GAN_METRIC_VALUES * 2 * POINTS, sizeof *all->values,
                                   "curves", &all->values);
  if (status == GAN_OK) status = draw(report, path, all);
  free(all->values);
  free(all);
  return status;
}
