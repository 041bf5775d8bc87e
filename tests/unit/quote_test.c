/* Names in commands: a shell gives back what was quoted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/quote.h"

static void a_shell_reads_the_name_that_was_quoted(void **state) {
  (void)state;
  const char *const names[] = {"",     "data.h5", "my pics", "a;b", "it's", "''",  "$HOME", "`x`", "a\\b",
                               "a\"b", "*",       "~",       "#x",  "a&b",  "(x)", "a!b",   "ä",   "a\tb"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char quoted[64], command[128], read[64] = "";
    snprintf(command, sizeof command, "printf %%s %s", gan_quote(names[i], sizeof quoted, quoted));
    FILE *shell = popen(command, "r");
    assert_non_null(shell);
    read[fread(read, 1, sizeof read - 1, shell)] = '\0';
    assert_int_equal(pclose(shell), 0);
    assert_string_equal(read, names[i]);
  }
}

static void plain_names_stay_as_they_are_and_none_is_an_option(void **state) {
  (void)state;
  char out[32];
  assert_string_equal(gan_quote("runs/a-1_b.h5", sizeof out, out), "runs/a-1_b.h5");
  assert_string_equal(gan_quote("-rf", sizeof out, out), "./-rf");
  assert_string_equal(gan_quote("- x", sizeof out, out), "'./- x'");
}

static void a_long_name_is_cut_off_within_its_room(void **state) {
  (void)state;
  char out[9] = "12345678";
  assert_string_equal(gan_quote("a b'c'd'e", 6, out), "'a b'");
  assert_string_equal(out + 6, "78");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_shell_reads_the_name_that_was_quoted),
                                     cmocka_unit_test(plain_names_stay_as_they_are_and_none_is_an_option),
                                     cmocka_unit_test(a_long_name_is_cut_off_within_its_room)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
