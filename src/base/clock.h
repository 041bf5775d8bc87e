/* Clocks that never go back. */
#ifndef GAN_BASE_CLOCK_H
#define GAN_BASE_CLOCK_H

double gan_seconds(void); /* on the wall */
/* Seconds that this thread has had a core. A call into the system: 0.2 microseconds, on some virtual machines 2. */
double gan_thread_seconds(void);

#endif
