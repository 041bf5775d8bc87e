/* The canvas under the pictures: pixels in memory, drawing with coverage, and the way to a PNG file. */
#ifndef GAN_STORE_PICTURE_CANVAS_H
#define GAN_STORE_PICTURE_CANVAS_H

#include <stdint.h>

#include "base/error.h"

typedef struct gan_colour {
  uint8_t red, green, blue;
} gan_colour;

typedef struct gan_canvas {
  int width, height;
  uint8_t *pixels; /* (height, width, 3), owned */
} gan_canvas;

/* A canvas of one colour. GAN_BAD_USAGE unless both sides are within 1 .. 30000 pixels. */
gan_status gan_canvas_create(int64_t width, int64_t height, gan_colour colour, gan_canvas *canvas) GAN_CHECKED;
void gan_canvas_release(gan_canvas *canvas);

/* Everything drawn is clipped to the canvas. x to the right, y down; pixel (x, y) covers [x, x+1) x [y, y+1). */
void gan_canvas_rectangle(gan_canvas *canvas, int x, int y, int width, int height, gan_colour colour);

/* A disc with smooth edges around (x, y), mixed with what is below by `opacity` in [0, 1]. */
void gan_canvas_disc(gan_canvas *canvas, double x, double y, double radius, gan_colour colour, double opacity);

/* A straight line from (x0, y0) to (x1, y1), 2 * radius wide, with smooth edges and round ends. */
void gan_canvas_line(gan_canvas *canvas, double x0, double y0, double x1, double y1, double radius, gan_colour colour);

/* Text in a 5 x 7 pixel face, enlarged by `scale`, with its upper left corner at (x, y). The face has digits, small
   letters, parentheses and ".,:-+/=_<>"; anything else leaves a gap. */
void gan_canvas_text(gan_canvas *canvas, int x, int y, int scale, const char *text, gan_colour colour);
/* Its width, and its height above the line, in pixels. */
int gan_canvas_text_width(int scale, const char *text);
int gan_canvas_text_height(int scale);

/* Writes the PNG file beside `path`, syncs it and renames it. GAN_FAILED naming the path (folder not writable, disk
   full) leaves no partial file, and what was at `path` before stays. */
gan_status gan_canvas_write(const gan_canvas *canvas, const char *path) GAN_CHECKED;

#endif
