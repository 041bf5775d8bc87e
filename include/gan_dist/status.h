/* What every call that can fail returns, and where it says why. */
#ifndef GAN_DIST_STATUS_H
#define GAN_DIST_STATUS_H

#define GAN_API __attribute__((visibility("default")))
#define GAN_CHECKED __attribute__((warn_unused_result))

/* The values are also the exit statuses of the program. */
typedef enum gan_status {
  GAN_OK = 0,
  GAN_FAILED = 1,      /* the machine or the training failed: no memory, full disk, NaN, a lost rank */
  GAN_BAD_USAGE = 2,   /* a configuration or an argument that cannot work */
  GAN_BAD_FILE = 3,    /* an input file that is missing, damaged or of another kind than said */
  GAN_INTERRUPTED = 75 /* stopped by a signal or at run.stop_at, with all saved that was trained; run again to go on */
} gan_status;

/* The text of the last error on this thread, one line without a line end; "" when there was none. Owned by the library,
   valid until the next failing call on this thread. After a collective call failed, it is the same text on every rank
   and names the rank and host where the error was met. */
GAN_API const char *gan_error_message(void);

#endif
