/* Pixels, and PNG files that are whole or absent.

   The PNG is made in memory first, so that a full disk is met by the writes of output.h and not inside libpng. */
#include "store/picture_canvas.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/output.h"

enum { CHANNELS = 3, SIDE_LIMIT = 30000 };

gan_status gan_canvas_create(int64_t width, int64_t height, gan_colour colour, gan_canvas *canvas) {
  *canvas = (gan_canvas){0};
  if (width < 1 || height < 1 || width > SIDE_LIMIT || height > SIDE_LIMIT)
    return gan_fail(GAN_BAD_USAGE, "a picture of %lld x %lld pixels cannot be drawn (limit %d); ask for fewer samples",
                    (long long)width, (long long)height, SIDE_LIMIT);
  GAN_TRY(gan_allocate((size_t)(width * height), CHANNELS, "a picture", &canvas->pixels));
  canvas->width = (int)width;
  canvas->height = (int)height;
  gan_canvas_rectangle(canvas, 0, 0, canvas->width, canvas->height, colour);
  return GAN_OK;
}

void gan_canvas_release(gan_canvas *canvas) {
  free(canvas->pixels);
  *canvas = (gan_canvas){0};
}

static uint8_t *pixel_at(gan_canvas *canvas, int x, int y) {
  return canvas->pixels + ((size_t)y * (size_t)canvas->width + (size_t)x) * CHANNELS;
}

void gan_canvas_rectangle(gan_canvas *canvas, int x, int y, int width, int height, gan_colour colour) {
  const int left = x < 0 ? 0 : x, right = x + width < canvas->width ? x + width : canvas->width;
  const int top = y < 0 ? 0 : y, bottom = y + height < canvas->height ? y + height : canvas->height;
  for (int row = top; row < bottom; row++)
    for (int column = left; column < right; column++) {
      uint8_t *pixel = pixel_at(canvas, column, row);
      pixel[0] = colour.red;
      pixel[1] = colour.green;
      pixel[2] = colour.blue;
    }
}

static uint8_t mix(uint8_t below, uint8_t above, double share) {
  return (uint8_t)lrint((1.0 - share) * below + share * above);
}

/* Mixes the colour into what is there. */
static void tint(gan_canvas *canvas, int x, int y, gan_colour colour, double share) {
  if (share <= 0.0) return;
  uint8_t *pixel = pixel_at(canvas, x, y);
  pixel[0] = mix(pixel[0], colour.red, share);
  pixel[1] = mix(pixel[1], colour.green, share);
  pixel[2] = mix(pixel[2], colour.blue, share);
}

/* The share of a pixel that is covered, near enough, by what ends `radius` away from a place `distance` away: 1 inside,
   falling to 0 over one pixel at the edge. */
static double covered(double radius, double distance) { return fmin(1.0, fmax(0.0, radius + 0.5 - distance)); }

void gan_canvas_disc(gan_canvas *canvas, double x, double y, double radius, gan_colour colour, double opacity) {
  const double reach = radius + 1.0;
  if (!(x > -reach && x < canvas->width + reach && y > -reach && y < canvas->height + reach)) return;
  const int left = (int)fmax(0.0, floor(x - reach)), right = (int)fmin(canvas->width - 1.0, ceil(x + reach));
  const int top = (int)fmax(0.0, floor(y - reach)), bottom = (int)fmin(canvas->height - 1.0, ceil(y + reach));
  for (int row = top; row <= bottom; row++)
    for (int column = left; column <= right; column++)
      tint(canvas, column, row, colour, opacity * covered(radius, hypot(column + 0.5 - x, row + 0.5 - y)));
}

void gan_canvas_line(gan_canvas *canvas, double x0, double y0, double x1, double y1, double radius, gan_colour colour) {
  const double reach = radius + 1.0, dx = x1 - x0, dy = y1 - y0, length2 = dx * dx + dy * dy;
  const int left = (int)fmax(0.0, floor(fmin(x0, x1) - reach));
  const int right = (int)fmin(canvas->width - 1.0, ceil(fmax(x0, x1) + reach));
  const int top = (int)fmax(0.0, floor(fmin(y0, y1) - reach));
  const int bottom = (int)fmin(canvas->height - 1.0, ceil(fmax(y0, y1) + reach));
  for (int row = top; row <= bottom; row++)
    for (int column = left; column <= right; column++) {
      const double x = column + 0.5 - x0, y = row + 0.5 - y0;
      const double along = length2 > 0.0 ? fmin(1.0, fmax(0.0, (x * dx + y * dy) / length2)) : 0.0;
      tint(canvas, column, row, colour, covered(radius, hypot(x - along * dx, y - along * dy)));
    }
}

static gan_status write_partial(const char *partial, const char *path, const uint8_t *bytes, size_t count) {
  const int descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return gan_fail_write(path, errno);
  int error = gan_write_at(descriptor, bytes, count, 0);
  if (close(descriptor) != 0 && !error) error = errno;
  if (error) return gan_fail_write(path, error);
  return gan_partial_sync(partial, path);
}

static gan_status write_file(const char *path, const uint8_t *bytes, size_t count) {
  char partial[PATH_MAX];
  GAN_TRY(gan_partial_path(path, partial));
  gan_status status = write_partial(partial, path, bytes, count);
  if (status == GAN_OK) status = gan_partial_commit(partial, path);
  if (status != GAN_OK) unlink(partial);
  return status;
}

gan_status gan_canvas_write(const gan_canvas *canvas, const char *path) {
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)canvas->width,
                     .height = (png_uint_32)canvas->height,
                     .format = PNG_FORMAT_RGB};
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
  uint8_t *file = NULL;
  GAN_TRY(gan_allocate(bytes, 1, "a PNG file", &file));
  gan_status status;
  if (png_image_write_to_memory(&image, file, &bytes, 0, canvas->pixels, 0, NULL))
    status = write_file(path, file, bytes);
  else
    status = gan_fail(GAN_FAILED, "%s: libpng cannot make the picture: %s", path, image.message);
  png_image_free(&image);
  free(file);
  return status;
}
