/* IDX files, plain and gzip: as data to train on, as labels, as weights, and as pictures to convert. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "data/image.h"
#include "data/source.h"
#include "fuzz/fuzz.h"

const bool fuzz_passes_hdf5 = false;
const char *const fuzz_words[] = {NULL};

static const uint8_t images[] = {0, 0, 8, 3, 0, 0,  0,  4,  0,  0,  0,  2,  0,  0,  0,  3,  1,  2,  3,  4,
                                 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
static const uint8_t colours[] = {0, 0, 8, 4, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0,  0,  1,
                                  0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const uint8_t pixels[] = {0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0,
                                 2, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 4, 3, 1, 0, 9};
/* Of float32 and float64: 1, 0.5, 0, 2. */
static const uint8_t weights[] = {0, 0, 13, 1, 0, 0, 0, 4, 0x3f, 0x80, 0, 0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0};
static const uint8_t long_weights[] = {0, 0, 14, 1, 0, 0, 0, 4, 0x3f, 0xf0, 0, 0, 0,    0, 0, 0, 0x3f, 0xe0, 0, 0,
                                       0, 0, 0,  0, 0, 0, 0, 0, 0,    0,    0, 0, 0x40, 0, 0, 0, 0,    0,    0, 0};

static size_t compress_to(uint8_t *data, const uint8_t *bytes, size_t count) {
  z_stream stream = {0};
  fuzz_require(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib");
  stream.next_in = (Bytef *)bytes;
  stream.avail_in = (uInt)count;
  stream.next_out = data;
  stream.avail_out = FUZZ_INPUT_MOST;
  fuzz_require(deflate(&stream, Z_FINISH) == Z_STREAM_END, "a seed that can be compressed");
  const size_t size = stream.total_out;
  deflateEnd(&stream);
  return size;
}

size_t fuzz_seed(int index, uint8_t *data) {
  static const struct {
    const uint8_t *bytes;
    size_t count;
  } plain[] = {{images, sizeof images}, {colours, sizeof colours}, {pixels, sizeof pixels},
               {labels, sizeof labels}, {weights, sizeof weights}, {long_weights, sizeof long_weights}};
  const int count = (int)(sizeof plain / sizeof *plain);
  if (index >= 2 * count) return 0;
  if (index >= count) return compress_to(data, plain[index - count].bytes, plain[index - count].count);
  memcpy(data, plain[index].bytes, plain[index].count);
  return plain[index].count;
}

static void check_source(const char *path, const char *label_path, const char *weight_path) {
  const gan_data_options options = {.source = "idx", .path = path, .labels = label_path, .weights = weight_path};
  gan_source *source = NULL;
  if (!fuzz_accepted(gan_source_open(&options, 1, NULL, &source), GAN_BAD_FILE)) return;
  static float sample[FUZZ_INPUT_MOST * 16];
  int32_t label;
  const int64_t last = source->count - 1;
  for (int64_t i = 0; source->weights && i <= last; i++)
    fuzz_require(isfinite(source->weights[i]) && source->weights[i] >= 0, "weights that can be used");
  if (gan_shape_count(&source->shape) <= (int64_t)(sizeof sample / sizeof *sample))
    fuzz_require(gan_source_read(source, &last, 1, sample, &label) == GAN_OK, "the last sample of what was taken");
  gan_source_close(source);
  fuzz_reached_the_end();
}

/* Images that the labels are to be of. */
static const char *good_images(void) {
  static char path[64];
  if (path[0]) return path;
  const int file = memfd_create("images", MFD_CLOEXEC);
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  fuzz_require(file >= 0 && write(file, images, sizeof images) == (ssize_t)sizeof images, "a file in memory");
  return path;
}

static void check_pictures(const char *path) {
  const gan_image_format *format = NULL;
  gan_image_reader reader;
  gan_image image;
  if (!fuzz_accepted(gan_image_format_of(path, &format), GAN_BAD_FILE) || !format ||
      !fuzz_accepted(gan_image_open(format, path, true, &reader), GAN_BAD_FILE))
    return;
  bool more = true;
  for (int i = 0; i < 100 && more; i++)
    if (!fuzz_accepted(gan_image_next(&reader, &image, &more), GAN_BAD_FILE)) break;
  gan_image_close(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *path = fuzz_file(data, size);
  check_source(path, "none", "");
  check_source(good_images(), path, "");
  check_source(good_images(), "none", path);
  check_pictures(path);
  return 0;
}
