/* Signals that ask the program to stop (SIGTERM, SIGINT, SIGUSR1, SIGHUP), and signals that must not end it (SIGPIPE,
   SIGXFSZ: the failed write says so itself).

   No handler runs in this program. The kernel would put a handler's frame on the stack of whatever thread it finds, and
   oneDNN's generated matrix products use the stack register for data, in the heap: the frame would overwrite what lies
   there. So every thread blocks the signals that ask to stop, from before the first constructor on, and where a
   subcommand has an answer to them, a thread of its own takes them. None is lost while the program starts: what comes
   before somebody takes it stays pending, also when the program starts itself once more. */
#ifndef GAN_CLI_SIGNALS_H
#define GAN_CLI_SIGNALS_H

#include <stdbool.h>

#include "base/error.h"

/* The first thing in main. */
void gan_signals_begin(void);

/* Before the program starts itself once more (exec): leaves word of what gan_signals_begin found. */
void gan_signals_hand_over(void);

/* From now on, and for those that have come, each signal that asks to stop calls `stop` in a thread of its own. SIGINT,
   SIGTERM and SIGUSR1 do so even where they were ignored when the program started, as a shell's background jobs have
   it; SIGHUP does not (nohup). GAN_FAILED. */
gan_status gan_signals_take(void (*stop)(void)) GAN_CHECKED;

/* For a command that writes a file and has no answer of its own: a signal ends the process as it would have, after a
   thread has called `clean`. Those that were ignored when the program was started stay so. GAN_FAILED. */
gan_status gan_signals_end(void (*clean)(void)) GAN_CHECKED;

/* Whether what `stop` noted is looked at from time to time. While it is not (MPI starts, data are read), a second
   SIGINT or SIGTERM, more than a second after the first signal, ends the process at once. */
void gan_signals_answered(bool answered);

/* For who does not take them: they do what they did when the program was started, also those that have come. */
void gan_signals_release(void);

/* In a child of this process, between fork and exec: all signals are as this process met them, SIGPIPE and SIGXFSZ as
   programs expect them. Safe there. */
void gan_signals_release_child(void);

#endif
