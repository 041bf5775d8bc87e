/* The board: a little memory that the ranks of a host share for as long as the world lasts, with their barrier, and
   room for each rank's part of a small sum. For the files of src/dist only. */
#ifndef GAN_DIST_BOARD_H
#define GAN_DIST_BOARD_H

#include "dist/world_state.h"

enum { GAN_BOARD_ROOM = 4096 }; /* doubles of each rank */

/* Opens world->board and sets world->barrier; leaves both empty where the host has one rank or no shared memory.
   Collective over the host. */
void gan_board_open(gan_world *world);
void gan_board_close(gan_world *world);

/* Where the rank with this number on the host puts its numbers [GAN_BOARD_ROOM]. There are two places, taken in turn:
   who writes in turn t + 2 has passed the barrier of turn t + 1, where all arrived after they had read turn t. */
double *gan_board_place(const gan_world *world, int host_rank, uint64_t turn);

#endif
