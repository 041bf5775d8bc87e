/* Files of tensors: what is in them comes out, and no header that lies does any harm. */
#include "store/safetensors.h"

#include <math.h>

#include "safetensors_support.h"

static gan_safetensors *open_tensors(const char *path) {
  gan_safetensors *file = NULL;
  if (gan_safetensors_open(path, &file) != GAN_OK) fail_msg("%s", gan_error_message());
  return file;
}

static void assert_values(const gan_safetensors *file, const char *name, size_t count, const float *expected) {
  float values[8];
  const gan_safetensor *tensor = gan_safetensors_find(file, name);
  assert_non_null(tensor);
  assert_int_equal(gan_safetensors_read(file, tensor, count, values), GAN_OK);
  for (size_t i = 0; i < count; i++)
    if (values[i] != expected[i])
      fail_msg("%s[%zu] is %.9g, not %.9g", name, i, (double)values[i], (double)expected[i]);
}

/* Elements by the formats' definitions: binary16 with 5 bits of exponent, bfloat16 the upper half of a float32. */
static void tensors_of_all_types_of_numbers_come_out_as_float32(void **state) {
  (void)state;
  static const char header[] =
      "{\"half\":{\"dtype\":\"F16\",\"shape\":[7],\"data_offsets\":[0,14]},"
      "\"brain\":{\"dtype\":\"BF16\",\"shape\":[1,3],\"data_offsets\":[14,20]},"
      "\"double\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[28,44]},"
      "\"single\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[20,28]},"
      "\"__metadata__\":{\"layers\":\"dense 3\",\"empty\":\"\"},"
      "\"number\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[44,52]}}   ";
  static const uint8_t elements[52] = {
      0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b, 0x01, 0x00, 0xff, 0x83, 0x00, 0x80, 0x55, 0x35,             /* F16 */
      0x80, 0x3f, 0x49, 0xc0, 0x80, 0x00,                                                             /* BF16 */
      0x00, 0x00, 0x80, 0x3f, 0xdb, 0x0f, 0x49, 0x40,                                                 /* F32: 1, pi */
      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc0, 0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f, /* -2, 0.1 */
  };
  gan_safetensors *file = open_tensors(write_tensors("all", header, sizeof elements, elements));
  assert_int_equal(gan_safetensors_count(file), 5);
  static const char *const names[] = {"half", "brain", "single", "double", "number"};
  for (size_t i = 0; i < 5; i++) assert_string_equal(gan_safetensors_at(file, i)->name, names[i]);
  assert_values(file, "half", 7, (const float[]){1, -2, 65504, 0x1p-24f, -1023 * 0x1p-24f, -0.0f, 0x1.554p-2f});
  assert_values(file, "brain", 3, (const float[]){1, -3.140625f, 0x1p-126f});
  assert_values(file, "single", 2, (const float[]){1, (float)M_PI});
  assert_values(file, "double", 2, (const float[]){-2, 0.1f});
  const gan_safetensor *number = gan_safetensors_find(file, "number");
  float value;
  assert_int_equal(number->shape.rank, 0);
  assert_int_equal(gan_safetensors_read(file, number, 1, &value), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "number has elements of type I64"));
  assert_string_equal(gan_safetensors_metadata(file, "layers"), "dense 3");
  assert_string_equal(gan_safetensors_metadata(file, "empty"), "");
  assert_null(gan_safetensors_metadata(file, "half"));
  assert_null(gan_safetensors_find(file, "__metadata__"));
  gan_safetensors_close(file);
}

static void infinities_and_nans_of_half_precision_stay_what_they_are(void **state) {
  (void)state;
  static const uint8_t elements[] = {0x00, 0x7c, 0x00, 0xfc, 0x01, 0x7c};
  gan_safetensors *file = open_tensors(write_tensors(
      "odd", "{\"a\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[0,6]}}", sizeof elements, elements));
  float values[3];
  assert_int_equal(gan_safetensors_read(file, gan_safetensors_at(file, 0), 3, values), GAN_OK);
  assert_true(values[0] == INFINITY && values[1] == -INFINITY && isnan(values[2]));
  assert_null(gan_safetensors_metadata(file, "layers"));
  gan_safetensors_close(file);
}

static void tensors_longer_than_a_piece_come_out_whole(void **state) {
  (void)state;
  enum { COUNT = 100003 };
  float *numbers = malloc(COUNT * sizeof *numbers), *values = malloc(COUNT * sizeof *values);
  char header[100];
  assert_true(numbers && values);
  for (int i = 0; i < COUNT; i++) numbers[i] = (float)i;
  snprintf(header, sizeof header, "{\"a\":{\"dtype\":\"F32\",\"shape\":[%d],\"data_offsets\":[0,%d]}}", COUNT,
           4 * COUNT);
  gan_safetensors *file = open_tensors(write_tensors("long", header, COUNT * sizeof *numbers, numbers));
  assert_int_equal(gan_safetensors_read(file, gan_safetensors_at(file, 0), COUNT, values), GAN_OK);
  assert_memory_equal(values, numbers, COUNT * sizeof *numbers);
  assert_int_equal(truncate(in_folder("long", (char[PATH_MAX]){0}), 1000), 0);
  assert_int_equal(gan_safetensors_read(file, gan_safetensors_at(file, 0), COUNT, values), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "cut short"));
  gan_safetensors_close(file);
  free(numbers);
  free(values);
}

static void headers_that_lie_are_refused_with_the_reason(void **state) {
  (void)state;
#define TENSOR(shape, offsets) "{\"w\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(first, second)                                          \
  "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" first \
  "},"                                                              \
  "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" second "}}"
  static const struct {
    const char *header, *reason; /* with 16 bytes of elements */
  } bad[] = {
      {"", "not as safetensors"},
      {"{", "not as safetensors"},
      {"[]", "no object"},
      {"\"w\"", "no object"},
      {"{} {}", "not as safetensors"},
      {"{\"w\":{\"dtype\":\"F32\",\"shape\":[[[4]]]}}", "not as safetensors"},
      {"{\"\xff\":1}", "not as safetensors"},
      {"{}", "16 bytes behind its last tensor"},
      {"{\"w\":4}", "w is not described"},
      {"{\"w\":{}}", "w has no type"},
      {"{\"w\":{\"dtype\":32}}", "w has no type"},
      {"{\"w\":{\"dtype\":\"F31\"}}", "type \"F31\""},
      {"{\"w\":{\"dtype\":\"F32\"}}", "w has no shape"},
      {"{\"w\":{\"dtype\":\"F32\",\"shape\":[4]}}", "w has no place"},
      {TENSOR("4", "[0,16]"), "w has no shape"},
      {TENSOR("[1,1,1,1,1,4]", "[0,16]"), "w has 6 dimensions"},
      {TENSOR("[4.0]", "[0,16]"), "whole numbers from 1 on"},
      {TENSOR("[\"4\"]", "[0,16]"), "whole numbers from 1 on"},
      {TENSOR("[-4]", "[0,16]"), "whole numbers from 1 on"},
      {TENSOR("[0]", "[0,0]"), "whole numbers from 1 on"},
      {TENSOR("[null]", "[0,16]"), "whole numbers from 1 on"},
      {TENSOR("[99999999999999999999]", "[0,16]"), "whole numbers from 1 on"},
      {TENSOR("[4]", "[0]"), "w has no place"},
      {TENSOR("[4]", "[0,16,16]"), "w has no place"},
      {TENSOR("[4]", "[16,0]"), "w has no place"},
      {TENSOR("[4]", "[-16,0]"), "w has no place"},
      {TENSOR("[4]", "[4,20]"), "behind the end of the file"},
      {TENSOR("[4]", "[0,9223372036854775806]"), "behind the end of the file"},
      {TENSOR("[3]", "[0,16]"), "another number of bytes"},
      {TENSOR("[5]", "[0,16]"), "another number of bytes"},
      {TENSOR("[4]", "[0,15]"), "another number of bytes"},
      {TENSOR("[4294967296,4294967296]", "[0,16]"), "another number of bytes"},
      {TENSOR("[2]", "[8,16]"), "w has bytes before it"},
      {TENSOR("[2]", "[0,8]"), "8 bytes behind its last tensor"},
      {TWO("[0,8]", "[4,12]"), "b lies where another one is"},
      {TWO("[0,8]", "[0,8]"), "lies where another one is"},
      {TWO("[8,16]", "[8,16]"), "bytes before it"},
      {"{\"__metadata__\":[]}", "metadata are no object"},
      {"{\"__metadata__\":{\"layers\":3}}", "layers is no text"},
  };
  static const uint8_t elements[16];
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    gan_safetensors *file = NULL;
    if (gan_safetensors_open(write_tensors("bad", bad[i].header, sizeof elements, elements), &file) != GAN_BAD_FILE)
      fail_msg("not refused: %s", bad[i].header);
    assert_null(file);
    if (!strstr(gan_error_message(), bad[i].reason))
      fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].header, gan_error_message(), bad[i].reason);
  }
}

static void assert_no_tensors(const char *name, size_t bytes, const void *content, const char *reason) {
  char path[PATH_MAX];
  gan_safetensors *file = NULL;
  FILE *out = fopen(in_folder(name, path), "wb");
  assert_true(out && fwrite(content, 1, bytes, out) == bytes && fclose(out) == 0);
  assert_int_equal(gan_safetensors_open(path, &file), GAN_BAD_FILE);
  if (!strstr(gan_error_message(), reason)) fail_msg("\"%s\" does not say \"%s\"", gan_error_message(), reason);
}

static void files_of_other_kinds_are_refused(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_safetensors *file = NULL;
  assert_no_tensors("short", 7, "\1\0\0\0\0\0\0", "too short");
  assert_no_tensors("long", 10, "\3\0\0\0\0\0\0\0{}", "a header of 3 bytes; the file has 2");
  assert_no_tensors("huge", 10, "\377\377\377\377\377\377\377\377{}", "a header of 18446744073709551615 bytes");
  assert_no_tensors("nul", 12, "\4\0\0\0\0\0\0\0{}\0\0", "byte of 0");
  assert_no_tensors("hdf5", 16, "\211HDF\r\n\032\n\0\0\0\0\0\10\10\0", "a header of");
  assert_int_equal(gan_safetensors_open(in_folder("missing", path), &file), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "missing"));
  assert_int_equal(gan_safetensors_open(folder, &file), GAN_BAD_FILE);
  assert_int_equal(mkfifo(in_folder("pipe", path), 0600), 0);
  assert_int_equal(gan_safetensors_open(path, &file), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "not a regular file"));
}

static void a_file_is_known_by_its_beginning(void **state) {
  (void)state;
  char path[PATH_MAX];
  assert_true(gan_safetensors_begins(write_tensors("good", "{\"__metadata__\":{}}", 0, "")));
  assert_false(gan_safetensors_begins(write_tensors("list", "[]", 0, "")));
  assert_false(gan_safetensors_begins(in_folder("missing", path)));
  assert_false(gan_safetensors_begins(folder));
}

static void a_failed_allocation_is_told_and_leaks_nothing(void **state) {
  (void)state;
  static const uint8_t elements[16];
  const char *path = write_tensors("good", TENSOR("[4]", "[0,16]"), sizeof elements, elements);
  gan_safetensors *file = NULL;
  for (int nth = 1;; nth++) {
    gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    const gan_status status = gan_safetensors_open(path, &file);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (status == GAN_OK) break;
    assert_int_equal(status, GAN_FAILED);
    assert_null(file);
  }
  gan_safetensors_close(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(tensors_of_all_types_of_numbers_come_out_as_float32),
      FOLDER_TEST(infinities_and_nans_of_half_precision_stay_what_they_are),
      FOLDER_TEST(tensors_longer_than_a_piece_come_out_whole),
      FOLDER_TEST(headers_that_lie_are_refused_with_the_reason),
      FOLDER_TEST(files_of_other_kinds_are_refused),
      FOLDER_TEST(a_file_is_known_by_its_beginning),
      FOLDER_TEST(a_failed_allocation_is_told_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
