/* What each launcher leaves in the environment, as seen there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dist/launcher.h"

/* The variables begin empty, whatever started the test, and end so. */
static int forget_launchers(void **state) {
  static const char *const variables[] = {"OMPI_COMM_WORLD_RANK",
                                          "OMPI_COMM_WORLD_SIZE",
                                          "OMPI_COMM_WORLD_LOCAL_SIZE",
                                          "MV2_COMM_WORLD_RANK",
                                          "MV2_COMM_WORLD_SIZE",
                                          "PMI_RANK",
                                          "PMI_SIZE",
                                          "MPI_LOCALNRANKS",
                                          "PMIX_RANK",
                                          "PMIX_NAMESPACE",
                                          "SLURM_STEP_ID",
                                          "SLURM_STEP_NUM_TASKS",
                                          "SLURM_PROCID",
                                          "SLURM_NTASKS"};
  (void)state;
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
  return 0;
}

static void expect(const char *name, int rank, int size, int local_size) {
  if (name)
    assert_string_equal(gan_launcher_name(), name);
  else
    assert_null(gan_launcher_name());
  assert_int_equal(gan_launcher_rank(), rank);
  assert_int_equal(gan_launcher_size(), size);
  assert_int_equal(gan_launcher_local_size(), local_size);
}

static void set_open_mpi(void) {
  setenv("OMPI_COMM_WORLD_RANK", "2", 1);
  setenv("OMPI_COMM_WORLD_SIZE", "6", 1);
  setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "3", 1);
  setenv("PMIX_RANK", "2", 1);
  setenv("PMIX_NAMESPACE", "prterun-host-1@1", 1);
}

static void set_slurm_step(void) {
  setenv("SLURM_STEP_ID", "0", 1);
  setenv("SLURM_STEP_NUM_TASKS", "4", 1);
  setenv("SLURM_PROCID", "1", 1);
  setenv("SLURM_NTASKS", "4", 1);
}

static void a_process_started_by_itself_has_no_launcher(void **state) {
  (void)state;
  expect(NULL, -1, -1, -1);
}

static void open_mpi_tells_rank_size_and_local_size(void **state) {
  (void)state;
  set_open_mpi();
  expect("Open MPI's mpirun", 2, 6, 3);
}

static void mpich_tells_rank_size_and_local_size(void **state) {
  (void)state;
  setenv("PMI_RANK", "0", 1);
  setenv("PMI_SIZE", "4", 1);
  setenv("MPI_LOCALNRANKS", "2", 1);
  expect("MPICH's mpiexec", 0, 4, 2);
}

static void slurm_tells_of_ranks_through_pmi_2_and_pmix(void **state) {
  (void)state;
  set_slurm_step();
  setenv("PMI_RANK", "1", 1);
  setenv("PMI_SIZE", "4", 1);
  expect("Slurm", 1, 4, -1);
  unsetenv("PMI_RANK");
  unsetenv("PMI_SIZE");
  setenv("PMIX_RANK", "1", 1);
  setenv("PMIX_NAMESPACE", "slurm.pmix.7.0", 1);
  expect("Slurm", 1, 4, -1);
}

static void a_batch_script_and_a_task_without_pmi_are_no_ranks(void **state) {
  (void)state;
  setenv("SLURM_PROCID", "0", 1);
  setenv("SLURM_NTASKS", "4", 1);
  expect(NULL, -1, -1, -1);
  set_slurm_step();
  expect(NULL, -1, -1, -1);
}

static void a_rank_of_mpirun_inside_a_step_is_mpirun_s(void **state) {
  (void)state;
  set_slurm_step();
  set_open_mpi();
  expect("Open MPI's mpirun", 2, 6, 3);
}

static void a_size_that_nobody_tells_is_unknown(void **state) {
  (void)state;
  setenv("PMIX_RANK", "5", 1);
  setenv("PMIX_NAMESPACE", "1234", 1);
  expect("a launcher that speaks PMIx", 5, -1, -1);
}

static void what_is_no_number_is_unknown(void **state) {
  static const char *const wrong[] = {"", "x", "3x", "-3", "0", "99999999999"};
  (void)state;
  set_open_mpi();
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    setenv("OMPI_COMM_WORLD_SIZE", wrong[i], 1);
    expect("Open MPI's mpirun", 2, -1, 3);
  }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, forget_launchers, forget_launchers)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_process_started_by_itself_has_no_launcher),
      TEST(open_mpi_tells_rank_size_and_local_size),
      TEST(mpich_tells_rank_size_and_local_size),
      TEST(slurm_tells_of_ranks_through_pmi_2_and_pmix),
      TEST(a_batch_script_and_a_task_without_pmi_are_no_ranks),
      TEST(a_rank_of_mpirun_inside_a_step_is_mpirun_s),
      TEST(a_size_that_nobody_tells_is_unknown),
      TEST(what_is_no_number_is_unknown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
