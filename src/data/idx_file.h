/* The headers of IDX files, the format of MNIST and its kin: two zero bytes, a type code, the number of dimensions, the
   dimensions as big-endian 32-bit numbers, then the elements (http://yann.lecun.com/exdb/mnist/). Plain or gzip. */
#ifndef GAN_DATA_IDX_FILE_H
#define GAN_DATA_IDX_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"
#include "data/byte_stream.h"

enum { GAN_IDX_DIMENSIONS = 4, GAN_IDX_UBYTE = 0x08, GAN_IDX_FLOAT32 = 0x0d, GAN_IDX_FLOAT64 = 0x0e };

typedef struct gan_idx_file {
  char *path;   /* owned by whoever made the struct */
  bool numbers; /* to be set before: elements may be float32 or float64, too */
  int type;     /* GAN_IDX_UBYTE, .. */
  int element_bytes;
  int dimensions;
  int64_t size[GAN_IDX_DIMENSIONS]; /* each at least 1; their product does not overflow */
  int64_t header_bytes, data_bytes;
} gan_idx_file;

/* Reads and checks the header of file->path: unsigned bytes (or what file->numbers says), and no more of them than the
   file can hold. The stream, when asked for, stands behind the header and is the caller's. GAN_BAD_FILE. */
gan_status gan_idx_open(gan_idx_file *file, gan_byte_stream **stream) GAN_CHECKED;

/* Exactly so many bytes of the elements. GAN_BAD_FILE when the file is cut short. */
gan_status gan_idx_read(gan_byte_stream *stream, const gan_idx_file *file, int64_t bytes, void *out) GAN_CHECKED;

/* The shape (C, H, W) of one image of (N, H, W) or (N, C, H, W). GAN_BAD_FILE for other dimensions and for images that
   are too large. */
gan_status gan_idx_check_images(const gan_idx_file *images, gan_shape *shape) GAN_CHECKED;

/* The path of the file of labels beside a file of images, as MNIST's are named: "labels" and "idx1" where the images'
   name has "images" and "idx3" or "idx4", with or without ".gz". *labels is the caller's, NULL when there is none. */
gan_status gan_idx_find_labels(const char *images, char **labels) GAN_CHECKED;

/* GAN_BAD_FILE unless there is one label for each image. */
gan_status gan_idx_check_labels(const gan_idx_file *labels, const gan_idx_file *images) GAN_CHECKED;

/* Reads a file of one weight for each image, of unsigned bytes, float32 or float64: the first `count` into weights
   (count). gan_weights_check is the caller's. GAN_BAD_FILE. */
gan_status gan_idx_read_weights(const char *path, const gan_idx_file *images, int64_t count,
                                float *weights) GAN_CHECKED;

/* Whether a file begins as IDX files do: two zero bytes, or those of gzip, which they often come in. */
bool gan_idx_begins(const char *path);
/* Whether a folder has the file of images in it that data.source idx looks for. */
bool gan_idx_in_folder(const char *path);

#define GAN_IDX_IMAGES "train-images-idx3-ubyte"

#endif
