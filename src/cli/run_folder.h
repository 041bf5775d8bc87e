/* A run's folder in the place of one of its files. */
#ifndef GAN_CLI_RUN_FOLDER_H
#define GAN_CLI_RUN_FOLDER_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "store/checkpoint.h"

/* Into file (PATH_MAX bytes): `path` itself where it is no folder. Of a folder its metrics.h5, which tells most of a
   run, or else its newest checkpoint that verifies. GAN_BAD_FILE when it has neither. *damaged
   counts newer checkpoints that were passed over. */
gan_status gan_run_file(const char *path, char *file, int *damaged) GAN_CHECKED;

/* The same, but always a checkpoint, and open (owned by the caller); *damaged counts newer ones that were passed over.
   Errors of gan_checkpoint_open, too. */
gan_status gan_run_checkpoint_open(const char *path, char *file, int *damaged,
                                   gan_checkpoint_file **opened) GAN_CHECKED;

/* "1 damaged checkpoint passed over", as a line. */
void gan_run_tell_damaged(FILE *stream, int damaged);

bool gan_is_folder(const char *path);

#endif
