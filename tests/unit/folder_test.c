/* Upkeep of a run's folder: the newest whole checkpoint is found, links point where they should, and nothing that is
   needed is removed. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/folder.h"
#include "store/checkpoint.h"
#include "store_support.h"

/* By the clock of the file system. */
static struct timespec now(void) {
  char path[PATH_MAX];
  struct stat about;
  write_bytes(in_folder("clock", path), "", 0);
  assert_int_equal(stat(path, &about), 0);
  assert_int_equal(unlink(path), 0);
  return about.st_mtim;
}

static struct timespec later(void) {
  struct timespec time = now();
  time.tv_sec++;
  return time;
}

static void write_iteration(int64_t iteration) {
  char path[PATH_MAX], config[] = "";
  float value = (float)iteration;
  const gan_tensor tensor = {.path = "/generator/0.bias", .shape = {1, {1}}, .data = &value};
  const gan_checkpoint checkpoint = {.iteration = iteration, .shards = 1, .data_shape = {1, {2}}, .config = config};
  gan_checkpoint_path(folder, iteration, path);
  assert_int_equal(gan_checkpoint_write(path, &checkpoint, 1, &tensor), GAN_OK);
}

static void damage(const char *name) {
  char path[PATH_MAX];
  size_t size = 0;
  char *bytes = read_bytes(in_folder(name, path), &size);
  bytes[size - 1] ^= 1;
  write_bytes(path, bytes, size);
  free(bytes);
}

static void assert_newest(const char *name, int damaged_expected) {
  char path[PATH_MAX], expected[PATH_MAX] = "";
  int damaged = -1;
  if (name[0]) in_folder(name, expected);
  assert_int_equal(gan_checkpoint_newest(folder, path, &damaged), GAN_OK);
  assert_string_equal(path, expected);
  assert_int_equal(damaged, damaged_expected);
}

static void link_to(const char *link, const char *target) {
  char path[PATH_MAX];
  assert_int_equal(gan_checkpoint_link(folder, link, in_folder(target, path)), GAN_OK);
}

static void touch(const char *name) {
  char path[PATH_MAX];
  write_bytes(in_folder(name, path), "x", 1);
}

/* Nobody may make folders in /sys, not even root. */
static void a_folder_that_may_not_be_made_is_named_with_the_reason(void **state) {
  (void)state;
  struct stat about;
  if (stat("/sys", &about) != 0) skip();
  assert_int_equal(gan_folder_create("/sys/runs/ring8"), GAN_FAILED);
  assert_non_null(strstr(gan_error_message(), "cannot make the folder /sys/runs: "));
  assert_null(strstr(gan_error_message(), strerror(ENOENT)));
}

static void a_name_has_seven_digits_or_more(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_checkpoint_path("runs/a", 1000, path);
  assert_string_equal(path, "runs/a/checkpoint-0001000.h5");
  gan_checkpoint_path("runs/a", 123456789, path);
  assert_string_equal(path, "runs/a/checkpoint-123456789.h5");
}

static void a_path_that_is_too_long_becomes_no_path(void **state) {
  (void)state;
  char path[PATH_MAX] = "x", longer[PATH_MAX];
  memset(longer, 'a', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  gan_checkpoint_path(longer, 1, path);
  assert_string_equal(path, "");
}

static void an_empty_or_absent_folder_has_no_newest(void **state) {
  (void)state;
  char path[PATH_MAX], absent[PATH_MAX];
  int damaged = -1;
  assert_newest("", 0);
  assert_int_equal(gan_checkpoint_newest(in_folder("none", absent), path, &damaged), GAN_OK);
  assert_string_equal(path, "");
  assert_int_equal(damaged, 0);
}

static void the_newest_is_the_highest_iteration_not_the_last_written(void **state) {
  (void)state;
  write_iteration(10000000); /* eight digits: sorts before the others by name */
  write_iteration(9999999);
  write_iteration(5);
  assert_newest("checkpoint-10000000.h5", 0);
}

static void damaged_checkpoints_are_counted_and_passed_over(void **state) {
  (void)state;
  write_iteration(1);
  write_iteration(2);
  write_iteration(3);
  damage("checkpoint-0000003.h5");
  assert_newest("checkpoint-0000002.h5", 1);
  touch("checkpoint-0000002.h5");
  assert_newest("checkpoint-0000001.h5", 2);
  damage("checkpoint-0000001.h5");
  assert_newest("", 3);
}

static void names_of_other_forms_are_not_checkpoints(void **state) {
  (void)state;
  write_iteration(7);
  touch("checkpoint-8.h5");
  touch("checkpoint-00000009.h5");
  touch("checkpoint-0000010.h5.partial-1");
  touch("checkpoint-0000011.h5.bak");
  touch("checkpoint-+000012.h5");
  touch("checkpoint--000012.h5");
  touch("checkpoint-99999999999999999999.h5");
  link_to("latest.h5", "checkpoint-8.h5");
  assert_newest("checkpoint-0000007.h5", 0);
}

static void all_are_listed_oldest_first(void **state) {
  (void)state;
  char absent[PATH_MAX];
  size_t count = 9;
  int64_t *iterations = NULL;
  assert_int_equal(gan_checkpoint_list(in_folder("none", absent), &count, &iterations), GAN_OK);
  assert_int_equal(count, 0);
  free(iterations);
  write_iteration(10000000);
  write_iteration(5);
  write_iteration(300);
  touch("checkpoint-8.h5");
  assert_int_equal(gan_checkpoint_list(folder, &count, &iterations), GAN_OK);
  assert_int_equal(count, 3);
  const int64_t expected[] = {5, 300, 10000000};
  assert_memory_equal(iterations, expected, sizeof expected);
  free(iterations);
}

static void no_memory_is_no_damage(void **state) {
  (void)state;
  char path[PATH_MAX];
  int damaged = 0, nth = 1;
  write_iteration(1);
  for (bool struck = true; struck; nth++) {
    assert_true(nth < 100);
    gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    const gan_status status = gan_checkpoint_newest(folder, path, &damaged);
    struck = gan_fault_has_struck(GAN_FAULT_ALLOCATION);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
    assert_int_equal(damaged, 0);
    assert_true(struck == (path[0] == '\0'));
  }
  assert_true(nth > 2);
}

static void a_link_is_relative_and_can_be_moved(void **state) {
  (void)state;
  char path[PATH_MAX], target[PATH_MAX] = "";
  write_iteration(1);
  write_iteration(2);
  link_to("latest.h5", "checkpoint-0000001.h5");
  assert_true(readlink(in_folder("latest.h5", path), target, sizeof target - 1) > 0);
  assert_string_equal(target, "checkpoint-0000001.h5");
  link_to("latest.h5", "checkpoint-0000002.h5");
  gan_checkpoint read;
  assert_int_equal(gan_checkpoint_read_header(path, &read), GAN_OK);
  assert_true(read.iteration == 2);
  gan_checkpoint_release(&read);
  assert_int_equal(count_files("partial"), 0);
}

static void a_link_that_cannot_be_made_leaves_the_old_one(void **state) {
  (void)state;
  char path[PATH_MAX], target[PATH_MAX] = "";
  link_to("best.h5", "checkpoint-0000001.h5");
  gan_fault_arm(GAN_FAULT_WRITE, 1);
  assert_int_equal(gan_checkpoint_link(folder, "best.h5", in_folder("checkpoint-0000002.h5", path)), GAN_FAILED);
  assert_true(readlink(in_folder("best.h5", path), target, sizeof target - 1) > 0);
  assert_string_equal(target, "checkpoint-0000001.h5");
  assert_int_equal(count_files("partial"), 0);
}

static void pruning_keeps_the_newest_the_best_and_the_latest(void **state) {
  (void)state;
  for (int64_t i = 1; i <= 6; i++) write_iteration(i);
  link_to("best.h5", "checkpoint-0000002.h5");
  link_to("latest.h5", "checkpoint-0000003.h5");
  gan_checkpoint_prune(folder, 2, now());
  assert_false(exists("checkpoint-0000001.h5"));
  assert_true(exists("checkpoint-0000002.h5"));
  assert_true(exists("checkpoint-0000003.h5"));
  assert_false(exists("checkpoint-0000004.h5"));
  assert_true(exists("checkpoint-0000005.h5"));
  assert_true(exists("checkpoint-0000006.h5"));
  gan_checkpoint_prune(folder, 0, now());
  assert_int_equal(count_files("checkpoint-"), 2);
  assert_true(exists("best.h5") && exists("latest.h5"));
}

static void pruning_without_links_keeps_the_newest(void **state) {
  (void)state;
  for (int64_t i = 1; i <= 3; i++) write_iteration(i);
  gan_checkpoint_prune(folder, 1, now());
  assert_int_equal(count_files("checkpoint-"), 1);
  assert_true(exists("checkpoint-0000003.h5"));
}

/* A number that no process has any more. */
static long ended_process(void) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  assert_int_equal(waitpid(child, NULL, 0), child);
  return (long)child;
}

static void pruning_removes_what_interrupted_writes_left_and_nothing_else(void **state) {
  (void)state;
  static const char *const left[] = {"checkpoint-0000009.h5", "metrics.h5", "latest.h5", "samples-0001000.png"};
  static const char *const others[] = {"checkpoint-0000009.h5.partial-", "checkpoint-0000009.h5.partial-12a",
                                       "notes.partial-12", "metrics.h5.damaged-1", "thesis.h5"};
  char names[sizeof left / sizeof *left][64];
  for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
    snprintf(names[i], sizeof names[i], "%s.partial-%ld", left[i], i == 1 ? (long)getpid() : ended_process());
    touch(names[i]);
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) touch(others[i]);
  gan_checkpoint_prune(folder, 1, later());
  for (size_t i = 0; i < sizeof left / sizeof *left; i++) assert_false(exists(names[i]));
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert_true(exists(others[i]));
}

/* `gan_dist sample -o RUN/samples-x.png` here, and on another host. */
static void pruning_leaves_the_files_that_others_are_writing(void **state) {
  (void)state;
  char here[64], elsewhere[64];
  snprintf(here, sizeof here, "samples-a.png.partial-%ld", (long)getppid());
  snprintf(elsewhere, sizeof elsewhere, "samples-b.png.partial-%ld", ended_process());
  touch(here);
  gan_checkpoint_prune(folder, 1, later());
  assert_true(exists(here));
  const struct timespec since = now();
  touch(elsewhere);
  gan_checkpoint_prune(folder, 1, since);
  assert_true(exists(elsewhere));
  gan_checkpoint_prune(folder, 1, later());
  assert_false(exists(elsewhere));
}

/* What a run does at every checkpoint, with the disk full at the n-th write for n = 1, 2, ... until it gets through. */
static void a_full_disk_during_a_save_leaves_a_checkpoint_to_resume_from(void **state) {
  (void)state;
  char path[PATH_MAX], newest[PATH_MAX], config[] = "";
  float value = 2.0f;
  int damaged = 0;
  const gan_tensor tensor = {.path = "/generator/0.bias", .shape = {1, {1}}, .data = &value};
  const gan_checkpoint checkpoint = {.iteration = 2, .shards = 1, .data_shape = {1, {2}}, .config = config};
  write_iteration(1);
  link_to("latest.h5", "checkpoint-0000001.h5");
  for (int nth = 1;; nth++) {
    assert_true(nth < 1000);
    gan_checkpoint_path(folder, 2, path);
    unlink(path);
    gan_fault_arm(GAN_FAULT_WRITE, nth);
    gan_status status = gan_checkpoint_write(path, &checkpoint, 1, &tensor);
    const bool written = status == GAN_OK;
    if (written) status = gan_checkpoint_link(folder, "latest.h5", path);
    if (status == GAN_OK) gan_checkpoint_prune(folder, 1, now());
    const bool struck = gan_fault_has_struck(GAN_FAULT_WRITE);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
    assert_int_equal(gan_checkpoint_newest(folder, newest, &damaged), GAN_OK);
    assert_int_equal(damaged, 0);
    assert_string_equal(strrchr(newest, '/'), written ? "/checkpoint-0000002.h5" : "/checkpoint-0000001.h5");
    assert_int_equal(count_files("partial"), 0);
    if (!struck) break;
    assert_true(exists("checkpoint-0000001.h5"));
    assert_int_equal(gan_checkpoint_verify(in_folder("latest.h5", path)), GAN_OK);
  }
  assert_false(exists("checkpoint-0000001.h5"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_folder_that_may_not_be_made_is_named_with_the_reason),
      FOLDER_TEST(a_name_has_seven_digits_or_more),
      FOLDER_TEST(a_path_that_is_too_long_becomes_no_path),
      FOLDER_TEST(an_empty_or_absent_folder_has_no_newest),
      FOLDER_TEST(the_newest_is_the_highest_iteration_not_the_last_written),
      FOLDER_TEST(damaged_checkpoints_are_counted_and_passed_over),
      FOLDER_TEST(names_of_other_forms_are_not_checkpoints),
      FOLDER_TEST(all_are_listed_oldest_first),
      FOLDER_TEST(no_memory_is_no_damage),
      FOLDER_TEST(a_link_is_relative_and_can_be_moved),
      FOLDER_TEST(a_link_that_cannot_be_made_leaves_the_old_one),
      FOLDER_TEST(pruning_keeps_the_newest_the_best_and_the_latest),
      FOLDER_TEST(pruning_without_links_keeps_the_newest),
      FOLDER_TEST(pruning_removes_what_interrupted_writes_left_and_nothing_else),
      FOLDER_TEST(pruning_leaves_the_files_that_others_are_writing),
      FOLDER_TEST(a_full_disk_during_a_save_leaves_a_checkpoint_to_resume_from),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
