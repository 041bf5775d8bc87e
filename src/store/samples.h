/* Samples as an HDF5 array that gan_dist itself reads as a data set (data.source hdf5). */
#ifndef GAN_STORE_SAMPLES_H
#define GAN_STORE_SAMPLES_H

#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"

/* Writes data set `samples` (count, shape...) float32, whole or not at all. GAN_FAILED with the path and the reason. */
gan_status gan_samples_write(const char *path, const gan_shape *shape, int64_t count, const float *samples) GAN_CHECKED;

#endif
