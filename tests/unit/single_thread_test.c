/* A program that has initialised MPI without threads. MPI starts once per process, hence this file's one test. */
#include <mpi.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gan_dist/gan_dist.h"

static void a_world_needs_an_mpi_that_allows_threads(void **state) {
  (void)state;
  gan_world *world = NULL;
  int support;
  setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
  assert_int_equal(MPI_Init_thread(NULL, NULL, MPI_THREAD_SINGLE, &support), MPI_SUCCESS);
  assert_int_equal(gan_world_open(NULL, NULL, &world), GAN_BAD_USAGE);
  assert_null(world);
  assert_non_null(strstr(gan_error_message(), "MPI_THREAD_FUNNELED"));
  MPI_Finalize();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_world_needs_an_mpi_that_allows_threads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
