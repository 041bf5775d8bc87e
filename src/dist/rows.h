/* Tables that all ranks fill together and all ranks read, such as the features of samples, of which each rank computes
   some: a rank writes the rows that are its, and after gan_rows_complete every rank reads all of them. A host holds
   one copy, where its ranks can share memory; else each rank has its own. */
#ifndef GAN_DIST_ROWS_H
#define GAN_DIST_ROWS_H

#include "dist/world.h"

typedef struct gan_rows gan_rows;

/* The rows first .. end-1 of `count` that are a rank's: whole blocks of `block` rows (the last may be shorter), as
   equally many for each rank as can be, so that what is computed for a block is the same for any number of ranks.
   Pure arithmetic. */
typedef struct gan_row_range {
  int64_t first, end;
} gan_row_range;
gan_row_range gan_rows_of_rank(int64_t count, int64_t block, int ranks, int rank);

/* A table of zeroes: `count` rows (below 2^31) of `row_bytes`, dealt out in blocks of `block` rows. *rows is owned by
   the caller. `what` is for messages: "features". GAN_FAILED for want of memory, agreed on. Collective. */
gan_status gan_rows_create(gan_world *world, int64_t count, size_t row_bytes, int64_t block, const char *what,
                           gan_rows **rows) GAN_CHECKED;
/* Collective; NULL is allowed, on all ranks or on none. */
void gan_rows_destroy(gan_rows *rows);

/* This rank's rows. Not collective. */
gan_row_range gan_rows_mine(const gan_rows *rows);
/* (count, row_bytes), aligned to 64 bytes. Before gan_rows_complete a rank writes its own rows, and reads no others;
   afterwards all read, and nobody writes. Not collective. */
void *gan_rows_memory(const gan_rows *rows);
/* Brings the rows of all ranks to all. Once. Collective; whoever failed to compute its rows agrees on that first. */
void gan_rows_complete(gan_rows *rows);

#endif
