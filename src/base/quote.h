/* Names in commands that a message advises. */
#ifndef GAN_BASE_QUOTE_H
#define GAN_BASE_QUOTE_H

#include <stddef.h>

/* `text` as a word of a shell's command line, in single quotes where it needs some, into `out` (`size` bytes, at least
   1; cut off where it does not fit, so that messages stay of bounded length); returns `out`. A name that begins with
   "-" becomes "./-..", which no program takes for an option. */
const char *gan_quote(const char *text, size_t size, char *out);

/* Enough for names of usual length. */
enum { GAN_QUOTED = 512 };

#endif
