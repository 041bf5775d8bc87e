/* Fault injection, and allocation, where it strikes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/memory.h"

static int disarm_all(void **state) {
  (void)state;
  for (int kind = 0; kind < GAN_FAULT_KINDS; kind++) gan_fault_arm((gan_fault_kind)kind, 0);
  unsetenv("GAN_FAULT");
  return 0;
}

/* The number of the event at which a fault strikes, among the next ten; 0: none. Fails when it strikes twice. */
static int strikes_at(gan_fault_kind kind) {
  int struck = 0;
  for (int event = 1; event <= 10; event++)
    if (gan_fault_strikes(kind)) {
      assert_int_equal(struck, 0);
      struck = event;
    }
  return struck;
}

static void nothing_strikes_unarmed(void **state) {
  (void)state;
  for (int kind = 0; kind < GAN_FAULT_KINDS; kind++) {
    assert_int_equal(strikes_at((gan_fault_kind)kind), 0);
    assert_false(gan_fault_has_struck((gan_fault_kind)kind));
  }
}

static void an_armed_fault_strikes_once_at_its_event(void **state) {
  (void)state;
  for (int nth = 1; nth <= 10; nth++) {
    gan_fault_arm(GAN_FAULT_WRITE, nth);
    assert_false(gan_fault_has_struck(GAN_FAULT_WRITE));
    assert_int_equal(strikes_at(GAN_FAULT_WRITE), nth);
    assert_true(gan_fault_has_struck(GAN_FAULT_WRITE));
  }
}

static void a_fault_strikes_only_its_own_kind(void **state) {
  (void)state;
  gan_fault_arm(GAN_FAULT_LOSS, 1);
  assert_int_equal(strikes_at(GAN_FAULT_WRITE), 0);
  assert_int_equal(strikes_at(GAN_FAULT_ALLOCATION), 0);
  assert_false(gan_fault_has_struck(GAN_FAULT_LOSS));
  assert_int_equal(strikes_at(GAN_FAULT_LOSS), 1);
}

static void a_disarmed_fault_does_not_strike(void **state) {
  (void)state;
  gan_fault_arm(GAN_FAULT_LOSS, 3);
  gan_fault_arm(GAN_FAULT_LOSS, 0);
  assert_int_equal(strikes_at(GAN_FAULT_LOSS), 0);
}

static void the_environment_arms_by_name_number_and_rank(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int rank;
    gan_fault_kind kind;
    int event;
  } cases[] = {
      {"write:2", 0, GAN_FAULT_WRITE, 2},
      {"write:2", 5, GAN_FAULT_WRITE, 2},
      {"write:2:-1", 5, GAN_FAULT_WRITE, 2},
      {"allocation:7:3", 3, GAN_FAULT_ALLOCATION, 7},
      {"allocation:7:3", 2, GAN_FAULT_ALLOCATION, 0},
      {"loss:1:0", 0, GAN_FAULT_LOSS, 1},
      {"loss:1:0", 1, GAN_FAULT_LOSS, 0},
      {"hang:3:0", 0, GAN_FAULT_HANG, 3},
      {"bit:4:2", 2, GAN_FAULT_BIT, 4},
      {"stop:9", 1, GAN_FAULT_STOP, 9},
      {"kill:6:1", 1, GAN_FAULT_KILL, 6},
      {"flood:1", 0, GAN_FAULT_LOSS, 0},
      {"loss", 0, GAN_FAULT_LOSS, 0},
      {"", 0, GAN_FAULT_LOSS, 0},
      {"loss:x", 0, GAN_FAULT_LOSS, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    disarm_all(NULL);
    setenv("GAN_FAULT", cases[i].text, 1);
    gan_fault_arm_from_environment(cases[i].rank);
    for (int kind = 0; kind < GAN_FAULT_KINDS; kind++)
      assert_int_equal(strikes_at((gan_fault_kind)kind), kind == (int)cases[i].kind ? cases[i].event : 0);
  }
}

static void memory_is_zeroed_and_aligned(void **state) {
  (void)state;
  for (size_t count = 0; count < 300; count += 7) {
    unsigned char *memory = NULL;
    assert_int_equal(gan_allocate(count, 3, "a test", &memory), GAN_OK);
    assert_int_equal((uintptr_t)memory % 64, 0);
    for (size_t i = 0; i < 3 * count; i++) assert_int_equal(memory[i], 0);
    memset(memory, 0xa5, 3 * count);
    free(memory);
  }
}

static void too_much_memory_is_an_error_that_names_the_purpose(void **state) {
  (void)state;
  static const size_t counts[][2] = {
      {SIZE_MAX, 2}, {SIZE_MAX, 1}, {SIZE_MAX / 2 + 1, 2}, {(size_t)1 << 33, (size_t)1 << 33}};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    char mark = 0;
    void *memory = &mark;
    assert_int_equal(gan_allocate(counts[i][0], counts[i][1], "the moon", &memory), GAN_FAILED);
    assert_non_null(strstr(gan_error_message(), "the moon"));
    assert_ptr_equal(memory, &mark);
  }
}

static void an_allocation_fault_is_met_as_lack_of_memory(void **state) {
  (void)state;
  void *memory = NULL;
  char *copy = NULL;
  gan_fault_arm(GAN_FAULT_ALLOCATION, 2);
  assert_int_equal(gan_allocate(8, 8, "the first", &memory), GAN_OK);
  free(memory);
  assert_int_equal(gan_duplicate("text", &copy), GAN_FAILED);
  assert_null(copy);
  assert_non_null(strstr(gan_error_message(), "out of memory"));
  assert_int_equal(gan_duplicate("text", &copy), GAN_OK);
  assert_string_equal(copy, "text");
  free(copy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(nothing_strikes_unarmed, disarm_all, disarm_all),
      cmocka_unit_test_setup_teardown(an_armed_fault_strikes_once_at_its_event, disarm_all, disarm_all),
      cmocka_unit_test_setup_teardown(a_fault_strikes_only_its_own_kind, disarm_all, disarm_all),
      cmocka_unit_test_setup_teardown(a_disarmed_fault_does_not_strike, disarm_all, disarm_all),
      cmocka_unit_test_setup_teardown(the_environment_arms_by_name_number_and_rank, disarm_all, disarm_all),
      cmocka_unit_test(memory_is_zeroed_and_aligned),
      cmocka_unit_test(too_much_memory_is_an_error_that_names_the_purpose),
      cmocka_unit_test_setup_teardown(an_allocation_fault_is_met_as_lack_of_memory, disarm_all, disarm_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
