/* Data sources: where real samples come from, as a table.

   A source is a numbered set of samples of one shape. Sample i is always the same float32 vector in [-1, 1] (images) or
   in the data's own units (points), whichever rank reads it and when. Files are hostile: every size in a header is
   checked against the file's size and against limits before memory is taken. */
#ifndef GAN_DATA_SOURCE_H
#define GAN_DATA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"
#include "data/axes.h"

/* Of data.source showers (docs/showers.md). Lengths: along the depth in radiation lengths, across in Moliere radii. */
typedef struct gan_shower_options {
  int cells;             /* shower.cells: along each of the three axes */
  double cell_depth;     /* shower.cell_depth: radiation lengths */
  double cell_width;     /* shower.cell_width: Moliere radii */
  double energy_minimum; /* shower.energy_minimum: GeV; energies are uniform from it to energy_maximum */
  double energy_maximum;
  double start;      /* shower.start: mean depth at which a shower begins, radiation lengths */
  double angle;      /* shower.angle: largest angle to the depth's axis, degrees */
  double impact;     /* shower.impact: largest distance from the middle along each axis, cells */
  double resolution; /* shower.resolution: relative deviation of the energy measured of 1 GeV; 0: no fluctuations */
  double full_scale; /* shower.full_scale: what becomes 1, as a share of energy_maximum */
  double power;      /* shower.power: exponent of the map to [-1, 1] */
} gan_shower_options;

typedef struct gan_data_options {
  const char *source;  /* data.source: ring, grid, swiss_roll, showers, idx, hdf5, npy */
  const char *path;    /* data.path: the file; for idx also a folder with the usual file names in it */
  const char *labels;  /* data.labels: idx: file of labels; hdf5: data set of labels; "": those beside the
                          samples, if there are any; "none": none */
  const char *weights; /* data.weights: idx: file of weights; hdf5: data set of weights; NULL or "": all 1 */
  const char *dataset; /* data.dataset: path inside the HDF5 file; "": the only data set that can be samples */
  const char *axes;    /* data.axes: layout of the file's axes (axes.h); NULL, "" or "auto": the only likely one */
  const char *origin;  /* data.origin: how to get the data; said when data.path is missing. NULL is "" */
  int64_t memory;      /* data.memory: an HDF5 file's samples are held in memory when they take so many MiB at most */
  double minimum; /* data.minimum: of HDF5 files, the value that becomes -1, and data.maximum: 1; both 0: uint8's are */
  double maximum; /* 0 and 255, others stay as they are */
  bool flip; /* data.flip: the loader flips each image left to right half of the time */
  int64_t samples; /* data.samples: use the first so many (files; 0: all), or so many in all (synthetic; 0: no end) */
  int modes;       /* data.modes: Gaussians on the ring, or along each side of the grid */
  double radius;   /* data.radius: of the ring; half the side of the grid; of the roll's outer end */
  double sigma;    /* data.sigma: standard deviation of each Gaussian, or of the roll's noise */
  gan_shower_options shower;
} gan_data_options;

/* What a source needs of the other ranks. NULL functions (or no gan_data_share at all): there are none. */
typedef struct gan_data_share {
  /* Collective. Every rank hands in how its own part of opening went; all get the same status back: GAN_OK when all
     were GAN_OK, else an error with one message on every rank. gan_source_open calls it exactly once on every rank,
     whatever went wrong there, and before any call of `share`: so no rank waits in `share` for one that could not read
     a header. */
  gan_status (*agree)(void *context, gan_status mine);
  /* Collective. Memory that all ranks of a host see, filled by one of them (dist/world.h gan_world_share); returns the
     same status on every rank. */
  gan_status (*share)(void *context, size_t bytes, gan_status (*fill)(void *, void *, size_t), void *fill_context,
                      void **memory);
  void (*unshare)(void *context, void *memory);
  void *context;
} gan_data_share;

typedef struct gan_source gan_source;

typedef struct gan_source_type {
  const char *name;
  const char *help;
  /* Checks the options and the files' headers, and sets shape, count and whatever else is known without reading all of
     the data; gan_source_open has filled in type, options and seed. Not collective. `close` follows a failure. */
  gan_status (*open)(gan_source *source);
  /* NULL, or reads the data into memory that the ranks of a host share. Called after every rank's `open` went well;
     collective, and the same status on every rank, as far as share->share is. `share` is never NULL and outlives the
     source. Sets what `open` could not know. */
  gan_status (*load)(gan_source *source, const gan_data_share *share);
  /* Reads samples `indices` (n) to out (n, elements); labels (n) when not NULL and the source has them. Thread-safe
     against everything but itself: it is called from the prefetch thread. */
  gan_status (*read)(gan_source *source, const int64_t *indices, int64_t n, float *out, int32_t *labels);
  /* Releases state, also one that is NULL or half made. Collective as far as share->unshare is. */
  void (*close)(gan_source *source);
  const char *keys; /* sections and keys that it reads, with spaces between: "data.samples shower" */
  bool fragile; /* the library that reads data.path may crash or hang over a damaged file: gan_source_probe tries it */
} gan_source_type;

extern const gan_source_type *const gan_source_types[];
extern const int gan_source_type_count;
const gan_source_type *gan_source_type_find(const char *name);
/* Whether a key of sections data and shower means something to the source; data.source does to all. */
bool gan_source_type_reads(const gan_source_type *type, const char *key);

struct gan_source {
  const gan_source_type *type;
  gan_data_options options; /* copies of texts belong to the source */
  uint64_t seed;
  gan_shape shape;               /* of one sample */
  const gan_axes *axes;          /* of the file; NULL: there is none */
  int64_t count;                 /* samples; 0: without end */
  int label_count;               /* labels are 0 .. label_count-1; 0: no labels */
  float *weights;                /* (count) of the samples in the loss, finite and not negative; NULL: all 1. Owned */
  uint64_t fingerprint;          /* hash of what the samples are: differs when the data differ */
  uint64_t earlier_fingerprint;  /* that earlier versions took of the same data: their runs go on */
  size_t host_bytes, rank_bytes; /* memory that the data take: once per host, where it can be shared; on each rank */
  bool one_thread; /* reads must not run beside other work of the program: the library below is not thread-safe */
  void *state;     /* the type's own */
};

/* Opens a source, owned by the caller, with copies of the options' texts. Collective over the ranks of `share`
   (borrowed until the source is closed; NULL: a rank by itself), and the same status on every rank. Errors name the
   file and what is wrong with it (GAN_BAD_FILE) or the option (GAN_BAD_USAGE). Each host reads its own copy of a file:
   the caller may compare fingerprints over ranks. */
gan_status gan_source_open(const gan_data_options *options, uint64_t seed, const gan_data_share *share,
                           gan_source **source) GAN_CHECKED;
/* Whether gan_source_probe does anything. */
bool gan_source_is_fragile(const gan_data_options *options);
/* Where the source is fragile, opens it in a child process first, and reads of it (base/probe.h): GAN_BAD_FILE when
   that fails, or the child does not survive it. To be called before any process opens the file. Not collective. */
gan_status gan_source_probe(const gan_data_options *options) GAN_CHECKED;

/* Only what headers tell: shape, count and how much memory the data would take, which is not taken. For one rank, not
   to be read from; closed with gan_source_close. Errors as above. Not collective. */
gan_status gan_source_open_headers(const gan_data_options *options, uint64_t seed, gan_source **source) GAN_CHECKED;
/* Collective as gan_source_open is; NULL is allowed. */
void gan_source_close(gan_source *source);
/* The type's read, after a check that all indices are in 0 .. count-1 (GAN_FAILED otherwise). Not collective. */
gan_status gan_source_read(gan_source *source, const int64_t *indices, int64_t n, float *out,
                           int32_t *labels) GAN_CHECKED;

/* Where the Gaussians of `ring` and `grid` are: centres (modes, 2), owned by the caller (free()); *modes is 0 for other
   sources. */
gan_status gan_source_modes(const gan_source *source, int *modes, float **centres) GAN_CHECKED;

#endif
