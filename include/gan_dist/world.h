/* The world: all processes of one run. */
#ifndef GAN_DIST_WORLD_H
#define GAN_DIST_WORLD_H

#include "gan_dist/status.h"

typedef struct gan_world gan_world;

/* Joins the other processes (starts MPI, unless the program has done so). Collective over all processes started
   together. The world is owned by the caller. A program started without mpirun is a world of one. All calls on a world
   come from the thread that opened it. Fails with GAN_BAD_USAGE when MPI was shut down before, which MPI allows once
   per process, or when the program has started it without threads: it needs MPI_THREAD_FUNNELED; and when the program
   was started as one of several by a launcher that its MPI library does not understand (another MPI's mpirun), so that
   each would think itself alone. After a failure *world is NULL, or, when MPI is up (a rank had no memory), a world that
   can be asked for the rank and closed, no more: mpirun ends the ranks that are left once one leaves with an error, so
   the error has to be told before gan_world_close. */
GAN_API gan_status gan_world_open(int *argc, char ***argv, gan_world **world) GAN_CHECKED;

/* Leaves. Collective. MPI is shut down if gan_world_open started it. NULL is allowed. */
GAN_API void gan_world_close(gan_world *world);

/* This process's number, from 0, and how many there are. */
GAN_API int gan_world_rank(const gan_world *world);
GAN_API int gan_world_size(const gan_world *world);

/* Makes one rank's failure everybody's: returns GAN_OK when `mine` is GAN_OK on all ranks; otherwise, on every rank,
   the status of the lowest failing rank, with its message as the last error: with rank and host in front, unless every
   rank failed with the same message. Collective. */
GAN_API gan_status gan_world_agree(gan_world *world, gan_status mine) GAN_CHECKED;

#endif
