/* `gan_dist config --memory`. */
#ifndef GAN_CLI_CONFIG_MEMORY_H
#define GAN_CLI_CONFIG_MEMORY_H

#include "cli/command.h"

/* Prints what training by this configuration takes, as a table or as JSON: on the ranks and hosts that --np and --hosts
   name, or those there are. Rank 0 prints. Not collective. */
gan_status gan_config_memory(const gan_arguments *arguments) GAN_CHECKED;

#endif
