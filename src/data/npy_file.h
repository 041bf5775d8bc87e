/* NumPy's files of one array (.npy): a magic word, a version, and a Python dictionary as text that says type, order and
   shape, then the elements (numpy.lib.format). The text is read by its own small grammar: nothing of it is executed. */
#ifndef GAN_DATA_NPY_FILE_H
#define GAN_DATA_NPY_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { GAN_NPY_DIMENSIONS = 5 };
typedef enum gan_npy_type { GAN_NPY_UINT8, GAN_NPY_FLOAT32, GAN_NPY_FLOAT64 } gan_npy_type;

typedef struct gan_npy_file {
  int descriptor; /* open for reading; owned */
  gan_npy_type type;
  int64_t element_bytes;
  int dimensions;                   /* 2 to 5 */
  int64_t size[GAN_NPY_DIMENSIONS]; /* each at least 1; their product does not overflow */
  int64_t data;                     /* where the elements begin, in bytes */
} gan_npy_file;

/* Opens the file and checks its header against its size. GAN_BAD_FILE when it is no regular file, damaged, cut short,
   or of a type, order or shape that cannot be samples: the message says how to make one that can. After a failure there
   is nothing to close. */
gan_status gan_npy_open(const char *path, gan_npy_file *file) GAN_CHECKED;
void gan_npy_close(gan_npy_file *file);

/* Exactly `bytes` bytes from `offset` on. GAN_BAD_FILE. Thread-safe. */
gan_status gan_npy_read(const gan_npy_file *file, const char *path, int64_t offset, int64_t bytes,
                        void *out) GAN_CHECKED;

/* Whether a file begins as NumPy's do. */
bool gan_npy_begins(const char *path);

#endif
