/* A thread that looks at something from time to time until it is told to end: what the watchdog, the signs of life
   between hosts and time limits have in common. */
#ifndef GAN_DIST_TICKER_H
#define GAN_DIST_TICKER_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

/* Zeroes: not running. */
typedef struct gan_ticker {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t end;
  bool running, ending;
} gan_ticker;

/* Runs run(context) in a thread; `name`, shorter than 16, is what `top -H` shows. GAN_FAILED. */
gan_status gan_ticker_start(gan_ticker *ticker, const char *name, void *(*run)(void *), void *context) GAN_CHECKED;
/* In the thread: waits so many seconds; false, at once, when it is to end. */
bool gan_ticker_wait(gan_ticker *ticker, double seconds);
/* Seconds of a processor's time that the thread has taken; 0 where none is running. From any thread. */
double gan_ticker_seconds(const gan_ticker *ticker);
/* Has the thread end, and waits for that. Nothing, where none is running. */
void gan_ticker_stop(gan_ticker *ticker);

#endif
