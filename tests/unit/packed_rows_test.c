/* Products of many rows, with AVX-512: against a plain loop in double, and the same bits for a row whatever its
   neighbours are. */
#include "kernels/packed_rows.h"

#include "kernels/environment.h"
#include "kernels/tiles.h"
#include "product_support.h"

/* rows, n, k: whole tiles and ragged ones, a panel's full depth, several, and several blocks of rows; what is too
   narrow or too shallow. */
static const int64_t sizes[][3] = {{64, 48, 128},   {33, 128, 192}, {27, 77, 100}, {200, 33, 16},  {8, 100, 17},
                                   {9, 32, 31},     {64, 64, 193},  {16, 96, 600}, {13, 130, 500}, {301, 50, 700},
                                   {137, 32, 1000}, {64, 31, 64},   {64, 64, 15}};
enum { SIZES = sizeof sizes / sizeof *sizes, REFUSED = 2, MANY = 24, DEEP = 192 };

/* Without gaps between rows, as a layer's values are. */
static product create(int which, bool transpose) {
  product of = product_create(
      (product){.transpose_b = transpose, .m = sizes[which][0], .n = sizes[which][1], .k = sizes[which][2], .alpha = 1},
      false);
  fill_randomly(1, (size_t)(of.m * of.k), of.a);
  fill_randomly(2, (size_t)(of.n * of.k), of.b);
  of.lda = of.k, of.ldb = transpose ? of.k : of.n, of.ldc = of.n;
  multiply_plainly(&of);
  product_begin(&of);
  return of;
}

static void products_equal_a_plain_loop_or_are_refused(void **unused) {
  (void)unused;
  for (int which = 0; which < 2 * SIZES; which++) {
    product of = create(which / 2, which % 2);
    const bool suits = gan_cpu() == GAN_CPU_AVX512 && which / 2 < SIZES - REFUSED;
    const bool wanted = suits && (of.k <= DEEP || !of.transpose_b);
    assert_int_equal(gan_packed_rows(MANY, of.transpose_b, of.m, of.n, of.k, of.a, of.b, of.c), wanted);
    if (wanted)
      product_check(&of);
    else
      assert_memory_equal(of.c, of.before, (size_t)(of.m * of.n) * sizeof *of.c);
    assert_false(gan_packed_rows(of.transpose_b ? MANY - 1 : 7, of.transpose_b, of.m, of.n, of.k, of.a, of.b, of.c));
    product_release(&of);
  }
}

static void bits_of_a_row_do_not_depend_on_the_other_rows(void **unused) {
  (void)unused;
  if (gan_cpu() != GAN_CPU_AVX512) skip();
  for (int which = 0; which < 2 * (SIZES - REFUSED); which++) {
    product of = create(which / 2, which % 2);
    float *part = random_vector(4, (size_t)(of.m * of.n));
    const bool done = gan_packed_rows(MANY, of.transpose_b, of.m, of.n, of.k, of.a, of.b, of.c);
    assert_int_equal(done, of.k <= DEEP || !of.transpose_b);
    for (int64_t count = 8; done && count < of.m; count += 5) {
      const int64_t first = of.m - count;
      assert_true(gan_packed_rows(MANY, of.transpose_b, count, of.n, of.k, of.a + first * of.k, of.b, part));
      assert_memory_equal(part, of.c + first * of.n, (size_t)(count * of.n) * sizeof *part);
    }
    free(part);
    product_release(&of);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(products_equal_a_plain_loop_or_are_refused),
      cmocka_unit_test(bits_of_a_row_do_not_depend_on_the_other_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
