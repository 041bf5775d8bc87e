#include "data/scale.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

bool gan_scale_is_given(const gan_data_options *options) { return options->minimum != 0 || options->maximum != 0; }

gan_status gan_scale_check(const gan_data_options *options) {
  /* Between them are all values, of which float32 is to tell some apart. */
  static const double factor_most = 1e30;
  if (!gan_scale_is_given(options)) return GAN_OK;
  if (options->minimum >= options->maximum)
    return gan_fail(GAN_BAD_USAGE, "data.minimum: %g has to be less than data.maximum, %g", options->minimum,
                    options->maximum);
  if (2 / (options->maximum - options->minimum) <= factor_most) return GAN_OK;
  return gan_fail(GAN_BAD_USAGE,
                  "data.minimum %g and data.maximum %g are too close: values beyond them would leave float32's range; "
                  "they have to be %g apart",
                  options->minimum, options->maximum, 2 / factor_most);
}

gan_status gan_scale_sample(const gan_data_options *options, int64_t index, bool bytes, int64_t elements,
                            const void *sample, float *out) {
  const double minimum = options->minimum, scale = 2 / (options->maximum - minimum);
  const bool scaled = gan_scale_is_given(options);
  if (bytes && !scaled) {
    gan_bytes_to_floats((size_t)elements, sample, out);
    return GAN_OK;
  }
  if (!bytes && sample != out) memcpy(out, sample, (size_t)elements * sizeof *out);
  double largest = 0;
  for (int64_t i = 0; scaled && i < elements; i++) {
    const double value = ((bytes ? ((const uint8_t *)sample)[i] : out[i]) - minimum) * scale - 1;
    largest = fmax(largest, fabs(value));
    out[i] = (float)value;
  }
  if (largest <= FLT_MAX) return GAN_OK;
  return gan_fail(GAN_BAD_FILE,
                  "%s: scaled by data.minimum and data.maximum, sample %" PRId64
                  " reaches %g, beyond float32's range; data.minimum .. data.maximum has to cover the data",
                  options->path, index, largest);
}
