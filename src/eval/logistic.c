/* Newton's method: a quadratic problem is solved in each step, and near the minimum each doubles the number of right
   digits, so that a few passes over the rows are enough and the result does not depend on how many there were. A step
   that does not go down is halved until it does. */
#include "eval/logistic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/multiversion.h"

enum { STEPS_MOST = 100, HALVINGS_MOST = 40, ABREAST = 4 };

typedef struct newton {
  const gan_logistic_data *data;
  int64_t size;     /* weights: features + 1 */
  double *rows;     /* (ABREAST, size) */
  double *gradient; /* (size) */
  double *hessian;  /* (size, size): the upper triangle, then its factor */
  double *trial;    /* (size) */
} newton;

static bool left_out(const gan_logistic_data *data, int64_t i) {
  return data->folds > 0 && i % data->folds == data->fold;
}

double gan_logistic_score(int64_t features, const double *weights, const double *x) {
  double score = weights[features];
  for (int64_t j = 0; j < features; j++) score += weights[j] * x[j];
  return score;
}

/* log(1 + e^x), also where e^x is too large for a number. */
static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

/* What is minimised. */
static double objective(newton *work, const double *weights) {
  const gan_logistic_data *data = work->data;
  double sum = 0;
  for (int64_t j = 0; j < data->features; j++) sum += weights[j] * weights[j] / 2;
  for (int64_t i = 0; i < data->count; i++) {
    if (left_out(data, i)) continue;
    data->row(data->context, i, work->rows);
    const double score = gan_logistic_score(data->features, weights, work->rows);
    sum += softplus(data->positive(data->context, i) ? -score : score);
  }
  return sum;
}

/* hessian's upper triangle += sum of curvature[r] x_r x_r' over ABREAST rows. */
GAN_MULTIVERSION static void add_products(int64_t size, const double *rows, const double *curvature, double *hessian) {
  const double *x0 = rows, *x1 = x0 + size, *x2 = x1 + size, *x3 = x2 + size;
  for (int64_t i = 0; i < size; i++, hessian += size) {
    const double a0 = curvature[0] * x0[i], a1 = curvature[1] * x1[i], a2 = curvature[2] * x2[i],
                 a3 = curvature[3] * x3[i];
    GAN_ELEMENTWISE
    for (int64_t j = i; j < size; j++) hessian[j] += (a0 * x0[j] + a1 * x1[j]) + (a2 * x2[j] + a3 * x3[j]);
  }
}

/* Row `slot` of work->rows, its part of the gradient, and its curvature. */
static double take_row(newton *work, const double *weights, int64_t i, int slot) {
  const gan_logistic_data *data = work->data;
  double *x = work->rows + slot * work->size;
  data->row(data->context, i, x);
  x[data->features] = 1;
  const double score = gan_logistic_score(data->features, weights, x);
  const double p = 1 / (1 + exp(-score)), residual = data->positive(data->context, i) ? p - 1 : p;
  for (int64_t j = 0; j < work->size; j++) work->gradient[j] += residual * x[j];
  return p * (1 - p);
}

/* Gradient and Hessian at the weights. */
static void differentiate(newton *work, const double *weights) {
  const int64_t size = work->size, features = work->data->features;
  double curvature[ABREAST] = {0};
  int taken = 0;
  memset(work->hessian, 0, (size_t)(size * size) * sizeof(double));
  for (int64_t j = 0; j < size; j++) work->gradient[j] = j < features ? weights[j] : 0;
  for (int64_t j = 0; j < features; j++) work->hessian[j * size + j] = 1;
  for (int64_t i = 0; i < work->data->count; i++) {
    if (left_out(work->data, i)) continue;
    curvature[taken] = take_row(work, weights, i, taken);
    if (++taken < ABREAST) continue;
    add_products(size, work->rows, curvature, work->hessian);
    taken = 0;
  }
  /* Those that are left beside rows that count nothing. */
  for (int slot = taken; slot < ABREAST; slot++) curvature[slot] = 0;
  add_products(size, work->rows, curvature, work->hessian);
}

/* The upper triangle h becomes u with u' u = h (Cholesky); false where it is not positive definite. */
GAN_MULTIVERSION static bool factorise(int64_t size, double *h) {
  for (int64_t k = 0; k < size; k++) {
    double *row = h + k * size;
    if (!(row[k] > 0)) return false;
    const double pivot = sqrt(row[k]);
    for (int64_t j = k; j < size; j++) row[j] /= pivot;
    for (int64_t i = k + 1; i < size; i++) {
      const double factor = row[i];
      double *below = h + i * size;
      GAN_ELEMENTWISE
      for (int64_t j = i; j < size; j++) below[j] -= factor * row[j];
    }
  }
  return true;
}

/* x with u' u x = x as it was. */
static void substitute(int64_t size, const double *u, double *x) {
  for (int64_t i = 0; i < size; i++) {
    x[i] /= u[i * size + i];
    for (int64_t j = i + 1; j < size; j++) x[j] -= u[i * size + j] * x[i];
  }
  for (int64_t i = size - 1; i >= 0; i--) {
    for (int64_t j = i + 1; j < size; j++) x[i] -= u[i * size + j] * x[j];
    x[i] /= u[i * size + i];
  }
}

/* One step; false when there is nothing more to gain. *least: the objective at the weights, then at the new ones. */
static bool improve(newton *work, double *weights, double *least) {
  double step = 1;
  differentiate(work, weights);
  if (!factorise(work->size, work->hessian)) return false;
  substitute(work->size, work->hessian, work->gradient);
  for (int halving = 0; halving < HALVINGS_MOST; halving++, step /= 2) {
    for (int64_t j = 0; j < work->size; j++) work->trial[j] = weights[j] - step * work->gradient[j];
    const double value = objective(work, work->trial);
    if (!(value < *least)) continue;
    const bool further = *least - value > 1e-14 * *least;
    memcpy(weights, work->trial, (size_t)work->size * sizeof *weights);
    *least = value;
    return further;
  }
  return false;
}

static gan_status allocate_newton(newton *work) {
  const size_t size = (size_t)work->size;
  GAN_TRY(gan_allocate(ABREAST * size, sizeof(double), "a logistic regression", &work->rows));
  GAN_TRY(gan_allocate(size, sizeof(double), "a logistic regression", &work->gradient));
  GAN_TRY(gan_allocate(size * size, sizeof(double), "a logistic regression", &work->hessian));
  return gan_allocate(size, sizeof(double), "a logistic regression", &work->trial);
}

gan_status gan_logistic_fit(const gan_logistic_data *data, double *weights) {
  newton work = {.data = data, .size = data->features + 1};
  const gan_status status = allocate_newton(&work);
  if (status == GAN_OK) {
    memset(weights, 0, (size_t)work.size * sizeof *weights);
    double least = objective(&work, weights);
    for (int step = 0; step < STEPS_MOST && improve(&work, weights, &least); step++)
      ;
  }
  free(work.rows);
  free(work.gradient);
  free(work.hessian);
  free(work.trial);
  return status;
}

double gan_area_under_curve(int64_t n, const double *positive, int64_t m, const double *negative) {
  int64_t below = 0, up_to = 0, halves = 0;
  for (int64_t i = 0; i < n; i++) {
    while (below < m && negative[below] < positive[i]) below++;
    while (up_to < m && negative[up_to] <= positive[i]) up_to++;
    halves += below + up_to;
  }
  return (double)halves / 2 / (double)n / (double)m;
}
