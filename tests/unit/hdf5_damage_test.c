/* HDF5 files that are no sources, or are damaged, or made to do harm: each is refused with the reason, and does none.
 */
#include <math.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/probe.h"
#include "hdf5_support.h"

static void labels_that_cannot_be_are_refused(void **state) {
  (void)state;
  data_expect_failure(hdf5_options(hdf5_make_labelled("l.h5", "", H5T_STD_I32LE, SAMPLES - 1, 0)), GAN_BAD_FILE,
                      "49 rows");
  data_expect_failure(hdf5_options(hdf5_make_labelled("l.h5", "", H5T_STD_I32LE, SAMPLES + 1, 0)), GAN_BAD_FILE,
                      "51 rows");
  data_expect_failure(hdf5_options(hdf5_make_labelled("l.h5", "", H5T_IEEE_F32LE, SAMPLES, 0)), GAN_BAD_FILE,
                      "integer");
  data_expect_failure(hdf5_options(hdf5_make_labelled("l.h5", "", H5T_STD_I32LE, SAMPLES, -1)), GAN_BAD_FILE, "is -1");
  data_expect_failure(hdf5_options(hdf5_make_labelled("l.h5", "", H5T_STD_I32LE, SAMPLES, 65536)), GAN_BAD_FILE,
                      "65536");
  gan_data_options options = hdf5_options(hdf5_make_labelled("l.h5", "", H5T_STD_I32LE, SAMPLES, 0));
  options.labels = "classes";
  data_expect_failure(options, GAN_BAD_FILE, "classes");
}

static void data_sets_that_cannot_be_samples_are_refused_with_the_reason(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 4, 4, 1, 1, 1}, empty[] = {0, 4}, hollow[] = {SAMPLES, 0};
  const hsize_t wide[] = {1, 1 << 13, 1 << 12}, endless[] = {(hsize_t)1 << 60, 1 << 10};
  uint8_t values[SAMPLES * 256] = {1};
  const storage_kind bytes = {.type = H5T_STD_U8LE};
  const hid_t file = hdf5_create_file("bad.h5");
  H5Gclose(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const hid_t odd_integer = H5Tcopy(H5T_STD_I32LE), odd_float = H5Tcopy(H5T_IEEE_F64LE);
  H5Tset_precision(odd_integer, 20);
  H5Tset_ebias(odd_float, 100);
  hdf5_add_dataset(file, "bits", 2, size, (storage_kind){.type = odd_integer}, H5T_NATIVE_UINT8, values);
  hdf5_add_dataset(file, "bias", 2, size, (storage_kind){.type = odd_float}, H5T_NATIVE_UINT8, values);
  H5Tclose(odd_integer);
  H5Tclose(odd_float);
  hdf5_add_dataset(file, "string", 2, size, (storage_kind){.type = H5T_C_S1}, H5T_C_S1, values);
  hdf5_add_dataset(file, "list", 1, size, bytes, H5T_NATIVE_UINT8, values);
  hdf5_add_dataset(file, "more", 6, size, bytes, H5T_NATIVE_UINT8, values);
  hdf5_add_dataset(file, "empty", 2, empty, bytes, H5T_NATIVE_UINT8, NULL);
  hdf5_add_dataset(file, "hollow", 2, hollow, bytes, H5T_NATIVE_UINT8, NULL);
  uint8_t *zeros = calloc(wide[1], wide[2]);
  hdf5_add_dataset(file, "wide", 3, wide, (storage_kind){.type = H5T_STD_U8LE, .chunk = 1, .deflate = 1},
                   H5T_NATIVE_UINT8, zeros);
  free(zeros);
  hdf5_add_dataset(file, "unwritten", 2, size, bytes, H5T_NATIVE_UINT8, NULL);
  hdf5_add_dataset(file, "endless", 2, endless, (storage_kind){.type = H5T_STD_U8LE, .chunk = 1}, H5T_NATIVE_UINT8,
                   NULL);
  hdf5_add_dataset(file, "sparse", 2, (hsize_t[]){1 << 30, 1 << 10}, (storage_kind){.type = H5T_STD_U8LE, .chunk = 1},
                   H5T_NATIVE_UINT8, NULL);
  hdf5_add_dataset(file, "chunk", 2, (hsize_t[]){1 << 20, 1 << 10},
                   (storage_kind){.type = H5T_STD_U8LE, .chunk = 1 << 19}, H5T_NATIVE_UINT8, NULL);
  H5Fclose(file);
  const struct {
    const char *dataset, *words;
  } cases[] = {
      {"missing", "missing"},
      {"group", "group"},
      {"bits", "integers of 20 bits in 4 bytes"},
      {"bias", "floating point numbers of 64 bits in 8 bytes"},
      {"string", "holds texts: store numbers"},
      {"list", "1 dimension"},
      {"more", "6 dimensions"},
      {"empty", "dimension 0 is 0"},
      {"hollow", "dimension 1 is 0"},
      {"wide", "33554432 elements"},
      {"unwritten", "only 0 are stored"},
      {"endless", "more bytes than any file"},
      {"sparse", "only 0 are stored"},
      {"chunk", "chunks of more than 256 MiB"},
  };
  gan_data_options options = hdf5_options(data_path("bad.h5"));
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    options.dataset = cases[i].dataset;
    data_expect_failure(options, GAN_BAD_FILE, cases[i].words);
  }
}

/* One data set `x` (10, 100) of uint8 in one chunk, whose stored bytes are given: deflated, unless `mask` is 1. */
static gan_data_options make_raw_chunk(const void *stored, size_t bytes, uint32_t mask) {
  const hsize_t size[] = {10, 100}, offset[] = {0, 0};
  const hid_t file = hdf5_create_file("raw.h5");
  hdf5_add_dataset(file, "x", 2, size, (storage_kind){.type = H5T_STD_U8LE, .chunk = 10, .deflate = 6},
                   H5T_NATIVE_UINT8, NULL);
  const hid_t id = H5Dopen2(file, "x", H5P_DEFAULT);
  assert_true(H5Dwrite_chunk(id, H5P_DEFAULT, mask, offset, bytes, stored) >= 0);
  H5Dclose(id);
  H5Fclose(file);
  return hdf5_options(data_path("raw.h5"));
}

static gan_data_options make_deflated_chunk(size_t bytes) {
  uint8_t *content = calloc(bytes, 1), stored[4096];
  uLongf stored_bytes = sizeof stored;
  assert_int_equal(compress2(stored, &stored_bytes, content, bytes, 9), Z_OK);
  free(content);
  return make_raw_chunk(stored, stored_bytes, 0);
}

/* HDF5 1.10 itself copies out of bounds for the first, and inflates the second without end. */
static void chunks_have_to_decode_to_their_size(void **state) {
  (void)state;
  uint8_t plain[1001] = {0};
  gan_source_close(data_open(make_deflated_chunk(1000)));
  gan_source_close(
      data_open(make_raw_chunk(plain, 1000, 1))); /* what deflate would not make smaller is stored as it is */
  data_expect_failure(make_deflated_chunk(1), GAN_BAD_FILE, "a chunk has not the size");
  data_expect_failure(make_deflated_chunk(1001), GAN_BAD_FILE, "a chunk has not the size");
  data_expect_failure(make_deflated_chunk(1000000), GAN_BAD_FILE, "cannot be decompressed");
  data_expect_failure(make_raw_chunk(plain, 999, 1), GAN_BAD_FILE, "a chunk has not the size");
  data_expect_failure(make_raw_chunk(plain, 1001, 1), GAN_BAD_FILE, "a chunk has not the size");
  data_expect_failure(make_raw_chunk(plain, 100, 0), GAN_BAD_FILE, "cannot be decompressed");
  uint8_t large[2000] = {0};
  data_expect_failure(make_raw_chunk(large, sizeof large, 1), GAN_BAD_FILE, "stored in 2000 bytes");
}

static void a_changed_byte_of_a_checked_chunk_is_found(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 20};
  size_t count;
  const storage_kind storage = {.type = H5T_STD_U8LE, .chunk = SAMPLES, .fletcher = true};
  uint8_t *bytes = data_read(hdf5_make_file("good.h5", 2, size, storage), &count);
  size_t data = 0; /* hdf5_make_file counts up from 0 */
  while (bytes[data] != 1 || bytes[data + 1] != 2 || bytes[data + 2] != 3 || bytes[data + 40] != 41) data++;
  bytes[data + 500] ^= 0x10;
  data_expect_failure(hdf5_options(data_write("bad.h5", bytes, count)), GAN_BAD_FILE, "checksum");
  free(bytes);
}

static void filters_that_cannot_be_undone_are_refused(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 4};
  uint8_t values[SAMPLES * 4] = {1};
  const hid_t file = hdf5_create_file("nbit.h5"), creation = H5Pcreate(H5P_DATASET_CREATE);
  const hid_t space = H5Screate_simple(2, size, NULL);
  H5Pset_chunk(creation, 2, size);
  H5Pset_nbit(creation);
  const hid_t id = H5Dcreate2(file, "x", H5T_STD_U8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  assert_true(H5Dwrite(id, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(id);
  H5Sclose(space);
  H5Pclose(creation);
  H5Fclose(file);
  data_expect_failure(hdf5_options(data_path("nbit.h5")), GAN_BAD_FILE, "nbit");
}

static void data_in_other_files_are_refused(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 4};
  const hid_t file = hdf5_create_file("outside.h5"), creation = H5Pcreate(H5P_DATASET_CREATE);
  const hid_t space = H5Screate_simple(2, size, NULL);
  H5Pset_external(creation, "/dev/zero", 0, H5F_UNLIMITED);
  H5Dclose(H5Dcreate2(file, "x", H5T_STD_U8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  H5Pclose(creation);
  H5Sclose(space);
  H5Fclose(file);
  data_expect_failure(hdf5_options(data_path("outside.h5")), GAN_BAD_FILE,
                      "other files; copy it into a file as one piece: h5repack -l x:CONTI OLD.h5 NEW.h5");
}

/* A table that will not do says why, whatever lists of labels lie beside it. */
static void the_reason_is_that_of_the_table_and_not_of_its_labels(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 4};
  const hid_t file = hdf5_create_file("two.h5");
  hdf5_add_dataset(file, "a_list", 1, size, (storage_kind){.type = H5T_STD_U8LE}, H5T_NATIVE_UINT8, NULL);
  hdf5_add_dataset(file, "table", 2, size, (storage_kind){.type = H5T_STD_U8LE}, H5T_NATIVE_UINT8, NULL);
  hdf5_add_dataset(file, "z_list", 1, size, (storage_kind){.type = H5T_STD_U8LE}, H5T_NATIVE_UINT8, NULL);
  H5Fclose(file);
  data_expect_failure(hdf5_options(data_path("two.h5")), GAN_BAD_FILE, "no samples found: ");
  assert_non_null(strstr(gan_error_message(), "data set table announces 200 bytes, but only 0 are stored"));
}

static void files_that_are_no_hdf5_are_refused(void **state) {
  (void)state;
  data_expect_failure(hdf5_options(""), GAN_BAD_USAGE, "data.path");
  data_expect_failure(hdf5_options(data_path("missing.h5")), GAN_BAD_FILE, "missing.h5: No such file");
  data_expect_failure(hdf5_options(data_folder), GAN_BAD_FILE, "is a folder: name a file");
  data_expect_failure(hdf5_options("/dev/null"), GAN_BAD_FILE, "not a regular file");
  data_expect_failure(hdf5_options(data_write("empty.h5", "", 0)), GAN_BAD_FILE, "not an HDF5 file");
  data_expect_failure(hdf5_options(data_write("text.h5", "hello", 5)), GAN_BAD_FILE, "not an HDF5 file");
}

static void a_file_cut_short_is_refused_at_any_length(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 5, 5};
  size_t count;
  uint8_t *bytes = data_read(
      hdf5_make_file("whole.h5", 3, size, (storage_kind){.type = H5T_STD_U8LE, .chunk = 10, .deflate = 6}), &count);
  for (size_t left = 0; left < count; left += 1 + count / 100)
    data_expect_failure(hdf5_options(data_write("cut.h5", bytes, left)), GAN_BAD_FILE, "cut.h5");
  data_expect_failure(hdf5_options(data_write("cut.h5", bytes, count - 1)), GAN_BAD_FILE, "truncated");
  free(bytes);
}

static void a_value_that_is_not_finite_is_an_error_of_its_sample(void **state) {
  (void)state;
  const hsize_t size[] = {3, 2};
  const float values[] = {1, 2, 3, NAN, 5, INFINITY};
  const hid_t file = hdf5_create_file("nan.h5");
  hdf5_add_dataset(file, "x", 2, size, (storage_kind){.type = H5T_IEEE_F32LE}, H5T_NATIVE_FLOAT, values);
  H5Fclose(file);
  gan_source *source = data_open(hdf5_options(data_path("nan.h5")));
  float out[2];
  assert_int_equal(gan_source_read(source, (int64_t[]){0}, 1, out, NULL), GAN_OK);
  assert_int_equal(gan_source_read(source, (int64_t[]){1}, 1, out, NULL), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "element 1 of sample 1"));
  assert_int_equal(gan_source_read(source, (int64_t[]){2}, 1, out, NULL), GAN_BAD_FILE);
  gan_source_close(source);
  gan_data_options held = hdf5_options(data_path("nan.h5"));
  held.memory = 1;
  data_expect_failure(held, GAN_BAD_FILE, "element 1 of sample 1");
}

/* HDF5's own complaints would go to stderr from every rank. */
static void hdf5_prints_nothing_of_its_own(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 5};
  size_t count;
  uint8_t *bytes = data_read(
      hdf5_make_file("whole.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE, .chunk = 10, .deflate = 6}), &count);
  const char *cut = data_write("cut.h5", bytes, count / 2), *log = data_path("stderr");
  const gan_data_options options = hdf5_options(cut);
  gan_source *source;
  free(bytes);
  fflush(stderr);
  const int before = dup(STDERR_FILENO);
  FILE *file = fopen(log, "w");
  dup2(fileno(file), STDERR_FILENO);
  const gan_status status = gan_source_open(&options, 1, NULL, &source);
  fflush(stderr);
  dup2(before, STDERR_FILENO);
  close(before);
  fclose(file);
  assert_int_equal(status, GAN_BAD_FILE);
  bytes = data_read(log, &count);
  assert_int_equal(count, 0);
  free(bytes);
  /* And it is as loud as before afterwards. */
  H5E_auto2_t function;
  void *data;
  H5Eget_auto2(H5E_DEFAULT, &function, &data);
  assert_non_null(function);
}

/* Opens and reads all of a file with some bytes set at random: true when that went well or failed as a bad file, and
   left nothing of HDF5 open. */
static bool survives_mutation(const uint8_t *good, size_t count, uint64_t *random) {
  uint8_t *bad = malloc(count);
  memcpy(bad, good, count);
  const int changes = 1 + (int)(data_random(random) % 3);
  for (int i = 0; i < changes; i++) bad[data_random(random) % count] = (uint8_t)data_random(random);
  const gan_data_options options = hdf5_options(data_write("bad.h5", bad, count));
  free(bad);
  gan_source *source;
  gan_status status = gan_source_open(&options, 1, NULL, &source);
  if (status == GAN_OK) {
    float *out = malloc((size_t)gan_shape_count(&source->shape) * sizeof *out);
    for (int64_t i = 0; i < source->count && i < SAMPLES && status == GAN_OK; i++)
      status = gan_source_read(source, &i, 1, out, NULL);
    free(out);
    gan_source_close(source);
  }
  /* Bad usage: there may be several data sets or layouts now, out of which the user has to choose. */
  return (status == GAN_OK || status == GAN_BAD_FILE || status == GAN_BAD_USAGE) &&
         H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == 0;
}

/* In a child, since HDF5 1.10 itself loses a little memory over some damaged files, which is not what is tested. */
static void mutated_files_do_no_harm(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 5, 5};
  const storage_kind storages[] = {
      {.type = H5T_STD_U8LE, .chunk = 10, .deflate = 6},
      {.type = H5T_STD_U8LE, .chunk = 10},
      {.type = H5T_IEEE_F32LE},
      {.type = H5T_IEEE_F32LE, .chunk = 7, .deflate = 6, .split = true, .shuffle = true, .fletcher = true},
  };
  for (int kind = 0; kind < 4; kind++) {
    size_t count;
    uint8_t *good = data_read(hdf5_make_file("good.h5", 3, size, storages[kind]), &count);
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      uint64_t random = (uint64_t)kind;
      alarm(60); /* a hang is a failure too */
      for (int trial = 0; trial < 300; trial++)
        if (!survives_mutation(good, count, &random)) _exit(1);
      _exit(0);
    }
    int outcome;
    assert_int_equal(waitpid(child, &outcome, 0), child);
    free(good);
    assert_true(WIFEXITED(outcome));
    assert_int_equal(WEXITSTATUS(outcome), 0);
  }
}

/* A small file as h5py writes it: the root's names are in a heap, whose address HDF5 does not look at before it goes
   there. */
static void a_file_over_which_hdf5_crashes_is_refused_after_a_trial(void **state) {
  (void)state;
  enum { HEAP_ADDRESS = 128 };
  const hsize_t size[] = {SAMPLES, 4};
  size_t count;
  const gan_data_options good = hdf5_options(hdf5_make_file("good.h5", 2, size, (storage_kind){.type = H5T_STD_U8LE}));
  assert_int_equal(gan_source_probe(&good), GAN_OK);
  uint8_t *bytes = data_read(good.path, &count);
  memset(bytes + HEAP_ADDRESS, 0xff, 8);
  const gan_data_options bad = hdf5_options(data_write("bad.h5", bytes, count));
  free(bytes);
  assert_int_equal(gan_source_probe(&bad), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "bad.h5 is damaged: reading it ended the process that tried it first"));
}

static void a_trial_says_what_opening_would_say(void **state) {
  (void)state;
  const gan_data_options text = hdf5_options(data_write("text.h5", "hello", 5)), none = hdf5_options(data_path("none"));
  assert_int_equal(gan_source_probe(&text), GAN_BAD_FILE);
  assert_non_null(strstr(gan_error_message(), "not an HDF5 file"));
  assert_int_equal(gan_source_probe(&none), GAN_OK); /* opening tells */
  const gan_data_options idx = {.source = "idx", .path = text.path};
  assert_int_equal(gan_source_probe(&idx), GAN_OK); /* no library that bears no damage */
  assert_false(gan_source_is_fragile(&idx));
}

static gan_status look_at_samples(void *context) {
  const gan_data_options *options = context;
  gan_source *source;
  float out[25];
  GAN_TRY(gan_source_open(options, 1, NULL, &source));
  gan_status status = GAN_OK;
  for (int64_t i = 0; i < source->count && i < SAMPLES && status == GAN_OK && gan_shape_count(&source->shape) <= 25;
       i++)
    status = gan_source_read(source, &i, 1, out, NULL);
  gan_source_close(source);
  return status;
}

/* Bytes of what HDF5 keeps about the data become 0 or 255, as after a bad sector: each file is good or refused. */
static void damage_anywhere_ends_nobody_but_the_trial(void **state) {
  (void)state;
  const hsize_t size[] = {SAMPLES, 5, 5};
  const gan_probe_limits limits = {.seconds = 60, .processor = 5, .bytes = (int64_t)1 << 30};
  const storage_kind storages[] = {{.type = H5T_IEEE_F32LE}, {.type = H5T_STD_U8LE, .chunk = 10, .deflate = 6}};
  int refused = 0, way = 0;
  for (int kind = 0; kind < 2; kind++) {
    size_t count;
    uint64_t random = 5;
    uint8_t *bytes = data_read(hdf5_make_file("good.h5", 3, size, storages[kind]), &count);
    for (int trial = 0; trial < 60; trial++) {
      const size_t place = trial < 20 ? 8 * (size_t)trial : data_random(&random) % (count - 8);
      uint8_t before[8];
      memcpy(before, bytes + place, sizeof before);
      memset(bytes + place, trial % 2 ? 0xff : 0, trial < 20 ? 8 : 1);
      gan_data_options options = hdf5_options(data_write("bad.h5", bytes, count));
      memcpy(bytes + place, before, sizeof before);
      const gan_status status = gan_probe_file(options.path, (uint64_t)way++, &limits, look_at_samples, &options);
      assert_true(status == GAN_OK || status == GAN_BAD_FILE);
      refused += status == GAN_BAD_FILE;
      /* What came back once comes back again. */
      if (status == GAN_OK) assert_int_equal(look_at_samples(&options), GAN_OK);
    }
    free(bytes);
  }
  assert_true(refused > 10 && refused < way);
}

static void check_failing_allocations(int64_t memory) {
  gan_data_options options = hdf5_options(hdf5_make_labelled("labels.h5", "", H5T_STD_U8LE, SAMPLES, 0));
  options.memory = memory;
  const ssize_t open_before = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL);
  gan_status status = GAN_FAILED;
  int64_t nth = 0;
  while (status != GAN_OK && nth < 100) {
    gan_source *source = NULL;
    float out[4];
    gan_fault_arm(GAN_FAULT_ALLOCATION, ++nth);
    status = gan_source_open(&options, 1, NULL, &source);
    if (status == GAN_OK) status = gan_source_read(source, (int64_t[]){0}, 1, out, NULL);
    const bool struck = gan_fault_has_struck(GAN_FAULT_ALLOCATION);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
    if (struck) assert_non_null(strstr(gan_error_message(), "out of memory"));
    gan_source_close(source);
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), open_before);
  }
  assert_true(nth > 5 && nth < 100);
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state) {
  (void)state;
  check_failing_allocations(0);
  check_failing_allocations(1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(labels_that_cannot_be_are_refused),
      cmocka_unit_test(data_sets_that_cannot_be_samples_are_refused_with_the_reason),
      cmocka_unit_test(chunks_have_to_decode_to_their_size),
      cmocka_unit_test(a_changed_byte_of_a_checked_chunk_is_found),
      cmocka_unit_test(filters_that_cannot_be_undone_are_refused),
      cmocka_unit_test(data_in_other_files_are_refused),
      cmocka_unit_test(the_reason_is_that_of_the_table_and_not_of_its_labels),
      cmocka_unit_test(files_that_are_no_hdf5_are_refused),
      cmocka_unit_test(a_file_cut_short_is_refused_at_any_length),
      cmocka_unit_test(a_value_that_is_not_finite_is_an_error_of_its_sample),
      cmocka_unit_test(hdf5_prints_nothing_of_its_own),
      cmocka_unit_test(mutated_files_do_no_harm),
      cmocka_unit_test(a_file_over_which_hdf5_crashes_is_refused_after_a_trial),
      cmocka_unit_test(a_trial_says_what_opening_would_say),
      cmocka_unit_test(damage_anywhere_ends_nobody_but_the_trial),
      cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, data_folder_make, data_folder_remove);
}
