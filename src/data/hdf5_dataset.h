/* Finding and checking a data set in a foreign HDF5 file, apart from what is then done with it (hdf5.c). */
#ifndef GAN_DATA_HDF5_DATASET_H
#define GAN_DATA_HDF5_DATASET_H

/* The interface of HDF5 1.10 also where a newer library has changed it. */
#define H5_USE_110_API
#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { GAN_HDF5_DIMENSIONS_MAX = 4 };

/* A data set of samples, (count, ...). */
typedef struct gan_hdf5_dataset {
  hid_t id; /* 0: none. Owned: H5Dclose */
  int dimensions;
  int64_t size[GAN_HDF5_DIMENSIONS_MAX];
  int64_t elements; /* of one sample */
  bool bytes;       /* uint8, else float32 */
} gan_hdf5_dataset;

/* HDF5 prints its error stack on stderr unless told not to; the setting is each thread's own. Brackets around calls. */
typedef struct gan_hdf5_silence {
  H5E_auto2_t function;
  void *data;
} gan_hdf5_silence;
gan_hdf5_silence gan_hdf5_silence_begin(void);
void gan_hdf5_silence_end(gan_hdf5_silence before);

/* GAN_BAD_FILE with "PATH: cannot DO NAME: " and the innermost cause on HDF5's error stack; to be called right after
   the HDF5 call that failed, since the next one clears the stack. */
gan_status gan_hdf5_fail(const char *path, const char *action, const char *name);

/* Opens a file for reading. GAN_BAD_FILE when it is missing, no HDF5 file, damaged or cut short. */
gan_status gan_hdf5_open_file(const char *path, hid_t *file) GAN_CHECKED;

/* Opens data set `name`, or when that is "" the only one in the root that can be samples: (N, D), (N, H, W) or (N, C,
   H, W) of uint8 or float32, with its data in this file, chunks that fit in memory, and as much data as its shape
   needs. */
gan_status gan_hdf5_open_samples(hid_t file, const char *path, const char *name, gan_hdf5_dataset *dataset) GAN_CHECKED;

/* Reads all of the integers of 1-D data set `name`, which have to be `count` numbers in 0 .. 65535, into *labels (owned
   by the caller, free()). */
gan_status gan_hdf5_read_labels(hid_t file, const char *path, const char *name, int64_t count,
                                uint16_t **labels) GAN_CHECKED;

#endif
