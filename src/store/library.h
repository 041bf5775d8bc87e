/* Which HDF5 this is. */
#ifndef GAN_STORE_LIBRARY_H
#define GAN_STORE_LIBRARY_H

/* "HDF5 1.10.8". Owned by the library. */
const char *gan_store_library(void);

#endif
