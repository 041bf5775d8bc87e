/* Traces: what every training step computed, in HDF5, so that another program can replay and check the mathematics.
   Layout: docs/design.md section 6 and docs/file-formats.md. Written by one process, in its place; after each call all
   is on file, so the trace of a killed program can be read up to its last update. GAN_FAILED naming the file when it
   cannot be written (disk full); every later call then fails alike, and close releases all the same. */
#ifndef GAN_STORE_TRACE_H
#define GAN_STORE_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"

typedef struct gan_trace gan_trace;

typedef struct gan_trace_array {
  const char *name; /* "real", "z", "score_real", ...; a NULL data pointer: absent */
  gan_shape shape;
  const float *data;
} gan_trace_array;

/* Makes the file; an old one of this name is replaced, whatever it is: gan_file_may_become tells. The caller ends it
 * with gan_trace_close. */
gan_status gan_trace_open(const char *path, gan_trace **trace) GAN_CHECKED;
/* Writes arrays to group `group` ("/initial", "/update_000000"). */
gan_status gan_trace_write(gan_trace *trace, const char *group, size_t count,
                           const gan_trace_array *arrays) GAN_CHECKED;
/* The next update's group: its name is numbered by the trace; attributes and arrays. */
gan_status gan_trace_update(gan_trace *trace, const char *network, int64_t iteration, int64_t step, double loss,
                            size_t count, const gan_trace_array *arrays) GAN_CHECKED;
/* Closes, syncs to the disk and releases. NULL is allowed. */
gan_status gan_trace_close(gan_trace *trace) GAN_CHECKED;

#endif
