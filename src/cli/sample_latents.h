/* The latents of `sample`: drawn, or on ways from one to another. A row's are a function of its number alone, so they
   can be had in pieces (docs/sampling.md). */
#ifndef GAN_CLI_SAMPLE_LATENTS_H
#define GAN_CLI_SAMPLE_LATENTS_H

#include "cli/command.h"
#include "train/model.h"

/* Samples in a row of a picture of interpolations. */
enum { GAN_INTERPOLATION_STEPS = 8 };

typedef struct gan_sample_latents {
  gan_latents latents;
  int64_t latent;    /* numbers of each */
  bool interpolates; /* rows of GAN_INTERPOLATION_STEPS, each from one drawn latent to another */
} gan_sample_latents;

/* As the flags --interpolate and --truncation and the configuration say. GAN_BAD_USAGE for a bound that is none, and
   for more rows than have latents of their own. */
gan_status gan_sample_latents_of(const gan_arguments *arguments, const gan_config *config, int64_t count,
                                 gan_sample_latents *of) GAN_CHECKED;

/* z (rows, latent) of the rows from `first` on, a multiple of GAN_INTERPOLATION_STEPS. */
gan_status gan_sample_latents_make(const gan_sample_latents *of, int64_t first, int64_t rows, float *z) GAN_CHECKED;

#endif
