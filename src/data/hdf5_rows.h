/* Rows of a data set in a foreign HDF5 file: the way in that a hostile file cannot misuse.

   HDF5 1.10 trusts what a file says of its compressed chunks: it copies out of a chunk that was inflated to less than
   its announced size, and inflates one without bound. So only data that are not compressed are read through H5Dread. Of
   compressed ones HDF5 finds the stored bytes (H5Dread_chunk), and they are decoded here, each step checked against the
   size that has to come out: deflate, shuffle and Fletcher32, the filters that every HDF5 has. Decoded chunks are kept
   up to a limit, since training asks for samples one by one.

   HDF5 reads zeros where a file has no more bytes. So after each read the file is looked at: one that is shorter than
   it was when it was opened is an error. That it grows, or that another takes its name, does no harm. */
#ifndef GAN_DATA_HDF5_ROWS_H
#define GAN_DATA_HDF5_ROWS_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Dimensions are kept as 5: the rows first, the others at the right end, 1 in between: (N, D) is (N, 1, 1, 1, D). */
enum { GAN_HDF5_DIMENSIONS = 5, GAN_HDF5_FILTERS = 4, GAN_HDF5_NAME = 128 };

typedef struct gan_hdf5_filter {
  H5Z_filter_t id;
  unsigned parameter; /* shuffle: size of an element */
} gan_hdf5_filter;

typedef struct gan_hdf5_chunk {
  int64_t number; /* counted from 1; 0: none */
  uint8_t *bytes; /* decoded; owned */
} gan_hdf5_chunk;

/* Read the first group of members, leave the others alone. */
typedef struct gan_hdf5_rows {
  int rank; /* in the file, 1 to 5 */
  int64_t size[GAN_HDF5_DIMENSIONS];
  int64_t row_elements;
  int64_t element_bytes; /* in the file */
  hid_t type;            /* in the file */

  const char *path; /* borrowed */
  char name[GAN_HDF5_NAME];
  hid_t dataset, space;                      /* 0: not open */
  int descriptor;                            /* HDF5's own of the open file, to see its size; borrowed */
  int64_t file_bytes;                        /* of the file when it was opened */
  int filter_count;                          /* 0: read by HDF5 */
  gan_hdf5_filter filters[GAN_HDF5_FILTERS]; /* in the order of writing */
  int64_t chunk_size[GAN_HDF5_DIMENSIONS], chunk_bytes;
  gan_hdf5_chunk *cache; /* chunk n is in place n % cache_size, or not at all */
  int64_t cache_size;
  uint8_t *work[2]; /* a chunk on the way through the filters */
  int64_t work_bytes;
} gan_hdf5_rows;

/* Opens a data set of 1 to 5 dimensions, none of them 0, of an atomic type of up to 8 bytes, whose data are in this
   file in full as far as can be seen, and in pieces that fit in memory; GAN_BAD_FILE otherwise. `path` is for messages,
   and borrowed. Owned by the caller: gan_hdf5_rows_close. After a failure there is nothing to close. */
gan_status gan_hdf5_rows_open(hid_t file, const char *path, const char *name, gan_hdf5_rows *rows) GAN_CHECKED;
void gan_hdf5_rows_close(gan_hdf5_rows *rows);

/* Rows first .. first+count-1 as elements of `memory_type`, to `out`, which has to have room for them in either type.
   GAN_BAD_FILE when they cannot be read, or the file has become shorter since it was opened. */
gan_status gan_hdf5_rows_read(gan_hdf5_rows *rows, int64_t first, int64_t count, hid_t memory_type,
                              void *out) GAN_CHECKED;

/* GAN_BAD_FILE with "PATH: cannot ACTION NAME: " and the innermost cause on HDF5's error stack; to be called right
   after the HDF5 call that failed, since the next one clears the stack. */
gan_status gan_hdf5_fail(const char *path, const char *action, const char *name);

#endif
