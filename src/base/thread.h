/* Threads of the library's own. */
#ifndef GAN_BASE_THREAD_H
#define GAN_BASE_THREAD_H

#include <pthread.h>

#include "base/error.h"

/* Runs run(context) in a thread that no signal interrupts: those of the program are for the threads that it means them
   for. Only what a crash of the thread itself raises stays as it is. `name`, shorter than 16, is what `top -H` shows.
   The thread is to be joined or detached by the caller. GAN_FAILED. */
gan_status gan_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context) GAN_CHECKED;

#endif
