/* PNG by libpng, which turns every kind of it (palettes, 1 to 16 bits, interlaced, transparent by a colour) into 8 bits
   of red, green, blue and opacity. Values are taken as they are stored, whatever gamma or profile the file names, as
   Pillow does. Of an animation it is the still picture.

   libpng reports errors by longjmp: the functions that call it begin with setjmp and keep nothing in local variables
   that an error would lose. (Its simplified interface needs none of this, but reads interlaced 16-bit grey wrongly, as
   of 1.6.39.) */
#include <errno.h>
#include <inttypes.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/image_formats.h"
#include "data/source_types.h"

enum { SIGNATURE_BYTES = 8, CHANNELS = 4 };
/* The best that deflate can do (zlib's technical notes, "maximum compression factor"). */
static const int64_t DEFLATE_RATIO_MAX = 1032;

typedef struct png_state {
  FILE *file;
  png_structp png;
  png_infop info;
  int64_t height, width;
  int64_t line_bytes; /* as stored, before they are compressed */
  bool colour, done;
  uint8_t *pixels; /* (height, width, 4) */
  png_bytep *rows; /* (height) into pixels */
  char message[128];
} png_state;

static bool begins_png(const uint8_t *start, size_t count) {
  return count >= SIGNATURE_BYTES && png_sig_cmp(start, 0, SIGNATURE_BYTES) == 0;
}

static void on_error(png_structp png, png_const_charp message) {
  png_state *state = png_get_error_ptr(png);
  snprintf(state->message, sizeof state->message, "%s", message);
  png_longjmp(png, 1);
}

/* Oddities that do not keep the picture from being read. */
static void on_warning(png_structp png, png_const_charp message) { (void)png, (void)message; }

static gan_status fail_damaged(const gan_image_reader *reader, const png_state *state) {
  return gan_fail(GAN_BAD_FILE, "%s cannot be read as a PNG picture: %s", reader->path, state->message);
}

/* Everything in front of the pixels. */
static bool read_header(png_state *state) {
  if (setjmp(png_jmpbuf(state->png))) return false;
  png_init_io(state->png, state->file);
  png_read_info(state->png, state->info);
  state->height = png_get_image_height(state->png, state->info);
  state->width = png_get_image_width(state->png, state->info);
  state->line_bytes = (int64_t)png_get_rowbytes(state->png, state->info);
  state->colour = (png_get_color_type(state->png, state->info) & PNG_COLOR_MASK_COLOR) != 0;
  return true;
}

/* The pixels, and everything behind them. */
static bool read_pixels(png_state *state) {
  if (setjmp(png_jmpbuf(state->png))) return false;
  png_set_expand(state->png);
  png_set_scale_16(state->png);
  png_set_gray_to_rgb(state->png);
  png_set_add_alpha(state->png, UINT8_MAX, PNG_FILLER_AFTER);
  png_set_interlace_handling(state->png);
  png_read_update_info(state->png, state->info);
  if (png_get_rowbytes(state->png, state->info) != (size_t)state->width * CHANNELS)
    png_error(state->png, "it is of an unknown kind");
  png_read_image(state->png, state->rows);
  png_read_end(state->png, NULL);
  return true;
}

/* Each stored line has a byte in front that names its filter. */
static gan_status check_claim(const gan_image_reader *reader, const png_state *state, int64_t file_bytes) {
  GAN_TRY(gan_image_check_size(reader->path, state->height, state->width));
  if (state->height * (state->line_bytes + 1) / DEFLATE_RATIO_MAX <= file_bytes) return GAN_OK;
  return gan_fail(GAN_BAD_FILE,
                  "%s: its header announces an image of %" PRId64 " x %" PRId64 " pixels, more than a file of %" PRId64
                  " bytes holds",
                  reader->path, state->height, state->width, file_bytes);
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
  state->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, state, on_error, on_warning);
  if (state->png) state->info = png_create_info_struct(state->png);
  if (!state->info) return gan_fail(GAN_FAILED, "out of memory: reading %s", reader->path);
  if (!read_header(state)) return fail_damaged(reader, state);
  return check_claim(reader, state, file_bytes);
}

static gan_status next_png(gan_image_reader *reader, gan_image *image, bool *more) {
  png_state *state = reader->state;
  if (state->done) return GAN_OK;
  state->done = true;
  const size_t row_bytes = (size_t)state->width * CHANNELS;
  GAN_TRY(gan_allocate((size_t)state->height, row_bytes, "a picture", &state->pixels));
  GAN_TRY(gan_allocate((size_t)state->height, sizeof *state->rows, "a picture", &state->rows));
  for (int64_t y = 0; y < state->height; y++) state->rows[y] = state->pixels + (size_t)y * row_bytes;
  if (!read_pixels(state)) return fail_damaged(reader, state);
  *image = (gan_image){
      .height = state->height, .width = state->width, .colour = state->colour, .label = -1, .pixels = state->pixels};
  *more = true;
  return GAN_OK;
}

static void close_png(gan_image_reader *reader) {
  png_state *state = reader->state;
  if (!state) return;
  png_destroy_read_struct(&state->png, &state->info, NULL);
  if (state->file) fclose(state->file);
  free(state->pixels);
  free(state->rows);
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
