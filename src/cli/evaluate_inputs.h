/* What `evaluate` is told to judge, and against what: words of the command line made into checkpoints and data. */
#ifndef GAN_CLI_EVALUATE_INPUTS_H
#define GAN_CLI_EVALUATE_INPUTS_H

#include <limits.h>

#include "cli/command.h"

/* What is judged: checkpoints, or one file of samples. */
typedef struct gan_judged {
  int count;                     /* of the checkpoints; 0: it is a file */
  int damaged;                   /* checkpoints of folders that were passed over */
  bool curve;                    /* of quality over iterations */
  char (*checkpoints)[PATH_MAX]; /* (count). Owned */
} gan_judged;

/* Finds it from the words. Only rank 0 looks into folders, where a training may be at work; all ranks get what it has
   found. GAN_BAD_USAGE, GAN_BAD_FILE. world NULL: for this process alone. Collective, but for that. Released by the
   caller, also after a failure. */
gan_status gan_judged_find(gan_world *world, const gan_arguments *arguments, gan_judged *judged) GAN_CHECKED;
void gan_judged_release(gan_judged *judged);

/* The real data, and where samples lie that are judged. Texts of the options are owned by the struct. */
typedef struct gan_evaluate_data {
  gan_config *config;        /* its section `data` is the real data, its seed that of synthetic ones */
  char *against;             /* what the data are those of, or NULL */
  bool of_run;               /* the run's own data, nothing laid over them */
  bool has_held_out;         /* a file of samples that training has not seen: */
  gan_data_options held_out; /* where they are */
  char *held_out_path;
  gan_data_options file; /* the samples that are judged, where they are no checkpoint's */
  gan_config *defaults;
} gan_evaluate_data;

/* From --against or the first checkpoint, with keys laid over; from --held-out or what lies beside the data; and from
   the word that names a file. GAN_BAD_USAGE, GAN_BAD_FILE. Not collective. Released by the caller, also after a
   failure. */
gan_status gan_evaluate_data_find(const gan_arguments *arguments, const gan_judged *judged,
                                  gan_evaluate_data *data) GAN_CHECKED;
void gan_evaluate_data_release(gan_evaluate_data *data);
/* Adds to the message of a file of samples that does not tell which data set or axes are meant how to say it: keys of
   the configuration are those of the real data. Returns `status`. */
gan_status gan_evaluate_file_error(gan_status status) GAN_CHECKED;
/* Adds to the message of data that cannot be read, where they are those of the run, that they may have moved: a run
   keeps the path as it was given, relative to the folder that it was started in. Returns `status`. */
gan_status gan_evaluate_data_error(const gan_evaluate_data *data, gan_status status) GAN_CHECKED;

/* Tries all that may crash the library that reads it, before MPI starts (gan_command.probe). */
gan_status gan_evaluate_probe(const gan_arguments *arguments) GAN_CHECKED;

#endif
