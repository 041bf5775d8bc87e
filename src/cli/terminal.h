/* What the place that text goes to can show. */
#ifndef GAN_CLI_TERMINAL_H
#define GAN_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* Whether the stream is a terminal. */
bool gan_is_terminal(FILE *stream);

/* Columns of the terminal; 80 when the stream is none, or does not say. */
int gan_terminal_width(FILE *stream);

/* Whether the user's locale (LC_ALL, LC_CTYPE, LANG) is a UTF-8 one. The program's own locale is left alone: numbers
   keep their decimal point. */
bool gan_terminal_unicode(void);

#endif
