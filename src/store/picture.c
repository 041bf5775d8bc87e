/* Grids of image samples. Scatter plots: picture_scatter.c. */
#include "store/picture.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"
#include "store/picture_canvas.h"
#include "store/picture_volume.h"

enum { TILE_PIXELS = 48 }; /* a tile's longer side is at least this, so that 8 x 8 images can be seen */

/* Grey between tiles: apart from the black and white that backgrounds of image sets mostly have. */
static const gan_colour space_colour = {72, 76, 84};
/* A value that is not a number: no image has this colour by chance all over. */
static const gan_colour invalid_colour = {255, 0, 255};

gan_picture_kind gan_picture_kind_of(const gan_shape *shape) {
  if (shape->rank == 1 && shape->size[0] == 2) return GAN_PICTURE_SCATTER;
  bool drawable = (shape->rank == 3 || shape->rank == 4) && (shape->size[0] == 1 || shape->size[0] == 3);
  for (int i = 1; i < shape->rank; i++) drawable = drawable && shape->size[i] > 0;
  return drawable ? GAN_PICTURE_GRID : GAN_PICTURE_NONE;
}

typedef struct grid_plan {
  int64_t channels, height, width; /* of a sample's image; of a volume's views together */
  int64_t fold;                    /* rows of the first view; the height: there is only one */
  int64_t columns, rows;
  int64_t scale, space;
  int64_t across, down; /* from one tile to the next, pixels */
  int64_t tile_space;   /* of `down`, below a tile: twice as wide as between the views of a volume */
} grid_plan;

/* Columns for a picture about as wide as high. */
static int64_t near_square(int64_t n, int64_t height, int64_t width) {
  const double columns = ceil(sqrt((double)n * (double)height / (double)width) - 1e-9);
  return columns < 1.0 ? 1 : columns < (double)n ? (int64_t)columns : n;
}

static bool is_volume(const gan_shape *shape) { return shape->rank == 4; }

static grid_plan plan_grid(const gan_shape *shape, int64_t n, int columns) {
  const gan_shape image = is_volume(shape) ? gan_volume_views_shape(shape) : *shape;
  grid_plan plan = {.channels = image.size[0], .height = image.size[1], .width = image.size[2]};
  plan.fold = is_volume(shape) ? shape->size[2] : plan.height;
  plan.columns = columns == 0 ? near_square(n, plan.height, plan.width) : columns < n ? columns : n;
  plan.rows = (n + plan.columns - 1) / plan.columns;
  int64_t longest = 1;
  for (int i = 1; i < shape->rank; i++)
    if (shape->size[i] > longest) longest = shape->size[i];
  plan.scale = (TILE_PIXELS + longest - 1) / longest;
  plan.space = plan.scale > 1 ? 2 : 1;
  plan.across = plan.width * plan.scale + plan.space;
  plan.tile_space = plan.space * (is_volume(shape) ? 2 : 1);
  plan.down = plan.height * plan.scale + plan.tile_space + (is_volume(shape) ? plan.space : 0);
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

/* Where a row of a sample's image begins; between two views is space as between tiles. */
static int64_t row_top(const grid_plan *grid, int64_t y) {
  return y * grid->scale + (y >= grid->fold ? grid->space : 0);
}

static void draw_image(gan_canvas *canvas, const grid_plan *grid, const float *image, int64_t left, int64_t top) {
  const int scale = (int)grid->scale;
  for (int64_t y = 0; y < grid->height; y++)
    for (int64_t x = 0; x < grid->width; x++)
      gan_canvas_rectangle(canvas, (int)(left + x * scale), (int)(top + row_top(grid, y)), scale, scale,
                           colour_of(grid, image, y * grid->width + x));
}

/* `views` holds the views of a volume while they are drawn; NULL for images. */
static void draw_samples(gan_canvas *canvas, const grid_plan *grid, const gan_shape *shape, int64_t n,
                         const float *samples, float *views) {
  for (int64_t i = 0; i < n; i++) {
    const float *image = samples + i * gan_shape_count(shape);
    if (views) {
      gan_volume_views(shape, image, views);
      image = views;
    }
    draw_image(canvas, grid, image, i % grid->columns * grid->across, i / grid->columns * grid->down);
  }
}

gan_status gan_picture_grid(const char *path, const gan_shape *shape, int64_t n, const float *samples, int columns) {
  char text[GAN_SHAPE_TEXT];
  if (gan_picture_kind_of(shape) != GAN_PICTURE_GRID)
    return gan_fail(
        GAN_BAD_USAGE,
        "samples of shape %s cannot be drawn as images; (1, H, W), (3, H, W), (1, D, H, W) and (3, D, H, W) can",
        gan_shape_print(shape, text));
  if (n < 1 || columns < 0)
    return gan_fail(GAN_BAD_USAGE, "a picture needs at least one sample and no negative number of columns");
  const grid_plan grid = plan_grid(shape, n, columns);
  gan_canvas canvas;
  float *views = NULL;
  GAN_TRY(gan_canvas_create(grid.columns * grid.across - grid.space, grid.rows * grid.down - grid.tile_space,
                            space_colour, &canvas));
  gan_status status = GAN_OK;
  if (is_volume(shape))
    status =
        gan_allocate((size_t)(grid.channels * grid.height * grid.width), sizeof *views, "views of a volume", &views);
  if (status == GAN_OK) {
    draw_samples(&canvas, &grid, shape, n, samples, views);
    status = gan_canvas_write(&canvas, path);
  }
  free(views);
  gan_canvas_release(&canvas);
  return status;
}
