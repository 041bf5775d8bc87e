/* The last error's text. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void failing_records_the_formatted_text_and_returns_the_status(void **state) {
  (void)state;
  assert_int_equal(gan_fail(GAN_BAD_FILE, "%s has %d rows", "a.h5", 7), GAN_BAD_FILE);
  assert_string_equal(gan_error_message(), "a.h5 has 7 rows");
}

static void a_prefix_goes_before_the_text(void **state) {
  (void)state;
  assert_int_equal(gan_fail(GAN_FAILED, "no such file"), GAN_FAILED);
  assert_int_equal(gan_fail_prefix(GAN_BAD_USAGE, "%s: ", "data.path"), GAN_BAD_USAGE);
  assert_string_equal(gan_error_message(), "data.path: no such file");
}

static void the_old_text_may_be_part_of_the_new(void **state) {
  (void)state;
  gan_error_set("disk full");
  assert_int_equal(gan_fail(GAN_FAILED, "cannot save: %s", gan_error_message()), GAN_FAILED);
  assert_string_equal(gan_error_message(), "cannot save: disk full");
  assert_int_equal(gan_fail_prefix(GAN_FAILED, "(%s) ", gan_error_message()), GAN_FAILED);
  assert_string_equal(gan_error_message(), "(cannot save: disk full) cannot save: disk full");
}

static void a_finished_text_is_no_format(void **state) {
  (void)state;
  gan_error_set("100% of %s");
  assert_string_equal(gan_error_message(), "100% of %s");
}

static void a_long_text_is_cut(void **state) {
  (void)state;
  char text[5000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  assert_int_equal(gan_fail(GAN_FAILED, "%s", text), GAN_FAILED);
  const size_t length = strlen(gan_error_message());
  assert_in_range(length, 500, sizeof text - 2);
  assert_int_equal(gan_fail_prefix(GAN_FAILED, "here: "), GAN_FAILED);
  assert_int_equal(strlen(gan_error_message()), length);
  assert_memory_equal(gan_error_message(), "here: xxx", 9);
  assert_int_equal(gan_fail_prefix(GAN_FAILED, "%s", text), GAN_FAILED);
  assert_int_equal(strlen(gan_error_message()), length);
  gan_error_set(text);
  assert_int_equal(strlen(gan_error_message()), length);
}

static void *fail_elsewhere(void *text) {
  strcpy(text, gan_error_message());
  return gan_fail(GAN_FAILED, "theirs") == GAN_FAILED ? text : NULL;
}

static void each_thread_has_its_own_text(void **state) {
  (void)state;
  char seen[64] = "unset";
  void *result = NULL;
  pthread_t thread;
  gan_error_set("mine");
  assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, seen), 0);
  assert_int_equal(pthread_join(thread, &result), 0);
  assert_ptr_equal(result, seen);
  assert_string_equal(seen, "");
  assert_string_equal(gan_error_message(), "mine");
}

static gan_status try_twice(gan_status first, gan_status second, int *calls) {
  GAN_TRY((++*calls, first));
  GAN_TRY((++*calls, second));
  return GAN_OK;
}

static void trying_leaves_at_the_first_failure(void **state) {
  (void)state;
  int calls = 0;
  assert_int_equal(try_twice(GAN_BAD_FILE, GAN_FAILED, &calls), GAN_BAD_FILE);
  assert_int_equal(calls, 1);
  assert_int_equal(try_twice(GAN_OK, GAN_OK, &calls), GAN_OK);
  assert_int_equal(calls, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(failing_records_the_formatted_text_and_returns_the_status),
      cmocka_unit_test(a_prefix_goes_before_the_text),
      cmocka_unit_test(the_old_text_may_be_part_of_the_new),
      cmocka_unit_test(a_finished_text_is_no_format),
      cmocka_unit_test(a_long_text_is_cut),
      cmocka_unit_test(each_thread_has_its_own_text),
      cmocka_unit_test(trying_leaves_at_the_first_failure),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
