/* The table of image formats, and what all of them have in common. */
#include "data/image.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "data/byte_stream.h"
#include "data/image_formats.h"

/* To add a format: one file with its row, and a line here. */
const gan_image_format *const gan_image_formats[] = {&gan_image_png, &gan_image_idx};
const int gan_image_format_count = (int)(sizeof gan_image_formats / sizeof gan_image_formats[0]);

enum { START_BYTES = 16 };

static const gan_image_format *format_by_start(const uint8_t *start, size_t count, bool compressed) {
  for (int i = 0; i < gan_image_format_count && count > 0; i++)
    if ((gan_image_formats[i]->gzip || !compressed) && gan_image_formats[i]->begins(start, count))
      return gan_image_formats[i];
  return NULL;
}

static const gan_image_format *format_by_name(const char *path) {
  const size_t length = strlen(path);
  for (int i = 0; i < gan_image_format_count; i++) {
    const char *ending = gan_image_formats[i]->ending;
    if (ending && length > strlen(ending) && strcasecmp(path + length - strlen(ending), ending) == 0)
      return gan_image_formats[i];
  }
  return NULL;
}

gan_status gan_image_format_of(const char *path, const gan_image_format **format) {
  uint8_t start[START_BYTES];
  int64_t got = 0;
  gan_byte_stream *stream;
  GAN_TRY(gan_byte_stream_open(path, &stream));
  const bool compressed = gan_byte_stream_compressed(stream);
  /* A compressed file that cannot be decompressed is of no format that is known here. */
  const gan_status status = gan_byte_stream_read(stream, sizeof start, start, &got);
  gan_byte_stream_close(stream);
  *format = status == GAN_OK ? format_by_start(start, (size_t)got, compressed) : NULL;
  if (!*format) *format = format_by_name(path);
  return GAN_OK;
}

gan_status gan_image_open(const gan_image_format *format, const char *path, bool labels, gan_image_reader *reader) {
  *reader = (gan_image_reader){.format = format, .path = path};
  const gan_status status = format->open(reader, labels);
  if (status != GAN_OK) gan_image_close(reader);
  return status;
}

gan_status gan_image_next(gan_image_reader *reader, gan_image *image, bool *more) {
  *image = (gan_image){.label = -1};
  *more = false;
  return reader->format->next(reader, image, more);
}

void gan_image_close(gan_image_reader *reader) {
  reader->format->close(reader);
  reader->state = NULL;
}

gan_status gan_image_check_size(const char *path, int64_t height, int64_t width) {
  if (height >= 1 && width >= 1 && height <= GAN_IMAGE_SIDE_MAX && width <= GAN_IMAGE_SIDE_MAX &&
      height * width <= GAN_IMAGE_PIXELS_MAX)
    return GAN_OK;
  return gan_fail(GAN_BAD_FILE,
                  "%s: its header announces an image of %" PRId64 " x %" PRId64
                  " pixels (height x width); sides of 1 to %" PRId64 " pixels and images of at most %" PRId64
                  " can be read",
                  path, height, width, GAN_IMAGE_SIDE_MAX, GAN_IMAGE_PIXELS_MAX);
}
