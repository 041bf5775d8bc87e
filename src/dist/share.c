/* Memory that all ranks of a host read: filled once per host, in a shared window. A host with one rank takes plain
   memory. Where a window cannot be had, each rank takes private memory and fills it by itself: the same to look at,
   only larger. */
#include <mpi.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "dist/window.h"
#include "dist/world.h"
#include "dist/world_state.h"

struct gan_shared_block {
  gan_shared_block *next;
  void *memory;  /* what the caller sees */
  void *private; /* the memory where it is not shared, else NULL */
  gan_window window;
};

/* Collective over the host; leaves the window closed on all of its ranks when the block does not fit. */
static void take_window(gan_world *world, size_t bytes, gan_shared_block *block) {
  if (world->host_size == 1 || !gan_window_open(world, bytes, &block->window)) return;
  const bool provided = world->host_rank != 0 || gan_window_provide(block->window.memory, bytes);
  if (!gan_host_all(world, provided)) gan_window_close(&block->window);
  block->memory = block->window.memory;
}

static void release(gan_shared_block *block) {
  if (!block) return;
  gan_window_close(&block->window);
  free(block->private);
  free(block);
}

/* Takes the memory and fills it; errors are this rank's own. */
static gan_status take(gan_world *world, size_t bytes, gan_fill fill, void *context, gan_shared_block *block) {
  take_window(world, bytes, block);
  const bool shared = block->memory;
  if (!shared) {
    GAN_TRY(gan_allocate(bytes, 1, "a block for this rank alone, where no memory can be shared", &block->private));
    block->memory = block->private;
  }
  if (!shared || world->host_rank == 0) GAN_TRY(fill(context, block->memory, bytes));
  return GAN_OK;
}

gan_status gan_world_share(gan_world *world, size_t bytes, gan_fill fill, void *context, void **memory) {
  gan_shared_block *block = NULL;
  *memory = NULL;
  gan_status status = gan_allocate(1, sizeof *block, "a shared block's place", &block);
  status = gan_world_agree(world, status);
  if (status != GAN_OK) {
    free(block);
    return status;
  }
  status = take(world, bytes, fill, context, block);
  /* What the filling rank wrote is seen by a rank that synchronises after it; the agreement is between the two. */
  if (block->window.memory) MPI_Win_sync(block->window.handle);
  status = gan_world_agree(world, status);
  if (block->window.memory) MPI_Win_sync(block->window.handle);
  if (status != GAN_OK) {
    release(block);
    return status;
  }
  block->next = world->shared;
  world->shared = block;
  *memory = block->memory;
  return GAN_OK;
}

void gan_world_unshare(gan_world *world, void *memory) {
  for (gan_shared_block **place = &world->shared; *place; place = &(*place)->next) {
    if ((*place)->memory != memory) continue;
    gan_shared_block *block = *place;
    *place = block->next;
    release(block);
    return;
  }
}

static gan_shared_block *find(const gan_world *world, const void *memory) {
  gan_shared_block *block = world->shared;
  while (block && block->memory != memory) block = block->next;
  return block;
}

bool gan_world_shares(const gan_world *world, const void *memory) {
  const gan_shared_block *block = find(world, memory);
  return block && block->window.memory;
}

void gan_world_synchronise(gan_world *world, const void *memory) {
  const gan_shared_block *block = find(world, memory);
  const bool shared = block && block->window.memory;
  if (shared) MPI_Win_sync(block->window.handle);
  gan_world_barrier(world);
  if (shared) MPI_Win_sync(block->window.handle);
}

void gan_world_unshare_all(gan_world *world) {
  while (world->shared) gan_world_unshare(world, world->shared->memory);
}
