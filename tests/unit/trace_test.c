/* A trace holds what was given to it, in the layout that other programs rely on, and tells when the disk is full. */
#include <hdf5.h>
#include <signal.h>
#include <sys/wait.h>

#include "store/kind.h"
#include "store/trace.h"
#include "store_support.h"

static const float real[6] = {0.1f, -0.2f, 0.3f, -0.4f, 0.5f, -0.6f};
static const float score[3] = {1.5f, 2.5f, -3.5f};

static hid_t open_trace(void) {
  char path[PATH_MAX];
  const hid_t file = H5Fopen(in_folder("trace.h5", path), H5F_ACC_RDONLY, H5P_DEFAULT);
  assert_true(file >= 0);
  return file;
}

static void assert_array(hid_t file, const char *path, int rank, const hsize_t *size, const float *values) {
  float found[64];
  hsize_t has[5];
  const hid_t data_set = H5Dopen2(file, path, H5P_DEFAULT);
  assert_true(data_set >= 0);
  const hid_t space = H5Dget_space(data_set), type = H5Dget_type(data_set);
  assert_int_equal(H5Sget_simple_extent_ndims(space), rank);
  H5Sget_simple_extent_dims(space, has, NULL);
  assert_memory_equal(has, size, (size_t)rank * sizeof *size);
  assert_true(H5Tequal(type, H5T_IEEE_F32LE) > 0);
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  assert_in_range(count, 1, 64);
  assert_true(H5Dread(data_set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, found) >= 0);
  assert_memory_equal(found, values, (size_t)count * sizeof *values);
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(data_set);
}

static void assert_update(hid_t file, const char *path, const char *network, int64_t iteration, int64_t step,
                          double loss) {
  char text[16] = "";
  int64_t value = -1;
  double number = -1.0;
  const hid_t group = H5Gopen2(file, path, H5P_DEFAULT);
  assert_true(group >= 0);
  hid_t attribute = H5Aopen(group, "network", H5P_DEFAULT);
  const hid_t type = H5Aget_type(attribute);
  assert_true(H5Tis_variable_str(type) == 0 && H5Tget_size(type) <= sizeof text);
  assert_true(H5Aread(attribute, type, text) >= 0);
  assert_string_equal(text, network);
  H5Tclose(type);
  H5Aclose(attribute);
  attribute = H5Aopen(group, "iteration", H5P_DEFAULT);
  assert_true(H5Aread(attribute, H5T_NATIVE_INT64, &value) >= 0 && value == iteration);
  H5Aclose(attribute);
  attribute = H5Aopen(group, "step", H5P_DEFAULT);
  assert_true(H5Aread(attribute, H5T_NATIVE_INT64, &value) >= 0 && value == step);
  H5Aclose(attribute);
  const hid_t data_set = H5Dopen2(group, "loss", H5P_DEFAULT), space = H5Dget_space(data_set);
  assert_int_equal(H5Sget_simple_extent_type(space), H5S_SCALAR);
  assert_true(H5Dread(data_set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &number) >= 0 && number == loss);
  H5Sclose(space);
  H5Dclose(data_set);
  H5Gclose(group);
}

static gan_status write_all(gan_trace *trace) {
  const gan_trace_array initial[] = {{"generator", {1, {3}}, score}, {"critic", {1, {6}}, real}};
  const gan_trace_array critic[] = {
      {"real", {2, {3, 2}}, real}, {"labels", {1, {3}}, NULL}, {"score_real", {1, {3}}, score}};
  const gan_trace_array generator[] = {{"score_fake", {1, {3}}, score}};
  GAN_TRY(gan_trace_write(trace, "/initial", 2, initial));
  GAN_TRY(gan_trace_update(trace, "critic", 1, 5, 0.1, 3, critic));
  return gan_trace_update(trace, "generator", 1, 1, -0.25, 1, generator);
}

static void assert_written(void) {
  const hid_t file = open_trace();
  assert_array(file, "/initial/generator", 1, (hsize_t[]){3}, score);
  assert_array(file, "/initial/critic", 1, (hsize_t[]){6}, real);
  assert_update(file, "/update_000000", "critic", 1, 5, 0.1);
  assert_array(file, "/update_000000/real", 2, (hsize_t[]){3, 2}, real);
  assert_array(file, "/update_000000/score_real", 1, (hsize_t[]){3}, score);
  assert_int_equal(H5Lexists(file, "/update_000000/labels", H5P_DEFAULT), 0);
  assert_update(file, "/update_000001", "generator", 1, 1, -0.25);
  assert_array(file, "/update_000001/score_fake", 1, (hsize_t[]){3}, score);
  assert_int_equal(H5Lexists(file, "/update_000002", H5P_DEFAULT), 0);
  H5Fclose(file);
}

static void a_trace_has_the_layout_of_the_design(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_trace *trace = NULL;
  gan_file_kind kind = GAN_KIND_UNKNOWN;
  assert_int_equal(gan_trace_open(in_folder("trace.h5", path), &trace), GAN_OK);
  assert_int_equal(write_all(trace), GAN_OK);
  assert_int_equal(gan_trace_close(trace), GAN_OK);
  assert_written();
  assert_int_equal(gan_file_kind_of(path, &kind), GAN_OK);
  assert_int_equal(kind, GAN_KIND_TRACE);
  assert_int_equal(gan_trace_close(NULL), GAN_OK);
}

static void the_trace_of_a_killed_program_can_be_read(void **state) {
  (void)state;
  char path[PATH_MAX];
  int result = 0;
  const pid_t writer = fork();
  if (writer == 0) {
    gan_trace *trace = NULL;
    if (gan_trace_open(in_folder("trace.h5", path), &trace) != GAN_OK || write_all(trace) != GAN_OK) _exit(1);
    raise(SIGKILL);
  }
  assert_int_equal(waitpid(writer, &result, 0), writer);
  assert_true(WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL);
  assert_written();
}

/* With the n-th event failing for n = 1, 2, ... until all gets through. */
static void sweep(gan_fault_kind kind, int at_least) {
  char path[PATH_MAX];
  in_folder("trace.h5", path);
  for (int nth = 1;; nth++) {
    gan_trace *trace = NULL;
    assert_true(nth < 1000);
    gan_fault_arm(kind, nth);
    gan_status status = gan_trace_open(path, &trace);
    if (status == GAN_OK) status = write_all(trace);
    const bool struck_before_close = gan_fault_has_struck(kind);
    assert_int_equal(status, struck_before_close ? GAN_FAILED : GAN_OK);
    if (trace && gan_trace_close(trace) != GAN_OK) status = GAN_FAILED;
    const bool struck = gan_fault_has_struck(kind);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
    if (!struck) {
      assert_true(nth > at_least);
      break;
    }
    if (kind == GAN_FAULT_WRITE) assert_message("No space left on device");
    if (kind == GAN_FAULT_WRITE) assert_message(path);
  }
  assert_written();
}

static void a_full_disk_at_any_write_is_an_error(void **state) {
  (void)state;
  sweep(GAN_FAULT_WRITE, 10);
}

static void a_failed_allocation_anywhere_is_an_error(void **state) {
  (void)state;
  sweep(GAN_FAULT_ALLOCATION, 1);
}

static void a_folder_that_is_not_there_is_named(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_trace *trace = NULL;
  assert_int_equal(gan_trace_open(in_folder("none/trace.h5", path), &trace), GAN_FAILED);
  assert_null(trace);
  assert_message(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(a_trace_has_the_layout_of_the_design), FOLDER_TEST(the_trace_of_a_killed_program_can_be_read),
      FOLDER_TEST(a_full_disk_at_any_write_is_an_error), FOLDER_TEST(a_failed_allocation_anywhere_is_an_error),
      FOLDER_TEST(a_folder_that_is_not_there_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
