/* The rows of the table of data sources; each is defined in the file that its comment names. */
#ifndef GAN_DATA_SOURCE_TYPES_H
#define GAN_DATA_SOURCE_TYPES_H

#include "data/source.h"

/* synthetic.c */
extern const gan_source_type gan_source_ring;
extern const gan_source_type gan_source_grid;
extern const gan_source_type gan_source_swiss_roll;
/* showers.c */
extern const gan_source_type gan_source_showers;
/* idx.c */
extern const gan_source_type gan_source_idx;
/* hdf5.c */
extern const gan_source_type gan_source_hdf5;
/* npy.c */
extern const gan_source_type gan_source_npy;

/* Modes of a ring or a grid, and the centre of one of them (0 .. modes-1) in data units; 0 modes for other types.
   synthetic.c */
int gan_synthetic_modes(const gan_source *source);
void gan_synthetic_mode_centre(const gan_source *source, int mode, double centre[2]);

/* Limits on what a file may claim. */
#define GAN_SAMPLE_ELEMENTS_MAX ((int64_t)1 << 24)

/* Applies data.samples to a file of `available` samples: sets source->count. GAN_BAD_USAGE when there are fewer. */
gan_status gan_source_limit(gan_source *source, int64_t available) GAN_CHECKED;

/* Adds to the message of a file of labels that will not do (GAN_BAD_FILE) how to do without; returns `status`. */
gan_status gan_fail_labels(gan_status status) GAN_CHECKED;

/* Fails with GAN_BAD_FILE unless `path` is a regular file: opening a pipe would wait for ever. */
gan_status gan_check_regular_file(const char *path, int64_t *bytes) GAN_CHECKED;

#endif
