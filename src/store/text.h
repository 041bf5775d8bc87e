/* Small text files, whole or absent. */
#ifndef GAN_STORE_TEXT_H
#define GAN_STORE_TEXT_H

#include "base/error.h"

/* Writes `text` to `path`: beside its place, flushed and synced, then renamed. GAN_FAILED with the path and the reason.
 */
gan_status gan_text_write(const char *path, const char *text) GAN_CHECKED;

#endif
