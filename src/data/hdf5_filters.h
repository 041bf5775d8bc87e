/* Undoing HDF5's usual filters on one chunk, with nothing taken on trust. */
#ifndef GAN_DATA_HDF5_FILTERS_H
#define GAN_DATA_HDF5_FILTERS_H

#include <stdint.h>

#include "data/hdf5_rows.h"

/* Bytes that a stored chunk of `bytes` decoded bytes has at most: deflate lets what it cannot compress grow a little,
   and each Fletcher32 adds four. */
int64_t gan_hdf5_stored_bytes_max(int64_t bytes);

/* Decodes the `stored` bytes at work[0] of chunk `rows`->chunk_bytes, both of work having work_bytes; filters whose bit
   is set in `skipped` were not used on this chunk. *decoded is one of work. On failure *cause says what is wrong;
   returns whether it went well. */
bool gan_hdf5_decode(const gan_hdf5_rows *rows, int64_t stored, uint32_t skipped, uint8_t **decoded,
                     const char **cause);

#endif
