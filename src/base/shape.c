#include "base/shape.h"

#include <inttypes.h>
#include <stdio.h>

char *gan_shape_print(const gan_shape *shape, char *text) {
  int used = snprintf(text, GAN_SHAPE_TEXT, "(");
  for (int i = 0; i < shape->rank && used < GAN_SHAPE_TEXT; i++)
    used += snprintf(text + used, GAN_SHAPE_TEXT - (size_t)used, "%s%" PRId64, i ? ", " : "", shape->size[i]);
  if (used < GAN_SHAPE_TEXT) snprintf(text + used, GAN_SHAPE_TEXT - (size_t)used, ")");
  return text;
}
