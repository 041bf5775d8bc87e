/* Images in files of foreign formats, as a table.

   A format opens a file and hands out its images one by one, so that memory never holds more than one of them: a PNG
   file has one, an IDX file thousands. Files are hostile: what a header claims is checked against limits and against
   the file's size before memory is taken for it, and whatever is wrong with a file ends in GAN_BAD_FILE with its name.
 */
#ifndef GAN_DATA_IMAGE_H
#define GAN_DATA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Limits on what a file may claim: pixels of a side and of an image. */
#define GAN_IMAGE_SIDE_MAX ((int64_t)1 << 16)
#define GAN_IMAGE_PIXELS_MAX ((int64_t)1 << 26)

/* One decoded image. */
typedef struct gan_image {
  int64_t height, width;
  bool colour;           /* made to hold colours; red, green and blue are the same otherwise */
  int32_t label;         /* -1: the file says none */
  const uint8_t *pixels; /* (height, width, 4): red, green, blue in sRGB, opacity; not premultiplied; the reader's */
} gan_image;

typedef struct gan_image_reader gan_image_reader;

typedef struct gan_image_format {
  const char *name;
  const char *help;
  const char *ending; /* a file named so is meant to be of this format, whatever is in it; NULL: names say nothing */
  bool gzip;          /* may come compressed */
  /* Whether a file of this format may begin so; `count` is at least 1. */
  bool (*begins)(const uint8_t *start, size_t count);
  /* Opens reader->path and sets reader->state; `close` follows a failure. `labels`: they are wanted, where there are
     any. */
  gan_status (*open)(gan_image_reader *reader, bool labels);
  /* The next image, whose pixels stay valid until the next call; *more is false behind the last one. */
  gan_status (*next)(gan_image_reader *reader, gan_image *image, bool *more);
  /* Releases state, also one that is NULL or half made. */
  void (*close)(gan_image_reader *reader);
} gan_image_format;

struct gan_image_reader {
  const gan_image_format *format;
  const char *path; /* borrowed */
  void *state;      /* the format's own */
};

extern const gan_image_format *const gan_image_formats[];
extern const int gan_image_format_count;

/* The format of a file by its first bytes, else by its name; NULL when it is none of the table. GAN_BAD_FILE when the
   file is no regular file or cannot be opened. */
gan_status gan_image_format_of(const char *path, const gan_image_format **format) GAN_CHECKED;

/* `path` is borrowed until the reader is closed. After a failure there is nothing to close. */
gan_status gan_image_open(const gan_image_format *format, const char *path, bool labels,
                          gan_image_reader *reader) GAN_CHECKED;
gan_status gan_image_next(gan_image_reader *reader, gan_image *image, bool *more) GAN_CHECKED;
void gan_image_close(gan_image_reader *reader);

/* GAN_BAD_FILE unless both sides are at least 1 and within the limits. For formats to ask before they take memory. */
gan_status gan_image_check_size(const char *path, int64_t height, int64_t width) GAN_CHECKED;

#endif
