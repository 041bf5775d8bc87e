/* Small text files: whole or absent, or growing by whole pieces. */
#ifndef GAN_STORE_TEXT_H
#define GAN_STORE_TEXT_H

#include "base/error.h"

/* Writes `text` to `path`: beside its place, flushed and synced, then renamed. GAN_FAILED with the path and the reason.
 */
gan_status gan_text_write(const char *path, const char *text) GAN_CHECKED;

/* Adds lines, which end in a line end, to `path`, which is made where it is not there, and syncs it. What cannot be
   written whole is taken back; where a crash has left half a line, the new ones begin on a line of their own. Nobody
   else may write meanwhile. GAN_FAILED as above, and for what is no regular file. */
gan_status gan_text_append(const char *path, const char *lines) GAN_CHECKED;

#endif
