/* Opening data on all ranks of a world. */
#ifndef GAN_TRAIN_DATA_H
#define GAN_TRAIN_DATA_H

#include "data/source.h"
#include "gan_dist/world.h"

/* Opens a source whose memory the ranks of a host share, and compares what the ranks read. Errors as of
   gan_source_open, and GAN_BAD_FILE where two ranks read other data; the same on every rank, and then there is nothing
   to close. Files that are fragile rank 0 has
   tried before (gan_source_probe). Collective, as gan_source_close is. *source is owned by the caller. */
gan_status gan_open_source(gan_world *world, const gan_data_options *options, uint64_t seed,
                           gan_source **source) GAN_CHECKED;

#endif
