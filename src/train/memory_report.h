/* How much memory a run would take: what `gan_dist config --memory` prints. */
#ifndef GAN_TRAIN_MEMORY_REPORT_H
#define GAN_TRAIN_MEMORY_REPORT_H

#include "config/config.h"
#include "dist/reduction.h"

/* One thing that takes memory, in bytes. */
typedef struct gan_memory_row {
  const char *of, *what;
  size_t rank; /* each rank's own, of the rank with most */
  size_t host; /* once per host, shared by its ranks; of the host with most */
  bool rank_0; /* only rank 0 has it */
  bool part;   /* of another row, for information */
} gan_memory_row;

enum { GAN_MEMORY_ROWS = 48 };

typedef struct gan_memory_report {
  gan_layout layout;
  int shards;
  int64_t batch, samples; /* of the global batch; of the rank with most */
  int64_t at_once;        /* that its passes hold at a time */
  const char *reduction;  /* the generator's */
  int row_count;
  gan_memory_row rows[GAN_MEMORY_ROWS];
  size_t rank, rank_0; /* private memory of the rank with most; what rank 0 has besides */
  size_t host, all;    /* everything, of the host with most, with what its ranks share; of all hosts */
} gan_memory_report;

/* What training by this configuration takes from start to end, on ranks laid out so: what the program itself allocates,
   not code, libraries and their buffers. Reads headers of data files; takes none of the memory it reports. Errors as of
   a trainer that would be created so. Not collective. */
gan_status gan_memory_plan(const gan_config *config, gan_layout layout, gan_memory_report *report) GAN_CHECKED;

#endif
