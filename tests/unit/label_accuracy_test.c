/* The share of samples of the class that they were made for. */
#include <stdio.h>

#include "metric_support.h"

/* Four samples of three classes; the third has two largest logits, of which the first counts. */
static const float logits[] = {0, 2, 1, 5, -1, 4, 3, 3, 1, -3, -2, -1};
static const int32_t labels[] = {1, 2, 0, 2};

static void open_labels(gan_world *world, sets *of, const float *seen) {
  static float samples[4];
  ask(of, world, shape_of(1, 1, 0, 0, 0), 4, samples, 4, samples);
  of->fake.classes = 3;
  of->fake.logits = seen;
  of->fake.labels = labels;
}

static void the_largest_logit_is_the_class(void **state) {
  sets of;
  double values[GAN_METRIC_VALUES];
  open_labels(*state, &of, logits);
  compute_row("label_accuracy", &of.comparison, values);
  assert_true(values[0] == 0.75);
}

static void without_labels_or_a_classifier_there_is_a_reason(void **state) {
  sets of;
  open_labels(*state, &of, NULL);
  assert_unable("label_accuracy", &of.comparison, "classifies");
  open_labels(*state, &of, logits);
  of.fake.labels = NULL;
  assert_unable("label_accuracy", &of.comparison, "labels");
  open_labels(*state, &of, logits);
  of.fake.count = 0;
  assert_unable("label_accuracy", &of.comparison, "one sample");
}

static void logits_that_are_not_finite_are_named(void **state) {
  float broken[12];
  int first;
  double values[GAN_METRIC_VALUES];
  sets of;
  memcpy(broken, logits, sizeof broken);
  broken[10] = NAN;
  open_labels(*state, &of, broken);
  assert_int_equal(gan_metric_find("label_accuracy", &first)->compute(&of.comparison, values), GAN_BAD_USAGE);
  assert_non_null(strstr(gan_error_message(), "sample 3 "));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_largest_logit_is_the_class),
      cmocka_unit_test(without_labels_or_a_classifier_there_is_a_reason),
      cmocka_unit_test(logits_that_are_not_finite_are_named),
  };
  return cmocka_run_group_tests(tests, open_alone, close_alone);
}
