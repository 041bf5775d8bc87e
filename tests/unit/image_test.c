/* Reading images: PNG of every kind, written here by libpng; IDX; and damage. */
#include "data_support.h"

#include <png.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "data/image.h"
#include "data/image_files.h"

enum { HEIGHT = 13, WIDTH = 11 };

/* How a picture is stored. */
typedef struct png_kind {
  int colour_type, depth, interlace;
  bool transparent; /* by a colour or palette entry (tRNS) */
} png_kind;

static int channels_of(int colour_type) {
  switch (colour_type) {
    case PNG_COLOR_TYPE_RGB:
      return 3;
    case PNG_COLOR_TYPE_RGB_ALPHA:
      return 4;
    case PNG_COLOR_TYPE_GRAY_ALPHA:
      return 2;
    default:
      return 1;
  }
}

/* Sample value of channel c, of `depth` bits; all values of a byte occur in no order. */
static unsigned value_at(int y, int x, int c, int depth) {
  const unsigned byte = (unsigned)(y * 37 + x * 101 + c * 59 + y * x * 13) % 256;
  return depth == 16 ? byte << 8 | byte : byte >> (8 - depth);
}

static void put_value(uint8_t *line, int place, int depth, unsigned value) {
  if (depth == 16) {
    line[2 * place] = (uint8_t)(value >> 8);
    line[2 * place + 1] = (uint8_t)value;
  } else {
    const int per_byte = 8 / depth;
    line[place / per_byte] |= (uint8_t)(value << (8 - depth - place % per_byte * depth));
  }
}

static png_color palette_colour(unsigned i) {
  return (png_color){(png_byte)(i * 7), (png_byte)(255 - i), (png_byte)(i * 3 + 1)};
}

static void write_header(png_structp png, png_infop info, png_kind kind) {
  png_set_IHDR(png, info, WIDTH, HEIGHT, kind.depth, kind.colour_type, kind.interlace, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (kind.colour_type == PNG_COLOR_TYPE_PALETTE) {
    png_color palette[256];
    for (unsigned i = 0; i < 256; i++) palette[i] = palette_colour(i);
    png_set_PLTE(png, info, palette, 1 << kind.depth);
    if (kind.transparent) png_set_tRNS(png, info, (const png_byte[]){0, 100}, 2, NULL);
  } else if (kind.transparent) {
    png_color_16 colour = {.gray = (png_uint_16)value_at(0, 1, 0, kind.depth)};
    png_set_tRNS(png, info, NULL, 0, &colour);
  }
  png_write_info(png, info);
}

static const char *write_png(const char *name, png_kind kind) {
  const char *path = data_path(name);
  uint8_t lines[HEIGHT][WIDTH * 8] = {{0}};
  png_bytep rows[HEIGHT];
  const int channels = channels_of(kind.colour_type);
  FILE *file = fopen(path, "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  assert_non_null(file);
  for (int y = 0; y < HEIGHT; y++) {
    rows[y] = lines[y];
    for (int x = 0; x < WIDTH; x++)
      for (int c = 0; c < channels; c++)
        put_value(lines[y], x * channels + c, kind.depth, value_at(y, x, c, kind.depth));
  }
  png_init_io(png, file);
  write_header(png, info, kind);
  png_write_image(png, rows);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  fclose(file);
  return path;
}

/* What the pixel means, in 8 bits, by the PNG specification. */
static void expected_pixel(png_kind kind, int y, int x, uint8_t out[4]) {
  unsigned values[4];
  const unsigned most = (1u << kind.depth) - 1;
  for (int c = 0; c < 4; c++) values[c] = value_at(y, x, c, kind.depth);
  out[3] = 255;
  if (kind.colour_type == PNG_COLOR_TYPE_PALETTE) {
    const png_color colour = palette_colour(values[0]);
    out[0] = colour.red;
    out[1] = colour.green;
    out[2] = colour.blue;
    if (kind.transparent && values[0] < 2) out[3] = values[0] == 0 ? 0 : 100;
    return;
  }
  const bool colour = kind.colour_type & PNG_COLOR_MASK_COLOR;
  for (int c = 0; c < 3; c++) out[c] = (uint8_t)(values[colour ? c : 0] * 255 / most);
  if (kind.colour_type & PNG_COLOR_MASK_ALPHA) out[3] = (uint8_t)(values[colour ? 3 : 1] * 255 / most);
  if (kind.transparent && values[0] == value_at(0, 1, 0, kind.depth)) out[3] = 0;
}

static gan_status read_first(const char *path, gan_image_reader *reader, gan_image *image) {
  const gan_image_format *format;
  bool more = false;
  GAN_TRY(gan_image_format_of(path, &format));
  if (!format) return gan_fail(GAN_BAD_FILE, "%s: no format", path);
  GAN_TRY(gan_image_open(format, path, true, reader));
  const gan_status status = gan_image_next(reader, image, &more);
  if (status == GAN_OK) assert_true(more);
  if (status != GAN_OK) gan_image_close(reader);
  return status;
}

static void every_kind_of_png_is_read(void **state) {
  (void)state;
  static const int types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_PALETTE, PNG_COLOR_TYPE_RGB,
                              PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB_ALPHA};
  int kinds = 0;
  for (int type = 0; type < 5; type++)
    for (int depth = 1; depth <= 16; depth *= 2)
      for (int more = 0; more < 4; more++) {
        const png_kind kind = {types[type], depth, more & 1 ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, more & 2};
        if (type >= 2 && depth < 8) continue;
        if (type == 1 && depth > 8) continue;
        if (kind.transparent && type >= 2) continue;
        gan_image_reader reader;
        gan_image image;
        assert_int_equal(read_first(write_png("a.png", kind), &reader, &image), GAN_OK);
        assert_int_equal(image.height, HEIGHT);
        assert_int_equal(image.width, WIDTH);
        assert_int_equal(image.colour, (types[type] & PNG_COLOR_MASK_COLOR) != 0);
        assert_int_equal(image.label, -1);
        for (int y = 0; y < HEIGHT; y++)
          for (int x = 0; x < WIDTH; x++) {
            uint8_t expected[4];
            const uint8_t *pixel = image.pixels + (y * WIDTH + x) * 4;
            expected_pixel(kind, y, x, expected);
            assert_int_equal(pixel[3], expected[3]);
            /* What cannot be seen may be anything. */
            if (pixel[3] && memcmp(pixel, expected, 3) != 0)
              fail_msg("colour type %d, %d bits, interlace %d, pixel %d %d: %d %d %d instead of %d %d %d", types[type],
                       depth, kind.interlace, y, x, pixel[0], pixel[1], pixel[2], expected[0], expected[1],
                       expected[2]);
          }
        bool next = true;
        assert_int_equal(gan_image_next(&reader, &image, &next), GAN_OK);
        assert_false(next);
        gan_image_close(&reader);
        kinds++;
      }
  assert_int_equal(kinds, 20 + 16 + 3 * 4);
}

/* Whatever is cut off or changed: an image, or an error that names the file. */
static void expect_image_or_refusal(const char *path) {
  gan_image_reader reader;
  gan_image image;
  const gan_status status = read_first(path, &reader, &image);
  if (status == GAN_OK) {
    unsigned sum = 0; /* every pixel is there to be read */
    for (int64_t i = 0; i < image.height * image.width * 4; i++) sum += image.pixels[i];
    assert_true(sum < UINT32_MAX);
    gan_image_close(&reader);
    return;
  }
  assert_int_equal(status, GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), path));
}

static void a_png_that_is_cut_short_is_refused_by_name(void **state) {
  (void)state;
  size_t bytes;
  uint8_t *whole = data_read(write_png("a.png", (png_kind){PNG_COLOR_TYPE_RGB_ALPHA, 8, 0, false}), &bytes);
  for (size_t cut = 0; cut < bytes; cut++) {
    const char *path = data_write("cut.png", whole, cut);
    gan_image_reader reader;
    gan_image image;
    expect_image_or_refusal(path);
    assert_int_equal(read_first(path, &reader, &image), GAN_BAD_FILE);
  }
  free(whole);
}

static void a_png_with_a_changed_byte_is_read_or_refused_by_name(void **state) {
  (void)state;
  static const png_kind kinds[] = {{PNG_COLOR_TYPE_RGB, 8, 0, false}, {PNG_COLOR_TYPE_PALETTE, 4, 1, true}};
  for (int kind = 0; kind < 2; kind++) {
    size_t bytes;
    uint8_t *whole = data_read(write_png("a.png", kinds[kind]), &bytes);
    for (size_t i = 0; i < bytes; i++)
      for (int bit = 0; bit < 8; bit += 3) {
        whole[i] ^= (uint8_t)(1 << bit);
        expect_image_or_refusal(data_write("flipped.png", whole, bytes));
        whole[i] ^= (uint8_t)(1 << bit);
      }
    free(whole);
  }
}

/* A picture with another size in its header, and the header's checksum made to fit. */
static const char *write_claiming(uint32_t width, uint32_t height) {
  size_t bytes;
  uint8_t *whole = data_read(write_png("a.png", (png_kind){PNG_COLOR_TYPE_GRAY, 1, 0, false}), &bytes);
  for (int i = 0; i < 4; i++) {
    whole[16 + i] = (uint8_t)(width >> (24 - 8 * i));
    whole[20 + i] = (uint8_t)(height >> (24 - 8 * i));
  }
  const uint32_t sum = (uint32_t)crc32(0, whole + 12, 17);
  for (int i = 0; i < 4; i++) whole[29 + i] = (uint8_t)(sum >> (24 - 8 * i));
  const char *path = data_write("claim.png", whole, bytes);
  free(whole);
  return path;
}

static void a_claimed_size_is_checked_before_memory_is_taken(void **state) {
  (void)state;
  static const uint32_t sizes[][2] = {{65536, 65536}, {65537, 1}, {1, 65537}, {8000, 8000}, {0x7fffffff, 0x7fffffff}};
  for (int i = 0; i < 5; i++) {
    gan_image_reader reader;
    const gan_image_format *format;
    const char *path = write_claiming(sizes[i][0], sizes[i][1]);
    assert_int_equal(gan_image_format_of(path, &format), GAN_OK);
    assert_int_equal(gan_image_open(format, path, true, &reader), GAN_BAD_FILE);
    assert_non_null(strstr(gan_error_message(), path));
  }
}

static void formats_are_told_by_content_and_else_by_name(void **state) {
  (void)state;
  const gan_image_format *format;
  const png_kind kind = {PNG_COLOR_TYPE_GRAY, 8, 0, false};
  static const uint8_t idx[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9},
                       labels[] = {0, 0, 8, 1, 0, 0, 0, 1, 9};
  assert_int_equal(gan_image_format_of(write_png("picture", kind), &format), GAN_OK);
  assert_string_equal(format->name, "png");
  assert_int_equal(gan_image_format_of(data_write("x.PNG", "text", 4), &format), GAN_OK);
  assert_string_equal(format->name, "png");
  assert_int_equal(gan_image_format_of(data_write_gzip("some", idx, sizeof idx), &format), GAN_OK);
  assert_string_equal(format->name, "idx");
  assert_int_equal(gan_image_format_of(data_write("labels", labels, sizeof labels), &format), GAN_OK);
  assert_null(format);
  assert_int_equal(gan_image_format_of(data_write("empty", "", 0), &format), GAN_OK);
  assert_null(format);
  assert_int_equal(gan_image_format_of(data_write("broken.gz", "\x1f\x8b\xff\xff\xff", 5), &format), GAN_OK);
  assert_null(format);
  assert_int_equal(gan_image_format_of(data_path("nowhere"), &format), GAN_BAD_FILE);
}

/* 2 images of 3 channels, 1 x 2, and labels 7 and 3 in a compressed file beside them. */
static void idx_images_come_one_by_one_with_their_labels(void **state) {
  (void)state;
  static const uint8_t images[] = {0, 0, 8, 4, 0, 0, 0, 2, 0, 0, 0,  3,  0,  0,  0,  1,
                                   0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16};
  static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 3};
  static const uint8_t first[] = {1, 3, 5, 255, 2, 4, 6, 255}, second[] = {11, 13, 15, 255, 12, 14, 16, 255};
  const char *path = data_write("my-images-idx4-ubyte", images, sizeof images);
  data_write_gzip("my-labels-idx1-ubyte.gz", labels, sizeof labels);
  gan_image_reader reader;
  gan_image image;
  bool more;
  assert_int_equal(read_first(path, &reader, &image), GAN_OK);
  assert_int_equal(image.label, 7);
  assert_true(image.colour);
  assert_memory_equal(image.pixels, first, sizeof first);
  assert_int_equal(gan_image_next(&reader, &image, &more), GAN_OK);
  assert_int_equal(image.label, 3);
  assert_memory_equal(image.pixels, second, sizeof second);
  assert_int_equal(gan_image_next(&reader, &image, &more), GAN_OK);
  assert_false(more);
  gan_image_close(&reader);
}

static void labels_that_do_not_fit_the_images_are_refused(void **state) {
  (void)state;
  static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9};
  static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 3};
  gan_image_reader reader;
  gan_image image;
  const char *path = data_write("images-idx3", images, sizeof images);
  data_write("labels-idx1", labels, sizeof labels);
  assert_int_equal(read_first(path, &reader, &image), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "labels-idx1"));
}

static void an_idx_file_that_goes_on_or_ends_early_is_refused(void **state) {
  (void)state;
  static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 9, 8, 0};
  gan_image_reader reader;
  gan_image image;
  bool more;
  assert_int_equal(read_first(data_write("long", images, sizeof images), &reader, &image), GAN_OK);
  assert_int_equal(gan_image_next(&reader, &image, &more), GAN_OK);
  assert_int_equal(gan_image_next(&reader, &image, &more), GAN_BAD_FILE);
  gan_image_close(&reader);
  assert_int_equal(read_first(data_write("short", images, sizeof images - 2), &reader, &image), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "short"));
}

static void no_memory_is_reported_and_nothing_leaks(void **state) {
  (void)state;
  const char *path = write_png("a.png", (png_kind){PNG_COLOR_TYPE_RGB, 8, 0, false});
  int failures = 0;
  for (int nth = 1;; nth++, failures++) {
    gan_image_reader reader;
    gan_image image;
    gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    const gan_status status = read_first(path, &reader, &image);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (status == GAN_OK) {
      gan_image_close(&reader);
      break;
    }
    assert_int_equal(status, GAN_FAILED);
  }
  assert_true(failures >= 3);
}

/* Names in the order of their bytes, folder by folder; links are followed, but not in circles. */
static void files_come_in_the_order_of_their_names(void **state) {
  (void)state;
  const png_kind kind = {PNG_COLOR_TYPE_GRAY, 8, 0, false};
  static const char *const order[] = {"B.png", "a/1.png", "a/10.png", "a/2.png", "a/deep/0.png", "b.png", "c/z.png"};
  static const char *const folders[] = {"", "a", "a", "a", "a", "", "c"};
  mkdir(data_path("a"), 0700);
  mkdir(data_path("a/deep"), 0700);
  mkdir(data_path("empty"), 0700);
  mkdir(data_path(".hidden"), 0700);
  for (int i = 6; i >= 0; i--)
    if (order[i][0] != 'c') write_png(order[i], kind);
  write_png(".hidden/x.png", kind);
  write_png(".b.png", kind);
  write_png("a/deep/z.png", kind);
  rename(data_path("a/deep/z.png"), data_path("z.png"));
  assert_int_equal(mkdir(data_path("c"), 0700), 0);
  assert_int_equal(rename(data_path("z.png"), data_path("c/z.png")), 0);
  assert_int_equal(symlink("..", data_path("c/circle")), 0);
  assert_int_equal(symlink("nowhere", data_path("c/dangling")), 0);
  data_write("notes.txt", "hello", 5);
  gan_image_files *files;
  gan_image_file file;
  bool more;
  assert_int_equal(gan_image_files_open(data_folder, &files), GAN_OK);
  for (int i = 0; i < 7; i++) {
    assert_int_equal(gan_image_files_next(files, &file, &more), GAN_OK);
    assert_true(more);
    assert_string_equal(file.path, data_path(order[i]));
    assert_string_equal(file.folder, folders[i]);
  }
  assert_int_equal(gan_image_files_next(files, &file, &more), GAN_OK);
  assert_false(more);
  assert_int_equal(gan_image_files_ignored(files), 5); /* .b.png, .hidden, circle, dangling, notes.txt */
  gan_image_files_close(files);
}

static int remove_tree(void **state) {
  char command[128];
  (void)state;
  snprintf(command, sizeof command, "rm -rf '%s'", data_folder);
  return system(command);
}

#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, data_folder_make, remove_tree)

int main(void) {
  const struct CMUnitTest tests[] = {
      TREE_TEST(every_kind_of_png_is_read),
      TREE_TEST(a_png_that_is_cut_short_is_refused_by_name),
      TREE_TEST(a_png_with_a_changed_byte_is_read_or_refused_by_name),
      TREE_TEST(a_claimed_size_is_checked_before_memory_is_taken),
      TREE_TEST(formats_are_told_by_content_and_else_by_name),
      TREE_TEST(idx_images_come_one_by_one_with_their_labels),
      TREE_TEST(labels_that_do_not_fit_the_images_are_refused),
      TREE_TEST(an_idx_file_that_goes_on_or_ends_early_is_refused),
      TREE_TEST(no_memory_is_reported_and_nothing_leaks),
      TREE_TEST(files_come_in_the_order_of_their_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
