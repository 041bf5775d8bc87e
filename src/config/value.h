/* What the configuration's own files need of an option's value beyond config.h. */
#ifndef GAN_CONFIG_VALUE_H
#define GAN_CONFIG_VALUE_H

#include "config/config.h"

/* By key only. GAN_BAD_USAGE, with the nearest key offered, for an unknown one. */
gan_status gan_option_find_key(const char *key, const gan_option **option) GAN_CHECKED;

enum { GAN_RANGE_TEXT = 128 };
/* A number's range in words, "between 1 and 2147483647", into a text of GAN_RANGE_TEXT bytes; returns it. */
char *gan_option_range(const gan_option *option, char *text);

/* True and the meaning in *value when the text is yes/no, true/false, on/off or 1/0 in any case. */
bool gan_parse_boolean(const char *text, bool *value);

/* Whether the field is a text that the configuration owns. */
bool gan_option_is_text(const gan_option *option);

/* The field's own text, and the number of a row of numbers. */
const char *gan_option_text(const gan_option *option, const gan_config *config);
double gan_option_number(const gan_option *option, const gan_config *config);

/* Copies one field, or frees it when it is a text. */
gan_status gan_option_copy(const gan_option *option, const gan_config *from, gan_config *to) GAN_CHECKED;
void gan_option_release(const gan_option *option, gan_config *config);

#endif
