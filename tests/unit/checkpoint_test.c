/* Checkpoints come back bit for bit, and not one damaged, foreign or half-written file is taken for one. */
#include <fcntl.h>
#include <hdf5.h>
#include <math.h>

#include "store/checkpoint.h"
#include "store/kind.h"
#include "store/metrics.h"
#include "store_support.h"

enum { TENSORS = 6 };

/* Bit patterns that arithmetic or text would change: signed zero, denormal, infinities, NaN with a payload. */
static float weight[6], bias[3], kernel[48], scalar[1], empty[1], moment[6];

static void fill(gan_tensor tensors[TENSORS]) {
  static const uint32_t patterns[] = {0x80000000u, 0x00000001u, 0x7f800000u, 0xff800000u, 0x7fc12345u, 0x3f800001u};
  memcpy(weight, patterns, sizeof weight);
  for (int i = 0; i < 3; i++) bias[i] = 0.1f * (float)i;
  for (int i = 0; i < 48; i++) kernel[i] = (float)i;
  for (int i = 0; i < 6; i++) moment[i] = -(float)i;
  scalar[0] = 7.5f;
  const gan_tensor all[TENSORS] = {
      {.path = "/generator/0.weight", .shape = {2, {2, 3}}, .data = weight},
      {.path = "/generator/0.bias", .shape = {1, {3}}, .data = bias},
      {.path = "/generator/10.weight", .shape = {5, {1, 2, 2, 3, 4}}, .data = kernel},
      {.path = "/critic/scalar", .shape = {0, {0}}, .data = scalar},
      {.path = "/critic/empty", .shape = {2, {0, 5}}, .data = empty},
      {.path = "/optimizer/critic/square_avg/0.weight", .shape = {2, {2, 3}}, .data = moment},
  };
  memcpy(tensors, all, sizeof all);
}

static gan_checkpoint header(int64_t iteration) {
  static char config[] = "[run]\nseed = 42\n# \xc3\xa4\n";
  gan_checkpoint checkpoint = {.iteration = iteration,
                               .critic_steps = 5 * iteration,
                               .generator_steps = iteration,
                               .seed = UINT64_MAX - 1,
                               .shards = 8,
                               .data_fingerprint = 0xfedcba9876543210u,
                               .data_shape = {3, {1, 28, 28}},
                               .best = 0.125,
                               .config = config,
                               .program_version = "0.1.0",
                               .backend = "openblas"};
  return checkpoint;
}

static void write_one(const char *path, int64_t iteration) {
  gan_tensor tensors[TENSORS];
  const gan_checkpoint checkpoint = header(iteration);
  fill(tensors);
  assert_int_equal(gan_checkpoint_write(path, &checkpoint, TENSORS, tensors), GAN_OK);
}

static void attributes_come_back_as_they_were(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_checkpoint read;
  write_one(in_folder("a.h5", path), 1234567890123);
  assert_int_equal(gan_checkpoint_read_header(path, &read), GAN_OK);
  assert_true(read.iteration == 1234567890123);
  assert_true(read.critic_steps == 5 * 1234567890123);
  assert_true(read.generator_steps == 1234567890123);
  assert_true(read.seed == UINT64_MAX - 1);
  assert_int_equal(read.shards, 8);
  assert_true(read.data_fingerprint == 0xfedcba9876543210u);
  assert_int_equal(read.data_shape.rank, 3);
  assert_true(read.data_shape.size[0] == 1 && read.data_shape.size[1] == 28 && read.data_shape.size[2] == 28);
  assert_true(read.best == 0.125);
  assert_string_equal(read.config, "[run]\nseed = 42\n# \xc3\xa4\n");
  assert_string_equal(read.program_version, "0.1.0");
  assert_string_equal(read.backend, "openblas");
  gan_checkpoint_release(&read);
}

static void a_best_value_of_none_and_a_long_configuration_come_back(void **state) {
  (void)state;
  enum { LONG = 300000 }; /* above the 64 KiB where HDF5's plain attributes end */
  char path[PATH_MAX];
  gan_checkpoint read, checkpoint = header(1);
  checkpoint.best = NAN;
  checkpoint.config = malloc(LONG + 1);
  assert_non_null(checkpoint.config);
  for (int i = 0; i < LONG; i++) checkpoint.config[i] = (char)('a' + i % 26);
  checkpoint.config[LONG] = '\0';
  assert_int_equal(gan_checkpoint_write(in_folder("a.h5", path), &checkpoint, 0, NULL), GAN_OK);
  assert_int_equal(gan_checkpoint_read_header(path, &read), GAN_OK);
  assert_true(isnan(read.best));
  assert_string_equal(read.config, checkpoint.config);
  gan_checkpoint_release(&read);
  free(checkpoint.config);
}

static void tensors_come_back_bit_for_bit(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_tensor tensors[TENSORS], back[TENSORS];
  float values[TENSORS][48];
  write_one(in_folder("a.h5", path), 1);
  fill(tensors);
  memcpy(back, tensors, sizeof back);
  memset(values, 0x55, sizeof values);
  for (int i = 0; i < TENSORS; i++) back[i].data = values[i];
  assert_int_equal(gan_checkpoint_read_tensors(path, TENSORS, back), GAN_OK);
  for (int i = 0; i < TENSORS; i++)
    assert_memory_equal(values[i], tensors[i].data, sizeof(float) * (size_t)gan_shape_count(&tensors[i].shape));
}

static void tensors_of_many_chunks_come_back_bit_for_bit(void **state) {
  (void)state;
  char path[PATH_MAX];
  const gan_checkpoint checkpoint = header(1);
  const size_t rows = 3, columns = 1500001; /* a row is more than a chunk, and does not divide evenly */
  float *values = malloc(rows * columns * sizeof *values), *back = calloc(rows * columns, sizeof *back);
  assert_true(values && back);
  for (size_t i = 0; i < rows * columns; i++) values[i] = (float)(i * 2654435761u % 16777216u);
  gan_tensor tensor = {.path = "/generator/0.weight", .shape = {2, {(int64_t)rows, (int64_t)columns}}, .data = values};
  assert_int_equal(gan_checkpoint_write(in_folder("a.h5", path), &checkpoint, 1, &tensor), GAN_OK);
  tensor.data = back;
  assert_int_equal(gan_checkpoint_read_tensors(path, 1, &tensor), GAN_OK);
  assert_memory_equal(values, back, rows * columns * sizeof *values);
  struct stat about;
  assert_int_equal(stat(path, &about), 0);
  assert_in_range(about.st_size, rows * columns * 4, rows * columns * 4 + 100000);
  free(values);
  free(back);
}

static void equal_contents_give_equal_bytes(void **state) {
  (void)state;
  char a[PATH_MAX], b[PATH_MAX];
  size_t size_a = 0, size_b = 0;
  write_one(in_folder("a.h5", a), 1);
  sleep(1); /* HDF5's time stamps would differ by now */
  write_one(in_folder("b.h5", b), 1);
  char *bytes_a = read_bytes(a, &size_a), *bytes_b = read_bytes(b, &size_b);
  assert_int_equal(size_a, size_b);
  assert_memory_equal(bytes_a, bytes_b, size_a);
  free(bytes_a);
  free(bytes_b);
}

static void every_data_set_with_elements_has_fletcher32(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_tensor tensors[TENSORS];
  fill(tensors);
  write_one(in_folder("a.h5", path), 1);
  const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  assert_true(file >= 0);
  for (int i = 0; i < TENSORS; i++) {
    if (tensors[i].shape.rank == 0 || gan_shape_count(&tensors[i].shape) == 0) continue;
    const hid_t data_set = H5Dopen2(file, tensors[i].path, H5P_DEFAULT);
    const hid_t creation = H5Dget_create_plist(data_set);
    assert_int_equal(H5Pget_nfilters(creation), 1);
    assert_true(H5Pget_filter_by_id2(creation, H5Z_FILTER_FLETCHER32, NULL, NULL, NULL, 0, NULL, NULL) >= 0);
    H5Pclose(creation);
    H5Dclose(data_set);
  }
  H5Fclose(file);
}

static void every_flipped_bit_is_found(void **state) {
  (void)state;
  char path[PATH_MAX], copy[PATH_MAX];
  size_t size = 0;
  gan_checkpoint read;
  write_one(in_folder("a.h5", path), 1);
  char *bytes = read_bytes(path, &size);
  write_bytes(in_folder("b.h5", copy), bytes, size);
  const int descriptor = open(copy, O_WRONLY);
  assert_true(descriptor >= 0);
  assert_int_equal(gan_checkpoint_verify(copy), GAN_OK);
  for (size_t i = 0; i < size; i++)
    for (int bit = 0; bit < 8; bit++) {
      if (i >= 512 && bit != (int)(i % 8)) continue; /* all bits of the seal, one of each byte after it */
      const char flipped = (char)(bytes[i] ^ (1 << bit));
      assert_int_equal(pwrite(descriptor, &flipped, 1, (off_t)i), 1);
      if (gan_checkpoint_verify(copy) != GAN_BAD_FILE) fail_msg("bit %d of byte %zu flipped unnoticed", bit, i);
      if (i % 97 == 0) assert_int_equal(gan_checkpoint_read_header(copy, &read), GAN_BAD_FILE);
      assert_int_equal(pwrite(descriptor, &bytes[i], 1, (off_t)i), 1);
    }
  assert_int_equal(gan_checkpoint_verify(copy), GAN_OK);
  close(descriptor);
  free(bytes);
}

static void every_other_length_is_found(void **state) {
  (void)state;
  char path[PATH_MAX];
  size_t size = 0;
  write_one(in_folder("a.h5", path), 1);
  char *bytes = read_bytes(path, &size);
  write_bytes(path, bytes, size);
  bytes[size] = 0;
  for (size_t length = size; length-- > 0;) {
    assert_int_equal(truncate(path, (off_t)length), 0);
    if (gan_checkpoint_verify(path) != GAN_BAD_FILE) fail_msg("cut to %zu bytes unnoticed", length);
  }
  write_bytes(path, bytes, size + 1);
  assert_int_equal(gan_checkpoint_verify(path), GAN_BAD_FILE);
  free(bytes);
}

static void a_tensor_of_another_shape_is_named_with_both_shapes(void **state) {
  (void)state;
  char path[PATH_MAX];
  float values[16] = {0};
  write_one(in_folder("a.h5", path), 1);
  gan_tensor tensor = {.path = "/generator/0.weight", .shape = {2, {4, 3}}, .data = values};
  assert_int_equal(gan_checkpoint_read_tensors(path, 1, &tensor), GAN_BAD_FILE);
  assert_message("/generator/0.weight: checkpoint has (2, 3), the network needs (4, 3)");
  tensor.shape = (gan_shape){1, {6}};
  assert_int_equal(gan_checkpoint_read_tensors(path, 1, &tensor), GAN_BAD_FILE);
  assert_message("checkpoint has (2, 3), the network needs (6)");
}

static void an_absent_tensor_is_named(void **state) {
  (void)state;
  char path[PATH_MAX];
  float values[16] = {0};
  write_one(in_folder("a.h5", path), 1);
  const char *absent[] = {"/ema/0.weight", "/generator/99.weight", "/generator"};
  for (int i = 0; i < 3; i++) {
    gan_tensor tensor = {.path = "", .shape = {2, {2, 3}}, .data = values};
    snprintf(tensor.path, sizeof tensor.path, "%s", absent[i]);
    assert_int_equal(gan_checkpoint_read_tensors(path, 1, &tensor), GAN_BAD_FILE);
    assert_message("has no tensor");
    assert_message(absent[i]);
  }
}

static void other_files_are_refused_by_what_they_are(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_checkpoint read;
  const gan_column column = {"iteration", "1", "iterations done", NULL};
  const gan_metrics_group group = {"train", 1, &column};
  gan_metrics_file *metrics = NULL;

  assert_int_equal(gan_checkpoint_read_header(in_folder("none.h5", path), &read), GAN_BAD_FILE);
  assert_message("No such file");
  assert_int_equal(gan_checkpoint_read_header(folder, &read), GAN_BAD_FILE);
  assert_message("no regular file");

  write_bytes(in_folder("empty.h5", path), "", 0);
  assert_int_equal(gan_checkpoint_read_header(path, &read), GAN_BAD_FILE);
  assert_message("is no checkpoint but a file of an unknown kind");

  assert_int_equal(gan_metrics_open(in_folder("metrics.h5", path), 1, &group, -1, &metrics), GAN_OK);
  assert_int_equal(gan_metrics_close(metrics), GAN_OK);
  assert_int_equal(gan_checkpoint_verify(path), GAN_BAD_FILE);
  assert_message("is no checkpoint but a metrics file");

  const hid_t data = H5Fcreate(in_folder("data.h5", path), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Fclose(data) >= 0);
  assert_int_equal(gan_checkpoint_verify(path), GAN_BAD_FILE);
  assert_message("is no checkpoint but an HDF5 file of another kind");
}

static void a_newer_format_is_refused_as_newer(void **state) {
  (void)state;
  char path[PATH_MAX];
  size_t size = 0;
  write_one(in_folder("a.h5", path), 1);
  char *bytes = read_bytes(path, &size);
  assert_memory_equal(bytes, "gan_dist checkpoint 1\n", 22);
  bytes[20] = '2';
  write_bytes(path, bytes, size);
  assert_int_equal(gan_checkpoint_verify(path), GAN_BAD_FILE);
  assert_message("newer");
  free(bytes);
}

/* Writing over an old checkpoint, with the n-th event failing for n = 1, 2, ... until it gets through. */
static void sweep(gan_fault_kind kind, int at_least) {
  char path[PATH_MAX];
  size_t size = 0, size_now = 0;
  gan_tensor tensors[TENSORS];
  const gan_checkpoint newer = header(2);
  write_one(in_folder("a.h5", path), 1);
  char *before = read_bytes(path, &size);
  fill(tensors);
  for (int nth = 1;; nth++) {
    assert_true(nth < 1000);
    gan_fault_arm(kind, nth);
    const gan_status status = gan_checkpoint_write(path, &newer, TENSORS, tensors);
    const bool struck = gan_fault_has_struck(kind);
    gan_fault_arm(kind, 0);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
    assert_int_equal(count_files("partial"), 0);
    assert_int_equal(gan_checkpoint_verify(path), GAN_OK);
    if (!struck) {
      assert_true(nth > at_least);
      break;
    }
    if (kind == GAN_FAULT_WRITE) assert_message("No space left on device");
    if (kind == GAN_FAULT_WRITE) assert_message(path);
    char *now = read_bytes(path, &size_now);
    assert_int_equal(size_now, size);
    assert_memory_equal(now, before, size);
    free(now);
  }
  free(before);
  gan_checkpoint read;
  assert_int_equal(gan_checkpoint_read_header(path, &read), GAN_OK);
  assert_true(read.iteration == 2);
  gan_checkpoint_release(&read);
}

static void a_full_disk_at_any_write_leaves_the_old_checkpoint(void **state) {
  (void)state;
  sweep(GAN_FAULT_WRITE, 5);
}

static void a_failed_allocation_anywhere_leaves_the_old_checkpoint(void **state) {
  (void)state;
  sweep(GAN_FAULT_ALLOCATION, 1);
}

static void reading_with_any_failed_allocation_fails_cleanly(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_checkpoint read;
  gan_status status = GAN_FAILED;
  write_one(in_folder("a.h5", path), 1);
  for (int nth = 1; status != GAN_OK; nth++) {
    assert_true(nth < 100);
    gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    status = gan_checkpoint_read_header(path, &read);
    assert_int_equal(status, gan_fault_has_struck(GAN_FAULT_ALLOCATION) ? GAN_FAILED : GAN_OK);
  }
  gan_checkpoint_release(&read);
}

static void a_folder_that_is_not_there_is_named(void **state) {
  (void)state;
  char path[PATH_MAX];
  const gan_checkpoint checkpoint = header(1);
  assert_int_equal(gan_checkpoint_write(in_folder("none/a.h5", path), &checkpoint, 0, NULL), GAN_FAILED);
  assert_message(path);
  assert_message("No such file");
}

static void a_tensor_that_hdf5_refuses_is_named_and_leaves_nothing(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_tensor tensors[TENSORS];
  const gan_checkpoint checkpoint = header(1);
  fill(tensors);
  tensors[1] = tensors[0];
  assert_int_equal(gan_checkpoint_write(in_folder("a.h5", path), &checkpoint, 2, tensors), GAN_FAILED);
  assert_message("/generator/0.weight");
  assert_message("exists");
  assert_int_equal(count_files(""), 0);
}

typedef struct seen_tensors {
  int count;
  gan_tensor_summary summary[TENSORS];
  char path[TENSORS][GAN_TENSOR_PATH];
} seen_tensors;

static void see(void *context, const gan_tensor_summary *tensor) {
  seen_tensors *seen = context;
  assert_true(seen->count < TENSORS);
  seen->summary[seen->count] = *tensor;
  snprintf(seen->path[seen->count++], GAN_TENSOR_PATH, "%s", tensor->path);
}

static void visit(const char *path, seen_tensors *seen) {
  gan_checkpoint_file *opened = NULL;
  assert_int_equal(gan_checkpoint_open(path, &opened), GAN_OK);
  assert_int_equal(gan_checkpoint_visit(opened, see, seen), GAN_OK);
  gan_checkpoint_close(opened);
}

static void visiting_gives_range_mean_and_deviation_in_the_order_of_writing(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_tensor tensors[TENSORS];
  seen_tensors seen = {0};
  write_one(in_folder("a.h5", path), 1);
  fill(tensors);
  visit(path, &seen);
  assert_int_equal(seen.count, TENSORS);
  for (int i = 0; i < TENSORS; i++) assert_string_equal(seen.path[i], tensors[i].path);
  /* 0 .. 47: the mean of a discrete uniform distribution is 47/2, its variance (48^2 - 1) / 12. */
  assert_true(seen.summary[2].minimum == 0.0 && seen.summary[2].maximum == 47.0 && seen.summary[2].mean == 23.5);
  assert_true(fabs(seen.summary[2].standard_deviation - sqrt(2303.0 / 12.0)) < 1e-12);
  assert_int_equal(seen.summary[2].shape.rank, 5);
  assert_true(seen.summary[3].mean == 7.5 && seen.summary[3].standard_deviation == 0.0);
  assert_true(isnan(seen.summary[0].mean) && isnan(seen.summary[0].minimum)); /* holds a NaN */
  assert_true(isnan(seen.summary[4].mean));                                   /* holds nothing */
}

static void a_tensor_without_values_is_a_whole_number(void **state) {
  (void)state;
  char path[PATH_MAX];
  seen_tensors seen = {0};
  const gan_checkpoint checkpoint = header(1);
  const gan_tensor tensor = {.path = "/generator/1.num_batches_tracked", .number = ((int64_t)1 << 52) + 1};
  assert_int_equal(gan_checkpoint_write(in_folder("a.h5", path), &checkpoint, 1, &tensor), GAN_OK);
  visit(path, &seen);
  assert_int_equal(seen.count, 1);
  assert_string_equal(seen.path[0], tensor.path);
  assert_int_equal(seen.summary[0].shape.rank, 0);
  assert_true(seen.summary[0].mean == 4503599627370497.0 && seen.summary[0].standard_deviation == 0);
}

static void kinds_of_files_are_told_apart(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_file_kind kind = GAN_KIND_UNKNOWN;
  write_one(in_folder("a.h5", path), 1);
  assert_int_equal(gan_file_kind_of(path, &kind), GAN_OK);
  assert_int_equal(kind, GAN_KIND_CHECKPOINT);
  write_bytes(in_folder("text", path), "gan_dist", 8);
  assert_int_equal(gan_file_kind_of(path, &kind), GAN_OK);
  assert_int_equal(kind, GAN_KIND_UNKNOWN);
  assert_int_equal(gan_file_kind_of(in_folder("none", path), &kind), GAN_BAD_FILE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(attributes_come_back_as_they_were),
      FOLDER_TEST(a_best_value_of_none_and_a_long_configuration_come_back),
      FOLDER_TEST(tensors_come_back_bit_for_bit),
      FOLDER_TEST(tensors_of_many_chunks_come_back_bit_for_bit),
      FOLDER_TEST(equal_contents_give_equal_bytes),
      FOLDER_TEST(every_data_set_with_elements_has_fletcher32),
      FOLDER_TEST(every_flipped_bit_is_found),
      FOLDER_TEST(every_other_length_is_found),
      FOLDER_TEST(a_tensor_of_another_shape_is_named_with_both_shapes),
      FOLDER_TEST(an_absent_tensor_is_named),
      FOLDER_TEST(other_files_are_refused_by_what_they_are),
      FOLDER_TEST(a_newer_format_is_refused_as_newer),
      FOLDER_TEST(a_full_disk_at_any_write_leaves_the_old_checkpoint),
      FOLDER_TEST(a_failed_allocation_anywhere_leaves_the_old_checkpoint),
      FOLDER_TEST(reading_with_any_failed_allocation_fails_cleanly),
      FOLDER_TEST(a_folder_that_is_not_there_is_named),
      FOLDER_TEST(a_tensor_that_hdf5_refuses_is_named_and_leaves_nothing),
      FOLDER_TEST(visiting_gives_range_mean_and_deviation_in_the_order_of_writing),
      FOLDER_TEST(a_tensor_without_values_is_a_whole_number),
      FOLDER_TEST(kinds_of_files_are_told_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
