/* Samples as an HDF5 file that gan_dist itself reads as a data set (data.source hdf5), with all that somebody needs to
   make them again: the latents, which checkpoint and which weights of it, how the latents were drawn
   (docs/sampling.md). Rows are written as they are made, so that there may be more than fit the memory. */
#ifndef GAN_STORE_SAMPLES_H
#define GAN_STORE_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"

/* Where samples come from: root attributes of the same names. */
typedef struct gan_samples_origin {
  char program_version[32];
  char checkpoint[256];         /* the name of its file, without its folder */
  char checkpoint_hash[64];     /* as its seal has it (store/seal.h) */
  int64_t iteration;            /* of the checkpoint */
  char weights[16];             /* the checkpoint's group: "generator", or "ema" for their moving average */
  char backend[32];             /* who computed the matrix products, */
  char precision[16];           /* and from what */
  uint64_t seed;                /* of the latents */
  int64_t latent_stream;        /* gan_random_stream */
  char latent_distribution[16]; /* "normal" or "uniform" */
  double truncation;            /* values beyond +-truncation were drawn again; 0: none */
  int64_t interpolation_steps;  /* samples of each way from one latent to another; 0: every latent is drawn */
} gan_samples_origin;

/* The members above, for whoever writes, reads or shows all of them. */
typedef enum gan_samples_type {
  GAN_SAMPLES_TEXT,
  GAN_SAMPLES_INTEGER,
  GAN_SAMPLES_UNSIGNED,
  GAN_SAMPLES_REAL
} gan_samples_type;
typedef struct gan_samples_field {
  const char *name;
  gan_samples_type type;
  size_t offset, size; /* in gan_samples_origin */
} gan_samples_field;
extern const gan_samples_field gan_samples_fields[];
extern const int gan_samples_field_count;

/* A file on its way to its place. */
typedef struct gan_samples_file gan_samples_file;

/* Begins a file of data sets `samples` (count, shape...) and `latents` (count, latent), float32. GAN_FAILED with the
   path and the reason, here and below. */
gan_status gan_samples_create(const char *path, const gan_shape *shape, int64_t latent, int64_t count,
                              const gan_samples_origin *origin, gan_samples_file **file) GAN_CHECKED;
/* How many rows are best written together. */
int64_t gan_samples_piece(const gan_samples_file *file);
/* The next rows: latents (rows, latent), samples (rows, shape...). */
gan_status gan_samples_add(gan_samples_file *file, int64_t rows, const float *latents,
                           const float *samples) GAN_CHECKED;
/* Puts the file, to which all rows were added, in its place, and releases it, also when that fails. */
gan_status gan_samples_finish(gan_samples_file *file) GAN_CHECKED;
/* Removes what was written, and releases it. NULL is allowed. */
void gan_samples_discard(gan_samples_file *file);

/* Reads where a file's samples come from. *known is false for samples of an earlier version, or of another program,
   which do not say. GAN_BAD_FILE when one of the attributes is absent or makes no sense. Control characters are
   replaced by '?'. */
gan_status gan_samples_read_origin(const char *path, bool *known, gan_samples_origin *origin) GAN_CHECKED;

#endif
