/* See trace.h. */
#include "store/trace.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "store/hdf5_tools.h"
#include "store/kind.h"
#include "store/output.h"

struct gan_trace {
  char path[PATH_MAX];
  gan_hdf5_output output;
  hid_t file;
  int64_t updates; /* written so far */
};

static gan_status fail_trace(const gan_trace *trace) {
  char reason[GAN_HDF5_REASON];
  if (trace->output.error) return gan_fail_write(trace->path, trace->output.error);
  return gan_fail(GAN_FAILED, "cannot write %s: %s", trace->path, gan_hdf5_reason(reason));
}

gan_status gan_trace_open(const char *path, gan_trace **opened) {
  GAN_HDF5_QUIET;
  gan_trace *trace = NULL;
  *opened = NULL;
  GAN_TRY(gan_allocate(1, sizeof *trace, "a trace", &trace));
  gan_status status = GAN_OK;
  trace->file = -1;
  if (snprintf(trace->path, sizeof trace->path, "%s", path) >= (int)sizeof trace->path)
    status = gan_fail_write(path, ENAMETOOLONG);
  if (status == GAN_OK) trace->file = gan_hdf5_create(path, 0, false, &trace->output);
  if (status == GAN_OK &&
      (trace->file < 0 || !gan_hdf5_put_text(trace->file, GAN_KIND_ATTRIBUTE, GAN_KIND_TEXT_TRACE) ||
       H5Fflush(trace->file, H5F_SCOPE_LOCAL) < 0 || trace->output.error))
    status = fail_trace(trace);
  if (status == GAN_OK) {
    *opened = trace;
    return GAN_OK;
  }
  if (trace->file >= 0) H5Fclose(trace->file);
  free(trace);
  return status;
}

static gan_status put_arrays(gan_trace *trace, hid_t group, size_t count, const gan_trace_array *arrays) {
  for (size_t i = 0; i < count && !trace->output.error; i++)
    if (arrays[i].data && !gan_hdf5_put_array(group, arrays[i].name, &arrays[i].shape, arrays[i].data))
      return fail_trace(trace);
  /* Out of HDF5's caches, so that what a killed program leaves can be read up to here. */
  if (H5Fflush(trace->file, H5F_SCOPE_LOCAL) < 0 || trace->output.error) return fail_trace(trace);
  return GAN_OK;
}

gan_status gan_trace_write(gan_trace *trace, const char *name, size_t count, const gan_trace_array *arrays) {
  GAN_HDF5_QUIET;
  if (trace->output.error) return fail_trace(trace);
  GAN_HDF5_ID group = gan_hdf5_make_group(trace->file, name);
  if (group < 0) return fail_trace(trace);
  return put_arrays(trace, group, count, arrays);
}

static bool put_loss(hid_t group, double loss) {
  GAN_HDF5_ID space = H5Screate(H5S_SCALAR);
  if (space < 0) return false;
  GAN_HDF5_ID data_set = H5Dcreate2(group, "loss", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  return data_set >= 0 && H5Dwrite(data_set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &loss) >= 0;
}

gan_status gan_trace_update(gan_trace *trace, const char *network, int64_t iteration, int64_t step, double loss,
                            size_t count, const gan_trace_array *arrays) {
  GAN_HDF5_QUIET;
  char name[64];
  if (trace->output.error) return fail_trace(trace);
  snprintf(name, sizeof name, "/update_%06lld", (long long)trace->updates);
  GAN_HDF5_ID group = gan_hdf5_make_group(trace->file, name);
  if (group < 0 || !gan_hdf5_put_text(group, "network", network) ||
      !gan_hdf5_put_integer(group, "iteration", iteration) || !gan_hdf5_put_integer(group, "step", step) ||
      !put_loss(group, loss))
    return fail_trace(trace);
  trace->updates++;
  return put_arrays(trace, group, count, arrays);
}

/* HDF5 writes the last of its caches while closing, so whether all went well is known only after that. */
gan_status gan_trace_close(gan_trace *trace) {
  GAN_HDF5_QUIET;
  if (!trace) return GAN_OK;
  const bool closed = H5Fclose(trace->file) >= 0;
  gan_status status = closed && !trace->output.error ? GAN_OK : fail_trace(trace);
  if (status == GAN_OK) status = gan_partial_sync(trace->path, trace->path);
  free(trace);
  return status;
}
