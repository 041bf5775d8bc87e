/* Whatever a child does that tries a file, its parent goes on, in time, and says what is wrong with the file. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/probe.h"
#include "store_support.h"

static const gan_probe_limits generous = {.seconds = 60, .processor = 60, .bytes = (int64_t)1 << 30};

static const char *make_file(void) {
  static char path[PATH_MAX];
  static int number;
  char name[32];
  snprintf(name, sizeof name, "file-%d", number++);
  write_bytes(in_folder(name, path), name, strlen(name));
  return path;
}

/* In a way of its own each time, so that nothing is remembered of it. */
static gan_status try_look(gan_probe_look look, void *context, gan_probe_limits limits) {
  static uint64_t way = 1000;
  return gan_probe_file(make_file(), way++, &limits, look, context);
}

static gan_status say(void *context) {
  const gan_status status = *(const gan_status *)context;
  return status == GAN_OK ? status : gan_fail(status, "what it says");
}

static void errors_of_the_trial_are_errors_of_the_file(void **state) {
  (void)state;
  gan_status status = GAN_OK;
  assert_int_equal(try_look(say, &status, generous), GAN_OK);
  status = GAN_BAD_FILE;
  assert_int_equal(try_look(say, &status, generous), GAN_BAD_FILE);
  assert_string_equal(gan_error_message(), "what it says");
  status = GAN_FAILED;
  assert_int_equal(try_look(say, &status, generous), GAN_BAD_FILE);
  assert_string_equal(gan_error_message(), "what it says");
  status = GAN_BAD_USAGE; /* the file has been read, and the user will be told when it is used */
  assert_int_equal(try_look(say, &status, generous), GAN_OK);
}

static gan_status die(void *context) {
  raise(*(const int *)context);
  return GAN_OK;
}

static void a_trial_that_crashes_is_an_error_of_the_file(void **state) {
  (void)state;
  int signals[] = {SIGKILL, SIGSEGV, SIGABRT, SIGBUS, SIGFPE};
  for (int i = 0; i < 5; i++) {
    assert_int_equal(try_look(die, &signals[i], generous), GAN_BAD_FILE);
    assert_message(folder);
    assert_message("is damaged: reading it ended the process");
    if (i == 0) assert_message("Killed");
  }
}

static gan_status spin(void *context) {
  volatile int *ends = context;
  while (!*ends) continue;
  return GAN_OK;
}

static gan_status sleep_on(void *context) {
  volatile int *ends = context;
  while (!*ends) pause();
  return GAN_OK;
}

static void a_trial_without_end_is_ended(void **state) {
  (void)state;
  int ends = 0;
  gan_probe_limits limits = generous;
  limits.processor = 1;
  assert_int_equal(try_look(spin, &ends, limits), GAN_BAD_FILE);
  assert_message("came to no end in 1 s of computing");
  limits.seconds = 0.1;
  const double start = gan_seconds();
  assert_int_equal(try_look(sleep_on, &ends, limits), GAN_BAD_FILE);
  assert_message("came to no end in 0.1 s");
  assert_true(gan_seconds() - start < 30);
}

static gan_status take_memory(void *context) {
  char *memory = NULL;
  GAN_TRY(gan_allocate(*(const size_t *)context, 1, "a hostile file", &memory));
  free(memory);
  return GAN_OK;
}

static void memory_of_a_trial_is_limited(void **state) {
  (void)state;
#ifdef __SANITIZE_ADDRESS__
  skip();
#endif
  size_t bytes = (size_t)100 << 20;
  assert_int_equal(try_look(take_memory, &bytes, generous), GAN_OK);
  bytes = (size_t)1100 << 20;
  assert_int_equal(try_look(take_memory, &bytes, generous), GAN_BAD_FILE);
  assert_message("a hostile file");
}

static gan_status count(void *context) {
  ++*(int *)context;
  return GAN_OK;
}

static void what_was_found_is_remembered_until_the_file_changes(void **state) {
  (void)state;
  int *looks = mmap(NULL, sizeof *looks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const char *path = make_file();
  for (int i = 0; i < 3; i++) assert_int_equal(gan_probe_file(path, 1, &generous, count, looks), GAN_OK);
  assert_int_equal(*looks, 1);
  for (int i = 0; i < 3; i++) assert_int_equal(gan_probe_file(path, 2, &generous, count, looks), GAN_OK);
  assert_int_equal(*looks, 2);
  assert_int_equal(truncate(path, 1000), 0);
  for (int i = 0; i < 3; i++) assert_int_equal(gan_probe_file(path, 1, &generous, count, looks), GAN_OK);
  assert_int_equal(*looks, 3);
  /* Errors, too, with their words. */
  int number = SIGKILL;
  path = make_file();
  assert_int_equal(gan_probe_file(path, 1, &generous, die, &number), GAN_BAD_FILE);
  assert_int_equal(gan_fail(GAN_FAILED, "something else"), GAN_FAILED);
  assert_int_equal(gan_probe_file(path, 1, &generous, count, looks), GAN_BAD_FILE);
  assert_message("ended the process");
  assert_int_equal(*looks, 3);
  munmap(looks, sizeof *looks);
}

static gan_status shout(void *context) {
  (void)context;
  fprintf(stderr, "HDF5 crashes\n");
  fflush(stderr);
  raise(SIGABRT);
  return GAN_OK;
}

static void a_trial_says_nothing_and_leaves_nothing_behind(void **state) {
  (void)state;
  char path[PATH_MAX];
  struct stat about;
  fflush(stderr);
  const int before = dup(STDERR_FILENO);
  FILE *log = fopen(in_folder("log", path), "w");
  dup2(fileno(log), STDERR_FILENO);
  const gan_status status = try_look(shout, NULL, generous);
  dup2(before, STDERR_FILENO);
  close(before);
  fclose(log);
  assert_int_equal(status, GAN_BAD_FILE);
  assert_int_equal(stat(path, &about), 0);
  assert_int_equal(about.st_size, 0);
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
  assert_int_equal(errno, ECHILD);
  assert_int_equal(count_files("core"), 0);
}

static void only_regular_files_are_tried(void **state) {
  (void)state;
  int number = SIGKILL;
  char path[PATH_MAX];
  assert_int_equal(gan_probe_file("/dev/zero", 1, &generous, die, &number), GAN_OK);
  assert_int_equal(gan_probe_file(folder, 1, &generous, die, &number), GAN_OK);
  assert_int_equal(gan_probe_file(in_folder("none", path), 1, &generous, die, &number), GAN_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(errors_of_the_trial_are_errors_of_the_file),
      FOLDER_TEST(a_trial_that_crashes_is_an_error_of_the_file),
      FOLDER_TEST(a_trial_without_end_is_ended),
      FOLDER_TEST(memory_of_a_trial_is_limited),
      FOLDER_TEST(what_was_found_is_remembered_until_the_file_changes),
      FOLDER_TEST(a_trial_says_nothing_and_leaves_nothing_behind),
      FOLDER_TEST(only_regular_files_are_tried),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
