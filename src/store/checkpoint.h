/* Checkpoints: HDF5 files that are whole or absent.

   Written by one process, beside the final place, flushed and synced, then renamed. Every data set has a Fletcher32
   checksum. Layout: docs/design.md section 6. A checkpoint is, to this module, attributes and a list of named tensors:
   where they live in memory is the caller's affair. */
#ifndef GAN_STORE_CHECKPOINT_H
#define GAN_STORE_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"

enum { GAN_CHECKPOINT_FORMAT = 1, GAN_TENSOR_PATH = 128 };

typedef struct gan_tensor {
  char path[GAN_TENSOR_PATH]; /* "/generator/0.weight", "/optimizer/critic/square_avg/0.weight" */
  gan_shape shape;
  float *data; /* row-major, borrowed */
} gan_tensor;

typedef struct gan_checkpoint {
  int64_t iteration;        /* iterations done */
  int64_t critic_steps;     /* updates of each network done */
  int64_t generator_steps;
  uint64_t seed;
  int shards;
  uint64_t data_fingerprint;
  gan_shape data_shape;     /* of one sample */
  double best;              /* best evaluation value so far; NAN: none */
  char *config;             /* effective configuration as INI text; owned by this struct after a read */
  char program_version[32];
} gan_checkpoint;

void gan_checkpoint_release(gan_checkpoint *checkpoint);

/* Writes `path` atomically. Errors (GAN_FAILED: disk full, folder not writable) leave no partial file behind. */
gan_status gan_checkpoint_write(const char *path, const gan_checkpoint *checkpoint, size_t tensor_count,
                                const gan_tensor *tensors) GAN_CHECKED;

/* Reads the attributes. GAN_BAD_FILE when it is no checkpoint, damaged, or of a newer format. */
gan_status gan_checkpoint_read_header(const char *path, gan_checkpoint *checkpoint) GAN_CHECKED;

/* Reads every listed tensor into its memory. GAN_BAD_FILE naming the tensor when one is absent, has another shape, or its
   checksum does not hold. */
gan_status gan_checkpoint_read_tensors(const char *path, size_t tensor_count, const gan_tensor *tensors) GAN_CHECKED;

/* Reads every data set of the file, so that all checksums are verified. */
gan_status gan_checkpoint_verify(const char *path) GAN_CHECKED;

/* Folder upkeep. The name of iteration's checkpoint in a folder into path (PATH_MAX bytes). */
void gan_checkpoint_path(const char *folder, int64_t iteration, char *path);
/* The newest checkpoint in the folder that verifies, into path (PATH_MAX bytes); "" when there is none. Older ones are
   tried when a newer one is damaged; *damaged counts those passed over. */
gan_status gan_checkpoint_newest(const char *folder, char *path, int *damaged) GAN_CHECKED;
/* Points FOLDER/NAME ("latest.h5", "best.h5") at the checkpoint, atomically, by a relative symbolic link. */
gan_status gan_checkpoint_link(const char *folder, const char *name, const char *path) GAN_CHECKED;
/* Removes all but the newest `keep` and the one that best.h5 points at, and what interrupted writes left. */
void gan_checkpoint_prune(const char *folder, int keep);

/* What `inspect` shows: called for every data set with its path, shape and values' range. */
typedef struct gan_tensor_summary {
  const char *path;
  gan_shape shape;
  double minimum, maximum, mean, standard_deviation;
} gan_tensor_summary;
typedef void (*gan_tensor_visitor)(void *context, const gan_tensor_summary *tensor);
gan_status gan_checkpoint_visit(const char *path, gan_tensor_visitor visit, void *context) GAN_CHECKED;

#endif
