/* A generator read from a checkpoint, as the subcommands need it that draw samples. */
#ifndef GAN_CLI_SAVED_GENERATOR_H
#define GAN_CLI_SAVED_GENERATOR_H

#include <limits.h>

#include "cli/command.h"
#include "store/samples.h"
#include "train/model.h"

typedef struct gan_saved_generator {
  char checkpoint[PATH_MAX];
  int damaged;          /* newer checkpoints of a folder that were passed over */
  gan_config *config;   /* the checkpoint's, with the arguments' keys laid over it */
  uint64_t run_seed;    /* the run's own, whatever the arguments say */
  uint64_t fingerprint; /* of the data that it was trained on */
  gan_model model;
  gan_shape data_shape;
  float *parameters, *buffers; /* of the averaged generator, where there is one and samples.ema does not say no */
  gan_samples_origin origin;   /* but for how latents are drawn */
} gan_saved_generator;

/* Reads a checkpoint, or the newest that verifies in a run's folder. `what` is done with it, for whoever names a
   classifier: "sample draws from a generator". GAN_BAD_FILE, GAN_BAD_USAGE. Released by the
   caller, also after a failure. Not collective. */
gan_status gan_saved_generator_open(const gan_arguments *arguments, const char *path, const char *what,
                                    gan_saved_generator *saved) GAN_CHECKED;
void gan_saved_generator_release(gan_saved_generator *saved);

#endif
