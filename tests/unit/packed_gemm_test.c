/* Products of packed panels, in every precision and with the kernels of every level that this CPU has, against a plain
   loop in double. */
#include "kernels/packed_gemm.h"

#include <dlfcn.h>
#include <unistd.h>

#include "kernels/environment.h"
#include "kernels/tiles.h"
#include "product_support.h"

static int told; /* how often a cache's size has been asked for */

/* In place of the C library's: a virtual machine that tells nothing of its caches. */
long sysconf(int name) {
  long (*real)(int);
  void *symbol = dlsym(RTLD_NEXT, "sysconf");
  if (name == _SC_LEVEL1_DCACHE_SIZE) return told++, 0;
  memcpy(&real, &symbol, sizeof real);
  return real(name);
}

/* Whole tiles and sides that are no multiples of anything; one panel, several, and blocks of all three dimensions, full
   ones too; and what is too small on one side. */
static const int64_t sizes[][3] = {{16, 16, 16},    {33, 49, 17},  {128, 48, 192}, {130, 100, 385}, {32, 200, 77},
                                   {47, 32, 400},   {17, 31, 800}, {530, 20, 40},  {24, 80, 392},   {64, 112, 130},
                                   {520, 100, 260}, {24, 90, 40},  {512, 48, 768}, {20, 56, 33},    {8, 48, 16},
                                   {48, 15, 16},    {48, 48, 15}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* alpha and beta: those of sums that go straight to C, and others. */
static const float factors[][2] = {{1, 0}, {1, 1}, {0.5f, -2}, {-1, 0}};
enum { FACTORS = sizeof factors / sizeof *factors };

static bool multiply(gan_precision precision, product *of) {
  product_begin(of);
  return gan_packed_gemm(precision, of->transpose_a, of->transpose_b, of->m, of->n, of->k, of->alpha, of->a, of->lda,
                         of->b, of->ldb, of->beta, of->c, of->ldc);
}

/* With the kernels for this CPU, and with those for lesser ones. What is refused leaves C as it was. */
static void check_levels(gan_precision precision, product *of) {
  const gan_cpu_level own = gan_cpu();
  const bool large_enough = of->m >= 16 && of->n >= 16 && of->k >= 16;
  for (int level = GAN_CPU_BASELINE; level <= (int)own; level++) {
    gan_cpu_limit((gan_cpu_level)level);
    const bool wanted = gan_tiles_available(precision) && large_enough, done = multiply(precision, of);
    gan_cpu_limit(own);
    assert_int_equal(done, wanted);
    if (done)
      product_check(of);
    else
      assert_memory_equal(of->c, of->before, (size_t)(of->m * of->ldc) * sizeof *of->c);
  }
}

static void check(gan_precision precision) {
  for (int which = 0; which < SIZES * FACTORS * 4; which++) {
    const int64_t *size = sizes[which / 4 / FACTORS];
    product of = product_create((product){.transpose_a = (which & 1) != 0,
                                          .transpose_b = (which & 2) != 0,
                                          .m = size[0],
                                          .n = size[1],
                                          .k = size[2],
                                          .alpha = factors[which / 4 % FACTORS][0],
                                          .beta = factors[which / 4 % FACTORS][1]},
                                precision == GAN_BFLOAT16);
    check_levels(precision, &of);
    product_release(&of);
  }
}

/* How sums are cut decides their bits. */
static void panels_are_of_one_depth_on_all_cpus_of_a_level_whatever_is_told_of_their_cache(void **unused) {
  (void)unused;
  const gan_cpu_level own = gan_cpu();
  assert_true(sysconf(_SC_LEVEL1_DCACHE_SIZE) == 0 && told == 1);
  for (int level = GAN_CPU_BASELINE; level <= (int)own; level++) {
    gan_cpu_limit((gan_cpu_level)level);
    assert_int_equal(gan_tile_depth(), level == GAN_CPU_AVX512 ? 192 : 128);
  }
  assert_int_equal(told, 1);
}

static void products_in_float32_equal_a_plain_loop(void **unused) {
  (void)unused;
  check(GAN_FLOAT32);
}

static void products_in_bfloat16_are_sums_of_rounded_operands(void **unused) {
  (void)unused;
  if (!gan_tiles_available(GAN_BFLOAT16)) skip();
  check(GAN_BFLOAT16);
}

/* What is not a number in C is overwritten, not multiplied by 0, whether the tile is whole or not. */
static void a_beta_of_0_does_not_read_the_result(void **unused) {
  (void)unused;
  for (int which = 0; which < 4; which++) {
    const gan_precision precision = which / 2 ? GAN_BFLOAT16 : GAN_FLOAT32;
    product of = product_create((product){.m = 19, .n = 70, .k = 150, .alpha = (float)(1 + which % 2)}, which / 2);
    for (int64_t i = 0; i < of.m; i++)
      for (int64_t j = 0; j < of.n; j++) of.before[i * of.ldc + j] = NAN;
    check_levels(precision, &of);
    product_release(&of);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(panels_are_of_one_depth_on_all_cpus_of_a_level_whatever_is_told_of_their_cache),
      cmocka_unit_test(products_in_float32_equal_a_plain_loop),
      cmocka_unit_test(products_in_bfloat16_are_sums_of_rounded_operands),
      cmocka_unit_test(a_beta_of_0_does_not_read_the_result),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
