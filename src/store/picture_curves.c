/* Curves over an axis, in panels: axes with ticks, a legend. Where curves cover each other, as losses often do in part,
   each can still be seen: those drawn first are wider. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "store/picture.h"
#include "store/picture_canvas.h"

enum {
  SCALE = 2, /* of text */
  PANEL_WIDTH = 480,
  PANEL_HEIGHT = 300,
  MARGIN = 24,
  LABELS = 84,      /* left of a panel */
  TITLE = 34,       /* above it */
  TICKS = 30,       /* below it */
  AXIS = 30,        /* below the lowest */
  LINE_HEIGHT = 26, /* of the legend */
  SWATCH = 44,
  TICK = 6,
  TICK_GAP = 5,   /* from a tick to its label beside the panel */
  LABEL_GAP = 10, /* at least, from one label below it to the next */
  TEXT_LIMIT = 32
};
static const double LINE_RADIUS = 1.3, DASH = 11, DASH_GAP = 9;

static const gan_colour white = {255, 255, 255}, frame_colour = {120, 124, 130}, grid_colour = {236, 238, 241},
                        zero_colour = {190, 194, 200}, text_colour = {50, 54, 60};
/* Okabe and Ito's, which people with any colour vision tell apart, and two greys. */
static const gan_colour colours[] = {{0, 114, 178},  {213, 94, 0},  {0, 158, 115}, {204, 121, 167}, {230, 159, 0},
                                     {86, 180, 233}, {90, 60, 160}, {60, 60, 60},  {150, 150, 150}};
enum { COLOURS = sizeof colours / sizeof *colours };

/* A panel while it is drawn: its place in pixels, and what its edges are. */
typedef struct curve_plot {
  gan_canvas *canvas;
  const gan_curve_picture *picture;
  int left, top;
  double low, high;
} curve_plot;

static double pixel_x(const curve_plot *plot, double x) {
  return plot->left + PANEL_WIDTH * (x - plot->picture->from) / (plot->picture->to - plot->picture->from);
}
static double pixel_y(const curve_plot *plot, double y) {
  return plot->top + PANEL_HEIGHT * (plot->high - y) / (plot->high - plot->low);
}

/* 1, 2 or 5 x 10^k, so that the range has five to twelve. */
static double tick_step(double range) {
  const double power = pow(10.0, floor(log10(range / 5.0))), mantissa = range / 5.0 / power;
  return power * (mantissa >= 5.0 ? 5.0 : mantissa >= 2.0 ? 2.0 : 1.0);
}

/* What all curves cover, 0 in it, and some space beyond. */
static void find_range(const gan_curve_picture *picture, const gan_curve_panel *panel, curve_plot *plot) {
  double low = 0.0, high = 0.0;
  for (int i = 0; i < panel->curve_count; i++)
    for (int j = 0; j < picture->points; j++) {
      const double y = panel->curves[i].y[j];
      if (!isfinite(y)) continue;
      low = fmin(low, y);
      high = fmax(high, y);
    }
  const double space = high > low ? 0.06 * (high - low) : 1.0;
  plot->low = low - space;
  plot->high = high + space;
}

/* --- Axes --- */

/* An axis of a panel, to the right or upwards, with a mark at each multiple of the step. */
typedef struct curve_axis {
  bool upright; /* its marks are upright lines: it goes to the right */
  double low, high, step;
  int digits; /* of labels */
} curve_axis;

static double first_mark(const curve_axis *axis) { return ceil(axis->low / axis->step - 1e-9); }
static bool has_mark(const curve_axis *axis, double mark) {
  return mark * axis->step <= axis->high + 1e-9 * axis->step;
}

/* "1e4", "0.25". */
static void print_label(const curve_axis *axis, double value, char label[TEXT_LIMIT]) {
  gan_print_plain(label, TEXT_LIMIT, "%.*g", axis->digits, gan_shown(value));
  char *exponent = strchr(label, 'e');
  if (!exponent) return;
  char *digits = exponent + 2 + strspn(exponent + 2, "0");
  memmove(exponent + (exponent[1] == '-' ? 2 : 1), digits, strlen(digits) + 1);
}

/* Enough for marks to differ. */
static int digits_of(const curve_axis *axis) {
  const double digits = 2 + floor(log10(fmax(fabs(axis->low), fabs(axis->high)) / axis->step));
  return digits > 3 ? (int)fmin(digits, 15) : 3;
}

/* Whether labels leave each other room, and those beside the panel have it. */
static bool labels_fit(const curve_axis *axis) {
  const double apart = axis->step / (axis->high - axis->low) * (axis->upright ? PANEL_WIDTH : PANEL_HEIGHT);
  for (double mark = first_mark(axis); has_mark(axis, mark); mark++) {
    char label[TEXT_LIMIT];
    print_label(axis, mark * axis->step, label);
    const int width = gan_canvas_text_width(SCALE, label);
    /* The last one may have to stand to the left of its mark. */
    const double aside = axis->upright ? fmax(width / 2.0 - MARGIN, 0.0) : 0.0;
    if (width > (axis->upright ? apart - LABEL_GAP - aside : LABELS - TICK - TICK_GAP)) return false;
  }
  return axis->upright || apart > gan_canvas_text_height(SCALE);
}

/* The next of 1, 2, 5, 10, ... */
static double longer_step(double step) {
  const double mantissa = step / pow(10.0, floor(log10(step) + 1e-9));
  return step * (mantissa > 1.5 && mantissa < 3.0 ? 2.5 : 2.0);
}

static curve_axis make_axis(bool upright, double low, double high) {
  curve_axis axis = {.upright = upright, .low = low, .high = high, .step = tick_step(high - low)};
  axis.digits = digits_of(&axis);
  while (!labels_fit(&axis) && axis.step < high - low) {
    axis.step = longer_step(axis.step);
    axis.digits = digits_of(&axis);
  }
  return axis;
}

static void draw_grid_line(const curve_plot *plot, const curve_axis *axis, double value) {
  const gan_colour colour = value == 0.0 ? zero_colour : grid_colour;
  if (axis->upright)
    gan_canvas_rectangle(plot->canvas, (int)pixel_x(plot, value), plot->top, 1, PANEL_HEIGHT, colour);
  else
    gan_canvas_rectangle(plot->canvas, plot->left, (int)pixel_y(plot, value), PANEL_WIDTH, 1, colour);
}

static void draw_tick(const curve_plot *plot, const curve_axis *axis, double value) {
  char label[TEXT_LIMIT];
  print_label(axis, value, label);
  const int width = gan_canvas_text_width(SCALE, label), height = gan_canvas_text_height(SCALE);
  if (axis->upright) {
    const int x = (int)pixel_x(plot, value), y = plot->top + PANEL_HEIGHT, end = plot->canvas->width - width;
    gan_canvas_rectangle(plot->canvas, x, y, 1, TICK, frame_colour);
    gan_canvas_text(plot->canvas, x - width / 2 < end ? x - width / 2 : end, y + TICK + 4, SCALE, label, text_colour);
  } else {
    const int y = (int)pixel_y(plot, value);
    gan_canvas_rectangle(plot->canvas, plot->left - TICK, y, TICK, 1, frame_colour);
    gan_canvas_text(plot->canvas, plot->left - TICK - TICK_GAP - width, y - height / 2, SCALE, label, text_colour);
  }
}

/* Calls for each multiple of the step in the range. Grid lines are under the curves, ticks beside them. */
static void draw_marks(const curve_plot *plot, void (*draw)(const curve_plot *, const curve_axis *, double)) {
  const curve_axis axes[2] = {make_axis(false, plot->low, plot->high),
                              make_axis(true, plot->picture->from, plot->picture->to)};
  for (int i = 0; i < 2; i++)
    for (double mark = first_mark(&axes[i]); has_mark(&axes[i], mark); mark++)
      draw(plot, &axes[i], mark == 0.0 ? 0.0 : mark * axes[i].step);
}

static void draw_frame(const curve_plot *plot) {
  const int right = plot->left + PANEL_WIDTH, bottom = plot->top + PANEL_HEIGHT;
  gan_canvas_rectangle(plot->canvas, plot->left, plot->top, PANEL_WIDTH, 1, frame_colour);
  gan_canvas_rectangle(plot->canvas, plot->left, bottom, PANEL_WIDTH + 1, 1, frame_colour);
  gan_canvas_rectangle(plot->canvas, plot->left, plot->top, 1, PANEL_HEIGHT, frame_colour);
  gan_canvas_rectangle(plot->canvas, right, plot->top, 1, PANEL_HEIGHT, frame_colour);
}

/* --- Curves --- */

static double radius_of(const gan_curve_picture *picture, int series) {
  const int above = picture->series_count - 1 - series;
  return LINE_RADIUS + above * fmin(1.0, 4.0 / picture->series_count);
}

/* A piece of a line, dashed by how far along the curve it begins, *length, to which its own is added. */
static void draw_piece(const curve_plot *plot, const gan_curve *curve, const double from[2], const double to[2],
                       double *length) {
  const bool gap = curve->dashed && fmod(*length, DASH + DASH_GAP) > DASH;
  *length += hypot(to[0] - from[0], to[1] - from[1]);
  if (gap) return;
  gan_canvas_line(plot->canvas, from[0], from[1], to[0], to[1], radius_of(plot->picture, curve->series),
                  colours[curve->series % COLOURS]);
}

/* Pieces are so short that dashes end where they should. */
static void draw_curve(const curve_plot *plot, const gan_curve *curve) {
  enum { STEPS = 2 * PANEL_WIDTH };
  const gan_curve_picture *picture = plot->picture;
  double before[2] = {NAN, NAN}, length = 0.0;
  for (int i = 0; i <= STEPS; i++) {
    const double place = (double)i / STEPS * (picture->points - 1);
    const int point = place < picture->points - 1 ? (int)place : picture->points - 2;
    const double share = place - point;
    const double y = share > 0.0 ? (1.0 - share) * curve->y[point] + share * curve->y[point + 1] : curve->y[point];
    const double here[2] = {plot->left + (double)PANEL_WIDTH * i / STEPS, pixel_y(plot, y)};
    if (isfinite(before[1]) && isfinite(here[1])) draw_piece(plot, curve, before, here, &length);
    before[0] = here[0];
    before[1] = here[1];
  }
}

static void draw_panel(curve_plot *plot, const gan_curve_panel *panel) {
  find_range(plot->picture, panel, plot);
  draw_marks(plot, draw_grid_line);
  for (int i = 0; i < panel->curve_count; i++) draw_curve(plot, &panel->curves[i]);
  draw_frame(plot);
  draw_marks(plot, draw_tick);
  gan_canvas_text(plot->canvas, plot->left, plot->top - TITLE + 10, SCALE, panel->title, text_colour);
}

/* What the axis is, in the middle below a panel of the lowest row, and what its ends mean. */
static void draw_axis(const curve_plot *plot) {
  const gan_curve_picture *picture = plot->picture;
  char low[2 * TEXT_LIMIT], high[2 * TEXT_LIMIT];
  const int y = plot->top + PANEL_HEIGHT + TICKS + 4;
  snprintf(low, sizeof low, "< %s", picture->low);
  snprintf(high, sizeof high, "%s >", picture->high);
  gan_canvas_text(plot->canvas, plot->left, y, SCALE, low, text_colour);
  gan_canvas_text(plot->canvas, plot->left + PANEL_WIDTH - gan_canvas_text_width(SCALE, high), y, SCALE, high,
                  text_colour);
  gan_canvas_text(plot->canvas, plot->left + (PANEL_WIDTH - gan_canvas_text_width(SCALE, picture->axis)) / 2, y, SCALE,
                  picture->axis, text_colour);
}

/* --- The whole --- */

static int picture_width(const gan_curve_picture *picture) {
  return picture->columns * (LABELS + PANEL_WIDTH) + MARGIN;
}

static int entry_width(const char *name) { return SWATCH + gan_canvas_text_width(SCALE, name) + MARGIN; }

/* Entries side by side, line after line; NULL for the canvas: only counts the lines. */
static int draw_series(gan_canvas *canvas, const gan_curve_picture *picture) {
  int line = 0, x = MARGIN;
  for (int i = 0; i < picture->series_count; i++) {
    const int width = entry_width(picture->series[i]);
    if (x > MARGIN && x + width > picture_width(picture)) line++, x = MARGIN;
    const int y = MARGIN / 2 + line * LINE_HEIGHT, middle = y + gan_canvas_text_height(SCALE) / 2;
    if (canvas) {
      gan_canvas_line(canvas, x, middle, x + SWATCH - 12, middle, 4.0, colours[i % COLOURS]);
      gan_canvas_text(canvas, x + SWATCH, y, SCALE, picture->series[i], text_colour);
    }
    x += width;
  }
  return line + 1;
}

static void draw_kinds(gan_canvas *canvas, const gan_curve_picture *picture, int y) {
  const int middle = y + gan_canvas_text_height(SCALE) / 2;
  int x = MARGIN;
  gan_canvas_line(canvas, x, middle, x + SWATCH - 12, middle, LINE_RADIUS, text_colour);
  gan_canvas_text(canvas, x + SWATCH, y, SCALE, picture->solid, text_colour);
  x += entry_width(picture->solid);
  for (int dash = 0; dash < 2; dash++)
    gan_canvas_line(canvas, x + dash * (DASH + DASH_GAP), middle, x + dash * (DASH + DASH_GAP) + DASH, middle,
                    LINE_RADIUS, text_colour);
  gan_canvas_text(canvas, x + SWATCH, y, SCALE, picture->dashed, text_colour);
}

gan_status gan_picture_curves(const char *path, const gan_curve_picture *picture) {
  if (!(picture->to > picture->from && picture->to - picture->from < DBL_MAX) || picture->points < 2)
    return gan_fail(GAN_BAD_USAGE, "curves from %g to %g with %d points cannot be drawn", picture->from, picture->to,
                    picture->points);
  gan_canvas canvas;
  const int lines = draw_series(NULL, picture), top = MARGIN / 2 + (lines + 1) * LINE_HEIGHT;
  const int row_height = TITLE + PANEL_HEIGHT + TICKS;
  GAN_TRY(gan_canvas_create(picture_width(picture), top + picture->rows * row_height + AXIS, white, &canvas));
  draw_series(&canvas, picture);
  draw_kinds(&canvas, picture, MARGIN / 2 + lines * LINE_HEIGHT);
  for (int i = 0; i < picture->rows * picture->columns; i++) {
    curve_plot plot = {.canvas = &canvas,
                       .picture = picture,
                       .left = i % picture->columns * (LABELS + PANEL_WIDTH) + LABELS,
                       .top = top + i / picture->columns * row_height + TITLE};
    draw_panel(&plot, &picture->panels[i]);
    if (i / picture->columns == picture->rows - 1) draw_axis(&plot);
  }
  const gan_status status = gan_canvas_write(&canvas, path);
  gan_canvas_release(&canvas);
  return status;
}
