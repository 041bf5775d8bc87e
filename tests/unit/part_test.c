/* Parts of a data set, and the files of test samples that come with one. */
#include "data/part.h"

#include "data_support.h"

enum { WHOLE = 1000, TRAINING = 900 };

static gan_source *open_ring(void) {
  gan_source *source = NULL;
  const gan_data_options options = {.source = "ring",
                                    .path = "",
                                    .labels = "",
                                    .dataset = "",
                                    .origin = "",
                                    .samples = WHOLE,
                                    .modes = 8,
                                    .radius = 1,
                                    .sigma = 0.05};
  assert_int_equal(gan_source_open(&options, 5, NULL, &source), GAN_OK);
  return source;
}

static void read_all(gan_source *source, float *out) {
  for (int64_t i = 0; i < source->count; i++)
    assert_int_equal(gan_source_read(source, &i, 1, out + 2 * i, NULL), GAN_OK);
}

/* Which sample of the whole it is. */
static int find(const float *sample, const float *whole) {
  for (int i = 0; i < WHOLE; i++)
    if (memcmp(sample, whole + 2 * i, 2 * sizeof *whole) == 0) return i;
  return -1;
}

static void two_parts_share_no_sample_and_leave_none_out(void **state) {
  (void)state;
  static float whole[2 * WHOLE], parts[2 * WHOLE];
  bool seen[WHOLE] = {false};
  int late = 0;
  gan_source *source = open_ring(), *training = NULL, *test = NULL;
  assert_int_equal(gan_source_part(source, 0, TRAINING, &training), GAN_OK);
  assert_int_equal(gan_source_part(source, TRAINING, WHOLE - TRAINING, &test), GAN_OK);
  assert_int_equal(training->count + test->count, WHOLE);
  read_all(source, whole);
  read_all(training, parts);
  read_all(test, parts + 2 * TRAINING);
  for (int i = 0; i < WHOLE; i++) {
    const int place = find(parts + 2 * i, whole);
    assert_true(place >= 0 && !seen[place]);
    seen[place] = true;
    late += i >= TRAINING && place >= WHOLE / 2;
  }
  /* Mixed: of 100 samples about 50 come from the second half, with a deviation of 5. */
  assert_in_range(late, 25, 75);
  gan_source_close(training);
  gan_source_close(test);
  gan_source_close(source);
}

/* More than are looked up at a time. */
static void samples_come_in_any_number(void **state) {
  (void)state;
  static float one[2 * TRAINING], together[2 * TRAINING];
  int64_t indices[TRAINING];
  gan_source *source = open_ring(), *part = NULL;
  assert_int_equal(gan_source_part(source, 0, TRAINING, &part), GAN_OK);
  for (int64_t i = 0; i < TRAINING; i++) indices[i] = i;
  read_all(part, one);
  assert_int_equal(gan_source_read(part, indices, TRAINING, together, NULL), GAN_OK);
  assert_memory_equal(one, together, sizeof one);
  assert_int_equal(gan_source_read(part, (int64_t[]){TRAINING}, 1, one, NULL), GAN_FAILED);
  gan_source_close(part);
  gan_source_close(source);
}

static void assert_tests(const char *source, const char *path, const char *expected) {
  char *found = NULL;
  const gan_data_options options = {.source = source, .path = path};
  assert_int_equal(gan_source_find_tests(&options, &found), GAN_OK);
  if (expected)
    assert_string_equal(found, data_path(expected));
  else
    assert_null(found);
  free(found);
}

static void test_files_are_found_by_the_names_of_mnist(void **state) {
  (void)state;
  assert_tests("idx", data_folder, NULL);
  data_write("t10k-images-idx3-ubyte.gz", "", 0);
  assert_tests("idx", data_folder, "t10k-images-idx3-ubyte.gz");
  assert_tests("idx", data_path("train-images-idx3-ubyte"), "t10k-images-idx3-ubyte.gz");
  data_write("t10k-images-idx3-ubyte", "", 0);
  assert_tests("idx", data_folder, "t10k-images-idx3-ubyte");
  assert_tests("idx", data_path("train-others-idx3-ubyte"), NULL);
  assert_tests("idx", data_path("images-idx3-ubyte"), NULL);
  assert_tests("hdf5", data_path("train-images-idx3-ubyte"), NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(two_parts_share_no_sample_and_leave_none_out),
      cmocka_unit_test(samples_come_in_any_number),
      cmocka_unit_test_setup_teardown(test_files_are_found_by_the_names_of_mnist, data_folder_make, data_folder_remove),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
