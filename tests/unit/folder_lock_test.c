/* A run's folder is one process's: who comes second is told by whom it is held, whatever became of the holder is
   noticed, with locks of the kernel and without. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/folder_lock.h"
#include "store/holder.h"
#include "store_support.h"

static const char *lock_path(char *path) { return in_folder(GAN_LOCK_FILE, path); }

static gan_folder_lock *take(void) {
  gan_folder_lock *lock = NULL;
  if (gan_folder_lock_take(folder, 0, &lock) != GAN_OK) fail_msg("%s", gan_error_message());
  return lock;
}

static void assert_refused(const char *words) {
  gan_folder_lock *lock = NULL;
  assert_int_equal(gan_folder_lock_take(folder, 0, &lock), GAN_BAD_USAGE);
  assert_null(lock);
  assert_message(words);
}

/* A process that has taken the folder, and waits to be ended. */
static pid_t holder(void) {
  int ready[2];
  char byte = 0;
  assert_int_equal(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    gan_folder_lock *lock = NULL;
    if (gan_folder_lock_take(folder, 0, &lock) == GAN_OK && write(ready[1], "x", 1) == 1) pause();
    _exit(1);
  }
  close(ready[1]);
  assert_int_equal(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  return child;
}

static void end(pid_t child) {
  kill(child, SIGKILL);
  assert_int_equal(waitpid(child, NULL, 0), child);
}

static void write_lock(const char *host, long pid, unsigned long long started, int64_t silence) {
  char path[PATH_MAX], text[512];
  snprintf(text, sizeof text, "gan_dist\nhost %s\npid %ld\nsince yesterday\nboot \nstarted %llu\n", host, pid, started);
  write_bytes(lock_path(path), text, strlen(text));
  const struct timespec touched = {time(NULL) - silence, 0}, times[] = {touched, touched};
  assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void rewrite(const char *from, const char *to) {
  char path[PATH_MAX], text[1024] = "";
  size_t size = 0;
  char *bytes = read_bytes(lock_path(path), &size);
  bytes[size] = '\0';
  char *place = strstr(bytes, from);
  assert_non_null(place);
  snprintf(text, sizeof text, "%.*s%s%s", (int)(place - bytes), bytes, to, place + strlen(from));
  write_bytes(path, text, strlen(text));
  free(bytes);
}

static void a_second_process_is_told_who_holds_the_folder(void **state) {
  (void)state;
  char words[512], host[256];
  const pid_t child = holder();
  assert_int_equal(gethostname(host, sizeof host), 0);
  snprintf(words, sizeof words, "%s is in use by process %ld on host %s, since 2", folder, (long)child, host);
  assert_refused(words);
  assert_null(strstr(gan_error_message(), "dead"));
  end(child);
}

static void one_process_does_not_take_a_folder_twice(void **state) {
  (void)state;
  gan_folder_lock *lock = take();
  assert_refused("in use by process");
  gan_folder_lock_release(lock);
  assert_int_equal(count_files(""), 0);
  gan_folder_lock_release(take());
}

static void a_killed_holder_bars_nobody(void **state) {
  (void)state;
  end(holder());
  assert_true(exists(GAN_LOCK_FILE));
  gan_folder_lock_release(take());
  assert_int_equal(count_files(""), 0);
}

static void a_holder_that_is_going_is_waited_for(void **state) {
  (void)state;
  gan_folder_lock *lock = NULL;
  const pid_t child = holder();
  const pid_t killer = fork();
  if (killer == 0) {
    nanosleep(&(struct timespec){0, 200 * 1000 * 1000}, NULL);
    kill(child, SIGKILL);
    _exit(0);
  }
  assert_int_equal(gan_folder_lock_take(folder, 60, &lock), GAN_OK);
  gan_folder_lock_release(lock);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_int_equal(waitpid(killer, NULL, 0), killer);
}

/* As one with much memory, which the kernel has not yet taken from it; here a child has the lock for a little longer.
 */
static void a_holder_that_was_killed_is_waited_for_without_patience(void **state) {
  (void)state;
  gan_folder_lock *lock = NULL;
  siginfo_t info;
  const pid_t child = fork();
  if (child == 0) {
    if (gan_folder_lock_take(folder, 0, &lock) == GAN_OK && fork() == 0)
      nanosleep(&(struct timespec){0, 300000000}, NULL);
    _exit(0);
  }
  assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
  assert_int_equal(gan_folder_lock_take(folder, 0, &lock), GAN_OK);
  gan_folder_lock_release(lock);
  assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Each adds one to a number in a file that is nobody's while it is being changed, but for the lock. */
static void of_many_processes_one_has_the_folder_at_a_time(void **state) {
  (void)state;
  enum { PROCESSES = 8, TURNS = 20 };
  char path[PATH_MAX];
  pid_t children[PROCESSES];
  write_bytes(in_folder("number", path), "0", 1);
  for (int i = 0; i < PROCESSES; i++) {
    children[i] = fork();
    if (children[i] != 0) continue;
    for (int turn = 0; turn < TURNS; turn++) {
      gan_folder_lock *lock = NULL;
      int number = -1;
      if (gan_folder_lock_take(folder, 60, &lock) != GAN_OK) _exit(1);
      FILE *file = fopen(path, "r+");
      if (!file || fscanf(file, "%d", &number) != 1) _exit(2);
      rewind(file);
      fprintf(file, "%d", number + 1);
      fclose(file);
      gan_folder_lock_release(lock);
    }
    _exit(0);
  }
  for (int i = 0; i < PROCESSES; i++) {
    int status = -1;
    assert_int_equal(waitpid(children[i], &status, 0), children[i]);
    assert_int_equal(status, 0);
  }
  size_t size = 0;
  char *bytes = read_bytes(path, &size);
  bytes[size] = '\0';
  assert_int_equal(atoi(bytes), PROCESSES * TURNS);
  free(bytes);
}

static void a_lock_is_not_inherited_by_programs_that_are_started(void **state) {
  (void)state;
  gan_folder_lock *lock = take();
  const pid_t child = fork();
  if (child == 0) {
    execlp("sleep", "sleep", "60", (char *)NULL);
    _exit(1);
  }
  char path[64], name[256] = "";
  snprintf(path, sizeof path, "/proc/%ld/comm", (long)child);
  for (int i = 0; i < 500 && strncmp(name, "sleep", 5) != 0; i++) {
    FILE *file = fopen(path, "r");
    if (file && !fgets(name, sizeof name, file)) name[0] = '\0';
    if (file) fclose(file);
    nanosleep(&(struct timespec){0, 10 * 1000 * 1000}, NULL);
  }
  gan_folder_lock_release(lock);
  gan_folder_lock_release(take());
  end(child);
}

static void a_folder_that_was_made_and_not_used_is_removed_again(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_folder_lock *lock = NULL;
  assert_int_equal(gan_folder_lock_take(in_folder("run", path), 0, &lock), GAN_OK);
  assert_true(exists("run/" GAN_LOCK_FILE));
  gan_folder_lock_release(lock);
  assert_false(exists("run"));
}

static void a_folder_that_may_not_be_written_to_is_no_folder_in_use(void **state) {
  (void)state;
  struct stat about;
  gan_folder_lock *lock = NULL;
  if (stat("/sys", &about) != 0) skip();
  assert_int_equal(gan_folder_lock_take("/sys", 0, &lock), GAN_FAILED);
  assert_message("cannot write /sys/run.lock: ");
}

static void a_full_disk_leaves_no_lock(void **state) {
  (void)state;
  gan_folder_lock *lock = NULL;
  gan_fault_arm(GAN_FAULT_WRITE, 1);
  assert_int_equal(gan_folder_lock_take(folder, 0, &lock), GAN_FAILED);
  assert_message("make room");
  assert_int_equal(count_files(""), 0);
  gan_folder_lock_release(take());
}

static void a_moved_folder_is_missed_and_found(void **state) {
  (void)state;
  char from[PATH_MAX], to[PATH_MAX], words[2 * PATH_MAX + 64];
  gan_folder_lock *lock = NULL;
  assert_int_equal(gan_folder_lock_take(in_folder("a", from), 0, &lock), GAN_OK);
  assert_int_equal(gan_folder_lock_check(lock), GAN_OK);
  assert_int_equal(rename(from, in_folder("b", to)), 0);
  assert_int_equal(gan_folder_lock_check(lock), GAN_FAILED);
  snprintf(words, sizeof words, "folder %s was moved to %s while", from, to);
  assert_message(words);
  assert_int_equal(mkdir(from, 0700), 0); /* another one of that name is not it */
  assert_int_equal(gan_folder_lock_check(lock), GAN_FAILED);
  assert_int_equal(rmdir(from), 0);
  assert_int_equal(rename(to, from), 0);
  assert_int_equal(gan_folder_lock_check(lock), GAN_OK);
  gan_folder_lock_release(lock);
}

static void a_removed_folder_is_missed(void **state) {
  (void)state;
  char path[PATH_MAX], file[PATH_MAX];
  gan_folder_lock *lock = NULL;
  assert_int_equal(gan_folder_lock_take(in_folder("a", path), 0, &lock), GAN_OK);
  assert_int_equal(unlink(in_folder("a/" GAN_LOCK_FILE, file)), 0);
  assert_int_equal(rmdir(path), 0);
  assert_int_equal(gan_folder_lock_check(lock), GAN_FAILED);
  assert_message("was removed while training");
  gan_folder_lock_release(lock);
}

static void a_removed_lock_file_is_made_again(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_folder_lock *lock = take();
  assert_int_equal(unlink(lock_path(path)), 0);
  assert_int_equal(gan_folder_lock_check(lock), GAN_OK);
  assert_refused("in use by process");
  assert_int_equal(gan_folder_lock_check(lock), GAN_OK);
  gan_folder_lock_release(lock);
  assert_int_equal(count_files(""), 0);
}

static void who_lost_the_folder_to_another_process_stops(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_folder_lock *lock = take();
  assert_int_equal(unlink(lock_path(path)), 0);
  const pid_t child = holder();
  assert_int_equal(gan_folder_lock_check(lock), GAN_FAILED);
  assert_message("has taken the folder since");
  gan_folder_lock_release(lock);
  assert_true(exists(GAN_LOCK_FILE));
  end(child);
}

/* --- on a file system without locks --- */

static void without_locks_a_second_process_is_refused_too(void **state) {
  (void)state;
  gan_fault_arm(GAN_FAULT_LOCK, 1);
  gan_folder_lock *lock = take();
  assert_refused("if it is known to be dead, remove");
  gan_folder_lock_release(lock);
  assert_int_equal(count_files(""), 0);
}

static void without_locks_a_killed_holder_bars_nobody(void **state) {
  (void)state;
  gan_fault_arm(GAN_FAULT_LOCK, 1);
  const pid_t child = holder();
  assert_refused("in use by process");
  kill(child, SIGKILL);
  siginfo_t info; /* dead, but its number is still its own */
  assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
  gan_folder_lock_release(take());
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_int_equal(count_files(""), 0);
}

static void without_locks_a_number_given_anew_is_not_the_holder(void **state) {
  (void)state;
  gan_fault_arm(GAN_FAULT_LOCK, 1);
  const pid_t child = holder();
  assert_refused("in use by process");
  rewrite("started ", "started 9");
  gan_folder_lock_release(take());
  end(child);
}

static void without_locks_a_host_booted_since_has_no_holder(void **state) {
  (void)state;
  gan_fault_arm(GAN_FAULT_LOCK, 1);
  const pid_t child = holder();
  rewrite("boot ", "boot f");
  gan_folder_lock_release(take());
  end(child);
}

static void without_locks_another_host_is_alive_while_it_touches_the_file(void **state) {
  (void)state;
  gan_fault_arm(GAN_FAULT_LOCK, 1);
  write_lock("elsewhere", 1, 1, GAN_LOCK_SILENCE / 2);
  assert_refused("process 1 on host elsewhere, since yesterday");
  write_lock("elsewhere", 1, 1, GAN_LOCK_SILENCE + 10);
  gan_folder_lock *lock = take();
  write_lock("elsewhere", 1, 1, GAN_LOCK_SILENCE + 10);
  gan_folder_lock_touch(lock);
  assert_refused("elsewhere");
  gan_folder_lock_release(lock);
}

static void a_lock_file_that_says_nothing_is_of_one_that_has_only_begun(void **state) {
  (void)state;
  char path[PATH_MAX];
  gan_fault_arm(GAN_FAULT_LOCK, 1);
  write_bytes(lock_path(path), "", 0);
  assert_refused("another process, which has only just begun");
}

static int end_faults(void **state) {
  gan_fault_arm(GAN_FAULT_LOCK, 0);
  return remove_folder(state);
}

#define LOCK_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, end_faults)

int main(void) {
  const struct CMUnitTest tests[] = {
      LOCK_TEST(a_second_process_is_told_who_holds_the_folder),
      LOCK_TEST(one_process_does_not_take_a_folder_twice),
      LOCK_TEST(a_killed_holder_bars_nobody),
      LOCK_TEST(a_holder_that_is_going_is_waited_for),
      LOCK_TEST(a_holder_that_was_killed_is_waited_for_without_patience),
      LOCK_TEST(of_many_processes_one_has_the_folder_at_a_time),
      LOCK_TEST(a_lock_is_not_inherited_by_programs_that_are_started),
      LOCK_TEST(a_folder_that_was_made_and_not_used_is_removed_again),
      LOCK_TEST(a_folder_that_may_not_be_written_to_is_no_folder_in_use),
      LOCK_TEST(a_full_disk_leaves_no_lock),
      LOCK_TEST(a_moved_folder_is_missed_and_found),
      LOCK_TEST(a_removed_folder_is_missed),
      LOCK_TEST(a_removed_lock_file_is_made_again),
      LOCK_TEST(who_lost_the_folder_to_another_process_stops),
      LOCK_TEST(without_locks_a_second_process_is_refused_too),
      LOCK_TEST(without_locks_a_killed_holder_bars_nobody),
      LOCK_TEST(without_locks_a_number_given_anew_is_not_the_holder),
      LOCK_TEST(without_locks_a_host_booted_since_has_no_holder),
      LOCK_TEST(without_locks_another_host_is_alive_while_it_touches_the_file),
      LOCK_TEST(a_lock_file_that_says_nothing_is_of_one_that_has_only_begun),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
