/* Logistic regression with a penalty on the weights' squares, and the area under its curve. */
#ifndef GAN_EVAL_LOGISTIC_H
#define GAN_EVAL_LOGISTIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Rows to learn from. Features are computed as they are asked for, since those of all rows may not fit into memory. */
typedef struct gan_logistic_data {
  int64_t count, features;
  /* x (features) of row i, and whether it is of the positive class. */
  void (*row)(const void *context, int64_t i, double *x);
  bool (*positive)(const void *context, int64_t i);
  /* Rows left out of the fit are those with i mod folds == fold; folds 0: none. */
  int folds, fold;
  const void *context;
} gan_logistic_data;

/* weights (features + 1), the last being the intercept: the minimum of
     sum of -log p(class | x) over the rows + 1/2 sum of weights^2 (without the intercept's),
   by Newton's method from zero; scikit-learn's LogisticRegression with C = 1. The minimum is unique, and there is one
   however well the classes can be told apart. A function of the data alone. Not collective. GAN_FAILED for want of
   memory. */
gan_status gan_logistic_fit(const gan_logistic_data *data, double *weights) GAN_CHECKED;

/* The intercept + weights' x. */
double gan_logistic_score(int64_t features, const double *weights, const double *x);

/* The area under the curve of true over false positives: the share of pairs, of a sorted positive score (n) and a
   sorted negative one (m), in which the positive one is larger, equal ones counting a half. */
double gan_area_under_curve(int64_t n, const double *positive, int64_t m, const double *negative);

#endif
