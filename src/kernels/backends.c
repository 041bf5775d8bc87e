/* The backends built in. A new one is a file with a table like openblas.c's, and a row here. */
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/onednn.h"
#include "kernels/openblas.h"

const gan_backend *const gan_backends[] = {
#ifdef GAN_ONEDNN
    &gan_backend_onednn,
#endif
    &gan_backend_openblas,
};
const int gan_backend_count = sizeof gan_backends / sizeof gan_backends[0];

const gan_backend *gan_backend_find(const char *name) {
  if (strcmp(name, "auto") == 0) return gan_backends[0];
  for (int i = 0; i < gan_backend_count; i++) {
    if (strcmp(gan_backends[i]->name, name) == 0) return gan_backends[i];
  }
  return NULL;
}

static const char *const precision_names[] = {[GAN_FLOAT32] = "float32", [GAN_BFLOAT16] = "bf16"};
enum { PRECISION_COUNT = sizeof precision_names / sizeof precision_names[0] };

const char *gan_precision_name(int precision) {
  return precision < PRECISION_COUNT ? precision_names[precision] : NULL;
}

gan_precision gan_precision_find(const char *name) {
  int found = PRECISION_COUNT - 1;
  while (found > 0 && strcmp(precision_names[found], name) != 0) found--;
  return (gan_precision)found;
}

gan_status gan_backend_open(const char *name, gan_precision precision, const gan_backend **backend) {
  *backend = gan_backend_find(name);
  if (!*backend) return gan_fail(GAN_BAD_USAGE, "there is no backend \"%.40s\"", name);
  if (precision == GAN_BFLOAT16) {
    if (!(*backend)->bfloat16)
      return gan_fail(GAN_BAD_USAGE, "the backend %s has no products in bfloat16; use %s--precision float32",
                      (*backend)->name, gan_backends[0]->bfloat16 ? "--backend auto, or " : "");
    *backend = (*backend)->bfloat16;
  }
  return (*backend)->open();
}
