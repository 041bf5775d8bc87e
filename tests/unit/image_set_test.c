/* Sets of images are read back as training reads them; a failing disk leaves nothing behind. */
#include "store_support.h"

#include <hdf5.h>

#include "data/source.h"
#include "store/image_set.h"

static uint8_t pixel_of(int64_t image, int64_t place) { return (uint8_t)(image * 31 + place * 7); }

/* `count` images of a shape, with labels image % 5 * 100 when asked for. */
static gan_status write_set(const char *path, gan_shape shape, int64_t count, bool labels) {
  gan_image_set *set;
  uint8_t pixels[3 * 64 * 64];
  const int64_t elements = gan_shape_count(&shape);
  GAN_TRY(gan_image_set_create(path, &shape, labels, &set));
  for (int64_t i = 0; i < count; i++) {
    for (int64_t k = 0; k < elements; k++) pixels[k] = pixel_of(i, k);
    const gan_status status = gan_image_set_add(set, pixels, (int32_t)(i % 5 * 100));
    if (status != GAN_OK) {
      gan_image_set_discard(set);
      return status;
    }
  }
  return gan_image_set_finish(set, "as a test does", labels ? "one\ntwo" : NULL);
}

static void check_set(const char *path, gan_shape shape, int64_t count, bool labels) {
  const gan_data_options options = {.source = "hdf5", .path = path};
  gan_source *source;
  float values[3 * 64 * 64];
  int32_t label = -1;
  assert_int_equal(gan_source_open(&options, 1, NULL, &source), GAN_OK);
  assert_int_equal(source->count, count);
  assert_memory_equal(&source->shape, &shape, sizeof shape);
  assert_int_equal(source->label_count, labels ? (count < 5 ? (count - 1) * 100 + 1 : 401) : 0);
  for (int64_t i = count - 1; i >= 0; i -= 1 + count / 50) {
    assert_int_equal(gan_source_read(source, &i, 1, values, &label), GAN_OK);
    for (int64_t k = 0; k < gan_shape_count(&shape); k++) assert_true(values[k] == (float)(pixel_of(i, k) / 127.5 - 1));
    assert_int_equal(label, labels ? i % 5 * 100 : -1);
  }
  gan_source_close(source);
}

/* From one image to several chunks of images and of labels, whole and begun. */
static void images_are_read_back_as_they_were_written(void **state) {
  (void)state;
  char path[PATH_MAX];
  static const int64_t counts[] = {1, 4, 5, 20, 21, 5000};
  for (int i = 0; i < 6; i++)
    for (int labels = 0; labels < 2; labels++) {
      const gan_shape small = {.rank = 3, .size = {1, 28, 28}}, odd = {.rank = 3, .size = {3, 5, 7}};
      assert_int_equal(write_set(in_folder("set.h5", path), small, counts[i], labels), GAN_OK);
      check_set(path, small, counts[i], labels);
      assert_int_equal(write_set(path, odd, counts[i], labels), GAN_OK);
      check_set(path, odd, counts[i], labels);
    }
  const gan_shape large = {.rank = 3, .size = {3, 64, 64}};
  assert_int_equal(write_set(path, large, 60, true), GAN_OK);
  check_set(path, large, 60, true);
  assert_int_equal(count_files("partial"), 0);
}

/* Small chunks, so that one image costs about its own bytes to read; checksums. */
static void chunks_are_about_the_size_of_an_image_and_have_checksums(void **state) {
  (void)state;
  char path[PATH_MAX];
  static const gan_shape shapes[] = {{.rank = 3, .size = {3, 64, 64}}, {.rank = 3, .size = {1, 28, 28}}};
  static const hsize_t rows[] = {1, 20};
  for (int i = 0; i < 2; i++) {
    assert_int_equal(write_set(in_folder("set.h5", path), shapes[i], 30, true), GAN_OK);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t images = H5Dopen2(file, "images", H5P_DEFAULT), creation = H5Dget_create_plist(images);
    hsize_t chunk[4] = {0};
    assert_int_equal(H5Pget_chunk(creation, 4, chunk), 4);
    assert_int_equal(chunk[0], rows[i]);
    assert_int_equal(chunk[2], shapes[i].size[1]);
    assert_int_equal(H5Pget_nfilters(creation), 1);
    assert_int_equal(H5Pget_filter2(creation, 0, NULL, NULL, NULL, 0, NULL, NULL), H5Z_FILTER_FLETCHER32);
    H5Pclose(creation);
    H5Dclose(images);
    H5Fclose(file);
  }
}

static void equal_images_make_equal_bytes(void **state) {
  (void)state;
  char first[PATH_MAX], second[PATH_MAX];
  size_t first_size, second_size;
  const gan_shape shape = {.rank = 3, .size = {1, 9, 9}};
  assert_int_equal(write_set(in_folder("a.h5", first), shape, 300, true), GAN_OK);
  assert_int_equal(write_set(in_folder("b.h5", second), shape, 300, true), GAN_OK);
  char *a = read_bytes(first, &first_size), *b = read_bytes(second, &second_size);
  assert_int_equal(first_size, second_size);
  assert_memory_equal(a, b, first_size);
  free(a);
  free(b);
}

static void a_discarded_set_leaves_the_file_before(void **state) {
  (void)state;
  char path[PATH_MAX];
  const gan_shape shape = {.rank = 3, .size = {1, 2, 2}};
  gan_image_set *set;
  assert_int_equal(write_set(in_folder("set.h5", path), shape, 3, false), GAN_OK);
  assert_int_equal(gan_image_set_create(path, &shape, true, &set), GAN_OK);
  assert_int_equal(gan_image_set_add(set, (const uint8_t[]){1, 2, 3, 4}, 9), GAN_OK);
  gan_image_set_discard(set);
  gan_image_set_discard(NULL);
  check_set(path, shape, 3, false);
  assert_int_equal(count_files("partial"), 0);
}

/* Every write and every allocation fails once: an error with the file's name, the file before untouched, no garbage. */
static void a_failing_disk_or_no_memory_leaves_the_file_before(void **state) {
  (void)state;
  char path[PATH_MAX];
  const gan_shape shape = {.rank = 3, .size = {1, 40, 40}};
  static const gan_fault_kind kinds[] = {GAN_FAULT_WRITE, GAN_FAULT_ALLOCATION};
  assert_int_equal(write_set(in_folder("set.h5", path), shape, 3, false), GAN_OK);
  for (int kind = 0; kind < 2; kind++) {
    int failures = 0;
    for (int nth = 1;; nth++, failures++) {
      gan_fault_arm(kinds[kind], nth);
      const gan_status status = write_set(path, shape, 35, true);
      gan_fault_arm(kinds[kind], 0);
      if (status == GAN_OK) break;
      assert_int_equal(status, GAN_FAILED);
      if (kind == 0) assert_message("set.h5");
      assert_int_equal(count_files("partial"), 0);
      check_set(path, shape, 3, false);
    }
    assert_true(failures > 2);
    check_set(path, shape, 35, true);
    assert_int_equal(write_set(path, shape, 3, false), GAN_OK);
  }
}

static void a_folder_that_is_missing_is_named(void **state) {
  (void)state;
  char path[PATH_MAX];
  const gan_shape shape = {.rank = 3, .size = {1, 2, 2}};
  gan_image_set *set = NULL;
  assert_int_equal(gan_image_set_create(in_folder("nowhere/set.h5", path), &shape, false, &set), GAN_FAILED);
  assert_null(set);
  assert_message("nowhere/set.h5: No such file");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(images_are_read_back_as_they_were_written),
      FOLDER_TEST(chunks_are_about_the_size_of_an_image_and_have_checksums),
      FOLDER_TEST(equal_images_make_equal_bytes),
      FOLDER_TEST(a_discarded_set_leaves_the_file_before),
      FOLDER_TEST(a_failing_disk_or_no_memory_leaves_the_file_before),
      FOLDER_TEST(a_folder_that_is_missing_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
