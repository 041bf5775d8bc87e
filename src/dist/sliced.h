/* The sliced reduction from the inside: what sliced.c (one update) and sliced_memory.c (plans and memory) share. */
#ifndef GAN_DIST_SLICED_H
#define GAN_DIST_SLICED_H

#include <stdatomic.h>

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

/* Places of a vector: begin, ..., end - 1. */
typedef struct gan_range {
  size_t begin, end;
} gan_range;

/* How far a rank's backward pass is: buckets filled since the reduction was made. In memory. */
typedef struct gan_sliced_progress {
  _Alignas(64) _Atomic uint64_t filled;
} gan_sliced_progress;

typedef struct gan_sliced {
  gan_reduction base;
  gan_window window; /* of the host; closed where it has one rank */
  char *memory;      /* the window's, or private */
  char *private;
  size_t stride;                 /* floats from one vector to the next */
  int bucket_count;              /* 1 on a single host */
  int *slots_before;             /* [host_size + 1]: slots of the host's ranks before this one */
  gan_sliced_progress *progress; /* [host_size], in memory */
  double *squares;               /* [blocks], in memory: each block's sum of squares, rank by rank */
  size_t *square_of_block;       /* [blocks]: where in them */
  float *row;                    /* [GAN_REDUCTION_ROW]: the sum that the update takes in at once */

  gan_barrier_end ready;  /* all ranks of the host have updated; in memory */
  bool settled;           /* ... and this rank knows */
  bool announced;         /* all slots as filled */
  uint64_t announced_at;  /* in world->rounds */
  bool begun;             /* the update's first message has been asked for */
  uint64_t filled_before; /* buckets of the updates before this one */
  int sent;               /* buckets, from the last on, of which this rank has sent what it had to */

  gan_terms total;       /* of this rank's slices: slots of this host, sums of the others */
  gan_terms *trees;      /* [tree_count]: the host's forest, as sums of its ranks' slots */
  int tree_count;        /* 0 on a single host */
  float *arrivals;       /* [bucket_count][arrival_count][length of this rank's slice of the bucket] */
  int *senders;          /* [arrival_count] */
  int arrival_count;     /* trees of the other hosts' forests */
  float *partial;        /* [levels][GAN_REDUCTION_ROW]: partial sums */
  MPI_Comm messages;     /* the world's ranks; MPI_COMM_NULL on a single host */
  MPI_Request *requests; /* [request_room]; those of arrivals first */
  int request_count, request_room;
} gan_sliced;

/* The values of a bucket; the blocks, and the values, of a rank's slice of it. */
gan_range gan_sliced_bucket(const gan_sliced *sliced, int bucket);
gan_range gan_sliced_blocks(const gan_sliced *sliced, int bucket, int rank);
gan_range gan_sliced_range(const gan_sliced *sliced, int bucket, int rank);
/* The places in gan_sliced.squares of a rank's blocks, of all buckets; `bucket` is ignored. */
gan_range gan_sliced_squares(const gan_sliced *sliced, int bucket, int rank);
/* The rank of a host that deals with the slice of a rank elsewhere: sends its sums, receives its parameters. */
int gan_sliced_courier(const gan_world *world, int host, int slice);
/* A slot of a rank of this host. */
float *gan_sliced_slot(const gan_sliced *sliced, int host_rank, int slot);
/* Where the other hosts' sums of this rank's slice of a bucket arrive, one after the other; and points the terms of
   `total` there. */
float *gan_sliced_arrivals(const gan_sliced *sliced, int bucket);
void gan_sliced_find_arrivals(gan_sliced *sliced, int bucket);

gan_status gan_sliced_allocate(gan_reduction *reduction);
void gan_sliced_measure(const gan_reduction *reduction, size_t host_slots, gan_reduction_bytes *bytes);
bool gan_sliced_share(gan_reduction *reduction);
void gan_sliced_release(gan_reduction *reduction);

#endif
