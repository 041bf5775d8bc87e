/* NumPy files: samples come out as they went in, and no damaged or lying header does any harm. */
#include <math.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "data/npy_file.h"
#include "data_support.h"

enum { FILE_MOST = 4096 };

typedef struct npy_bytes {
  uint8_t bytes[FILE_MOST];
  size_t count;
} npy_bytes;

/* A file of that version with a header text, padded to 64 bytes as NumPy does, and `data` behind it. */
static npy_bytes make_npy(int version, const char *header, const void *data, size_t data_bytes) {
  npy_bytes npy = {.count = 0};
  const size_t start = version > 1 ? 12 : 10, length = (start + strlen(header) + 1 + 63) / 64 * 64 - start;
  const uint8_t magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y', (uint8_t)version, 0};
  memcpy(npy.bytes, magic, sizeof magic);
  npy.bytes[8] = (uint8_t)length;
  npy.bytes[9] = (uint8_t)(length >> 8);
  memset(npy.bytes + start, ' ', length);
  memcpy(npy.bytes + start, header, strlen(header));
  npy.bytes[start + length - 1] = '\n';
  memcpy(npy.bytes + start + length, data, data_bytes);
  npy.count = start + length + data_bytes;
  return npy;
}

static const char *write_npy(const char *name, int version, const char *header, const void *data, size_t bytes) {
  const npy_bytes npy = make_npy(version, header, data, bytes);
  return data_write(name, npy.bytes, npy.count);
}

static gan_data_options npy_options(const char *path) { return (gan_data_options){.source = "npy", .path = path}; }

static const float six[] = {0.5f, -1, 2, 3.25f, -4, 1e6f};
static const char HEADER[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";

static void check_six(const char *path) {
  float out[4];
  gan_source *source = data_open(npy_options(path));
  assert_int_equal(source->count, 3);
  assert_int_equal(source->shape.rank, 1);
  assert_int_equal(source->shape.size[0], 2);
  assert_int_equal(gan_source_read(source, (int64_t[]){2, 0}, 2, out, NULL), GAN_OK);
  assert_memory_equal(out, six + 4, 2 * sizeof *six);
  assert_memory_equal(out + 2, six, 2 * sizeof *six);
  gan_source_close(source);
}

static void every_version_of_the_format_is_read(void **state) {
  (void)state;
  for (int version = 1; version <= 3; version++) check_six(write_npy("six.npy", version, HEADER, six, sizeof six));
}

/* Any order of entries and any blanks, either quotes, and what Python 2 wrote. */
static void headers_are_read_as_python_reads_them(void **state) {
  (void)state;
  check_six(write_npy("a.npy", 1, "{\"shape\":(3L,2L),'descr':'<f4','fortran_order':False}", six, sizeof six));
  check_six(write_npy("b.npy", 1, "{ 'fortran_order' : False ,\n 'shape' : ( 3 , 2 , ) , \"descr\" : \"<f4\" }", six,
                      sizeof six));
}

static void doubles_and_bytes_become_float32(void **state) {
  (void)state;
  const double doubles[] = {0.1, -2.5, 1e-3, 7};
  const uint8_t bytes[] = {0, 255, 51, 204};
  float out[4];
  gan_source *source = data_open(npy_options(
      write_npy("f8.npy", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", doubles, sizeof doubles)));
  assert_int_equal(gan_source_read(source, (int64_t[]){0, 1}, 2, out, NULL), GAN_OK);
  for (int i = 0; i < 4; i++) assert_true(out[i] == (float)doubles[i]);
  gan_source_close(source);
  source = data_open(npy_options(
      write_npy("u1.npy", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }", bytes, sizeof bytes)));
  assert_int_equal(gan_source_read(source, (int64_t[]){0, 1}, 2, out, NULL), GAN_OK);
  const float expected[] = {-1, 1, -0.6f, 0.6f};
  for (int i = 0; i < 4; i++) assert_true(fabsf(out[i] - expected[i]) < 1e-6f);
  gan_source_close(source);
}

/* (2, 2, 3, 2) with the channels last: channel c of a position is element 2 position + c of the file's sample. */
static void channels_that_are_last_are_turned_round_and_values_scaled(void **state) {
  (void)state;
  float values[24], out[12];
  for (int i = 0; i < 24; i++) values[i] = (float)i;
  gan_data_options options = npy_options(write_npy(
      "nhwc.npy", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2, 3, 2), }", values, sizeof values));
  options.axes = "NHWC";
  options.maximum = 100;
  gan_source *source = data_open(options);
  assert_int_equal(source->shape.size[0], 2);
  assert_int_equal(source->shape.size[2], 3);
  assert_int_equal(gan_source_read(source, (int64_t[]){1}, 1, out, NULL), GAN_OK);
  for (int channel = 0; channel < 2; channel++)
    for (int i = 0; i < 6; i++)
      assert_true(fabsf(out[6 * channel + i] - ((float)(12 + 2 * i + channel) / 50 - 1)) < 1e-6f);
  gan_source_close(source);
}

static void other_contents_are_other_data(void **state) {
  (void)state;
  float other[6];
  memcpy(other, six, sizeof six);
  other[3] += 1;
  gan_source *a = data_open(npy_options(write_npy("a.npy", 1, HEADER, six, sizeof six)));
  gan_source *b = data_open(npy_options(write_npy("b.npy", 1, HEADER, other, sizeof other)));
  gan_source *c = data_open(npy_options(write_npy("c.npy", 2, HEADER, six, sizeof six)));
  assert_true(a->fingerprint != b->fingerprint);
  assert_true(a->fingerprint == c->fingerprint);
  gan_source_close(a);
  gan_source_close(b);
  gan_source_close(c);
}

static void expect(const char *header, size_t bytes, const char *words) {
  static const uint8_t zeros[1024];
  data_expect_failure(npy_options(write_npy("bad.npy", 1, header, zeros, bytes)), GAN_BAD_FILE, words);
}

static void types_and_orders_that_cannot_be_read_are_named(void **state) {
  (void)state;
  expect("{'descr': '>f4', 'fortran_order': False, 'shape': (3, 2), }", 24, "type '>f4'");
  expect("{'descr': '<i8', 'fortran_order': False, 'shape': (3, 2), }", 48, "astype('float32')");
  expect("{'descr': '|O', 'fortran_order': False, 'shape': (3, 2), }", 48, "type '|O'");
  expect("{'descr': '\001', 'fortran_order': False, 'shape': (3, 2), }", 48, "type '?'");
  expect("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }", 24, "ascontiguousarray");
  expect("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", 24, "fewer than 2 axes");
  expect("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, "fewer than 2 axes");
  expect("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1), }", 4, "too many axes");
  expect("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2), }", 0, "holds nothing");
}

static void headers_that_lie_about_the_size_are_refused(void **state) {
  (void)state;
  expect("{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }", 24, "cut short");
  expect("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", 28, "4 bytes more");
  expect("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 24, "cut short");
  expect("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 2), }", 24, "cut short");
  expect("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 2), }", 24, "damaged");
}

static void what_is_no_dictionary_is_refused(void **state) {
  (void)state;
  static const char *const headers[] = {"",
                                        "{",
                                        "{}",
                                        "[1, 2]",
                                        "{'descr': '<f4', 'fortran_order': False}",
                                        "{'descr': '<f4', 'shape': (3, 2)}",
                                        "{'fortran_order': False, 'shape': (3, 2)}",
                                        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (3, 2), }",
                                        "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 2), }",
                                        "{'descr': '<f4', 'fortran_order': False, 'shape': (3 2), }",
                                        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2",
                                        "{'descr': '<f4' 'fortran_order': False, 'shape': (3, 2), }",
                                        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3, 2), }",
                                        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), 'more': 1}",
                                        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), } x",
                                        "{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os'), }"};
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) expect(headers[i], 24, "damaged");
}

/* Every beginning of a file, and every byte of its header changed: an error or the same shape, never a crash. */
static void files_that_are_cut_or_changed_anywhere_do_no_harm(void **state) {
  (void)state;
  npy_bytes whole = make_npy(1, HEADER, six, sizeof six);
  for (size_t length = 0; length < whole.count; length++) {
    gan_source *source = NULL;
    const gan_data_options options = npy_options(data_write("cut.npy", whole.bytes, length));
    assert_int_equal(gan_source_open(&options, 0, NULL, &source), GAN_BAD_FILE);
  }
  for (size_t i = 0; i + sizeof six < whole.count; i++)
    for (int bit = 0; bit < 8; bit++) {
      gan_source *source = NULL;
      whole.bytes[i] ^= (uint8_t)(1 << bit);
      const gan_data_options options = npy_options(data_write("changed.npy", whole.bytes, whole.count));
      const gan_status status = gan_source_open(&options, 0, NULL, &source);
      assert_true(status == GAN_OK || status == GAN_BAD_FILE || status == GAN_BAD_USAGE);
      if (status == GAN_OK) assert_true(source->count * gan_shape_count(&source->shape) <= 24);
      gan_source_close(source);
      whole.bytes[i] ^= (uint8_t)(1 << bit);
    }
}

static void values_that_are_not_finite_are_named(void **state) {
  (void)state;
  const double huge[] = {1, 2, 1e300, 4};
  float out[4], odd[6];
  memcpy(odd, six, sizeof six);
  odd[3] = NAN;
  gan_source *source = data_open(npy_options(write_npy("nan.npy", 1, HEADER, odd, sizeof odd)));
  assert_int_equal(gan_source_read(source, (int64_t[]){0, 1}, 2, out, NULL), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "element 1 of sample 1 is nan"));
  gan_source_close(source);
  source = data_open(npy_options(
      write_npy("huge.npy", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", huge, sizeof huge)));
  assert_int_equal(gan_source_read(source, (int64_t[]){1}, 1, out, NULL), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "1e+300, beyond float32's range"));
  gan_source_close(source);
}

static void other_files_are_refused(void **state) {
  (void)state;
  const npy_bytes npy = make_npy(9, HEADER, six, sizeof six);
  data_expect_failure(npy_options(data_write("text.npy", "just some text, longer than a start", 35)), GAN_BAD_FILE,
                      "no file of NumPy");
  data_expect_failure(npy_options(data_write("nine.npy", npy.bytes, npy.count)), GAN_BAD_FILE, "version 9");
  data_expect_failure(npy_options(data_path("missing.npy")), GAN_BAD_FILE, "cannot open");
  data_expect_failure(npy_options(data_folder), GAN_BAD_FILE, "is a folder");
  assert_false(gan_npy_begins(data_path("text.npy")));
  assert_true(gan_npy_begins(data_path("nine.npy")));
  assert_false(gan_npy_begins(data_path("missing.npy")));
}

static void want_of_memory_is_an_error(void **state) {
  (void)state;
  const char *path = write_npy("six.npy", 1, HEADER, six, sizeof six);
  gan_source *source = NULL;
  const gan_data_options options = npy_options(path);
  gan_status status = GAN_FAILED;
  for (int nth = 1; status != GAN_OK; nth++) {
    gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    status = gan_source_open(&options, 0, NULL, &source);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    assert_true(status == GAN_OK || status == GAN_FAILED);
    assert_true(nth < 100);
  }
  gan_source_close(source);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_version_of_the_format_is_read),
      cmocka_unit_test(headers_are_read_as_python_reads_them),
      cmocka_unit_test(doubles_and_bytes_become_float32),
      cmocka_unit_test(channels_that_are_last_are_turned_round_and_values_scaled),
      cmocka_unit_test(other_contents_are_other_data),
      cmocka_unit_test(types_and_orders_that_cannot_be_read_are_named),
      cmocka_unit_test(headers_that_lie_about_the_size_are_refused),
      cmocka_unit_test(what_is_no_dictionary_is_refused),
      cmocka_unit_test(files_that_are_cut_or_changed_anywhere_do_no_harm),
      cmocka_unit_test(values_that_are_not_finite_are_named),
      cmocka_unit_test(other_files_are_refused),
      cmocka_unit_test(want_of_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, data_folder_make, data_folder_remove);
}
