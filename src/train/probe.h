/* The files of others that a training opens, tried before MPI starts. */
#ifndef GAN_TRAIN_PROBE_H
#define GAN_TRAIN_PROBE_H

#include "config/config.h"

/* Reads the data, and the metrics of a run that goes on, in a child process, where they are of a format that may crash
   the library that reads it (base/probe.h). GAN_BAD_FILE for data that cannot be read; metrics that cannot will be
   put aside by the training (store/metrics.h). A trainer asks again, and has the answer without a child: so one
   process, rank 0, calls this before MPI starts. Not collective. */
gan_status gan_training_probe(const gan_config *config) GAN_CHECKED;

#endif
