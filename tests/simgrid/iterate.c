/* The exchanges of training's iterations, and nothing else, on a cluster that SimGrid simulates: the very code of
   src/dist with one rank to a host. Prints the simulated seconds of an iteration.

       iterate VARIANT CRITIC_PARAMETERS GENERATOR_PARAMETERS CRITIC_STEPS SCALARS ITERATIONS COMPUTE_SECONDS

   Between the exchanges of a step each rank computes for COMPUTE_SECONDS, which are simulated too. */
#include <smpi/smpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dist/reduction.h"
#include "dist/world.h"

enum { SCALARS_MOST = 100000, STATES = 1 };

typedef struct setting {
  const char *variant;
  size_t critic, generator, scalars;
  int critic_steps, iterations;
  double compute;
} setting;

typedef struct run {
  gan_world *world;
  gan_shards shards;
  gan_reduction *critic, *generator;
  double *per_shard, *total; /* (scalars) */
} run;

static void update_nothing(void *context, size_t offset, size_t count, const float *gradient) {
  (void)context, (void)offset, (void)count, (void)gradient;
}

static void step(const setting *asked, run *this, gan_reduction *reduction) {
  gan_reduction_await(reduction);
  smpi_execute(asked->compute);
  gan_reduction_filled(reduction, 0);
  gan_world_sum(this->world, &this->shards, this->per_shard, asked->scalars, this->total);
  gan_reduction_update(reduction, update_nothing, NULL, false);
}

static void iterate(const setting *asked, run *this) {
  for (int i = 0; i < asked->critic_steps; i++) step(asked, this, this->critic);
  step(asked, this, this->generator);
  gan_reduction_await(this->critic);
  gan_reduction_await(this->generator);
}

static gan_status prepare(const setting *asked, int *argc, char ***argv, run *this) {
  GAN_TRY(gan_world_open(argc, argv, &this->world));
  const int ranks = gan_world_size(this->world), rank = gan_world_rank(this->world);
  if (gan_world_host_size(this->world) != 1) return gan_fail(GAN_FAILED, "more than one rank on a host");
  GAN_TRY(gan_shards_plan(ranks, ranks, ranks, rank, &this->shards));
  GAN_TRY(gan_reduction_create(this->world, &this->shards, asked->variant, asked->critic, STATES, &this->critic));
  GAN_TRY(gan_reduction_create(this->world, &this->shards, asked->variant, asked->generator, STATES, &this->generator));
  this->per_shard = calloc(asked->scalars, sizeof *this->per_shard);
  this->total = calloc(asked->scalars, sizeof *this->total);
  return this->per_shard && this->total ? GAN_OK : gan_fail(GAN_FAILED, "out of memory");
}

int main(int argc, char **argv) {
  run this = {0};
  if (argc != 8) return 2;
  MPI_Init(&argc, &argv); /* not by gan_world_open, which asks for threads that SimGrid does not have */
  const setting asked = {.variant = argv[1],
                         .critic = strtoull(argv[2], NULL, 10),
                         .generator = strtoull(argv[3], NULL, 10),
                         .critic_steps = atoi(argv[4]),
                         .scalars = strtoull(argv[5], NULL, 10),
                         .iterations = atoi(argv[6]),
                         .compute = atof(argv[7])};
  const gan_status status = prepare(&asked, &argc, &argv, &this);
  if (status != GAN_OK) {
    fprintf(stderr, "iterate: %s\n", gan_error_message());
    return status;
  }
  gan_world_barrier(this.world);
  const double start = MPI_Wtime();
  for (int i = 0; i < asked.iterations; i++) iterate(&asked, &this);
  const double seconds = gan_world_maximum(this.world, (MPI_Wtime() - start) / asked.iterations);
  if (gan_world_rank(this.world) == 0)
    printf("{\"hosts\": %d, \"critic\": \"%s\", \"generator\": \"%s\", \"seconds_per_iteration\": %.9g}\n",
           gan_world_host_count(this.world), gan_reduction_name(this.critic), gan_reduction_name(this.generator),
           seconds);
  fflush(stdout);
  gan_world_close(this.world);
  MPI_Finalize();
  return 0;
}
