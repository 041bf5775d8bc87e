#include "train/data.h"

#include "dist/world.h"

/* The data source takes its memory through the world. */
static gan_status share_memory(void *context, size_t bytes, gan_fill fill, void *fill_context, void **memory) {
  return gan_world_share(context, bytes, fill, fill_context, memory);
}
static void unshare_memory(void *context, void *memory) { gan_world_unshare(context, memory); }
static gan_status agree(void *context, gan_status mine) { return gan_world_agree(context, mine); }

gan_status gan_open_source(gan_world *world, const gan_data_options *options, uint64_t seed, gan_source **source) {
  const gan_data_share share = {.share = share_memory, .unshare = unshare_memory, .agree = agree, .context = world};
  gan_difference odd;
  GAN_TRY(gan_world_agree(world, gan_source_open(options, seed, &share, source)));
  if (gan_world_same_hash(world, (*source)->fingerprint, &odd)) return GAN_OK;
  gan_source_close(*source);
  *source = NULL;
  return gan_fail(GAN_BAD_FILE, "data.path: rank %d (host %s) reads other data than rank %d (host %s): %s differs",
                  odd.rank, odd.host, odd.reference, odd.reference_host, options->path);
}
