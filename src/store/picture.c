/* Grids of image samples. Scatter plots: picture_scatter.c. */
#include "store/picture.h"

#include <math.h>
#include <stdbool.h>

#include "store/picture_canvas.h"

enum { TILE_PIXELS = 48 }; /* a tile's longer side is at least this, so that 8 x 8 images can be seen */

/* Grey between tiles: apart from the black and white that backgrounds of image sets mostly have. */
static const gan_colour space_colour = {72, 76, 84};
/* A value that is not a number: no image has this colour by chance all over. */
static const gan_colour invalid_colour = {255, 0, 255};

gan_picture_kind gan_picture_kind_of(const gan_shape *shape) {
  if (shape->rank == 1 && shape->size[0] == 2) return GAN_PICTURE_SCATTER;
  if (shape->rank == 3 && (shape->size[0] == 1 || shape->size[0] == 3) && shape->size[1] > 0 && shape->size[2] > 0)
    return GAN_PICTURE_GRID;
  return GAN_PICTURE_NONE;
}

typedef struct grid_plan {
  int64_t channels, height, width; /* of a sample */
  int64_t columns, rows;
  int64_t scale, space;
} grid_plan;

/* Columns for a picture about as wide as high. */
static int64_t near_square(int64_t n, int64_t height, int64_t width) {
  const double columns = ceil(sqrt((double)n * (double)height / (double)width) - 1e-9);
  return columns < 1.0 ? 1 : columns < (double)n ? (int64_t)columns : n;
}

static grid_plan plan_grid(const gan_shape *shape, int64_t n, int columns) {
  grid_plan plan = {.channels = shape->size[0], .height = shape->size[1], .width = shape->size[2]};
  plan.columns = columns == 0 ? near_square(n, plan.height, plan.width) : columns < n ? columns : n;
  plan.rows = (n + plan.columns - 1) / plan.columns;
  const int64_t longer = plan.height > plan.width ? plan.height : plan.width;
  plan.scale = (TILE_PIXELS + longer - 1) / longer;
  plan.space = plan.scale > 1 ? 2 : 1;
  return plan;
}

static uint8_t byte_of(float value) {
  const float clamped = value < -1.0f ? -1.0f : value > 1.0f ? 1.0f : value;
  return (uint8_t)lrintf((clamped + 1.0f) * 127.5f);
}

/* Colour of the pixel at `offset` in the planes of one sample (C, H, W). */
static gan_colour colour_of(const grid_plan *grid, const float *sample, int64_t offset) {
  const int64_t plane = grid->height * grid->width;
  uint8_t bytes[3];
  for (int64_t channel = 0; channel < 3; channel++) {
    const float value = sample[(grid->channels == 1 ? 0 : channel) * plane + offset];
    if (isnan(value)) return invalid_colour;
    bytes[channel] = byte_of(value);
  }
  return (gan_colour){bytes[0], bytes[1], bytes[2]};
}

static void draw_sample(gan_canvas *canvas, const grid_plan *grid, const float *sample, int64_t left, int64_t top) {
  const int scale = (int)grid->scale;
  for (int64_t y = 0; y < grid->height; y++)
    for (int64_t x = 0; x < grid->width; x++)
      gan_canvas_rectangle(canvas, (int)(left + x * scale), (int)(top + y * scale), scale, scale,
                           colour_of(grid, sample, y * grid->width + x));
}

gan_status gan_picture_grid(const char *path, const gan_shape *shape, int64_t n, const float *samples, int columns) {
  char text[GAN_SHAPE_TEXT];
  if (gan_picture_kind_of(shape) != GAN_PICTURE_GRID)
    return gan_fail(GAN_BAD_USAGE, "samples of shape %s cannot be drawn as images; (1, H, W) and (3, H, W) can",
                    gan_shape_print(shape, text));
  if (n < 1 || columns < 0)
    return gan_fail(GAN_BAD_USAGE, "a picture needs at least one sample and no negative number of columns");
  const grid_plan grid = plan_grid(shape, n, columns);
  const int64_t across = grid.width * grid.scale + grid.space, down = grid.height * grid.scale + grid.space;
  gan_canvas canvas;
  GAN_TRY(gan_canvas_create(grid.columns * across - grid.space, grid.rows * down - grid.space, space_colour, &canvas));
  for (int64_t i = 0; i < n; i++)
    draw_sample(&canvas, &grid, samples + i * gan_shape_count(shape), i % grid.columns * across,
                i / grid.columns * down);
  const gan_status status = gan_canvas_write(&canvas, path);
  gan_canvas_release(&canvas);
  return status;
}
