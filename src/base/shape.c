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

bool gan_product_within(int64_t most, int count, const int64_t *sizes) {
  int64_t product = 1;
  bool within = true, empty = false;
  for (int i = 0; i < count; i++) {
    empty = empty || sizes[i] == 0;
    within = within && !__builtin_mul_overflow(product, sizes[i], &product);
  }
  return empty || (within && product <= most);
}

const char *gan_shape_axes(const gan_shape *shape) {
  static const char *const names[] = {"ND", "NCL", "NCHW", "NCDHW"};
  return names[shape->rank < 1 ? 0 : shape->rank > 4 ? 3 : shape->rank - 1];
}
