/* A limit to how long this process waits for the others while MPI starts, and while it ends. A rank that is stopped
   inside of MPI_Init or does not get that far keeps all others there, and neither MPI nor mpirun notices. The watchdog
   (watchdog.h), which can say who it is, needs the world. */
#ifndef GAN_DIST_TIME_LIMIT_H
#define GAN_DIST_TIME_LIMIT_H

#include "base/error.h"

typedef struct gan_time_limit gan_time_limit;

/* Unless gan_time_limit_end is called within `seconds`, the process says that it has waited for all ranks to do `what`
   ("start", "end"; not copied) and leaves with an error, which makes mpirun end the others. At least 10 seconds; 0:
   *limit is NULL. Owned by the caller. GAN_FAILED. */
gan_status gan_time_limit_begin(double seconds, const char *what, gan_time_limit **limit) GAN_CHECKED;
/* NULL is allowed. */
void gan_time_limit_end(gan_time_limit *limit);

#endif
