/* PNG pictures: as they come, and once more with checksums that hold, which hardly any change would get past. */
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/image.h"
#include "data/image_formats.h"
#include "fuzz/fuzz.h"

enum { SIDE = 9, SIGNATURE_BYTES = 8, FRAME_BYTES = 12 /* of a chunk: length, name, checksum */ };

const bool fuzz_passes_hdf5 = false;
const char *const fuzz_words[] = {"IHDR", "IDAT", "PLTE", "tRNS", "IEND", "gAMA", "iCCP", "tEXt", "zTXt", "acTL", NULL};

/* Every kind of pixels that PNG knows, plain and interlaced. */
static const struct {
  int colour, bits;
} kinds[] = {
    {PNG_COLOR_TYPE_GRAY, 1},    {PNG_COLOR_TYPE_GRAY, 4},       {PNG_COLOR_TYPE_GRAY, 8},
    {PNG_COLOR_TYPE_GRAY, 16},   {PNG_COLOR_TYPE_GRAY_ALPHA, 8}, {PNG_COLOR_TYPE_GRAY_ALPHA, 16},
    {PNG_COLOR_TYPE_PALETTE, 2}, {PNG_COLOR_TYPE_PALETTE, 8},    {PNG_COLOR_TYPE_RGB, 8},
    {PNG_COLOR_TYPE_RGB, 16},    {PNG_COLOR_TYPE_RGB_ALPHA, 8},  {PNG_COLOR_TYPE_RGB_ALPHA, 16},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct output {
  uint8_t *data;
  size_t size;
} output;

static void append(png_structp png, png_bytep bytes, size_t count) {
  output *to = png_get_io_ptr(png);
  fuzz_require(count <= FUZZ_INPUT_MOST - to->size, "room for a picture");
  memcpy(to->data + to->size, bytes, count);
  to->size += count;
}

static void flush_nothing(png_structp png) { (void)png; }

/* An error of libpng would end the process, which is right for a seed. */
size_t fuzz_seed(int index, uint8_t *data) {
  if (index >= 2 * KINDS) return 0;
  output to = {data, 0};
  const int colour = kinds[index / 2].colour, bits = kinds[index / 2].bits;
  uint8_t pixels[SIDE][SIDE * 8];
  png_bytep rows[SIDE];
  png_color palette[4] = {{0, 0, 0}, {255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
  png_byte opacity[2] = {0, 128};
  for (int y = 0; y < SIDE; y++) {
    rows[y] = pixels[y];
    for (int x = 0; x < SIDE * 8; x++)
      pixels[y][x] = (uint8_t)(colour == PNG_COLOR_TYPE_PALETTE ? x % 4 : 31 * x + 7 * y);
  }
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &to, append, flush_nothing);
  png_set_IHDR(png, info, SIDE, SIDE, bits, colour, index % 2 ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 4);
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_tRNS(png, info, opacity, 2, NULL);
  if (index % 2) png_set_gAMA(png, info, 0.45455);
  png_write_info(png, info);
  png_set_interlace_handling(png);
  png_write_image(png, rows);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return to.size;
}

static uint32_t read_number(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Of each chunk that is all there. */
static void mend_checksums(uint8_t *data, size_t size) {
  for (size_t place = SIGNATURE_BYTES; place + FRAME_BYTES <= size;) {
    const size_t length = read_number(data + place);
    if (length > size - place - FRAME_BYTES) return;
    const uint32_t sum = (uint32_t)crc32(0, data + place + 4, (uInt)length + 4);
    for (size_t i = 0; i < 4; i++) data[place + 8 + length + i] = (uint8_t)(sum >> (24 - 8 * i));
    place += FRAME_BYTES + length;
  }
}

static void check_picture(const char *path) {
  const gan_image_format *format = NULL;
  gan_image_reader reader;
  gan_image image;
  bool more = false;
  /* Of which format it is, is asked, too; read it is as PNG in any case. */
  (void)fuzz_accepted(gan_image_format_of(path, &format), GAN_BAD_FILE);
  if (!fuzz_accepted(gan_image_open(&gan_image_png, path, false, &reader), GAN_BAD_FILE)) return;
  if (fuzz_accepted(gan_image_next(&reader, &image, &more), GAN_BAD_FILE)) {
    unsigned sum = 0; /* every pixel is there to be read */
    for (int64_t i = 0; i < 4 * image.height * image.width; i++) sum += image.pixels[i];
    fuzz_require(more && sum <= 255u * 4u * (unsigned)(image.height * image.width), "a picture");
    (void)fuzz_accepted(gan_image_next(&reader, &image, &more), GAN_BAD_FILE);
    fuzz_reached_the_end();
  }
  gan_image_close(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size + 1);
  fuzz_require(copy != NULL, "memory");
  memcpy(copy, data, size);
  check_picture(fuzz_file(data, size));
  mend_checksums(copy, size);
  check_picture(fuzz_file(copy, size));
  free(copy);
  return 0;
}
