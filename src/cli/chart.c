/* A chart is a grid of dots. In Unicode a character holds 2 x 4 dots (Braille patterns, U+2800), in ASCII it is one.
   Values are gathered into one bucket for each column of dots, and neighbouring buckets are joined by vertical runs of
   dots, so that a curve stays one however steep it is. */
#include "cli/chart.h"
#include "base/number.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { LABEL_WIDTH = 10, MINIMUM_WIDTH = 24, MAXIMUM_WIDTH = 240, MINIMUM_HEIGHT = 2, MAXIMUM_HEIGHT = 60 };
enum { MAXIMUM_DOTS = 2 * MAXIMUM_WIDTH, MAXIMUM_LINES = 4 * MAXIMUM_HEIGHT };

typedef struct chart_bucket {
  double mean; /* of the finite values */
  size_t finite, other;
} chart_bucket;

typedef struct chart_plot {
  int columns, rows; /* of characters */
  int across, down;  /* dots in a character */
  int dots, lines;   /* of dots: columns * across, rows * down */
  chart_bucket buckets[MAXIMUM_DOTS];
  double low, high;                      /* range of y shown */
  bool lit[MAXIMUM_LINES][MAXIMUM_DOTS]; /* from the top */
} chart_plot;

static int limited(int value, int minimum, int maximum) {
  return value < minimum ? minimum : value > maximum ? maximum : value;
}

static double x_of(const gan_chart *chart, size_t i) { return chart->x ? chart->x[i] : (double)i; }

/* Range of x over rows whose x is finite; false when there are none. */
static bool x_range(const gan_chart *chart, double *first, double *last) {
  bool found = false;
  for (size_t i = 0; i < chart->count; i++) {
    const double x = x_of(chart, i);
    if (!isfinite(x)) continue;
    *first = found ? fmin(*first, x) : x;
    *last = found ? fmax(*last, x) : x;
    found = true;
  }
  return found;
}

/* The share of the way from low to high, without overflow for any finite values. */
static double share_of_range(double value, double low, double high) {
  return high > low ? (0.5 * value - 0.5 * low) / (0.5 * high - 0.5 * low) : 0.0;
}

static void fill_buckets(const gan_chart *chart, double first, double last, chart_plot *plot) {
  for (size_t i = 0; i < chart->count; i++) {
    if (!isfinite(x_of(chart, i))) continue;
    const double place = share_of_range(x_of(chart, i), first, last) * plot->dots;
    chart_bucket *bucket = &plot->buckets[limited((int)place, 0, plot->dots - 1)];
    if (!isfinite(chart->y[i])) {
      bucket->other++;
      continue;
    }
    /* Running mean; written so that it cannot overflow. */
    bucket->finite++;
    bucket->mean += chart->y[i] / (double)bucket->finite - bucket->mean / (double)bucket->finite;
  }
}

/* Range of the bucket means; a constant curve gets room on both sides. False when nothing is finite. */
static bool fit_range(chart_plot *plot) {
  bool found = false;
  for (int dot = 0; dot < plot->dots; dot++) {
    if (!plot->buckets[dot].finite) continue;
    const double mean = plot->buckets[dot].mean;
    plot->low = found ? fmin(plot->low, mean) : mean;
    plot->high = found ? fmax(plot->high, mean) : mean;
    found = true;
  }
  if (found && !(plot->high > plot->low)) {
    const double room = plot->low != 0.0 ? 0.1 * fabs(plot->low) : 1.0;
    plot->low = fmax(plot->low - room, -DBL_MAX);
    plot->high = fmin(plot->high + room, DBL_MAX);
  }
  return found;
}

static int line_of(const chart_plot *plot, double value) {
  const double share = share_of_range(value, plot->low, plot->high);
  return limited((int)lrint((1.0 - share) * (plot->lines - 1)), 0, plot->lines - 1);
}

static void light_run(chart_plot *plot, int dot, int from, int to) {
  const int step = to < from ? -1 : 1;
  for (int line = from; line != to; line += step) plot->lit[line][dot] = true;
  plot->lit[to][dot] = true;
}

/* A straight line of dots between two buckets with values; the buckets between hold no rows at all. */
static void join(chart_plot *plot, int left, int right) {
  const double from = plot->buckets[left].mean, to = plot->buckets[right].mean;
  int line = line_of(plot, from);
  for (int dot = left + 1; dot <= right; dot++) {
    const double share = (double)(dot - left) / (right - left);
    const int next = line_of(plot, (1.0 - share) * from + share * to);
    /* The run starts beside the dot before and not on its level, which would thicken the curve. */
    light_run(plot, dot, next > line ? line + 1 : next < line ? line - 1 : line, next);
    line = next;
  }
}

static void draw_curve(chart_plot *plot) {
  int before = -1; /* the last bucket with values, unless a gap came since */
  for (int dot = 0; dot < plot->dots; dot++) {
    const chart_bucket *bucket = &plot->buckets[dot];
    if (bucket->finite) {
      if (before >= 0)
        join(plot, before, dot);
      else
        light_run(plot, dot, line_of(plot, bucket->mean), line_of(plot, bucket->mean));
      before = dot;
    } else if (bucket->other) {
      before = -1;
    }
  }
}

/* One character of the plot: the Braille pattern of its dots, or a star. */
static void put_character(FILE *out, const chart_plot *plot, int row, int column) {
  /* Bits of the pattern by line and column of the dot (Unicode, Braille Patterns block). */
  static const unsigned bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
  unsigned pattern = 0;
  for (int line = 0; line < plot->down; line++)
    for (int dot = 0; dot < plot->across; dot++)
      if (plot->lit[row * plot->down + line][column * plot->across + dot]) pattern |= bits[line][dot];
  if (!pattern)
    fputc(' ', out);
  else if (plot->across == 1)
    fputc('*', out);
  else
    fprintf(out, "\xe2%c%c", (int)(0xa0 + (pattern >> 6)), (int)(0x80 + (pattern & 0x3f)));
}

static int last_character(const chart_plot *plot, int row) {
  for (int column = plot->columns - 1; column >= 0; column--)
    for (int line = 0; line < plot->down; line++)
      for (int dot = 0; dot < plot->across; dot++)
        if (plot->lit[row * plot->down + line][column * plot->across + dot]) return column;
  return -1;
}

/* The value in as many digits as the label has room for: four, or three for "-1.8e+308". */
static void put_label(FILE *out, double value) {
  char label[32];
  int digits = 4;
  while (snprintf(label, sizeof label, "%.*g", digits, gan_shown(value)) > LABEL_WIDTH) digits--;
  fprintf(out, "%*s ", LABEL_WIDTH, label);
}

static void put_rows(FILE *out, const chart_plot *plot, bool unicode) {
  for (int row = 0; row < plot->rows; row++) {
    const bool labelled = row == 0 || row == plot->rows - 1;
    if (labelled)
      put_label(out, row == 0 ? plot->high : plot->low);
    else
      fprintf(out, "%*s ", LABEL_WIDTH, "");
    fputs(unicode ? (labelled ? "┤" : "│") : (labelled ? "+" : "|"), out);
    const int end = last_character(plot, row);
    for (int column = 0; column <= end; column++) put_character(out, plot, row, column);
    fputc('\n', out);
  }
}

static void put_x_axis(FILE *out, const chart_plot *plot, double first, double last, bool unicode) {
  char left[32], right[32];
  snprintf(left, sizeof left, "%.7g", gan_shown(first));
  snprintf(right, sizeof right, "%.7g", gan_shown(last));
  fprintf(out, "%*s %s", LABEL_WIDTH, "", unicode ? "└" : "+");
  for (int column = 0; column < plot->columns; column++) fputs(unicode ? "─" : "-", out);
  fprintf(out, "\n%*s  %s", LABEL_WIDTH, "", left);
  const int space = plot->columns - (int)strlen(left) - (int)strlen(right);
  if (last > first) fprintf(out, "%*s%s", space < 1 ? 1 : space, "", right);
  fputc('\n', out);
}

static void put_title(FILE *out, const gan_chart *chart) {
  size_t other = 0;
  for (size_t i = 0; i < chart->count; i++) other += !isfinite(chart->y[i]);
  fputs(chart->title, out);
  if (chart->units[0]) fprintf(out, " [%s]", chart->units);
  if (chart->count)
    fprintf(out, "  last %.6g", gan_shown(chart->y[chart->count - 1]));
  else
    fputs("  no values", out);
  if (other) fprintf(out, "  (%zu of %zu not finite)", other, chart->count);
  fputc('\n', out);
}

void gan_chart_draw(FILE *out, const gan_chart *chart) {
  double first = 0.0, last = 0.0;
  put_title(out, chart);
  if (!x_range(chart, &first, &last)) return;
  const int across = chart->unicode ? 2 : 1, down = chart->unicode ? 4 : 1;
  chart_plot plot = {.columns = limited(chart->width, MINIMUM_WIDTH, MAXIMUM_WIDTH) - LABEL_WIDTH - 2,
                     .rows = limited(chart->height, MINIMUM_HEIGHT, MAXIMUM_HEIGHT),
                     .across = across,
                     .down = down};
  plot.dots = plot.columns * across;
  plot.lines = plot.rows * down;
  fill_buckets(chart, first, last, &plot);
  if (!fit_range(&plot)) return;
  draw_curve(&plot);
  put_rows(out, &plot, chart->unicode);
  put_x_axis(out, &plot, first, last, chart->unicode);
}
