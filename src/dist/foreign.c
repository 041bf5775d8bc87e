/* Processes that were started together, each of which MPI takes for the only one: a launcher whose language the MPI
   library does not speak. Each would do the whole work, into the same files. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "dist/launcher.h"
#include "dist/world.h"
#include "dist/world_state.h"

/* A number in the environment, -1: none. */
static int number(const char *variable) {
  const char *text = getenv(variable);
  char *end = NULL;
  const long value = text ? strtol(text, &end, 10) : -1;
  return text && end != text && *end == '\0' && value >= 0 && value <= INT_MAX ? (int)value : -1;
}

/* A step of Slurm without PMI: its tasks know their number, and no library looks for it. Steps that are none (a job's
   script, an interactive shell) have numbers above INT_MAX. */
static void ask_slurm(gan_launched *launched) {
  if (number("SLURM_STEP_ID") < 0 || number("SLURM_PROCID") < 0 || number("SLURM_STEP_NUM_TASKS") < 1) return;
  *launched = (gan_launched){.by = "Slurm", .rank = number("SLURM_PROCID"), .size = number("SLURM_STEP_NUM_TASKS")};
}

void gan_launched_ask(gan_launched *launched) {
  *launched = (gan_launched){.by = gan_launcher_name(), .rank = gan_launcher_rank(), .size = gan_launcher_size()};
  if (!launched->by) ask_slurm(launched);
}

static bool is_alone_of_many(const gan_world *world) { return world->size == 1 && world->launched.size > 1; }

bool gan_world_speaks(const gan_world *world) {
  return world->rank == 0 && (!is_alone_of_many(world) || world->launched.rank <= 0);
}

gan_status gan_world_check_launcher(const gan_world *world) {
  const char *library = gan_world_library();
  if (!is_alone_of_many(world)) return GAN_OK;
  return gan_fail(
      GAN_BAD_USAGE,
      "%s started %d processes, but to this program's MPI (%.*s) each of them is alone, and would do all of "
      "the work into the same files: start it by that MPI's own mpirun, or by srun --mpi=pmix",
      world->launched.by, world->launched.size, (int)strcspn(library, ","), library);
}
