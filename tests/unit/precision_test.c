/* Which precision is said to be the faster one. */
#include "kernels/precision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernels/kernels.h"

static void bfloat16_is_slower_by_more_than_chance_or_not_at_all(void **unused) {
  (void)unused;
  static const struct {
    gan_precision_speeds speeds;
    bool slower;
  } cases[] = {
      {{150, 79}, true},                      /* Sapphire Rapids */
      {{240, 477}, false},                    /* Zen 5 */
      {{150, 150}, false},                    /* as good */
      {{150, 148}, false},                    /* within what a measurement is off by */
      {{150, 140}, true},  {{150, 0}, false}, /* has none */
      {{0, 0}, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(gan_bfloat16_is_slower(&cases[i].speeds), cases[i].slower);
}

static void both_are_measured_where_both_can_be_had(void **unused) {
  (void)unused;
  const gan_backend *backend = NULL;
  for (int i = 0; i < gan_backend_count; i++) {
    gan_precision_speeds speeds;
    assert_int_equal(gan_precision_measure(gan_backends[i]->name, &speeds), GAN_OK);
    const bool can = gan_backend_open(gan_backends[i]->name, GAN_BFLOAT16, &backend) == GAN_OK;
    assert_int_equal(speeds.bfloat16 > 0, can);
    assert_int_equal(speeds.float32 > 0, can);
    /* No core of this decade is outside of that. */
    if (can) assert_true(speeds.bfloat16 > 0.05 && speeds.bfloat16 < 1e5 && speeds.float32 < 1e5);
  }
}

static void pretended_speeds_are_found_instead(void **unused) {
  (void)unused;
  const gan_backend *backend = NULL;
  gan_precision_speeds speeds;
  if (gan_backend_open("auto", GAN_BFLOAT16, &backend) != GAN_OK) skip();
  assert_int_equal(setenv("GAN_PRETEND_GFLOPS", "150 79", 1), 0);
  assert_int_equal(gan_precision_measure("auto", &speeds), GAN_OK);
  assert_int_equal(unsetenv("GAN_PRETEND_GFLOPS"), 0);
  assert_true(speeds.float32 == 150 && speeds.bfloat16 == 79);
}

static void a_name_that_is_no_backend_is_an_error(void **unused) {
  (void)unused;
  gan_precision_speeds speeds;
  assert_int_equal(gan_precision_measure("none such", &speeds), GAN_BAD_USAGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bfloat16_is_slower_by_more_than_chance_or_not_at_all),
      cmocka_unit_test(both_are_measured_where_both_can_be_had),
      cmocka_unit_test(pretended_speeds_are_found_instead),
      cmocka_unit_test(a_name_that_is_no_backend_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
