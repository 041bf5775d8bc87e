/* Slurm sets variables such as SLURM_NTASKS and SLURM_PROCID for a job's script as for its tasks, and the launchers
   that it starts on other hosts hand them down to their ranks. So they count only beside PMI's or PMIx's own, in a
   step, and after all other launchers. */
#include "dist/launcher.h"

#include <limits.h>
#include <stdlib.h>

typedef struct launcher {
  const char *name;
  const char *mark;                     /* set by this launcher, and by none further down */
  const char *rank, *size, *local_size; /* the variables; NULL where there is none */
} launcher;

static const launcher launchers[] = {
    {"Open MPI's mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
     "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"MVAPICH's mpirun", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE",
     "MV2_COMM_WORLD_LOCAL_SIZE"},
    {"MPICH's mpiexec", "MPI_LOCALNRANKS", "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"},
    {"Slurm", "SLURM_STEP_ID", "PMI_RANK", "PMI_SIZE", NULL},
    {"Slurm", "SLURM_STEP_ID", "PMIX_RANK", "SLURM_STEP_NUM_TASKS", NULL},
    {"a launcher that speaks PMI", "PMI_SIZE", "PMI_RANK", "PMI_SIZE", NULL},
    {"a launcher that speaks PMIx", "PMIX_NAMESPACE", "PMIX_RANK", NULL, NULL},
};

static int number(const char *variable, int least) {
  const char *text = variable ? getenv(variable) : NULL;
  char *end = NULL;
  const long value = text ? strtol(text, &end, 10) : -1;
  return text && end != text && *end == '\0' && value >= least && value <= INT_MAX ? (int)value : -1;
}

static const launcher *find_launcher(void) {
  for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
    if (getenv(launchers[i].mark) && number(launchers[i].rank, 0) >= 0) return &launchers[i];
  return NULL;
}

const char *gan_launcher_name(void) {
  const launcher *found = find_launcher();
  return found ? found->name : NULL;
}

int gan_launcher_rank(void) {
  const launcher *found = find_launcher();
  return found ? number(found->rank, 0) : -1;
}

int gan_launcher_size(void) {
  const launcher *found = find_launcher();
  return found ? number(found->size, 1) : -1;
}

int gan_launcher_local_size(void) {
  const launcher *found = find_launcher();
  return found ? number(found->local_size, 1) : -1;
}
