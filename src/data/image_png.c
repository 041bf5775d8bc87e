/* PNG by libpng's simplified interface, which turns every kind of PNG (palettes, 1 to 16 bits, interlaced, transparent
   by a colour, with a gamma of its own) into 8-bit sRGB with opacity. Of an animation it is the still picture. */
#include <errno.h>
#include <inttypes.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/image_formats.h"
#include "data/source_types.h"

enum { SIGNATURE_BYTES = 8 };
/* The best that deflate can do (zlib's technical notes, "maximum compression factor"). */
static const int64_t DEFLATE_RATIO_MAX = 1032;

typedef struct png_state {
  FILE *file;
  png_image decoder;
  bool colour, done;
  uint8_t *pixels;
} png_state;

static bool begins_png(const uint8_t *start, size_t count) {
  return count >= SIGNATURE_BYTES && png_sig_cmp(start, 0, SIGNATURE_BYTES) == 0;
}

static gan_status fail_damaged(const gan_image_reader *reader, const png_state *state) {
  return gan_fail(GAN_BAD_FILE, "%s cannot be read as a PNG picture: %s", reader->path, state->decoder.message);
}

/* Lines of one bit a pixel are the smallest there are, each with a byte in front. */
static gan_status check_claim(const gan_image_reader *reader, int64_t file_bytes, int64_t height, int64_t width) {
  GAN_TRY(gan_image_check_size(reader->path, height, width));
  if (height * ((width + 7) / 8 + 1) / DEFLATE_RATIO_MAX <= file_bytes) return GAN_OK;
  return gan_fail(GAN_BAD_FILE,
                  "%s: its header announces an image of %" PRId64 " x %" PRId64 " pixels, more than a file of %" PRId64
                  " bytes holds",
                  reader->path, height, width, file_bytes);
}

static gan_status open_png(gan_image_reader *reader, bool labels) {
  (void)labels;
  png_state *state;
  int64_t file_bytes;
  GAN_TRY(gan_check_regular_file(reader->path, &file_bytes));
  GAN_TRY(gan_allocate(1, sizeof *state, "reading a picture", &state));
  reader->state = state;
  state->file = fopen(reader->path, "rb");
  if (!state->file) return gan_fail(GAN_BAD_FILE, "cannot open %s: %s", reader->path, strerror(errno));
  state->decoder.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_stdio(&state->decoder, state->file)) return fail_damaged(reader, state);
  state->colour = (state->decoder.format & PNG_FORMAT_FLAG_COLOR) != 0;
  return check_claim(reader, file_bytes, state->decoder.height, state->decoder.width);
}

static gan_status next_png(gan_image_reader *reader, gan_image *image, bool *more) {
  png_state *state = reader->state;
  png_image *decoder = &state->decoder;
  if (state->done) return GAN_OK;
  state->done = true;
  decoder->format = PNG_FORMAT_RGBA;
  /* 16 bits are sRGB as 8 bits are, and not linear, unless the file says so. */
  decoder->flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  GAN_TRY(gan_allocate(PNG_IMAGE_SIZE(*decoder), 1, "a picture", &state->pixels));
  if (!png_image_finish_read(decoder, NULL, state->pixels, 0, NULL)) return fail_damaged(reader, state);
  *image = (gan_image){.height = decoder->height,
                       .width = decoder->width,
                       .colour = state->colour,
                       .label = -1,
                       .pixels = state->pixels};
  *more = true;
  return GAN_OK;
}

static void close_png(gan_image_reader *reader) {
  png_state *state = reader->state;
  if (!state) return;
  png_image_free(&state->decoder);
  if (state->file) fclose(state->file);
  free(state->pixels);
  free(state);
}

const gan_image_format gan_image_png = {
    .name = "png",
    .help = "PNG pictures of every kind",
    .ending = ".png",
    .begins = begins_png,
    .open = open_png,
    .next = next_png,
    .close = close_png,
};
