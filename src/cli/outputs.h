/* That no output takes the place of an input; and how the names of outputs end. */
#ifndef GAN_CLI_OUTPUTS_H
#define GAN_CLI_OUTPUTS_H

#include "cli/command.h"

/* GAN_BAD_USAGE when a file that the command is told to write (-o, trace.file) is one that it is told to read: the INI
   file, words of the command line, data.path, data.labels and data.weights, the checkpoint of run.resume. Files
   are compared by what they are, not by name: hard links and symbolic ones count, and so do the entries of data.path
   where that is a folder. Images in the folders that convert reads are of another kind than what it writes, which
   gan_file_may_become refuses. Not collective. */
gan_status gan_arguments_check_outputs(const gan_command *command, const gan_arguments *arguments) GAN_CHECKED;

/* What the outputs would take the place of is looked at in a child process (gan_file_kind_probe), and remembered for
   gan_file_may_become. Before MPI starts, by rank 0. */
void gan_arguments_try_outputs(const gan_command *command, const gan_arguments *arguments);

/* Whether a file's name ends in ".h5", for instance, in capital or small letters, with something before it. */
bool gan_name_ends_in(const char *name, const char *ending);
/* One of ".h5" and ".hdf5". */
bool gan_is_hdf5_name(const char *name);

#endif
