/* Seconds on a clock that never goes back. */
#ifndef GAN_BASE_CLOCK_H
#define GAN_BASE_CLOCK_H

double gan_seconds(void);

#endif
