/* Matrix products with operands and results in memory, and the right results from a plain loop in double. All inline: a
   test need not use every one. */
#ifndef GAN_TESTS_PRODUCT_SUPPORT_H
#define GAN_TESTS_PRODUCT_SUPPORT_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/float_bits.h"
#include "vector_support.h"

/* C (m, n) = alpha op(A) (m, k) op(B) (k, n) + beta C. Rows are longer than needed, and what lies between them has to
   stay. right: C; magnitude: sums of the terms' magnitudes, which rounding is measured by; both (m, n). */
typedef struct product {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  float alpha, beta;
  int64_t lda, ldb, ldc;
  float *a, *b, *c, *before;
  double *right, *magnitude;
} product;

/* bfloat16 is the upper half of float32: to nearest, and halfway to the neighbour whose last bit is 0. */
static inline float rounded(float value) {
  const uint32_t bits = bits_of_float(value), low = bits & 0xffffu, last = bits >> 16 & 1u;
  const bool up = low > 0x8000u || (low == 0x8000u && last);
  return float_of_bits((bits & 0xffff0000u) + (up ? 0x10000u : 0));
}

/* Element (row, column) of op(X). */
static inline double element(const float *x, int64_t ld, bool transpose, int64_t row, int64_t column) {
  return (double)(transpose ? x[column * ld + row] : x[row * ld + column]);
}

static inline void multiply_plainly(product *of) {
  for (int64_t i = 0; i < of->m; i++)
    for (int64_t j = 0; j < of->n; j++) {
      double sum = 0, size = 0;
      for (int64_t l = 0; l < of->k; l++) {
        const double term =
            element(of->a, of->lda, of->transpose_a, i, l) * element(of->b, of->ldb, of->transpose_b, l, j);
        sum += term;
        size += fabs(term);
      }
      of->right[i * of->n + j] = (double)of->alpha * sum + (double)of->beta * (double)of->before[i * of->ldc + j];
      of->magnitude[i * of->n + j] = size + fabs(of->right[i * of->n + j]);
    }
}

/* Of the product's sizes and factors. `of_rounded`: right is of operands in bfloat16, which those in memory are not. */
static inline product product_create(product of, bool of_rounded) {
  of.lda = (of.transpose_a ? of.m : of.k) + 3;
  of.ldb = (of.transpose_b ? of.k : of.n) + 1;
  of.ldc = of.n + 2;
  const size_t a_count = (size_t)((of.transpose_a ? of.k : of.m) * of.lda),
               b_count = (size_t)((of.transpose_b ? of.n : of.k) * of.ldb), count = (size_t)(of.m * of.ldc);
  of.a = random_vector(1, a_count), of.b = random_vector(2, b_count);
  of.before = random_vector(3, count), of.c = random_vector(4, count);
  assert_int_equal(gan_allocate(count, sizeof *of.right, "test values", &of.right), GAN_OK);
  assert_int_equal(gan_allocate(count, sizeof *of.magnitude, "test values", &of.magnitude), GAN_OK);
  for (size_t i = 0; of_rounded && i < a_count; i++) of.a[i] = rounded(of.a[i]);
  for (size_t i = 0; of_rounded && i < b_count; i++) of.b[i] = rounded(of.b[i]);
  multiply_plainly(&of);
  fill_randomly(1, a_count, of.a);
  fill_randomly(2, b_count, of.b);
  return of;
}

/* To be called before each product. */
static inline void product_begin(product *of) { memcpy(of->c, of->before, (size_t)(of->m * of->ldc) * sizeof *of->c); }

static inline void product_check(const product *of) {
  for (int64_t i = 0; i < of->m; i++) {
    for (int64_t j = 0; j < of->n; j++)
      assert_true(fabs((double)of->c[i * of->ldc + j] - of->right[i * of->n + j]) <=
                  1e-6 * of->magnitude[i * of->n + j]);
    for (int64_t j = of->n; j < of->ldc; j++) assert_true(of->c[i * of->ldc + j] == of->before[i * of->ldc + j]);
  }
}

static inline void product_release(product *of) {
  free(of->a), free(of->b), free(of->c), free(of->before), free(of->right), free(of->magnitude);
}

#endif
