/* The HDF5 file driver that this program writes through.

   HDF5 keeps data and metadata in caches and writes them when it likes, also while closing. When such a write fails
   (disk full), HDF5 can neither close the file nor forget it: handles leak, and the library tries again and complains
   when the program ends. So this driver, a plain pwrite() one otherwise, remembers the first failure and from then on
   takes every write as done without touching the file. HDF5 closes in peace, the caller asks for the error afterwards,
   and the file holds exactly the writes before the failure: for a file open to readers (SWMR), a consistent state.

   It takes no file locks: readers may open a file that is being written, and file systems without locks do as well. */
#ifndef GAN_STORE_HDF5_DRIVER_H
#define GAN_STORE_HDF5_DRIVER_H

#include <hdf5.h>

/* Outlives the HDF5 file that writes to it. */
typedef struct gan_hdf5_output {
  int error; /* errno of the first failure; 0: all went well */
} gan_hdf5_output;

/* Makes file access properties `access` write through this driver. Negative on failure, as HDF5's calls. */
herr_t gan_hdf5_set_output(hid_t access, gan_hdf5_output *output);

#endif
