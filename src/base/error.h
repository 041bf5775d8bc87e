/* Errors: described once, where they are met, in words that say what the user can do; returned as gan_status. */
#ifndef GAN_BASE_ERROR_H
#define GAN_BASE_ERROR_H

#include "gan_dist/status.h"

/* Records the message (printf format, one sentence without a full stop or line end) and returns `status`. */
gan_status gan_fail(gan_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts words in front of the recorded message ("data.path: " + message) and returns `status`. */
gan_status gan_fail_prefix(gan_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Replaces the recorded message by a finished text; used when another rank's error becomes everybody's. */
void gan_error_set(const char *message);

/* Leaves the function when a call failed. Only where nothing has to be released. */
#define GAN_TRY(call)                            \
  do {                                           \
    gan_status try_status = (call);              \
    if (try_status != GAN_OK) return try_status; \
  } while (0)

#endif
