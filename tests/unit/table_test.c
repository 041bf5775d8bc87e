/* Tables of benchmarks: what is written is read back, and whatever else a file may be is refused. */
#include <hdf5.h>
#include <math.h>

#include "base/probe.h"
#include "store/kind.h"
#include "store/table.h"
#include "store_support.h"

static const double ranks[] = {1, 2, 8}, seconds[] = {0.5, NAN, 1e-300};
static const gan_table_text texts[] = {{"cpu", "some CPU"}, {"update", ""}};
static const gan_table_column columns[] = {{"ranks", "1", "processes", ranks}, {"a", "s", "time", seconds}};
static const gan_table sample = {
    .kind = "gan_dist test", .text_count = 2, .texts = texts, .column_count = 2, .rows = 3, .columns = columns};

static void a_table_is_read_as_it_was_written(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_table table;
  gan_file_kind kind = GAN_KIND_UNKNOWN;
  assert_int_equal(gan_table_write(in_folder("t.h5", path), &sample), GAN_OK);
  assert_int_equal(gan_file_kind_of(path, &kind), GAN_OK);
  assert_int_equal(kind, GAN_KIND_TABLE);
  assert_int_equal(gan_table_read(path, &table), GAN_OK);
  assert_string_equal(table.kind, "gan_dist test");
  assert_int_equal(table.text_count, 2);
  for (int i = 0; i < 2; i++) {
    assert_string_equal(table.texts[i].name, texts[i].name);
    assert_string_equal(table.texts[i].value, texts[i].value);
  }
  assert_int_equal(table.column_count, 2);
  assert_int_equal(table.rows, 3);
  for (int i = 0; i < 2; i++) {
    assert_string_equal(table.columns[i].name, columns[i].name);
    assert_string_equal(table.columns[i].units, columns[i].units);
    assert_string_equal(table.columns[i].description, columns[i].description);
    assert_memory_equal(table.columns[i].values, columns[i].values, 3 * sizeof(double));
  }
  gan_table_release(&table);
}

static void a_table_without_rows_is_one(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_table empty = sample, table;
  empty.rows = 0;
  assert_int_equal(gan_table_write(in_folder("t.h5", path), &empty), GAN_OK);
  assert_int_equal(gan_table_read(path, &table), GAN_OK);
  assert_int_equal(table.rows, 0);
  assert_int_equal(table.column_count, 2);
  gan_table_release(&table);
}

static void expect_refusal(const char *path, const char *words) {
  gan_table table;
  assert_int_equal(gan_table_read(path, &table), GAN_BAD_FILE);
  if (!strstr(gan_error_message(), words)) print_error("%s\n", gan_error_message());
  assert_non_null(strstr(gan_error_message(), words));
}

/* The sample with one thing changed by HDF5 itself. */
static hid_t open_sample(char *path) {
  assert_int_equal(gan_table_write(in_folder("t.h5", path), &sample), GAN_OK);
  const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
  assert_true(file >= 0);
  return file;
}

/* As earlier versions wrote texts. */
static void put_variable_text(hid_t object, const char *name, const char *value) {
  const hid_t text = H5Tcopy(H5T_C_S1), scalar = H5Screate(H5S_SCALAR);
  H5Tset_size(text, H5T_VARIABLE);
  H5Tset_cset(text, H5T_CSET_UTF8);
  const hid_t attribute = H5Acreate2(object, name, text, scalar, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Awrite(attribute, text, &value) >= 0);
  H5Aclose(attribute);
  H5Sclose(scalar);
  H5Tclose(text);
}

static void add_column(hid_t file, const char *name, hid_t type, int rank, const hsize_t *size) {
  const hid_t space = H5Screate_simple(rank, size, NULL);
  const hid_t id = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  put_variable_text(id, "units", "x");
  put_variable_text(id, "description", "x");
  H5Dclose(id);
  H5Sclose(space);
}

/* Whether the global heap is in use, where HDF5 keeps texts of variable length. */
static bool has_heap(const char *path) {
  size_t size = 0;
  char *bytes = read_bytes(path, &size);
  const bool found = memmem(bytes, size, "GCOL", 4) != NULL;
  free(bytes);
  return found;
}

static void texts_are_of_fixed_length_and_of_earlier_versions_read(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_table table;
  const hid_t file = open_sample(path);
  assert_false(has_heap(path));
  H5Adelete(file, "kind");
  H5Adelete(file, "cpu");
  H5Adelete_by_name(file, "a", "units", H5P_DEFAULT);
  put_variable_text(file, "kind", "gan_dist of before");
  put_variable_text(file, "cpu", "");
  const hid_t column = H5Dopen2(file, "a", H5P_DEFAULT);
  put_variable_text(column, "units", "ms");
  H5Dclose(column);
  H5Fclose(file);
  assert_true(has_heap(path));
  assert_int_equal(gan_table_read(path, &table), GAN_OK);
  assert_string_equal(table.kind, "gan_dist of before");
  assert_string_equal(table.texts[0].value, "");
  assert_string_equal(table.columns[1].units, "ms");
  assert_string_equal(table.columns[0].units, "1");
  gan_table_release(&table);
}

static void long_texts_are_read_as_they_were_written(void **state) {
  (void)state;
  enum { BYTES = 100000 };
  char path[PATH_MAX], *text = malloc(BYTES);
  gan_table long_table = sample, table;
  for (int i = 0; i < BYTES; i++) text[i] = (char)('a' + i % 26);
  static const int lengths[] = {BYTES - 1, 65536, 32768, 32767, 32766};
  for (int i = 0; i < 5; i++) {
    text[lengths[i]] = '\0';
    long_table.texts = (gan_table_text[]){{"cpu", text}, {"update", ""}};
    assert_int_equal(gan_table_write(in_folder("t.h5", path), &long_table), GAN_OK);
    assert_int_equal(gan_table_read(path, &table), GAN_OK);
    assert_string_equal(table.texts[0].value, text);
    gan_table_release(&table);
  }
  free(text);
}

static void files_that_are_no_tables_are_refused(void **state) {
  (void)state;
  char path[PATH_MAX];
  const hsize_t three[] = {3, 3}, two = 2;
  static const struct {
    int rank;
    const char *words;
  } cases[] = {{2, "no column"}, {1, "no column"}};
  expect_refusal(in_folder("none.h5", path), "cannot read");
  for (int i = 0; i < 2; i++) {
    const hid_t file = open_sample(path);
    add_column(file, "odd", i ? H5T_IEEE_F32LE : H5T_IEEE_F64LE, cases[i].rank, three);
    H5Fclose(file);
    expect_refusal(path, cases[i].words);
  }
  hid_t file = open_sample(path);
  add_column(file, "short", H5T_IEEE_F64LE, 1, &two);
  H5Fclose(file);
  expect_refusal(path, "/short is not as long");
  file = open_sample(path);
  H5Adelete_by_name(file, "a", "units", H5P_DEFAULT);
  H5Fclose(file);
  expect_refusal(path, "units");
  file = open_sample(path);
  H5Adelete(file, "kind");
  H5Fclose(file);
  expect_refusal(path, "kind");
  file = open_sample(path);
  H5Gclose(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Fclose(file);
  expect_refusal(path, "/group is no column");
}

/* For tests; the program's own look at a table is that of `inspect`. */
static gan_status look_at_table(void *context) {
  gan_table table;
  GAN_TRY(gan_table_read(context, &table));
  gan_table_release(&table);
  return GAN_OK;
}

/* The heap's first object gets the size 0, and HDF5 goes no further from there. */
static void texts_of_earlier_versions_that_make_hdf5_spin_are_refused(void **state) {
  (void)state;
  const gan_probe_limits limits = {.seconds = 60, .processor = 1, .bytes = (int64_t)1 << 30};
  char path[PATH_MAX];
  size_t size = 0;
  const hid_t file = open_sample(path);
  put_variable_text(file, "more", "text");
  H5Fclose(file);
  char *bytes = read_bytes(path, &size), *heap = memmem(bytes, size, "GCOL", 4);
  assert_non_null(heap);
  assert_int_equal(gan_probe_file(path, 1, &limits, look_at_table, path), GAN_OK);
  memset(heap + 16, 0, 16);
  write_bytes(path, bytes, size);
  assert_int_equal(gan_probe_file(path, 2, &limits, look_at_table, path), GAN_BAD_FILE);
  assert_message("came to no end in 1 s of computing");
  free(bytes);
}

static void changed_bytes_of_a_table_are_harmless_or_found(void **state) {
  (void)state;
  enum { PLACES = 120, RUN = 4 };
  const gan_probe_limits limits = {.seconds = 60, .processor = 5, .bytes = (int64_t)1 << 30};
  char path[PATH_MAX];
  size_t size = 0;
  int found = 0;
  assert_int_equal(gan_table_write(in_folder("t.h5", path), &sample), GAN_OK);
  char *bytes = read_bytes(path, &size);
  for (size_t i = 0; i < PLACES; i++) {
    const size_t place = i * (size - RUN) / PLACES;
    char before[RUN];
    memcpy(before, bytes + place, RUN);
    memset(bytes + place, i % 2 ? 0xff : 0, RUN);
    write_bytes(path, bytes, size);
    memcpy(bytes + place, before, RUN);
    const gan_status status = gan_probe_file(path, 100 + i, &limits, look_at_table, path);
    found += status == GAN_BAD_FILE;
    if (status == GAN_OK) assert_int_equal(look_at_table(path), GAN_OK);
  }
  assert_true(found > 5);
  free(bytes);
}

static void a_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_table table;
  gan_status status = GAN_FAILED;
  int nth = 0;
  assert_int_equal(gan_table_write(in_folder("t.h5", path), &sample), GAN_OK);
  while (status != GAN_OK && nth < 100) {
    gan_fault_arm(GAN_FAULT_ALLOCATION, ++nth);
    status = gan_table_read(path, &table);
    const bool struck = gan_fault_has_struck(GAN_FAULT_ALLOCATION);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
  }
  assert_true(nth > 10 && nth < 100);
  gan_table_release(&table);
}

static void a_result_needs_a_folder_that_is_there(void **state) {
  (void)state;
  char path[PATH_MAX], longest[PATH_MAX + 1];
  FILE *file = fopen(in_folder("file", path), "w");
  assert_non_null(file);
  assert_int_equal(fclose(file), 0);
  assert_int_equal(gan_result_may_become("-o", in_folder("new.h5", path), GAN_KIND_TABLE), GAN_OK);
  assert_int_equal(access(path, F_OK), -1); /* none is made */
  assert_int_equal(gan_result_may_become("-o", "/new.h5", GAN_KIND_TABLE), access("/", W_OK) ? GAN_FAILED : GAN_OK);
  assert_int_equal(gan_result_may_become("-o", in_folder("nowhere/new.h5", path), GAN_KIND_TABLE), GAN_FAILED);
  assert_message("nowhere/new.h5: No such file");
  assert_int_equal(gan_result_may_become("-o", in_folder("file/new.h5", path), GAN_KIND_TABLE), GAN_FAILED);
  assert_message("file/new.h5: Not a directory");
  memset(longest, 'x', PATH_MAX);
  longest[PATH_MAX] = '\0';
  assert_int_equal(gan_result_may_become("-o", longest, GAN_KIND_TABLE), GAN_FAILED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(a_table_is_read_as_it_was_written),
      FOLDER_TEST(a_table_without_rows_is_one),
      FOLDER_TEST(texts_are_of_fixed_length_and_of_earlier_versions_read),
      FOLDER_TEST(long_texts_are_read_as_they_were_written),
      FOLDER_TEST(a_result_needs_a_folder_that_is_there),
      FOLDER_TEST(files_that_are_no_tables_are_refused),
      FOLDER_TEST(texts_of_earlier_versions_that_make_hdf5_spin_are_refused),
      FOLDER_TEST(changed_bytes_of_a_table_are_harmless_or_found),
      FOLDER_TEST(a_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
