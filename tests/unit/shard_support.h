/* What the tests of sums over shards have in common: every kernel that there is, and sums along the shard tree. All
   inline: a test need not use every one. */
#ifndef GAN_TESTS_UNIT_SHARD_SUPPORT_H
#define GAN_TESTS_UNIT_SHARD_SUPPORT_H

#include <string.h>

#include "kernels/environment.h"
#include "kernels/kernels.h"
#include "kernels/tiles.h"
#include "vector_support.h"

/* Calls check with every backend in this precision, for each level of kernels that this CPU has. */
static inline void check_every_kernel(gan_precision precision, void (*check)(const gan_backend *backend)) {
  const gan_cpu_level own = gan_cpu();
  for (int level = GAN_CPU_BASELINE; level <= (int)own; level++)
    for (int i = 0; i < gan_backend_count; i++) {
      const gan_backend *backend = precision == GAN_BFLOAT16 ? gan_backends[i]->bfloat16 : gan_backends[i];
      if (!backend) continue;
      assert_int_equal(backend->open(), GAN_OK);
      gan_cpu_limit((gan_cpu_level)level);
      if (precision == GAN_FLOAT32 || gan_tiles_available(precision)) check(backend);
      gan_cpu_limit(own);
    }
}

/* The sum below [low, high) of what each shard has, leaves[shard] (count), along the tree. Owned by the caller. */
static inline float *add_tree(float *const *leaves, size_t count, int low, int high) {
  float *sum = random_vector(1, count);
  if (high - low == 1) {
    memcpy(sum, leaves[low], count * sizeof *sum);
    return sum;
  }
  const int middle = low + (high - low + 1) / 2;
  float *left = add_tree(leaves, count, low, middle), *right = add_tree(leaves, count, middle, high);
  for (size_t i = 0; i < count; i++) sum[i] = left[i] + right[i];
  free(left), free(right);
  return sum;
}

#endif
