/* Files of tensors as PyTorch's users exchange them: safetensors. Eight bytes with the length of a header, the header,
   which is JSON, and the tensors' elements, little-endian and one after the other:

        {"__metadata__": {"layers": "dense 3, ..."}, "0.weight": {"dtype": "F32", "shape": [3, 4],
         "data_offsets": [0, 48]}, ...}

   Such a file may come from anywhere. So all of the header is checked when it is opened: its length, what it says of
   each tensor, and that the tensors fill the file, without gaps and without a byte in two of them, which the format
   asks for. Elements are read later, and only into memory whose size the caller knows. */
#ifndef GAN_STORE_SAFETENSORS_H
#define GAN_STORE_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"

/* Of the header: a thousand layers have no more to say. */
enum { GAN_SAFETENSORS_HEADER_MOST = 1 << 20 };

typedef struct gan_safetensors gan_safetensors;

typedef struct gan_safetensor {
  const char *name;
  const char *type;       /* "F32", "BF16", ... */
  gan_shape shape;        /* no dimensions: a single element */
  uint64_t offset, bytes; /* of the elements, in the file */
} gan_safetensor;

/* Whether the file begins as safetensors do; false where it cannot be read. */
bool gan_safetensors_begins(const char *path);

/* Opens it for reading. GAN_BAD_FILE when it is missing, is no such file, or its header contradicts itself or the
   file's size. Owned by the caller. Not collective. */
gan_status gan_safetensors_open(const char *path, gan_safetensors **file) GAN_CHECKED;
void gan_safetensors_close(gan_safetensors *file); /* NULL is allowed */

/* Tensors in the order of their elements. All borrowed. */
size_t gan_safetensors_count(const gan_safetensors *file);
const gan_safetensor *gan_safetensors_at(const gan_safetensors *file, size_t i);
/* NULL: there is none of that name. */
const gan_safetensor *gan_safetensors_find(const gan_safetensors *file, const char *name);
/* A text of its metadata; NULL: it has none of that name. */
const char *gan_safetensors_metadata(const gan_safetensors *file, const char *name);

/* All elements of a tensor, `count` of them, as float32: those of F64 are rounded, F32, F16 and BF16 are what they
   were. GAN_BAD_FILE for a tensor of another type, and where the file has become shorter. */
gan_status gan_safetensors_read(const gan_safetensors *file, const gan_safetensor *tensor, size_t count,
                                float *values) GAN_CHECKED;

#endif
