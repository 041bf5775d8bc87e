/* A classifier's loss and gradient are PyTorch's, however a batch is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "eval/cross_entropy.h"
#include "reference/cross_entropy.h"

enum { CASES = sizeof reference_entropies / sizeof *reference_entropies, VALUES = REFERENCE_ROWS * REFERENCE_CLASSES };

static void loss_and_gradient_are_those_of_pytorch(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    const reference_entropy *wanted = &reference_entropies[i];
    float gradient[VALUES];
    const gan_cross_entropy found = gan_cross_entropy_of(REFERENCE_ROWS, REFERENCE_CLASSES, wanted->logits,
                                                         reference_labels, REFERENCE_ROWS, gradient);
    if (!(fabs(found.loss - wanted->loss) <= 1e-12 * fmax(1, fabs(wanted->loss))))
      fail_msg("%s: the loss is %.17g, PyTorch has %.17g", wanted->name, found.loss, wanted->loss);
    assert_int_equal(found.right, wanted->right);
    for (int j = 0; j < VALUES; j++)
      if (!(fabs((double)gradient[j] - wanted->gradient[j]) <= 6e-8 * fabs(wanted->gradient[j]) + 1e-16))
        fail_msg("%s: gradient[%d] is %.9g, PyTorch has %.9g", wanted->name, j, (double)gradient[j],
                 wanted->gradient[j]);
  }
}

/* Closed form: equal logits are a guess, of loss ln classes. */
static void equal_logits_are_a_guess(void **state) {
  (void)state;
  const float logits[8] = {0};
  const int32_t labels[2] = {3, 0};
  const gan_cross_entropy found = gan_cross_entropy_of(2, 4, logits, labels, 2, NULL);
  assert_true(fabs(found.loss - log(4)) < 1e-15);
  assert_int_equal(found.right, 1); /* of equal logits the first counts */
}

static void a_row_has_the_same_bits_in_any_company(void **state) {
  (void)state;
  const reference_entropy *of = &reference_entropies[0];
  float all[VALUES], one[REFERENCE_CLASSES];
  (void)gan_cross_entropy_of(REFERENCE_ROWS, REFERENCE_CLASSES, of->logits, reference_labels, 24, all);
  for (int row = 0; row < REFERENCE_ROWS; row++) {
    (void)gan_cross_entropy_of(1, REFERENCE_CLASSES, of->logits + row * REFERENCE_CLASSES, reference_labels + row, 24,
                               one);
    assert_memory_equal(one, all + row * REFERENCE_CLASSES, sizeof one);
  }
}

static void a_logit_that_is_no_number_shows_in_the_loss(void **state) {
  (void)state;
  const int32_t label = 1;
  for (int i = 0; i < 3; i++) {
    float logits[3] = {1, 2, 3};
    logits[i] = NAN;
    assert_true(isnan(gan_cross_entropy_of(1, 3, logits, &label, 1, NULL).loss));
    logits[i] = INFINITY;
    assert_false(isfinite(gan_cross_entropy_of(1, 3, logits, &label, 1, NULL).loss));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loss_and_gradient_are_those_of_pytorch),
      cmocka_unit_test(equal_logits_are_a_guess),
      cmocka_unit_test(a_row_has_the_same_bits_in_any_company),
      cmocka_unit_test(a_logit_that_is_no_number_shows_in_the_loss),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
