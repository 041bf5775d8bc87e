/* What this folder asks of HDF5, in one place: files, groups, attributes, data sets, and errors in this program's
   words.

   Helpers return false (or a negative identifier) and leave the message to their caller, who knows the file and what
   was wanted of it; gan_hdf5_reason() adds HDF5's own words. HDF5 prints errors by itself unless told not to: functions
   that call it open with GAN_HDF5_QUIET. Identifiers declared as GAN_HDF5_ID are closed when they go out of scope, so
   that no error path leaks one. */
#ifndef GAN_STORE_HDF5_TOOLS_H
#define GAN_STORE_HDF5_TOOLS_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"
#include "store/hdf5_driver.h"

typedef struct gan_hdf5_printer {
  H5E_auto2_t print;
  void *context;
} gan_hdf5_printer;

gan_hdf5_printer gan_hdf5_silence(void);
void gan_hdf5_unsilence(const gan_hdf5_printer *printer);
/* Keeps HDF5 from printing until the end of the scope. */
#define GAN_HDF5_QUIET \
  __attribute__((cleanup(gan_hdf5_unsilence), unused)) const gan_hdf5_printer hdf5_printer = gan_hdf5_silence()

/* Closes an identifier of any kind; negative ones are none. */
void gan_hdf5_close(const hid_t *id);
#define GAN_HDF5_ID __attribute__((cleanup(gan_hdf5_close))) const hid_t

enum { GAN_HDF5_REASON = 256 };
/* Why the last HDF5 call of this thread failed, in its innermost words, into text (GAN_HDF5_REASON bytes); returns it.
 */
char *gan_hdf5_reason(char *text);

/* Bytes in a page of a live file. What is not larger lies within one. */
enum { GAN_HDF5_PAGE = 4096 };

/* Makes a file, written through hdf5_driver.h. `user_block`: bytes left free at its start. `live`: readers may follow
   it while it is written (SWMR), which needs HDF5 1.10 to read, and whoever is killed while writing damages nothing
   that was there before. Names in its groups keep the order in which they were
   made, and equal contents give equal bytes: no times are stored. */
hid_t gan_hdf5_create(const char *path, hsize_t user_block, bool live, gan_hdf5_output *output);
/* Opens a file for reading, without locking it. `live`: it may be being written. */
hid_t gan_hdf5_open(const char *path, bool live);

/* Makes a group below an open file or group; its names keep their order. */
hid_t gan_hdf5_make_group(hid_t parent, const char *name);

/* Attributes. Integers are 64 bits wide in the file, texts are UTF-8. */
bool gan_hdf5_put_integer(hid_t object, const char *name, int64_t value);
bool gan_hdf5_put_unsigned(hid_t object, const char *name, uint64_t value);
bool gan_hdf5_put_real(hid_t object, const char *name, double value);
/* Of fixed length up to 32 KiB: texts of variable length are kept in a heap, over whose damage HDF5 spins for ever. */
bool gan_hdf5_put_text(hid_t object, const char *name, const char *value);
/* Of variable length. For files with a seal, which HDF5 sees undamaged only, and whose texts may be long. */
bool gan_hdf5_put_long_text(hid_t object, const char *name, const char *value);
bool gan_hdf5_put_integers(hid_t object, const char *name, size_t count, const int64_t *values);

/* False when the attribute is absent or of another kind. A text, of either length, is to be released with
   H5free_memory(). */
bool gan_hdf5_get_integer(hid_t object, const char *name, int64_t *value);
bool gan_hdf5_get_unsigned(hid_t object, const char *name, uint64_t *value);
bool gan_hdf5_get_real(hid_t object, const char *name, double *value);
bool gan_hdf5_get_text(hid_t object, const char *name, char **value);
/* At most `limit` values, of a one-dimensional attribute; *count is how many there are. */
bool gan_hdf5_get_integers(hid_t object, const char *name, size_t limit, size_t *count, int64_t *values);

/* Writes float32 values of a shape (row-major) as a new data set with Fletcher32 checksums, a chunk at most a few MiB.
   Data sets of rank 0 or without elements cannot be chunked in HDF5 and have no checksum of their own. */
bool gan_hdf5_put_array(hid_t parent, const char *name, const gan_shape *shape, const float *values);

/* Writes a data set of no dimensions: one int64. */
bool gan_hdf5_put_number(hid_t parent, const char *name, int64_t value);
/* Reads it; false when the open data set is not of this kind. */
bool gan_hdf5_get_number(hid_t data_set, int64_t *value);

/* Opens a data set; only one whose bytes are in this very file. */
hid_t gan_hdf5_open_array(hid_t parent, const char *path);

/* The shape of an open data set of float32; false when it has another number type or too many dimensions. */
bool gan_hdf5_get_shape(hid_t data_set, gan_shape *shape);

#endif
