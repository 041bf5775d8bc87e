/* Offers for mistyped names. */
#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {"dense", "batch_norm", "relu", "leaky_relu", "tanh", "train.batch", NULL};

static void a_slip_of_the_fingers_is_offered_the_right_name(void **state) {
  (void)state;
  static const char *const pairs[][2] = {{"dense", "dense"},
                                         {"dens", "dense"},
                                         {"densee", "dense"},
                                         {"desne", "dense"},
                                         {"batchnorm", "batch_norm"},
                                         {"BatchNorm", "batch_norm"},
                                         {"ReLU", "relu"},
                                         {"leakyrelu", "leaky_relu"},
                                         {"tahn", "tanh"},
                                         {"train.batchsize", "train.batch"},
                                         {"rellu", "relu"}};
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    const char *offered = gan_nearest_name(pairs[i][0], names);
    if (!offered || strcmp(offered, pairs[i][1]) != 0)
      fail_msg("%s was offered %s", pairs[i][0], offered ? offered : "nothing");
  }
}

static void a_name_unlike_all_others_is_offered_none(void **state) {
  (void)state;
  static const char *const strange[] = {"", "x", "zz", "convolution", "1234567"};
  for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
    const char *offered = gan_nearest_name(strange[i], names);
    if (offered) fail_msg("\"%s\" was offered %s", strange[i], offered);
  }
  assert_null(gan_nearest_name("dense", &names[6]));
}

static void a_name_of_any_length_is_safe(void **state) {
  (void)state;
  char name[1001];
  memset(name, 'd', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  for (size_t length = 0; length < sizeof name; length++) assert_null(gan_nearest_name(name + length, names));
  const char *const long_names[] = {name, "dddx", NULL};
  assert_string_equal(gan_nearest_name("dddd", long_names), "dddx");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_slip_of_the_fingers_is_offered_the_right_name),
      cmocka_unit_test(a_name_unlike_all_others_is_offered_none),
      cmocka_unit_test(a_name_of_any_length_is_safe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
