/* Numbers as text, the same in every locale. */
#ifndef GAN_BASE_NUMBER_H
#define GAN_BASE_NUMBER_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Parse the whole text: no white space, no words such as "inf" or "nan", nothing hexadecimal. GAN_BAD_USAGE says why a
   text is no number; the caller puts in front what it was for. */
gan_status gan_parse_integer(const char *text, int64_t *value) GAN_CHECKED;
gan_status gan_parse_real(const char *text, double *value) GAN_CHECKED;

/* A number of bytes from 0 on, "67108864", "64MiB" or "0.5 G": kB, MB and GB are powers of 1000; KiB, MiB and GiB, and
   the letters alone, powers of 1024, as the tools of Unix have it; upper and lower case are the same. */
gan_status gan_parse_bytes(const char *text, int64_t *bytes) GAN_CHECKED;

enum { GAN_NUMBER_TEXT = 40 };

/* The shortest decimal that reads back as the same value, into a text of GAN_NUMBER_TEXT bytes; returns it. */
char *gan_print_real(double value, char *text);

/* A number as readers are shown it: without the sign that a NaN may have, which printf would tell, nor that of 0. */
static inline double gan_shown(double value) { return isnan(value) ? (double)NAN : value + 0.0; }

/* snprintf, but the same in every locale: for text that is kept, hashed or drawn. */
__attribute__((format(printf, 3, 4))) int gan_print_plain(char *text, size_t size, const char *format, ...);

#endif
