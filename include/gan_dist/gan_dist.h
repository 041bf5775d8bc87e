/* libgandist: training generative adversarial networks with many processes. Includes every public header. */
#ifndef GAN_DIST_GAN_DIST_H
#define GAN_DIST_GAN_DIST_H

#include "gan_dist/config.h"
#include "gan_dist/status.h"
#include "gan_dist/trainer.h"
#include "gan_dist/version.h"
#include "gan_dist/world.h"

#endif
