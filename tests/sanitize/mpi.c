/* For the build with sanitizers: what MPI allocates and does not free is no leak of ours.

   LeakSanitizer tells by the names of libraries (tests/leaks.txt). But Open MPI unloads its plugins when it ends, which then
   have no name, and to find a frame above them that has one every allocation would have to be unwound slowly, which takes
   more than half of a test's time. So MPI's profiling interface stands between: what MPI takes while it starts does not
   count, and leaks are looked for before it ends. What this process would leak later, it would leak to the system. */
#include <mpi.h>
#include <sanitizer/lsan_interface.h>

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
  __lsan_disable();
  const int error = PMPI_Init_thread(argc, argv, required, provided);
  __lsan_enable();
  return error;
}

int MPI_Finalize(void) {
  __lsan_do_leak_check(); /* ends the program when there are some; is not repeated at its end */
  return PMPI_Finalize();
}
