/* Finding what can be samples and labels in a foreign HDF5 file, apart from what is then done with it (hdf5.c). */
#ifndef GAN_DATA_HDF5_DATASET_H
#define GAN_DATA_HDF5_DATASET_H

#include "data/hdf5_rows.h"

/* A data set of samples, (count, ...). */
typedef struct gan_hdf5_samples {
  gan_hdf5_rows rows; /* rank 0: none. Owned */
  bool bytes;         /* uint8; all other types are read as float32 */
} gan_hdf5_samples;

/* HDF5 prints its error stack on stderr unless told not to; the setting is each thread's own. Brackets around calls. */
typedef struct gan_hdf5_silence {
  H5E_auto2_t function;
  void *data;
} gan_hdf5_silence;
gan_hdf5_silence gan_hdf5_silence_begin(void);
void gan_hdf5_silence_end(gan_hdf5_silence before);

/* Opens a file for reading. GAN_BAD_FILE when it is missing, no HDF5 file, damaged or cut short. */
gan_status gan_hdf5_open_file(const char *path, hid_t *file) GAN_CHECKED;

/* Opens data set `name`, or when that is "" the only one in the root that can be samples: of 2 to 5 dimensions, of
   integers or floating point numbers, readable as hdf5_rows.h says. Where several can be, one alone of uint8 or float32
   is it. Released with gan_hdf5_rows_close(&samples->rows); after a failure there is nothing to release. `path` is
   borrowed. */
gan_status gan_hdf5_open_samples(hid_t file, const char *path, const char *name, gan_hdf5_samples *samples) GAN_CHECKED;

/* The layout that the data set's attribute GAN_AXES_ATTRIBUTE names; "" where there is none, or another program's. */
enum { GAN_AXES_TEXT = 8 };
void gan_hdf5_read_axes(const gan_hdf5_rows *rows, char axes[GAN_AXES_TEXT]);

/* Reads all of 1-D data set `name`, which has to hold `count` integers in 0 .. 65535, into *labels (owned by the
   caller, free()). */
gan_status gan_hdf5_read_labels(hid_t file, const char *path, const char *name, int64_t count,
                                uint16_t **labels) GAN_CHECKED;

/* Reads the first `count` of 1-D data set `name`, which has to hold `rows` numbers, into weights (count).
   gan_weights_check is the caller's. */
gan_status gan_hdf5_read_weights(hid_t file, const char *path, const char *name, int64_t rows, int64_t count,
                                 float *weights) GAN_CHECKED;

#endif
