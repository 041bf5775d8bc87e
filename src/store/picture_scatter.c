/* Scatter plots of points in the plane: what a generator of a 2-D toy distribution does, at a glance.

   Generated points are laid over the real ones half transparent, so that density shows. Points that fall outside the
   window, or are no numbers, cannot be seen: the legend counts them, since a generator that has run away would
   otherwise look like one that draws nothing. */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "base/number.h"
#include "store/picture.h"
#include "store/picture_canvas.h"

enum { SIDE = 640, MARGIN_LEFT = 52, MARGIN_TOP = 36, WINDOW = 564, TICK = 5, TEXT_SCALE = 1 };

static const gan_colour white = {255, 255, 255}, axis_colour = {120, 124, 130}, zero_colour = {232, 234, 238},
                        text_colour = {60, 64, 70}, real_colour = {150, 154, 160}, fake_colour = {216, 64, 24};

typedef struct scatter_window {
  gan_canvas canvas;
  double extent; /* half-width, in the points' units */
} scatter_window;

/* A fifth more than the largest coordinate, since generated points scatter wider; 1 when there is nothing to go by. */
static double fitted_extent(int64_t count, const float *points) {
  double largest = 0.0;
  for (int64_t i = 0; i < 2 * count; i++)
    if (isfinite(points[i])) largest = fmax(largest, fabs((double)points[i]));
  return largest > 0.0 ? 1.2 * largest : 1.0;
}

/* Pixel coordinates of a point; y is up. */
static double pixel_x(const scatter_window *window, double x) {
  return MARGIN_LEFT + 0.5 * WINDOW * (1.0 + x / window->extent);
}
static double pixel_y(const scatter_window *window, double y) {
  return MARGIN_TOP + 0.5 * WINDOW * (1.0 - y / window->extent);
}

/* The largest of 1, 2, 5 x 10^k that puts at least two ticks on each side of zero. */
static double tick_step(double extent) {
  const double power = pow(10.0, floor(log10(extent / 2.0)));
  const double mantissa = extent / 2.0 / power;
  return power * (mantissa >= 5.0 ? 5.0 : mantissa >= 2.0 ? 2.0 : 1.0);
}

static void draw_tick(scatter_window *window, double value) {
  gan_canvas *canvas = &window->canvas;
  char label[32];
  gan_print_plain(label, sizeof label, "%.3g", value);
  const int x = (int)pixel_x(window, value), y = (int)pixel_y(window, value);
  const int width = gan_canvas_text_width(TEXT_SCALE, label), height = gan_canvas_text_height(TEXT_SCALE);
  gan_canvas_rectangle(canvas, x, MARGIN_TOP + WINDOW, 1, TICK, axis_colour);
  gan_canvas_text(canvas, x - width / 2, MARGIN_TOP + WINDOW + TICK + 5, TEXT_SCALE, label, text_colour);
  gan_canvas_rectangle(canvas, MARGIN_LEFT - TICK, y, TICK, 1, axis_colour);
  gan_canvas_text(canvas, MARGIN_LEFT - TICK - 5 - width, y - height / 2, TEXT_SCALE, label, text_colour);
}

static void draw_axes(scatter_window *window) {
  gan_canvas *canvas = &window->canvas;
  gan_canvas_rectangle(canvas, (int)pixel_x(window, 0.0), MARGIN_TOP, 1, WINDOW, zero_colour);
  gan_canvas_rectangle(canvas, MARGIN_LEFT, (int)pixel_y(window, 0.0), WINDOW, 1, zero_colour);
  const double step = tick_step(window->extent);
  for (int i = -5; i <= 5; i++)
    if (fabs(i * step) <= window->extent) draw_tick(window, i * step);
}

/* Drawn over the discs at the window's edge. */
static void draw_frame(scatter_window *window) {
  gan_canvas *canvas = &window->canvas;
  gan_canvas_rectangle(canvas, MARGIN_LEFT, MARGIN_TOP, WINDOW, 1, axis_colour);
  gan_canvas_rectangle(canvas, MARGIN_LEFT, MARGIN_TOP + WINDOW - 1, WINDOW, 1, axis_colour);
  gan_canvas_rectangle(canvas, MARGIN_LEFT, MARGIN_TOP, 1, WINDOW, axis_colour);
  gan_canvas_rectangle(canvas, MARGIN_LEFT + WINDOW - 1, MARGIN_TOP, 1, WINDOW, axis_colour);
}

/* Draws a set; returns how many of its points are outside the window. Few points are drawn larger and denser. */
static int64_t draw_points(scatter_window *window, int64_t count, const float *points, gan_colour colour) {
  const double opacity = fmin(0.8, fmax(0.12, 28.0 / sqrt((double)count)));
  const double radius = count <= 500 ? 3.0 : count <= 5000 ? 2.3 : 1.8;
  int64_t outside = 0;
  for (int64_t i = 0; i < count; i++) {
    const double x = points[2 * i], y = points[2 * i + 1];
    if (fabs(x) <= window->extent && fabs(y) <= window->extent)
      gan_canvas_disc(&window->canvas, pixel_x(window, x), pixel_y(window, y), radius, colour, opacity);
    else
      outside++;
  }
  return outside;
}

/* One entry of the legend at x; returns where the next one goes. */
static int draw_entry(scatter_window *window, int x, const char *name, int64_t count, int64_t outside,
                      gan_colour colour) {
  if (count == 0) return x;
  char text[96];
  int used = snprintf(text, sizeof text, "%s %lld", name, (long long)count);
  if (outside) snprintf(text + used, sizeof text - (size_t)used, " (%lld outside)", (long long)outside);
  const int height = gan_canvas_text_height(TEXT_SCALE), y = (MARGIN_TOP - height) / 2;
  gan_canvas_disc(&window->canvas, x + 4.0, y + height / 2.0, 4.0, colour, 1.0);
  gan_canvas_text(&window->canvas, x + 13, y, TEXT_SCALE, text, text_colour);
  return x + 13 + gan_canvas_text_width(TEXT_SCALE, text) + 24;
}

gan_status gan_picture_scatter(const char *path, int64_t real_count, const float *real, int64_t fake_count,
                               const float *fake, double extent) {
  if (real_count < 0 || fake_count < 0)
    return gan_fail(GAN_BAD_USAGE, "a picture cannot have a negative number of points");
  if (!(extent > 0.0 && extent < DBL_MAX))
    extent = real_count ? fitted_extent(real_count, real) : fitted_extent(fake_count, fake);
  scatter_window window = {.extent = extent};
  GAN_TRY(gan_canvas_create(SIDE, SIDE, white, &window.canvas));
  draw_axes(&window);
  const int64_t real_outside = draw_points(&window, real_count, real, real_colour);
  const int64_t fake_outside = draw_points(&window, fake_count, fake, fake_colour);
  draw_frame(&window);
  const int next = draw_entry(&window, MARGIN_LEFT, "real", real_count, real_outside, real_colour);
  draw_entry(&window, next, "generated", fake_count, fake_outside, fake_colour);
  const gan_status status = gan_canvas_write(&window.canvas, path);
  gan_canvas_release(&window.canvas);
  return status;
}
