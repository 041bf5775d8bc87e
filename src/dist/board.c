#include "dist/board.h"

#include <string.h>

#include "dist/barrier.h"
#include "dist/window.h"

static const size_t PLACE_BYTES = GAN_BOARD_ROOM * sizeof(double);

/* The barrier has the first page. */
double *gan_board_place(const gan_world *world, int host_rank, uint64_t turn) {
  return (double *)((char *)world->board.memory + GAN_PAGE + ((size_t)host_rank * 2 + turn % 2) * PLACE_BYTES);
}

static bool provide(gan_world *world) {
  if (!gan_window_provide(gan_board_place(world, world->host_rank, 0), 2 * PLACE_BYTES)) return false;
  if (world->host_rank != 0) return true;
  if (!gan_window_provide(world->board.memory, GAN_PAGE)) return false;
  memset(world->board.memory, 0, GAN_PAGE);
  return true;
}

void gan_board_open(gan_world *world) {
  if (world->host_size == 1) return;
  if (!gan_window_open(world, GAN_PAGE + (size_t)world->host_size * 2 * PLACE_BYTES, &world->board)) return;
  if (gan_host_all(world, provide(world)))
    world->barrier.barrier = world->board.memory;
  else
    gan_board_close(world);
}

void gan_board_close(gan_world *world) {
  gan_window_close(&world->board);
  world->barrier.barrier = NULL;
}
