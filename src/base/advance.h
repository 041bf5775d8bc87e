/* Signs that this process gets on with what it is at, from code that knows nothing of other ranks: a piece of a file is
   written or read. What computes shows by the processor's time that it takes; who waits for a disk shows by this alone.
   One count for the process, since nobody asks who it was: the watchdog (dist/watchdog.h) looks whether it grows. */
#ifndef GAN_BASE_ADVANCE_H
#define GAN_BASE_ADVANCE_H

/* A piece of what is to be done is done. From any thread. */
void gan_advance(void);

/* How many there were. */
unsigned long long gan_advances(void);

#endif
