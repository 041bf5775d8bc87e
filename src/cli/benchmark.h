/* `gan_dist benchmark`: what its files share. command_benchmark.c decides what is measured; benchmark_training.c
   measures training, benchmark_layers.c its layers, benchmark_machine.c what it is compared with, benchmark_report.c
   tells both; benchmark_scaling.c starts the program with several numbers of ranks, through benchmark_launch.c, and
   benchmark_curves.c makes a table of what comes out; benchmark_predict.c predicts more hosts than there are, and
   benchmark_predict_report.c tells; benchmark_allreduce.c compares all-reduces; benchmark_file.c writes files.
   docs/benchmark.md says what each number means. */
#ifndef GAN_CLI_BENCHMARK_H
#define GAN_CLI_BENCHMARK_H

#include <stddef.h>

#include "cli/command.h"
#include "cli/json.h"
#include "dist/predict.h"
#include "store/table.h"
#include "train/profile.h"
#include "train/work.h"

/* --- benchmark_machine.c: the machine that this is, and what it can do at most --- */

/* Floating-point operations per second of all ranks together, each multiplying 1024 x 1024 matrices of its own at the
   same time, by the backend that training uses. Collective. */
gan_status gan_machine_flops(gan_world *world, const gan_backend *backend, double *flops) GAN_CHECKED;

/* Bytes per second that all ranks together move to and from memory, each adding vectors larger than the caches.
   Collective. */
gan_status gan_machine_bandwidth(gan_world *world, double *bytes) GAN_CHECKED;

/* This process's proportional set size in bytes: its memory, pages shared with n processes counted as 1/n. NAN where
   the system does not tell. */
double gan_process_memory(void);

/* Seconds since this process was started, to 1/100 s. NAN where the system does not tell. */
double gan_process_age(void);

/* --- benchmark_layers.c --- */

/* A mean iteration, the same on every rank. */
typedef struct gan_layer_times {
  gan_profile *profile; /* seconds: mean over ranks; operations: of all ranks */
  double seconds;       /* of the iteration */
} gan_layer_times;

/* Trains for so many iterations and times each layer. Collective. */
gan_status gan_benchmark_layers(gan_world *world, gan_trainer *trainer, int64_t iterations,
                                gan_layer_times *times) GAN_CHECKED;
void gan_layer_times_release(gan_layer_times *times);
/* The share of the iteration that is not spent in layers with matrix products or convolutions. */
double gan_layer_times_outside(const gan_layer_times *times);
/* `peak`: operations per second of all ranks; NAN where ranks share cores: then no shares of it are told. */
void gan_layer_times_print(const gan_layer_times *times, double peak);
struct json_object *gan_layer_times_json(const gan_layer_times *times, double peak);

/* --- benchmark_training.c --- */

/* All of it is the same on every rank, except where it says rank 0. Seconds are of an iteration. */
typedef struct gan_training_time {
  gan_work work;
  int64_t iterations;     /* that were timed */
  double minimum, median; /* of the iterations' times, each that of its slowest rank; rank 0 */
  /* How the median splits up: means over ranks; together at most the median; rank 0. */
  double data, compute, summing, waiting;
  double communication; /* of the median; the ranks' exchanges with each other, waiting included; rank 0 */
  double exchange;      /* of a step's scalars among all ranks, which carry the agreement on errors */
  gan_spread spread;    /* of all but communication, over ranks and iterations; rank 0 */
  double startup;       /* from the start of the process to the first iteration, of the slowest rank */
  double largest_memory, whole_memory; /* bytes of a rank, and of all together */
} gan_training_time;

/* Trains for `iterations`, or for about 5 seconds when 0, without writing a file; with some more iterations for
   `layers`, unless NULL: to be released by gan_layer_times_release. Collective. */
gan_status gan_benchmark_training(gan_world *world, const gan_config *config, int64_t iterations,
                                  gan_training_time *time, gan_layer_times *layers) GAN_CHECKED;

/* Smallest and middle one of `count` (at least 1) values, which get sorted. */
void gan_smallest_and_median(size_t count, double *values, double *smallest, double *median);

/* --- benchmark_report.c --- */

/* Measures training and the machine, and prints both. Collective. */
gan_status gan_benchmark_report(gan_arguments *arguments) GAN_CHECKED;

/* --- benchmark_launch.c: other programs --- */

enum { GAN_LAUNCH_WORDS = 1024, GAN_LAUNCH_REASON = 512 };

/* What a finished program left. */
typedef struct gan_launched {
  char *output;                   /* its standard output, owned by the caller */
  int exit_status;                /* 128 + the signal's number when a signal ended it */
  char reason[GAN_LAUNCH_REASON]; /* why it failed, in its own words; "" when it did not */
} gan_launched;

/* Runs the program words[0] (looked for in PATH; words end with NULL) with this process's original environment, less
   what an MPI library put into it, and waits for its end: at most `seconds`, then it is ended. GAN_FAILED when it could
   not be started or did not end in time; how it ended otherwise is in *launched. */
gan_status gan_launch(char *const *words, double seconds, gan_launched *launched) GAN_CHECKED;

/* --- benchmark_scaling.c, benchmark_curves.c --- */

/* One number of ranks. */
typedef struct gan_scaling_row {
  double ranks, batch, shards, minimum, median, samples_per_second, data, compute, summing, waiting, communication,
      share_of_peak, largest_memory, whole_memory,
      startup; /* as in the JSON object of a benchmark, times in milliseconds */
  double host_ranks, host_cores;
  double speedup, efficiency; /* against the first row */
} gan_scaling_row;

enum { GAN_SCALING_ROWS = 64 };

typedef struct gan_scaling {
  const char *kind; /* "strong", "weak" */
  int count;
  gan_scaling_row rows[GAN_SCALING_ROWS];
  struct json_object *report; /* with the members scaling and rows, what the ranks reported */
} gan_scaling;

gan_status gan_benchmark_scaling(gan_arguments *arguments) GAN_CHECKED;

/* To a file, see gan_benchmark_write. */
gan_status gan_scaling_write(const gan_scaling *scaling, const char *path) GAN_CHECKED;

/* --- benchmark_predict.c, benchmark_predict_report.c --- */

/* Collective. */
gan_status gan_benchmark_predict(gan_arguments *arguments) GAN_CHECKED;

/* --- benchmark_allreduce.c --- */

/* Collective. */
gan_status gan_benchmark_allreduce(gan_arguments *arguments) GAN_CHECKED;

/* --- benchmark_file.c: what -o asks for --- */

/* GAN_BAD_USAGE when the file's ending is none that gan_benchmark_write knows. */
gan_status gan_benchmark_check_path(const char *path) GAN_CHECKED;
/* Writes the report (.json) or the table (.h5, .hdf5); the path has been checked. */
gan_status gan_benchmark_write(const char *path, struct json_object *report, const gan_table *table) GAN_CHECKED;

#endif
