/* Measuring the network between two ranks, as dist/predict.h describes a network. */
#ifndef GAN_DIST_LINK_H
#define GAN_DIST_LINK_H

#include "dist/predict.h"
#include "dist/world.h"

/* Measures between rank 0 and the first rank of another host, or rank 1 where all are on one host; *other is that rank.
   At least two ranks. Collective; all ranks return the same status, and the same link. */
gan_status gan_link_measure(gan_world *world, gan_link *link, int *other) GAN_CHECKED;

#endif
