/* Timing all-reduces: every variant of this program's gradient reduction beside MPI_Allreduce, in the same run.

   All do the same: each rank has `count` float32 values, and afterwards each has the sum over ranks, in memory of its
   own or shared with its neighbours; a variant's update is a copy of the sum. Or the variants make an update of the
   caller's with it, as training does, which MPI_Allreduce beside them does not. The ways take turns repetition by
   repetition, so that whatever else the machine does meets all of them alike. */
#ifndef GAN_DIST_BENCHMARK_H
#define GAN_DIST_BENCHMARK_H

#include <stddef.h>

#include "dist/world.h"

/* The ways: their names ("mpi_allreduce", ...) and what they are. NULL past the end. */
const char *gan_allreduce_name(int way);
const char *gan_allreduce_help(int way);
enum { GAN_ALLREDUCE_WAYS_MOST = 8 };

/* Seconds of one all-reduce: of each repetition the slowest rank's, from a barrier on. NAN
   where a way does not suit these ranks and hosts. */
typedef struct gan_allreduce_time {
  double minimum, median;
} gan_allreduce_time;

/* What the variants do with the sum: `make` updates `count` parameters in place, and state_count further vectors with
   them, element by element. All begin as zeroes and keep what they are from one repetition to the next. */
typedef struct gan_allreduce_update {
  int state_count; /* at most GAN_ALLREDUCE_STATES_MOST */
  void (*make)(const void *context, size_t count, const float *gradient, float *parameters, float *const *states);
  const void *context;
} gan_allreduce_update;
enum { GAN_ALLREDUCE_STATES_MOST = 4 };

/* Times all ways for vectors of `count` floats (at least 1) into times[way]. `repetitions` of each, or as many as fit
   about `seconds`, but at least 5, when 0; *repeated is how many. `update` NULL: a copy of the sum. Every sum is
   checked, or, with an update, that all variants end with the same bits; GAN_FAILED when not. Collective; all ranks
   return the same status, rank 0 alone the times. */
gan_status gan_allreduce_measure(gan_world *world, size_t count, const gan_allreduce_update *update, int repetitions,
                                 double seconds, int *repeated, gan_allreduce_time *times) GAN_CHECKED;

#endif
