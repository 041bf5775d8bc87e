/* Where the values of a pass lie: outputs of layers, their gradients, and what layers keep, in one block of memory.

   Each value has a lifetime, from the step that writes it to the last step that reads it; forward and backward steps of
   all layers, one after the other, are the clock. Values whose lifetimes do not overlap may lie in the same place. What
   a backward step reads is said by each layer (gan_layer.backward_reads); a layer that works element by element may
   write over its input when nobody reads that afterwards (gan_layer_type.in_place). None of it changes a bit of any
   result.

   Planning is pure arithmetic on sizes: it takes no memory of the values' size, so that a network's need is known
   before anything is trained. The plan is what gan_pass_create allocates from: there is no second account of it. */
#ifndef GAN_NN_PLAN_H
#define GAN_NN_PLAN_H

#include "nn/network.h"

/* How long outputs of layers, and what layers keep, have to last. */
typedef enum gan_keep {
  GAN_KEEP_FOR_BACKWARD, /* until the last backward step that reads them; gradients have places too */
  GAN_KEEP_NOTHING,      /* until the last layer has read them: forward passes only, there are no gradients */
  GAN_KEEP_ALL           /* as long as the pass: nothing shares memory or is written over */
} gan_keep;

/* Places are in floats from the block's beginning, multiples of a cache line. */
typedef struct gan_plan {
  size_t floats;       /* of the block */
  size_t unshared;     /* that it would have if each value had a place of its own */
  size_t *activations; /* [layer_count + 1]: of layer i's input; GAN_PLAN_INPUT: it is the network's */
  size_t *gradients;   /* [layer_count + 1]: of layer i's input's gradient; none with GAN_KEEP_NOTHING */
  size_t *kept;        /* [layer_count] */
} gan_plan;

/* The network's input is not in the block: who fills it may do so while the block is in use for something else. */
#define GAN_PLAN_INPUT ((size_t)-1)

/* For `rows` rows in `pieces` parts of shards. GAN_BAD_USAGE when they could take more than 2^56 bytes. Owned by the
   caller. */
gan_status gan_plan_create(const gan_network *network, size_t rows, size_t pieces, gan_keep keep,
                           gan_plan **plan) GAN_CHECKED;
void gan_plan_destroy(gan_plan *plan);

#endif
