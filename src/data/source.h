/* Data sources: where real samples come from, as a table.

   A source is a numbered set of samples of one shape. Sample i is always the same float32 vector in [-1, 1] (images) or in
   the data's own units (points), whichever rank reads it and when. Files are hostile: every size in a header is checked
   against the file's size and against limits before memory is taken. */
#ifndef GAN_DATA_SOURCE_H
#define GAN_DATA_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"

typedef struct gan_data_options {
  const char *source; /* data.source: ring, grid, swiss_roll, idx, hdf5 */
  const char *path;   /* data.path: the file */
  const char *labels; /* data.labels: IDX file of labels ("" when there is none) */
  const char *dataset; /* data.dataset: path inside the HDF5 file */
  int64_t samples;    /* data.samples: use the first so many (files; 0: all), or so many in all (synthetic; 0: no end) */
  int modes;          /* data.modes: Gaussians on the ring, or along each side of the grid */
  double radius;      /* data.radius: of the ring; half the side of the grid; of the roll's outer end */
  double sigma;       /* data.sigma: standard deviation of each Gaussian, or of the roll's noise */
} gan_data_options;

/* How memory that all ranks of a host see is had (dist/world.h gan_world_share); NULL function: private memory. */
typedef struct gan_data_share {
  gan_status (*share)(void *context, size_t bytes, gan_status (*fill)(void *, void *, size_t), void *fill_context,
                      void **memory);
  void (*unshare)(void *context, void *memory);
  void *context;
} gan_data_share;

typedef struct gan_source gan_source;

typedef struct gan_source_type {
  const char *name;
  const char *help;
  gan_status (*open)(const gan_data_options *options, uint64_t seed, const gan_data_share *share, gan_source *source);
  /* Reads samples `indices` (n) to out (n, elements); labels (n) when not NULL and the source has them. Thread-safe against
     everything but itself: it is called from the prefetch thread. */
  gan_status (*read)(gan_source *source, const int64_t *indices, int64_t n, float *out, int32_t *labels);
  void (*close)(gan_source *source);
} gan_source_type;

extern const gan_source_type *const gan_source_types[];
extern const int gan_source_type_count;
const gan_source_type *gan_source_type_find(const char *name);

struct gan_source {
  const gan_source_type *type;
  gan_data_options options; /* copies of texts belong to the source */
  uint64_t seed;
  gan_shape shape;      /* of one sample */
  int64_t count;        /* samples; 0: without end */
  int label_count;      /* classes; 0: no labels */
  uint64_t fingerprint; /* hash of what the samples are: differs when the data differ */
  void *state;          /* the type's own */
};

/* Opens a source. May take shared memory: collective over the ranks when `share` is; each rank returns its own status, and
   the caller agrees. Errors name the file and what is wrong with it (GAN_BAD_FILE) or the option (GAN_BAD_USAGE). */
gan_status gan_source_open(const gan_data_options *options, uint64_t seed, const gan_data_share *share,
                           gan_source **source) GAN_CHECKED;
void gan_source_close(gan_source *source);
gan_status gan_source_read(gan_source *source, const int64_t *indices, int64_t n, float *out,
                           int32_t *labels) GAN_CHECKED;

/* Where the Gaussians of `ring` and `grid` are: centres (modes, 2), owned by the caller; *modes is 0 for other sources. */
gan_status gan_source_modes(const gan_source *source, int *modes, float **centres) GAN_CHECKED;

#endif
