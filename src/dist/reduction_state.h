/* What reductions are made of; for the files of src/dist only. */
#ifndef GAN_DIST_REDUCTION_STATE_H
#define GAN_DIST_REDUCTION_STATE_H

#include "dist/reduction.h"
#include "dist/world_state.h"

enum { GAN_REDUCTION_STATES = 8 };

/* A variant's own data begin with this. */
struct gan_reduction {
  const gan_reduction_variant *variant;
  gan_world *world;
  const gan_shards *shards;
  size_t count, blocks;
  char reason[160];
  gan_transform transform; /* NULL: none */
  void *transform_context;
  size_t taken, taken_shared; /* bytes: this rank's own, and of its host */
  /* Set by the variant. */
  float *parameters;
  int state_count;
  float *states[GAN_REDUCTION_STATES];
  float **slots;  /* [shards->slot_count] */
  double squares; /* of the last update's gradient; valid after await */
  double bound;   /* of the gradient's norm; 0: none */
  float factor;   /* that keeps the last update's gradient within it */
};

/* See dist/reduction.h for what each does. */
struct gan_reduction_variant {
  const char *name;
  const char *help;
  size_t size;   /* of its data */
  bool one_host; /* suits the ranks of one host only */
  /* Takes this rank's private memory; errors are its own. */
  gan_status (*allocate)(gan_reduction *reduction);
  /* How much allocate and share take, for a reduction whose world knows who is where and nothing else; host_slots: of
     all ranks of this host. */
  void (*measure)(const gan_reduction *reduction, size_t host_slots, gan_reduction_bytes *bytes);
  /* Takes shared memory; false where this host has none. Nothing of it is left then. Collective. NULL: needs none. */
  bool (*share)(gan_reduction *reduction);
  void (*release)(gan_reduction *reduction); /* but for the data themselves; allocate may have failed. Collective */
  void (*await)(gan_reduction *reduction);   /* NULL: parameters are complete after update */
  void (*filled)(gan_reduction *reduction, size_t offset); /* NULL: of no use to it */
  void (*update)(gan_reduction *reduction, gan_update update, void *context, bool keep);
  const float *(*gradient)(gan_reduction *reduction);
  void (*collect)(gan_reduction *reduction);     /* NULL: rank 0 has it all */
  void (*show)(gan_reduction *reduction, int i); /* NULL: every rank has it all */
  void (*distribute)(gan_reduction *reduction);
};

/* For an update whose gradient has a bound, once `squares` is known: sets `factor`. False where the gradient is not
   finite, and nothing is to be updated. */
bool gan_reduction_find_factor(gan_reduction *reduction);
/* A row of the gradient as it is to be taken: itself, or times the factor, in `row` (GAN_REDUCTION_ROW). */
const float *gan_reduction_bounded(const gan_reduction *reduction, size_t count, const float *gradient, float *row);

/* gan_allocate, counted as the reduction's. */
gan_status gan_reduction_take(gan_reduction *reduction, size_t count, size_t size, const char *what,
                              void *memory) GAN_CHECKED;

extern const gan_reduction_variant gan_reduction_flat, gan_reduction_shared, gan_reduction_hierarchical;

/* Floats before block b: where blocks begin, and where the last one ends. */
static inline size_t gan_reduction_block_begin(const gan_reduction *reduction, size_t block) {
  const size_t begin = block * GAN_REDUCTION_BLOCK;
  return begin < reduction->count ? begin : reduction->count;
}

/* Floats of a block that are updated at a time: the sum, the parameters and a state of them stay in a core's
   first-level cache. Their squares are summed after the update, whose divisions leave time to fetch the sums. */
enum { GAN_REDUCTION_ROW = 2048 };

static inline size_t gan_reduction_row_length(size_t offset, size_t end) {
  return end - offset < GAN_REDUCTION_ROW ? end - offset : GAN_REDUCTION_ROW;
}

#endif
