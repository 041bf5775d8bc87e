#include "store/samples.h"

#include <string.h>
#include <unistd.h>

#include "store/hdf5_tools.h"
#include "store/output.h"

gan_status gan_samples_write(const char *path, const gan_shape *shape, int64_t count, const float *samples) {
  GAN_HDF5_QUIET;
  gan_hdf5_output output = {0};
  gan_shape all = {.rank = shape->rank + 1, .size = {count}};
  memcpy(all.size + 1, shape->size, (size_t)shape->rank * sizeof *shape->size);
  const hid_t file = gan_hdf5_create(path, 0, false, &output);
  const bool written = file >= 0 && gan_hdf5_put_array(file, "samples", &all, samples);
  const bool closed = file < 0 || H5Fclose(file) >= 0;
  if (written && closed && !output.error) return GAN_OK;
  char reason[GAN_HDF5_REASON];
  const gan_status status = output.error ? gan_fail_write(path, output.error)
                                         : gan_fail(GAN_FAILED, "cannot write %s: %s", path, gan_hdf5_reason(reason));
  if (file >= 0) unlink(path);
  return status;
}
