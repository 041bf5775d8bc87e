/* The sliced reduction from the inside: what sliced.c (one update) and sliced_memory.c (plans and memory) share. */
#ifndef GAN_DIST_SLICED_H
#define GAN_DIST_SLICED_H

#include "dist/reduction_state.h"

/* One of the vectors that are added up along the tree, put on top of `height` partial sums, `folds` additions after it
   (gan_shards_piece). Value i of the network is values[i - origin]. */
typedef struct gan_term {
  int host_rank, slot; /* whose slot it is; slot -1: it arrives from another host, as number `host_rank` */
  float *values;
  size_t origin;
  int height, folds;
} gan_term;

/* The terms of one sum, in order. */
typedef struct gan_terms {
  int count;
  gan_term *term;
} gan_terms;

typedef struct gan_sliced {
  gan_reduction base;
  gan_window window; /* of the host; closed where it has one rank */
  char *memory;      /* the window's, or private */
  char *private;
  size_t stride;         /* floats from one vector to the next */
  int *slots_before;     /* [host_size + 1]: slots of the host's ranks before this one */
  double *squares;       /* [blocks], in memory: each block's sum of squares of the gradient */
  gan_barrier_end ready; /* all ranks of the host have applied; in memory */
  bool settled;          /* ... and this rank knows */
  bool filled;           /* gan_reduction_filled was called */
  uint64_t filled_at;    /* in world->rounds */

  gan_terms total;       /* of this rank's slice: slots of this host, sums of the others */
  gan_terms *trees;      /* [tree_count]: the host's forest, as sums of its ranks' slots */
  int tree_count;        /* 0 on a single host */
  float *arrivals;       /* [arrival_count][length of this rank's slice] */
  int *senders;          /* [arrival_count] */
  int arrival_count;     /* trees of the other hosts' forests */
  float *partial;        /* [levels][GAN_SLICED_ROW]: partial sums */
  MPI_Request *requests; /* [request_room] */
  int request_count, request_room;
} gan_sliced;

/* Floats that are added up at a time: all partial sums of them stay in a core's first-level cache. */
enum { GAN_SLICED_ROW = 1024 };

/* First value of a rank's slice, which it sums and updates; `rank` up to the number of ranks. */
size_t gan_sliced_begin(const gan_sliced *sliced, int rank);
/* The rank of a host that deals with the slice of a rank elsewhere: sends its sums, receives its parameters. */
int gan_sliced_courier(const gan_world *world, int host, int slice);
/* A slot of a rank of this host. */
float *gan_sliced_slot(const gan_sliced *sliced, int host_rank, int slot);

gan_status gan_sliced_allocate(gan_reduction *reduction);
bool gan_sliced_share(gan_reduction *reduction);
void gan_sliced_release(gan_reduction *reduction);

#endif
