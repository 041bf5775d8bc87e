/* The version of the HDF5 that is linked, which need not be the one compiled against. */
#include "store/library.h"

#include <hdf5.h>
#include <stdio.h>

const char *gan_store_library(void) {
  static _Thread_local char text[64];
  unsigned major = 0, minor = 0, release = 0;
  if (H5get_libversion(&major, &minor, &release) < 0) return "HDF5 of unknown version";
  snprintf(text, sizeof text, "HDF5 %u.%u.%u", major, minor, release);
  return text;
}
