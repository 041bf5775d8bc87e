/* `gan_dist loss NAME.. --plot FILE.png`: losses and their gradients over the score. */
#ifndef GAN_CLI_LOSS_PLOT_H
#define GAN_CLI_LOSS_PLOT_H

#include "base/error.h"
#include "gan/loss.h"

enum { GAN_LOSSES_PLOTTED = 16 };

typedef struct gan_loss_plot {
  int count; /* GAN_LOSSES_PLOTTED at most */
  const gan_loss *losses[GAN_LOSSES_PLOTTED];
  double from, to; /* scores */
} gan_loss_plot;

/* The critic's loss of a real sample and of a generated one, the generator's of a generated one, and their slopes. */
gan_status gan_loss_plot_draw(const gan_loss_plot *plot, const gan_loss_options *options, const char *path) GAN_CHECKED;

#endif
