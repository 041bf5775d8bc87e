/* Gradient reduction: from each rank's partial sums to one updated network on every rank.

   During the backward pass each rank folds its shards' gradients into slots (base/shards.h); what remains are the sums
   of its forest. A reduction combines the forests of all ranks along the same tree and has the parameters updated with
   the result. Which rank sums and updates which part of the vector, and where the memory lies, is the variant's own
   affair; the bits are always those of the plain tree.

   A reduction owns what belongs to one network: the parameters, further vectors that are updated together with them
   ("states": optimiser moments, moving averages), and the gradient slots. One update goes like this:

        gan_reduction_await     then read the parameters, and run the backward pass, which fills the slots
        gan_reduction_filled    during the backward pass, as it fills them from the vector's end to its beginning: sums
                                may be on their way to other hosts while the pass goes on
        gan_reduction_update    sums and updates, block by block, while a block is in the cache; the parameters may be
                                in motion from here to the next gan_reduction_await

   Sum and update are one walk over memory: with both in the cache only once, the bandwidth of memory, which is what
   limits a reduction inside a host, is used for a quarter less. The price is that the gradient's norm is known only
   when the update is done. A NaN in it is thus found by all ranks in the same step, but when the parameters hold it
   too: a trainer can but stop, and go on from its last checkpoint.

   Where the gradient's norm has a bound (gan_reduction_bound_norm), it has to be known before: then all is summed and
   squared in a first walk, and updated in a second. A gradient that is not finite leaves the parameters as they are.

   The vector may be cut at multiples of GAN_REDUCTION_BLOCK values and nowhere else. */
#ifndef GAN_DIST_REDUCTION_H
#define GAN_DIST_REDUCTION_H

#include <stdbool.h>

#include "base/shards.h"
#include "dist/world.h"

typedef struct gan_reduction gan_reduction;
typedef struct gan_reduction_variant gan_reduction_variant;

enum { GAN_REDUCTION_BLOCK = 4096 };

/* Called for the ranges [offset, offset+count) of the parameter vector that this rank updates, with the sum of all
   shards' gradients over this range (count), of bounded norm where it has a bound. Ranges do not overlap. Updates
   reduction's parameters and states in place.
 */
typedef void (*gan_update)(void *context, size_t offset, size_t count, const float *gradient);

/* Called for such ranges before gan_update, where set: may change what has been summed (count), which is then what
   counts as the gradient, for its norm and for gan_reduction_gradient, too. */
typedef void (*gan_transform)(void *context, size_t offset, size_t count, float *gradient);

/* The variants: flat, shared, hierarchical. */
int gan_reduction_variant_count(void);
const char *gan_reduction_variant_name(int i);
const char *gan_reduction_variant_help(int i);

/* What `auto` stands for: the name of the variant for a network of `count` parameters on so many ranks and hosts. */
const char *gan_reduction_choice(int ranks, int hosts, size_t count);

/* For one network of `count` parameters, by the variant with this name, or `auto`: by topology and size. Everything
   starts as zeroes. `shards` is borrowed. Owned by the caller. Where memory cannot be shared, `flat` is taken instead,
   and gan_reduction_reason says so. GAN_BAD_USAGE for a variant that does not suit these hosts. Collective; errors are
   agreed on. */
gan_status gan_reduction_create(gan_world *world, const gan_shards *shards, const char *variant, size_t count,
                                int state_count, gan_reduction **reduction) GAN_CHECKED;
/* Collective. NULL is allowed, on all ranks alike. */
void gan_reduction_destroy(gan_reduction *reduction);

/* Where a run's ranks are: dealt out evenly, the first hosts having one more. */
typedef struct gan_layout {
  int ranks, hosts;
} gan_layout;
int gan_layout_host(gan_layout layout, int rank);

/* Bytes that a reduction takes. */
typedef struct gan_reduction_bytes {
  const char *variant;
  bool shared; /* the vectors are one copy for all ranks of a host */
  size_t parameters, states,
      slots;     /* the vectors: a rank's; where they are shared a host's, slots those of all ranks */
  size_t others; /* each rank's own besides: arrivals, partial sums, plans */
} gan_reduction_bytes;

/* What gan_reduction_create would take on rank shards->rank of such a run, if memory can be shared; takes none of it
   and asks no other rank. Errors as there. Not collective. */
gan_status gan_reduction_measure(gan_layout layout, const gan_shards *shards, const char *variant, size_t count,
                                 int state_count, gan_reduction_bytes *bytes) GAN_CHECKED;
/* What this one has taken: private memory of this rank, memory shared by its host (NULL: not wanted). Not collective.
 */
size_t gan_reduction_taken(const gan_reduction *reduction, size_t *shared);

/* The variant in use, and why it is not the one asked for ("": it is). Not collective. */
const char *gan_reduction_name(const gan_reduction *reduction);
const char *gan_reduction_reason(const gan_reduction *reduction);

/* The flat parameter vector (count). Where ranks share it, all see the same memory: only rank 0 writes to it, before
   gan_reduction_distribute, and gan_update, to its range. */
float *gan_reduction_parameters(gan_reduction *reduction);
/* State i (count). Each rank sees its own ranges of gan_update; rank 0 sees all after gan_reduction_collect. */
float *gan_reduction_state(gan_reduction *reduction, int i);
/* slots[shards->slot_count], each (count): where gan_pass_backward leaves the partial sums. */
float *const *gan_reduction_slots(gan_reduction *reduction);

/* From now on, updates take a gradient whose L2 norm is n times min(1, bound / (n + 1e-6)), as PyTorch's
   clip_grad_norm_ does; the factor is found in double and rounded to float32 once, the same on every rank. 0: as they
   are. All ranks alike. Not collective. */
void gan_reduction_bound_norm(gan_reduction *reduction, double bound);
/* The factor of the last update; 1 without a bound. Valid as what gan_reduction_await gives, which is the norm without
   it. */
double gan_reduction_factor(const gan_reduction *reduction);

/* Returns when the parameters are complete after the last gan_reduction_update, and costs nothing when they are. Gives
   the squared L2 norm of the summed gradient of that update (0 before the first): each block's sum of squares by
   gan_square_sum, added up in order of the blocks; the same bits on every rank, for any number of ranks and any
   variant. Collective. */
double gan_reduction_await(gan_reduction *reduction);
/* Says that this rank's slots are filled from `offset` to the end; again with a lower offset when more is. Never waits.
   If all is announced and a gan_world_sum follows, all ranks are known to have filled theirs, and gan_reduction_update
   need not make sure of it. May be left out, by all ranks alike. */
void gan_reduction_filled(gan_reduction *reduction, size_t offset);
/* Has all further updates go through `transform`. Not collective, but all ranks do alike. */
void gan_reduction_transform(gan_reduction *reduction, gan_transform transform, void *context);
/* Sums the forests of all ranks and has parameters and states updated, each range on at least one rank, through
   `update`. With `keep`, gan_reduction_gradient may be called afterwards. Collective. */
void gan_reduction_update(gan_reduction *reduction, gan_update update, void *context, bool keep);
/* For what has to see whole tensors of the updated parameters: calls `work` for pieces 0 ... pieces - 1, of which no
   two touch the same parameters, each once for every copy of the parameters, by one of the ranks that share it. The
   parameters are complete before and afterwards. Collective. */
typedef void (*gan_piece)(void *context, size_t piece);
void gan_reduction_each(gan_reduction *reduction, size_t pieces, gan_piece work, void *context);
/* The whole summed gradient (count) of the last update, before its norm was bounded, on rank 0, until the next backward
   pass; NULL elsewhere. For inspection: it may have to be fetched. Collective. */
const float *gan_reduction_gradient(gan_reduction *reduction);

/* Brings the states of all ranks, and complete parameters, to rank 0. Collective. */
void gan_reduction_collect(gan_reduction *reduction);
/* Brings state i of all ranks, and complete parameters, to every rank: they may be read until the next update, which
   nobody begins before all have read. Collective. */
void gan_reduction_show(gan_reduction *reduction, int i);
/* Brings rank 0's parameters and states to whoever needs them. Collective. */
void gan_reduction_distribute(gan_reduction *reduction);

#endif
