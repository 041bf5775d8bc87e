/* Matrix products of every backend against a plain triple loop in double, and against each other's bits where they have
   to be the same; which core OpenBLAS is asked for. */
#include "kernels/kernels.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels/environment.h"
#include "kernels/row_products.h"
#include "product_support.h"

static void check_gemm(const gan_backend *backend, product *of) {
  product_begin(of);
  backend->gemm(of->transpose_a, of->transpose_b, of->m, of->n, of->k, of->alpha, of->a, of->lda, of->b, of->ldb,
                of->beta, of->c, of->ldc);
  product_check(of);
}

static void check_product(product sizes) {
  product of = product_create(sizes, false);
  for (int backend = 0; backend < gan_backend_count; backend++) {
    assert_int_equal(gan_backends[backend]->open(), GAN_OK);
    check_gemm(gan_backends[backend], &of);
  }
  product_release(&of);
}

/* Sizes on both sides of each choice that a backend makes by size: narrow, small, large, few long rows. */
static const int64_t sizes_of_products[][3] = {
    {1, 1, 1},   {5, 1, 7},    {1, 5, 7},     {7, 5, 1},      {33, 17, 29},   {64, 2, 128},  {3, 130, 70},   {4, 6, 24},
    {8, 33, 61}, {9, 47, 130}, {16, 64, 100}, {101, 103, 99}, {40, 200, 130}, {12, 9, 1100}, {110, 230, 205}};
enum { SIZE_COUNT = sizeof sizes_of_products / sizeof sizes_of_products[0] };

/* In a process of its own, before it has multiplied anything. OpenBLAS itself would look for memory for ever. */
static void a_backend_without_address_space_is_an_error(void **unused) {
  (void)unused;
#ifdef __SANITIZE_ADDRESS__ /* takes terabytes of address space for itself */
  skip();
#endif
  for (int i = 0; i < gan_backend_count; i++) {
    int result = 0;
    const pid_t child = fork();
    if (child == 0) {
      long pages = 0;
      FILE *file = fopen("/proc/self/statm", "r");
      if (!file || fscanf(file, "%ld", &pages) != 1) _exit(2);
      const rlim_t limit = (rlim_t)(pages * sysconf(_SC_PAGESIZE)) + ((rlim_t)64 << 20);
      if (setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit}) != 0) _exit(3);
      alarm(60);
      _exit(gan_backends[i]->open() == GAN_FAILED && strstr(gan_error_message(), "out of memory") ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
  }
}

static void products_equal_a_plain_loop_for_every_transposition_and_size(void **unused) {
  (void)unused;
  const float factors[][2] = {{1.0f, 0.0f}, {1.0f, 1.0f}, {-0.5f, 0.25f}};
  for (size_t size = 0; size < SIZE_COUNT; size++)
    for (int variant = 0; variant < 12; variant++) {
      const float *factor = factors[variant / 4];
      check_product((product){.transpose_a = (variant & 1) != 0,
                              .transpose_b = (variant & 2) != 0,
                              .m = sizes_of_products[size][0],
                              .n = sizes_of_products[size][1],
                              .k = sizes_of_products[size][2],
                              .alpha = factor[0],
                              .beta = factor[1]});
    }
}

/* A times the unit matrix is what A was rounded to. */
static void products_in_bfloat16_round_operands_to_nearest(void **unused) {
  (void)unused;
  enum { ROWS = 50, N = 60 };
  const gan_backend *backend;
  if (gan_backend_open("auto", GAN_BFLOAT16, &backend) != GAN_OK) skip();
  float *a = random_vector(1, ROWS * N), unit[N * N] = {0}, c[ROWS * N];
  for (int i = 0; i < N; i++) unit[i * N + i] = 1;
  for (int i = 0; i < ROWS; i++) { /* halfway, below an even and an odd neighbour */
    const uint32_t halfway = 0x3f808000u + (uint32_t)i * 0x10000u;
    memcpy(&a[i * N + i], &halfway, sizeof halfway);
  }
  backend->gemm(false, false, ROWS, N, N, 1, a, N, unit, N, 0, c, N);
  for (int i = 0; i < ROWS * N; i++) assert_true(c[i] == rounded(a[i]));
  free(a);
}

/* With other factors than those of sums that are only stored. */
static void products_in_bfloat16_take_all_that_a_product_has(void **unused) {
  (void)unused;
  const gan_backend *backend;
  if (gan_backend_open("auto", GAN_BFLOAT16, &backend) != GAN_OK) skip();
  for (int which = 0; which < 4; which++) {
    product of = product_create((product){.transpose_a = (which & 1) != 0,
                                          .transpose_b = (which & 2) != 0,
                                          .m = 33,
                                          .n = 49,
                                          .k = 17,
                                          .alpha = 0.5f,
                                          .beta = -2},
                                true);
    check_gemm(backend, &of);
    product_release(&of);
  }
}

static void a_backend_without_bfloat16_says_so(void **unused) {
  (void)unused;
  const gan_backend *backend;
  assert_int_equal(gan_backend_open("openblas", GAN_BFLOAT16, &backend), GAN_BAD_USAGE);
  assert_non_null(strstr(gan_error_message(), "openblas has no products in bfloat16"));
  assert_int_equal(gan_backend_open("openblas", GAN_FLOAT32, &backend), GAN_OK);
  assert_int_equal(gan_precision_find(gan_precision_name(GAN_BFLOAT16)), GAN_BFLOAT16);
  assert_null(gan_precision_name(2));
}

static void a_beta_of_0_overwrites_what_was_not_a_number(void **unused) {
  (void)unused;
  const float a[] = {1.0f, 2.0f, 3.0f, 4.0f}, b[] = {1.0f, 0.0f, 0.0f, 1.0f};
  for (int i = 0; i < gan_backend_count; i++) {
    assert_int_equal(gan_backends[i]->open(), GAN_OK);
    float c[] = {NAN, NAN, NAN, INFINITY};
    gan_backends[i]->gemm(false, false, 2, 2, 2, 1.0f, a, 2, b, 2, 0.0f, c, 2);
    assert_memory_equal(c, a, sizeof a);
  }
}

static void sizes_of_0_are_safe(void **unused) {
  (void)unused;
  for (int i = 0; i < gan_backend_count; i++) {
    assert_int_equal(gan_backends[i]->open(), GAN_OK);
    const float a[] = {1.0f, 2.0f};
    float c[] = {4.0f, 6.0f};
    const float kept[] = {4.0f, 6.0f}, halved[] = {2.0f, 3.0f}, zero[] = {0.0f, 0.0f};
    gan_backends[i]->gemm(false, false, 0, 2, 1, 1.0f, a, 1, a, 2, 0.0f, c, 2);
    gan_backends[i]->gemm(false, false, 2, 0, 1, 1.0f, a, 1, a, 0, 0.0f, c, 0);
    assert_memory_equal(c, kept, sizeof c);
    gan_backends[i]->gemm(false, false, 1, 2, 0, 1.0f, a, 0, a, 2, 0.5f, c, 2);
    assert_memory_equal(c, halved, sizeof c);
    c[0] = NAN;
    gan_backends[i]->gemm(false, false, 1, 2, 0, 1.0f, a, 0, a, 2, 0.0f, c, 2);
    assert_memory_equal(c, zero, sizeof c);
  }
}

/* Moves the operands by up to 15 floats, so that vectors cross cache lines in every way. */
static void bits_of_a_product_do_not_depend_on_alignment(void **unused) {
  (void)unused;
  const int64_t sizes[][3] = {{19, 23, 37}, {8, 40, 70}, {110, 120, 100}, {1, 40, 33}, {33, 2, 40}, {110, 230, 205}};
  enum { SIZES = sizeof sizes / sizeof *sizes };
  for (int which = 0; which < SIZES * 3 * gan_backend_count; which++) {
    const gan_backend *backend = gan_backends[which / SIZES / 3];
    const int64_t m = sizes[which % SIZES][0], n = sizes[which % SIZES][1], k = sizes[which % SIZES][2];
    const bool transpose_a = which / SIZES % 3 == 1, transpose_b = which / SIZES % 3 == 2;
    const int64_t lda = transpose_a ? m : k, ldb = transpose_b ? k : n;
    const size_t a_count = (size_t)(m * k), b_count = (size_t)(k * n), c_count = (size_t)(m * n);
    float *source_a = random_vector(1, a_count), *source_b = random_vector(2, b_count),
          *right = random_vector(3, c_count);
    float *a = random_vector(4, a_count + 16), *b = random_vector(5, b_count + 16), *c = random_vector(6, c_count + 16);
    assert_int_equal(backend->open(), GAN_OK);
    backend->gemm(transpose_a, transpose_b, m, n, k, 1, source_a, lda, source_b, ldb, 0, right, n);
    for (int shift = 0; shift < 16; shift++) {
      float *at_a = a + shift, *at_b = b + (shift * 3) % 16, *at_c = c + (shift * 5) % 16;
      memcpy(at_a, source_a, a_count * sizeof *a);
      memcpy(at_b, source_b, b_count * sizeof *b);
      backend->gemm(transpose_a, transpose_b, m, n, k, 1, at_a, lda, at_b, ldb, 0, at_c, n);
      assert_memory_equal(at_c, right, c_count * sizeof *right);
    }
    free(source_a), free(source_b), free(right), free(a), free(b), free(c);
  }
}

/* An element of products of rows is the same whatever other rows there are, so that its place in the tiles plays no
   part. */
static void products_of_rows_depend_on_their_two_rows_alone(void **unused) {
  (void)unused;
  enum { M = 11, N = 21, K = 83 };
  float *a = random_vector(1, M * K), *b = random_vector(2, N * K), all[M * N], some[5 * 7];
  const bool can = gan_row_products(M, N, K, a, K, b, K, all, N);
  assert_int_equal(can, gan_cpu() == GAN_CPU_AVX512);
  for (int first = 0; can && first + 5 <= M; first++)
    for (int column = 0; column + 7 <= N; column++) {
      assert_true(gan_row_products(5, 7, K, a + first * K, K, b + column * K, K, some, 7));
      for (int i = 0; i < 5; i++) assert_memory_equal(some + i * 7, all + (first + i) * N + column, 7 * sizeof *some);
    }
  free(a), free(b);
}

static void backends_are_found_by_name_and_describe_themselves(void **unused) {
  (void)unused;
  assert_null(gan_backend_find("openblast"));
  assert_ptr_equal(gan_backend_find("auto"), gan_backends[0]);
  assert_non_null(gan_backend_find("openblas"));
  for (int i = 0; i < gan_backend_count; i++) {
    assert_ptr_equal(gan_backend_find(gan_backends[i]->name), gan_backends[i]);
    assert_int_equal(gan_backends[i]->open(), GAN_OK);
    /* Both say what OpenBLAS chose: the fast one gives it the small products. */
    assert_non_null(strstr(gan_backends[i]->describe(), "OpenBLAS 0."));
  }
  const gan_backend *onednn = gan_backend_find("onednn");
  if (!onednn) return;
  assert_ptr_equal(onednn, gan_backends[0]);
  assert_non_null(strstr(onednn->describe(), "oneDNN "));
}

static void openblas_is_asked_for_avx512_only_where_it_chose_less_than_the_cpu_has(void **unused) {
  (void)unused;
  assert_string_equal(gan_better_openblas_core("Haswell", true), "SKYLAKEX");
  assert_string_equal(gan_better_openblas_core("Zen", true), "SKYLAKEX");
  assert_string_equal(gan_better_openblas_core("Prescott", true), "SKYLAKEX");
  assert_null(gan_better_openblas_core("SkylakeX", true));
  assert_null(gan_better_openblas_core("Cooperlake", true));
  assert_null(gan_better_openblas_core("SapphireRapids", true));
  assert_null(gan_better_openblas_core("Haswell", false));
  assert_null(gan_better_openblas_core("neoversen1", false));
}

static void the_environment_is_changed_once_and_never_against_the_user(void **unused) {
  (void)unused;
  assert_int_equal(unsetenv("OPENBLAS_NUM_THREADS"), 0);
  assert_true(gan_set_kernel_environment());
  assert_int_equal(unsetenv("GAN_OPENBLAS_CHOSE"), 0);
  assert_string_equal(getenv("OPENBLAS_NUM_THREADS"), "1");
  assert_false(gan_set_kernel_environment());
  assert_int_equal(setenv("OPENBLAS_CORETYPE", "Nehalem", 1), 0);
  assert_false(gan_set_kernel_environment());
  assert_string_equal(getenv("OPENBLAS_CORETYPE"), "Nehalem");
  assert_string_equal(gan_openblas_core_reason("Nehalem"), ", set by OPENBLAS_CORETYPE=Nehalem");
  assert_int_equal(setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 1), 0);
  assert_string_equal(gan_openblas_core_reason("SkylakeX"), ", set by OPENBLAS_CORETYPE=SKYLAKEX");
  assert_int_equal(setenv("GAN_OPENBLAS_CHOSE", "Haswell", 1), 0);
  assert_string_equal(gan_openblas_core_reason("SkylakeX"),
                      ", set by the program since this CPU has AVX-512 and OpenBLAS chose Haswell");
  assert_int_equal(unsetenv("OPENBLAS_CORETYPE"), 0);
  assert_string_equal(gan_openblas_core_reason("SkylakeX"), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_backend_without_address_space_is_an_error),
      cmocka_unit_test(products_equal_a_plain_loop_for_every_transposition_and_size),
      cmocka_unit_test(products_in_bfloat16_round_operands_to_nearest),
      cmocka_unit_test(products_in_bfloat16_take_all_that_a_product_has),
      cmocka_unit_test(a_backend_without_bfloat16_says_so),
      cmocka_unit_test(a_beta_of_0_overwrites_what_was_not_a_number),
      cmocka_unit_test(sizes_of_0_are_safe),
      cmocka_unit_test(bits_of_a_product_do_not_depend_on_alignment),
      cmocka_unit_test(products_of_rows_depend_on_their_two_rows_alone),
      cmocka_unit_test(backends_are_found_by_name_and_describe_themselves),
      cmocka_unit_test(openblas_is_asked_for_avx512_only_where_it_chose_less_than_the_cpu_has),
      cmocka_unit_test(the_environment_is_changed_once_and_never_against_the_user),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
