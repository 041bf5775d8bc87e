/* The sampler and the loader: which samples a step uses, and reading them beside the computation.

   Sampler. Critic step t takes positions t B .. t B + B-1 of an endless sequence: epoch after epoch, each epoch the
   whole data set in an order of its own. The order is a keyed permutation computed on the spot (a Feistel network over
   the index bits with cycle walking), so position p's sample is a pure function of (seed, p) and any rank can start
   anywhere.

   Loader. A thread reads the next step's rows of this rank while the current step computes; two buffers. */
#ifndef GAN_DATA_LOADER_H
#define GAN_DATA_LOADER_H

#include "base/shards.h"
#include "data/source.h"

/* The sample at position `position` of the endless sequence, for a set of `count` samples (0: without end). */
int64_t gan_sampler_index(uint64_t seed, int64_t count, int64_t position);

typedef struct gan_loader gan_loader;

/* Reads for this rank's shards (borrowed, as the source is), from critic step `first_step` on. Owned by the caller. */
gan_status gan_loader_create(gan_source *source, const gan_shards *shards, uint64_t seed, int64_t first_step,
                             gan_loader **loader) GAN_CHECKED;
void gan_loader_destroy(gan_loader *loader);
/* Bytes of the buffers that a loader takes for so many samples of this source a step. */
size_t gan_loader_bytes(const gan_source *source, int64_t samples);

/* The next step's samples (samples of the local shards, elements), in order of the global batch, and labels (NULL
   without). Valid until the next call. Waits if they are not there yet. An error of the reading thread comes back here.
 */
gan_status gan_loader_next(gan_loader *loader, const float **real, const int32_t **labels) GAN_CHECKED;
/* The weights (samples of the local shards) of the samples that gan_loader_next gave last, valid as long; NULL: all 1.
 */
const float *gan_loader_weights(const gan_loader *loader);

#endif
