#include "store/samples.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "store/hdf5_tools.h"
#include "store/output.h"

/* So that the samples can be trained on without being asked what their axes are. */
static bool name_axes(hid_t file, const gan_shape *shape) {
  GAN_HDF5_ID samples = H5Dopen2(file, "samples", H5P_DEFAULT);
  return samples >= 0 && gan_hdf5_put_text(samples, GAN_AXES_ATTRIBUTE, gan_shape_axes(shape));
}

static gan_status write_partial(const char *partial, const char *path, const gan_shape *shape, int64_t count,
                                const float *samples) {
  GAN_HDF5_QUIET;
  gan_hdf5_output output = {0};
  gan_shape all = {.rank = shape->rank + 1, .size = {count}};
  memcpy(all.size + 1, shape->size, (size_t)shape->rank * sizeof *shape->size);
  const hid_t file = gan_hdf5_create(partial, 0, false, &output);
  const bool written = file >= 0 && gan_hdf5_put_array(file, "samples", &all, samples) && name_axes(file, shape);
  const bool closed = file < 0 || H5Fclose(file) >= 0;
  char reason[GAN_HDF5_REASON];
  if (output.error) return gan_fail_write(path, output.error);
  if (!written || !closed) return gan_fail(GAN_FAILED, "cannot write %s: %s", path, gan_hdf5_reason(reason));
  return gan_partial_sync(partial, path);
}

gan_status gan_samples_write(const char *path, const gan_shape *shape, int64_t count, const float *samples) {
  char partial[PATH_MAX];
  GAN_TRY(gan_partial_path(path, partial));
  gan_status status = write_partial(partial, path, shape, count, samples);
  if (status == GAN_OK) status = gan_partial_commit(partial, path);
  if (status != GAN_OK) unlink(partial);
  return status;
}
