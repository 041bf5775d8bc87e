/* A float32 and its bits, for arithmetic without a branch or a call. */
#ifndef GAN_BASE_FLOAT_BITS_H
#define GAN_BASE_FLOAT_BITS_H

#include <string.h>

#include "base/multiversion.h"

GAN_INLINE float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

GAN_INLINE uint32_t bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

#endif
