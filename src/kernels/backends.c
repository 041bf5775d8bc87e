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
