/* Numbers that move over a run: how far the run has got, and where a number is then. */
#ifndef GAN_BASE_MOVING_H
#define GAN_BASE_MOVING_H

#include <stdint.h>

/* How far a run is in the iteration after the first `done` of `iterations`: from 0 to 1. */
double gan_run_progress(int64_t done, int64_t iterations);
/* Along half a cosine: `from` at progress 0, `to` at 1 and beyond; where `to` is a NAN it stays. */
double gan_moved(double from, double to, double progress);

#endif
