/* Gradient reduction: from each rank's partial sums to one updated parameter vector on every rank.

   During the backward pass each rank folds its shards' gradients into slots (base/shards.h); what remains are the sums
   of its forest. A reduction combines the forests of all ranks along the same tree and has the parameters updated with
   the result. Which rank sums and updates which part of the vector is the reduction's own affair; the bits are always
   those of the plain tree. Memory of the slots and the parameters belongs to the reduction, so that later variants may
   place it in shared memory. */
#ifndef GAN_DIST_REDUCTION_H
#define GAN_DIST_REDUCTION_H

#include "base/shards.h"
#include "dist/world.h"

typedef struct gan_reduction gan_reduction;

/* Called for the ranges [offset, offset+count) of the parameter vector that this rank updates, with the sum of all
   shards' gradients over this range. Ranges do not overlap. Updates reduction's parameters in place. */
typedef void (*gan_update)(void *context, size_t offset, size_t count, const float *gradient);

/* For one network of `count` parameters. `shards` is borrowed. Owned by the caller. Collective; errors are agreed on.
 */
gan_status gan_reduction_create(gan_world *world, const gan_shards *shards, size_t count,
                                gan_reduction **reduction) GAN_CHECKED;
void gan_reduction_destroy(gan_reduction *reduction);

/* The flat parameter vector (count), the same on every rank after each gan_reduction_apply. */
float *gan_reduction_parameters(gan_reduction *reduction);
/* slots[shards->slot_count], each (count): where gan_pass_backward leaves the partial sums. */
float *const *gan_reduction_slots(gan_reduction *reduction);

/* Sums the forests of all ranks. Afterwards gan_reduction_gradient is valid. Collective. */
void gan_reduction_sum(gan_reduction *reduction);
/* Has the parameters updated on every rank, through `update`. Collective. */
void gan_reduction_apply(gan_reduction *reduction, gan_update update, void *context);
/* The whole summed gradient (count), on every rank, between sum and the next backward pass. */
const float *gan_reduction_gradient(const gan_reduction *reduction);

#endif
