/* A limit to how long this process waits for the others until the world is there. A rank that is stopped inside of
   MPI_Init or does not get that far keeps all others there, and neither MPI nor mpirun notices. The watchdog
   (watchdog.h), which can say who it is, needs the world. */
#ifndef GAN_DIST_START_WATCH_H
#define GAN_DIST_START_WATCH_H

#include "base/error.h"

typedef struct gan_start_watch gan_start_watch;

/* Unless gan_start_watch_end is called within `seconds`, the process says so and leaves with an error, which makes
   mpirun end the others. Owned by the caller. Before MPI is up. GAN_FAILED. */
gan_status gan_start_watch_begin(double seconds, gan_start_watch **watch) GAN_CHECKED;
/* NULL is allowed. */
void gan_start_watch_end(gan_start_watch *watch);

#endif
