/* What a training says before its first iteration: what it will do, in a table. */
#ifndef GAN_CLI_HEADER_H
#define GAN_CLI_HEADER_H

#include "cli/progress.h"
#include "train/overview.h"

/* As notes of the progress. */
void gan_header_print(gan_progress *progress, const gan_overview *overview);

#endif
