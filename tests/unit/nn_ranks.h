/* For the tests of passes on several ranks: ranks as threads, which meet where a collective would. */
#ifndef GAN_TESTS_UNIT_NN_RANKS_H
#define GAN_TESTS_UNIT_NN_RANKS_H

#include "nn_support.h"

#include <pthread.h>

enum { SIMULATED_RANKS = 5 };

typedef struct simulation {
  int ranks;
  rig rigs[SIMULATED_RANKS];
  void *context; /* the test's */
  pthread_barrier_t barrier;
  double *gathered; /* (shards, at most GATHERED) */
} simulation;

typedef struct simulated_rank {
  simulation *all;
  int rank;
} simulated_rank;

enum { GATHERED = 1024 };

/* The tree of base/shards.h, written down once more. */
static inline double tree_sum(const double *values, size_t stride, int low, int high) {
  if (high - low == 1) return values[(size_t)low * stride];
  const int middle = low + (high - low + 1) / 2;
  return tree_sum(values, stride, low, middle) + tree_sum(values, stride, middle, high);
}

static inline void sum_over_ranks(void *context, const double *per_shard, size_t count, double *total) {
  const simulated_rank *self = context;
  const gan_shards *shards = &self->all->rigs[self->rank].shards;
  memcpy(self->all->gathered + (size_t)shards->first * count, per_shard,
         (size_t)shards->local * count * sizeof *per_shard);
  pthread_barrier_wait(&self->all->barrier);
  for (size_t i = 0; i < count; i++) total[i] = tree_sum(self->all->gathered + i, count, 0, shards->count);
  pthread_barrier_wait(&self->all->barrier);
}

/* Element i of the sum over shards low .. high-1: found whole in a rank's forest, or the sum of its children. */
static inline float simulation_sum(const simulation *all, size_t i, int low, int high) {
  for (int rank = 0; rank < all->ranks; rank++) {
    const gan_shards *shards = &all->rigs[rank].shards;
    for (int node = 0; node < shards->node_count; node++)
      if (shards->nodes[node].low == low && shards->nodes[node].high == high) return all->rigs[rank].slots[node][i];
  }
  assert_true(high - low > 1);
  const int middle = low + (high - low + 1) / 2;
  return simulation_sum(all, i, low, middle) + simulation_sum(all, i, middle, high);
}

/* Runs work(simulated_rank) for each rank, whose rig is ready; with several ranks their passes sum over all of them. */
static inline void simulation_run(simulation *all, void *(*work)(void *)) {
  simulated_rank self[SIMULATED_RANKS];
  pthread_t threads[SIMULATED_RANKS];
  all->gathered = rig_memory((size_t)all->rigs[0].shards.count * GATHERED, sizeof(double));
  assert_int_equal(pthread_barrier_init(&all->barrier, NULL, (unsigned)all->ranks), 0);
  for (int rank = 0; rank < all->ranks; rank++) {
    self[rank] = (simulated_rank){all, rank};
    if (all->ranks > 1) all->rigs[rank].pass->shard_sum = (gan_shard_sum){sum_over_ranks, &self[rank]};
  }
  for (int rank = 0; rank < all->ranks; rank++)
    assert_int_equal(pthread_create(&threads[rank], NULL, work, &self[rank]), 0);
  for (int rank = 0; rank < all->ranks; rank++) pthread_join(threads[rank], NULL);
  pthread_barrier_destroy(&all->barrier);
  free(all->gathered);
}

#endif
