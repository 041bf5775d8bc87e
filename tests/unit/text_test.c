/* Text files that grow: whole pieces or none. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"
#include "store/text.h"

static char folder[] = "/tmp/text_test-XXXXXX", path[64];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/history.txt", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  return rmdir(folder);
}

static int remove_file(void **state) {
  (void)state;
  unlink(path);
  return 0;
}

static void assert_holds(const char *expected) {
  char text[256];
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  assert_string_equal(text, expected);
}

static void lines_come_behind_those_that_are_there(void **state) {
  (void)state;
  assert_int_equal(gan_text_append(path, "first\n"), GAN_OK);
  assert_int_equal(gan_text_append(path, "second\n    more\n"), GAN_OK);
  assert_holds("first\nsecond\n    more\n");
}

static void half_a_line_of_a_crash_stays_by_itself(void **state) {
  (void)state;
  assert_int_equal(gan_text_append(path, "first\n"), GAN_OK);
  assert_int_equal(truncate(path, 3), 0);
  assert_int_equal(gan_text_append(path, "second\n"), GAN_OK);
  assert_holds("fir\nsecond\n");
}

static void what_cannot_be_written_leaves_the_file_as_it_was(void **state) {
  (void)state;
  int failed = 0;
  assert_int_equal(gan_text_append(path, "first"), GAN_OK);
  for (gan_status status = GAN_FAILED; status != GAN_OK; failed += status != GAN_OK) {
    gan_fault_arm(GAN_FAULT_WRITE, failed + 1);
    status = gan_text_append(path, "second\n");
    gan_fault_arm(GAN_FAULT_WRITE, 0);
    if (status != GAN_OK && failed < 2) assert_holds("first"); /* the third is the file's sync, after it was written */
    assert_true(status == GAN_OK || status == GAN_FAILED);
  }
  assert_int_equal(failed, 3);
}

static void only_a_regular_file_is_written_to(void **state) {
  (void)state;
  char other[80];
  snprintf(other, sizeof other, "%s/other", folder);
  assert_int_equal(symlink("other", path), 0);
  assert_int_equal(gan_text_append(path, "first\n"), GAN_FAILED);
  assert_int_equal(access(other, F_OK), -1);
  unlink(path);
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_int_equal(gan_text_append(path, "first\n"), GAN_FAILED);
  unlink(path);
  assert_int_equal(mkdir(path, 0700), 0);
  assert_int_equal(gan_text_append(path, "first\n"), GAN_FAILED);
  assert_int_equal(rmdir(path), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(lines_come_behind_those_that_are_there, remove_file),
      cmocka_unit_test_teardown(half_a_line_of_a_crash_stays_by_itself, remove_file),
      cmocka_unit_test_teardown(what_cannot_be_written_leaves_the_file_as_it_was, remove_file),
      cmocka_unit_test_teardown(only_a_regular_file_is_written_to, remove_file),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
