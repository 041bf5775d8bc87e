/* data.minimum and data.maximum: which values of a file become -1 and 1, for the sources that take these keys. */
#ifndef GAN_DATA_SCALE_H
#define GAN_DATA_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "data/source.h"

/* Whether the options ask for a scale of their own. */
bool gan_scale_is_given(const gan_data_options *options);

/* GAN_BAD_USAGE where they make no scale. */
gan_status gan_scale_check(const gan_data_options *options) GAN_CHECKED;

/* Sample number `index` as a file has it, (elements) of uint8 or finite float32, as training sees it: out (elements),
   which may be the sample itself. Bytes without a scale of their own are images, 0 .. 255. GAN_BAD_FILE, naming the
   file and the sample, when a value leaves float32's range. */
gan_status gan_scale_sample(const gan_data_options *options, int64_t index, bool bytes, int64_t elements,
                            const void *sample, float *out) GAN_CHECKED;

#endif
