/* Metrics by nearest neighbours: the same bits from any number of ranks as from one, and prdc's values. */
#include <math.h>
#include <string.h>

#include "base/fault.h"
#include "eval/memorisation.h"
#include "reference/neighbours.h"
#include "support.h"

enum { CASES = sizeof neighbour_cases / sizeof neighbour_cases[0], PAIRS = 12, VALUES = GAN_METRIC_VALUES + 1 };

typedef struct outcome {
  gan_status status;
  double values[VALUES];
  gan_close_pair pairs[PAIRS];
  int64_t found;
} outcome;

static gan_status compute(const char *name, const gan_comparison *comparison, double *values) {
  int value;
  return gan_metric_find(name, &value)->compute(comparison, values);
}

static outcome judge(const gan_comparison *comparison) {
  outcome made;
  memset(&made, 0, sizeof made);
  made.status = compute("precision", comparison, made.values);
  if (made.status == GAN_OK) made.status = compute("memorisation", comparison, made.values + GAN_METRIC_VALUES);
  if (made.status == GAN_OK) made.status = gan_memorisation_pairs(comparison, PAIRS, made.pairs, &made.found);
  return made;
}

static bool as_recorded(const neighbour_case *of, const double *values) {
  bool well = fabs(values[GAN_METRIC_VALUES] - of->memorisation) <= 1e-12;
  for (int i = 0; i < 4; i++) well = well && fabs(values[i] - of->prdc[i]) <= 1e-12 * of->prdc[i];
  return well;
}

static void check_cases(gan_world *world, gan_world *alone, const gan_backend *backend, const char *name, int step,
                        int *failures) {
  bool well = true;
  for (int i = 0; i < CASES; i += step) {
    point_sets made;
    make_points(&neighbour_cases[i], world, backend, &made);
    const outcome together = judge(&made.comparison);
    made.comparison.world = alone;
    const outcome single = judge(&made.comparison);
    well = well && together.status == GAN_OK && memcmp(&together, &single, sizeof single) == 0;
    well = well && as_recorded(&neighbour_cases[i], together.values);
    free_points(&made);
  }
  check(world, name, well, failures);
}

/* On the last rank, at each third place: tests/unit has all. */
static void check_lack_of_memory(gan_world *world, const gan_backend *backend, int *failures) {
  bool well = true;
  int count = 0;
  point_sets made;
  make_points(&neighbour_cases[8], world, backend, &made);
  for (;; count += 3) {
    if (gan_world_rank(world) == gan_world_size(world) - 1) gan_fault_arm(GAN_FAULT_ALLOCATION, count + 1);
    const gan_status status = judge(&made.comparison).status;
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    if (status == GAN_OK) break;
    well = well && status == GAN_FAILED;
  }
  check(world, "lack_of_memory_on_one_rank_fails_on_all", well && count > 10, failures);
  free_points(&made);
}

int main(int argc, char **argv) {
  int failures = 0;
  gan_world *world = open_world(&argc, &argv), *alone = NULL;
  const gan_backend *backend = NULL;
  gan_status status = gan_world_alone(&alone);
  if (status == GAN_OK) status = gan_backend_open("auto", GAN_FLOAT32, &backend);
  if (status == GAN_OK) {
    check_cases(world, alone, backend, "any_number_of_ranks_finds_what_one_finds", 1, &failures);
    check_lack_of_memory(world, backend, &failures);
    /* The first rank of a host finds no room for a window, so its ranks have copies of their own. */
    gan_fault_arm(GAN_FAULT_WINDOW, 1);
    check_cases(world, alone, backend, "without_shared_memory_too", 5, &failures);
    gan_fault_arm(GAN_FAULT_WINDOW, 0);
  }
  check(world, "the_backend_opens", status == GAN_OK, &failures);
  gan_world_close(alone);
  gan_world_close(world);
  return failures > 0;
}
