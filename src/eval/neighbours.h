/* The nearest neighbours of points, searched by all ranks together. */
#ifndef GAN_EVAL_NEIGHBOURS_H
#define GAN_EVAL_NEIGHBOURS_H

#include <math.h>

#include "dist/rows.h"
#include "eval/distances.h"

typedef struct gan_neighbour {
  double square; /* the squared distance */
  int64_t index;
} gan_neighbour;

/* What is farther away than any other. */
#define GAN_NO_NEIGHBOUR ((gan_neighbour){INFINITY, -1})

/* The k nearest of `among` to each of `points`: *nearest is a table (points->count, k) of gan_neighbour, complete, each
   row by rising distance, of equally near ones the first first. Where `among` is `points`, the same pointer, a point is
   no neighbour of itself, but an equal one is. `among` holds k at least, besides the point itself. Points are the same
   on every rank, and so is what is found. *nearest is owned by the caller. GAN_FAILED for want of memory, agreed on.
   Collective. */
gan_status gan_neighbours_find(gan_world *world, const gan_backend *backend, const gan_points *points,
                               const gan_points *among, int k, gan_rows **nearest) GAN_CHECKED;

/* Goes on with a search where `among` comes piece by piece: `nearest` (points->count, k) holds, in the rows of `range`,
   GAN_NO_NEIGHBOUR or what earlier pieces had, and `first` is the number of the piece's first point. In whatever pieces
   they come, what is found is the same, if they come in order. GAN_FAILED for want of memory. Not collective. */
gan_status gan_neighbours_continue(const gan_backend *backend, const gan_points *points, gan_row_range range,
                                   const gan_points *among, int64_t first, int k, gan_neighbour *nearest) GAN_CHECKED;

/* Rows of tables that are filled by distances are dealt out in blocks of so many. */
enum { GAN_NEIGHBOUR_BLOCK = 64 };

#endif
