/* Reading a file from front to back, plain or gzip, never more of it than is asked for.

   The kind is told by the first two bytes, not by the name. A gzip file may have several members (RFC 1952, 2.2). Its
   checksums are verified; what is damaged, cut short or followed by something else is an error. Inflation stops as soon
   as the bytes that were asked for are there, so a small file cannot grow beyond what its reader expects. */
#ifndef GAN_DATA_BYTE_STREAM_H
#define GAN_DATA_BYTE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct gan_byte_stream gan_byte_stream;

/* Opens a regular file; owned by the caller. GAN_BAD_FILE when it is missing or something else. `path` is copied. */
gan_status gan_byte_stream_open(const char *path, gan_byte_stream **stream) GAN_CHECKED;
/* NULL is allowed. */
void gan_byte_stream_close(gan_byte_stream *stream);

/* Whether the file is compressed. */
bool gan_byte_stream_compressed(const gan_byte_stream *stream);

/* The next `bytes` bytes, or as many as are left: *got says how many. GAN_BAD_FILE when the file is damaged. */
gan_status gan_byte_stream_read(gan_byte_stream *stream, int64_t bytes, void *out, int64_t *got) GAN_CHECKED;

/* GAN_BAD_FILE when more than `bytes` bytes cannot be in the file: more than a plain file's size or, for gzip, more
   than deflate can make of its size (1032:1). To be asked before memory is taken for what a header claims. */
gan_status gan_byte_stream_check_claim(const gan_byte_stream *stream, int64_t bytes) GAN_CHECKED;

/* GAN_BAD_FILE unless everything has been read. For gzip this also verifies the checksum, so it ends every full
 * reading. */
gan_status gan_byte_stream_expect_end(gan_byte_stream *stream) GAN_CHECKED;

#endif
