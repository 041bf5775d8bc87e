/* Numbers as text, the same in every locale. */
#ifndef GAN_CONFIG_NUMBER_H
#define GAN_CONFIG_NUMBER_H

#include <stdint.h>

#include "base/error.h"

/* Parse the whole text: no white space, no words such as "inf" or "nan", nothing hexadecimal. GAN_BAD_USAGE says why a
   text is no number; the caller puts in front what it was for. */
gan_status gan_parse_integer(const char *text, int64_t *value) GAN_CHECKED;
gan_status gan_parse_real(const char *text, double *value) GAN_CHECKED;

enum { GAN_NUMBER_TEXT = 40 };

/* The shortest decimal that reads back as the same value, into a text of GAN_NUMBER_TEXT bytes; returns it. */
char *gan_print_real(double value, char *text);

#endif
