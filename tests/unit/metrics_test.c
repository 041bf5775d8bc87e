/* Metrics survive what happens to a run: readers while it writes, kills, resumptions, full disks. */
#include <hdf5.h>
#include <malloc.h>
#include <math.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/probe.h"
#include "store/metrics.h"
#include "store_support.h"

static const gan_column train_columns[] = {
    {"iteration", "1", "iterations done", NULL},
    {"critic_loss", "1", "loss of the critic", NULL},
    {"seconds", "s", "since the start", NULL},
};
static const gan_column eval_columns[] = {
    {"iteration", "1", "iterations done", NULL},
    {"sliced_wasserstein", "1", "distance of samples and data", NULL},
};
static const gan_metrics_group groups[] = {{"train", 3, train_columns}, {"eval", 2, eval_columns}};

static gan_metrics_file *open_metrics(int64_t keep_until) {
  char path[PATH_MAX];
  gan_metrics_file *file = NULL;
  assert_int_equal(gan_metrics_open(in_folder("metrics.h5", path), 2, groups, keep_until, &file), GAN_OK);
  return file;
}

static double loss_of(int64_t iteration) { return 1.0 / (double)iteration; }
static double seconds_of(int64_t iteration) { return 0.25 * (double)iteration; }

static void append_rows(gan_metrics_file *file, int64_t first, int64_t last) {
  for (int64_t i = first; i <= last; i++) {
    const double train[] = {(double)i, loss_of(i), seconds_of(i)}, eval[] = {(double)i, -loss_of(i)};
    assert_int_equal(gan_metrics_append(file, 0, train), GAN_OK);
    if (i % 10 == 0) assert_int_equal(gan_metrics_append(file, 1, eval), GAN_OK);
  }
}

static double *read_column(const char *group, const char *column, size_t *count) {
  char path[PATH_MAX];
  double *values = NULL;
  const gan_status status = gan_metrics_read(in_folder("metrics.h5", path), group, column, count, &values);
  if (status != GAN_OK) fail_msg("%s", gan_error_message());
  return values;
}

/* The train group holds rows of iterations 1 .. last, and the eval group every tenth. */
static void assert_rows(size_t last) {
  size_t count = 0;
  double *iteration = read_column("train", "iteration", &count);
  assert_int_equal(count, last);
  for (size_t i = 0; i < count; i++) assert_true(iteration[i] == (double)(i + 1));
  free(iteration);
  double *loss = read_column("train", "critic_loss", &count);
  assert_int_equal(count, last);
  for (size_t i = 0; i < count; i++) assert_true(loss[i] == loss_of((int64_t)i + 1));
  free(loss);
  double *seconds = read_column("train", "seconds", &count);
  assert_int_equal(count, last);
  for (size_t i = 0; i < count; i++) assert_true(seconds[i] == seconds_of((int64_t)i + 1));
  free(seconds);
  double *distance = read_column("eval", "sliced_wasserstein", &count);
  assert_int_equal(count, last / 10);
  for (size_t i = 0; i < count; i++) assert_true(distance[i] == -loss_of(10 * ((int64_t)i + 1)));
  free(distance);
}

static void rows_come_back_over_many_flushes(void **state) {
  (void)state;
  gan_metrics_file *file = open_metrics(-1);
  append_rows(file, 1, 1);
  assert_int_equal(gan_metrics_flush(file), GAN_OK);
  append_rows(file, 2, 700); /* over the first chunk's end */
  assert_int_equal(gan_metrics_flush(file), GAN_OK);
  assert_int_equal(gan_metrics_flush(file), GAN_OK);
  append_rows(file, 701, 2000);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  assert_rows(2000);
}

static void nan_and_infinity_are_values(void **state) {
  (void)state;
  size_t count = 0;
  const double row[] = {1, NAN, -INFINITY};
  gan_metrics_file *file = open_metrics(-1);
  assert_int_equal(gan_metrics_append(file, 0, row), GAN_OK);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  double *loss = read_column("train", "critic_loss", &count), *seconds = read_column("train", "seconds", &count);
  assert_true(isnan(loss[0]) && seconds[0] == -INFINITY);
  free(loss);
  free(seconds);
}

static void columns_are_listed_in_their_order(void **state) {
  (void)state;
  char path[PATH_MAX], **names = NULL;
  gan_metrics_file *file = open_metrics(-1);
  assert_int_equal(gan_metrics_columns(in_folder("metrics.h5", path), "train", &names), GAN_OK);
  for (int i = 0; i < 3; i++) assert_string_equal(names[i], train_columns[i].name);
  assert_null(names[3]);
  free(names);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
}

static void assert_text(hid_t object, const char *name, const char *expected) {
  char text[256] = "";
  const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT), type = H5Aget_type(attribute);
  assert_int_equal(H5Tis_variable_str(type), 0);
  assert_true(H5Tget_size(type) <= sizeof text && H5Aread(attribute, type, text) >= 0);
  assert_string_equal(text, expected);
  H5Tclose(type);
  H5Aclose(attribute);
}

static void assert_data_set(hid_t file, const char *path, const gan_column *column, hid_t type, hsize_t rows) {
  const hid_t data_set = H5Dopen2(file, path, H5P_DEFAULT);
  assert_true(data_set >= 0);
  const hid_t creation = H5Dget_create_plist(data_set), space = H5Dget_space(data_set), has = H5Dget_type(data_set);
  hsize_t size = 0, limit = 0;
  assert_text(data_set, "units", column->units);
  assert_text(data_set, "description", column->description);
  assert_int_equal(H5Sget_simple_extent_dims(space, &size, &limit), 1);
  assert_true(size == rows && limit == H5S_UNLIMITED);
  assert_true(H5Tequal(has, type) > 0);
  assert_int_equal(H5Pget_nfilters(creation), 1);
  assert_true(H5Pget_filter_by_id2(creation, H5Z_FILTER_FLETCHER32, NULL, NULL, NULL, 0, NULL, NULL) >= 0);
  H5Tclose(has);
  H5Sclose(space);
  H5Pclose(creation);
  H5Dclose(data_set);
}

static void resuming_keeps_units_types_and_one_length(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_metrics_file *file = open_metrics(-1);
  append_rows(file, 1, 30);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  file = open_metrics(25);
  append_rows(file, 26, 27);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  const hid_t read = H5Fopen(in_folder("metrics.h5", path), H5F_ACC_RDONLY, H5P_DEFAULT);
  assert_true(read >= 0);
  assert_data_set(read, "/train/iteration", &train_columns[0], H5T_STD_I64LE, 27);
  assert_data_set(read, "/train/critic_loss", &train_columns[1], H5T_IEEE_F64LE, 27);
  assert_data_set(read, "/train/seconds", &train_columns[2], H5T_IEEE_F64LE, 27);
  assert_data_set(read, "/eval/sliced_wasserstein", &eval_columns[1], H5T_IEEE_F64LE, 2);
  H5Fclose(read);
}

static void resuming_drops_rows_after_the_checkpoint(void **state) {
  (void)state;
  gan_metrics_file *file = open_metrics(-1);
  append_rows(file, 1, 1500);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  file = open_metrics(1234);
  assert_string_equal(gan_metrics_set_aside(file), "");
  assert_rows(1234);
  append_rows(file, 1235, 1240);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  assert_rows(1240);
  assert_int_equal(count_files(""), 1);
}

static void resuming_without_an_old_file_begins_one(void **state) {
  (void)state;
  gan_metrics_file *file = open_metrics(100);
  assert_string_equal(gan_metrics_set_aside(file), "");
  append_rows(file, 1, 10);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  assert_rows(10);
}

static void a_new_run_replaces_an_old_file(void **state) {
  (void)state;
  gan_metrics_file *file = open_metrics(-1);
  append_rows(file, 1, 50);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  file = open_metrics(-1);
  append_rows(file, 1, 20);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  assert_rows(20);
}

static void columns_are_found_by_name_when_the_table_has_changed(void **state) {
  (void)state;
  char path[PATH_MAX];
  size_t count = 0;
  const gan_column columns[] = {train_columns[0], {"score_real", "1", "new", NULL}, train_columns[1]};
  const gan_metrics_group changed[] = {{"train", 3, columns}, {"other", 2, eval_columns}};
  gan_metrics_file *file = open_metrics(-1);
  append_rows(file, 1, 5);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  assert_int_equal(gan_metrics_open(in_folder("metrics.h5", path), 2, changed, 3, &file), GAN_OK);
  assert_string_equal(gan_metrics_set_aside(file), "");
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  double *loss = read_column("train", "critic_loss", &count);
  assert_int_equal(count, 3);
  assert_true(loss[2] == loss_of(3));
  double *score = read_column("train", "score_real", &count);
  assert_int_equal(count, 3);
  assert_true(isnan(score[0]) && isnan(score[2]));
  double *other = read_column("other", "iteration", &count);
  assert_int_equal(count, 0);
  free(loss);
  free(score);
  free(other);
}

static void a_reader_sees_each_flush_while_the_file_is_open(void **state) {
  (void)state;
  gan_metrics_file *file = open_metrics(-1);
  assert_rows(0);
  append_rows(file, 1, 15);
  assert_rows(0);
  assert_int_equal(gan_metrics_flush(file), GAN_OK);
  assert_rows(15);
  append_rows(file, 16, 600);
  assert_int_equal(gan_metrics_flush(file), GAN_OK);
  assert_rows(600);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
}

/* In another process, so that nothing is shared but the file. Exits with 0 when it saw `last` rows in the end, and at
   all times whole rows. The limit is one of time: how often a file is read in it differs from machine to machine. */
static void read_until(size_t last) {
  const double limit = gan_seconds() + 60;
  char path[PATH_MAX];
  size_t count = 0, before = 0;
  in_folder("metrics.h5", path);
  while (before < last && gan_seconds() < limit) {
    double *iteration = NULL, *loss = NULL;
    size_t loss_count = 0;
    if (gan_metrics_read(path, "train", "iteration", &count, &iteration) != GAN_OK) _exit(1);
    if (gan_metrics_read(path, "train", "critic_loss", &loss_count, &loss) != GAN_OK) _exit(2);
    if (count < before || loss_count < count) _exit(3);
    for (size_t i = 0; i < count; i++)
      if (iteration[i] != (double)(i + 1) || loss[i] != loss_of((int64_t)i + 1)) _exit(4);
    before = count;
    free(iteration);
    free(loss);
  }
  _exit(before == last ? 0 : 5);
}

static void another_process_reads_whole_rows_at_all_times(void **state) {
  (void)state;
  enum { FLUSHES = 400, ROWS = 7 };
  const struct timespec pause = {0, 1000000};
  int result = 0;
  gan_metrics_file *file = open_metrics(-1);
  const pid_t reader = fork();
  if (reader == 0) read_until(FLUSHES * ROWS);
  assert_true(reader > 0);
  for (int64_t i = 0; i < FLUSHES; i++) {
    append_rows(file, i * ROWS + 1, (i + 1) * ROWS);
    assert_int_equal(gan_metrics_flush(file), GAN_OK);
    nanosleep(&pause, NULL);
  }
  assert_int_equal(waitpid(reader, &result, 0), reader);
  assert_true(WIFEXITED(result));
  assert_int_equal(WEXITSTATUS(result), 0);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
}

/* The file of a process that flushed so many rows, and was killed. */
static void leave_rows(int64_t rows) {
  int result = 0;
  const pid_t writer = fork();
  if (writer == 0) {
    gan_metrics_file *file = open_metrics(-1);
    append_rows(file, 1, 40);
    if (gan_metrics_flush(file) != GAN_OK) _exit(1);
    append_rows(file, 41, rows);
    if (gan_metrics_flush(file) != GAN_OK) _exit(1);
    append_rows(file, rows + 1, rows + 10);
    raise(SIGKILL);
  }
  assert_int_equal(waitpid(writer, &result, 0), writer);
  assert_true(WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL);
}

static void all_that_a_killed_writer_flushed_is_read_and_resumed(void **state) {
  (void)state;
  leave_rows(1300);
  assert_rows(1300);
  gan_metrics_file *file = open_metrics(1250);
  assert_string_equal(gan_metrics_set_aside(file), "");
  append_rows(file, 1251, 1260);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  assert_rows(1260);
}

/* The rows that a process had flushed when it was killed where the nth page of its files ended; *survived: there was no
   such page. */
static int64_t flushed_before_kill(int64_t nth, bool *survived) {
  int result = 0;
  int64_t *flushed = mmap(NULL, sizeof *flushed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(flushed != MAP_FAILED);
  *flushed = 0;
  const pid_t writer = fork();
  if (writer == 0) {
    static const int64_t ends[] = {40, 50, 500, 520, 1100, 1110};
    gan_fault_arm(GAN_FAULT_KILL, nth);
    gan_metrics_file *file = open_metrics(-1);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
      append_rows(file, *flushed + 1, ends[i]);
      if (gan_metrics_flush(file) != GAN_OK) _exit(1);
      *flushed = ends[i];
    }
    _exit(0);
  }
  assert_int_equal(waitpid(writer, &result, 0), writer);
  *survived = WIFEXITED(result);
  assert_true(*survived ? WEXITSTATUS(result) == 0 : WTERMSIG(result) == SIGKILL);
  const int64_t rows = *flushed;
  munmap(flushed, sizeof *flushed);
  return rows;
}

/* Between any two pages, in the middle of what HDF5 writes at once, too. */
static void killed_at_any_page_of_a_write_the_rows_before_are_there(void **state) {
  (void)state;
  bool survived = false;
  int64_t cut = 0;
  for (int64_t nth = 1; !survived; nth++) {
    char path[PATH_MAX];
    unlink(in_folder("metrics.h5", path));
    const int64_t rows = flushed_before_kill(nth, &survived);
    if (rows == 0) continue; /* readers have seen no row yet */
    gan_metrics_file *file = open_metrics(rows);
    assert_string_equal(gan_metrics_set_aside(file), "");
    assert_int_equal(gan_metrics_close(file), GAN_OK);
    assert_rows((size_t)rows);
    cut++;
  }
  assert_true(cut > 50);
}

/* Where the last chunk of a column begins in the file. */
static off_t last_chunk(const char *path, const char *column) {
  hsize_t count = 0, size = 0, offset = 0;
  haddr_t address = 0;
  unsigned mask = 0;
  const hid_t file = H5Fopen(path, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, H5P_DEFAULT);
  const hid_t data_set = H5Dopen2(file, column, H5P_DEFAULT), space = H5Dget_space(data_set);
  assert_true(H5Dget_num_chunks(data_set, space, &count) >= 0 && count > 0);
  assert_true(H5Dget_chunk_info(data_set, space, count - 1, &offset, &mask, &address, &size) >= 0);
  H5Sclose(space);
  H5Dclose(data_set);
  H5Fclose(file);
  return (off_t)address;
}

/* As after a power cut. To HDF5 the chunk is all zeros, the checksum of which is zero. */
static void rows_that_the_file_has_lost_are_no_zeros(void **state) {
  (void)state;
  char path[PATH_MAX], aside[PATH_MAX];
  size_t count = 0;
  double *values = NULL;
  struct stat about;
  leave_rows(600);
  in_folder("metrics.h5", path);
  const off_t end = last_chunk(path, "/train/iteration");
  assert_true(stat(path, &about) == 0 && end < about.st_size);
  assert_int_equal(truncate(path, end), 0);
  assert_int_equal(gan_metrics_read(path, "train", "iteration", &count, &values), GAN_BAD_FILE);
  assert_message("the file ends before its data");
  gan_metrics_file *file = open_metrics(600);
  assert_string_equal(gan_metrics_set_aside(file), in_folder("metrics.h5.damaged-1", aside));
  assert_int_equal(gan_metrics_close(file), GAN_OK);
}

/* With more columns than HDF5 keeps in a group's header. A bit is flipped in each block of the structures that list
   them (v2 B-tree leaf, fractal heap); another process lists the columns, since HDF5 frees what it never set when it
   meets such a block in the middle of a table of links. Memory that nobody set is made to be no valid pointer. */
static void damaged_links_of_columns_crash_nothing(void **state) {
  (void)state;
  enum { COLUMNS = 20, INTO_BLOCK = 44 };
  static char names[COLUMNS][16];
  gan_column columns[COLUMNS];
  char path[PATH_MAX];
  size_t size = 0, blocks = 0;
  for (int i = 0; i < COLUMNS; i++) {
    snprintf(names[i], sizeof names[i], i ? "column_%02d" : "iteration", i);
    columns[i] = (gan_column){names[i], "1", "of many", NULL};
  }
  const gan_metrics_group group = {"train", COLUMNS, columns};
  gan_metrics_file *file = NULL;
  assert_int_equal(gan_metrics_open(in_folder("metrics.h5", path), 1, &group, -1, &file), GAN_OK);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  char *bytes = read_bytes(path, &size);
  for (size_t i = 0; i + INTO_BLOCK < size; i++) {
    int result = 0;
    if (memcmp(bytes + i, "BTLF", 4) != 0 && memcmp(bytes + i, "FHDB", 4) != 0) continue;
    blocks++;
    bytes[i + INTO_BLOCK] ^= 16;
    write_bytes(path, bytes, size);
    bytes[i + INTO_BLOCK] ^= 16;
    const pid_t reader = fork();
    if (reader == 0) {
      char **listed = NULL;
#ifdef M_PERTURB
      mallopt(M_PERTURB, 0x5a);
#endif
      const gan_status status = gan_metrics_columns(path, "train", &listed);
      free(listed);
      _exit(status == GAN_OK || status == GAN_BAD_FILE ? 0 : 1);
    }
    assert_int_equal(waitpid(reader, &result, 0), reader);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
  }
  assert_in_range(blocks, 2, 50);
  free(bytes);
}

static void a_damaged_old_file_is_put_aside_and_a_new_one_begun(void **state) {
  (void)state;
  char path[PATH_MAX], aside[PATH_MAX];
  size_t size = 0;
  write_bytes(in_folder("metrics.h5.damaged-1", path), "older", 5);
  write_bytes(in_folder("metrics.h5", path), "no HDF5", 7);
  gan_metrics_file *file = open_metrics(10);
  assert_string_equal(gan_metrics_set_aside(file), in_folder("metrics.h5.damaged-2", aside));
  append_rows(file, 1, 3);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  assert_rows(3);
  char *bytes = read_bytes(aside, &size);
  assert_int_equal(size, 7);
  assert_memory_equal(bytes, "no HDF5", 7);
  free(bytes);
  assert_int_equal(count_files(""), 3);
}

static gan_status crash(void *context) {
  (void)context;
  raise(SIGKILL);
  return GAN_OK;
}

/* The file is sound, but a trial of it did not end well, and that is remembered. */
static void an_old_file_whose_trial_crashed_is_put_aside_unread(void **state) {
  (void)state;
  const gan_probe_limits limits = {.seconds = 60, .processor = 60, .bytes = (int64_t)1 << 30};
  char path[PATH_MAX], aside[PATH_MAX];
  gan_metrics_file *file = open_metrics(-1);
  append_rows(file, 1, 20);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  in_folder("metrics.h5", path);
  assert_int_equal(gan_probe_file(path, GAN_PROBE_METRICS, &limits, crash, NULL), GAN_BAD_FILE);
  assert_int_equal(gan_metrics_probe(path), GAN_BAD_FILE);
  file = open_metrics(10);
  assert_string_equal(gan_metrics_set_aside(file), in_folder("metrics.h5.damaged-1", aside));
  append_rows(file, 1, 3);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  assert_rows(3);
  assert_int_equal(gan_metrics_probe(path), GAN_OK); /* it is another file */
}

/* Resumes from the file as it is: 0 when all 20 rows are there, 1 when it was put aside and a new one begun; else what
   went wrong. */
static int resume_rows(const char *path) {
  gan_metrics_file *file = NULL;
  double *loss = NULL;
  size_t count = 0;
  const bool tried = gan_metrics_probe(path) == GAN_OK;
  if (gan_metrics_open(path, 2, groups, 20, &file) != GAN_OK) return 2;
  const bool put_aside = gan_metrics_set_aside(file)[0] != '\0';
  if (gan_metrics_close(file) != GAN_OK) return 3;
  if (gan_metrics_read(path, "train", "critic_loss", &count, &loss) != GAN_OK) return 4;
  if (count != (put_aside ? 0 : 20)) return 5;
  for (size_t i = 0; i < count; i++)
    if (loss[i] != loss_of((int64_t)i + 1)) return 6;
  free(loss);
  return put_aside || tried ? put_aside : 7;
}

/* Resumes from a file with one byte changed: whether it was put aside. In a process of its own that ends without HDF5's
   tidying up: after meeting damaged metadata, HDF5 1.10 has lost some of its own memory and says so then. */
static int resume_changed(const char *path, char *bytes, size_t size, size_t place, char value) {
  char aside[PATH_MAX];
  int result = 0;
  const char before = bytes[place];
  bytes[place] = value;
  write_bytes(path, bytes, size);
  bytes[place] = before;
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(resume_rows(path));
  }
  assert_int_equal(waitpid(child, &result, 0), child);
  if (!WIFEXITED(result) || WEXITSTATUS(result) > 1)
    fail_msg("byte %zu set to %d: %x", place, (unsigned char)value, (unsigned)result);
  unlink(in_folder("metrics.h5.damaged-1", aside));
  return WEXITSTATUS(result);
}

static void any_changed_byte_in_an_old_file_is_harmless_or_found(void **state) {
  (void)state;
  char path[PATH_MAX];
  size_t size = 0;
  int found = 0;
  gan_metrics_file *file = open_metrics(-1);
  append_rows(file, 1, 20);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  char *bytes = read_bytes(in_folder("metrics.h5", path), &size);
  for (size_t i = 0; i + 2 < size; i += size / 31) {
    found += resume_changed(path, bytes, size, i, (char)(bytes[i] ^ 0x10));
    found += resume_changed(path, bytes, size, i + 1, 0);
    found += resume_changed(path, bytes, size, i + 2, (char)0xff);
  }
  assert_true(found > 5);
  free(bytes);
}

static void a_full_disk_at_any_write_is_an_error_that_names_the_file(void **state) {
  (void)state;
  char path[PATH_MAX];
  int nth = 1, flushed_rows = 0;
  in_folder("metrics.h5", path);
  for (bool struck = true; struck; nth++) {
    assert_true(nth < 1000);
    gan_metrics_file *file = open_metrics(-1);
    append_rows(file, 1, 20);
    assert_int_equal(gan_metrics_flush(file), GAN_OK);
    append_rows(file, 21, 600);
    gan_fault_arm(GAN_FAULT_WRITE, nth);
    const gan_status flushed = gan_metrics_flush(file);
    struck = gan_fault_has_struck(GAN_FAULT_WRITE);
    assert_int_equal(flushed, struck ? GAN_FAILED : GAN_OK);
    if (struck) {
      assert_message(path);
      assert_message("No space left on device");
      assert_int_equal(gan_metrics_flush(file), GAN_FAILED);
      /* Readers find either state, and whole rows. */
      size_t count = 0;
      free(read_column("train", "iteration", &count));
      assert_true(count == 20 || count == 600);
      free(read_column("train", "seconds", &count));
      flushed_rows += count == 20;
    }
    gan_fault_arm(GAN_FAULT_WRITE, 0);
    assert_int_equal(gan_metrics_close(file), struck ? GAN_FAILED : GAN_OK);
    if (!struck) assert_rows(600);
  }
  assert_true(nth > 10 && flushed_rows > 5);
}

static void a_full_disk_while_closing_is_an_error(void **state) {
  (void)state;
  int nth = 1;
  for (bool struck = true; struck; nth++) {
    assert_true(nth < 1000);
    gan_metrics_file *file = open_metrics(-1);
    append_rows(file, 1, 20);
    gan_fault_arm(GAN_FAULT_WRITE, nth);
    const gan_status closed = gan_metrics_close(file);
    struck = gan_fault_has_struck(GAN_FAULT_WRITE);
    assert_int_equal(closed, struck ? GAN_FAILED : GAN_OK);
  }
  assert_true(nth > 10);
}

static void sweep_open(gan_fault_kind kind, int at_least) {
  char path[PATH_MAX];
  gan_metrics_file *file = open_metrics(-1);
  append_rows(file, 1, 50);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  for (int nth = 1;; nth++) {
    assert_true(nth < 1000);
    gan_fault_arm(kind, nth);
    const gan_status status = gan_metrics_open(in_folder("metrics.h5", path), 2, groups, 30, &file);
    const bool struck = gan_fault_has_struck(kind);
    gan_fault_arm(kind, 0);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
    assert_int_equal(count_files(""), 1);
    if (!struck) {
      assert_true(nth > at_least);
      break;
    }
    assert_null(file);
    assert_rows(50);
  }
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  assert_rows(30);
}

static void a_full_disk_while_resuming_leaves_the_old_file(void **state) {
  (void)state;
  sweep_open(GAN_FAULT_WRITE, 10);
}

static void no_memory_while_resuming_leaves_the_old_file(void **state) {
  (void)state;
  sweep_open(GAN_FAULT_ALLOCATION, 10);
}

static void no_memory_for_a_row_loses_no_other_row(void **state) {
  (void)state;
  const double row[] = {65, loss_of(65), seconds_of(65)};
  gan_metrics_file *file = open_metrics(-1);
  append_rows(file, 1, 64); /* what there is room for at first */
  gan_fault_arm(GAN_FAULT_ALLOCATION, 1);
  assert_int_equal(gan_metrics_append(file, 0, row), GAN_FAILED);
  gan_fault_arm(GAN_FAULT_ALLOCATION, 1);
  assert_int_equal(gan_metrics_flush(file), GAN_FAILED);
  assert_int_equal(gan_metrics_close(file), GAN_OK);
  assert_rows(64);
}

static void files_without_what_is_asked_for_are_refused(void **state) {
  (void)state;
  char path[PATH_MAX], **names = NULL;
  double *values = NULL;
  size_t count = 0;
  assert_int_equal(gan_metrics_read(in_folder("none.h5", path), "train", "seconds", &count, &values), GAN_BAD_FILE);
  assert_message("No such file");
  assert_int_equal(gan_metrics_close(open_metrics(-1)), GAN_OK);
  in_folder("metrics.h5", path);
  assert_int_equal(gan_metrics_read(path, "train", "score", &count, &values), GAN_BAD_FILE);
  assert_message("has no column /train/score");
  assert_int_equal(gan_metrics_read(path, "tests", "score", &count, &values), GAN_BAD_FILE);
  assert_int_equal(gan_metrics_columns(path, "tests", &names), GAN_BAD_FILE);
  assert_message("has no group /tests");
  assert_null(values);
  assert_null(names);
}

static void a_folder_that_is_not_there_is_named(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_metrics_file *file = NULL;
  assert_int_equal(gan_metrics_open(in_folder("none/metrics.h5", path), 2, groups, -1, &file), GAN_FAILED);
  assert_null(file);
  assert_message(path);
  assert_message("No such file");
  assert_int_equal(gan_metrics_close(NULL), GAN_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(damaged_links_of_columns_crash_nothing),
      FOLDER_TEST(rows_come_back_over_many_flushes),
      FOLDER_TEST(nan_and_infinity_are_values),
      FOLDER_TEST(columns_are_listed_in_their_order),
      FOLDER_TEST(resuming_keeps_units_types_and_one_length),
      FOLDER_TEST(resuming_drops_rows_after_the_checkpoint),
      FOLDER_TEST(resuming_without_an_old_file_begins_one),
      FOLDER_TEST(a_new_run_replaces_an_old_file),
      FOLDER_TEST(columns_are_found_by_name_when_the_table_has_changed),
      FOLDER_TEST(a_reader_sees_each_flush_while_the_file_is_open),
      FOLDER_TEST(another_process_reads_whole_rows_at_all_times),
      FOLDER_TEST(all_that_a_killed_writer_flushed_is_read_and_resumed),
      FOLDER_TEST(killed_at_any_page_of_a_write_the_rows_before_are_there),
      FOLDER_TEST(rows_that_the_file_has_lost_are_no_zeros),
      FOLDER_TEST(a_damaged_old_file_is_put_aside_and_a_new_one_begun),
      FOLDER_TEST(an_old_file_whose_trial_crashed_is_put_aside_unread),
      FOLDER_TEST(any_changed_byte_in_an_old_file_is_harmless_or_found),
      FOLDER_TEST(a_full_disk_at_any_write_is_an_error_that_names_the_file),
      FOLDER_TEST(a_full_disk_while_closing_is_an_error),
      FOLDER_TEST(a_full_disk_while_resuming_leaves_the_old_file),
      FOLDER_TEST(no_memory_while_resuming_leaves_the_old_file),
      FOLDER_TEST(no_memory_for_a_row_loses_no_other_row),
      FOLDER_TEST(files_without_what_is_asked_for_are_refused),
      FOLDER_TEST(a_folder_that_is_not_there_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
