/* The HDF5 file driver that this program writes through, and reads through what may be being written.

   HDF5 keeps data and metadata in caches and writes them when it likes, also while closing. When such a write fails
   (disk full), HDF5 can neither close the file nor forget it: handles leak, and the library tries again and complains
   when the program ends. So this driver, a plain pwrite() one otherwise, remembers the first failure and from then on
   takes every write as done without touching the file. HDF5 closes in peace, the caller asks for the error afterwards,
   and the file holds exactly the writes before the failure: for a file open to readers (SWMR), a consistent state.

   HDF5's own drivers read zeros where a file has no more bytes, and a file that a killed writer left (SWMR) may have
   lost its end. A reader of this driver gets an error for data that are not there.

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
/* Makes them read through it, for a file that is opened for reading. Negative on failure. */
herr_t gan_hdf5_set_input(hid_t access);

#endif
